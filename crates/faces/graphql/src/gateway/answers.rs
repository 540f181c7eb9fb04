//! Answers that are kept for some seconds, so that the same question of the same viewer is worked out
//! once. An answer is found under everything it depends on: the schema, the document, its operation and
//! variables, the viewer with the rights they have at this moment, and the generation of what it may show,
//! which grows with every change in whatever process ([`app::App::generation_for`]).
//!
//! Must never keep an answer with an error, nor find one that was made before a change was committed.

use std::time::Duration;

use kernel::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tracing::warn;

use super::{
    Gateway,
    execute::Checked,
    flights::{Flight, Turn},
    policy::Policy,
};

/// How an answer is found, and how long it may be kept.
pub(crate) struct Slot {
    key: String,
    policy: Policy,
}

/// An answer that was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    /// What its query costs.
    pub(crate) cost: u64,
    /// When it was made.
    pub(crate) made_at: Timestamp,
    /// It, as JSON.
    pub(crate) body: String,
}

impl Kept {
    /// As bytes: cost and time in a line of their own.
    fn pack(&self) -> Vec<u8> {
        format!("{} {}\n{}", self.cost, self.made_at.0, self.body).into_bytes()
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once('\n')?;
        let (cost, made_at) = head.split_once(' ')?;
        Some(Self {
            cost: cost.parse().ok()?,
            made_at: Timestamp(made_at.parse().ok()?),
            body: body.to_owned(),
        })
    }
}

/// What a client may be told of an answer's age.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Freshness {
    /// How long it may be kept, from when it was made.
    pub(crate) policy: Policy,
    /// How old it is.
    pub(crate) age: Duration,
}

impl Gateway {
    /// Where the answer to a request would be kept; `None` if it is not to be.
    pub(crate) async fn slot(&self, checked: &Checked) -> Option<Slot> {
        let policy = checked.policy()?;
        let viewer = checked.viewer();
        // Before anything else is read: what is read after it is at least as new.
        let generation = match self.app.generation_for(viewer.actor()).await {
            Ok(generation) => generation,
            Err(error) => {
                warn!(error = %error, "answers are not kept: the generation could not be read");
                return None;
            }
        };
        let rights = if policy.is_public {
            String::new()
        } else {
            viewer.actor().rights()
        };
        let variables = Value::Object(
            checked
                .variables()
                .iter()
                .map(|(name, value)| Some((name.to_string(), value.clone().into_json().ok()?)))
                .collect::<Option<_>>()?,
        );
        let key = key(&[
            self.schema_digest.as_slice(),
            checked.digest(),
            checked.name().as_bytes(),
            variables.to_string().as_bytes(),
            rights.as_bytes(),
            &generation.to_be_bytes(),
        ]);
        Some(Slot { key, policy })
    }

    /// What is kept there; else it is one's turn to make it, unless somebody makes it at this moment: then
    /// what they kept.
    pub(crate) async fn kept_or_turn(&self, slot: &Slot) -> Result<Kept, Option<Flight<'_>>> {
        let found = match self.kept(slot).await {
            Some(kept) => Ok(kept),
            None => match self.flights.join(&slot.key) {
                // Somebody may have kept it since it was looked for.
                Turn::Own(own) => self.kept(slot).await.ok_or(Some(own)),
                Turn::Others(wait) => {
                    wait.end().await;
                    self.kept(slot).await.ok_or(None)
                }
            },
        };
        let from = if found.is_ok() { "kept" } else { "made" };
        metrics::counter!("waddlebot_graphql_answers_total", "from" => from).increment(1);
        found
    }

    async fn kept(&self, slot: &Slot) -> Option<Kept> {
        let bytes = self.app.kept_answer(&slot.key).await;
        let kept = bytes.and_then(|bytes| Kept::unpack(&bytes));
        // An engine may keep it longer than it was asked to.
        kept.filter(|kept| self.freshness(slot, kept).age < slot.policy.max_age)
    }

    /// Keeps an answer there.
    pub(crate) async fn keep(&self, slot: &Slot, kept: &Kept) {
        let ttl = slot.policy.max_age;
        self.app
            .keep_answer(&slot.key, kept.pack().into(), ttl)
            .await;
    }

    /// How old an answer is now.
    pub(crate) fn freshness(&self, slot: &Slot, kept: &Kept) -> Freshness {
        Freshness {
            policy: slot.policy,
            age: self.app.clock.now().since(kept.made_at),
        }
    }
}

/// One text for all parts; each says how long it is, so that no two lists of parts have the same.
fn key(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    format!("graphql:{}", kernel::random::hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;

    use super::{Kept, key};

    #[test]
    fn parts_that_join_to_the_same_text_have_different_keys() {
        let keys = [
            key(&[b"ab", b"c"]),
            key(&[b"a", b"bc"]),
            key(&[b"abc"]),
            key(&[b"abc", b""]),
            key(&[b"", b"abc"]),
        ];
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        assert!(keys.iter().all(|key| key.len() < 100));
    }

    #[test]
    fn an_answer_survives_being_kept_and_nonsense_is_none() {
        let kept = Kept {
            cost: 15,
            made_at: Timestamp(-7),
            body: "{\"data\":\n\"é\"}".to_owned(),
        };
        assert_eq!(Kept::unpack(&kept.pack()), Some(kept));
        for nonsense in ["", "\n", "1\n{}", "1 2", "x 2\n{}", "1 y\n{}"] {
            assert_eq!(Kept::unpack(nonsense.as_bytes()), None, "{nonsense:?}");
        }
        assert_eq!(Kept::unpack(b"1 2\n\xff"), None);
    }
}
