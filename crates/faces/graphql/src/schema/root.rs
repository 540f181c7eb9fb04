//! The root of queries: one part for each noun that has its own, and what belongs to people and
//! communities as such.

use async_graphql::MergedObject;

use super::{query::Query, webhook::WebhookQuery};

/// Everything that can be asked for.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub(crate) struct Root(Query, WebhookQuery);
