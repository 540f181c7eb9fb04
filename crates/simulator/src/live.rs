//! A community that goes on talking: the day's people of the history, much denser, with bursts and
//! pauses, for as long as it is asked. Must never wait or look at a clock: the caller does both.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use kernel::{ChatEvent, Day, Platform, Source, Timestamp, event::ModerationAction};

use crate::{
    CommunityPlan,
    dice::{Dice, Key},
    occasions::Occasions,
    person::{Part, Person},
    phrases::Move,
    roster::{Present, Roster},
    scene::{Cast, Scene},
    script::{Act, SECOND, Script, Slot},
    spam::spam_steps,
};

/// Newcomers and visitors a day may add before no more come, so that a day has a bound.
const MOST_PEOPLE: usize = 4_000;

/// An endless conversation.
///
/// The same seed, plan, start and calls give the same events. Ids are `{slug}.live.{start}.{n}`
/// with the start in microseconds: they collide neither with history nor with another start.
#[derive(Clone, Debug)]
pub struct Live {
    root: Key,
    plan: CommunityPlan,
    dice: Dice,
    start: Timestamp,
    n_events: u64,
    last: Timestamp,
    day: Day,
    occasions: Occasions,
    people: Vec<Present>,
    /// Those of the day's people who have not come yet, soonest first.
    expected: VecDeque<usize>,
    scene: Scene,
    /// Who talks with whom at the moment, where, and how many turns are left.
    burst: Burst,
    /// What will happen anyway, earliest first.
    due: VecDeque<(Timestamp, Slot)>,
}

#[derive(Clone, Debug, Default)]
struct Burst {
    people: Vec<usize>,
    place: usize,
    channel: usize,
    turns: u32,
}

impl Live {
    /// A community that has been talking and goes on at `now`.
    pub fn new(seed: u64, plan: &CommunityPlan, now: Timestamp) -> Self {
        let root = Key::root(seed, plan.slug);
        let key = root.child(LIVE).child(now.0.cast_unsigned());
        let occasions = Occasions::of(root, plan, now.day());
        let script = Script::of(root, plan, now.day());
        Self {
            root,
            plan: plan.clone(),
            dice: key.dice(),
            start: now,
            n_events: 0,
            last: Timestamp(now.0.saturating_sub(1)),
            day: now.day(),
            occasions,
            expected: expected(&script, now.0 - now.day().start().0),
            people: script.people,
            scene: Scene::new(plan, on_air(occasions, now)),
            burst: Burst::default(),
            due: VecDeque::new(),
        }
    }

    /// What happens at `now`, and how long to wait before asking again. Every event is later than
    /// the one before, even if `now` is not.
    pub fn next(&mut self, now: Timestamp) -> (ChatEvent, Duration) {
        let now = now.max(Timestamp(self.last.0.saturating_add(1)));
        self.turn_day(now);
        // Ends: every plan has a place with a channel, and the bot and a moderator are everywhere.
        loop {
            let slot = self.choose(now);
            let id = format!("{}.live.{}.{}", self.plan.slug, self.start.0, self.n_events);
            let cast = Cast {
                plan: &self.plan,
                people: &self.people,
                source: Source::Live,
            };
            if let Some(event) = self.scene.play(cast, &slot, now, id, &mut self.dice) {
                self.n_events += 1;
                self.last = now;
                return (event, self.wait(now));
            }
        }
    }

    /// A new day has its own people. Not while something is due, for that names people of the old.
    fn turn_day(&mut self, now: Timestamp) {
        if now.day() == self.day || !self.due.is_empty() {
            return;
        }
        self.day = now.day();
        let script = Script::of(self.root, &self.plan, self.day);
        self.expected = expected(&script, 0);
        self.people = script.people;
        self.occasions = Occasions::of(self.root, &self.plan, self.day);
        self.scene = Scene::new(&self.plan, self.scene.on_air());
        self.burst = Burst::default();
    }

    fn wait(&mut self, now: Timestamp) -> Duration {
        let gap = self.plan.live_gap_ms.clamp(1, 3_600_000);
        let millis = if self.burst.turns > 0 {
            self.dice.between(gap / 5, gap * 6 / 5)
        } else {
            self.dice.between(gap * 3 / 2, gap * 5)
        };
        let wait = Duration::from_millis(u64::from(millis));
        match self.due.front() {
            Some((at, _)) => wait.min(at.since(now).max(Duration::from_millis(50))),
            None => wait,
        }
    }

    fn choose(&mut self, now: Timestamp) -> Slot {
        let scheduled = on_air(self.occasions, now);
        if scheduled != self.scene.on_air()
            && let Some(place) = self.twitch()
        {
            let act = if scheduled { Act::Online } else { Act::Offline };
            return slot(Roster::BROADCASTER, place, 0, act);
        }
        if self.due.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, slot)) = self.due.pop_front()
        {
            return slot;
        }
        // Of a thousand events: 11 arrivals, 2 spammers, 20 of support, 110 reactions.
        match self.dice.below(1_000) {
            0..=10 if self.people.len() < MOST_PEOPLE => self.arrive(now),
            11..=12 if self.people.len() < MOST_PEOPLE => self.spam(now),
            13..=33 => self.support(),
            34..=35 => self.remind(),
            36 => self.warn(),
            37..=147 => self.react(),
            _ => self.talk(),
        }
    }

    fn twitch(&self) -> Option<usize> {
        let platform = |p: &crate::Place| p.platform == Platform::Twitch;
        self.plan.places.iter().position(platform)
    }

    /// The next turn of the conversation; a new one if the last is over.
    fn talk(&mut self) -> Slot {
        if self.burst.turns == 0 {
            self.gather();
        }
        self.burst.turns = self.burst.turns.saturating_sub(1);
        // The last speaker is at the end and speaks again only now and then.
        let n = self.burst.people.len();
        let others = if self.dice.chance(150) {
            n
        } else {
            n.max(2) - 1
        };
        let index = self.dice.index(others.min(n));
        let who = if index < n {
            self.burst.people.remove(index)
        } else {
            Roster::BOT
        };
        self.burst.people.push(who);
        slot(who, self.burst.place, self.burst.channel, Act::Say)
    }

    /// Two to six people of one place meet in one of its rooms.
    fn gather(&mut self) {
        let shares = self.plan.places.iter().map(|p| match p.platform {
            // Few watch an empty screen.
            Platform::Twitch if !self.scene.on_air() => p.share / 4 + 1,
            Platform::Twitch => p.share * 3,
            _ => p.share,
        });
        let place = self.dice.weighted(shares);
        let here: Vec<usize> = (0..self.people.len())
            .filter(|who| {
                let talks = |p: &Present| p.person.talks() && p.person.at(place).is_some();
                self.people.get(*who).is_some_and(talks) && !self.expected.contains(who)
            })
            .collect();
        let n_channels = self.plan.places.get(place).map_or(1, |p| p.channels.len());
        let mut people = Vec::new();
        for _ in 0..self.dice.between(2, 6) {
            if let Some(who) = self.dice.pick(&here).filter(|who| !people.contains(*who)) {
                people.push(*who);
            }
        }
        self.burst = Burst {
            people,
            place,
            channel: self.dice.index(n_channels).min(self.dice.index(n_channels)),
            turns: self.dice.between(4, 16),
        };
    }

    /// Somebody new, of those expected if there are any: they arrive, the bot and a moderator greet, they introduce themselves.
    fn arrive(&mut self, now: Timestamp) -> Slot {
        let who = match self.expected.pop_front() {
            Some(who) => who,
            None => self.add(Part::Newcomer),
        };
        let place = self.home(who);
        let after = |secs: u32| Timestamp(now.0.saturating_add(i64::from(secs) * SECOND));
        let twitch = self.twitch() == Some(place);
        if !twitch {
            let welcome = Act::Speak(Move::BotWelcome);
            self.plan_for(after(1), slot(Roster::BOT, place, 0, welcome));
        }
        let delay = self.dice.between(8, 60);
        let hello = Act::Speak(Move::Introduce);
        self.plan_for(after(delay), slot(who, place, 0, hello));
        slot(who, place, 0, Act::Arrive)
    }

    /// A spammer: everything they will do, and what will be done about it.
    fn spam(&mut self, now: Timestamp) -> Slot {
        let who = self.add(Part::Spammer);
        let place = self.home(who);
        let moderators = self.moderators();
        let n = self.plan.places.get(place).map_or(1, |p| p.channels.len());
        let steps = match self.people.get(who) {
            Some(present) => spam_steps(present, &moderators, &mut self.dice),
            None => Vec::new(),
        };
        for step in steps.iter().skip(1) {
            let at = Timestamp(now.0.saturating_add(step.after));
            self.plan_for(at, slot(who, place, step.channel % n.max(1), step.act));
        }
        slot(who, place, 0, Act::Arrive)
    }

    fn support(&mut self) -> Slot {
        let Some(place) = self.twitch().filter(|_| self.scene.on_air()) else {
            return if self.dice.chance(60) {
                let act = Act::Donate {
                    amount_minor: self.dice.between(3, 30) * 100,
                };
                let who = self.somebody(0);
                slot(who, 0, 0, act)
            } else {
                self.talk()
            };
        };
        let tier = *self.dice.pick(&[1, 1, 1, 1, 2, 3]).unwrap_or(&1);
        let act = match self.dice.below(20) {
            0..=6 => Act::Subscribe {
                tier,
                months: self.dice.between(1, 24),
            },
            7 | 8 => Act::Gift {
                count: *self.dice.pick(&[1, 1, 2, 5]).unwrap_or(&1),
                tier: 1,
            },
            9..=13 => Act::Cheer {
                bits: self.dice.between(1, 10) * 50,
            },
            14 => Act::Donate {
                amount_minor: self.dice.between(2, 20) * 100,
            },
            15 if self.dice.chance(150) && self.people.len() < MOST_PEOPLE => {
                return self.raid(place);
            }
            _ => {
                let who = self.add(Part::Lurker);
                let place = self.home(who);
                return slot(who, place, 0, Act::Arrive);
            }
        };
        let who = self.somebody(place);
        slot(who, place, 0, act)
    }

    fn raid(&mut self, place: usize) -> Slot {
        let key = self.key();
        self.people.push(Present {
            person: Person::visitor(key, &self.plan),
            messages: 0,
            reactions: 0,
            arrives: false,
        });
        let viewers = self.dice.between(4, 90);
        slot(self.people.len() - 1, place, 0, Act::Raid { viewers })
    }

    fn remind(&mut self) -> Slot {
        let place = self.dice.index(self.plan.places.len());
        slot(Roster::BOT, place, 0, Act::Speak(Move::BotRemind))
    }

    fn warn(&mut self) -> Slot {
        let place = self.burst.place;
        let moderators = self.moderators();
        let by = self.dice.pick(&moderators).copied();
        let who = self.somebody(place);
        match by.filter(|by| *by != who) {
            Some(by) => {
                let action = ModerationAction::Warn;
                let act = Act::Moderated { by, action };
                slot(who, place, self.burst.channel, act)
            }
            None => self.talk(),
        }
    }

    fn react(&mut self) -> Slot {
        let place = self.burst.place;
        let who = self.somebody(place);
        slot(who, place, self.burst.channel, Act::React)
    }

    /// Somebody who can be met at a place; the bot if nobody can.
    fn somebody(&mut self, place: usize) -> usize {
        for _ in 0..20 {
            let who = self.dice.index(self.people.len());
            let here = |p: &Present| {
                (p.person.talks() || p.person.part == Part::Lurker) && p.person.at(place).is_some()
            };
            if self.people.get(who).is_some_and(here) && !self.expected.contains(&who) {
                return who;
            }
        }
        Roster::BOT
    }

    fn moderators(&self) -> Vec<usize> {
        (0..self.people.len())
            .filter(|i| {
                self.people
                    .get(*i)
                    .is_some_and(|p| p.person.part == Part::Moderator)
            })
            .collect()
    }

    fn home(&self, who: usize) -> usize {
        self.people.get(who).map_or(0, |p| p.person.home)
    }

    fn key(&self) -> Key {
        self.root
            .child(LIVE)
            .child(self.start.0.cast_unsigned())
            .child(self.n_events)
    }

    fn add(&mut self, part: Part) -> usize {
        let person = Person::new(self.key(), part, &self.plan, self.day);
        self.people.push(Present {
            person,
            messages: self.dice.between(4, 8),
            reactions: 0,
            arrives: true,
        });
        self.people.len() - 1
    }

    fn plan_for(&mut self, at: Timestamp, slot: Slot) {
        let place = self.due.partition_point(|(due, _)| *due <= at);
        self.due.insert(place, (at, slot));
    }
}

/// Who comes to stay on a script's day, but does nothing before `at`, in order of coming.
fn expected(script: &Script, at: i64) -> VecDeque<usize> {
    let mut first = BTreeMap::new();
    for slot in script.slots.iter().rev() {
        first.insert(slot.who, slot.at);
    }
    let comes = |who: usize| {
        let stays = |p: &Present| p.arrives && p.person.part != Part::Spammer;
        let time = first.get(&who).copied().filter(|time| *time >= at)?;
        script
            .people
            .get(who)
            .is_some_and(stays)
            .then_some((time, who))
    };
    let mut coming: Vec<(i64, usize)> = (0..script.people.len()).filter_map(comes).collect();
    coming.sort_unstable();
    coming.into_iter().map(|(_, who)| who).collect()
}

const fn slot(who: usize, place: usize, channel: usize, act: Act) -> Slot {
    Slot {
        at: 0,
        who,
        place,
        channel,
        act,
    }
}

fn on_air(occasions: Occasions, now: Timestamp) -> bool {
    let second = now.secs().rem_euclid(86_400);
    occasions
        .stream
        .is_some_and(|(start, end)| (i64::from(start)..i64::from(end)).contains(&second))
}

const LIVE: u64 = 50;
