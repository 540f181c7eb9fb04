//! What moderators ask about the detection of bots in their community.

use ::bots::{
    AppealState, Case, CaseOrder, CaseQuery, CaseState, Correction, Level, Reason, Score,
    ScoreQuery,
};
use async_graphql::{Context, ID, Object, Result};
use kernel::{CommunityId, Cursor, UserId};

use super::{
    BotLevel,
    account::{BotAccountScore, BotHistogram, BotLabelCount, BotWhatIf},
    account_id,
    appeal::{BotAppeal, BotAppealState},
    case::{BotCase, BotCaseCounts, BotCaseFile, BotCaseOrder, BotCaseState, BotPrediction},
    failed,
    list::{self, BotCorrection, BotList, BotListed},
    setting::{self, BotSetting},
};
use crate::schema::{
    cost,
    error::{bad_input, viewer},
    paged::{self, Connection},
    scalar::{Platform, count},
};

fn reason_of(name: &str) -> Result<Reason> {
    Reason::from_name(name).ok_or_else(|| bad_input("`reason` is no reason of a case"))
}

/// What can be asked about the detection of bots.
#[derive(Default)]
pub(crate) struct BotQuery;

#[Object]
impl BotQuery {
    /// The cases of a community, in one state. Needs the role of a moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn bot_cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "In which state.", default_with = "Some(BotCaseState::Open)")]
        state: Option<BotCaseState>,
        #[graphql(
            desc = "Only those that this is a reason to look at, by its name in `BotCase.reasons`: `sample` is who was drawn by chance."
        )]
        reason: Option<String>,
        #[graphql(desc = "What comes first.", default_with = "Some(BotCaseOrder::Value)")]
        order: Option<BotCaseOrder>,
        #[graphql(
            desc = "Whether to leave out what one left to others and of which nothing new is known.",
            default = false
        )]
        is_for_me: bool,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
    ) -> Result<Option<Connection<BotCase>>> {
        let request = paged::request(first, after.as_deref())?;
        let viewer = viewer(ctx)?;
        let order = order.map_or(CaseOrder::Value, CaseOrder::from);
        let query = CaseQuery {
            state: state.map_or(CaseState::Open, CaseState::from),
            reason: reason.as_deref().map(reason_of).transpose()?,
            order,
            is_for_me,
            page: request.clone(),
        };
        let bots = &viewer.app().bots;
        let found = bots
            .cases(viewer.actor(), CommunityId(community_id), &query)
            .await;
        let cursor = |case: &Case| Cursor {
            key: match order {
                CaseOrder::Value => case.value,
                CaseOrder::Probability => case.probability,
            }
            .ppm()
            .to_string(),
            id: case.id.into(),
        };
        let found = found.map_err(failed(viewer))?;
        paged::connect(ctx, &request, found, cursor, BotCase::from).map(Some)
    }

    /// A case with everything that is to be known before deciding. Null if there is none. Needs the role of a moderator.
    #[graphql(complexity = "5 * cost::LOOKUP + cost::list(20, child_complexity)")]
    async fn bot_case(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The case's id.")] id: i32,
    ) -> Result<Option<BotCaseFile>> {
        let viewer = viewer(ctx)?;
        let bots = &viewer.app().bots;
        let found = bots
            .case(viewer.actor(), CommunityId(community_id), id)
            .await;
        let Some(file) = found.map_err(failed(viewer))? else {
            return Ok(None);
        };
        let causes = file.predictions.iter().map(|one| one.why.len());
        let n = causes.sum::<usize>() + file.reviews.len() + file.reports.len();
        viewer.spend(ctx, n + file.appeals.len())?;
        Ok(Some(file.into()))
    }

    /// The open case that one gets next: the first that one has not left to others, that nobody else has before them, and
    /// that is not about oneself. In the order of value, of the first 50 the one that is most unlike those that were decided
    /// lately and those that others have before them. Null if there is none. Needs the role of a moderator.
    #[graphql(complexity = "3 * cost::LOOKUP + child_complexity")]
    async fn next_bot_case(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "What comes first.", default_with = "Some(BotCaseOrder::Value)")]
        order: Option<BotCaseOrder>,
    ) -> Result<Option<BotCase>> {
        let viewer = viewer(ctx)?;
        let order = order.map_or(CaseOrder::Value, CaseOrder::from);
        let bots = &viewer.app().bots;
        let found = bots
            .next_case(viewer.actor(), CommunityId(community_id), order)
            .await;
        Ok(found.map_err(failed(viewer))?.map(BotCase::from))
    }

    /// How many cases a community has in each state. Needs the role of a moderator.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn bot_case_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<BotCaseCounts>> {
        let viewer = viewer(ctx)?;
        let bots = &viewer.app().bots;
        let found = bots
            .case_counts(viewer.actor(), CommunityId(community_id))
            .await;
        let found = found.map_err(failed(viewer))?;
        let of = |state: CaseState| count(found.get(&state).copied().unwrap_or_default());
        Ok(Some(BotCaseCounts {
            open: of(CaseState::Open),
            bot: of(CaseState::Bot),
            human: of(CaseState::Human),
            withdrawn: of(CaseState::Withdrawn),
        }))
    }

    /// The accounts of a community that were scored, the surest first. Needs the role of a moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn bot_account_scores(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "Only those of a level.")] level: Option<BotLevel>,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
    ) -> Result<Option<Connection<BotAccountScore>>> {
        let request = paged::request(first, after.as_deref())?;
        let viewer = viewer(ctx)?;
        let query = ScoreQuery {
            level: level.map(Level::from),
            page: request.clone(),
        };
        let bots = &viewer.app().bots;
        let found = bots
            .scores(viewer.actor(), CommunityId(community_id), &query)
            .await;
        let found = found.map_err(failed(viewer))?;
        let cursor = |score: &Score| Cursor {
            key: score.probability.ppm().to_string(),
            id: score.account.id.0,
        };
        paged::connect(ctx, &request, found, cursor, BotAccountScore::from).map(Some)
    }

    /// How sure the program is about somebody in a community: the surest of their accounts. Null if none was scored. Needs
    /// the role of a moderator.
    #[graphql(complexity = "2 * cost::LOOKUP + child_complexity")]
    async fn bot_account_score(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The person's id.")] user_id: i32,
    ) -> Result<Option<BotAccountScore>> {
        let viewer = viewer(ctx)?;
        let (community, user) = (CommunityId(community_id), UserId(user_id));
        let bots = &viewer.app().bots;
        let found = bots.score_of(viewer.actor(), community, user).await;
        let found = found.map_err(failed(viewer))?;
        Ok(found.map(BotAccountScore::from))
    }

    /// What was predicted about an account in a community, the newest first, at most 20. Needs the role of a moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(20, child_complexity)")]
    async fn bot_predictions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The account's id.")] account_id: ID,
    ) -> Result<Option<Vec<BotPrediction>>> {
        let viewer = viewer(ctx)?;
        let account = self::account_id(&account_id)?;
        let bots = &viewer.app().bots;
        let found = bots
            .history(viewer.actor(), CommunityId(community_id), account)
            .await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.iter().map(|one| 1 + one.why.len()).sum())?;
        Ok(Some(found.into_iter().map(BotPrediction::from).collect()))
    }

    /// How the scores of a community are spread. Needs the role of a moderator.
    #[graphql(complexity = "cost::PAGE + child_complexity")]
    async fn bot_histogram(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<BotHistogram>> {
        let viewer = viewer(ctx)?;
        let bots = &viewer.app().bots;
        let found = bots
            .histogram(viewer.actor(), CommunityId(community_id))
            .await;
        let found = found.map_err(failed(viewer))?;
        Ok(Some(found.into()))
    }

    /// What would have happened at other thresholds, by the scores and decisions of now; nothing changes. Needs the role of
    /// a moderator.
    #[graphql(complexity = "cost::OVERVIEW + child_complexity")]
    async fn bot_what_if(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "From where on somebody would be likely a bot, in percent.")] likely: f64,
        #[graphql(desc = "From where on somebody would possibly be one, in percent.")]
        possible: f64,
    ) -> Result<Option<BotWhatIf>> {
        let viewer = viewer(ctx)?;
        let likely = setting::threshold("likely", likely)?;
        let possible = setting::threshold("possible", possible)?;
        let bots = &viewer.app().bots;
        let found = bots
            .what_if(viewer.actor(), CommunityId(community_id), likely, possible)
            .await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.newly.len())?;
        Ok(Some(found.into()))
    }

    /// From when on somebody is a suspect in a community, and who is left alone. Needs the role of a moderator.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn bot_setting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<BotSetting>> {
        setting::of(ctx, CommunityId(community_id)).await.map(Some)
    }

    /// The lists of the instance, and whether a community uses them. Needs the role of a moderator.
    #[graphql(complexity = "cost::list(50, child_complexity)")]
    async fn bot_lists(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<Vec<BotList>>> {
        let viewer = viewer(ctx)?;
        let bots = &viewer.app().bots;
        let found = bots.lists(viewer.actor(), CommunityId(community_id)).await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.len())?;
        Ok(Some(found.into_iter().map(BotList::from).collect()))
    }

    /// What a community's moderators said about accounts and domains, by name. Needs the role of a moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn bot_corrections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
    ) -> Result<Option<Connection<BotCorrection>>> {
        let request = paged::request(first, after.as_deref())?;
        let viewer = viewer(ctx)?;
        let bots = &viewer.app().bots;
        let found = bots
            .corrections(viewer.actor(), CommunityId(community_id), &request)
            .await;
        let found = found.map_err(failed(viewer))?;
        paged::connect(
            ctx,
            &request,
            found,
            Correction::cursor,
            BotCorrection::from,
        )
        .map(Some)
    }

    /// What lists and corrections say about an account or a domain in a community. Needs the role of a moderator.
    #[graphql(complexity = "cost::PAGE + child_complexity")]
    async fn bot_listed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The name of the account, or the domain.")] name: String,
        #[graphql(desc = "Of an account: where it is. Null = it is a domain.")] platform: Option<
            Platform,
        >,
    ) -> Result<Option<BotListed>> {
        let viewer = viewer(ctx)?;
        let what = list::listable(name, platform);
        let bots = &viewer.app().bots;
        let found = bots
            .listed(viewer.actor(), CommunityId(community_id), &what)
            .await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.listings.len())?;
        Ok(Some(found.into()))
    }

    /// How many labels a community has, by source: what models learn from. Needs the role of a moderator.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn bot_label_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<Vec<BotLabelCount>>> {
        let viewer = viewer(ctx)?;
        let bots = &viewer.app().bots;
        let found = bots
            .label_counts(viewer.actor(), CommunityId(community_id))
            .await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.len())?;
        Ok(Some(found.into_iter().map(BotLabelCount::from).collect()))
    }

    /// A community's appeals, the oldest first. Needs the role of a moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn bot_appeals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "In which state.", default_with = "Some(BotAppealState::Open)")]
        state: Option<BotAppealState>,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
    ) -> Result<Option<Connection<BotAppeal>>> {
        let request = paged::request(first, after.as_deref())?;
        let viewer = viewer(ctx)?;
        let state = state.map_or(AppealState::Open, AppealState::from);
        let bots = &viewer.app().bots;
        let found = bots
            .appeals(viewer.actor(), CommunityId(community_id), state, &request)
            .await;
        let found = found.map_err(failed(viewer))?;
        let cursor = |appeal: &::bots::Appeal| Cursor {
            key: String::new(),
            id: appeal.id.into(),
        };
        paged::connect(ctx, &request, found, cursor, BotAppeal::from).map(Some)
    }
}
