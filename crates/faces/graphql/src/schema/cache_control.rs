//! The directive that says how long an answer with a field may be kept, and for whom.
//!
//! Must never stand on a field whose change nobody hears of: a kept answer ends with its time, or when a
//! unit of work changes something that it may show (see `store::Reach`), and not before.

use async_graphql::{Enum, TypeDirective};

/// For whom an answer may be kept.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(name = "CacheControlScope")]
pub(crate) enum Scope {
    /// For everybody.
    Public,
    /// For one viewer with their rights.
    Private,
}

/// How long an answer with this may be kept, in seconds, and for whom. The least of an answer's fields
/// counts. A field of the root and a field with fields of its own keep nothing unless it says so here, or
/// its type does; `inheritMaxAge`: as long as what is around it.
#[TypeDirective(
    name = "cacheControl",
    location = "FieldDefinition",
    location = "Object"
)]
pub(crate) fn cache_control(
    max_age: Option<i32>,
    scope: Option<Scope>,
    inherit_max_age: Option<bool>,
) {
}
