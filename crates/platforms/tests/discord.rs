//! The Discord adapter against the simulated Discord: every request goes over the wire.

#[path = "discord/rig.rs"]
mod rig;

#[path = "discord/calls.rs"]
mod calls;
#[path = "discord/hearing.rs"]
mod hearing;
#[path = "discord/limits.rs"]
mod limits;
#[path = "discord/orders.rs"]
mod orders;
