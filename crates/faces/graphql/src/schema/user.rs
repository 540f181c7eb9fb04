//! The signed-in person.

use async_graphql::{Context, Object, Result};

use super::{
    community::{self, Community},
    cost,
    error::{refused, viewer},
    reputation::Reputation,
    scalar::DateTime,
};

/// The signed-in person. Nobody else's data is ever of this type.
pub(crate) struct User(pub(crate) identity::User);

/// The signed-in person. Nobody else's data is ever of this type.
#[Object]
impl User {
    /// The person's id.
    async fn id(&self) -> i32 {
        self.0.id.0
    }

    /// The name shown to others.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// The address used to sign in.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Whether the person administers this instance.
    async fn is_instance_admin(&self) -> bool {
        self.0.is_instance_admin
    }

    /// When the person was first known here.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// The reputation over all communities and linked accounts.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn reputation(&self, ctx: &Context<'_>) -> Result<Reputation> {
        let viewer = viewer(ctx)?;
        let own = viewer.app().activity.own_reputation(viewer.actor()).await;
        own.map(|own| own.global.into())
            .map_err(|cause| refused(viewer, &cause))
    }

    /// The communities the person has a role in, by name.
    #[graphql(complexity = "cost::list(limit.unwrap_or(20), child_complexity)")]
    async fn communities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 20)] limit: Option<i32>,
        #[graphql(desc = "How many to leave out at the beginning.", default = 0)] offset: Option<
            i32,
        >,
    ) -> Result<Vec<Community>> {
        community::visible(ctx, limit, offset, |role| role.is_some()).await
    }
}
