//! One invented person: who they are on each platform and what their habits are. Follows from the
//! person's key and first day alone; must never depend on the day looked at.

use kernel::{Account, Day, Platform, Timestamp};

use crate::{
    CommunityPlan,
    dice::{Dice, Key},
    names::{Name, throwaway},
};

/// The part somebody plays in a community.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// Posts most days for months.
    Regular,
    /// Came lately; may or may not come back.
    Newcomer,
    /// Reads, reacts, rarely speaks.
    Lurker,
    /// Keeps order, and talks as a regular does.
    Moderator,
    /// Advertises, until banned.
    Spammer,
    /// A program that greets and reminds.
    Bot,
    /// The channel that streams, or another channel that sends its viewers.
    Broadcaster,
}

/// Somebody with an account on at least one of the community's places.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) key: Key,
    pub(crate) part: Part,
    /// The place where they are most.
    pub(crate) home: usize,
    /// Hours by which their day is later than the community's.
    pub(crate) lean: u32,
    /// Begins sentences with a capital letter.
    pub(crate) capitals: bool,
    /// Chance of an emoji after a sentence, in thousandths.
    pub(crate) emoji: u32,
    accounts: Vec<Option<Account>>,
}

impl Person {
    /// The person of a key who came on `since`.
    pub(crate) fn new(key: Key, part: Part, plan: &CommunityPlan, since: Day) -> Self {
        let home = Self::home(key, part, plan);
        let mut dice = key.child(NAME).dice();
        let slack = plan
            .places
            .get(home)
            .is_some_and(|p| p.platform == Platform::Slack);
        let name = if dice.chance(if slack { 900 } else { 200 }) {
            Name::full(&mut dice)
        } else {
            Name::nick(&mut dice)
        };
        let throwaway = (part == Part::Spammer).then(|| throwaway(&mut dice));
        let both = match part {
            Part::Moderator => 1_000,
            Part::Regular => 350,
            Part::Newcomer => 40,
            _ => 0,
        };
        let mut person = Self {
            key,
            part,
            home,
            // Three in four keep the community's hours; the others live elsewhere or sleep late.
            lean: match dice.below(8) {
                0..=3 => 0,
                4 => 1,
                5 => 23,
                6 => 2,
                _ => dice.below(24),
            },
            capitals: dice.chance(if slack { 700 } else { 350 }),
            emoji: *dice.pick(&[0, 40, 120, 220, 400]).unwrap_or(&0),
            accounts: Vec::with_capacity(plan.places.len()),
        };
        for (index, place) in plan.places.iter().enumerate() {
            let here = index == home || dice.chance(both);
            person.accounts.push(here.then(|| Account {
                standing: None,
                platform_user_id: user_id(key, place.platform),
                username: throwaway.clone().unwrap_or_else(|| name.on(place.platform)),
                created_at: created_at(part, place.platform, since, &mut dice),
                is_bot: false,
            }));
        }
        person
    }

    /// Where the person of a key is most; cheaper than the whole person.
    pub(crate) fn home(key: Key, part: Part, plan: &CommunityPlan) -> usize {
        let mut dice = key.child(HOME).dice();
        match part {
            // Spam is a matter of open places.
            Part::Spammer => open_place(plan, &mut dice),
            _ => dice.weighted(plan.places.iter().map(|p| p.share)),
        }
    }

    /// A channel that sends its viewers over.
    pub(crate) fn visitor(key: Key, plan: &CommunityPlan) -> Self {
        let name = Name::nick(&mut key.child(NAME).dice());
        Self::everywhere(key, Part::Broadcaster, plan, |place| Account {
            standing: None,
            platform_user_id: user_id(key, place.platform),
            username: name.on(place.platform),
            created_at: None,
            is_bot: false,
        })
    }

    /// The community's service bot, which is everywhere.
    pub(crate) fn bot(key: Key, plan: &CommunityPlan) -> Self {
        Self::everywhere(key, Part::Bot, plan, |place| Account {
            standing: None,
            platform_user_id: user_id(key, place.platform),
            username: plan.bot.to_owned(),
            created_at: None,
            is_bot: true,
        })
    }

    /// The community's own channels.
    pub(crate) fn broadcaster(key: Key, plan: &CommunityPlan) -> Self {
        Self::everywhere(key, Part::Broadcaster, plan, |place| Account {
            standing: None,
            platform_user_id: place.server.clone(),
            username: place.name.to_owned(),
            created_at: None,
            is_bot: false,
        })
    }

    fn everywhere(
        key: Key,
        part: Part,
        plan: &CommunityPlan,
        account: impl Fn(&crate::Place) -> Account,
    ) -> Self {
        Self {
            key,
            part,
            home: 0,
            lean: 0,
            capitals: true,
            emoji: 0,
            accounts: plan.places.iter().map(|p| Some(account(p))).collect(),
        }
    }

    /// Their account at a place, if they have one.
    pub(crate) fn at(&self, place: usize) -> Option<&Account> {
        self.accounts.get(place).and_then(Option::as_ref)
    }

    /// The places where they have an account.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        let here = |(index, account): (usize, &Option<Account>)| account.as_ref().map(|_| index);
        self.accounts.iter().enumerate().filter_map(here)
    }

    /// Where they go this time: mostly home.
    pub(crate) fn goes_to(&self, dice: &mut Dice) -> usize {
        if dice.chance(600) {
            return self.home;
        }
        let places: Vec<usize> = self.places().collect();
        dice.pick(&places).copied().unwrap_or(self.home)
    }

    /// Whether they keep conversations going, as opposed to reading or advertising.
    pub(crate) const fn talks(&self) -> bool {
        matches!(self.part, Part::Regular | Part::Newcomer | Part::Moderator)
    }
}

/// A stable user id. Not in any platform's own form, so that it can never be a real account's.
pub(crate) fn user_id(key: Key, platform: Platform) -> String {
    let number = key
        .child(u64::from(platform.code().unsigned_abs()))
        .number();
    format!("sim{number:016x}")
}

/// Slack does not tell; spammers' accounts are hours old, other people's months or years.
fn created_at(part: Part, platform: Platform, since: Day, dice: &mut Dice) -> Option<Timestamp> {
    let days = match part {
        Part::Spammer => dice.below(3),
        _ if dice.chance(60) => dice.between(1, 20),
        _ => dice.between(30, 2_600),
    };
    let day = since.plus(-i32::try_from(days).unwrap_or(0) - 1);
    let at = Timestamp(day.start().0 + dice.micros(0, 86_400));
    (platform != Platform::Slack).then_some(at)
}

/// Any place but Slack, where one enters by invitation; the first place if there is no other.
fn open_place(plan: &CommunityPlan, dice: &mut Dice) -> usize {
    dice.weighted(plan.places.iter().map(|p| match p.platform {
        Platform::Slack => 0,
        _ => p.share,
    }))
}

const NAME: u64 = 20;
const HOME: u64 = 21;
