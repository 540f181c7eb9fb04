//! A community's past, one UTC day at a time, each made from its own seed. A day that is made again
//! is the same day with the same ids, so a database can be topped up by asking only for what it
//! lacks. Must never look at a clock or at an earlier day's result.

use kernel::{ChatEvent, Day, Source, Timestamp};

use crate::{
    CommunityPlan,
    dice::Key,
    scene::{Cast, Scene},
    script::Script,
};

/// Iterates over a community's events from one instant (inclusive) to another (exclusive), in
/// strict order of time. Holds one day in memory.
///
/// Event ids are `{slug}.{day}.{n}`, `n` counting the day's events: not in any platform's own form,
/// so they never collide with real ones. An instant inside a day cuts that day and changes nothing
/// else about it.
#[derive(Clone, Debug)]
pub struct History {
    root: Key,
    plan: CommunityPlan,
    from: Timestamp,
    until: Timestamp,
    next_day: Day,
    today: std::vec::IntoIter<ChatEvent>,
}

impl History {
    /// The events of a community in `from..until`. Nothing if the period is empty; nothing before
    /// 1970 and nothing after 9999, where dates are a mistake.
    pub fn new(seed: u64, plan: &CommunityPlan, from: Timestamp, until: Timestamp) -> Self {
        let (from, until) = (from.max(FIRST.start()), until.min(LAST.start()));
        Self {
            root: Key::root(seed, plan.slug),
            plan: plan.clone(),
            from,
            until,
            next_day: from.day(),
            today: Vec::new().into_iter(),
        }
    }
}

impl Iterator for History {
    type Item = ChatEvent;

    fn next(&mut self) -> Option<ChatEvent> {
        loop {
            for event in self.today.by_ref() {
                if event.sent_at >= self.until {
                    // Nothing later is wanted.
                    self.next_day = LAST;
                    self.today = Vec::new().into_iter();
                    return None;
                }
                if event.sent_at >= self.from {
                    return Some(event);
                }
            }
            if self.next_day >= LAST || self.next_day.start() >= self.until {
                return None;
            }
            self.today = day(self.root, &self.plan, self.next_day).into_iter();
            self.next_day = self.next_day.plus(1);
        }
    }
}

impl std::iter::FusedIterator for History {}

/// All events of one day.
fn day(root: Key, plan: &CommunityPlan, day: Day) -> Vec<ChatEvent> {
    let script = Script::of(root, plan, day);
    let mut dice = root.child(SCENE).on(day).dice();
    let mut scene = Scene::new(plan, false);
    let cast = Cast {
        plan,
        people: &script.people,
        source: Source::Import,
    };
    let mut events = Vec::with_capacity(script.slots.len());
    for slot in &script.slots {
        let at = Timestamp(day.start().0 + slot.at);
        let id = format!("{}.{}.{}", plan.slug, day.0, events.len());
        events.extend(scene.play(cast, slot, at, id, &mut dice));
    }
    events
}

/// 1970-01-01.
const FIRST: Day = Day(0);
/// 10000-01-01.
const LAST: Day = Day(2_932_897);

const SCENE: u64 = 40;
