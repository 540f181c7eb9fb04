//! The score of a community, the accounts that look like bots in it, and the subscription that tells both as they change.

use std::collections::BTreeMap;

use ::bots::{Case, CaseState};
use app::BotScoreFeed;
use async_graphql::{ComplexObject, Context, Json, Result, SimpleObject, Subscription};
use futures_util::{Stream, stream};
use kernel::CommunityId;

use super::{BotLevel, confidence, whole};
use crate::schema::{
    cache_control::cache_control,
    community::{answered, length},
    cost,
    error::{change_refused, coded, lookup, viewer},
    loaders::{Ask, Suspecting},
    scalar::{DateTime, Platform, count},
};

/// How free of bots a community is, 100 being clean.
#[derive(SimpleObject)]
#[graphql(complex, directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct BotScore {
    /// The community's id.
    community_id: i32,
    /// 0 to 100; null while nothing is known of the community.
    overall_score: Option<i32>,
    /// `A` from 90 on, `B` from 80, `C` from 70, `D` from 60, else `F`; null while nothing is known.
    grade: Option<&'static str>,
    /// `small` below 50 people who wrote in thirty days, `medium` below 500, else `large`.
    size_category: &'static str,
    /// The parts, 0 to 100 each, null where nothing is known: `bad_actor` (30 %), `reputation` (25 %), `security` (20 %)
    /// and `ai_behavioral` (25 %).
    component_scores: Json<BTreeMap<&'static str, Option<u32>>>,
    /// People who wrote in thirty days.
    active_members: i32,
    /// How many of them were called bots or likely are some.
    likely_bots: i32,
    /// Messages in thirty days.
    messages: i32,
    /// How many of them are theirs.
    likely_bot_messages: i32,
    /// When it was reckoned.
    calculated_at: DateTime,
}

impl BotScore {
    /// The view of a community's score.
    pub(crate) fn of(community: CommunityId, found: &::bots::BotScore) -> Self {
        let score = &found.score;
        let parts = score.components.iter();
        Self {
            community_id: community.0,
            overall_score: score
                .overall
                .map(|overall| i32::try_from(overall).unwrap_or(100)),
            grade: score.grade.map(::bots::rules::Grade::as_str),
            size_category: score.size.as_str(),
            component_scores: Json(
                parts
                    .map(|(component, score)| (component.as_str(), *score))
                    .collect(),
            ),
            active_members: count(found.counts.active_members.into()),
            likely_bots: count(found.bots.members.into()),
            messages: count(found.counts.messages.into()),
            likely_bot_messages: count(found.bots.messages.into()),
            calculated_at: DateTime(found.at),
        }
    }
}

#[ComplexObject]
impl BotScore {
    /// The accounts that look like bots, or were found to be, the surest first. Needs the role of a moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(limit.unwrap_or(50), child_complexity)")]
    async fn suspected_bots(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Only those of whom the program is at least so sure, 0 to 100, also of those that people found to be bots. If left out: those who look like bots from 50 on, and those found to be, however sure the program is."
        )]
        min_confidence: Option<i32>,
        #[graphql(desc = "How many, 1 to 100.", default = 50)] limit: Option<i32>,
    ) -> Result<Option<Vec<SuspectedBot>>> {
        let least = min_confidence
            .map(|least| confidence("minConfidence", least))
            .transpose()?;
        let limit = length("limit", limit.unwrap_or(50))?;
        let viewer = viewer(ctx)?;
        let asked = Ask {
            community: CommunityId(self.community_id),
            query: Suspecting { least, limit },
        };
        let found = viewer.loaders().suspects.load_one(asked).await;
        let found = answered(viewer, found)?;
        viewer.spend(ctx, found.len())?;
        Ok(Some(found.iter().map(SuspectedBot::of).collect()))
    }
}

/// An account that looks like a bot, or was found to be one.
#[derive(SimpleObject)]
pub(crate) struct SuspectedBot {
    /// The id of the case about it: `markBotReviewed` takes it as `botId`.
    id: i32,
    /// Whose the account is; null for one that was erased.
    hub_user_id: Option<i32>,
    /// Where it is; null for one that was erased.
    platform: Option<Platform>,
    /// Its name there; null for one that was erased.
    platform_username: Option<String>,
    /// How sure the program is, 0 to 100.
    confidence_score: i32,
    /// The same in a word, by the community's thresholds.
    level: BotLevel,
    /// Why somebody should look: of `score`, `rules`, `reports`, `list`, `sample`, `uncertain` and `phishing`.
    bot_indicators: Json<Vec<&'static str>>,
    /// When the case was opened.
    detected_at: DateTime,
    /// Whether a person was taken for a bot; null while nobody has decided.
    is_false_positive: Option<bool>,
}

impl SuspectedBot {
    /// The view of a case.
    pub(crate) fn of(case: &Case) -> Self {
        let account = case.account.as_ref();
        Self {
            id: case.id,
            hub_user_id: account.map(|account| account.user.0),
            platform: account.map(|account| account.platform.into()),
            platform_username: account.map(|account| account.username.clone()),
            confidence_score: whole(case.probability),
            level: case.level.into(),
            bot_indicators: Json(case.reasons.iter().map(|reason| reason.as_str()).collect()),
            detected_at: DateTime(case.opened_at),
            is_false_positive: match case.state {
                CaseState::Bot => Some(false),
                CaseState::Human => Some(true),
                CaseState::Open | CaseState::Withdrawn => None,
            },
        }
    }
}

/// What can be followed live of the detection of bots.
#[derive(Default)]
pub(crate) struct BotSubscription;

/// What can be followed live.
#[Subscription]
impl BotSubscription {
    /// The score of a community: as it is now, and again when one of its numbers changed because accounts were scored or cases opened
    /// or decided, at most every two seconds. Completes when the viewer may no longer see it.
    #[graphql(complexity = "cost::OVERVIEW + child_complexity")]
    async fn bot_score_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<impl Stream<Item = Result<BotScore>> + use<>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let community = CommunityId(community_id);
        let services = viewer.app();
        let found = services.identity.community(viewer.actor(), community).await;
        if lookup(viewer, found)?.flatten().is_none() {
            return Err(coded(
                kernel::ErrorCode::NotFound,
                "there is no such community",
            ));
        }
        let feed = services
            .follow_bot_score(viewer.actor(), community)
            .await
            .map_err(|cause| change_refused(viewer, &cause))?;
        let viewer = ctx.data::<std::sync::Arc<crate::schema::Viewer>>()?;
        let viewer = std::sync::Arc::clone(viewer);
        let next = |(mut feed, viewer): (BotScoreFeed, std::sync::Arc<crate::schema::Viewer>)| async move {
            let next = feed.next().await?;
            let told = match next {
                Ok(score) => Ok(BotScore::of(feed.community(), &score)),
                Err(cause) => Err(change_refused(&viewer, &cause)),
            };
            Some((told, (feed, viewer)))
        };
        Ok(stream::unfold((feed, viewer), next))
    }
}
