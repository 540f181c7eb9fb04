//! Patterns among a community's newcomers and links that somebody should look at.
//!
//! Must never call anybody guilty: a person decides.

use ::activity::SuspicionState as State;
use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use kernel::{CommunityId, Cursor, PageRequest, UserId};

use super::{
    error::{change_refused, refused, viewer},
    member::Account,
    paged::{self, Connection},
    scalar::{DateTime, count},
};

/// What became of a flag.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::activity::SuspicionState")]
pub(crate) enum SuspicionState {
    /// Nobody has decided yet.
    Open,
    /// It was nothing.
    Dismissed,
    /// It was what it looked like.
    Confirmed,
}

/// A flag: something that somebody should look at.
#[derive(SimpleObject)]
pub(crate) struct Suspicion {
    /// Its id.
    id: i32,
    /// The community's id.
    community_id: i32,
    /// What it looks like, such as `shared_handles`.
    pattern: &'static str,
    /// The same in words.
    label: &'static str,
    /// What was found, as a sentence.
    reason: String,
    /// When it was found first.
    first_seen_at: DateTime,
    /// When it was found last.
    last_seen_at: DateTime,
    /// What became of it.
    state: SuspicionState,
    /// The id of who decided so; null for what nobody decided, or somebody who was erased since.
    decided_by: Option<i32>,
    /// When.
    decided_at: Option<DateTime>,
    /// The first accounts that it is about, at most ten.
    accounts: Vec<Account>,
    /// How many there are.
    account_count: i32,
}

impl From<::activity::Suspicion> for Suspicion {
    fn from(flag: ::activity::Suspicion) -> Self {
        Self {
            id: flag.id,
            community_id: flag.community.0,
            pattern: flag.pattern().as_str(),
            label: flag.pattern().label(),
            reason: flag.evidence.sentence(),
            first_seen_at: DateTime(flag.first_seen_at),
            last_seen_at: DateTime(flag.last_seen_at),
            state: flag.state.into(),
            decided_by: flag.decided_by.map(|user| user.0),
            decided_at: flag.decided_at.map(DateTime),
            accounts: flag.accounts.into_iter().map(Account::from).collect(),
            account_count: count(flag.n_accounts),
        }
    }
}

/// A page of a community's flags.
pub(crate) async fn page(
    ctx: &Context<'_>,
    community: CommunityId,
    state: Option<State>,
    request: &PageRequest,
) -> Result<Connection<Suspicion>> {
    let viewer = viewer(ctx)?;
    let activity = &viewer.app().activity;
    let found = activity
        .suspicions(viewer.actor(), community, state, request)
        .await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    let cursor = |flag: &::activity::Suspicion| Cursor {
        key: flag.last_seen_at.0.to_string(),
        id: flag.id.into(),
    };
    paged::connect(ctx, request, found, cursor, Suspicion::from)
}

/// The flags about one person.
pub(crate) async fn of_member(
    ctx: &Context<'_>,
    community: CommunityId,
    user: UserId,
) -> Result<Vec<Suspicion>> {
    let viewer = viewer(ctx)?;
    let activity = &viewer.app().activity;
    let found = activity
        .suspicions_of(viewer.actor(), community, user)
        .await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(Suspicion::from).collect())
}

/// Changes to flags.
#[derive(Default)]
pub(crate) struct SuspicionMutation;

#[Object]
impl SuspicionMutation {
    /// Says what became of a flag; `OPEN` takes a decision back. Needs the role of a moderator.
    async fn decide_suspicion(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The flag's id.")] id: i32,
        #[graphql(desc = "What became of it.")] state: SuspicionState,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer
            .app()
            .activity
            .decide_suspicion(viewer.actor(), CommunityId(community_id), id, state.into())
            .await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        Ok(true)
    }
}
