//! How often we may ask a platform: buckets learned from its headers or known from its documents,
//! one limit for everything, waiting exactly as long as it asks, a budget of refused requests, and a
//! circuit breaker for each class of routes.
//!
//! Sans-IO: takes no connection and never waits; the caller asks for a turn and tells what became
//! of the request. Must never let two requests of one learned bucket be under way at once: that is
//! what makes the remaining count of the last answer true.
//!
//! Sources: Discord «Rate Limits» (buckets, `X-RateLimit-*`, scopes, 10,000 invalid requests in
//! 10 minutes), Twitch «Twitch API Concepts: Rate limits» (`Ratelimit-*`), Slack «Rate limits»
//! (tiers, `Retry-After`).

mod breaker;
mod bucket;
mod window;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::{CarryError, Clock, Haste, Timestamp, Turn};

use breaker::Breaker;
use bucket::Bucket;
use window::Window;

/// A limit that a request falls under. A request may fall under several.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Lane {
    /// What is limited: `POST /channels/1/messages`, `chat.postMessage T1 C1`.
    pub key: String,
    /// What a learned bucket is apart for besides its name (Discord: the guild, channel or webhook
    /// of the path); empty if nothing.
    pub major: String,
    /// Where the limit is known from.
    pub rule: Rule,
}

/// Where a limit is known from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rule {
    /// From the headers of the last answer; until there is one, one request at a time.
    Learned,
    /// From the platform's documents: so many in any period of this length.
    Fixed {
        /// How many.
        limit: u32,
        /// In how long.
        period: Duration,
    },
}

impl Lane {
    /// A limit that headers tell.
    pub fn learned(key: impl Into<String>, major: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            major: major.into(),
            rule: Rule::Learned,
        }
    }

    /// A limit that documents tell.
    pub fn fixed(key: impl Into<String>, limit: u32, period: Duration) -> Self {
        Self {
            key: key.into(),
            major: String::new(),
            rule: Rule::Fixed { limit, period },
        }
    }
}

/// What a gate knows of a whole platform.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// So many requests in any period of this length, whatever they are; `None` = no such limit.
    pub global: Option<(u32, Duration)>,
    /// So many refused requests (401, 403, 429) in any period of this length before nothing is
    /// asked any more; `None` = the platform does not count them.
    pub invalid: Option<(u32, Duration)>,
}

/// Whom a refusal for too many requests is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything we ask.
    Global,
    /// The lanes of this request.
    Lane,
    /// The lanes of this request, because of others (Discord's `shared`): not held against us.
    Shared,
}

/// How a request ended, as far as limits are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The platform answered and it was not at fault (2xx, most 4xx).
    Answered,
    /// Refused for lack of rights (401, 403).
    Invalid,
    /// 429: wait.
    Limited {
        /// Exactly so long.
        after: Duration,
        /// Whom it is meant for.
        scope: Scope,
    },
    /// The platform is ill: 5xx, no connection, no answer in time.
    Failed,
    /// The request was not made after all.
    Dropped,
}

/// What the headers of an answer say of the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The bucket's name, if the platform has names.
    pub bucket: Option<String>,
    /// Requests in one window.
    pub limit: u32,
    /// Requests left in this window.
    pub remaining: u32,
    /// How long until the window ends.
    pub reset_after: Duration,
}

/// A request under way is forgotten after this long: whoever took the turn is gone.
const UNDER_WAY_MAX: Duration = Duration::from_secs(90);
/// Buckets kept; beyond that idle ones are forgotten.
const BUCKETS_MAX: usize = 50_000;

/// The gate of one platform and one token.
pub struct Gate {
    clock: Arc<dyn Clock>,
    name: &'static str,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Lane to the bucket it was found to share.
    alias: HashMap<(String, String), String>,
    buckets: HashMap<String, Bucket>,
    global: Window,
    global_closed_until: Timestamp,
    /// The first place in the line for the global limit that nobody was told.
    global_place: Timestamp,
    invalid: Window,
    breakers: HashMap<&'static str, Breaker>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate that knows nothing yet. `name` labels its metrics.
    pub fn new(name: &'static str, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            name,
            limits,
            state: Mutex::default(),
        }
    }

    /// Asks for a turn under all of these lanes. `class` is what the breaker is for («messages»,
    /// «helix»). After `Ok(Turn::Now)` the request must be made at once and [`Gate::done`] told.
    pub fn turn(
        &self,
        class: &'static str,
        lanes: &[Lane],
        haste: Haste,
    ) -> Result<Turn, CarryError> {
        let now = self.clock.now();
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        if let Some((limit, period)) = self.limits.invalid
            && let Some(after) = state.invalid.wait(now, limit, period)
        {
            self.count("budget");
            return Err(CarryError::Closed {
                after,
                why: "too many requests were refused lately".to_owned(),
            });
        }
        let breaker = state.breakers.entry(class).or_default();
        if let Some(after) = breaker.wait(now) {
            self.count("breaker");
            return Err(CarryError::Closed {
                after,
                why: "the last requests failed".to_owned(),
            });
        }
        let keys: Vec<String> = lanes.iter().map(|lane| state.bucket_of(lane)).collect();
        let mut wait = Duration::ZERO;
        for (lane, key) in lanes.iter().zip(&keys) {
            let bucket = state.buckets.entry(key.clone()).or_default();
            wait = wait.max(bucket.wait(now, lane.rule));
        }
        if wait > Duration::ZERO {
            let mut place = wait;
            for (lane, key) in lanes.iter().zip(&keys) {
                if haste == Haste::Line
                    && let Some(bucket) = state.buckets.get_mut(key)
                    && bucket.wait(now, lane.rule) > Duration::ZERO
                {
                    place = place.max(bucket.promise(now, lane.rule));
                }
            }
            self.count("lane");
            return Ok(Turn::In(place));
        }
        if let Some(after) = state.global_wait(now, self.limits.global, haste) {
            self.count("global");
            return Ok(Turn::In(after));
        }
        for (lane, key) in lanes.iter().zip(&keys) {
            if let Some(bucket) = state.buckets.get_mut(key) {
                bucket.take(now, lane.rule);
            }
        }
        if let Some(breaker) = state.breakers.get_mut(class) {
            breaker.take(now);
        }
        state.global.push(now);
        state.trim(now);
        Ok(Turn::Now)
    }

    /// Tells how a request ended for which [`Gate::turn`] said now.
    pub fn done(
        &self,
        class: &'static str,
        lanes: &[Lane],
        ending: Ending,
        reading: Option<&Reading>,
    ) {
        let now = self.clock.now();
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        for lane in lanes {
            let key = state.bucket_of(lane);
            if let Some(bucket) = state.buckets.get_mut(&key) {
                bucket.done();
            }
            if lane.rule != Rule::Learned {
                continue;
            }
            let Some(reading) = reading else { continue };
            let key = state.named(lane, key, reading.bucket.as_deref());
            state.buckets.entry(key).or_default().learn(now, reading);
        }
        let breaker = state.breakers.entry(class).or_default();
        match ending {
            Ending::Answered => breaker.succeeded(),
            Ending::Failed => {
                if breaker.failed(now) {
                    tracing::warn!(
                        platform = self.name,
                        class,
                        "nothing is sent for a while: the last requests failed"
                    );
                }
            }
            Ending::Invalid => {
                breaker.succeeded();
                state.invalid.push(now);
            }
            Ending::Limited { after, scope } => {
                breaker.succeeded();
                if scope != Scope::Shared {
                    state.invalid.push(now);
                }
                let until = now.plus(after);
                if scope == Scope::Global {
                    state.global_closed_until = state.global_closed_until.max(until);
                } else {
                    for lane in lanes {
                        let key = state.bucket_of(lane);
                        state.buckets.entry(key).or_default().close(until);
                    }
                }
                metrics::counter!("waddlebot_platform_limited_total", "platform" => self.name)
                    .increment(1);
            }
            Ending::Dropped => breaker.dropped(),
        }
        let open = state.breakers.values().any(|breaker| breaker.is_open(now));
        metrics::gauge!("waddlebot_platform_breaker_open", "platform" => self.name).set(if open {
            1.0
        } else {
            0.0
        });
    }

    fn count(&self, why: &'static str) {
        metrics::counter!("waddlebot_platform_waits_total", "platform" => self.name, "why" => why)
            .increment(1);
    }
}

impl State {
    fn bucket_of(&self, lane: &Lane) -> String {
        self.alias
            .get(&(lane.key.clone(), lane.major.clone()))
            .cloned()
            .unwrap_or_else(|| format!("{} {}", lane.key, lane.major))
    }

    /// The bucket under its platform's name, which other lanes may share. What was known under the
    /// lane's own name moves there.
    fn named(&mut self, lane: &Lane, key: String, name: Option<&str>) -> String {
        let Some(name) = name else { return key };
        let shared = format!("{name} {}", lane.major);
        if shared != key {
            self.alias
                .insert((lane.key.clone(), lane.major.clone()), shared.clone());
            if let Some(bucket) = self.buckets.remove(&key) {
                self.buckets.entry(shared.clone()).or_insert(bucket);
            }
        }
        shared
    }

    fn global_wait(
        &mut self,
        now: Timestamp,
        limit: Option<(u32, Duration)>,
        haste: Haste,
    ) -> Option<Duration> {
        let closed = self.global_closed_until.since(now);
        if closed > Duration::ZERO {
            return Some(closed);
        }
        let (limit, period) = limit?;
        match self.global.wait(now, limit, period) {
            None => None,
            Some(wait) if haste == Haste::Next => Some(wait),
            Some(wait) => {
                let gap = period / limit.max(1);
                let place = self.global_place.max(now.plus(wait));
                self.global_place = place.plus(gap);
                Some(place.since(now))
            }
        }
    }

    fn trim(&mut self, now: Timestamp) {
        if self.buckets.len() > BUCKETS_MAX {
            self.buckets.retain(|_, bucket| !bucket.is_idle(now));
            let buckets = &self.buckets;
            self.alias.retain(|_, key| buckets.contains_key(key));
        }
    }
}

#[cfg(test)]
mod tests;
