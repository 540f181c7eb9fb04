//! Members say that somebody is a bot. One word opens no case, unless it is that of somebody who was right often; how
//! much it counts depends on how often whoever says it was right before.
//!
//! Invariants: nobody reports themselves, the same account twice, or more than a few a day; who reported is
//! known to moderators only; no report opens a case about whom the program leaves alone, but for a regular.

use std::time::Duration;

use ::store::{StoreError, Work};
use identity::PlatformAccount;
use kernel::{
    AccountId, Actor, CommunityId, Cursor, Page, PageRequest, Permission, Role, Timestamp, UserId,
};

use crate::{
    Bots, BotsError, CaseState, Exemption, Probability, Reason, Setting,
    assessment::{Assessment, assess},
    case::{self, Evidence},
    store::{self as tables, case::Row as CaseRow, state::Seat},
};

/// How many accounts one person may report in a community within a day.
pub const REPORTS_A_DAY: u32 = 10;
/// The longest reason, in characters.
const REASON_MAX: usize = 300;
/// What reports of several about an account must weigh together to open a case: two words of people whom nobody knows.
const ENOUGH: u32 = 600_000;
/// What one word must weigh to open a case alone: that of a moderator, or of somebody who was right three times and
/// never wrong.
const PROVEN: u32 = 800_000;
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

/// A report that no case shows: one word that is not enough, or about whom the program leaves alone or somebody
/// found to be a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingReport {
    /// The account; `None` for one that was erased meanwhile.
    pub account: Option<PlatformAccount>,
    /// What was said.
    pub report: Report,
}

/// What is known of somebody's reports in a community.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Record {
    /// Within the last day.
    pub(crate) lately: u32,
    pub(crate) right: u32,
    pub(crate) wrong: u32,
}

/// The reports about an account of which nobody knows yet whether they are right. Weights are in millionths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Together {
    /// How many there are, each of somebody else.
    pub(crate) n: u32,
    pub(crate) weight: u32,
    /// What the heaviest of them weighs.
    pub(crate) heaviest: u32,
}

impl Together {
    /// Whether they open a case.
    const fn are_enough(self) -> bool {
        self.heaviest >= PROVEN || self.n >= 2 && self.weight >= ENOUGH
    }
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
        let scorer = self.scorer().await?;
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
        let is_open = |case: &CaseRow| case.state == CaseState::Open;
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
        let together = tables::report::together(work.conn(), seat).await?;
        let mut is_raised = before.as_ref().is_some_and(is_open);
        if together.are_enough() {
            let about = assess(&work, &scorer, seat).await?;
            is_raised |= raise(&mut work, seat, before.as_ref(), about, together).await?;
        }
        work.commit().await?;
        Ok(is_raised)
    }

    /// The reports of a community that wait without a case, the newest first.
    pub async fn waiting_reports(
        &self,
        actor: &Actor,
        community: CommunityId,
        page: &PageRequest,
    ) -> Result<Page<WaitingReport>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let conn = self.db.read();
        let rows = tables::report::waiting(conn, community, page).await?;
        let rows = Page::from_rows(rows, page, |(_, report)| Cursor {
            key: String::new(),
            id: report.id.into(),
        });
        let ids: Vec<AccountId> = rows.items.iter().map(|(account, _)| *account).collect();
        let accounts = identity::accounts_by_id(conn, &ids).await?;
        let whole = |(account, report): (AccountId, Report)| WaitingReport {
            account: accounts.get(&account).cloned(),
            report,
        };
        Ok(Page {
            items: rows.items.into_iter().map(whole).collect(),
            next: rows.next,
        })
    }
}

/// Opens a case or adds to it, as far as the reports about an account allow it; answers whether it was opened.
async fn raise(
    work: &mut Work,
    seat: Seat,
    before: Option<&CaseRow>,
    about: Assessment,
    together: Together,
) -> Result<bool, StoreError> {
    if about
        .exemption
        .is_some_and(Exemption::holds_against_reports)
    {
        return Ok(false);
    }
    let setting = tables::setting::one(work.conn(), seat.0).await?;
    let known = before.map(|case| (case.probability, case.prediction));
    let (probability, prediction) = about
        .found
        .map(|found| (found.probability, Some(found.prediction)))
        .or(known)
        .unwrap_or_default();
    let n_messages = about.found.map_or(0, |found| found.n_messages);
    let told = Probability::millionths(together.weight).value();
    let evidence = Evidence {
        community: seat.0,
        account: seat.1,
        reasons: vec![Reason::Reports],
        probability,
        prediction,
        value: case::value(probability, n_messages, told),
        is_new_since_verdict: is_news(work, &setting, before, probability).await?,
    };
    Ok(case::raise(work, &setting, &evidence).await?.is_some())
}

/// Whether an account looks worse than when somebody found a person, so that reports ask again.
async fn is_news(
    work: &Work,
    setting: &Setting,
    before: Option<&CaseRow>,
    now: Probability,
) -> Result<bool, StoreError> {
    let Some(case) = before.filter(|case| case.state == CaseState::Human) else {
        return Ok(false);
    };
    let verdict = tables::review::last(work.conn(), case.id).await?;
    Ok(verdict.is_some_and(|then| setting.level(now) > setting.level(then.probability)))
}

#[cfg(test)]
mod tests {
    use super::{Record, Together, weight};
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
    fn it_takes_two_or_one_who_was_right_often_and_whoever_cried_wolf_counts_for_little() {
        let opens = |words: &[u32]| {
            let together = Together {
                n: u32::try_from(words.len()).unwrap(),
                weight: words.iter().sum(),
                heaviest: words.iter().copied().max().unwrap(),
            };
            together.are_enough()
        };
        assert!(!opens(&[of(0, 0)]) && opens(&[of(0, 0), of(0, 0)]));
        assert!(
            !opens(&[of(1, 0)]) && !opens(&[of(2, 0)]),
            "right by chance"
        );
        assert!(opens(&[of(3, 0)]) && !opens(&[of(3, 1)]) && opens(&[of(7, 1)]));
        assert!(!opens(&[of(0, 9); 4]), "four who were wrong nine times");
        assert!(opens(&[1_000_000]), "a moderator");
    }
}
