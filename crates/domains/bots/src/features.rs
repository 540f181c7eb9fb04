//! What an account does, as numbers: a digest for each message, a state for each account in a community, and a vector of
//! signals from it. One file for each kind of signal; [`SCHEMA`] lists them all.
//!
//! Pure: no clock, no database, no randomness. What is missing is `NaN`, never a made-up number. No signal says which
//! platform an account is on, and none depends on whether a platform's times have seconds.
//!
//! A new signal: a row in its file's `SIGNALS`, a higher [`VERSION`], `cargo xtask codegen`. Older models refuse the new
//! schema, because its hash is another.

mod account;
mod digest;
mod numbers;
mod reading;
mod sample;
mod scene;
mod schema;
mod state;

mod card;
mod clock;
mod context;
mod emoji;
mod ending;
mod interval;
mod latency;
mod length;
mod letters;
mod link;
mod pace;
mod partner;
mod repetition;
mod standing;
mod turn;
mod wording;

#[cfg(test)]
mod tests;

pub use account::{Account, Community};
pub use digest::{DIGEST_BYTES, Digest, Message};
pub use reading::{Ending, MOST_BYTES as MOST_TEXT_BYTES};
pub use scene::{MOST_BYTES as MOST_SCENE_BYTES, Scene, mark};
pub use schema::{Group, SCHEMA, Schema, Signal, Use, reference};
pub use state::{BadState, DAYS, MOST_BYTES as MOST_STATE_BYTES, RING, State};

use kernel::Timestamp;
use sample::Sample;

/// Raised with every change of what a signal means.
pub const VERSION: u16 = 1;

/// The signals of one account at one moment, in the order of [`SCHEMA`]; `NaN` where there is nothing to measure.
#[derive(Clone, PartialEq, Debug)]
pub struct Vector(Vec<f32>);

impl Vector {
    /// The values, in the order of [`SCHEMA`].
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// The value of a signal of this name; `None` if there is no such signal.
    pub fn get(&self, name: &str) -> Option<f32> {
        SCHEMA
            .position(name)
            .and_then(|place| self.0.get(place).copied())
    }

    /// A vector of stored values; `None` if there are not as many as there are signals.
    pub fn from_values(values: Vec<f32>) -> Option<Self> {
        (values.len() == SCHEMA.len()).then_some(Self(values))
    }
}

impl State {
    /// The signals of this account at `now`.
    pub fn vector(&self, now: Timestamp, account: &Account, community: &Community) -> Vector {
        let sample = Sample::new(self, now, account, community);
        Vector(
            SCHEMA
                .signals()
                .map(|signal| numbers::single((signal.measure)(&sample)))
                .collect(),
        )
    }
}
