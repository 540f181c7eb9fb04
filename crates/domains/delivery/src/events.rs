//! Domain events of delivery.

/// Something that was to be said in a community was not, or perhaps not. Payload: `{"community": id,
/// "delivery": id, "medium": name, "state": "failed"|"expired"|"unknown"}`.
pub const FAILED: &str = "delivery.failed";
