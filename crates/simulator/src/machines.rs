//! Those whom the detection of bots is about, beside the people of a community: three accounts that say the same in turn,
//! one that reports by the clock, one that answers commands, waves of follows and of joins, and a person who shows their wares so
//! fast that they look like none. Each on some days, the same for the same seed, plan and day; [`LiveMachines`] goes on with the
//! day of today.
//!
//! Must never say what it is: that is for the program to find.

mod live;
mod words;

pub use live::LiveMachines;

use kernel::{
    Account, ChatEvent, Day, EventKind, Origin, Platform, Source, Timestamp, event::Message,
};

use crate::{
    CommunityPlan, Place,
    cast::{CastPart, cast},
    dice::{Dice, Key},
    names::{Name, throwaway},
    person::user_id,
};
use words::Words;

/// What keeps an account, if it is no ordinary member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Machine {
    /// Three accounts say the same lines in turn, each in another room.
    Ring,
    /// Reports a number every half hour.
    Timer,
    /// Answers commands within a second.
    Answers,
    /// Two dozen accounts follow within minutes; two of them then advertise.
    Follows,
    /// Two dozen accounts join within minutes; two of them then advertise.
    Joins,
    /// A person who shows a dozen of their wares within a minute.
    Typist,
}

impl Machine {
    /// Days from one on which it does something to the next.
    const fn period(self) -> i32 {
        match self {
            Self::Typist => 2,
            Self::Timer | Self::Answers => 3,
            Self::Ring => 4,
            Self::Follows | Self::Joins => 45,
        }
    }

    const fn label(self) -> u64 {
        match self {
            Self::Ring => 1,
            Self::Timer => 2,
            Self::Answers => 3,
            Self::Follows => 4,
            Self::Typist => 5,
            Self::Joins => 6,
        }
    }
}

/// What machines did in a community in `from..until`, in strict order of time. Ids are `{slug}.machine.{day}.{n}`.
pub fn machines(
    seed: u64,
    plan: &CommunityPlan,
    from: Timestamp,
    until: Timestamp,
) -> Vec<ChatEvent> {
    let mut events = Vec::new();
    let mut day = from.day();
    while day.start() < until {
        events.extend(of_day(seed, plan, day));
        day = day.plus(1);
    }
    events.retain(|event| event.sent_at >= from && event.sent_at < until);
    events
}

/// All of one day.
fn of_day(seed: u64, plan: &CommunityPlan, day: Day) -> Vec<ChatEvent> {
    let root = Key::root(seed, plan.slug).child(MACHINES);
    let mut today = Today::new(seed, plan, day);
    for machine in plan.machines {
        let key = root.child(machine.label());
        // Not all on the same days.
        let shift = i32::try_from(key.number() % 1_000).unwrap_or(0);
        if (day.0 + shift).rem_euclid(machine.period()) == 0 {
            let mut dice = key.on(day).dice();
            match machine {
                Machine::Ring => today.ring(key, &mut dice),
                Machine::Timer => today.timer(key, &mut dice),
                Machine::Answers => today.answers(key, &mut dice),
                Machine::Follows => {
                    today.wave(Platform::Twitch, &EventKind::Follow, key, &mut dice);
                }
                Machine::Joins => today.wave(Platform::Discord, &EventKind::Join, key, &mut dice),
                Machine::Typist => today.typist(key, &mut dice),
            }
        }
    }
    today.ended()
}

/// A day while it is made.
struct Today<'a> {
    seed: u64,
    plan: &'a CommunityPlan,
    day: Day,
    words: &'static Words,
    /// What ids begin with.
    label: String,
    events: Vec<ChatEvent>,
}

impl<'a> Today<'a> {
    fn new(seed: u64, plan: &'a CommunityPlan, day: Day) -> Self {
        Self {
            seed,
            plan,
            day,
            words: Words::of(plan.talk.language()),
            label: format!("{}.machine.{}", plan.slug, day.0),
            events: Vec::new(),
        }
    }

    /// What happened, in strict order of time.
    fn ended(self) -> Vec<ChatEvent> {
        let mut events = self.events;
        // Stable: what was written first happens first.
        events.sort_by_key(|event| event.sent_at);
        let mut last = Timestamp(self.day.start().0 - 1);
        for event in &mut events {
            event.sent_at = event.sent_at.max(Timestamp(last.0 + 1));
            last = event.sent_at;
        }
        events
    }

    /// Where everybody may enter: not Slack, if there is another.
    fn open_place(&self) -> Option<&'a Place> {
        let places = self.plan.places();
        let open = places
            .iter()
            .find(|place| place.platform != Platform::Slack);
        open.or_else(|| places.first())
    }

    /// Three accounts, eight lines: each line three times within two minutes.
    fn ring(&mut self, key: Key, dice: &mut Dice) {
        let Some(place) = self.open_place() else {
            return;
        };
        let members: Vec<Account> = (0..3)
            .map(|nth| {
                let key = key.child(nth);
                let name = throwaway(&mut key.dice());
                account(key, place, name, MADE.plus(-40))
            })
            .collect();
        let mut at = HOUR * 17 + dice.micros(0, 1_800);
        for _ in 0..8 {
            let line = dice.word(self.words.ring);
            for (room, member) in members.iter().enumerate() {
                self.say(place, room, member, at, line, None);
                at += dice.micros(25, 45);
            }
            at += dice.micros(300, 700);
        }
    }

    /// A number every half hour, to the second.
    fn timer(&mut self, key: Key, dice: &mut Dice) {
        let Some(place) = self.open_place() else {
            return;
        };
        let name = Name::nick(&mut key.dice()).on(place.platform);
        let who = account(key, place, name, MADE.plus(-400));
        for half in 12..44 {
            let at = half * HOUR / 2 + dice.micros(0, 1);
            let number = dice.between(38, 71).to_string();
            let text = self.words.timer.replace("{}", &number);
            self.say(place, 1, &who, at, &text, None);
        }
    }

    /// People ask; it answers.
    fn answers(&mut self, key: Key, dice: &mut Dice) {
        let Some(place) = self.open_place() else {
            return;
        };
        let index = self.plan.places().iter().position(|other| other == place);
        let people: Vec<Account> = cast(self.seed, self.plan, self.day)
            .into_iter()
            .filter(|member| member.part == CastPart::Regular)
            .filter_map(|member| {
                member
                    .accounts
                    .into_iter()
                    .nth(index.unwrap_or(0))
                    .flatten()
            })
            .collect();
        let name = Name::nick(&mut key.dice()).on(place.platform);
        let who = account(key, place, name, MADE.plus(-700));
        let mut at = HOUR * 9 + dice.micros(0, 3_600);
        for _ in 0..7 {
            let (Some(human), Some((asked, answer))) =
                (dice.pick(&people), dice.pick(self.words.answers))
            else {
                return;
            };
            let question = self.say(place, 0, human, at, asked, None);
            self.say(place, 0, &who, at + 800_000, answer, Some(question));
            at += dice.micros(1_800, 7_200);
        }
    }

    /// In the evening they come to a platform; two speak.
    fn wave(&mut self, platform: Platform, how: &EventKind, key: Key, dice: &mut Dice) {
        let at = HOUR * 19 + dice.micros(0, 1_800);
        self.wave_at(at, (platform, how), key.on(self.day), dice);
    }

    /// The same from a moment on, in microseconds after midnight.
    fn wave_at(
        &mut self,
        mut at: i64,
        (platform, how): (Platform, &EventKind),
        key: Key,
        dice: &mut Dice,
    ) {
        let there = |place: &&Place| place.platform == platform;
        let Some(place) = self.plan.places().iter().find(there) else {
            return;
        };
        let mut came = Vec::new();
        for nth in 0..24 {
            let key = key.child(nth);
            let name = throwaway(&mut key.dice());
            let who = account(
                key,
                place,
                name,
                self.day.plus(-i32::try_from(nth % 3).unwrap_or(0)),
            );
            self.happen(place, 0, &who, at, how.clone());
            came.push(who);
            at += dice.micros(3, 14);
        }
        for _ in 0..6 {
            for who in came.iter().take(2) {
                at += dice.micros(20, 50);
                self.say(place, 0, who, at, self.words.wave, None);
            }
        }
    }

    /// A dozen lines within a minute, in the evening.
    fn typist(&mut self, key: Key, dice: &mut Dice) {
        let Some(place) = self.open_place() else {
            return;
        };
        let name = Name::nick(&mut key.dice()).on(place.platform);
        let who = account(key, place, name, MADE.plus(-900));
        let mut at = HOUR * 19 + dice.micros(0, 600);
        for _ in 0..14 {
            let text = if dice.chance(60) {
                dice.word(self.words.remarks).to_owned()
            } else {
                let price = dice.between(9, 90).to_string();
                let number = dice.between(100, 999).to_string();
                let parts = [dice.word(self.words.wares), &price, &number];
                let fill = |text: String, part: &str| text.replacen("{}", part, 1);
                parts.into_iter().fold(self.words.offer.to_owned(), fill)
            };
            self.say(place, 0, &who, at, &text, None);
            at += dice.micros(2, 5);
        }
    }

    fn say(
        &mut self,
        place: &Place,
        room: usize,
        who: &Account,
        at: i64,
        text: &str,
        reply_to: Option<String>,
    ) -> String {
        let links = u32::from(text.contains("https://"));
        let message = Message {
            text: text.to_owned(),
            n_embeds: links,
            reply_to,
            ..Message::default()
        };
        self.happen(place, room, who, at, EventKind::Message(message))
    }

    /// Answers the event's id.
    fn happen(
        &mut self,
        place: &Place,
        room: usize,
        who: &Account,
        at: i64,
        kind: EventKind,
    ) -> String {
        let event_id = format!("{}.{}", self.label, self.events.len());
        let channel = place.channels.get(room % place.channels.len().max(1));
        let event = channel.map(|channel| ChatEvent {
            platform: place.platform,
            event_id: event_id.clone(),
            origin: Origin {
                server: place.server.clone(),
                channel: channel.id.clone(),
                channel_name: channel.name.to_owned(),
            },
            account: who.clone(),
            sent_at: Timestamp(self.day.start().0 + at),
            source: Source::Import,
            kind,
        });
        self.events.extend(event);
        event_id
    }
}

/// An account at a place that was made on a day; Slack does not tell.
fn account(key: Key, place: &Place, username: String, made: Day) -> Account {
    let made = Timestamp(made.start().0 + HOUR * 5);
    Account {
        platform_user_id: user_id(key, place.platform),
        username,
        created_at: (place.platform != Platform::Slack).then_some(made),
        is_bot: false,
        standing: None,
    }
}

/// 2026-08-01: before any demo began.
const MADE: Day = Day(20_666);
/// In microseconds.
const HOUR: i64 = 3_600_000_000;
const MACHINES: u64 = 60;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use kernel::{ChatEvent, Day, EventKind, Platform};

    use super::machines;
    use crate::{CommunityPlan, communities};

    fn quarter(plan: &CommunityPlan) -> Vec<ChatEvent> {
        machines(6, plan, Day(20_690).start(), Day(20_780).start())
    }

    fn plan(slug: &str) -> CommunityPlan {
        let mut all = communities().into_iter();
        all.find(|plan| plan.slug == slug).unwrap()
    }

    #[test]
    fn they_come_in_strict_order_with_ids_of_their_own_and_a_part_is_a_part_of_the_whole() {
        for plan in communities() {
            let all = quarter(&plan);
            assert!(all.len() > 100, "{}: {}", plan.slug, all.len());
            assert!(all.windows(2).all(|w| w[0].sent_at < w[1].sent_at));
            let ids: BTreeSet<&str> = all.iter().map(|event| event.event_id.as_str()).collect();
            assert_eq!(ids.len(), all.len());
            let (from, until) = (all[40].sent_at, all[90].sent_at);
            assert_eq!(machines(6, &plan, from, until), all[40..90]);
        }
    }

    #[test]
    fn three_say_the_same_in_turn_and_nobody_of_them_twice_within_a_line() {
        let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for event in quarter(&plan("werkbank-sued")) {
            if let EventKind::Message(message) = event.kind
                && message.text.contains("mehr.example.com")
            {
                let who = said.entry(message.text).or_default();
                who.insert(event.account.platform_user_id);
            }
        }
        assert_eq!(said.len(), 5);
        assert!(said.values().all(|who| who.len() == 3), "{said:?}");
    }

    #[test]
    fn waves_of_follows_and_of_joins_come_within_minutes_and_every_quarter_has_some() {
        for (slug, how, platform) in [
            ("werkbank-sued", EventKind::Follow, Platform::Twitch),
            ("pixel-harbour", EventKind::Follow, Platform::Twitch),
            ("werkbank-sued", EventKind::Join, Platform::Discord),
            ("maple-lane", EventKind::Join, Platform::Discord),
        ] {
            let all = quarter(&plan(slug));
            let came = all.iter().filter(|event| event.kind == how);
            let mut days: BTreeMap<Day, Vec<i64>> = BTreeMap::new();
            for one in came {
                assert_eq!(one.platform, platform, "{slug}");
                days.entry(one.sent_at.day())
                    .or_default()
                    .push(one.sent_at.0);
            }
            assert_eq!(days.len(), 2, "{slug}");
            for times in days.values() {
                assert_eq!(times.len(), 24);
                assert!(
                    times[11] - times[0] < 300_000_000,
                    "twelve within five minutes"
                );
            }
        }
    }
}
