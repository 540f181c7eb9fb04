//! The schema: the roadmap's names, one file for each noun. Resolvers call one service each and
//! turn its answer into a view.
//!
//! Must never know HTTP, a WebSocket or axum, nor decide what somebody may see: services do.

mod activity;
mod bot;
mod cache_control;
mod chat;
mod command;
mod community;
mod connection;
mod cost;
mod delivery;
mod error;
mod judge;
mod linked;
mod loaders;
mod member;
mod merge;
mod mutation;
mod node;
mod own;
mod paged;
mod place;
mod privacy;
mod query;
mod rate_limit;
mod reputation;
mod root;
mod scalar;
mod security;
mod suggestion;
mod suspicion;
mod user;
mod viewer;
mod webhook;
mod weight;

use async_graphql::ValidationMode;

pub(crate) use chat::{ChatMessage, Following, Given, Handover, Next};
#[cfg(test)]
pub(crate) use error::refused;
pub(crate) use judge::Judge;
pub(crate) use viewer::{Toll, Viewer};

/// The executable schema.
pub(crate) type Schema = async_graphql::Schema<root::Root, mutation::Mutation, root::Subscription>;

/// Builds the schema. Suggestions («did you mean …») are off: they would tell the names that
/// introspection keeps to itself. What it executes was validated by the [`Judge`], so it does not do
/// that again.
pub(crate) fn build() -> Schema {
    Schema::build(
        root::Root::default(),
        mutation::Mutation::default(),
        root::Subscription::default(),
    )
    .disable_suggestions()
    .validation_mode(ValidationMode::Fast)
    .finish()
}

/// The id among everything of a message.
#[cfg(test)]
pub(crate) fn message_node(id: kernel::MessageId) -> String {
    node::NodeId::Message(id).encode().0
}

#[cfg(test)]
mod tests;
