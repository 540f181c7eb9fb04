//! The day's script: who does what, where and when, before a word is written. Times only; the
//! words come from the scene. Must give the same script for the same (community, day).

use kernel::{Day, Platform, event::ModerationAction};

use crate::{
    CommunityPlan,
    dice::{Dice, Key},
    occasions::Occasions,
    person::{Part, Person},
    phrases::Move,
    roster::{Present, Roster},
    spam::spam_steps,
};

/// Something somebody does at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    /// Microseconds after midnight UTC.
    pub(crate) at: i64,
    /// Index into the roster's people.
    pub(crate) who: usize,
    /// Index into the plan's places.
    pub(crate) place: usize,
    /// Index into the place's channels.
    pub(crate) channel: usize,
    /// What they do.
    pub(crate) act: Act,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// Says what the conversation suggests.
    Say,
    /// Says something of a certain kind.
    Speak(Move),
    /// Reacts to a recent message.
    React,
    /// Joins the server, or follows the channel where there is nothing to join.
    Arrive,
    /// Subscribes or renews.
    Subscribe { tier: u8, months: u32 },
    /// Gives subscriptions away.
    Gift { count: u32, tier: u8 },
    /// Cheers with bits.
    Cheer { bits: u32 },
    /// Sends viewers over.
    Raid { viewers: u32 },
    /// Gives money.
    Donate { amount_minor: u32 },
    /// The stream begins.
    Online,
    /// The stream ends.
    Offline,
    /// Is moderated, by the person with this index.
    Moderated { by: usize, action: ModerationAction },
}

pub(crate) const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A day's people and what they do, in order of time, no two at the same microsecond.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// The people, and visitors added at the end.
    pub(crate) people: Vec<Present>,
    /// What happens.
    pub(crate) slots: Vec<Slot>,
}

impl Script {
    /// The script of a day.
    pub(crate) fn of(root: Key, plan: &CommunityPlan, day: Day) -> Self {
        let mut writer = Writer {
            plan,
            dice: root.child(SCRIPT).on(day).dice(),
            occasions: Occasions::of(root, plan, day),
            gatherings: Vec::new(),
            moderators: Vec::new(),
            slots: Vec::new(),
        };
        let Roster { mut people } = Roster::of(root, plan, day);
        writer.moderators = (0..people.len())
            .filter(|i| {
                people
                    .get(*i)
                    .is_some_and(|p| p.person.part == Part::Moderator)
            })
            .collect();
        writer.gather(&people);
        for (index, present) in people.iter().enumerate() {
            match present.person.part {
                Part::Spammer => writer.spam(index, present),
                Part::Bot => writer.remind(index),
                Part::Broadcaster => writer.broadcast(index),
                _ => writer.visit(index, present, day),
            }
        }
        let visitor = Person::visitor(root.child(VISITOR).on(day), plan);
        if writer.raid(people.len()) {
            people.push(Present {
                person: visitor,
                messages: 0,
                reactions: 0,
                arrives: false,
            });
        }
        Self {
            people,
            slots: writer.finish(),
        }
    }
}

/// A time and a room in which people happen to meet, so that messages become conversations.
#[derive(Clone, Copy, Debug)]
struct Gathering {
    second: u32,
    place: usize,
    channel: usize,
}

struct Writer<'a> {
    plan: &'a CommunityPlan,
    dice: Dice,
    occasions: Occasions,
    gatherings: Vec<Gathering>,
    moderators: Vec<usize>,
    slots: Vec<Slot>,
}

impl Writer<'_> {
    /// Chooses the day's gatherings: about one for every eighteen messages, by the community's hours,
    /// on Twitch during the stream.
    fn gather(&mut self, people: &[Present]) {
        let messages = people.iter().fold(0, |sum, p| sum + p.messages);
        for _ in 0..messages / 18 + 3 {
            let place = self.dice.weighted(self.plan.places.iter().map(|p| p.share));
            let second = match (self.platform(place), self.occasions.stream) {
                (Some(Platform::Twitch), Some((start, end))) => self.dice.between(start, end),
                _ => self.plan.rhythm.second(&mut self.dice, 0),
            };
            let channel = self.channel(place);
            self.gatherings.push(Gathering {
                second,
                place,
                channel,
            });
        }
    }

    fn platform(&self, place: usize) -> Option<Platform> {
        self.plan.places.get(place).map(|p| p.platform)
    }

    /// The first channels are the busiest.
    fn channel(&mut self, place: usize) -> usize {
        let n = self.plan.places.get(place).map_or(1, |p| p.channels.len());
        self.dice.index(n).min(self.dice.index(n))
    }

    fn put(&mut self, at: i64, who: usize, (place, channel): (usize, usize), act: Act) {
        self.slots.push(Slot {
            at,
            who,
            place,
            channel,
            act,
        });
    }

    /// A person's day: they arrive if it is their first, drop in once or twice, react.
    fn visit(&mut self, who: usize, present: &Present, day: Day) {
        let person = &present.person;
        let mut earliest = 0;
        if present.arrives {
            let second = match self.occasions.launch {
                // On a launch day most come within two hours of it.
                Some(launch) if self.dice.chance(750) => launch + self.dice.below(7_200),
                _ => self.plan.rhythm.second(&mut self.dice, 0),
            };
            earliest = i64::from(second.min(82_800)) * SECOND + self.dice.micros(0, 60);
            for place in person.places() {
                // Not everybody who watches follows.
                let follows =
                    self.platform(place) != Some(Platform::Twitch) || self.dice.chance(700);
                if follows {
                    self.put(earliest, who, (place, 0), Act::Arrive);
                }
                if self.platform(place) != Some(Platform::Twitch) {
                    let at = earliest + self.dice.micros(1, 4);
                    self.put(at, Roster::BOT, (place, 0), Act::Speak(Move::BotWelcome));
                }
            }
        }
        let mut left = present.messages;
        while left > 0 {
            let n = if left > 3 && self.dice.chance(500) {
                left / 2
            } else {
                left
            };
            left -= n;
            self.session(who, person, n, earliest);
        }
        for _ in 0..present.reactions {
            let meeting = self.meeting(person);
            let mut at = i64::from(meeting.second) * SECOND + self.dice.micros(60, 2_400);
            if at < earliest {
                at = earliest + self.dice.micros(20, 1_800);
            }
            self.put(at, who, (meeting.place, meeting.channel), Act::React);
        }
        self.support(who, person, day, earliest);
        self.warn(who, person, earliest);
    }

    /// One visit: some messages in one room, seconds to minutes apart.
    fn session(&mut self, who: usize, person: &Person, n: u32, earliest: i64) {
        let meeting = self.meeting(person);
        let mut at = i64::from(meeting.second) * SECOND + self.dice.micros(0, 500);
        if at < earliest {
            at = earliest + self.dice.micros(30, 900);
        }
        let room = (meeting.place, meeting.channel);
        for index in 0..n {
            let last = index + 1 == n && n > 2;
            let act = if last && self.dice.chance(60) {
                Act::Speak(Move::Leave)
            } else {
                Act::Say
            };
            self.put(at, who, room, act);
            at += match self.platform(meeting.place) {
                Some(Platform::Twitch) => self.dice.micros(6, 180),
                _ => self.dice.micros(15, 300),
            };
        }
    }

    /// Where and when somebody drops in: at the gathering that suits their hours best, of a few.
    fn meeting(&mut self, person: &Person) -> Gathering {
        let place = person.goes_to(&mut self.dice);
        let wanted = self.plan.rhythm.second(&mut self.dice, person.lean);
        let mut best: Option<Gathering> = None;
        let near = |g: &Gathering| g.second.abs_diff(wanted);
        for _ in 0..12 {
            let found = self.dice.pick(&self.gatherings).copied();
            let here = found.filter(|g| g.place == place);
            best = match (best, here) {
                (Some(a), Some(b)) => Some(if near(&b) < near(&a) { b } else { a }),
                (a, b) => a.or(b),
            };
        }
        let on_air = self.platform(place) == Some(Platform::Twitch);
        match (best, self.occasions.stream) {
            // Viewers are there for the stream, others mostly when somebody else is.
            (Some(gathering), _) if on_air || near(&gathering) < 12_000 => gathering,
            (_, Some((start, end))) if on_air => Gathering {
                second: self.dice.between(start, end),
                place,
                channel: 0,
            },
            _ => Gathering {
                second: wanted,
                place,
                channel: self.channel(place),
            },
        }
    }

    /// Subscriptions, gifts, bits and donations, on the air.
    fn support(&mut self, who: usize, person: &Person, day: Day, earliest: i64) {
        let Some((start, end)) = self.occasions.stream else {
            return self.chip_in(who, person, earliest);
        };
        let Some(twitch) = person
            .places()
            .find(|p| self.platform(*p) == Some(Platform::Twitch))
        else {
            return self.chip_in(who, person, earliest);
        };
        let mut habits = person.key.child(SUPPORT).dice();
        let subscribes = person.talks()
            && habits.chance(if person.part == Part::Newcomer {
                120
            } else {
                600
            });
        let tier = match habits.below(10) {
            0 => 3,
            1 | 2 => 2,
            _ => 1,
        };
        // Renewals come once in four weeks, on the weekday of the first.
        let cycle = 28;
        let turn = i64::from(day.0) + i64::from(habits.below(28));
        let renews = subscribes && turn.rem_euclid(cycle) == 0;
        let months = u32::try_from(turn.div_euclid(cycle) % 40).unwrap_or(0) + 1;
        let mut acts = Vec::new();
        if renews {
            acts.push(Act::Subscribe { tier, months });
        }
        if self.dice.chance(if subscribes { 40 } else { 8 }) {
            let bits = *self
                .dice
                .pick(&[50, 100, 100, 150, 200, 500, 1_000])
                .unwrap_or(&100);
            acts.push(Act::Cheer { bits });
        }
        if subscribes && self.dice.chance(18) {
            let count = *self.dice.pick(&[1, 1, 1, 2, 5, 5, 10]).unwrap_or(&1);
            acts.push(Act::Gift { count, tier: 1 });
        }
        if subscribes && self.dice.chance(14) {
            let amount_minor = self.dice.between(2, 20) * 100;
            acts.push(Act::Donate { amount_minor });
        }
        for act in acts {
            let at = i64::from(self.dice.between(start, end)) * SECOND + self.dice.micros(0, 1);
            self.put(at.max(earliest + SECOND), who, (twitch, 0), act);
        }
    }

    /// Donations where nobody streams.
    fn chip_in(&mut self, who: usize, person: &Person, earliest: i64) {
        if self.plan.streams.is_empty() && person.talks() && self.dice.chance(3) {
            let at = i64::from(self.plan.rhythm.second(&mut self.dice, 0)) * SECOND
                + self.dice.micros(0, 1);
            let amount_minor = self.dice.between(3, 30) * 100;
            self.put(
                at.max(earliest + SECOND),
                who,
                (person.home, 0),
                Act::Donate { amount_minor },
            );
        }
    }

    /// A friendly warning now and then, for regulars who forget themselves.
    fn warn(&mut self, who: usize, person: &Person, earliest: i64) {
        if person.part != Part::Regular || !self.dice.chance(5) {
            return;
        }
        let Some(by) = self.dice.pick(&self.moderators).copied() else {
            return;
        };
        let meeting = self.meeting(person);
        let at = i64::from(meeting.second) * SECOND + self.dice.micros(300, 3_000);
        let act = Act::Moderated {
            by,
            action: ModerationAction::Warn,
        };
        let room = (meeting.place, meeting.channel);
        self.put(at.max(earliest + SECOND), who, room, act);
    }

    /// A spammer arrives, posts the same thing in every room, and is removed minutes later.
    fn spam(&mut self, who: usize, present: &Present) {
        let second = self.plan.rhythm.second(&mut self.dice, 0).min(82_800);
        let start = i64::from(second) * SECOND + self.dice.micros(0, 1);
        for step in spam_steps(present, &self.moderators, &mut self.dice) {
            let n = self
                .plan
                .places
                .get(present.person.home)
                .map_or(1, |p| p.channels.len());
            let room = (present.person.home, step.channel % n.max(1));
            self.put(start + step.after, who, room, step.act);
        }
    }

    fn remind(&mut self, who: usize) {
        for place in 0..self.plan.places.len() {
            if self.platform(place) == Some(Platform::Twitch) {
                let Some((start, end)) = self.occasions.stream else {
                    continue;
                };
                let mut second = start + 900;
                while second < end {
                    let at = i64::from(second) * SECOND + self.dice.micros(0, 20);
                    self.put(at, who, (place, 0), Act::Speak(Move::BotRemind));
                    second += 2_700;
                }
            } else if self.dice.chance(600) {
                let at = 9 * 3_600 * SECOND + self.dice.micros(0, 30);
                self.put(at, who, (place, 0), Act::Speak(Move::BotRemind));
            }
        }
    }

    fn broadcast(&mut self, who: usize) {
        let twitch =
            (0..self.plan.places.len()).find(|p| self.platform(*p) == Some(Platform::Twitch));
        if let (Some(place), Some((start, end))) = (twitch, self.occasions.stream) {
            self.put(i64::from(start) * SECOND, who, (place, 0), Act::Online);
            self.put(i64::from(end) * SECOND, who, (place, 0), Act::Offline);
        }
    }

    /// Another channel sends its viewers: always at a launch, otherwise now and then.
    fn raid(&mut self, who: usize) -> bool {
        let twitch =
            (0..self.plan.places.len()).find(|p| self.platform(*p) == Some(Platform::Twitch));
        let (Some(place), Some((start, end))) = (twitch, self.occasions.stream) else {
            return false;
        };
        let (second, viewers) = match self.occasions.launch {
            Some(launch) => (launch, self.dice.between(180, 420)),
            None if self.dice.chance(90) => {
                (self.dice.between(start, end), self.dice.between(4, 60))
            }
            None => return false,
        };
        let at = i64::from(second) * SECOND;
        self.put(at, who, (place, 0), Act::Raid { viewers });
        for (after, greeter) in (1..=3).zip(self.moderators.clone()) {
            let at = at + after * 4 * SECOND + self.dice.micros(0, 5);
            self.put(at, greeter, (place, 0), Act::Speak(Move::GreetRaid));
        }
        true
    }

    /// Silence during an outage, then order.
    fn finish(&mut self) -> Vec<Slot> {
        let mut slots = std::mem::take(&mut self.slots);
        if let Some((start, end)) = self.occasions.outage {
            let silent = i64::from(start) * SECOND..i64::from(end) * SECOND;
            slots.retain(|slot| {
                let kept = matches!(slot.act, Act::Moderated { .. } | Act::Online | Act::Offline);
                !silent.contains(&slot.at) || kept || self.dice.chance(60)
            });
        }
        slots.retain(|slot| (0..DAY - SECOND).contains(&slot.at));
        // Stable: what was written first happens first.
        slots.sort_by_key(|slot| slot.at);
        let mut last = -1;
        for slot in &mut slots {
            slot.at = slot.at.max(last + 1);
            last = slot.at;
        }
        slots
    }
}

const SCRIPT: u64 = 30;
const VISITOR: u64 = 31;
const SUPPORT: u64 = 32;
