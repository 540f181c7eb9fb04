//! How good detection is while it works: what people's reviews say week by week, how far chat has moved from what the model was
//! made for, how long a score takes; and the alarms that follow.
//!
//! Honest about what it cannot know: recall comes from the random sample alone, because nobody looks at those whom the model
//! never suspects; what too few reviews say is not said.

use std::collections::BTreeMap;

use ::store::{StoreError, Work};
use kernel::{Actor, CommunityId, Day, Permission, Timestamp};
use ml::{
    drift::{LARGE, MODERATE, Ranges, population_stability},
    metrics::wilson,
};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::{
    AlertKind, Bots, BotsError, Model, Probability, Verdict, alert,
    features::SCHEMA,
    reference::{RANGES, Reference, column},
    rollout::{LATENCY_MAX, WHO, share, whole},
    store::{self as tables, monitoring as table},
    training::stored_values,
};

/// Weeks that are shown.
const WEEKS: i32 = 12;
/// Of these, the last ones that are held against those before.
const WEEKS_NOW: usize = 4;
/// Accused accounts on either side without which precision is not compared, and bots in the random sample without which recall is
/// not: of fewer, one account is more than the fall that is told of.
const COMPARED_MIN: u64 = 20;
/// By which share F1 may fall.
const F1_DROP: f64 = 0.05;
/// Signals whose drift is shown.
const DRIFT_SHOWN: i64 = 20;
/// Vectors on either side without which drift is not measured: an index of few is chance.
const VECTORS_MIN: usize = 200;
/// Vectors that are read at most, the newest.
const VECTORS_MAX: i64 = 4_000;
/// The scope of what is measured of all communities together.
const EVERYWHERE: i32 = 0;
/// The days that are held against the month before them.
const DAYS_NOW: i32 = 7;
const DAYS_BEFORE: i32 = 37;

/// What people's reviews say of a week.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Week {
    /// Its Monday.
    pub from: Day,
    /// Predictions that were written down.
    pub n_predictions: u64,
    /// Reviews that say what somebody is.
    pub n_reviewed: u64,
    /// Accused, and a bot.
    pub n_right: u64,
    /// Accused, and a person.
    pub n_wrong: u64,
    /// Reviews of accounts that were drawn by chance.
    pub n_sampled: u64,
    /// Of those, bots.
    pub n_sampled_bots: u64,
    /// Of the accused, the share that are bots.
    pub precision: Option<f64>,
    /// Of the bots in the random sample, the share that was accused.
    pub recall: Option<f64>,
    /// Of the people in the random sample, the share that was accused.
    pub false_positive_rate: Option<f64>,
    /// Where precision lies in 95 of 100 cases; `None` where it is not known.
    pub precision_ends: Option<(f64, f64)>,
    /// The same of recall.
    pub recall_ends: Option<(f64, f64)>,
    /// The harmonic mean of both.
    pub f1: Option<f64>,
    /// Of the cases that accused somebody and were opened in the week, the share about which people said something by now.
    pub feedback_rate: Option<f64>,
    /// From looking at a case to saying what somebody is, in seconds: the median, the lower one of two in the middle.
    pub review_secs_median: Option<u32>,
}

/// How far a signal has moved.
#[derive(Clone, PartialEq, Debug)]
pub struct Drift {
    /// The signal.
    pub signal: String,
    /// Population stability index: from .1 on worth a look, from .25 on it has moved far.
    pub psi: f64,
    /// Vectors of the last seven days that were counted.
    pub n: u64,
    /// The model whose training rows they were held against; `None` = they were held against the month before.
    pub against: Option<i32>,
    /// When.
    pub at: Timestamp,
}

impl Drift {
    /// Whether it is worth a look.
    pub fn is_moderate(&self) -> bool {
        self.psi >= MODERATE
    }

    /// Whether it has moved far; from the month before that is an alarm.
    pub fn is_large(&self) -> bool {
        self.psi >= LARGE
    }
}

/// How good detection is.
#[derive(Clone, PartialEq, Debug)]
pub struct Monitoring {
    /// Twelve weeks, the oldest first.
    pub weeks: Vec<Week>,
    /// The signals that moved most, at most 20: of all communities together, because one alone has too few vectors to say.
    pub drift: Vec<Drift>,
    /// What one score took lately, at worst of a hundred; `None` before the first.
    pub latency_p99_ms: Option<u32>,
    /// How many accounts have a probability in each five per cent; the last has 100 % too.
    pub spread: [u64; 20],
}

/// What is counted of a week.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts {
    n_predictions: u64,
    n_right: u64,
    n_wrong: u64,
    n_sampled: u64,
    sampled_bots: u64,
    sampled_found: u64,
    sampled_wrong: u64,
    n_reviewed: u64,
    /// Cases that accused somebody.
    n_cases: u64,
    /// Of those, the ones that people decided.
    n_answered: u64,
    /// How long reviews took, if it is known of any; of several weeks together it is not.
    median_secs: Option<u32>,
}

impl Counts {
    fn add(&mut self, review: &table::Reviewed) {
        let is_bot = match review.verdict {
            Verdict::Bot => true,
            Verdict::Human => false,
            Verdict::Skip => return,
        };
        self.n_reviewed += 1;
        if review.was_sampled {
            self.n_sampled += 1;
            self.sampled_bots += u64::from(is_bot);
            self.sampled_found += u64::from(is_bot && review.is_accused);
            self.sampled_wrong += u64::from(!is_bot && review.is_accused);
        }
        if review.is_accused {
            self.n_right += u64::from(is_bot);
            self.n_wrong += u64::from(!is_bot);
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            n_predictions: self.n_predictions + other.n_predictions,
            n_right: self.n_right + other.n_right,
            n_wrong: self.n_wrong + other.n_wrong,
            n_sampled: self.n_sampled + other.n_sampled,
            sampled_bots: self.sampled_bots + other.sampled_bots,
            sampled_found: self.sampled_found + other.sampled_found,
            sampled_wrong: self.sampled_wrong + other.sampled_wrong,
            n_reviewed: self.n_reviewed + other.n_reviewed,
            n_cases: self.n_cases + other.n_cases,
            n_answered: self.n_answered + other.n_answered,
            median_secs: None,
        }
    }

    /// Reviewed accounts that were accused.
    const fn n_accused(&self) -> u64 {
        self.n_right + self.n_wrong
    }

    fn precision(&self) -> Option<f64> {
        share(self.n_right, self.n_accused())
    }

    fn recall(&self) -> Option<f64> {
        share(self.sampled_found, self.sampled_bots)
    }

    fn false_positive_rate(&self) -> Option<f64> {
        share(self.sampled_wrong, self.n_sampled - self.sampled_bots)
    }

    fn f1(&self) -> Option<f64> {
        let (precision, recall) = (self.precision()?, self.recall()?);
        let both = precision + recall;
        Some(if both > 0.0 {
            2.0 * precision * recall / both
        } else {
            0.0
        })
    }

    fn week(&self, from: Day) -> Week {
        Week {
            from,
            n_predictions: self.n_predictions,
            n_reviewed: self.n_reviewed,
            n_right: self.n_right,
            n_wrong: self.n_wrong,
            n_sampled: self.n_sampled,
            n_sampled_bots: self.sampled_bots,
            precision: self.precision(),
            recall: self.recall(),
            false_positive_rate: self.false_positive_rate(),
            precision_ends: ends(self.n_right, self.n_accused()),
            recall_ends: ends(self.sampled_found, self.sampled_bots),
            f1: self.f1(),
            feedback_rate: share(self.n_answered, self.n_cases),
            review_secs_median: self.median_secs,
        }
    }
}

/// Where a share lies in 95 of 100 cases.
fn ends(part: u64, of: u64) -> Option<(f64, f64)> {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let found = wilson(count(part), count(of))?;
    Some((found.low, found.high))
}

/// A figure of detection, before and now.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Compared {
    name: &'static str,
    was: f64,
    is: f64,
}

impl Compared {
    /// A figure that is known of both sides.
    fn of(name: &'static str, was: Option<f64>, is: Option<f64>) -> Option<Self> {
        let (was, is) = was.zip(is)?;
        Some(Self { name, was, is })
    }

    /// Whether it fell by more than is usual.
    fn fell(&self) -> bool {
        self.was > 0.0 && (self.was - self.is) / self.was > F1_DROP
    }
}

/// The figures that can be compared, the one that counts first: F1 where both sides have enough accused accounts and enough bots in
/// the random sample, and precision where both have enough accused accounts.
fn compared(before: &Counts, now: &Counts) -> Vec<Compared> {
    let both = [before, now];
    if both.iter().any(|side| side.n_accused() < COMPARED_MIN) {
        return Vec::new();
    }
    let is_sampled = both.iter().all(|side| side.sampled_bots >= COMPARED_MIN);
    let f1 = Compared::of("F1", before.f1(), now.f1()).filter(|_| is_sampled);
    let precision = Compared::of("precision", before.precision(), now.precision());
    f1.into_iter().chain(precision).collect()
}

/// A vector that was scored, and what was said of it.
struct Scored {
    values: Vec<f32>,
    probability: Probability,
}

fn vectors(all: &[Scored]) -> impl Iterator<Item = &[f32]> + Clone {
    all.iter().map(|scored| scored.values.as_slice())
}

/// The share of bots among those who were scored, if each is one as probably as was said.
fn bots(all: &[Scored]) -> f64 {
    let sum: f64 = all.iter().map(|scored| scored.probability.value()).sum();
    sum / whole(u64::try_from(all.len()).unwrap_or(u64::MAX)).max(1.0)
}

/// How far each column has moved between vectors; the largest first.
fn moved(before: &[Scored], now: &[Scored]) -> Vec<(String, f64)> {
    let mut all: Vec<(String, f64)> = SCHEMA
        .names()
        .into_iter()
        .enumerate()
        .filter_map(|(place, name)| {
            let was = || column(vectors(before), place);
            let ranges = Ranges::of(was(), RANGES);
            let is = ranges.counts(column(vectors(now), place));
            let psi = population_stability(&ranges.counts(was()), &is)?;
            Some((name, psi))
        })
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

/// What one score took lately, at worst of a hundred, in milliseconds; `None` before the first.
pub(crate) async fn latency(conn: &impl ConnectionTrait) -> Result<Option<u32>, StoreError> {
    let micros = table::latency_us(conn).await?.filter(|micros| *micros > 0);
    Ok(micros.map(|micros| micros.div_ceil(1_000)))
}

impl Bots {
    /// How good detection is in a community.
    pub async fn monitoring(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Monitoring, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        self.monitored(Some(community)).await
    }

    /// How good detection is in all communities together.
    pub async fn instance_monitoring(&self, actor: &Actor) -> Result<Monitoring, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        self.monitored(None).await
    }

    async fn monitored(&self, community: Option<CommunityId>) -> Result<Monitoring, BotsError> {
        let conn = self.db.read();
        let mut weeks = self.counts(community).await?;
        let scope = tables::model::scope(community);
        if let Some((first, _)) = weeks.first() {
            let answered = table::answered(conn, scope, first.start(), weeks.len()).await?;
            for ((_, counts), cases) in weeks.iter_mut().zip(answered) {
                (counts.n_cases, counts.n_answered) = cases;
            }
        }
        Ok(Monitoring {
            weeks: weeks
                .iter()
                .map(|(from, counts)| counts.week(*from))
                .collect(),
            drift: table::drift(conn, EVERYWHERE, DRIFT_SHOWN).await?,
            latency_p99_ms: latency(conn).await?,
            spread: tables::score::spread(conn, community).await?,
        })
    }

    /// What is counted of each week, the oldest first. Who was accused goes by what each community calls possible.
    async fn counts(
        &self,
        community: Option<CommunityId>,
    ) -> Result<Vec<(Day, Counts)>, BotsError> {
        let conn = self.db.read();
        let scope = tables::model::scope(community);
        let this_week = self.clock.now().day().week_start();
        let first = this_week.plus(-7 * (WEEKS - 1));
        let mut weeks: BTreeMap<Day, Counts> = (0..WEEKS)
            .map(|n| (first.plus(7 * n), Counts::default()))
            .collect();
        let mut took: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
        for review in table::reviewed(conn, scope, first.start()).await? {
            let week = review.at.day().week_start();
            if let Some(counts) = weeks.get_mut(&week) {
                counts.add(&review);
            }
            if let Some(secs) = review.took_secs.filter(|_| review.verdict != Verdict::Skip) {
                took.entry(week).or_default().push(secs);
            }
        }
        for (week, mut secs) in took {
            secs.sort_unstable();
            if let Some(counts) = weeks.get_mut(&week) {
                counts.median_secs = secs.get((secs.len() - 1) / 2).copied();
            }
        }
        let ends = this_week.plus(7);
        let edges = weeks.keys().copied().chain([ends]).map(Day::start);
        let edges: Vec<Timestamp> = edges.collect();
        let predicted = table::predictions(conn, scope, &edges).await?;
        for (counts, n) in weeks.values_mut().zip(predicted) {
            counts.n_predictions = n;
        }
        Ok(weeks.into_iter().collect())
    }

    /// The hourly look: halts what must not go on, raises what somebody should know of, and tells the tracking server what it
    /// does not know yet.
    pub async fn guard(&self) -> Result<(), BotsError> {
        self.guard_rollout().await?;
        self.guard_experiment().await?;
        self.guard_quality().await?;
        self.guard_latency().await?;
        self.ask_to_track_untold().await
    }

    async fn guard_quality(&self) -> Result<(), BotsError> {
        let weeks = self.counts(None).await?;
        let split = weeks.len().saturating_sub(WEEKS_NOW);
        let sum = |part: &[(Day, Counts)]| {
            let all = part.iter().map(|(_, counts)| *counts);
            all.fold(Counts::default(), Counts::and)
        };
        let (before, now) = weeks.split_at(split);
        let (before, now) = (sum(before), sum(now));
        let compared = compared(&before, &now);
        let mut work = self.begin(&WHO).await?;
        if let Some(fallen) = compared.first().filter(|figure| figure.fell()) {
            let Compared { name, was, is } = *fallen;
            let words = format!("{name} fell from {was:.2} to {is:.2} within the last four weeks");
            let numbers = json!({
                "figure": name, "was": was, "is": is, "reviews": now.n_reviewed, "accused": now.n_accused(),
                "sampled_bots": now.sampled_bots,
            });
            alert::raise(&mut work, AlertKind::Precision, None, &words, numbers).await?;
        } else {
            // What cannot be compared any more has not recovered.
            let open = tables::alert::numbers(work.conn(), AlertKind::Precision, None).await?;
            let raised_by = open.as_ref().and_then(|numbers| numbers.get("figure"));
            let is_over = |figure: &Compared| {
                raised_by.is_some_and(|name| name == figure.name) && !figure.fell()
            };
            if compared.iter().any(is_over) {
                let at = work.now();
                tables::alert::is_over(work.conn(), AlertKind::Precision, None, at).await?;
            }
        }
        Ok(work.commit().await?)
    }

    async fn guard_latency(&self) -> Result<(), BotsError> {
        let Some(took) = latency(self.db.read()).await? else {
            return Ok(());
        };
        let mut work = self.begin(&WHO).await?;
        if u128::from(took) > LATENCY_MAX.as_millis() {
            let words = format!("one score in a hundred takes {took} ms and more");
            let numbers = json!({ "p99_ms": took });
            alert::raise(&mut work, AlertKind::Latency, None, &words, numbers).await?;
        } else {
            let at = work.now();
            tables::alert::is_over(work.conn(), AlertKind::Latency, None, at).await?;
        }
        Ok(work.commit().await?)
    }

    /// The nightly look: how far the signals of the last seven days have moved, of all communities together, from the month
    /// before and from what the deployed model learned from. With too few vectors nothing is said.
    ///
    /// What the model learned from is shown where it is known. The alarm goes by the month before, always: whoever is labelled
    /// was chosen, so that the labelled are not like chat from the first day on.
    pub async fn measure_drift(&self) -> Result<(), BotsError> {
        let today = self.clock.now().day();
        let between =
            |from: i32, until: i32| (today.plus(-from).start(), today.plus(1 - until).start());
        let now = self.scored(between(DAYS_NOW, 0)).await?;
        if now.len() < VECTORS_MIN {
            return Ok(());
        }
        let before = self.scored(between(DAYS_BEFORE, DAYS_NOW + 1)).await?;
        let since_before = (before.len() >= VECTORS_MIN).then(|| moved(&before, &now));
        let learned = self.learned_from().await?;
        let since_learned = learned.map(|(model, reference)| {
            let moved = reference.moved(&vectors(&now), bots(&now));
            (moved, Some(model))
        });
        let shown = since_learned.or_else(|| since_before.clone().map(|moved| (moved, None)));
        let Some((shown, against)) = shown else {
            return Ok(());
        };
        let n = u32::try_from(now.len()).unwrap_or(u32::MAX);
        let mut work = self.begin(&WHO).await?;
        let at = work.now();
        table::put_drift(work.conn(), EVERYWHERE, (&shown, against), n, at).await?;
        if let Some(moved) = since_before {
            alarm(&mut work, &moved, n).await?;
        }
        Ok(work.commit().await?)
    }

    /// What the model that scores for everybody learned from, if it is known and enough.
    async fn learned_from(&self) -> Result<Option<(i32, Reference)>, BotsError> {
        let conn = self.db.read();
        let deployed = tables::model::deployed(conn, EVERYWHERE).await?;
        let Some(model) = deployed.filter(Model::is_current) else {
            return Ok(None);
        };
        let reference = tables::reference::of(conn, model.id).await?;
        let enough = reference.filter(Reference::is_enough);
        Ok(enough.map(|reference| (model.id, reference)))
    }

    async fn scored(
        &self,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<Vec<Scored>, BotsError> {
        let conn = self.db.read();
        let rows = table::vectors(conn, SCHEMA.hash(), from, until, VECTORS_MAX).await?;
        let scored = |(features, probability): (String, Probability)| {
            let values = stored_values(&features)?;
            Some(Scored {
                values,
                probability,
            })
        };
        Ok(rows.into_iter().filter_map(scored).collect())
    }
}

/// Raises the alarm if signals have moved far, and ends it if none has.
async fn alarm(work: &mut Work, moved: &[(String, f64)], n: u32) -> Result<(), BotsError> {
    let large: Vec<&(String, f64)> = moved.iter().filter(|(_, psi)| *psi > LARGE).collect();
    let Some((signal, psi)) = large.first() else {
        let at = work.now();
        tables::alert::is_over(work.conn(), AlertKind::Drift, None, at).await?;
        return Ok(());
    };
    let words = format!(
        "{} signals are no longer distributed as in the month before, most of all `{signal}` ({psi:.2})",
        large.len()
    );
    let signals: Vec<&String> = large.iter().take(10).map(|(signal, _)| signal).collect();
    let numbers = json!({ "psi": psi, "signals": signals, "vectors": n });
    alert::raise(work, AlertKind::Drift, None, &words, numbers).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
