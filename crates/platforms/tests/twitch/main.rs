//! The Twitch adapter against the simulated Twitch: real HTTP and WebSockets on loopback.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod world;
