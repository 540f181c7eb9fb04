//! Detection of bots on pages: the overview, the queue and the cases of a community, its thresholds, lists and appeals, what
//! was said of oneself, and the models of the instance. Nothing here bans anybody.
//!
//! Must never decide who looks like one: that is the service's.

pub(crate) mod appeals;
pub(crate) mod case;
pub(crate) mod channel;
pub(crate) mod comparison;
pub(crate) mod corrections;
pub(crate) mod errors;
pub(crate) mod experiments;
pub(crate) mod lists;
pub(crate) mod looking;
pub(crate) mod metrics;
pub(crate) mod model_file;
pub(crate) mod models;
pub(crate) mod monitoring;
pub(crate) mod overview;
pub(crate) mod percent;
pub(crate) mod prediction;
pub(crate) mod queue;
pub(crate) mod reports;
pub(crate) mod rollouts;
pub(crate) mod said;
pub(crate) mod scores;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod shadow;
pub(crate) mod trainings;
pub(crate) mod verdict;
pub(crate) mod verdicts;

use std::collections::BTreeMap;

use ::bots::{CaseState, Level, Probability, Reason, SHIPPED_MODEL, Score, Verdict};
use identity::{Community, Eyes, PlatformAccount};
use kernel::{Platform, UserId};

use crate::{
    charts::{Svg, bar::meter},
    error::PageError,
    router::Face,
    viewer::Viewer,
};

/// The account that a case or a score is of.
pub(crate) struct Judged {
    /// Whose it is.
    pub(crate) user: UserId,
    /// Where.
    pub(crate) platform: Platform,
    /// What it is called.
    pub(crate) name: String,
}

impl From<PlatformAccount> for Judged {
    fn from(account: PlatformAccount) -> Self {
        Self {
            user: account.user,
            platform: account.platform,
            name: account.username,
        }
    }
}

/// How sure the program is, as it is shown.
pub(crate) struct Sure {
    /// `93 %`
    pub(crate) text: String,
    /// The same drawn.
    pub(crate) bar: Svg,
    /// The same in a word.
    pub(crate) level: &'static str,
    /// The word's class.
    pub(crate) mood: &'static str,
}

impl Sure {
    pub(crate) fn of(probability: Probability, level: Level) -> Self {
        let (word, mood) = match level {
            Level::Likely => ("Likely", " bad"),
            Level::Possible => ("Possible", ""),
            Level::Unlikely => ("Unlikely", " good"),
        };
        Self {
            text: probability.to_string(),
            bar: meter(probability.value(), level.as_str()),
            level: word,
            mood,
        }
    }
}

/// How sure the program is by now, if that is shown as another number than the one a case was filed with.
pub(crate) fn changed(filed: Probability, score: Option<&Score>) -> Option<Sure> {
    let score = score?;
    let now = Sure::of(score.probability, score.level);
    (now.text != filed.to_string()).then_some(now)
}

/// Who judges, in words.
pub(crate) fn judge(model: Option<i32>) -> String {
    match model {
        None => "the rules".to_owned(),
        Some(SHIPPED_MODEL) => "the model that ships".to_owned(),
        Some(id) => format!("model {id}"),
    }
}

/// Somebody who did something, as they are called here.
#[derive(Clone)]
pub(crate) struct Someone {
    /// What they are called.
    pub(crate) name: String,
    /// Their page here, or of their profile, if they have one.
    pub(crate) href: Option<String>,
    /// Whether it is the one who looks at the page.
    pub(crate) is_viewer: bool,
}

/// What people are called in a community.
pub(crate) struct Names {
    known: BTreeMap<UserId, Someone>,
}

impl Names {
    /// Looks up what people are called in a community.
    pub(crate) async fn of(
        face: &Face,
        viewer: &Viewer,
        community: &Community,
        users: &[UserId],
    ) -> Result<Self, PageError> {
        let seats: Vec<_> = users.iter().map(|user| (community.id, *user)).collect();
        if seats.is_empty() {
            return Ok(Self {
                known: BTreeMap::new(),
            });
        }
        let activity = &face.app.activity;
        let mut members = activity.members_at(&viewer.actor, &seats).await?;
        // Who never said anything here is called as their profile says, if it may be seen.
        let unseen: Vec<UserId> = seats
            .iter()
            .filter(|seat| !members.contains_key(*seat))
            .map(|(_, user)| *user)
            .collect();
        let identity = &face.app.identity;
        let mut profiles = identity.profiles(&viewer.actor, &unseen, Eyes::Own).await?;
        let mut known = BTreeMap::new();
        for seat in seats {
            let (_, user) = seat;
            if known.contains_key(&user) {
                continue;
            }
            let (name, href) = match (members.remove(&seat), profiles.remove(&user)) {
                (Some(member), _) => (
                    member.name,
                    Some(format!("/c/{}/members/{user}", community.slug)),
                ),
                (None, Some(view)) => (
                    view.display_name,
                    view.profile.handle.map(|handle| format!("/u/{handle}")),
                ),
                (None, None) => ("somebody of the instance".to_owned(), None),
            };
            let someone = Someone {
                name,
                href,
                is_viewer: viewer.actor.user_id() == Some(user),
            };
            known.insert(user, someone);
        }
        Ok(Self { known })
    }

    /// What somebody is called; `None` for nobody, or somebody who was erased since.
    pub(crate) fn get(&self, user: Option<UserId>) -> Option<Someone> {
        self.known.get(&user?).cloned()
    }

    /// What those of several people are called that are known, in their order.
    pub(crate) fn all(&self, users: &[UserId]) -> Vec<Someone> {
        let known = users.iter().filter_map(|user| self.known.get(user));
        known.cloned().collect()
    }
}

/// The word for a state.
pub(crate) const fn state_label(state: CaseState) -> &'static str {
    match state {
        CaseState::Open => "Open",
        CaseState::Bot => "Bots",
        CaseState::Human => "People",
        CaseState::Withdrawn => "Withdrawn",
    }
}

/// What became of a case, and the class of the word.
pub(crate) const fn state_of_one(state: CaseState) -> (&'static str, &'static str) {
    match state {
        CaseState::Open => ("Open", ""),
        CaseState::Bot => ("A bot", " bad"),
        CaseState::Human => ("A person", " good"),
        CaseState::Withdrawn => ("Withdrawn", ""),
    }
}

/// What somebody said, and the class of the word.
pub(crate) const fn verdict_label(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Bot => ("A bot", " bad"),
        Verdict::Human => ("A person", " good"),
        Verdict::Skip => ("Left to others", ""),
    }
}

/// Why somebody was to look, in words. Reasons are only added to a case, so what they say was true when they came, and
/// need not be so any more.
pub(crate) const fn reason_label(reason: Reason) -> &'static str {
    match reason {
        Reason::Score => "looked like a bot",
        Reason::Rules => "the rules said so",
        Reason::Reports => "members reported it",
        Reason::List => "was on a list of bots",
        Reason::Sample => "was drawn by chance",
        Reason::Uncertain => "the program did not know",
        Reason::Phishing => "linked to a domain on a list of phishing",
    }
}

/// Several reasons as one text: `Looked like a bot, members reported it`.
pub(crate) fn reasons_text(reasons: &[Reason]) -> String {
    let words: Vec<&str> = reasons.iter().map(|reason| reason_label(*reason)).collect();
    let text = words.join(", ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
