//! Words that the views of bot detection share.

use ::bots::{AppealState, CaseOrder, CaseState, Level, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::view::PlatformName;

/// How sure the program is, in a word, by the community's thresholds.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LevelName {
    /// Not worth a look by itself.
    Unlikely,
    /// Worth a look.
    Possible,
    /// Rather so than not.
    Likely,
}

impl From<Level> for LevelName {
    fn from(level: Level) -> Self {
        match level {
            Level::Unlikely => Self::Unlikely,
            Level::Possible => Self::Possible,
            Level::Likely => Self::Likely,
        }
    }
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Unlikely => Self::Unlikely,
            LevelName::Possible => Self::Possible,
            LevelName::Likely => Self::Likely,
        }
    }
}

/// What became of a case.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CaseStateName {
    /// Nobody has decided yet.
    Open,
    /// It is a bot.
    Bot,
    /// It is a person.
    Human,
    /// What spoke for it is gone, before anybody decided.
    Withdrawn,
}

impl From<CaseState> for CaseStateName {
    fn from(state: CaseState) -> Self {
        match state {
            CaseState::Open => Self::Open,
            CaseState::Bot => Self::Bot,
            CaseState::Human => Self::Human,
            CaseState::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<CaseStateName> for CaseState {
    fn from(name: CaseStateName) -> Self {
        match name {
            CaseStateName::Open => Self::Open,
            CaseStateName::Bot => Self::Bot,
            CaseStateName::Human => Self::Human,
            CaseStateName::Withdrawn => Self::Withdrawn,
        }
    }
}

/// What comes first in the queue.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CaseOrderName {
    /// That from which most can be learned.
    Value,
    /// That which is surest.
    Probability,
}

impl From<CaseOrderName> for CaseOrder {
    fn from(name: CaseOrderName) -> Self {
        match name {
            CaseOrderName::Value => Self::Value,
            CaseOrderName::Probability => Self::Probability,
        }
    }
}

/// What somebody says in a case.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VerdictName {
    /// A bot.
    Bot,
    /// A person.
    Human,
    /// Others may tell.
    Skip,
}

impl From<Verdict> for VerdictName {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Bot => Self::Bot,
            Verdict::Human => Self::Human,
            Verdict::Skip => Self::Skip,
        }
    }
}

impl From<VerdictName> for Verdict {
    fn from(name: VerdictName) -> Self {
        match name {
            VerdictName::Bot => Self::Bot,
            VerdictName::Human => Self::Human,
            VerdictName::Skip => Self::Skip,
        }
    }
}

/// What became of an appeal.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AppealStateName {
    /// Nobody has answered yet.
    Open,
    /// It was a mistake.
    Granted,
    /// The decision stays.
    Refused,
    /// The decision was taken back before anybody answered.
    Ended,
}

impl From<AppealState> for AppealStateName {
    fn from(state: AppealState) -> Self {
        match state {
            AppealState::Open => Self::Open,
            AppealState::Granted => Self::Granted,
            AppealState::Refused => Self::Refused,
            AppealState::Ended => Self::Ended,
        }
    }
}

impl From<AppealStateName> for AppealState {
    fn from(name: AppealStateName) -> Self {
        match name {
            AppealStateName::Open => Self::Open,
            AppealStateName::Granted => Self::Granted,
            AppealStateName::Refused => Self::Refused,
            AppealStateName::Ended => Self::Ended,
        }
    }
}

/// An account that a case is about.
#[derive(Serialize, ToSchema)]
pub(crate) struct JudgedView {
    /// Its id.
    id: i64,
    /// Whose it is.
    user_id: i32,
    /// Where.
    platform: PlatformName,
    /// The name it went by last.
    username: String,
}

impl From<identity::PlatformAccount> for JudgedView {
    fn from(account: identity::PlatformAccount) -> Self {
        Self {
            id: account.id.0,
            user_id: account.user.0,
            platform: account.platform.into(),
            username: account.username,
        }
    }
}
