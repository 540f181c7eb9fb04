//! How sure the program is about somebody, on a member's page for moderators, with the form that reports one of their
//! accounts.

use ::bots::{CaseState, Exemption, Level, Score};
use identity::{Community, PlatformAccount};
use kernel::{AccountId, Timestamp, UserId};

use crate::{
    display::{self, When},
    error::PageError,
    router::Face,
    viewer::Viewer,
};

/// What a member's page says about it.
pub(crate) struct Panel {
    /// `None` = no account was scored yet.
    pub(crate) card: Option<Card>,
    /// The accounts that can be reported; none of one's own.
    pub(crate) reportable: Vec<Choice>,
}

/// A score as it is shown.
pub(crate) struct Card {
    pub(crate) account: String,
    pub(crate) platform: &'static str,
    pub(crate) percent: String,
    pub(crate) level: &'static str,
    pub(crate) mood: &'static str,
    pub(crate) by_rules: String,
    /// Why they are left alone; empty if they are not.
    pub(crate) exemption: &'static str,
    /// What people decided; empty for nothing.
    pub(crate) decided: &'static str,
    pub(crate) case: Option<i32>,
    pub(crate) messages: String,
    pub(crate) scored: When,
}

/// An account that can be reported.
pub(crate) struct Choice {
    pub(crate) id: AccountId,
    pub(crate) platform: &'static str,
    pub(crate) username: String,
}

impl Card {
    pub(crate) fn of(score: Score, now: Timestamp) -> Self {
        Self {
            percent: score.probability.to_string(),
            level: score.level.as_str(),
            mood: match score.level {
                Level::Likely => " bad",
                Level::Possible | Level::Unlikely => "",
            },
            by_rules: score.by_rules.to_string(),
            exemption: score.exemption.map_or("", left_alone),
            decided: match score.decided {
                Some(CaseState::Bot) => "a bot",
                Some(CaseState::Human) => "a person",
                Some(CaseState::Open | CaseState::Withdrawn) | None => "",
            },
            case: score.case,
            messages: display::plural(score.n_messages.into(), "message"),
            scored: display::when(now, score.scored_at),
            platform: score.account.platform.label(),
            account: score.account.username,
        }
    }
}

/// What a member's page says about somebody who has these accounts.
pub(crate) async fn panel(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    (user, accounts): (UserId, &[PlatformAccount]),
) -> Result<Panel, PageError> {
    let bots = &face.app.bots;
    let score = bots.score_of(&viewer.actor, community.id, user).await?;
    let now = face.app.clock.now();
    let is_own = viewer.actor.user_id() == Some(user);
    let others = accounts.iter().filter(|_| !is_own);
    Ok(Panel {
        card: score.map(|score| Card::of(score, now)),
        reportable: others
            .map(|account| Choice {
                id: account.id,
                platform: account.platform.label(),
                username: account.username.clone(),
            })
            .collect(),
    })
}

/// Why somebody is left alone, in words.
pub(crate) const fn left_alone(exemption: Exemption) -> &'static str {
    match exemption {
        Exemption::Role => "because of their role",
        Exemption::Regular => "as a regular",
        Exemption::Service => "as a bot that is used here",
        Exemption::Cleared => "because somebody corrected a list",
        Exemption::Marked => "because its platform says itself that it is automated",
    }
}
