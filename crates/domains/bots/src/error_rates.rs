//! What a judge gets wrong at a threshold: of people the share that it would call bots, of bots the share that it would
//! miss, measured on accounts of which it had learned nothing and kept beside the model.
//!
//! Must never guess: a judge that was not measured has no rates, nor has one at a threshold where it was not measured.

use std::sync::LazyLock;

use ::store::StoreError;
use kernel::{Actor, CommunityId, Permission};
use ml::metrics::Confusion;
use serde_json::{Value, json};

use crate::{Bots, BotsError, Probability, SHIPPED_MODEL, prior, store::model as table};

/// The most points that are read of a model that was brought along.
const POINTS_MAX: usize = 1_000;

static SHIPPED_CURVE: LazyLock<Option<ErrorCurve>> =
    LazyLock::new(|| ErrorCurve::read(prior::metrics()?.get("errors")?));

/// What goes wrong at a threshold.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ErrorRates {
    /// Of people, the share that is called a bot, 0 to 1.
    pub false_positive: f64,
    /// Of bots, the share that is missed, 0 to 1.
    pub false_negative: f64,
}

/// Whom a judge was measured on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MeasuredOn {
    /// How many people.
    pub people: u64,
    /// How many bots.
    pub bots: u64,
}

/// The mistakes to expect of whoever judges a community, at two thresholds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ExpectedErrors {
    /// The model that judges there, 0 = the one that ships; `None` = the rules.
    pub model: Option<i32>,
    /// Whom it was measured on; `None` = it brings no figures.
    pub measured_on: Option<MeasuredOn>,
    /// From the threshold on from which somebody is likely a bot.
    pub likely: Option<ErrorRates>,
    /// From the one on from which somebody is possibly one.
    pub possible: Option<ErrorRates>,
    /// The threshold that was chosen for a registered model when it was made; `None` = it has none of its own.
    pub best: Option<Probability>,
}

/// Rates at ascending thresholds.
#[derive(Clone, PartialEq, Debug)]
pub struct ErrorCurve {
    points: Vec<Point>,
    measured_on: MeasuredOn,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Point {
    /// 0 to 1.
    threshold: f64,
    rates: ErrorRates,
}

impl ErrorCurve {
    /// Counts what goes wrong at each whole percent; `None` without both kinds. Scores are probabilities.
    pub(crate) fn of(scores: &[f64], labels: &[bool]) -> Option<Self> {
        let at = |percent: u32| Point {
            threshold: Probability::percent(percent).value(),
            rates: rates(&Confusion::at(
                scores,
                labels,
                Probability::percent(percent).value(),
            )),
        };
        let all: Vec<Point> = (0..=100).map(at).collect();
        let bots = labels.iter().filter(|label| **label).count();
        Self::new(without_the_straight(&all), labels.len() - bots, bots)
    }

    /// What was measured of the model that ships.
    pub(crate) fn shipped() -> Option<&'static Self> {
        SHIPPED_CURVE.as_ref()
    }

    /// Of whom it was measured.
    pub(crate) const fn measured_on(&self) -> MeasuredOn {
        self.measured_on
    }

    fn new(points: Vec<Point>, people: usize, bots: usize) -> Option<Self> {
        let is_measured = people > 0 && bots > 0 && !points.is_empty();
        let measured_on = MeasuredOn {
            people: u64::try_from(people).unwrap_or(u64::MAX),
            bots: u64::try_from(bots).unwrap_or(u64::MAX),
        };
        is_measured.then_some(Self {
            points,
            measured_on,
        })
    }

    /// As it is kept: `{"people": …, "bots": …, "points": [[threshold, false positives, false negatives], …]}`.
    pub fn to_json(&self) -> Value {
        let point = |point: &Point| {
            json!([
                rounded(point.threshold),
                rounded(point.rates.false_positive),
                rounded(point.rates.false_negative)
            ])
        };
        json!({
            "people": self.measured_on.people,
            "bots": self.measured_on.bots,
            "points": self.points.iter().map(point).collect::<Vec<Value>>(),
        })
    }

    /// Reads it; `None` for what is none: thresholds ascend, all numbers are 0 to 1, and there are people and bots.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let count = |name: &str| usize::try_from(value.get(name)?.as_u64()?).ok();
        let list = value.get("points")?.as_array()?;
        if list.len() > POINTS_MAX {
            return None;
        }
        let points: Option<Vec<Point>> = list.iter().map(point).collect();
        let points = points?;
        let mut pairs = points.iter().zip(points.iter().skip(1));
        let ascends = pairs.all(|(one, next)| one.threshold < next.threshold);
        ascends
            .then(|| Self::new(points, count("people")?, count("bots")?))
            .flatten()
    }

    /// What goes wrong from a threshold on, in a straight line between what was measured; `None` beyond it.
    pub(crate) fn at(&self, threshold: Probability) -> Option<ErrorRates> {
        let wanted = threshold.value();
        let next = self.points.iter().find(|point| point.threshold >= wanted)?;
        let mut before = self.points.iter().rev();
        let before = before.find(|point| point.threshold <= wanted)?;
        let width = next.threshold - before.threshold;
        let way = if width > 0.0 {
            (wanted - before.threshold) / width
        } else {
            0.0
        };
        let between = |from: f64, to: f64| (to - from).mul_add(way, from);
        Some(ErrorRates {
            false_positive: between(before.rates.false_positive, next.rates.false_positive),
            false_negative: between(before.rates.false_negative, next.rates.false_negative),
        })
    }
}

fn rates(counts: &Confusion) -> ErrorRates {
    ErrorRates {
        false_positive: counts.false_positive_rate(),
        false_negative: 1.0 - counts.recall(),
    }
}

fn point(value: &Value) -> Option<Point> {
    let [threshold, false_positive, false_negative] = value.as_array()?.as_slice() else {
        return None;
    };
    let share = |value: &Value| value.as_f64().filter(|share| (0.0..=1.0).contains(share));
    Some(Point {
        threshold: share(threshold)?,
        rates: ErrorRates {
            false_positive: share(false_positive)?,
            false_negative: share(false_negative)?,
        },
    })
}

/// Leaves out what has the same rates on either side: the line between those says the same.
fn without_the_straight(all: &[Point]) -> Vec<Point> {
    let same = |other: Option<&Point>, point: &Point| {
        other.is_some_and(|other| other.rates == point.rates)
    };
    all.iter()
        .enumerate()
        .filter(|(place, point)| {
            let before = place.checked_sub(1).and_then(|before| all.get(before));
            !(same(before, point) && same(all.get(place + 1), point))
        })
        .map(|(_, point)| *point)
        .collect()
}

/// To five digits: a hundredth of a percent and a bit.
fn rounded(value: f64) -> f64 {
    (value * 100_000.0).round() / 100_000.0
}

/// What is known of whoever judges a community.
pub(crate) struct Measured {
    model: Option<i32>,
    /// What a registered model brings.
    registered: Option<ErrorCurve>,
    /// Its own threshold.
    best: Option<Probability>,
}

impl Measured {
    /// The mistakes to expect at two thresholds.
    pub(crate) fn expected(&self, likely: Probability, possible: Probability) -> ExpectedErrors {
        let curve = match self.model {
            Some(SHIPPED_MODEL) => SHIPPED_CURVE.as_ref(),
            _ => self.registered.as_ref(),
        };
        let at = |threshold| curve.and_then(|curve| curve.at(threshold));
        ExpectedErrors {
            model: self.model,
            measured_on: curve.map(|curve| curve.measured_on),
            likely: at(likely),
            possible: at(possible),
            best: self.best,
        }
    }
}

impl Bots {
    /// The mistakes to expect of whoever judges a community now, should somebody be likely or possibly a bot from these
    /// thresholds on.
    pub async fn expected_errors(
        &self,
        actor: &Actor,
        community: CommunityId,
        likely: Probability,
        possible: Probability,
    ) -> Result<ExpectedErrors, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let measured = self.measured(community).await?;
        Ok(measured.expected(likely, possible))
    }

    /// What is known of whoever judges a community now.
    pub(crate) async fn measured(&self, community: CommunityId) -> Result<Measured, StoreError> {
        let model = self.scorer().await?.for_community(community).model();
        let registered = match model {
            None | Some(SHIPPED_MODEL) => None,
            Some(id) => table::by_id(self.db.read(), id).await?,
        };
        Ok(Measured {
            model,
            best: registered.as_ref().and_then(|model| model.threshold),
            registered: registered.and_then(|model| ErrorCurve::read(model.metrics.get("errors")?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorCurve, ErrorRates, MeasuredOn, SHIPPED_CURVE};
    use crate::Probability;
    use serde_json::json;

    fn at(curve: &ErrorCurve, percent: u32) -> Option<(f64, f64)> {
        let found = curve.at(Probability::percent(percent))?;
        let short = |share: f64| (share * 1_000.0).round() / 1_000.0;
        Some((short(found.false_positive), short(found.false_negative)))
    }

    #[test]
    fn who_is_on_the_threshold_is_called_a_bot_and_between_two_percents_the_line_counts() {
        let scores = [0.1, 0.2, 0.5, 0.9, 0.4, 0.8];
        let labels = [false, false, false, false, true, true];
        let curve = ErrorCurve::of(&scores, &labels).unwrap();
        assert_eq!(curve.measured_on, MeasuredOn { people: 4, bots: 2 });
        assert_eq!(at(&curve, 0), Some((1.0, 0.0)));
        assert_eq!(at(&curve, 10), Some((1.0, 0.0)));
        assert_eq!(at(&curve, 50), Some((0.5, 0.5)));
        assert_eq!(at(&curve, 51), Some((0.25, 0.5)));
        assert_eq!(at(&curve, 100), Some((0.0, 1.0)));
        let half = curve.at(Probability::millionths(505_000)).unwrap();
        assert!((half.false_positive - 0.375).abs() < 1e-9, "{half:?}");
        // What is left out where nothing changes is not missed.
        assert!(curve.points.len() < 20, "{}", curve.points.len());
        let kept = ErrorCurve::read(&curve.to_json()).unwrap();
        for percent in 0..=100 {
            assert_eq!(at(&kept, percent), at(&curve, percent), "{percent}");
        }
    }

    #[test]
    fn without_both_kinds_nothing_is_known() {
        assert_eq!(ErrorCurve::of(&[0.3, 0.4], &[false, false]), None);
        assert_eq!(ErrorCurve::of(&[], &[]), None);
    }

    #[test]
    fn a_model_from_elsewhere_says_what_it_measured_and_nothing_beyond_it() {
        let read =
            |points| ErrorCurve::read(&json!({ "people": 50, "bots": 20, "points": points }));
        let few = read(json!([[0.5, 0.1, 0.2], [0.7, 0.0, 0.4]])).unwrap();
        assert_eq!(at(&few, 60), Some((0.05, 0.3)));
        assert_eq!((at(&few, 49), at(&few, 71)), (None, None));
        for wrong in [
            json!([]),
            json!([[0.5, 0.1]]),
            json!([[0.5, 0.1, 1.2]]),
            json!([[0.5, 0.1, 0.2], [0.5, 0.1, 0.2]]),
            json!([[0.5, 0.1, "most"]]),
            json!("none"),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
        let nobody = json!({ "people": 0, "bots": 20, "points": [[0.5, 0.1, 0.2]] });
        assert_eq!(ErrorCurve::read(&nobody), None);
    }

    #[test]
    fn the_model_that_ships_brings_its_errors_and_more_certainty_accuses_fewer() {
        let curve = SHIPPED_CURVE.clone().unwrap();
        let measured = curve.measured_on;
        assert!(
            measured.people > 1_000 && measured.bots > 100,
            "{measured:?}"
        );
        let all: Vec<ErrorRates> = (0..=100)
            .filter_map(|percent| curve.at(Probability::percent(percent)))
            .collect();
        assert_eq!(all.len(), 101);
        assert!(all.windows(2).all(|two| {
            two[0].false_positive >= two[1].false_positive
                && two[0].false_negative <= two[1].false_negative
        }));
        let likely = curve.at(Probability::percent(70)).unwrap();
        assert!(likely.false_positive < 0.01, "{likely:?}");
    }
}
