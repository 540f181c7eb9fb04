//! The roots of changes: one part for each noun, and what belongs to the person as such.

use async_graphql::{Context, InputObject, MergedObject, Object, Result};
use identity::{Adjustment, ProfileChange};
use kernel::{CommunityId, Secret, UserId};

use super::{
    bot::{BotExperimentMutation, BotModelMutation, BotMutation},
    command::CommandMutation,
    connection::ConnectionMutation,
    delivery::DeliveryMutation,
    error::{change_refused, refused, viewer},
    linked::LinkedMutation,
    merge::MergeMutation,
    place::CommunityMutation,
    privacy::PrivacyMutation,
    reputation::Reputation,
    security::SecurityMutation,
    suggestion::SuggestionMutation,
    suspicion::SuspicionMutation,
    user::User,
    webhook::WebhookMutation,
    weight::WeightMutation,
};

/// Everything that can be changed. What is sensitive needs a session, not an API key.
#[derive(MergedObject, Default)]
pub(crate) struct Mutation(
    PersonMutation,
    LinkedMutation,
    MergeMutation,
    PrivacyMutation,
    WebhookMutation,
    SecurityMutation,
    SuggestionMutation,
    SuspicionMutation,
    CommandMutation,
    CommunityMutation,
    ConnectionMutation,
    DeliveryMutation,
    WeightMutation,
    BotMutation,
    BotModelMutation,
    BotExperimentMutation,
);

/// What is to change of one's profile; what is left out or null stays, an empty text removes.
#[derive(InputObject)]
pub(crate) struct ProfileInput {
    /// The name shown, 1 to 80 characters.
    display_name: Option<String>,
    /// What the page is found by: 3 to 30 of `a-z`, `0-9`, `_` and `-`.
    handle: Option<String>,
    /// A few words, at most 500 characters.
    bio: Option<String>,
    /// An address that begins with `https://` or `http://`.
    website: Option<String>,
    /// A place, at most 80 characters.
    location: Option<String>,
}

/// Changes to people.
#[derive(Default)]
pub(crate) struct PersonMutation;

#[Object]
impl PersonMutation {
    /// Makes the session fresh again for five minutes, as sensitive changes ask: with a code of the
    /// second factor where it is on, else with the password.
    async fn confirm_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code or the password.")] proof: String,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let proof = Secret::new(proof);
        let done = viewer
            .app()
            .identity
            .confirm_session(viewer.actor(), session, &proof, viewer.client())
            .await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        Ok(true)
    }

    /// Changes what one says about oneself. Answers how one sees oneself then.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: ProfileInput,
    ) -> Result<User> {
        let viewer = viewer(ctx)?;
        let user = viewer.signed_in()?;
        let identity = &viewer.app().identity;
        let held = identity.own_profile(viewer.actor()).await;
        let held = held.map_err(|cause| refused(viewer, &cause))?;
        let change = ProfileChange {
            display_name: input
                .display_name
                .unwrap_or_else(|| user.display_name.clone()),
            handle: input.handle.or(held.handle).unwrap_or_default(),
            bio: input.bio.unwrap_or(held.bio),
            website: input.website.unwrap_or(held.website),
            location: input.location.unwrap_or(held.location),
        };
        let done = identity.change_profile(viewer.actor(), &change).await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        let changed = identity.me(viewer.actor()).await;
        let changed = changed.map_err(|cause| refused(viewer, &cause))?;
        changed
            .map(User::me)
            .ok_or_else(|| refused(viewer, &identity::IdentityError::NotFound))
    }

    /// Changes a member's reputation by hand, once for each key. For moderators; nobody changes their
    /// own.
    async fn adjust_reputation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The member's id.")] user_id: i32,
        #[graphql(desc = "By how many points, at most 550 either way.")] points: i32,
        #[graphql(desc = "Why, 1 to 300 characters; moderators see it.")] reason: String,
        #[graphql(
            desc = "Chosen by the caller, 1 to 100 characters: the same key changes the score once."
        )]
        key: String,
    ) -> Result<Reputation> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let adjustment = Adjustment {
            points,
            note: reason,
            key,
        };
        let done = viewer
            .app()
            .activity
            .adjust_reputation(
                viewer.actor(),
                CommunityId(community_id),
                UserId(user_id),
                &adjustment,
            )
            .await;
        done.map(Reputation::from)
            .map_err(|cause| change_refused(viewer, &cause.into()))
    }
}
