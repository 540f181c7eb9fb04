//! The gate against a platform with true buckets, on a clock set by hand.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use kernel::{CarryError, Clock, Haste, Timestamp, Turn};

use super::{Ending, Gate, Lane, Limits, Reading, Scope};

struct HandClock(AtomicI64);

impl HandClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_000_000_000)))
    }

    fn pass(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

const SECOND: Duration = Duration::from_secs(1);
const NONE: Limits = Limits {
    global: None,
    invalid: None,
};

fn reading(limit: u32, remaining: u32, reset_after: Duration) -> Reading {
    Reading {
        bucket: None,
        limit,
        remaining,
        reset_after,
    }
}

fn wait(turn: Result<Turn, CarryError>) -> Option<Duration> {
    match turn.unwrap() {
        Turn::Now => None,
        Turn::In(after) => Some(after),
    }
}

#[test]
fn an_unknown_bucket_is_asked_one_at_a_time_and_a_known_one_until_it_is_empty() {
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let lanes = [Lane::learned("POST messages", "1")];
    assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
    assert!(
        wait(gate.turn("m", &lanes, Haste::Line)).is_some(),
        "one is under way"
    );
    gate.done("m", &lanes, Ending::Answered, Some(&reading(2, 1, SECOND)));
    assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
    gate.done("m", &lanes, Ending::Answered, Some(&reading(2, 0, SECOND)));
    let after = wait(gate.turn("m", &lanes, Haste::Line)).unwrap();
    assert!(after >= SECOND && after < SECOND * 2, "{after:?}");
    clock.pass(after);
    assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
    let other = [Lane::learned("POST messages", "2")];
    assert_eq!(
        gate.turn("m", &other, Haste::Line),
        Ok(Turn::Now),
        "another channel"
    );
}

#[test]
fn routes_that_share_a_bucket_share_its_count() {
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let named = |remaining| {
        Some(Reading {
            bucket: Some("abcd".into()),
            limit: 2,
            remaining,
            reset_after: SECOND,
        })
    };
    let post = [Lane::learned("POST", "1")];
    let edit = [Lane::learned("PATCH", "1")];
    for (lane, left) in [(&post, 1), (&edit, 0)] {
        assert_eq!(gate.turn("m", lane, Haste::Line), Ok(Turn::Now));
        gate.done("m", lane, Ending::Answered, named(left).as_ref());
    }
    assert!(wait(gate.turn("m", &post, Haste::Line)).is_some());
    assert!(wait(gate.turn("m", &edit, Haste::Line)).is_some());
}

#[test]
fn a_request_waits_exactly_as_long_as_it_is_told() {
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let lanes = [Lane::learned("POST", "1")];
    let other = [Lane::learned("POST", "2")];
    assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
    let after = Duration::from_millis(1_337);
    let limited = |scope| Ending::Limited { after, scope };
    gate.done("m", &lanes, limited(Scope::Lane), None);
    assert_eq!(wait(gate.turn("m", &lanes, Haste::Line)), Some(after));
    assert_eq!(gate.turn("m", &other, Haste::Line), Ok(Turn::Now));
    gate.done("m", &other, limited(Scope::Global), None);
    let third = [Lane::learned("POST", "3")];
    assert_eq!(
        wait(gate.turn("m", &third, Haste::Line)),
        Some(after),
        "global"
    );
    clock.pass(after);
    assert_eq!(gate.turn("m", &third, Haste::Line), Ok(Turn::Now));
}

#[test]
fn a_documented_limit_is_kept_in_every_period() {
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let lanes = [Lane::fixed("chat", 20, SECOND * 30)];
    let mut sent: Vec<Timestamp> = Vec::new();
    while sent.len() < 200 {
        match gate.turn("m", &lanes, Haste::Line).unwrap() {
            Turn::Now => {
                sent.push(clock.now());
                gate.done("m", &lanes, Ending::Answered, None);
            }
            Turn::In(_) => clock.pass(Duration::from_millis(100)),
        }
    }
    for some in sent.windows(21) {
        assert!(some[20].since(some[0]) >= SECOND * 30);
    }
    let took = sent[199].since(sent[0]);
    assert!(
        took <= SECOND * 275,
        "nearly all of the rate is used: {took:?}"
    );
}

#[test]
fn a_long_line_is_told_to_come_back_in_order_and_asks_about_twice_each() {
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let lanes = [Lane::fixed("chat", 5, SECOND)];
    let mut due: Vec<(Timestamp, u32)> = (0..200).map(|n| (clock.now(), n)).collect();
    let mut asked: HashMap<u32, u32> = HashMap::new();
    let mut sent = Vec::new();
    while !due.is_empty() {
        due.sort_unstable();
        let (at, n) = due.remove(0);
        clock.pass(at.since(clock.now()));
        *asked.entry(n).or_default() += 1;
        match gate.turn("m", &lanes, Haste::Line).unwrap() {
            Turn::Now => {
                gate.done("m", &lanes, Ending::Answered, None);
                sent.push(clock.now());
            }
            Turn::In(after) => due.push((clock.now().plus(after), n)),
        }
    }
    let asks: u32 = asked.values().sum();
    assert!(asks <= 600, "{asks} asks for 200 requests");
    let took = sent[199].since(sent[0]);
    assert!(took >= SECOND * 39 && took <= SECOND * 44, "{took:?}");
}

#[test]
fn whoever_is_awaited_does_not_stand_behind_a_broadcast() {
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let lanes = [Lane::fixed("chat", 5, SECOND * 5)];
    for _ in 0..5 {
        assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
        gate.done("m", &lanes, Ending::Answered, None);
    }
    let line: Vec<Duration> = (0..200)
        .map(|_| wait(gate.turn("m", &lanes, Haste::Line)).unwrap())
        .collect();
    assert!(line.is_sorted());
    assert_eq!(line[199], SECOND * 204);
    let next = wait(gate.turn("m", &lanes, Haste::Next)).unwrap();
    assert_eq!(next, SECOND * 5);
}

#[test]
fn everything_together_keeps_the_global_limit() {
    let clock = HandClock::new();
    let limits = Limits {
        global: Some((50, SECOND)),
        ..NONE
    };
    let gate = Gate::new("test", limits, clock.clone());
    let mut sent: Vec<Timestamp> = Vec::new();
    let mut n = 0;
    while sent.len() < 500 {
        n += 1;
        let lanes = [Lane::learned("POST", format!("{n}"))];
        match gate.turn("m", &lanes, Haste::Line).unwrap() {
            Turn::Now => {
                sent.push(clock.now());
                gate.done("m", &lanes, Ending::Answered, None);
            }
            Turn::In(_) => clock.pass(Duration::from_millis(1)),
        }
    }
    for some in sent.windows(51) {
        assert!(some[50].since(some[0]) >= SECOND);
    }
    assert!(sent[499].since(sent[0]) <= Duration::from_millis(9_500));
}

#[test]
fn a_budget_of_refused_requests_stops_before_the_platform_does() {
    let clock = HandClock::new();
    let limits = Limits {
        invalid: Some((5, SECOND * 600)),
        ..NONE
    };
    let gate = Gate::new("test", limits, clock.clone());
    let lanes = [Lane::learned("POST", "1")];
    for _ in 0..5 {
        assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
        gate.done("m", &lanes, Ending::Invalid, None);
    }
    let Err(CarryError::Closed { after, .. }) = gate.turn("m", &lanes, Haste::Line) else {
        panic!("the budget is used up");
    };
    clock.pass(after);
    assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
    gate.done(
        "m",
        &lanes,
        Ending::Limited {
            after: Duration::ZERO,
            scope: Scope::Shared,
        },
        None,
    );
    assert_eq!(
        gate.turn("m", &lanes, Haste::Line),
        Ok(Turn::Now),
        "shared does not count"
    );
}

#[test]
fn five_failures_open_the_breaker_and_one_success_closes_it() {
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let lanes = [Lane::fixed("x", 1_000, SECOND)];
    let mut asked = 0;
    let mut longest = Duration::ZERO;
    for _ in 0..4 {
        loop {
            match gate.turn("m", &lanes, Haste::Line) {
                Ok(Turn::Now) => {
                    asked += 1;
                    gate.done("m", &lanes, Ending::Failed, None);
                }
                Err(CarryError::Closed { after, .. }) => {
                    longest = longest.max(after);
                    clock.pass(after);
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(asked, 8, "five, then one probe at a time");
    assert_eq!(longest, SECOND * 16, "doubled by every failed probe");
    assert_eq!(
        gate.turn("m", &lanes, Haste::Line),
        Ok(Turn::Now),
        "half open"
    );
    assert!(
        gate.turn("m", &lanes, Haste::Line).is_err(),
        "only one probe"
    );
    assert_eq!(
        gate.turn("other", &lanes, Haste::Line),
        Ok(Turn::Now),
        "its own class only"
    );
    gate.done("m", &lanes, Ending::Answered, None);
    for _ in 0..10 {
        assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
    }
}

#[test]
fn a_turn_that_nobody_ends_is_forgotten() {
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let lanes = [Lane::learned("POST", "1")];
    assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
    clock.pass(SECOND * 91);
    assert_eq!(gate.turn("m", &lanes, Haste::Line), Ok(Turn::Now));
}

/// A platform with true buckets: a window begins with its first request.
struct Platform {
    limit: u32,
    window: Duration,
    begun: HashMap<usize, (Timestamp, u32)>,
    refused: u32,
}

impl Platform {
    fn ask(&mut self, channel: usize, now: Timestamp) -> (Ending, Option<Reading>) {
        let entry = self.begun.entry(channel).or_insert((now, 0));
        if now.since(entry.0) >= self.window {
            *entry = (now, 0);
        }
        let reset_after = self.window.saturating_sub(now.since(entry.0));
        if entry.1 == self.limit {
            self.refused += 1;
            let ending = Ending::Limited {
                after: reset_after,
                scope: Scope::Lane,
            };
            return (ending, None);
        }
        entry.1 += 1;
        let reading = reading(self.limit, self.limit - entry.1, reset_after);
        (Ending::Answered, Some(reading))
    }
}

#[test]
fn ten_thousand_messages_over_fifty_channels_use_the_rate_and_never_exceed_it() {
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let mut platform = Platform {
        limit: 5,
        window: SECOND * 5,
        begun: HashMap::new(),
        refused: 0,
    };
    let begun = clock.now();
    let mut line: std::collections::BTreeSet<(Timestamp, usize)> =
        (0..10_000).map(|n| (begun, n)).collect();
    let mut asks = 0;
    while let Some((at, n)) = line.pop_first() {
        clock.pass(at.since(clock.now()));
        let channel = n % 50;
        let lanes = [Lane::learned("POST", channel.to_string())];
        asks += 1;
        match gate.turn("m", &lanes, Haste::Line).unwrap() {
            Turn::Now => {
                let (ending, reading) = platform.ask(channel, clock.now());
                gate.done("m", &lanes, ending, reading.as_ref());
            }
            Turn::In(after) => {
                line.insert((clock.now().plus(after), n));
            }
        }
    }
    assert_eq!(platform.refused, 0);
    // 200 messages in each channel, 5 in 5 s: 40 windows, of which the first begins at once.
    let permitted = SECOND * 195;
    let took = clock.now().since(begun);
    assert!(took <= permitted * 10 / 9, "{took:?} of {permitted:?}");
    assert!(asks <= 40_000, "{asks} asks for 10,000 messages");
}

/// What happens next in a run with requests that take a while.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// A message asks for its turn; whether it stood in the line already.
    Asks(usize, bool),
    /// The answer to a message's request arrives.
    Answered(usize),
}

#[test]
fn slow_answers_and_late_returns_cost_little_of_the_rate() {
    const CHANNELS: usize = 10;
    const MESSAGES: usize = 1_000;
    let clock = HandClock::new();
    let gate = Gate::new("test", NONE, clock.clone());
    let mut platform = Platform {
        limit: 5,
        window: SECOND * 5,
        begun: HashMap::new(),
        refused: 0,
    };
    let begun = clock.now();
    let mut line: std::collections::BTreeSet<(Timestamp, Next)> = (0..MESSAGES)
        .map(|n| (begun, Next::Asks(n, false)))
        .collect();
    let mut asks = 0;
    while let Some((at, next)) = line.pop_first() {
        clock.pass(at.since(clock.now()));
        match next {
            Next::Asks(n, has_waited) => {
                asks += 1;
                let lanes = [Lane::learned("POST", (n % CHANNELS).to_string())];
                let haste = if has_waited { Haste::Next } else { Haste::Line };
                match gate.turn("m", &lanes, haste).unwrap() {
                    Turn::Now => {
                        line.insert((
                            clock.now().plus(Duration::from_millis(40)),
                            Next::Answered(n),
                        ));
                    }
                    Turn::In(after) => {
                        // Nobody comes back to the millisecond.
                        let late = Duration::from_millis(u64::try_from(n % 50).unwrap());
                        let in_line = has_waited || after >= Duration::from_millis(500);
                        line.insert((clock.now().plus(after + late), Next::Asks(n, in_line)));
                    }
                }
            }
            Next::Answered(n) => {
                let lanes = [Lane::learned("POST", (n % CHANNELS).to_string())];
                let (ending, reading) = platform.ask(n % CHANNELS, clock.now());
                gate.done("m", &lanes, ending, reading.as_ref());
            }
        }
    }
    assert_eq!(platform.refused, 0);
    let permitted = SECOND * 95;
    let took = clock.now().since(begun);
    assert!(took <= permitted * 10 / 9, "{took:?} of {permitted:?}");
    assert!(asks <= MESSAGES * 8, "{asks} asks");
}
