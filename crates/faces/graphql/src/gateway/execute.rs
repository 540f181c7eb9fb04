//! From parameters to an answer: the checks in their order, then the engine, bounded in time.
//!
//! Must never hand the engine a document that was not scanned and walked, nor let an error leave
//! without a code.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{
    Request, Response, ServerError, Value,
    parser::{parse_query, types::OperationType},
};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use kernel::ErrorCode;
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};

use super::{Gateway, complete::Plan, params::Params, refusal::Refusal, scan, walk};
use crate::{schema::Viewer, settings::Readers};

/// A request that passed every check that needs no schema.
pub(crate) struct Checked {
    request: Request,
    operation_name: Option<String>,
    viewer: Arc<Viewer>,
    plan: Plan,
    /// Query, mutation or subscription.
    pub(crate) kind: OperationType,
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
    },
    /// It was.
    Executed(Response),
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            status: refusal.status,
            well_formed: refusal.well_formed,
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
            return Self::Executed(response);
        }
        Self::Refused {
            errors: response.errors,
            status: 400,
            well_formed: true,
        }
    }
}

impl Gateway {
    /// Scans, parses and walks the document.
    pub(crate) fn check(&self, mut params: Params, viewer: Viewer) -> Result<Checked, Refusal> {
        let limits = &self.settings.limits;
        scan::scan(&params.query, limits)?;
        let document = parse_query(&params.query).map_err(|error| {
            let error = ServerError::from(error);
            let refusal = Refusal::parse(error.message);
            match error.locations.first() {
                Some(position) => refusal.at(*position),
                None => refusal,
            }
        })?;
        let operation = walk::walk(&document, params.operation_name.as_deref(), limits)?;
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
        let plan = Plan::new(&self.types, &document, operation, &variables);
        let viewer = Arc::new(viewer);
        let mut request = Request::new(String::new())
            .variables(variables)
            .data(Arc::clone(&viewer));
        if !self.may_read_schema(&viewer) {
            request = request.disable_introspection();
        }
        request.set_parsed_query(document);
        request.operation_name.clone_from(&params.operation_name);
        Ok(Checked {
            request,
            operation_name: params.operation_name,
            viewer,
            plan,
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

    /// Executes a query or mutation within its time.
    pub(crate) async fn execute(&self, checked: Checked) -> Answer {
        let Checked {
            request,
            operation_name,
            viewer,
            plan,
            ..
        } = checked;
        let limits = &self.settings.limits;
        let name = operation_name.as_deref().unwrap_or_default();
        let started = Instant::now();
        // A panic ends one request, not the connection with all the others on it.
        let guarded = AssertUnwindSafe(self.schema.execute(request)).catch_unwind();
        let outcome = timeout(limits.deadline, guarded).await;
        let elapsed = started.elapsed();
        if elapsed >= limits.slow {
            metrics::counter!("waddlebot_graphql_slow_total").increment(1);
            let elapsed_ms = elapsed.as_millis();
            warn!(
                request.id = viewer.request_id(),
                operation.name = name,
                elapsed_ms,
                "slow GraphQL query: {elapsed_ms} ms"
            );
        }
        metrics::counter!("waddlebot_graphql_executed_total").increment(1);
        metrics::histogram!("waddlebot_graphql_seconds").record(elapsed.as_secs_f64());
        match outcome {
            Ok(Ok(response)) => Answer::from(Self::finish(response, &plan, &viewer, name)),
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
    /// subscription. After a refusal the stream ends.
    pub(crate) fn stream(
        self: &Arc<Self>,
        checked: Checked,
    ) -> impl Stream<Item = Answer> + Send + 'static {
        let gateway = Arc::clone(self);
        if checked.kind != OperationType::Subscription {
            let once = async move { gateway.execute(checked).await };
            return stream::once(once).left_stream();
        }
        let Checked {
            request,
            operation_name,
            viewer,
            plan,
            ..
        } = checked;
        let name = operation_name.unwrap_or_default();
        self.schema
            .execute_stream(request)
            .map(move |response| {
                let response = Self::finish(response, &plan, &viewer, &name);
                // Whether it never began or an event could not be made: it goes no further.
                if response.data == Value::Null && !response.errors.is_empty() {
                    return Answer::Refused {
                        errors: response.errors,
                        status: 200,
                        well_formed: true,
                    };
                }
                Answer::Executed(response)
            })
            .right_stream()
    }

    /// Completes the data, gives every error a code and counts it.
    fn finish(
        mut response: Response,
        plan: &Plan,
        viewer: &Viewer,
        operation_name: &str,
    ) -> Response {
        plan.complete(&mut response);
        for error in &mut response.errors {
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
        if let Some(first) = response.errors.first() {
            // Messages may quote arguments, which may be about people: only codes are logged.
            let code = first.extensions.as_ref().and_then(|e| e.get("code"));
            info!(request.id = viewer.request_id(), operation.name = operation_name, n_errors = response.errors.len(), error.code = ?code.map(ToString::to_string), "GraphQL query answered with errors");
        }
        response
    }
}

/// The code of an error that the engine made itself; those of our resolvers have theirs.
fn engine_code(error: &mut ServerError) -> &'static str {
    if !error.path.is_empty() {
        // What resolvers refuse has a code: what is left is arguments the engine could not read.
        return ErrorCode::BadUserInput.as_str();
    }
    if error.message == "Query is too complex." {
        "the query costs too much: ask for shorter lists or fewer fields"
            .clone_into(&mut error.message);
        return "QUERY_TOO_COMPLEX";
    }
    "GRAPHQL_VALIDATION_FAILED"
}
