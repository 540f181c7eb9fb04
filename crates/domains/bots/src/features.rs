//! What an account does, as numbers: a digest for each message, a state for each account in a community, and a vector of
//! signals from it. One file for each kind of signal; [`SCHEMA`] lists them all.
//!
//! Pure: no clock, no database, no randomness. What is missing is `NaN`, never a made-up number. No signal says which
//! platform an account is on, and none depends on whether a platform's times have seconds.
//!
//! A new signal: a row in its file's `SIGNALS`, a higher [`VERSION`], `cargo xtask codegen`. Older models refuse the new
//! schema, because its hash is another.

mod account;
mod attention;
mod digest;
mod facts;
mod norms;
mod numbers;
mod reading;
mod sample;
mod scene;
mod schema;
mod state;
mod tongue;

mod card;
mod clock;
mod context;
mod emoji;
mod ending;
mod exchange;
mod interval;
mod language;
mod latency;
mod length;
mod letters;
mod link;
mod pace;
mod partner;
mod repetition;
mod standing;
mod together;
mod turn;
mod wording;

#[cfg(test)]
mod tests;

pub use account::{Account, Community};
pub use digest::{DIGEST_BYTES, Digest, Message};
pub use facts::Facts;
pub use norms::{ENOUGH_MESSAGES, Norms};
pub use reading::{Ending, MOST_BYTES as MOST_TEXT_BYTES};
pub use scene::{MOST_BYTES as MOST_SCENE_BYTES, Scene, mark};
pub use schema::{Column, Group, SCHEMA, Schema, Signal, Use, reference};
pub use state::{BadState, DAYS, MOST_BYTES as MOST_STATE_BYTES, RING, State};

use kernel::Timestamp;
use sample::Sample;

/// Raised with every change of what a signal means.
pub const VERSION: u16 = 2;

/// The signals of one account at one moment: what was measured, and how far it lies from the community's norms, in the
/// order of [`Schema::columns`]; `NaN` where there is nothing to measure.
#[derive(Clone, PartialEq, Debug)]
pub struct Vector(Vec<f32>);

impl Vector {
    /// All values.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// What was measured, in the order of [`Schema::signals`].
    pub fn measured(&self) -> &[f32] {
        self.0.get(..SCHEMA.len()).unwrap_or_default()
    }

    /// The value of this name; `None` if there is none.
    pub fn get(&self, name: &str) -> Option<f32> {
        SCHEMA
            .position(name)
            .and_then(|place| self.0.get(place).copied())
    }

    /// A vector of stored values; `None` if there are not as many as there are columns.
    pub fn from_values(values: Vec<f32>) -> Option<Self> {
        (values.len() == SCHEMA.columns().len()).then_some(Self(values))
    }

    /// The same measurements of an account with so many messages in its ring, against other norms.
    #[must_use]
    pub fn against(&self, norms: &Norms, n_messages: usize) -> Self {
        let columns = SCHEMA.columns();
        let mut values = self.measured().to_vec();
        for column in columns.iter().filter(|column| column.against_norms) {
            if let Some(value) = self.0.get(column.place) {
                values.push(norms.distance(column.place, *value, n_messages));
            }
        }
        for together in together::TOGETHER {
            let distances = columns.iter().zip(values.iter().copied());
            values.push(together.of(distances.skip(SCHEMA.len())));
        }
        Self(values)
    }
}

impl State {
    /// The signals of this account at `now`.
    pub fn vector(&self, now: Timestamp, account: &Account, community: &Community) -> Vector {
        let sample = Sample::new(self, now, account, community);
        let measured = Vector(
            SCHEMA
                .signals()
                .map(|signal| numbers::single((signal.measure)(&sample)))
                .collect(),
        );
        measured.against(&community.norms, self.ring.len())
    }
}
