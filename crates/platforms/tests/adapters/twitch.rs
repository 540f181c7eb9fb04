//! The Twitch adapter against the simulated Twitch: real HTTP and WebSockets on loopback.

mod faults;
mod flow;
mod hooks;
mod sockets;
pub(crate) mod world;
