//! What the local servers of all platforms share: a log of every exchange, faults on demand, and a
//! place to listen on loopback. The servers themselves are beside this: `discord`, `twitch`, `slack`,
//! `smtp`.
//!
//! Must never listen anywhere but on loopback, or be reached by the program except through the wire.

mod exchange;
mod fault;
mod place;

pub use exchange::{Exchange, Exchanges};
pub use fault::{Fault, Faults, Rule};

pub use place::{LimitedAnswer, Place, around, listen};
