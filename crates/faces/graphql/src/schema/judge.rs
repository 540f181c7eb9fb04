//! What a document costs, reckoned by the engine after it has validated the document and before
//! anything is executed.
//!
//! A schema of its own: the engine tells its reckoning only to extensions, and an extension in the
//! schema that executes would slow down every field. Must never execute anything.

use std::sync::{Arc, OnceLock};

use async_graphql::{
    Request, ServerError, ValidationResult, Variables,
    async_trait::async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
    parser::types::ExecutableDocument,
};

use super::{Schema, mutation, root};

/// Judges documents.
pub(crate) struct Judge(Schema);

impl Judge {
    /// A judge.
    pub(crate) fn new() -> Self {
        let schema = Schema::build(
            root::Root::default(),
            mutation::Mutation::default(),
            root::Subscription::default(),
        )
        .disable_suggestions()
        .extension(Stop)
        .finish();
        Self(schema)
    }

    /// Validates a document and reckons its cost. Must be given what passed the walk: the engine writes fragments out.
    pub(crate) async fn judge(
        &self,
        document: ExecutableDocument,
        operation_name: Option<&str>,
        variables: Variables,
    ) -> Result<u64, Vec<ServerError>> {
        let found = Found::default();
        let mut request = Request::new(String::new())
            .variables(variables)
            .data(Arc::clone(&found));
        request.set_parsed_query(document);
        request.operation_name = operation_name.map(str::to_owned);
        let response = self.0.execute(request).await;
        let Some(result) = found.get() else {
            return Err(response.errors);
        };
        Ok(u64::try_from(result.complexity).unwrap_or(u64::MAX))
    }
}

type Found = Arc<OnceLock<ValidationResult>>;

/// Keeps what the engine reckoned and ends the request there.
struct Stop;

impl ExtensionFactory for Stop {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for Stop {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        if let Ok(found) = ctx.data::<Found>() {
            // Each request is validated once.
            let _ = found.set(result);
        }
        Err(vec![ServerError::new("judged", None)])
    }
}
