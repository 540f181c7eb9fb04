//! Changes to communities and to who is what in them.

use async_graphql::{Context, InputObject, Object, Result};
use identity::{CommunityChange, NewCommunity};
use kernel::{CommunityId, UserId};

use super::{
    community::Community,
    error::{bad_input, change_refused, refused, viewer},
    scalar::Role,
};

/// A community to make.
#[derive(InputObject)]
pub(crate) struct CommunityInput {
    /// Its name, 1 to 100 characters.
    name: String,
    /// Its name in URLs, 2 to 50 of `a-z`, `0-9` and `-`; made from the name unless it is given.
    slug: Option<String>,
    /// What it is about, at most 1,000 characters.
    description: Option<String>,
}

/// What is to change of a community; what is left out stays.
#[derive(InputObject)]
pub(crate) struct CommunityChangeInput {
    /// Its name, 1 to 100 characters.
    name: Option<String>,
    /// What it is about, at most 1,000 characters.
    description: Option<String>,
    /// How many days raw live messages are kept, 1 to 3,650.
    retention_days: Option<i32>,
}

/// Changes to communities.
#[derive(Default)]
pub(crate) struct CommunityMutation;

#[Object]
impl CommunityMutation {
    /// Makes a community; who makes it becomes its owner. For administrators of the instance.
    async fn create_community(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CommunityInput,
    ) -> Result<Community> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let new = NewCommunity {
            name: input.name,
            slug: input.slug,
            description: input.description.unwrap_or_default(),
        };
        let made = viewer
            .app()
            .identity
            .create_community(viewer.actor(), &new)
            .await;
        made.map(Community)
            .map_err(|cause| change_refused(viewer, &cause.into()))
    }

    /// Changes a community's settings. Needs the role of an admin.
    async fn update_community(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "What is to change.")] input: CommunityChangeInput,
    ) -> Result<Community> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (identity, id) = (&viewer.app().identity, CommunityId(community_id));
        let held = identity.community(viewer.actor(), id).await;
        let held = held.map_err(|cause| refused(viewer, &cause))?;
        let held = held.ok_or_else(|| refused(viewer, &identity::IdentityError::NotFound))?;
        let days = input.retention_days.map(u32::try_from).transpose();
        let days = days.map_err(|_negative| bad_input("use 1 to 3,650 days"))?;
        let change = CommunityChange {
            name: input.name.unwrap_or(held.name),
            description: input.description.unwrap_or(held.description),
            retention_days: days.unwrap_or(held.retention_days),
        };
        let done = identity.update_community(viewer.actor(), id, &change).await;
        done.map(Community)
            .map_err(|cause| change_refused(viewer, &cause.into()))
    }

    /// Gives a person a role in a community, or with null ends the membership. Only roles below one's own
    /// can be given or taken. Needs the role of an admin. Answers the role they have then.
    async fn set_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The person's id.")] user_id: i32,
        #[graphql(desc = "The role; null for none.")] role: Option<Role>,
    ) -> Result<Option<Role>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (community, user) = (CommunityId(community_id), UserId(user_id));
        let identity = &viewer.app().identity;
        let done = identity
            .set_role(viewer.actor(), community, user, role.map(Into::into))
            .await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        Ok(role)
    }
}
