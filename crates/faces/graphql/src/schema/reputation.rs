//! A score with its tier.

use async_graphql::{Context, Result, SimpleObject};
use kernel::{CommunityId, Cursor, PageRequest, UserId};

use super::{
    cache_control::cache_control,
    error::{refused, viewer},
    paged::{self, Connection},
    scalar::{DateTime, Platform, count},
};

/// A reputation, from 300 to 850.
#[derive(SimpleObject)]
#[graphql(directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct Reputation {
    /// In whole points.
    score: i32,
    /// The tier as a number, 1 to 5.
    level: i32,
    /// The tier in words, such as "Very good".
    rank: String,
    /// The tier's name: poor, fair, good, very_good or exceptional.
    tier: String,
    /// The messages on what the score is about; null where that is not known.
    total_messages: Option<i32>,
    /// When the person last wrote; null where that is not known, and before they ever did.
    last_active: Option<DateTime>,
}

impl From<identity::Score> for Reputation {
    fn from(score: identity::Score) -> Self {
        Self {
            score: score.points(),
            level: score.tier().level(),
            rank: score.tier().label().to_owned(),
            tier: score.tier().as_str().to_owned(),
            total_messages: None,
            last_active: None,
        }
    }
}

impl From<::activity::PersonReputation> for Reputation {
    fn from(seen: ::activity::PersonReputation) -> Self {
        Self {
            total_messages: Some(count(seen.messages)),
            last_active: seen.last_active.map(DateTime),
            ..Self::from(seen.score)
        }
    }
}

/// Something that changed a person's reputation. The scores are those of the account alone.
#[derive(SimpleObject)]
pub(crate) struct ReputationChange {
    /// Where the account is.
    platform: Platform,
    /// What the account is called.
    account: String,
    /// Why, in words.
    reason: &'static str,
    /// The score before, in whole points.
    before: i32,
    /// The score after, in whole points.
    after: i32,
    /// When.
    at: DateTime,
    /// A moderator's words; may be empty.
    note: String,
}

impl From<identity::History> for ReputationChange {
    fn from(entry: identity::History) -> Self {
        Self {
            platform: entry.platform.into(),
            account: entry.account,
            reason: entry.reason.label(),
            before: entry.before.points(),
            after: entry.after.points(),
            at: DateTime(entry.at),
            note: entry.note,
        }
    }
}

/// A member's place among the others by reputation.
#[derive(SimpleObject)]
pub(crate) struct Standing {
    /// The person's id.
    user_id: i32,
    /// What they are called.
    name: String,
    /// Their reputation in the community.
    reputation: Reputation,
    /// `called_bot` if moderators called one of their accounts a bot, `likely_bot` if one likely is and nobody has said that
    /// it is none; else null. No reputation changes by it.
    doubt: Option<&'static str>,
}

impl From<::activity::Ranked> for Standing {
    fn from(ranked: ::activity::Ranked) -> Self {
        Self {
            user_id: ranked.standing.user.0,
            name: ranked.standing.name,
            reputation: ranked.standing.score.into(),
            doubt: ranked.doubt.map(::activity::Doubt::as_str),
        }
    }
}

/// Who has the highest reputations of a community, and who is at risk.
#[derive(SimpleObject)]
pub(crate) struct Standings {
    /// The highest, at most 100.
    leaders: Vec<Standing>,
    /// Those at 500 or below, the lowest first, at most 100; then others who were called bots or likely are some, at most
    /// 100.
    at_risk: Vec<Standing>,
}

/// A community's standings.
pub(crate) async fn standings(ctx: &Context<'_>, community: CommunityId) -> Result<Standings> {
    let viewer = viewer(ctx)?;
    let activity = &viewer.app().activity;
    let found = activity.standings(viewer.actor(), community).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.leaders.len() + found.at_risk.len())?;
    Ok(Standings {
        leaders: found.leaders.into_iter().map(Standing::from).collect(),
        at_risk: found.at_risk.into_iter().map(Standing::from).collect(),
    })
}

/// A page of what changed a member's reputation.
pub(crate) async fn history(
    ctx: &Context<'_>,
    community: CommunityId,
    user: UserId,
    request: &PageRequest,
) -> Result<Connection<ReputationChange>> {
    let viewer = viewer(ctx)?;
    let activity = &viewer.app().activity;
    let found = activity
        .reputation_history(viewer.actor(), community, user, request)
        .await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    let cursor = |entry: &identity::History| Cursor {
        key: String::new(),
        id: entry.id,
    };
    paged::connect(ctx, request, found, cursor, ReputationChange::from)
}
