//! Subscriptions. Their events are made once, by the engine, for all who ask the same of the same chat, and told to
//! each of them.
//!
//! Must never make an event for somebody: while it is made there is no viewer, so that what would depend on who asks
//! fails instead of being shared. Whether a subscriber may hear what it is told is asked for each one, by its own feed;
//! and what it asked for is checked and reckoned for each one, before it begins.

use std::{collections::VecDeque, sync::Arc};

use ::activity::LiveBatch;
use async_graphql::{Request, Response, Value, Variables, parser::types::Selection};
use futures_util::{Stream, StreamExt, stream, stream::BoxStream};
use kernel::ErrorCode;
use moka::future::Cache;
use sha2::{Digest as _, Sha256};
use tracing::error;

use super::{
    Gateway,
    complete::Plan,
    documents::Document,
    execute::{Answer, Checked, name_errors},
    refusal::Refusal,
    walk,
};
use crate::schema::{self, ChatMessage, Following, Handover, Next};

/// Room for events that were made, in bytes.
const MADE_BYTES: u64 = 8 * 1024 * 1024;
/// Most bytes of events that are made of one batch, or told, at once: a subscriber that does not read holds no more
/// than twice as much. What is larger is made one at a time.
const TOLD_BYTES: usize = 64 * 1024;
/// About what an event takes beside its text.
const EVENT_EXTRA: usize = 64;

/// What an operation says next.
pub(crate) enum Told {
    /// An answer of its own.
    Answer(Answer),
    /// Events as JSON, as others are told them too.
    Events(Vec<Arc<str>>),
}

/// All that decides how an event looks: subscriptions of the same shape are told the same.
pub(crate) type Shape = [u8; 32];

/// The shape of a subscription; `None` if nobody knows it.
fn shape(document: &Document, name: Option<&str>, variables: &Variables) -> Option<Shape> {
    let operation = walk::resolve(&document.parsed, name).ok()?;
    let [root] = operation.selection_set.node.items.as_slice() else {
        return None;
    };
    let Selection::Field(root) = &root.node else {
        return None;
    };
    // Where somebody goes on decides which events they are told, not how these look. It is an `ID`, which nothing
    // below takes.
    let since = root.node.get_argument("since");
    let since = since.map(|since| since.node.to_string());
    let since = since.as_deref().and_then(|since| since.strip_prefix('$'));
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    add(name.unwrap_or_default());
    for (name, value) in variables.iter() {
        if Some(name.as_str()) != since {
            add(name.as_str());
            add(&value.to_string());
        }
    }
    hash.update(document.digest);
    Some(hash.finalize().into())
}

/// The events of a batch.
#[derive(Clone)]
enum Made {
    /// One for each message.
    Events(Arc<[Arc<str>]>),
    /// Too much to be held: each subscriber has its own made, one at a time.
    TooLarge,
    /// They could not be made.
    Failed,
}

impl Made {
    fn events(&self) -> &[Arc<str>] {
        match self {
            Self::Events(events) => events,
            Self::TooLarge | Self::Failed => &[],
        }
    }
}

fn n_bytes(events: &[Arc<str>]) -> usize {
    events.iter().map(|event| event.len() + EVENT_EXTRA).sum()
}

/// Events that were made, by batch and shape, for those who are told them next.
pub(crate) struct Events(Cache<(u64, Shape), Made>);

impl Default for Events {
    fn default() -> Self {
        let weight = |_: &(u64, Shape), made: &Made| {
            let bytes = n_bytes(made.events()) + EVENT_EXTRA;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().max_capacity(MADE_BYTES).weigher(weight);
        Self(cache.build())
    }
}

/// How the events of a subscription are made.
struct How {
    shape: Shape,
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Variables,
    plan: Arc<Plan>,
    /// For the log.
    request_id: String,
}

impl Gateway {
    /// Executes a subscription that was admitted. `enough`: how many messages it takes at once if so many wait.
    pub(super) fn follow(
        self: &Arc<Self>,
        checked: Checked,
        enough: usize,
    ) -> impl Stream<Item = Told> + Send + use<> {
        let budget = self.settings.limits.cost;
        // The stream owns the count: it goes down however the subscription ends.
        let following = self.app.usage.follow();
        let name = checked.operation_name.as_deref();
        let shape = shape(&checked.document, name, &checked.variables);
        // What each event cost is the viewer's own.
        let how = shape.filter(|_| !checked.tells_cost).map(|shape| How {
            shape,
            document: Arc::clone(&checked.document),
            operation_name: checked.operation_name.clone(),
            variables: checked.variables.clone(),
            plan: Arc::clone(&checked.plan),
            request_id: checked.viewer().request_id().to_owned(),
        });
        let (mut request, finish) = checked.begin();
        let handover = how.is_some().then(|| Handover::new(enough));
        if let Some(handover) = &handover {
            request = request.data(handover.clone());
        }
        let own = self.schema.execute_stream(request);
        let own = own.map(move |response| Told::Answer(told(finish.response(response, budget))));
        let gateway = Arc::clone(self);
        let shared = stream::once(async move {
            let begun = handover.and_then(|handover| handover.take());
            let shared = begun.zip(how).map(|(following, how)| Shared {
                gateway,
                how,
                following,
                own: None,
                batches: VecDeque::new(),
            });
            stream::iter(shared).flat_map(Shared::each)
        });
        own.chain(shared.flatten()).map(move |told| {
            let _ = &following;
            told
        })
    }

    /// Has the engine make events of messages, for nobody.
    fn make(
        &self,
        how: &How,
        messages: Vec<async_graphql::Result<ChatMessage>>,
    ) -> BoxStream<'static, Response> {
        let mut request = Request::new(String::new())
            .variables(how.variables.clone())
            .data(schema::Given::new(messages));
        request.set_parsed_query(how.document.parsed.clone());
        request.operation_name.clone_from(&how.operation_name);
        let plan = Arc::clone(&how.plan);
        let made = self.schema.execute_stream(request);
        let complete = move |mut response: Response| {
            plan.complete(&mut response);
            response
        };
        made.map(complete).boxed()
    }

    /// The events of a batch, made or found.
    async fn made(&self, how: &How, batch: &LiveBatch) -> Made {
        let make = async {
            let messages = batch.messages.iter().map(|message| Ok(message.into()));
            let mut responses = self.make(how, messages.collect());
            let mut events: Vec<Arc<str>> = Vec::with_capacity(batch.messages.len());
            let mut bytes = 0;
            while let Some(response) = responses.next().await {
                let text = serde_json::to_string(&response);
                let Some(text) = text.ok().filter(|_| response.errors.is_empty()) else {
                    return Made::Failed;
                };
                bytes += text.len();
                if bytes > TOLD_BYTES {
                    return Made::TooLarge;
                }
                events.push(text.into());
            }
            if events.len() != batch.messages.len() {
                return Made::Failed;
            }
            Made::Events(events.into())
        };
        self.events
            .0
            .get_with((batch.number, how.shape), make)
            .await
    }
}

/// An event of a subscriber's own.
fn told(response: Response) -> Answer {
    // Whether it never began or an event could not be made: it goes no further.
    if response.data == Value::Null && !response.errors.is_empty() {
        return Answer::Refused {
            errors: response.errors,
            status: 200,
            well_formed: true,
            retry_after: None,
        };
    }
    Answer::Executed(response.into())
}

/// A subscription that shares its events.
struct Shared {
    gateway: Arc<Gateway>,
    how: How,
    following: Following,
    /// What is to be told first, made for this one alone.
    own: Option<BoxStream<'static, Response>>,
    /// What is to be told then.
    batches: VecDeque<Arc<LiveBatch>>,
}

impl Shared {
    fn each(self) -> impl Stream<Item = Told> + Send {
        stream::unfold(self, |mut shared| async move {
            let told = shared.next().await?;
            Some((told, shared))
        })
    }

    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(own) = &mut self.own {
                if let Some(mut response) = own.next().await {
                    let name = self.how.operation_name.as_deref().unwrap_or_default();
                    name_errors(&mut response.errors, &self.how.request_id, name);
                    return Some(Told::Answer(told(response)));
                }
                self.own = None;
            }
            if !self.batches.is_empty() {
                if let Some(told) = self.of_batches().await {
                    return Some(told);
                }
                continue;
            }
            match self.following.next().await? {
                Next::Own(messages) => self.own = Some(self.gateway.make(&self.how, messages)),
                Next::Batches(batches) => self.batches = batches.into(),
            }
        }
    }

    /// What this one is told of batches that all are told of; `None` if it has to be made for this one.
    async fn of_batches(&mut self) -> Option<Told> {
        let mut events: Vec<Arc<str>> = Vec::new();
        while let Some(batch) = self.batches.front() {
            // Boxed, so that a subscription that waits keeps no room for it.
            let made = Box::pin(self.gateway.made(&self.how, batch)).await;
            let wants = |message: &&::activity::ChatMessage| self.following.wants(message);
            match made {
                Made::Events(made) => {
                    let of_each = batch.messages.iter().zip(made.iter());
                    let wanted = of_each.filter(|(message, _)| wants(message));
                    events.extend(wanted.map(|(_, event)| Arc::clone(event)));
                }
                Made::TooLarge if events.is_empty() => {
                    let wanted = batch.messages.iter().filter(wants);
                    let wanted = wanted.map(|message| Ok(message.into())).collect();
                    self.own = Some(self.gateway.make(&self.how, wanted));
                    self.batches.pop_front();
                    return None;
                }
                Made::TooLarge => break,
                Made::Failed => {
                    let id = self.how.request_id.as_str();
                    error!(
                        request.id = id,
                        "the events of a subscription could not be made"
                    );
                    let message = "the event could not be made";
                    let refusal = Refusal::not_now(ErrorCode::Internal, message);
                    return Some(Told::Answer(refusal.into()));
                }
            }
            self.batches.pop_front();
            if n_bytes(&events) > TOLD_BYTES {
                break;
            }
        }
        Some(Told::Events(events))
    }
}

#[cfg(test)]
mod tests;
