//! A person as the viewer may see them.

use async_graphql::{Context, Object, Result};

use super::{
    cost,
    error::{lookup, viewer},
    scalar::{DateTime, Platform, count},
};

/// A person as the viewer may see them; what they do not show to the viewer is left out.
pub(crate) struct Profile(pub(crate) identity::ProfileView);

/// An account of a person on a platform.
pub(crate) struct ProfileAccount(identity::PlatformAccount);

/// How active a person was on a platform in the last 90 days.
pub(crate) struct ProfileActivity(::activity::PlatformActivity);

/// A person as the viewer may see them; what they do not show to the viewer is left out.
#[Object]
impl Profile {
    /// The person's id.
    async fn id(&self) -> i32 {
        self.0.user.0
    }

    /// The name shown.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// What the person's page is found by; null without a page.
    async fn handle(&self) -> Option<&str> {
        self.0.profile.handle.as_deref()
    }

    /// A few words about themselves.
    async fn bio(&self) -> &str {
        &self.0.profile.bio
    }

    /// An `https:` or `http:` address, or empty.
    async fn website(&self) -> &str {
        &self.0.profile.website
    }

    /// Where they say they are.
    async fn location(&self) -> &str {
        &self.0.profile.location
    }

    /// When the person was first known here.
    async fn since(&self) -> DateTime {
        DateTime(self.0.since)
    }

    /// Accounts on the platforms whose profile the viewer may see.
    #[graphql(complexity = "cost::list(5, child_complexity)")]
    async fn accounts(&self) -> Vec<ProfileAccount> {
        self.0
            .accounts
            .iter()
            .cloned()
            .map(ProfileAccount)
            .collect()
    }

    /// Messages by platform, where the viewer may see them.
    #[graphql(complexity = "cost::list(5, child_complexity)")]
    async fn activity(&self, ctx: &Context<'_>) -> Result<Vec<ProfileActivity>> {
        let viewer = viewer(ctx)?;
        let found = viewer
            .app()
            .activity
            .activity_of(viewer.actor(), self.0.user, identity::Eyes::Own)
            .await;
        let found = lookup(viewer, found)?.unwrap_or_default();
        Ok(found.into_iter().map(ProfileActivity).collect())
    }
}

/// An account of a person on a platform.
#[Object]
impl ProfileAccount {
    /// Where.
    async fn platform(&self) -> Platform {
        self.0.platform.into()
    }

    /// The name it went by last.
    async fn username(&self) -> &str {
        &self.0.username
    }
}

/// How active a person was on a platform in the last 90 days.
#[Object]
impl ProfileActivity {
    /// Where.
    async fn platform(&self) -> Platform {
        self.0.platform.into()
    }

    /// Messages.
    async fn messages(&self) -> i32 {
        count(self.0.messages)
    }

    /// Days with at least one of them.
    async fn active_days(&self) -> i32 {
        count(self.0.active_days)
    }
}
