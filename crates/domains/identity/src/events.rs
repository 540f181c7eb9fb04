//! Domain events of identity, and who receives them as jobs. Payloads have ids and public names only.

use store::event::Route;

/// A community's settings changed. Payload: as a message of a webhook has it, see the catalogue.
pub const COMMUNITY_UPDATED: &str = "identity.community_updated";
/// A server was connected to a community. Payload: `{"community", "server", "platform", "name"}`.
pub const SERVER_CONNECTED: &str = "identity.server_connected";
/// A server was disconnected from a community. Payload: `{"community", "server", "platform", "name"}`.
pub const SERVER_DISCONNECTED: &str = "identity.server_disconnected";
/// Somebody who was known in a community is being erased. Payload: `{"community": id, "user": id}`.
pub const PERSON_ERASED: &str = "identity.person_erased";
/// A community was made. Payload: `{"community": id}`.
pub const COMMUNITY_CREATED: &str = "identity.community_created";
/// A person's role in a community changed. Payload: `{"community": id, "user": id, "role": name|null}`.
pub const ROLE_CHANGED: &str = "identity.role_changed";
/// Two people became one. Payload: `{"kept": id, "merged": id}`, once for all and once for each
/// community in which the merged one was known, with `"community": id` there.
pub const PERSON_MERGED: &str = "identity.person_merged";
/// That was undone. Payload and number as of the merge.
pub const PERSON_UNMERGED: &str = "identity.person_unmerged";

/// Nobody subscribes with a job of its own; webhooks hear of every event without one.
pub(crate) const ROUTES: &[Route] = &[];
