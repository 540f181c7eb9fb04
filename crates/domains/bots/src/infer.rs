//! Asking a model directly: features in, a probability and its reasons out. For programs of others that measure by
//! themselves.
//!
//! Must never keep what it is asked about.

use std::collections::BTreeMap;

use kernel::Actor;

use crate::{
    Bots, BotsError, Cause, Probability,
    appeal::nobody,
    features::{Norms, SCHEMA, Vector},
    scorer::Judge,
};

/// Names in a message about unknown ones.
const SHOWN: usize = 5;

/// What a model says of a row of features.
#[derive(Clone, PartialEq, Debug)]
pub struct Inference {
    /// How probably it is automated.
    pub probability: Probability,
    /// Which model said so, [`SHIPPED_MODEL`](crate::SHIPPED_MODEL) = the one that ships.
    pub model: i32,
    /// What counted most, the strongest first, at most eight; nothing if the model cannot say.
    pub why: Vec<Cause>,
    /// Of how many numbers that the model looks at nothing was known. The more, the less the answer says: a model judges
    /// also by what is missing.
    pub n_missing: u32,
    /// How many numbers it looks at.
    pub n_columns: u32,
}

/// A vector of named values; what is left out was not measured. Distances from the norms that are left out are those from
/// what is usual everywhere.
fn vector(features: &BTreeMap<String, Option<f64>>) -> Result<Vector, BotsError> {
    let unknown: Vec<&str> = features
        .keys()
        .filter(|name| SCHEMA.position(name).is_none())
        .map(String::as_str)
        .take(SHOWN)
        .collect();
    if !unknown.is_empty() {
        let shown: Vec<String> = unknown
            .iter()
            .map(|name| name.chars().filter(|c| !c.is_control()).take(64).collect())
            .collect();
        return Err(BotsError::invalid(
            "features",
            format!("there are no such features: {}", shown.join(", ")),
        ));
    }
    if features.values().all(Option::is_none) {
        return Err(BotsError::invalid(
            "features",
            "nothing was measured: send the values of features by name, such as {\"repeated_texts\": 0.4}",
        ));
    }
    let of = |name: &String| features.get(name).copied().flatten();
    for (name, value) in features {
        let fits = |value: &f64| value.is_finite() && value.abs() <= f64::from(f32::MAX);
        if value.is_some_and(|value| !fits(&value)) {
            return Err(BotsError::invalid(
                "features",
                format!("`{name}` is not a finite number"),
            ));
        }
    }
    let names = SCHEMA.names();
    let given = names.iter().map(|name| of(name).map_or(f32::NAN, single));
    let given: Vec<f32> = given.collect();
    let broken = || BotsError::invalid("features", "there are features missing");
    let own = Vector::from_values(given.clone()).ok_or_else(broken)?;
    let against = own.against(&Norms::default(), crate::features::RING);
    let values = given.iter().zip(against.values());
    let whole = values.map(|(own, computed)| if own.is_nan() { *computed } else { *own });
    Vector::from_values(whole.collect()).ok_or_else(broken)
}

fn count<T>(of: impl Iterator<Item = T>) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}

fn single(value: f64) -> f32 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "checked to be within range; models look at this precision"
    )]
    let single = value as f32;
    single
}

impl Bots {
    /// What the model of the instance says of features by name: `None` and what is left out was not measured.
    pub async fn infer(
        &self,
        actor: &Actor,
        features: &BTreeMap<String, Option<f64>>,
    ) -> Result<Inference, BotsError> {
        if actor.user_id().is_none() {
            return Err(nobody());
        }
        let begun = self.clock.now();
        let vector = vector(features)?;
        let judge = self.scorer().await?.for_everybody();
        let Judge::Model(trained) = &*judge else {
            return Err(BotsError::Conflict(
                "there is no model for these features now: the rules score, and they look at messages".to_owned(),
            ));
        };
        let answer = Inference {
            probability: trained.probability(&vector),
            model: trained.id,
            why: judge.why_of(&vector, &Norms::default()),
            n_missing: count(trained.row(&vector).iter().filter(|value| value.is_nan())),
            n_columns: count(trained.row(&vector).iter()),
        };
        metrics::histogram!("waddlebot_bots_score_seconds", "of" => "given")
            .record(self.clock.now().since(begun));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::vector;
    use std::collections::BTreeMap;

    fn named(values: &[(&str, Option<f64>)]) -> BTreeMap<String, Option<f64>> {
        let pairs = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        pairs.collect()
    }

    #[test]
    fn what_is_left_out_is_missing_and_distances_follow_from_what_is_given() {
        let vector = vector(&named(&[
            ("repeated_texts", Some(1.0)),
            ("link_share", None),
        ]))
        .unwrap();
        assert_eq!(vector.get("repeated_texts"), Some(1.0));
        assert!(vector.get("link_share").unwrap().is_nan());
        assert!(vector.get("repeated_texts_here").unwrap() > 0.0);
        let given = super::vector(&named(&[("repeated_texts_here", Some(-3.0))])).unwrap();
        assert_eq!(given.get("repeated_texts_here"), Some(-3.0));
    }

    #[test]
    fn unknown_names_and_numbers_that_are_none_are_refused() {
        for wrong in [
            ("zodiac", Some(1.0)),
            ("link_share", Some(f64::NAN)),
            ("link_share", Some(1e300)),
        ] {
            let error = vector(&named(&[wrong])).unwrap_err();
            assert!(error.to_string().contains(wrong.0), "{error}");
        }
    }
}
