//! Changes: what moderators say about cases, what members report, appeals, thresholds and lists.

use ::bots::{AppealState, NewReview, Verdict};
use async_graphql::{Context, ID, Object, Result};
use kernel::CommunityId;

use super::{
    account_id,
    appeal::BotAppealState,
    case::{BotCase, BotVerdict},
    channel::{self, BotModeratorChannelInput},
    failed,
    list::{self, BotRuling},
    score::SuspectedBot,
    setting::{self, BotSetting, BotSettingInput},
};
use crate::schema::{error::viewer, scalar::Platform};

/// Changes to the detection of bots.
#[derive(Default)]
pub(crate) struct BotMutation;

async fn review(
    ctx: &Context<'_>,
    community: i32,
    id: i32,
    new: NewReview,
) -> Result<::bots::Case> {
    let viewer = viewer(ctx)?;
    viewer.signed_in()?;
    let (bots, community) = (&viewer.app().bots, CommunityId(community));
    let done = bots.review(viewer.actor(), community, id, &new).await;
    done.map_err(failed(viewer))
}

#[Object]
impl BotMutation {
    /// Says whether an account that looks like a bot is one. Another answer is refused until the first is taken back with
    /// `undoBotReview`. Bans nobody. Needs the role of a moderator.
    async fn mark_bot_reviewed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the suspected bot.")] bot_id: i32,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "Whether it is a person.")] is_false_positive: bool,
    ) -> Result<SuspectedBot> {
        let verdict = if is_false_positive {
            Verdict::Human
        } else {
            Verdict::Bot
        };
        let new = NewReview {
            verdict,
            reason: String::new(),
            revision: None,
        };
        let case = review(ctx, community_id, bot_id, new).await?;
        Ok(SuspectedBot::of(&case))
    }

    /// Says what the account of a case is. Bans nobody. Needs the role of a moderator.
    async fn review_bot_case(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The case's id.")] id: i32,
        #[graphql(desc = "What it is.")] verdict: BotVerdict,
        #[graphql(desc = "Why, at most 500 characters.", default)] reason: String,
        #[graphql(
            desc = "The revision that was seen: refused if there is a newer one. Null = whatever it is now."
        )]
        revision: Option<i32>,
    ) -> Result<BotCase> {
        let new = NewReview {
            verdict: verdict.into(),
            reason,
            revision,
        };
        Ok(review(ctx, community_id, id, new).await?.into())
    }

    /// Takes the last verdict in a case back: it is open again, and what was learned is forgotten. Needs the role of a
    /// moderator.
    async fn undo_bot_review(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The case's id.")] id: i32,
    ) -> Result<BotCase> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (bots, community) = (&viewer.app().bots, CommunityId(community_id));
        let done = bots.undo_review(viewer.actor(), community, id).await;
        done.map(BotCase::from).map_err(failed(viewer))
    }

    /// Says that one has a case before oneself for the next five minutes, so that others see it. Needs the role of a
    /// moderator.
    async fn look_at_bot_case(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The case's id.")] id: i32,
    ) -> Result<BotCase> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (bots, community) = (&viewer.app().bots, CommunityId(community_id));
        let done = bots.look_at_case(viewer.actor(), community, id).await;
        done.map(BotCase::from).map_err(failed(viewer))
    }

    /// Says that an account is a bot; answers whether moderators look at it now. For members, at most ten accounts a day.
    async fn report_bot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The account's id.")] account_id: ID,
        #[graphql(desc = "Why, at most 300 characters.", default)] reason: String,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let account = self::account_id(&account_id)?;
        let (bots, community) = (&viewer.app().bots, CommunityId(community_id));
        let done = bots
            .report(viewer.actor(), community, account, &reason)
            .await;
        done.map_err(failed(viewer))
    }

    /// Says that one's own account is no bot; answers the appeal's id. After a refusal again in thirty days.
    async fn appeal_bot_verdict(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The case's id, of `me { own { botVerdicts { caseId } } }`.")]
        case_id: i32,
        #[graphql(desc = "Why it is wrong, 1 to 1000 characters.")] words: String,
    ) -> Result<i32> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let bots = &viewer.app().bots;
        let done = bots.appeal(viewer.actor(), case_id, &words).await;
        done.map_err(failed(viewer))
    }

    /// Answers an appeal: `GRANTED` makes the account a person's again, `REFUSED` leaves it as it is. Needs the role of a
    /// moderator, other than the one who decided.
    async fn answer_bot_appeal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The appeal's id.")] id: i32,
        #[graphql(desc = "The answer.")] state: BotAppealState,
        #[graphql(desc = "What to tell them, at most 1000 characters.", default)] words: String,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (bots, community) = (&viewer.app().bots, CommunityId(community_id));
        let state = AppealState::from(state);
        let done = bots
            .answer_appeal(viewer.actor(), community, id, state, &words)
            .await;
        done.map_err(failed(viewer))?;
        Ok(true)
    }

    /// Decides from when on somebody is a suspect and who is left alone. Needs the role of an admin.
    async fn change_bot_setting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "What is to change.")] input: BotSettingInput,
    ) -> Result<BotSetting> {
        setting::change(ctx, CommunityId(community_id), input).await
    }

    /// Chooses where moderators are told of new cases and of crowds; null = nowhere. A channel that is new is told so. Needs
    /// the role of an admin.
    async fn choose_bot_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The channel.")] channel: Option<BotModeratorChannelInput>,
    ) -> Result<BotSetting> {
        channel::choose(ctx, CommunityId(community_id), channel).await
    }

    /// Decides whether a list counts in a community. Needs the role of an admin.
    async fn use_bot_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The list's id.")] list_id: i32,
        #[graphql(desc = "Whether it counts.")] is_used: bool,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (bots, community) = (&viewer.app().bots, CommunityId(community_id));
        let done = bots
            .use_list(viewer.actor(), community, list_id, is_used)
            .await;
        done.map_err(failed(viewer))?;
        Ok(true)
    }

    /// Says in a community what an account or a domain is, whatever lists say; without a ruling that is taken back. Needs
    /// the role of a moderator.
    async fn correct_bot_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The name of the account, or the domain.")] name: String,
        #[graphql(desc = "Of an account: where it is. Null = it is a domain.")] platform: Option<
            Platform,
        >,
        #[graphql(desc = "What it is; null = what was said is taken back.")] ruling: Option<
            BotRuling,
        >,
        #[graphql(desc = "Why, 1 to 200 characters.", default)] reason: String,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (bots, community) = (&viewer.app().bots, CommunityId(community_id));
        let what = list::listable(name, platform);
        let ruling = ruling.map(::bots::Ruling::from);
        let done = bots
            .correct(viewer.actor(), community, &what, ruling, &reason)
            .await;
        done.map_err(failed(viewer))?;
        Ok(true)
    }

    /// Has everything that is known of a community's accounts made anew from the stored messages, by a job. Needs the role
    /// of an admin.
    async fn recompute_bot_scores(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let bots = &viewer.app().bots;
        let done = bots
            .recompute(viewer.actor(), CommunityId(community_id))
            .await;
        done.map_err(failed(viewer))?;
        Ok(true)
    }
}
