//! Machines that go on: what they do for the rest of a day and the days after it, as their history has it, and soon after the
//! beginning a wave of joins, so that whoever looks on sees one begin. Must never wait or look at a clock: the caller does both.

use std::{collections::VecDeque, time::Duration};

use kernel::{ChatEvent, Day, EventKind, Platform, Source, Timestamp};

use super::{MACHINES, Machine, Today, machines};
use crate::{CommunityPlan, dice::Key};

/// So long after the beginning the first wave of joins sets in.
const FIRST_WAVE: Duration = Duration::from_mins(3);
/// From the beginning of a wave to that of the next.
const BETWEEN_WAVES: Duration = Duration::from_hours(6);
/// What is later than this is left out: a machine that slept catches nothing up.
const LATE_MAX: Duration = Duration::from_mins(1);
/// How long to wait at most before asking again.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// What machines do from a moment on.
///
/// The same seed, plan, start and calls give the same events. What is on the schedule of a day has the ids and times that
/// [`machines()`] gives it; a wave has ids `{slug}.wave.{its beginning}.{n}`, in microseconds.
#[derive(Clone, Debug)]
pub struct LiveMachines {
    seed: u64,
    plan: CommunityPlan,
    day: Day,
    /// When the next wave sets in; `None` where nobody joins.
    wave: Option<Timestamp>,
    /// What will happen, earliest first.
    due: VecDeque<ChatEvent>,
}

impl LiveMachines {
    /// The machines of a community, from `now` on.
    pub fn new(seed: u64, plan: &CommunityPlan, now: Timestamp) -> Self {
        let joins = plan.machines.contains(&Machine::Joins);
        let mut all = Self {
            seed,
            plan: plan.clone(),
            day: now.day(),
            wave: joins.then(|| now.plus(FIRST_WAVE)),
            due: VecDeque::new(),
        };
        all.schedule(now);
        all
    }

    /// What happens at `now`, if anything does, and how long to wait before asking again.
    pub fn next(&mut self, now: Timestamp) -> (Option<ChatEvent>, Duration) {
        if now.day() > self.day {
            self.day = now.day();
            self.schedule(self.day.start());
        }
        if let Some(wave) = self.wave.filter(|wave| *wave <= now) {
            self.come(wave);
            self.wave = Some(wave.plus(BETWEEN_WAVES).max(now));
        }
        let late = now.minus(LATE_MAX);
        while self.due.front().is_some_and(|event| event.sent_at < late) {
            self.due.pop_front();
        }
        let event = match self.due.front() {
            Some(event) if event.sent_at <= now => self.due.pop_front(),
            _ => None,
        };
        let next = self.due.front().map(|event| event.sent_at);
        let midnight = self.day.plus(1).start();
        let soonest = next
            .into_iter()
            .chain(self.wave)
            .fold(midnight, Timestamp::min);
        let wait = soonest.since(now).min(WAIT_MAX);
        (event, wait)
    }

    /// What they do for the rest of the day.
    fn schedule(&mut self, from: Timestamp) {
        let until = self.day.plus(1).start();
        self.put(machines(self.seed, &self.plan, from, until));
    }

    /// A wave of joins.
    fn come(&mut self, at: Timestamp) {
        let day = at.day();
        let mut today = Today::new(self.seed, &self.plan, day);
        today.label = format!("{}.wave.{}", self.plan.slug, at.0);
        let key = Key::root(self.seed, self.plan.slug)
            .child(MACHINES)
            .child(Machine::Joins.label())
            .child(at.0.cast_unsigned());
        let how = (Platform::Discord, &EventKind::Join);
        today.wave_at(at.0 - day.start().0, how, key, &mut key.dice());
        let events = today.ended();
        self.put(events);
    }

    fn put(&mut self, events: Vec<ChatEvent>) {
        for mut event in events {
            event.source = Source::Live;
            let place = self.due.partition_point(|due| due.sent_at <= event.sent_at);
            self.due.insert(place, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::{ChatEvent, Day, EventKind, Source, Timestamp};

    use super::LiveMachines;
    use crate::{CommunityPlan, communities, machines};

    const START: Day = Day(20_700);

    fn plan(slug: &str) -> CommunityPlan {
        let mut all = communities().into_iter();
        all.find(|plan| plan.slug == slug).unwrap()
    }

    /// Asks as often as is said, for so many days.
    fn played(plan: &CommunityPlan, from: Timestamp, days: u32) -> Vec<(Timestamp, ChatEvent)> {
        let until = from.plus(Duration::from_secs(86_400) * days);
        let mut live = LiveMachines::new(6, plan, from);
        let (mut now, mut all) = (from, Vec::new());
        while now < until {
            let (event, wait) = live.next(now);
            all.extend(event.map(|event| (now, event)));
            now = now.plus(wait);
        }
        all
    }

    #[test]
    fn what_is_on_the_schedule_happens_when_it_is_there_and_nothing_twice() {
        let from = START.start().plus(Duration::from_hours(9));
        for plan in communities() {
            let all = played(&plan, from, 8);
            assert!(
                all.iter().all(|(at, event)| event.sent_at == *at),
                "{}",
                plan.slug
            );
            assert!(all.iter().all(|(_, event)| event.source == Source::Live));
            let of_history = |event: &&ChatEvent| !event.event_id.contains(".wave.");
            let live: Vec<&str> = all
                .iter()
                .map(|(_, event)| event)
                .filter(of_history)
                .map(|event| event.event_id.as_str())
                .collect();
            let until = from.plus(Duration::from_secs(86_400) * 8);
            let history = machines(6, &plan, from, until);
            let history: Vec<&str> = history
                .iter()
                .map(|event| event.event_id.as_str())
                .collect();
            assert!(history.len() > 8, "{}", plan.slug);
            assert_eq!(live, history, "{}", plan.slug);
        }
    }

    #[test]
    fn a_wave_of_joins_comes_soon_and_again_with_others() {
        let from = START.start().plus(Duration::from_hours(23));
        let all = played(&plan("maple-lane"), from, 1);
        let joins: Vec<&(Timestamp, ChatEvent)> = all
            .iter()
            .filter(|(_, event)| event.kind == EventKind::Join && event.event_id.contains(".wave."))
            .collect();
        assert_eq!(joins.len(), 4 * 24, "every six hours");
        let first = joins[0].0;
        assert_eq!(first, from.plus(Duration::from_mins(3)));
        assert!(
            joins[11].0.since(first) < Duration::from_mins(5),
            "twelve within five minutes"
        );
        let who: std::collections::BTreeSet<&str> = joins
            .iter()
            .map(|(_, event)| event.account.platform_user_id.as_str())
            .collect();
        assert_eq!(who.len(), joins.len(), "each time others");
        let none = played(&plan("night-bus-radio"), from, 1);
        assert!(
            none.iter()
                .all(|(_, event)| !event.event_id.contains(".wave."))
        );
    }

    #[test]
    fn a_machine_that_slept_catches_nothing_up() {
        let plan = plan("maple-lane");
        let from = START.start();
        let mut live = LiveMachines::new(6, &plan, from);
        let later = from.plus(Duration::from_secs(86_400 * 3 + 40_000));
        let (mut events, mut now) = (Vec::new(), later);
        for _ in 0..40 {
            let (event, wait) = live.next(now);
            events.extend(event);
            now = now.plus(wait);
        }
        assert!(!events.is_empty());
        let late = later.minus(Duration::from_mins(1));
        assert!(
            events.iter().all(|event| event.sent_at >= late),
            "{events:?}"
        );
    }
}
