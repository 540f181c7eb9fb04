//! Making one person of two: requests, what they would do, and taking them back.
//!
//! Must never tell one side what the other has before the service does.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use kernel::{MergeId, UserId};

use super::{
    cost,
    error::{change_refused, refused, viewer},
    scalar::{DateTime, Role, count},
};

/// One of the two people of a merge.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "identity::MergeSide")]
pub(crate) enum MergeSide {
    /// Who stays, with everything of both.
    Kept,
    /// Who is taken in.
    Merged,
}

/// Where a merge stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "identity::MergeState")]
pub(crate) enum MergeState {
    /// Waits for a side.
    Requested,
    /// The two are one.
    Done,
    /// They were, and are two again.
    Undone,
    /// Somebody said no.
    Rejected,
    /// Nobody said yes in time.
    Expired,
}

/// A request to make one person of two, and what became of it.
pub(crate) struct Merge(pub(crate) identity::Merge);

/// A request to make one person of two, and what became of it.
#[Object]
impl Merge {
    /// Its id.
    async fn id(&self) -> i32 {
        self.0.id.0
    }

    /// The id of the person who stays.
    async fn kept_user_id(&self) -> i32 {
        self.0.kept.0
    }

    /// The id of the person who is taken in.
    async fn merged_user_id(&self) -> i32 {
        self.0.merged.0
    }

    /// Where it stands.
    async fn state(&self) -> MergeState {
        self.0.state.into()
    }

    /// When it was asked for.
    async fn requested_at(&self) -> DateTime {
        DateTime(self.0.requested_at)
    }

    /// Until when both sides have to confirm.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// When the side that stays confirmed.
    async fn kept_confirmed_at(&self) -> Option<DateTime> {
        self.0.kept_consent.map(|consent| DateTime(consent.at))
    }

    /// When the side that is taken in confirmed.
    async fn merged_confirmed_at(&self) -> Option<DateTime> {
        self.0.merged_consent.map(|consent| DateTime(consent.at))
    }

    /// When it was done or rejected.
    async fn settled_at(&self) -> Option<DateTime> {
        self.0.settled_at.map(DateTime)
    }

    /// Until when it can be undone; null if it is not done.
    async fn undo_until(&self) -> Option<DateTime> {
        self.0.undo_until().map(DateTime)
    }

    /// What it would do.
    #[graphql(complexity = "cost::PAGE + child_complexity")]
    async fn preview(&self, ctx: &Context<'_>) -> Result<MergePreview> {
        let viewer = viewer(ctx)?;
        let identity = &viewer.app().identity;
        let found = identity.merge_preview(viewer.actor(), self.0.id).await;
        let found = found.map_err(|cause| refused(viewer, &cause))?;
        Ok(found.into())
    }
}

/// What a merge would do.
#[derive(SimpleObject)]
pub(crate) struct MergePreview {
    /// Who stays.
    kept: MergeCard,
    /// Who is taken in.
    merged: MergeCard,
    /// The roles that change; null as long as one side did not confirm.
    roles: Option<Vec<MergedRole>>,
}

/// One of the two people, as the viewer may see them.
#[derive(SimpleObject)]
pub(crate) struct MergeCard {
    /// Their id.
    user_id: i32,
    /// What they are called.
    display_name: String,
    /// What they have, by kind; null for the other side as long as they did not confirm.
    counts: Option<Vec<MergeCount>>,
}

/// How much of something a person has.
#[derive(SimpleObject)]
pub(crate) struct MergeCount {
    /// What.
    kind: String,
    /// How many.
    count: i32,
}

/// A role that changes for the person who stays.
#[derive(SimpleObject)]
pub(crate) struct MergedRole {
    /// The community's id.
    community_id: i32,
    /// The community's name.
    community_name: String,
    /// The role of the side that stays.
    kept: Option<Role>,
    /// The role of the side that is taken in.
    merged: Role,
    /// The role afterwards.
    after: Role,
}

impl From<identity::MergeCard> for MergeCard {
    fn from(card: identity::MergeCard) -> Self {
        let counted = |(kind, n): (&str, u64)| MergeCount {
            kind: kind.to_owned(),
            count: count(n),
        };
        Self {
            user_id: card.user.0,
            display_name: card.display_name,
            counts: card
                .counts
                .map(|counts| counts.into_iter().map(counted).collect()),
        }
    }
}

impl From<identity::MergePreview> for MergePreview {
    fn from(preview: identity::MergePreview) -> Self {
        let role = |joined: identity::RoleJoined| MergedRole {
            community_id: joined.community.0,
            community_name: joined.name,
            kept: joined.kept.map(Role::from),
            merged: joined.merged.into(),
            after: joined.after.into(),
        };
        Self {
            kept: preview.kept.into(),
            merged: preview.merged.into(),
            roles: preview
                .roles
                .map(|roles| roles.into_iter().map(role).collect()),
        }
    }
}

/// Changes to merges.
#[derive(Default)]
pub(crate) struct MergeMutation;

#[Object]
impl MergeMutation {
    /// Asks for a merge by naming the two; both sides still have to confirm. For administrators of
    /// the instance. One's own accounts are merged by linking an account of the other person.
    async fn request_merge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the person who stays.")] kept_user_id: i32,
        #[graphql(desc = "The id of the person who is taken in.")] merged_user_id: i32,
    ) -> Result<Merge> {
        let viewer = viewer(ctx)?;
        let (kept, merged) = (UserId(kept_user_id), UserId(merged_user_id));
        let identity = &viewer.app().identity;
        let asked = identity.request_merge(viewer.actor(), kept, merged).await;
        let id = asked.map_err(|cause| change_refused(viewer, &cause.into()))?;
        find(ctx, id).await
    }

    /// Confirms a side of a merge; it is done once both sides did. Needs a session that proved who it
    /// belongs to within five minutes, else `confirmSession` first.
    async fn confirm_merge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The merge's id.")] id: i32,
        #[graphql(desc = "One's own side; for administrators one of two others.")] side: MergeSide,
    ) -> Result<Merge> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let identity = &viewer.app().identity;
        let done = identity
            .confirm_merge(viewer.actor(), session, None, MergeId(id), side.into())
            .await;
        done.map(Merge)
            .map_err(|cause| change_refused(viewer, &cause.into()))
    }

    /// Says no to a merge that waits.
    async fn reject_merge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The merge's id.")] id: i32,
    ) -> Result<Merge> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let identity = &viewer.app().identity;
        let done = identity.reject_merge(viewer.actor(), MergeId(id)).await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        find(ctx, MergeId(id)).await
    }

    /// Makes two people again of a merge that was done within 30 days. Needs a session that proved
    /// who it belongs to within five minutes, else `confirmSession` first.
    async fn undo_merge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The merge's id.")] id: i32,
    ) -> Result<Merge> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let identity = &viewer.app().identity;
        let done = identity.undo_merge(viewer.actor(), session, None, MergeId(id));
        done.await
            .map_err(|cause| change_refused(viewer, &cause.into()))?;
        find(ctx, MergeId(id)).await
    }
}

/// A merge that the viewer may see.
async fn find(ctx: &Context<'_>, id: MergeId) -> Result<Merge> {
    let viewer = viewer(ctx)?;
    let found = viewer
        .app()
        .identity
        .merge_preview(viewer.actor(), id)
        .await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    Ok(Merge(found.merge))
}
