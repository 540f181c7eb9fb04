//! Members say that somebody is a bot. One word opens no case; how much it counts depends on how often
//! whoever says it was right before.
//!
//! Invariants: nobody reports themselves, the same account twice, or more than a few a day; who reported is
//! known to moderators only.

use std::time::Duration;

use kernel::{AccountId, Actor, CommunityId, Permission, Role, Timestamp, UserId};

use crate::{
    Bots, BotsError, Probability, Reason,
    case::{self, Evidence},
    store::{self as tables},
};

/// How many accounts one person may report in a community within a day.
pub const REPORTS_A_DAY: u32 = 10;
/// The longest reason, in characters.
const REASON_MAX: usize = 300;
/// What reports about an account must weigh together to open a case: two words of people whom nobody
/// knows, or one of somebody who was right before.
const ENOUGH: u32 = 600_000;
const DAY: Duration = Duration::from_secs(86_400);

/// Whether a report was right.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReportOutcome {
    /// Nobody knows yet.
    Open,
    /// A moderator found a bot.
    Right,
    /// A moderator found a person.
    Wrong,
}

impl ReportOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Open, Self::Right, Self::Wrong];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Right => "right",
            Self::Wrong => "wrong",
        }
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Open => 0,
            Self::Right => 1,
            Self::Wrong => 2,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }
}

/// What a member said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Its id.
    pub id: i32,
    /// Who; `None` for somebody who was erased since.
    pub reporter: Option<UserId>,
    /// Why; may be empty.
    pub reason: String,
    /// How much their word counted.
    pub weight: Probability,
    /// When.
    pub at: Timestamp,
    /// Whether it was right.
    pub outcome: ReportOutcome,
}

/// What is known of somebody's reports in a community.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Record {
    /// Within the last day.
    pub(crate) lately: u32,
    pub(crate) right: u32,
    pub(crate) wrong: u32,
}

/// How much somebody's word counts: moderators' fully; others' as often as they were right, beginning
/// with one half and slowly believed.
fn weight(record: Record, role: Option<Role>) -> Probability {
    if role >= Some(Role::Moderator) {
        return Probability::percent(100);
    }
    let (right, wrong) = (f64::from(record.right), f64::from(record.wrong));
    // Two imagined reports, one right and one wrong, so that nobody is believed or ignored for one.
    Probability::of((right + 1.0) / (right + wrong + 2.0))
}

impl Bots {
    /// Says that an account is a bot; answers whether a case is open for it now. Saying it again while
    /// nobody has decided changes nothing.
    pub async fn report(
        &self,
        actor: &Actor,
        community: CommunityId,
        account: AccountId,
        reason: &str,
    ) -> Result<bool, BotsError> {
        actor.require(Permission::ViewActivity, community)?;
        let reason = reason.trim();
        if reason.chars().count() > REASON_MAX || reason.chars().any(char::is_control) {
            return Err(BotsError::invalid(
                "reason",
                format!("say it in at most {REASON_MAX} characters on one line"),
            ));
        }
        let seat = (community, account);
        let mut work = self.begin(actor).await?;
        tables::lock(&work, community).await?;
        let accounts = identity::accounts_by_id(work.conn(), &[account]).await?;
        let about = accounts.get(&account).ok_or(BotsError::NotFound)?;
        // Whom nobody saw here is nobody's business here.
        if !activity::was_seen(work.conn(), community, about.user).await? {
            return Err(BotsError::NotFound);
        }
        if Some(about.user) == actor.user_id() {
            return Err(BotsError::invalid("account", "this is your own account"));
        }
        let before = tables::case::of_account(work.conn(), community, account).await?;
        let is_open = |case: &tables::case::Row| case.state == crate::CaseState::Open;
        let mut record = Record::default();
        if let Some(reporter) = actor.user_id() {
            if tables::report::is_open(work.conn(), seat, reporter).await? {
                return Ok(before.as_ref().is_some_and(is_open));
            }
            let since = work.now().minus(DAY);
            record = tables::report::record(work.conn(), community, reporter, since).await?;
            if record.lately >= REPORTS_A_DAY {
                return Err(BotsError::TooOften(format!(
                    "you reported {REPORTS_A_DAY} accounts within a day: go on tomorrow"
                )));
            }
        }
        // The program and whoever runs the instance count as moderators do.
        let role = if actor.is_instance_admin() {
            Some(Role::Moderator)
        } else {
            actor.role_in(community)
        };
        let said = (reason, weight(record, role));
        let now = work.now();
        tables::report::insert(work.conn(), seat, actor.user_id(), said, now).await?;
        let together = tables::report::weight(work.conn(), seat).await?;
        let mut is_raised = before.as_ref().is_some_and(is_open);
        if together >= i64::from(ENOUGH) {
            let setting = tables::setting::one(work.conn(), community).await?;
            let (probability, prediction) = before
                .as_ref()
                .map_or((Probability::default(), None), |case| {
                    (case.probability, case.prediction)
                });
            let told = Probability::millionths(u32::try_from(together).unwrap_or(u32::MAX));
            let evidence = Evidence {
                community,
                account,
                reasons: vec![Reason::Reports],
                probability,
                prediction,
                value: case::value(probability, 0, told.value()),
            };
            is_raised |= case::raise(&mut work, &setting, &evidence).await?.is_some();
        }
        work.commit().await?;
        Ok(is_raised)
    }
}

#[cfg(test)]
mod tests {
    use super::{ENOUGH, Record, weight};
    use kernel::Role;

    fn of(right: u32, wrong: u32) -> u32 {
        let record = Record {
            lately: 0,
            right,
            wrong,
        };
        weight(record, Some(Role::Member)).ppm()
    }

    #[test]
    fn a_word_counts_as_often_as_it_was_right() {
        assert_eq!(of(0, 0), 500_000);
        assert!(of(1, 0) > of(0, 0) && of(0, 1) < of(0, 0));
        assert!(of(9, 1) > of(1, 0) && of(0, 9) < 100_000);
        let of_moderator = weight(Record::default(), Some(Role::Moderator));
        assert_eq!(of_moderator.ppm(), 1_000_000);
    }

    #[test]
    fn one_stranger_is_not_enough_and_two_are_unless_they_cried_wolf() {
        assert!(of(0, 0) < ENOUGH && 2 * of(0, 0) >= ENOUGH);
        assert!(of(1, 0) >= ENOUGH, "who was right before");
        assert!(4 * of(0, 9) < ENOUGH, "four who were wrong nine times");
    }
}
