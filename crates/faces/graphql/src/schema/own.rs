//! What only a person themselves may see.
//!
//! Must never be reached from anybody else: `User.own` answers it for the viewer alone.

use async_graphql::{Context, Object, Result};
use kernel::PageRequest;

use super::{
    bot::{self, OwnBotVerdict},
    community, cost,
    error::{refused, viewer},
    linked::{self, Link, LinkedRole, Verification},
    merge::Merge,
    privacy::{self, Consent, DataExport, Erasure, Visibility},
    security::{self, ApiKey, Passkey, Session},
    suggestion::{self, OwnSuggestion},
};

/// What only oneself may see.
pub(crate) struct OwnData;

/// What only oneself may see.
#[Object]
impl OwnData {
    /// The accounts elsewhere that one signs in with.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn links(&self, ctx: &Context<'_>) -> Result<Vec<Link>> {
        linked::own(ctx).await
    }

    /// The merges one takes part in, newest first.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn merges(&self, ctx: &Context<'_>) -> Result<Vec<Merge>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().identity.merges(viewer.actor()).await;
        let found = found.map_err(|cause| refused(viewer, &cause))?;
        viewer.spend(ctx, found.len())?;
        Ok(found.into_iter().map(Merge).collect())
    }

    /// Who may see what of one: a row for each platform.
    #[graphql(complexity = "cost::list(5, child_complexity)")]
    async fn visibility(&self, ctx: &Context<'_>) -> Result<Vec<Visibility>> {
        privacy::visibility(ctx).await
    }

    /// What one agreed to, newest first, at most 100.
    #[graphql(complexity = "cost::list(20, child_complexity)")]
    async fn consents(&self, ctx: &Context<'_>) -> Result<Vec<Consent>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().identity.consents(viewer.actor()).await;
        let found = found.map_err(|cause| refused(viewer, &cause))?;
        viewer.spend(ctx, found.len())?;
        Ok(found.into_iter().map(Consent::from).collect())
    }

    /// Files with all of one's data that were asked for, newest first, at most 20.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn data_exports(&self, ctx: &Context<'_>) -> Result<Vec<DataExport>> {
        privacy::exports(ctx).await
    }

    /// One's wish to be erased; null if there is none.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn erasure(&self, ctx: &Context<'_>) -> Result<Option<Erasure>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().identity.erasure(viewer.actor()).await;
        let found = found.map_err(|cause| refused(viewer, &cause))?;
        Ok(found.map(Erasure::from))
    }

    /// How somebody proved to be one, and failed to, newest first.
    #[graphql(complexity = "cost::list(limit.unwrap_or(20), child_complexity)")]
    async fn verifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 20)] limit: Option<i32>,
    ) -> Result<Vec<Verification>> {
        let viewer = viewer(ctx)?;
        let limit = community::length("limit", limit.unwrap_or(20))?;
        let page = PageRequest::first(limit);
        let found = viewer
            .app()
            .identity
            .verifications(viewer.actor(), &page)
            .await;
        let found = found.map_err(|cause| refused(viewer, &cause))?.items;
        viewer.spend(ctx, found.len())?;
        Ok(found.into_iter().map(Verification::from).collect())
    }

    /// One's own sessions, newest use first, at most 100.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        security::sessions(ctx).await
    }

    /// One's own API keys, newest first: the valid ones and those that ended within a month.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn api_keys(&self, ctx: &Context<'_>) -> Result<Vec<ApiKey>> {
        security::keys(ctx).await
    }

    /// One's own passkeys, the oldest first.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn passkeys(&self, ctx: &Context<'_>) -> Result<Vec<Passkey>> {
        security::passkeys(ctx).await
    }

    /// Where one's own accounts were called bots, the last first, at most 50.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn bot_verdicts(&self, ctx: &Context<'_>) -> Result<Vec<OwnBotVerdict>> {
        bot::own(ctx).await
    }

    /// What providers are told of one, for roles there.
    #[graphql(complexity = "cost::list(5, child_complexity)")]
    async fn linked_roles(&self, ctx: &Context<'_>) -> Result<Vec<LinkedRole>> {
        linked::roles(ctx).await
    }

    /// Accounts that may be one's own, the surest first.
    #[graphql(complexity = "cost::list(20, child_complexity)")]
    async fn suggestions(&self, ctx: &Context<'_>) -> Result<Vec<OwnSuggestion>> {
        suggestion::own(ctx).await
    }
}
