//! The roots of queries and subscriptions: one part for each noun that has its own, and what belongs to people and
//! communities as such.

use async_graphql::{MergedObject, MergedSubscription};

use super::{
    bot::{BotExperimentQuery, BotModelQuery, BotQuery, BotSubscription},
    chat::ChatSubscription,
    query::Query,
    webhook::WebhookQuery,
};

/// Everything that can be asked for.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub(crate) struct Root(
    Query,
    WebhookQuery,
    BotQuery,
    BotModelQuery,
    BotExperimentQuery,
);

/// What can be followed live.
#[derive(MergedSubscription, Default)]
pub(crate) struct Subscription(ChatSubscription, BotSubscription);
