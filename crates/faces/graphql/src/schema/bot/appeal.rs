//! Decisions about one's own accounts, and what one said against them.

use ::bots::{Appeal, OwnVerdict};
use async_graphql::{Context, Enum, ID, Result, SimpleObject};

use super::failed;
use crate::schema::{error::viewer, scalar::DateTime};

/// What became of an appeal.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::AppealState")]
pub(crate) enum BotAppealState {
    /// Nobody has answered yet.
    Open,
    /// It was a mistake.
    Granted,
    /// The decision stays.
    Refused,
    /// The decision was taken back before anybody answered.
    Ended,
}

/// What somebody said against having been called a bot.
#[derive(SimpleObject)]
pub(crate) struct BotAppeal {
    /// Its id.
    id: i32,
    /// The case's id.
    case_id: i32,
    /// What they say.
    words: String,
    /// What became of it.
    state: BotAppealState,
    /// When it was made.
    made_at: DateTime,
    /// What they were answered; may be empty.
    answer: String,
    /// Who answered; null for nobody, or somebody who was erased since.
    answered_by: Option<i32>,
    /// When it was answered, or ended.
    answered_at: Option<DateTime>,
    /// Whether you may refuse it, in a community's list; one's own verdict is for somebody else to confirm.
    may_refuse: bool,
}

impl From<Appeal> for BotAppeal {
    fn from(appeal: Appeal) -> Self {
        Self {
            id: appeal.id,
            case_id: appeal.case,
            words: appeal.words,
            state: appeal.state.into(),
            made_at: DateTime(appeal.made_at),
            answer: appeal.answer,
            answered_by: appeal.answered_by.map(|user| user.0),
            answered_at: appeal.answered_at.map(DateTime),
            may_refuse: appeal.may_refuse,
        }
    }
}

/// Where one of one's own accounts was called a bot.
#[derive(SimpleObject)]
pub(crate) struct OwnBotVerdict {
    /// The case's id: `appealBotVerdict` takes it.
    case_id: i32,
    /// The community's id.
    community_id: i32,
    /// The account's id.
    account_id: ID,
    /// Whether it stands; one that was taken back is shown while there are appeals against it.
    stands: bool,
    /// When it was decided, or taken back.
    decided_at: Option<DateTime>,
    /// One's appeals against it, the newest first.
    appeals: Vec<BotAppeal>,
}

impl From<OwnVerdict> for OwnBotVerdict {
    fn from(verdict: OwnVerdict) -> Self {
        Self {
            case_id: verdict.case,
            community_id: verdict.community.0,
            account_id: ID(verdict.account.to_string()),
            stands: verdict.stands,
            decided_at: verdict.decided_at.map(DateTime),
            appeals: verdict.appeals.into_iter().map(BotAppeal::from).collect(),
        }
    }
}

/// Where the viewer's own accounts were called bots, the last first.
pub(crate) async fn own(ctx: &Context<'_>) -> Result<Vec<OwnBotVerdict>> {
    let viewer = viewer(ctx)?;
    let bots = &viewer.app().bots;
    let found = bots.own_verdicts(viewer.actor()).await;
    let found = found.map_err(failed(viewer))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(OwnBotVerdict::from).collect())
}
