//! How the API is used, counted in this process since it began: what was asked how often, how long it took,
//! what it cost, what failed, what was slow, who could not sign in. Also the source of the metrics with
//! labels.
//!
//! Must never hold more than its bounds, whatever strangers ask, nor anything that somebody typed but the
//! names of operations.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kernel::{Actor, Permission, Timestamp};

use crate::{App, AppError};

/// Operations that are counted by name; later ones are counted together.
const NAMES_MAX: usize = 100;
/// Longest name.
const NAME_LENGTH_MAX: usize = 80;
/// What operations are counted under that have no place of their own, and those without a name.
pub const OTHER: &str = "other";
/// Codes that are counted.
const CODES_MAX: usize = 50;
/// Slow requests that are remembered.
const SLOW_MAX: usize = 50;

/// Upper bounds of the steps of a latency, in milliseconds; the last step has none.
pub const LATENCY_MS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
/// Upper bounds of the steps of a cost; the last step has none.
pub const COSTS: [u64; 9] = [3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 100_000];

/// A request that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiRequest<'a> {
    /// The name of its operation.
    pub operation: Option<&'a str>,
    /// Whether a name that was not seen yet gets a place of its own: not those of strangers.
    pub may_name: bool,
    /// The hash of its document.
    pub document: &'a str,
    /// What it costs, if that was reckoned.
    pub cost: Option<u64>,
    /// How long it took.
    pub took: Duration,
    /// Whether it took longer than it should.
    pub is_slow: bool,
    /// What became of it.
    pub outcome: Outcome<'a>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It was answered from what was kept.
    Kept,
    /// It was executed.
    Made,
    /// It was executed, and something failed with this code.
    Failed(&'a str),
    /// It was refused with this code.
    Refused(&'a str),
}

impl Outcome<'_> {
    const fn label(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Made => "made",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
        }
    }
}

/// What is counted under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationUsage {
    /// The name of the operation.
    pub name: Arc<str>,
    /// Requests.
    pub n: u64,
    /// Those answered from what was kept.
    pub n_kept: u64,
    /// Those that failed or were refused.
    pub n_failed: u64,
    /// What all of them cost.
    pub cost: u64,
    /// Requests by latency, a number for each step.
    pub latency: [u64; LATENCY_MS.len() + 1],
    /// The longest.
    pub took_max: Duration,
}

impl OperationUsage {
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            n: 0,
            n_kept: 0,
            n_failed: 0,
            cost: 0,
            latency: [0; LATENCY_MS.len() + 1],
            took_max: Duration::ZERO,
        }
    }

    /// Milliseconds in which this share of the requests (0 to 100) was answered: the upper bound of the
    /// step in which it lies; `None` beyond the last.
    pub fn within_ms(&self, percent: u64) -> Option<u64> {
        let wanted = self.n.saturating_mul(percent).div_ceil(100);
        let mut seen = 0_u64;
        for (n, bound) in self.latency.iter().zip(LATENCY_MS) {
            seen = seen.saturating_add(*n);
            if seen >= wanted {
                return Some(bound);
            }
        }
        None
    }
}

/// A request that took too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowRequest {
    /// When it was answered.
    pub at: Timestamp,
    /// The name of its operation.
    pub operation: Arc<str>,
    /// The hash of its document, to be found in the log.
    pub document: String,
    /// How long it took.
    pub took: Duration,
    /// What it cost.
    pub cost: Option<u64>,
}

/// Everything that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Since when.
    pub since: Timestamp,
    /// By operation, most frequent first.
    pub operations: Vec<OperationUsage>,
    /// Requests by latency, those kept and those not, a number for each step.
    pub latency: [[u64; 2]; LATENCY_MS.len() + 1],
    /// Requests by cost, a number for each step.
    pub costs: [u64; COSTS.len() + 1],
    /// How often each code was answered, most frequent first.
    pub codes: Vec<(String, u64)>,
    /// What took too long, latest first.
    pub slow: Vec<SlowRequest>,
    /// API keys that were worth nothing.
    pub bad_keys: u64,
    /// Sessions that were over, or never were.
    pub bad_sessions: u64,
    /// Subscriptions that run now.
    pub followers: usize,
}

/// Counts how the API is used.
#[derive(Debug)]
pub struct ApiUsage {
    counts: Mutex<Counts>,
    followers: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Counts {
    since: Timestamp,
    operations: HashMap<Arc<str>, OperationUsage>,
    other: Arc<str>,
    latency: [[u64; 2]; LATENCY_MS.len() + 1],
    costs: [u64; COSTS.len() + 1],
    codes: BTreeMap<String, u64>,
    slow: VecDeque<SlowRequest>,
    bad_keys: u64,
    bad_sessions: u64,
}

/// The step that a value lies in.
fn step(bounds: &[u64], value: u64) -> usize {
    bounds.partition_point(|bound| *bound < value)
}

fn add(counts: &mut [u64], step: usize) {
    if let Some(n) = counts.get_mut(step) {
        *n = n.saturating_add(1);
    }
}

impl ApiUsage {
    pub(crate) fn new(since: Timestamp) -> Self {
        Self {
            counts: Mutex::new(Counts {
                since,
                operations: HashMap::new(),
                other: OTHER.into(),
                latency: [[0; 2]; LATENCY_MS.len() + 1],
                costs: [0; COSTS.len() + 1],
                codes: BTreeMap::new(),
                slow: VecDeque::new(),
                bad_keys: 0,
                bad_sessions: 0,
            }),
            followers: Arc::default(),
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request.
    pub fn record(&self, request: &ApiRequest<'_>, now: Timestamp) {
        let name = self.counts().record(request, now);
        let outcome = request.outcome.label();
        metrics::histogram!("waddlebot_graphql_operation_seconds", "operation" => Arc::clone(&name))
            .record(request.took.as_secs_f64());
        metrics::counter!("waddlebot_graphql_requests_total", "operation" => name, "outcome" => outcome)
            .increment(1);
        if let Outcome::Failed(code) | Outcome::Refused(code) = request.outcome {
            self.refused(code);
        }
    }

    /// Counts what was refused before it came to an operation.
    pub fn refused(&self, code: &str) {
        let code = self.counts().code(code);
        metrics::counter!("waddlebot_graphql_failures_total", "code" => code).increment(1);
    }

    /// Counts somebody whose API key (else session) was worth nothing.
    pub(crate) fn unauthenticated(&self, is_key: bool) {
        let mut counts = self.counts();
        let (counter, credential) = if is_key {
            (&mut counts.bad_keys, "key")
        } else {
            (&mut counts.bad_sessions, "session")
        };
        *counter = counter.saturating_add(1);
        metrics::counter!("waddlebot_unauthenticated_total", "credential" => credential)
            .increment(1);
    }

    /// Counts a subscription for as long as what this answers exists.
    pub fn follow(&self) -> Following {
        self.followers.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!("waddlebot_graphql_subscriptions").increment(1);
        Following(Arc::clone(&self.followers))
    }

    /// Everything that was counted.
    pub(crate) fn read(&self) -> Usage {
        let counts = self.counts();
        let mut operations: Vec<OperationUsage> = counts.operations.values().cloned().collect();
        operations.sort_by(|a, b| b.n.cmp(&a.n).then_with(|| a.name.cmp(&b.name)));
        let codes = counts.codes.iter();
        let mut codes: Vec<(String, u64)> = codes.map(|(code, n)| (code.clone(), *n)).collect();
        codes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Usage {
            since: counts.since,
            operations,
            latency: counts.latency,
            costs: counts.costs,
            codes,
            slow: counts.slow.iter().rev().cloned().collect(),
            bad_keys: counts.bad_keys,
            bad_sessions: counts.bad_sessions,
            followers: self.followers.load(Ordering::Relaxed),
        }
    }
}

impl Counts {
    fn record(&mut self, request: &ApiRequest<'_>, now: Timestamp) -> Arc<str> {
        let name = self.name(request);
        let took_ms = u64::try_from(request.took.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
        let latency = step(&LATENCY_MS, took_ms);
        let is_kept = request.outcome == Outcome::Kept;
        let usage = self
            .operations
            .entry(Arc::clone(&name))
            .or_insert_with(|| OperationUsage::new(Arc::clone(&name)));
        usage.n = usage.n.saturating_add(1);
        usage.n_kept = usage.n_kept.saturating_add(u64::from(is_kept));
        let has_failed = matches!(request.outcome, Outcome::Failed(_) | Outcome::Refused(_));
        usage.n_failed = usage.n_failed.saturating_add(u64::from(has_failed));
        usage.cost = usage.cost.saturating_add(request.cost.unwrap_or(0));
        usage.took_max = usage.took_max.max(request.took);
        add(&mut usage.latency, latency);
        if let Some(counts) = self.latency.get_mut(latency) {
            add(counts, usize::from(!is_kept));
        }
        if let Some(cost) = request.cost {
            add(&mut self.costs, step(&COSTS, cost));
        }
        if request.is_slow {
            if self.slow.len() >= SLOW_MAX {
                self.slow.pop_front();
            }
            self.slow.push_back(SlowRequest {
                at: now,
                operation: Arc::clone(&name),
                document: request.document.to_owned(),
                took: request.took,
                cost: request.cost,
            });
        }
        name
    }

    /// The name that a request is counted under.
    fn name(&self, request: &ApiRequest<'_>) -> Arc<str> {
        let Some(name) = request.operation else {
            return Arc::clone(&self.other);
        };
        if let Some((name, _)) = self.operations.get_key_value(name) {
            return Arc::clone(name);
        }
        // One place is for all others.
        let n_others = usize::from(self.operations.contains_key(OTHER));
        let has_room = self.operations.len() - n_others + 1 < NAMES_MAX;
        if request.may_name && has_room && name.len() <= NAME_LENGTH_MAX {
            return name.into();
        }
        Arc::clone(&self.other)
    }

    /// Counts a code; answers what it was counted under.
    fn code(&mut self, code: &str) -> String {
        let is_known = self.codes.contains_key(code);
        let code = if is_known || self.codes.len() + 1 < CODES_MAX {
            code
        } else {
            OTHER
        };
        let n = self.codes.entry(code.to_owned()).or_default();
        *n = n.saturating_add(1);
        code.to_owned()
    }
}

/// A subscription that runs.
#[derive(Debug)]
pub struct Following(Arc<AtomicUsize>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("waddlebot_graphql_subscriptions").decrement(1);
    }
}

impl App {
    /// How the API was used in this process. For instance administrators.
    pub fn api_usage(&self, actor: &Actor) -> Result<Usage, AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(self.usage.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn request(operation: &str, took_us: u64) -> ApiRequest<'_> {
        ApiRequest {
            operation: Some(operation),
            may_name: true,
            document: "ab",
            cost: Some(15),
            took: Duration::from_micros(took_us),
            is_slow: false,
            outcome: Outcome::Made,
        }
    }

    #[test]
    fn requests_are_counted_by_the_names_of_their_operations() {
        let usage = ApiUsage::new(NOW);
        for took_us in [900, 1_000, 1_001, 6_000_000] {
            usage.record(&request("Pond", took_us), NOW);
        }
        let mut failed = request("Lake", 10_000);
        failed.outcome = Outcome::Failed("FORBIDDEN");
        usage.record(&failed, NOW);
        failed.outcome = Outcome::Kept;
        failed.operation = None;
        usage.record(&failed, NOW);
        usage.refused("FORBIDDEN");
        let read = usage.read();
        let by_name: Vec<_> = read
            .operations
            .iter()
            .map(|operation| {
                let kept_failed = (operation.n_kept, operation.n_failed);
                (&*operation.name, operation.n, kept_failed, operation.cost)
            })
            .collect();
        assert_eq!(
            by_name,
            [
                ("Pond", 4, (0, 0), 60),
                ("Lake", 1, (0, 1), 15),
                (OTHER, 1, (1, 0), 15)
            ]
        );
        let pond = read.operations.first().unwrap();
        assert_eq!(
            [50, 75, 76, 100].map(|percent| pond.within_ms(percent)),
            [Some(1), Some(2), None, None]
        );
        assert_eq!(pond.took_max, Duration::from_secs(6));
        assert_eq!(read.latency[0], [0, 2], "up to a millisecond");
        assert_eq!(read.latency[3], [1, 1], "up to ten");
        assert_eq!(read.latency.last(), Some(&[0, 1]));
        assert_eq!(read.costs[2], 6);
        assert_eq!(read.codes, [("FORBIDDEN".to_owned(), 2)]);
    }

    #[test]
    fn whatever_strangers_ask_the_counts_stay_small() {
        let usage = ApiUsage::new(NOW);
        for n in 0..10_000 {
            let name = format!("Junk{n}");
            let mut asked = request(&name, 2_000_000);
            asked.may_name = false;
            asked.is_slow = true;
            usage.record(&asked, NOW);
            usage.refused(&format!("CODE{n}"));
        }
        let read = usage.read();
        assert_eq!(read.operations.len(), 1);
        assert_eq!((read.codes.len(), read.slow.len()), (CODES_MAX, SLOW_MAX));
        assert_eq!(read.codes.iter().map(|(_, n)| n).sum::<u64>(), 10_000);
        for n in 0..10_000 {
            usage.record(&request(&format!("Mine{n}"), 1), NOW);
        }
        usage.record(&request(&"x".repeat(81), 1), NOW);
        let read = usage.read();
        assert_eq!(read.operations.len(), NAMES_MAX);
        assert_eq!(read.operations.iter().map(|o| o.n).sum::<u64>(), 20_001);
        // A stranger may ask what has a place already.
        let mut asked = request("Mine1", 1);
        asked.may_name = false;
        usage.record(&asked, NOW);
        let read = usage.read();
        let mine = read.operations.iter().find(|o| &*o.name == "Mine1");
        assert_eq!(mine.map(|o| o.n), Some(2));
    }

    #[test]
    fn subscriptions_are_counted_while_they_run() {
        let usage = ApiUsage::new(NOW);
        let following = [usage.follow(), usage.follow()];
        assert_eq!(usage.read().followers, 2);
        drop(following);
        assert_eq!(usage.read().followers, 0);
    }
}
