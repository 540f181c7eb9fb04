//! Chat history and live events on their way into the store. [`mod@format`] reads history out of files,
//! [`import`] and [`replay`] drive it, [`pipeline`] is the line every event passes.
//!
//! Must never know: HTTP, GraphQL, HTML.

pub mod format;
pub mod import;
pub mod pipeline;
mod reaction;
pub mod replay;

pub use pipeline::{Ingest, IngestError, Settings, Tally};
pub use reaction::Reaction;
