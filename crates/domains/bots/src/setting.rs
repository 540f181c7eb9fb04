//! What a community decides: from which probability on somebody is shown to its moderators, whom the
//! program leaves alone, and whether it only watches.
//!
//! Must never hold anything that acts on somebody by itself: there is no such setting.

use ::store::audit::Entry;
use kernel::{Actor, CommunityId, Permission, Role, Timestamp};
use serde_json::{Value, json};

use crate::{Bots, BotsError, Probability, channel, store as tables};

/// The lowest threshold. Below, nearly everybody would be a suspect; whoever writes 0.7 of a percentage means 70.
const LEAST: Probability = Probability::percent(1);
/// The most days that can be asked of a regular: ten years.
const TRUSTED_DAYS_MAX: u32 = 3_650;
/// The reputation that can be asked of one.
const TRUSTED_SCORES: std::ops::RangeInclusive<u32> = 300..=850;

/// How sure the program is, in a word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// Not worth a look by itself.
    Unlikely,
    /// Worth a look.
    Possible,
    /// Rather so than not.
    Likely,
}

impl Level {
    /// Every level, the weakest first.
    pub const ALL: [Self; 3] = [Self::Unlikely, Self::Possible, Self::Likely];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unlikely => "unlikely",
            Self::Possible => "possible",
            Self::Likely => "likely",
        }
    }

    /// The level of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

/// What a community decided, or what holds where it did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    /// From here on somebody is likely a bot.
    pub likely: Probability,
    /// From here on somebody is possibly one.
    pub possible: Probability,
    /// Whether suspects are only written down: nobody is told, nothing is sent.
    pub is_dry_run: bool,
    /// People with this role or a stronger one are left alone; `None` = a role protects nobody.
    pub exempt_role: Option<Role>,
    /// Regulars are left alone: who was first seen so many days ago …
    pub trusted_days: Option<u32>,
    /// … and has so many points of reputation. One of the two alone does as well; with neither,
    /// nobody is a regular.
    pub trusted_score: Option<u32>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            likely: Probability::percent(70),
            possible: Probability::percent(50),
            is_dry_run: false,
            exempt_role: Some(Role::Moderator),
            trusted_days: Some(30),
            trusted_score: Some(740),
        }
    }
}

/// What is to be known of somebody to tell whether they are left alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bearing {
    /// Their role in the community, if any.
    pub role: Option<Role>,
    /// When they were first seen there.
    pub first_seen: Option<Timestamp>,
    /// Their points of reputation there.
    pub score: u32,
}

/// Why somebody is left alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exemption {
    /// Their role.
    Role,
    /// They are a regular.
    Regular,
    /// It is a bot that is used: a list or a correction says so.
    Service,
    /// Somebody corrected a list: it is neither unwanted nor a bot that is used.
    Cleared,
    /// Its platform says itself that it is automated.
    Marked,
}

impl Exemption {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Role,
        Self::Regular,
        Self::Service,
        Self::Cleared,
        Self::Marked,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Regular => "regular",
            Self::Service => "service",
            Self::Cleared => "cleared",
            Self::Marked => "marked",
        }
    }

    /// Whether it holds whatever members report: of a regular, whose account may have been taken over, it does not.
    pub(crate) const fn holds_against_reports(self) -> bool {
        !matches!(self, Self::Regular)
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Role => 1,
            Self::Regular => 2,
            Self::Service => 3,
            Self::Cleared => 4,
            Self::Marked => 5,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.code() == code)
    }
}

impl Setting {
    /// The level of a probability here.
    pub fn level(&self, probability: Probability) -> Level {
        if probability >= self.likely {
            Level::Likely
        } else if probability >= self.possible {
            Level::Possible
        } else {
            Level::Unlikely
        }
    }

    /// Whether somebody is left alone, and why.
    pub fn exempts(&self, bearing: &Bearing, now: Timestamp) -> Option<Exemption> {
        let by_role = self
            .exempt_role
            .is_some_and(|least| bearing.role >= Some(least));
        if by_role {
            return Some(Exemption::Role);
        }
        let is_old = |days: u32| {
            let needed = std::time::Duration::from_secs(u64::from(days) * 86_400);
            bearing
                .first_seen
                .is_some_and(|seen| now.since(seen) >= needed)
        };
        let old = self.trusted_days.map(is_old);
        let good = self.trusted_score.map(|least| bearing.score >= least);
        let is_regular = (old.is_some() || good.is_some())
            && old.unwrap_or(true)
            && good.unwrap_or(true)
            // Who is kept out is nobody's regular.
            && bearing.role != Some(Role::Banned);
        is_regular.then_some(Exemption::Regular)
    }

    pub(crate) fn check(&self) -> Result<(), BotsError> {
        if self.possible > self.likely {
            return Err(BotsError::invalid(
                "possible",
                "«possible» begins at or below «likely»",
            ));
        }
        for (field, threshold) in [("possible", self.possible), ("likely", self.likely)] {
            if threshold < LEAST {
                return Err(BotsError::invalid(
                    field,
                    "use a number of percent from 1 to 100: 70, not 0.7",
                ));
            }
        }
        if matches!(self.exempt_role, Some(Role::Banned)) {
            return Err(BotsError::invalid(
                "exempt_role",
                "use member, vip, moderator, admin or owner, or nothing",
            ));
        }
        if self
            .trusted_days
            .is_some_and(|days| days > TRUSTED_DAYS_MAX)
        {
            return Err(BotsError::invalid(
                "trusted_days",
                format!("ask for at most {TRUSTED_DAYS_MAX} days"),
            ));
        }
        if let Some(score) = self.trusted_score
            && !TRUSTED_SCORES.contains(&score)
        {
            return Err(BotsError::invalid(
                "trusted_score",
                "reputation is 300 to 850",
            ));
        }
        Ok(())
    }

    fn described(&self) -> Value {
        json!({
            "likely_ppm": self.likely.ppm(), "possible_ppm": self.possible.ppm(),
            "is_dry_run": self.is_dry_run, "exempt_role": self.exempt_role.map(Role::as_str),
            "trusted_days": self.trusted_days, "trusted_score": self.trusted_score,
        })
    }
}

impl Bots {
    /// What a community decided about the detection of bots.
    pub async fn setting(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Setting, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        Ok(tables::setting::one(self.db.read(), community).await?)
    }

    /// Decides about it. Saying the same again changes nothing.
    pub async fn change_setting(
        &self,
        actor: &Actor,
        community: CommunityId,
        after: &Setting,
    ) -> Result<(), BotsError> {
        actor.require(Permission::ManageCommunity, community)?;
        after.check()?;
        let mut work = self.begin(actor).await?;
        // Cases that are to be told of now are changed by who scores too: one after the other.
        tables::scene::hold_progress(work.conn()).await?;
        tables::lock(&work, community).await?;
        let before = tables::setting::one(work.conn(), community).await?;
        if before == *after {
            return Ok(());
        }
        tables::setting::put(work.conn(), community, after, work.now())
            .await
            .map_err(crate::unknown_community)?;
        work.audit(Entry {
            action: "bots.setting",
            object: format!("community:{community}"),
            community: Some(community),
            detail: json!({ "before": before.described(), "after": after.described() }),
        });
        let is_lower = after.likely < before.likely || after.possible < before.possible;
        if is_lower || before.is_dry_run && !after.is_dry_run {
            channel::catch_up(&mut work, community, after).await?;
        }
        Ok(work.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bearing, Exemption, Level, Setting};
    use crate::Probability;
    use kernel::{Role, Timestamp};

    const DAY: i64 = 86_400;

    #[test]
    fn a_probability_on_the_threshold_is_of_the_level() {
        let setting = Setting::default();
        for (ppm, level) in [
            (0, Level::Unlikely),
            (499_999, Level::Unlikely),
            (500_000, Level::Possible),
            (699_999, Level::Possible),
            (700_000, Level::Likely),
            (1_000_000, Level::Likely),
        ] {
            assert_eq!(setting.level(Probability::millionths(ppm)), level, "{ppm}");
        }
    }

    fn bearing(role: Option<Role>, days: i64, score: u32) -> Bearing {
        Bearing {
            role,
            first_seen: Some(Timestamp::from_secs(-days * DAY)),
            score,
        }
    }

    #[test]
    fn a_role_or_a_long_good_time_protects_and_half_of_it_does_not() {
        let now = Timestamp::from_secs(0);
        let setting = Setting::default();
        let of = |bearing: &Bearing| setting.exempts(bearing, now);
        assert_eq!(
            of(&bearing(Some(Role::Owner), 0, 300)),
            Some(Exemption::Role)
        );
        assert_eq!(
            of(&bearing(Some(Role::Moderator), 0, 300)),
            Some(Exemption::Role)
        );
        assert_eq!(of(&bearing(Some(Role::Vip), 0, 300)), None);
        assert_eq!(of(&bearing(None, 30, 740)), Some(Exemption::Regular));
        assert_eq!(of(&bearing(None, 29, 740)), None);
        assert_eq!(of(&bearing(None, 30, 739)), None);
        assert_eq!(of(&bearing(Some(Role::Banned), 300, 850)), None);
        let unseen = Bearing {
            first_seen: None,
            ..bearing(None, 0, 850)
        };
        assert_eq!(of(&unseen), None);
    }

    #[test]
    fn one_condition_alone_does_and_without_any_nobody_is_a_regular() {
        let now = Timestamp::from_secs(0);
        let person = bearing(Some(Role::Member), 400, 600);
        let days = Setting {
            trusted_score: None,
            ..Setting::default()
        };
        assert_eq!(days.exempts(&person, now), Some(Exemption::Regular));
        let neither = Setting {
            trusted_days: None,
            ..days
        };
        assert_eq!(neither.exempts(&person, now), None);
        let members = Setting {
            exempt_role: Some(Role::Member),
            ..neither
        };
        assert_eq!(members.exempts(&person, now), Some(Exemption::Role));
    }

    #[test]
    fn what_would_suspect_everybody_or_contradicts_itself_is_refused() {
        let of = |change: fn(&mut Setting)| {
            let mut setting = Setting::default();
            change(&mut setting);
            setting.check().is_ok()
        };
        assert!(of(|_| {}));
        assert!(of(|setting| setting.possible = setting.likely));
        assert!(!of(|setting| setting.possible = Probability::percent(71)));
        assert!(!of(|setting| setting.possible = Probability::percent(0)));
        assert!(!of(|setting| setting.exempt_role = Some(Role::Banned)));
        assert!(!of(|setting| setting.trusted_days = Some(3_651)));
        assert!(!of(|setting| setting.trusted_score = Some(299)));
        assert!(!of(|setting| setting.trusted_score = Some(851)));
    }
}
