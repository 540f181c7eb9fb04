//! Simulated communities: invented people who talk, join, follow, cheer and are moderated, so that
//! the demo has something to show and tests have a crowd; and local servers ([`wire`]) that speak the
//! platforms' wire protocols, so that the real adapters have somebody to talk to.
//!
//! [`communities()`] lists the plans, [`History`] replays a plan's past day by day, [`machines()`] adds
//! those whom the detection of bots is about, [`Live`] and [`LiveMachines`] keep it talking. Everything follows from (seed, plan, day): the same three give the same events, ids and
//! texts on every machine, and no day depends on another having been generated.
//!
//! Must never: read a clock, use floating point (its library functions differ between platforms),
//! or name a real person. Addresses in texts are in reserved domains. (The servers do read
//! the time, as the platforms do; nothing that is generated depends on it.)

mod cast;
pub mod communities;
pub mod discord;
pub mod history;
pub mod live;
pub mod machines;
pub mod rhythm;
pub mod slack;
pub mod smtp;
pub mod theatre;
pub mod twitch;
pub mod wire;

mod dice;
mod names;
mod occasions;
mod person;
mod phrases;
mod roster;
mod scene;
mod script;
mod spam;

pub use cast::{CastMember, CastPart, cast};
pub use communities::{Channel, CommunityPlan, Place, SmallTalk, communities};
pub use history::History;
pub use live::Live;
pub use machines::{LiveMachines, machines};
pub use rhythm::{Growth, Rhythm};
pub use theatre::Theatre;

#[cfg(test)]
mod tests;
