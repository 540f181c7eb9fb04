//! The Discord adapter against the simulated Discord: every request goes over the wire.

mod calls;
mod hearing;
mod limits;
mod orders;
pub(crate) mod rig;
