//! From parameters to an answer: the checks in their order, then the engine, bounded in time.
//!
//! Must never hand the engine a document that was not scanned and walked, nor let an error leave
//! without a code.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{
    Request, Response, ServerError, Value, Variables, parser::types::OperationType,
};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use kernel::ErrorCode;
use tokio::time::{Instant, timeout};
use tracing::{error, info};

use super::{
    Gateway,
    answers::Kept,
    complete::Plan,
    documents::Document,
    params::Params,
    policy::Policy,
    refusal::Refusal,
    reply::Reply,
    share::Told,
    toll, walk,
    watch::{Seen, Watch},
};
use crate::{
    schema::{Judge, Viewer},
    settings::Readers,
};

/// A request that passed every check that needs no schema.
pub(crate) struct Checked {
    pub(super) document: Arc<Document>,
    pub(super) variables: Variables,
    pub(super) operation_name: Option<String>,
    viewer: Arc<Viewer>,
    pub(super) plan: Arc<Plan>,
    reads_schema: bool,
    pub(super) tells_cost: bool,
    policy: Option<Policy>,
    /// Query, mutation or subscription.
    pub(crate) kind: OperationType,
}

impl Checked {
    /// Who asks.
    pub(crate) fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// The name of the operation, empty if none was given.
    pub(crate) fn name(&self) -> &str {
        self.operation_name.as_deref().unwrap_or_default()
    }

    /// How long the answer may be kept; `None` if it is not to be.
    pub(crate) const fn policy(&self) -> Option<Policy> {
        self.policy
    }

    /// The name of the operation, also where the document has only one and the request names none.
    pub(crate) fn operation(&self) -> Option<&str> {
        let mut operations = self.document.parsed.operations.iter();
        let only = operations.next().and_then(|(name, _)| name);
        let named = self.operation_name.as_deref();
        named.or_else(|| only.map(async_graphql::Name::as_str))
    }

    /// The name of the document.
    pub(crate) fn digest(&self) -> &[u8] {
        &self.document.digest
    }

    /// The variables, with their defaults.
    pub(crate) const fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Validates the document and reckons its cost.
    pub(crate) async fn judge(&self, judge: &Judge) -> Result<u64, Vec<ServerError>> {
        let (document, variables) = (self.document.parsed.clone(), self.variables.clone());
        let name = self.operation_name.as_deref();
        judge.judge(document, name, variables).await
    }

    /// For the engine, and what is left to do with its answer.
    pub(super) fn begin(self) -> (Request, Finish) {
        let mut request = Request::new(String::new())
            .variables(self.variables)
            .data(Arc::clone(&self.viewer));
        if !self.reads_schema {
            request = request.disable_introspection();
        }
        request.set_parsed_query(self.document.parsed.clone());
        request.operation_name.clone_from(&self.operation_name);
        let finish = Finish {
            name: self.operation_name.unwrap_or_default(),
            viewer: self.viewer,
            plan: self.plan,
            tells_cost: self.tells_cost,
        };
        (request, finish)
    }
}

/// What is left to do with an answer of the engine.
pub(super) struct Finish {
    name: String,
    viewer: Arc<Viewer>,
    plan: Arc<Plan>,
    tells_cost: bool,
}

/// What became of a request.
pub(crate) enum Answer {
    /// It was not executed.
    Refused {
        /// Why.
        errors: Vec<ServerError>,
        /// The HTTP status, where the protocol asks for one.
        status: u16,
        /// Whether only the document was at fault.
        well_formed: bool,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// It was.
    Executed(Reply),
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            status: refusal.status,
            well_formed: refusal.well_formed,
            retry_after: refusal.retry_after,
            errors: vec![refusal.into_error()],
        }
    }
}

impl From<Response> for Answer {
    /// The engine refuses what does not fit the schema: errors, no data, and no place in the data
    /// that the errors belong to.
    fn from(response: Response) -> Self {
        let refused = response.data == Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.is_empty());
        if !refused {
            return Self::Executed(response.into());
        }
        Self::Refused {
            errors: response.errors,
            status: 400,
            well_formed: true,
            retry_after: None,
        }
    }
}

impl Answer {
    /// The code of its first error; `None` if it has none.
    pub(crate) fn code(&self) -> Option<&str> {
        let error = match self {
            Self::Refused { errors, .. } => errors.first(),
            Self::Executed(reply) => reply.error(),
        };
        match error?.extensions.as_ref()?.get("code")? {
            Value::String(code) => Some(code),
            _ => None,
        }
    }

    /// The document does not fit the schema, as the engine found.
    pub(crate) fn invalid(mut errors: Vec<ServerError>, viewer: &Viewer, name: &str) -> Self {
        name_errors(&mut errors, viewer.request_id(), name);
        Self::Refused {
            errors,
            status: 400,
            well_formed: true,
            retry_after: None,
        }
    }
}

impl Gateway {
    /// Finds the document, scanned and walked, and the operation in it.
    pub(crate) async fn check(&self, params: Params, viewer: Viewer) -> Result<Checked, Refusal> {
        let found = self.look_up(params, viewer).await;
        if let Err(refusal) = &found {
            self.app.usage.refused(refusal.code);
        }
        found
    }

    async fn look_up(&self, mut params: Params, viewer: Viewer) -> Result<Checked, Refusal> {
        let limits = &self.settings.limits;
        let is_stranger = viewer.user().is_none();
        let document = self
            .documents
            .find(&self.app, &params, is_stranger, limits)
            .await?;
        let operation = walk::resolve(&document.parsed, params.operation_name.as_deref())?;
        let kind = operation.ty;
        let mut variables = params.variables();
        // The engine forgets the defaults of variables where it reads `@include` and `@skip`.
        for definition in &operation.variable_definitions {
            if let Some(default) = &definition.node.default_value {
                let name = definition.node.name.node.clone();
                variables
                    .entry(name)
                    .or_insert_with(|| default.node.clone());
            }
        }
        // What an answer cost is not the next one's.
        let policy = self.hints.policy(&document.parsed, operation);
        let policy = policy.filter(|_| !params.tells_cost);
        let plan = Plan::new(&self.types, &document.parsed, operation, &variables);
        Ok(Checked {
            plan: Arc::new(plan),
            document,
            variables,
            operation_name: params.operation_name,
            reads_schema: self.may_read_schema(&viewer),
            tells_cost: params.tells_cost,
            policy,
            viewer: Arc::new(viewer),
            kind,
        })
    }

    /// Whether introspection, GraphiQL and the schema file are for this viewer.
    pub(crate) fn may_read_schema(&self, viewer: &Viewer) -> bool {
        match self.settings.schema_readers {
            Readers::Everyone => true,
            Readers::SignedIn => viewer.user().is_some(),
            Readers::Nobody => false,
        }
    }

    /// Answers a query or mutation, and counts it.
    pub(crate) async fn execute(&self, checked: Checked) -> Answer {
        let watch = Watch::new(&checked);
        let mut seen = Seen::default();
        let answer = self.kept_or_made(checked, &mut seen).await;
        watch.stop(&self.app, self.settings.limits.slow, &seen, &answer);
        answer
    }

    /// Answers a query or mutation: with what was kept, or else by executing it.
    async fn kept_or_made(&self, checked: Checked, seen: &mut Seen) -> Answer {
        let slot = self.slot(&checked).await;
        // Others who ask the same wait until this is dropped.
        let mut turn = None;
        if let Some(slot) = &slot {
            match self.kept_or_turn(slot).await {
                Ok(kept) => {
                    seen.cost = Some(kept.cost);
                    return match self.pay(checked.viewer(), kept.cost).await {
                        Ok(()) => {
                            seen.is_kept = true;
                            let freshness = self.freshness(slot, &kept);
                            Answer::Executed(Reply::kept(kept.body, freshness))
                        }
                        Err(refusal) => refusal.into(),
                    };
                }
                Err(own) => turn = own,
            }
        }
        let cost = match self.admit(&checked).await {
            Ok(cost) => cost,
            Err(refused) => return refused,
        };
        seen.cost = Some(cost);
        let made_at = self.app.clock.now();
        match (slot, self.run(checked).await) {
            (Some(slot), Answer::Executed(reply)) if reply.error().is_none() => {
                let Ok(body) = reply.json() else {
                    let message = "the answer could not be written";
                    return Refusal::not_now(ErrorCode::Internal, message).into();
                };
                let kept = Kept {
                    cost,
                    made_at,
                    body,
                };
                self.keep(&slot, &kept).await;
                drop(turn);
                let freshness = self.freshness(&slot, &kept);
                Answer::Executed(Reply::kept(kept.body, freshness))
            }
            (_, answer) => answer,
        }
    }

    /// Executes a query or mutation within its time.
    async fn run(&self, checked: Checked) -> Answer {
        let limits = &self.settings.limits;
        let (request, finish) = checked.begin();
        let (viewer, name) = (&finish.viewer, finish.name.as_str());
        let started = Instant::now();
        // A panic ends one request, not the connection with all the others on it.
        let guarded = AssertUnwindSafe(self.schema.execute(request)).catch_unwind();
        let outcome = timeout(limits.deadline, guarded).await;
        let elapsed = started.elapsed();
        metrics::counter!("waddlebot_graphql_executed_total").increment(1);
        metrics::histogram!("waddlebot_graphql_seconds").record(elapsed.as_secs_f64());
        match outcome {
            Ok(Ok(response)) => Answer::from(finish.response(response, limits.cost)),
            Ok(Err(_panic)) => {
                metrics::counter!("waddlebot_graphql_errors_total").increment(1);
                error!(
                    request.id = viewer.request_id(),
                    operation.name = name,
                    "a GraphQL resolver panicked"
                );
                Answer::from(Refusal::not_now(
                    ErrorCode::Internal,
                    viewer.internal_message(),
                ))
            }
            Err(_elapsed) => {
                metrics::counter!("waddlebot_graphql_errors_total").increment(1);
                Answer::from(Refusal::not_now(
                    ErrorCode::Unavailable,
                    format!(
                        "the query took longer than {} s and was stopped: ask for less, or try again later",
                        limits.deadline.as_secs()
                    ),
                ))
            }
        }
    }

    /// Executes any kind of operation as a stream of answers: one for a query, many for a
    /// subscription, which takes so many messages at once as are enough if they wait. After a refusal the stream ends.
    pub(crate) fn stream(
        self: &Arc<Self>,
        checked: Checked,
        enough: usize,
    ) -> impl Stream<Item = Told> + Send + 'static {
        let gateway = Arc::clone(self);
        if checked.kind != OperationType::Subscription {
            let once = async move { Told::Answer(gateway.execute(checked).await) };
            return stream::once(Box::pin(once)).left_stream();
        }
        let begin = async move {
            match gateway.admit(&checked).await {
                Ok(_) => gateway.follow(checked, enough).left_stream(),
                Err(refused) => {
                    let code = refused.code().unwrap_or_default();
                    gateway.app.usage.refused(code);
                    stream::iter([Told::Answer(refused)]).right_stream()
                }
            }
        };
        // Boxed: a subscription that waits does not keep room for how it began.
        stream::once(Box::pin(begin)).flatten().right_stream()
    }
}

impl Finish {
    /// Completes the data, gives every error a code and says what it cost if that was asked.
    pub(super) fn response(&self, mut response: Response, budget: u64) -> Response {
        self.plan.complete(&mut response);
        name_errors(&mut response.errors, self.viewer.request_id(), &self.name);
        if let Some(toll) = self.viewer.toll().filter(|_| self.tells_cost) {
            let told = toll::told(toll, budget);
            response.extensions.insert("cost".to_owned(), told);
        }
        response
    }
}

/// Gives every error a code and counts it.
pub(super) fn name_errors(errors: &mut [ServerError], request_id: &str, operation_name: &str) {
    for error in &mut *errors {
        metrics::counter!("waddlebot_graphql_errors_total").increment(1);
        let uncoded = error
            .extensions
            .as_ref()
            .is_none_or(|extensions| extensions.get("code").is_none());
        if uncoded {
            let code = engine_code(error);
            error.extensions.get_or_insert_default().set("code", code);
        }
    }
    if let Some(first) = errors.first() {
        // Messages may quote arguments, which may be about people: only codes are logged.
        let code = first.extensions.as_ref().and_then(|e| e.get("code"));
        info!(request.id = request_id, operation.name = operation_name, n_errors = errors.len(), error.code = ?code.map(ToString::to_string), "GraphQL query answered with errors");
    }
}

/// The code of an error that the engine made itself; those of our resolvers have theirs.
fn engine_code(error: &ServerError) -> &'static str {
    if !error.path.is_empty() {
        // What resolvers refuse has a code: what is left is arguments the engine could not read.
        return ErrorCode::BadUserInput.as_str();
    }
    "GRAPHQL_VALIDATION_FAILED"
}
