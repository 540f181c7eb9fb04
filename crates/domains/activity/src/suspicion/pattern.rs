//! Which patterns look like abuse by several accounts, and from how much on. Pure; the thresholds are
//! the constants here, and `docs/guide/accounts.md` says them to people.
//!
//! Must never ban, time out or judge anybody: a flag is a reason for a person to look.

use std::{collections::BTreeMap, time::Duration};

use kernel::Timestamp;
use serde_json::{Value, json};

/// How long a link counts as fresh.
pub(crate) const FRESH: Duration = Duration::from_secs(14 * 86_400);
/// How long somebody counts as new in a community.
pub(crate) const NEW: Duration = Duration::from_secs(30 * 86_400);
/// How far back measures of moderators count.
pub(crate) const RECORD: Duration = Duration::from_secs(180 * 86_400);

/// From so many bans on somebody is known bad,
const BANS: u32 = 1;
/// from so many time-outs on,
const TIMEOUTS: u32 = 3;
/// and at this score and below, of 850.
const SCORE: i32 = 450;
/// Newcomers who share a handle but for its number.
const HANDLES: usize = 5;
/// Shortest handle without its number, in characters.
const STEM_MIN: usize = 4;
/// The window in which newcomers come at once,
const WINDOW: Duration = Duration::from_secs(600);
/// how many of them, if their accounts were made not long before,
const YOUNG: usize = 5;
/// which is within this,
pub(crate) const YOUNG_FOR: Duration = Duration::from_secs(14 * 86_400);
/// or how many whoever they are,
const AT_ONCE: usize = 20;
/// if that is so many times what is usual.
const TIMES_USUAL: usize = 10;
/// Nobody is flagged for being there when the community was first looked at.
const SETTLED: Duration = Duration::from_secs(86_400);
/// Links by one person in a day: three platforms are normal.
const LINKS: usize = 5;
/// That day.
const LINKS_WITHIN: Duration = Duration::from_secs(86_400);
/// People of one community who link in an hour.
const LINKERS: usize = 15;
/// That hour.
const LINKERS_WITHIN: Duration = Duration::from_secs(3_600);

/// What looks suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// A fresh account of a person who is known bad here.
    KnownBad,
    /// Many newcomers with one handle and different numbers.
    SharedHandles,
    /// Many newcomers at once.
    SharedTiming,
    /// One person linked many accounts in a day.
    LinkBurst,
    /// Many people of a community linked accounts in an hour.
    CommunityLinks,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Self; 5] = [
        Self::KnownBad,
        Self::SharedHandles,
        Self::SharedTiming,
        Self::LinkBurst,
        Self::CommunityLinks,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KnownBad => "known_bad",
            Self::SharedHandles => "shared_handles",
            Self::SharedTiming => "shared_timing",
            Self::LinkBurst => "link_burst",
            Self::CommunityLinks => "community_links",
        }
    }

    /// What people read above the reasons.
    pub const fn label(self) -> &'static str {
        match self {
            Self::KnownBad => "New account of somebody known",
            Self::SharedHandles => "Handles that differ by a number",
            Self::SharedTiming => "Many newcomers at once",
            Self::LinkBurst => "Many links by one person",
            Self::CommunityLinks => "Many fresh links at once",
        }
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::KnownBad => 1,
            Self::SharedHandles => 2,
            Self::SharedTiming => 3,
            Self::LinkBurst => 4,
            Self::CommunityLinks => 5,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| pattern.code() == code)
    }
}

/// The numbers behind a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// See [`Pattern::KnownBad`].
    KnownBad {
        /// Bans of the person's accounts here, of the last 180 days.
        bans: u32,
        /// Time-outs likewise.
        timeouts: u32,
        /// The person's score here.
        score: i32,
        /// Whether the person is banned here.
        is_banned: bool,
    },
    /// See [`Pattern::SharedHandles`].
    SharedHandles {
        /// How many people.
        people: u32,
    },
    /// See [`Pattern::SharedTiming`].
    SharedTiming {
        /// How many people within ten minutes.
        people: u32,
        /// How many of them had accounts made within 14 days before.
        young: u32,
        /// How many newcomers a whole day has else.
        usual_per_day: u32,
    },
    /// See [`Pattern::LinkBurst`].
    LinkBurst {
        /// How many links within a day.
        links: u32,
    },
    /// See [`Pattern::CommunityLinks`].
    CommunityLinks {
        /// How many people within an hour.
        people: u32,
        /// How many links they made.
        links: u32,
    },
}

fn times(n: u32, one: &str) -> String {
    match n {
        1 => format!("{one} once"),
        n => format!("{one} {n} times"),
    }
}

impl Evidence {
    /// Of what pattern.
    pub const fn pattern(&self) -> Pattern {
        match self {
            Self::KnownBad { .. } => Pattern::KnownBad,
            Self::SharedHandles { .. } => Pattern::SharedHandles,
            Self::SharedTiming { .. } => Pattern::SharedTiming,
            Self::LinkBurst { .. } => Pattern::LinkBurst,
            Self::CommunityLinks { .. } => Pattern::CommunityLinks,
        }
    }

    /// What people read.
    pub fn sentence(&self) -> String {
        match *self {
            Self::KnownBad {
                bans,
                timeouts,
                score,
                is_banned,
            } => {
                let mut reasons = Vec::new();
                if is_banned {
                    reasons.push("has the role «banned» here".to_owned());
                }
                if bans >= BANS {
                    reasons.push(format!("was {} here", times(bans, "banned")));
                }
                if timeouts >= TIMEOUTS {
                    reasons.push(format!("was {} here", times(timeouts, "timed out")));
                }
                if score <= SCORE {
                    reasons.push(format!("has a score of {score}"));
                }
                format!(
                    "Within the last 14 days an account was linked to a person who {}.",
                    reasons.join(", ")
                )
            }
            Self::SharedHandles { people } => format!(
                "{people} newcomers of the last 30 days have the same handle with different numbers."
            ),
            Self::SharedTiming {
                people,
                young,
                usual_per_day,
            } => format!(
                "{people} newcomers within ten minutes, {young} of them with accounts less than 14 days old; a whole day has {usual_per_day} else."
            ),
            Self::LinkBurst { links } => format!("One person linked {links} accounts in a day."),
            Self::CommunityLinks { people, links } => {
                format!("{people} members linked {links} accounts within an hour.")
            }
        }
    }

    /// As it is stored.
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::KnownBad {
                bans,
                timeouts,
                score,
                is_banned,
            } => json!({
                "bans": bans, "timeouts": timeouts, "score": score, "banned": i32::from(is_banned),
            }),
            Self::SharedHandles { people } => json!({ "people": people }),
            Self::SharedTiming {
                people,
                young,
                usual_per_day,
            } => json!({ "people": people, "young": young, "usual_per_day": usual_per_day }),
            Self::LinkBurst { links } => json!({ "links": links }),
            Self::CommunityLinks { people, links } => json!({ "people": people, "links": links }),
        }
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    pub(crate) fn from_json(pattern: Pattern, value: &Value) -> Option<Self> {
        let number = |key: &str| value.get(key).and_then(Value::as_i64);
        let n = |key: &str| number(key).and_then(|n| u32::try_from(n).ok());
        Some(match pattern {
            Pattern::KnownBad => Self::KnownBad {
                bans: n("bans")?,
                timeouts: n("timeouts")?,
                score: i32::try_from(number("score")?).ok()?,
                is_banned: n("banned")? != 0,
            },
            Pattern::SharedHandles => Self::SharedHandles {
                people: n("people")?,
            },
            Pattern::SharedTiming => Self::SharedTiming {
                people: n("people")?,
                young: n("young")?,
                usual_per_day: n("usual_per_day")?,
            },
            Pattern::LinkBurst => Self::LinkBurst { links: n("links")? },
            Pattern::CommunityLinks => Self::CommunityLinks {
                people: n("people")?,
                links: n("links")?,
            },
        })
    }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What is known of a person with a freshly linked account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) n_accounts: usize,
    pub(crate) bans: u32,
    pub(crate) timeouts: u32,
    pub(crate) score: i32,
    pub(crate) is_banned: bool,
}

/// Whether somebody who linked an account lately is known bad. Nobody with one account is: that they
/// sign in says nothing new.
pub(crate) fn known_bad(record: Record) -> Option<Evidence> {
    let Record {
        n_accounts,
        bans,
        timeouts,
        score,
        is_banned,
    } = record;
    let is_bad = is_banned || bans >= BANS || timeouts >= TIMEOUTS || score <= SCORE;
    (n_accounts >= 2 && is_bad).then_some(Evidence::KnownBad {
        bans,
        timeouts,
        score,
        is_banned,
    })
}

/// A handle without its number and without what separates its words; `None` if too little is left.
pub(crate) fn stem(handle: &str) -> Option<String> {
    let letters: String = handle
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect();
    let stem = letters.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem.chars().count() >= STEM_MIN).then(|| stem.to_owned())
}

/// Newcomers who share a handle but for its number: each stem with who has it, as indexes into the
/// handles. All but one of them must have a number.
pub(crate) fn shared_handles(handles: &[&str]) -> Vec<(String, Vec<usize>, Evidence)> {
    let mut by_stem: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, handle) in handles.iter().enumerate() {
        if let Some(stem) = stem(handle) {
            by_stem.entry(stem).or_default().push(index);
        }
    }
    let ends_in_number = |index: &&usize| {
        let last = handles
            .get(**index)
            .and_then(|handle| handle.chars().last());
        last.is_some_and(|c| c.is_ascii_digit())
    };
    by_stem
        .into_iter()
        .filter(|(_, who)| {
            let numbered = who.iter().filter(ends_in_number).count();
            who.len() >= HANDLES && numbered + 1 >= who.len()
        })
        .map(|(stem, who)| {
            let people = small(who.len());
            (stem, who, Evidence::SharedHandles { people })
        })
        .collect()
}

/// A newcomer, for their timing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// When first seen.
    pub(crate) at: Timestamp,
    /// Whether the account was made within [`YOUNG_FOR`] before.
    pub(crate) is_young: bool,
}

/// Newcomers who came at once: each window's beginning with who came in it, as indexes into the
/// arrivals, which are in order of time. `since` is where they begin, `begun` when the community was
/// first looked at. Windows that are not over are left for the next time, and none goes over midnight
/// (UTC), so that the same ones are found again.
pub(crate) fn shared_timing(
    arrivals: &[Arrival],
    since: Timestamp,
    begun: Timestamp,
    now: Timestamp,
) -> Vec<(Timestamp, Vec<usize>, Evidence)> {
    let since = since.max(begun);
    let days = usize::try_from(now.since(since).as_secs() / 86_400).unwrap_or(0) + 1;
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(first) = arrivals.get(next) {
        let until = first.at.plus(WINDOW);
        let is_in = |one: &&Arrival| one.at < until && one.at.day() == first.at.day();
        let window: Vec<&Arrival> = arrivals.iter().skip(next).take_while(is_in).collect();
        let (n, young) = (
            window.len(),
            window.iter().filter(|one| one.is_young).count(),
        );
        let usual_per_day = (arrivals.len() - n) / days;
        let is_much = n >= AT_ONCE && n * 144 >= TIMES_USUAL * usual_per_day;
        let is_settled = first.at >= begun.plus(SETTLED);
        if is_settled && until <= now && (young >= YOUNG || is_much) {
            let evidence = Evidence::SharedTiming {
                people: small(n),
                young: small(young),
                usual_per_day: small(usual_per_day),
            };
            found.push((first.at, (next..next + n).collect(), evidence));
            next += n;
        } else {
            next += 1;
        }
    }
    found
}

/// Whether one person linked too many accounts in a day; the links in order of time.
pub(crate) fn link_burst(links: &[Timestamp]) -> Option<Evidence> {
    let within = |start: usize| {
        let first = links.get(start)?;
        let until = first.plus(LINKS_WITHIN);
        Some(
            links
                .iter()
                .skip(start)
                .take_while(|at| **at < until)
                .count(),
        )
    };
    let most = (0..links.len()).filter_map(within).max()?;
    (most >= LINKS).then_some(Evidence::LinkBurst { links: small(most) })
}

/// Hours in which many people of a community linked accounts: each beginning with the links of it, as
/// indexes into the links (who, when), which are in order of time. As with newcomers, only hours that
/// are over and do not go over midnight.
pub(crate) fn community_links(
    links: &[(i32, Timestamp)],
    now: Timestamp,
) -> Vec<(Timestamp, Vec<usize>, Evidence)> {
    let mut found = Vec::new();
    let mut next = 0;
    while let Some((_, first)) = links.get(next) {
        let until = first.plus(LINKERS_WITHIN);
        let is_in = |one: &&(i32, Timestamp)| one.1 < until && one.1.day() == first.day();
        let window: Vec<_> = links.iter().skip(next).take_while(is_in).collect();
        let people: std::collections::BTreeSet<i32> = window.iter().map(|one| one.0).collect();
        if until <= now && people.len() >= LINKERS {
            let evidence = Evidence::CommunityLinks {
                people: small(people.len()),
                links: small(window.len()),
            };
            found.push((*first, (next..next + window.len()).collect(), evidence));
            next += window.len();
        } else {
            next += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests;
