//! Chat history and live events on their way into the store. [`mod@format`] reads history out of files,
//! [`import`] and [`replay`] drive it, [`pipeline`] is the line every event passes.
//!
//! Must never know: HTTP, GraphQL, HTML.

mod ear;
pub mod format;
pub mod import;
pub mod pipeline;
mod reaction;
pub mod replay;
mod witness;

pub use ear::{Asked, Ears};
pub use pipeline::{Hooks, Ingest, IngestError, Settings, Tally};
pub use reaction::Reaction;
pub use witness::Witness;
