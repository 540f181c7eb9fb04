//! Domain events of identity, and who receives them as jobs. Later domains add a route each.

use store::event::Route;

/// A community was made. Payload: `{"community": id}`.
pub const COMMUNITY_CREATED: &str = "identity.community_created";
/// A person's role in a community changed. Payload: `{"community": id, "user": id, "role": name|null}`.
pub const ROLE_CHANGED: &str = "identity.role_changed";
/// Two people became one. Payload: `{"kept": id, "merged": id}`.
pub const PERSON_MERGED: &str = "identity.person_merged";
/// That was undone. Payload: `{"kept": id, "merged": id}`.
pub const PERSON_UNMERGED: &str = "identity.person_unmerged";

/// Nobody subscribes yet; the events are recorded all the same, for the feed and for webhooks.
pub(crate) const ROUTES: &[Route] = &[];
