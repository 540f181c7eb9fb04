//! Who is there on a day, and how much they mean to say. A pure function of (community, day):
//! people are found again from the day they came, so no day needs another day's result.

use kernel::{Day, Platform};

use crate::{
    CommunityPlan,
    dice::{Dice, Key},
    occasions::{is_launch, streams_on},
    person::{Part, Person},
};

/// A person on a day.
#[derive(Clone, Debug)]
pub(crate) struct Present {
    /// Who.
    pub(crate) person: Person,
    /// How many messages they will write.
    pub(crate) messages: u32,
    /// How many reactions they will give.
    pub(crate) reactions: u32,
    /// Whether this is the day they came.
    pub(crate) arrives: bool,
}

/// Everybody on a day; the bot and the broadcaster first.
#[derive(Clone, Debug)]
pub(crate) struct Roster {
    /// The people, in a fixed order.
    pub(crate) people: Vec<Present>,
}

/// Of a thousand newcomers, how many are still with the community in each calendar week after the
/// one they came in. Divided by [`IN_A_WEEK`] it is the retention the week-by-week table shows.
const STAY: [u32; 26] = [
    1_000, 590, 420, 328, 280, 244, 214, 190, 170, 152, 136, 122, 110, 99, 90, 82, 75, 68, 62, 56,
    50, 45, 41, 37, 33, 30,
];

/// The chance that somebody who is still with the community speaks in a given week.
const IN_A_WEEK: u32 = 905;

/// Weeks for which a lurker keeps reading.
const LURK_WEEKS: i32 = 9;

impl Roster {
    /// Index of the service bot.
    pub(crate) const BOT: usize = 0;
    /// Index of the community's own channel.
    pub(crate) const BROADCASTER: usize = 1;

    /// The roster of a day.
    pub(crate) fn of(root: Key, plan: &CommunityPlan, day: Day) -> Self {
        let mut people = vec![
            quiet(Person::bot(root.child(BOT), plan)),
            quiet(Person::broadcaster(root.child(BROADCASTER), plan)),
        ];
        people.extend(moderators(root, plan, day));
        people.extend(regulars(root, plan, day));
        people.extend(newcomers(root, plan, day));
        people.extend(lurkers(root, plan, day));
        people.extend(spammers(root, plan, day));
        Self { people }
    }
}

fn quiet(person: Person) -> Present {
    Present {
        person,
        messages: 0,
        reactions: 0,
        arrives: false,
    }
}

fn moderators(root: Key, plan: &CommunityPlan, day: Day) -> impl Iterator<Item = Present> {
    (0..plan.n_moderators.max(1)).map(move |index| {
        let key = root.child(MODERATOR).child(u64::from(index));
        let person = Person::new(key, Part::Moderator, plan, plan.growth.since);
        let mut dice = key.on(day).dice();
        let messages = if dice.chance(850) {
            talkative(plan, day, &mut dice)
        } else {
            0
        };
        Present {
            person,
            messages,
            reactions: dice.below(3),
            arrives: false,
        }
    })
}

/// Each regular's seat is taken by one person after another, each for months; a growing community
/// gets more seats.
fn regulars(root: Key, plan: &CommunityPlan, day: Day) -> impl Iterator<Item = Present> {
    let seats = |day| u64::from(plan.n_regulars) * u64::from(plan.growth.level(day)) / 1_000;
    let before = seats(day.plus(-1));
    (0..seats(day)).filter_map(move |seat| {
        let seat_key = root.child(REGULAR).child(seat);
        let mut dice = seat_key.dice();
        let tenure = i64::from(dice.between(160, 420));
        let shifted = i64::from(day.0) + i64::from(dice.below(420));
        let days_in = shifted.rem_euclid(tenure);
        let key = seat_key.child(shifted.div_euclid(tenure).cast_unsigned());
        let arrives = days_in == 0 || seat >= before;
        let since = day.plus(-i32::try_from(days_in).unwrap_or(0));
        let presence = dice.between(600, 960) * plan.rhythm.of_day(day) / 1_000;
        let mut today = key.on(day).dice();
        let here = arrives || today.chance(presence.min(970));
        here.then(|| Present {
            person: Person::new(key, Part::Regular, plan, since),
            messages: talkative(plan, day, &mut today),
            reactions: today.below(4),
            arrives,
        })
    })
}

/// How much a regular says: mostly a little, now and then a lot, more on a launch day.
fn talkative(plan: &CommunityPlan, day: Day, dice: &mut Dice) -> u32 {
    let mean = plan.messages_per_visit.clamp(1, 100);
    let busy = if dice.chance(120) { mean * 2 } else { 0 };
    let launch = if is_launch(plan, day) { mean } else { 0 };
    1 + dice.below(2 * mean - 1) + busy + launch
}

/// How many came on a day, of a kind of whom `per_week` come in an average week.
fn arrivals(key: Key, plan: &CommunityPlan, day: Day, per_week: u32) -> u32 {
    let mut dice = key.dice();
    let rush = if is_launch(plan, day) { 5 } else { 1 };
    let luck = u64::from(dice.between(500, 1_500)) * rush;
    let mean = u64::from(per_week)
        .saturating_mul(u64::from(plan.growth.level(day)))
        .saturating_mul(u64::from(plan.rhythm.of_day(day)))
        .saturating_mul(luck);
    dice.about(mean / 7_000_000)
}

/// Everybody who came in the last `days` days: their key, their day and the days since.
fn came(
    root: Key,
    plan: &CommunityPlan,
    day: Day,
    days: i32,
    per_week: u32,
) -> impl Iterator<Item = (Key, Day)> {
    (0..days).rev().flat_map(move |age| {
        let since = day.plus(-age);
        let key = root.on(since);
        let n = arrivals(key, plan, since, per_week);
        (0..n).map(move |index| (key.child(u64::from(index)), since))
    })
}

fn newcomers(root: Key, plan: &CommunityPlan, day: Day) -> impl Iterator<Item = Present> {
    let weeks = i32::try_from(STAY.len()).unwrap_or(0);
    let days = weeks * 7;
    came(
        root.child(NEWCOMER),
        plan,
        day,
        days,
        plan.newcomers_per_week,
    )
    .filter_map(move |(key, since)| {
        let week = (day.week_start().0 - since.week_start().0) / 7;
        let stays = STAY.get(usize::try_from(week).ok()?).copied()?;
        let mut dice = key.dice();
        if dice.below(1_000) >= stays {
            return None;
        }
        let arrives = since == day;
        if !arrives && !newcomer_speaks(key, plan, since, day) {
            return None;
        }
        let mut today = key.on(day).dice();
        let most = plan.messages_per_visit.clamp(2, 100);
        Some(Present {
            person: Person::new(key, Part::Newcomer, plan, since),
            messages: 1 + today.below(most),
            reactions: u32::from(today.chance(350)),
            arrives,
        })
    })
}

/// Whether a newcomer who is still with the community speaks on a day: in the first week on any
/// later day with a small chance, in later weeks on one to three days chosen for the week.
fn newcomer_speaks(key: Key, plan: &CommunityPlan, since: Day, day: Day) -> bool {
    let monday = day.week_start();
    if since.week_start() == monday {
        return key.on(day).child(AGAIN).dice().chance(280);
    }
    let mut week = key.child(WEEK).on(monday).dice();
    if !week.chance(IN_A_WEEK) {
        return false;
    }
    let watches = Person::home(key, Part::Newcomer, plan);
    let twitch = plan
        .places
        .get(watches)
        .is_some_and(|p| p.platform == Platform::Twitch);
    let weight = |offset: i32| {
        let day = monday.plus(offset);
        let off_air = twitch && !streams_on(plan, day);
        plan.rhythm.of_day(day) / if off_air { 10 } else { 1 }
    };
    (0..week.between(1, 3)).any(|_| {
        let chosen = week.weighted((0..7).map(weight));
        usize::from(day.weekday()) == chosen
    })
}

fn lurkers(root: Key, plan: &CommunityPlan, day: Day) -> impl Iterator<Item = Present> {
    let days = LURK_WEEKS * 7;
    came(root.child(LURKER), plan, day, days, plan.lurkers_per_week).filter_map(
        move |(key, since)| {
            let age = u32::try_from(day.0 - since.0).unwrap_or(0);
            let mut today = key.on(day).dice();
            let arrives = since == day;
            let reads = today.chance(135_u32.saturating_sub(age * 2));
            (arrives || reads).then(|| Present {
                person: Person::new(key, Part::Lurker, plan, since),
                messages: u32::from(today.chance(15)),
                reactions: today.between(u32::from(!arrives), 2),
                arrives,
            })
        },
    )
}

fn spammers(root: Key, plan: &CommunityPlan, day: Day) -> impl Iterator<Item = Present> {
    let key = root.child(SPAMMER).on(day);
    let mut dice = key.dice();
    let rush = if is_launch(plan, day) { 4 } else { 1 };
    let mean = u64::from(plan.spammers_per_month)
        .saturating_mul(u64::from(plan.growth.level(day)))
        .saturating_mul(rush);
    (0..dice.about(mean / 30)).map(move |index| {
        let key = key.child(u64::from(index));
        Present {
            person: Person::new(key, Part::Spammer, plan, day),
            messages: key.dice().between(4, 9),
            reactions: 0,
            arrives: true,
        }
    })
}

const BOT: u64 = 1;
const BROADCASTER: u64 = 2;
const MODERATOR: u64 = 3;
const REGULAR: u64 = 4;
const NEWCOMER: u64 = 5;
const LURKER: u64 = 6;
const SPAMMER: u64 = 7;
const AGAIN: u64 = 8;
const WEEK: u64 = 9;
