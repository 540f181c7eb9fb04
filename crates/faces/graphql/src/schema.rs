//! The schema: the roadmap's names, one file for each noun. Resolvers call one service each and
//! turn its answer into a view.
//!
//! Must never know HTTP, a WebSocket or axum, nor decide what somebody may see: services do.

mod activity;
mod chat;
mod community;
mod cost;
mod error;
mod loaders;
mod member;
mod profile;
mod query;
mod reputation;
mod scalar;
mod user;
mod viewer;

use async_graphql::EmptyMutation;

#[cfg(test)]
pub(crate) use error::refused;
pub(crate) use viewer::Viewer;

use crate::settings::Limits;

/// The executable schema.
pub(crate) type Schema = async_graphql::Schema<query::Query, EmptyMutation, chat::Subscription>;

/// Builds the schema. Suggestions («did you mean …») are off: they would tell the names that
/// introspection keeps to itself.
pub(crate) fn build(limits: &Limits) -> Schema {
    Schema::build(query::Query, EmptyMutation, chat::Subscription)
        .disable_suggestions()
        .limit_complexity(limits.cost)
        .finish()
}

#[cfg(test)]
mod tests;
