//! A case: an account of a community about which somebody should say what it is. There is one for each
//! account, and it remembers what came of it.
//!
//! Invariants: a case bans nobody and takes no points; what people decided is not undone by new evidence,
//! which may only ask again after a long time; in a dry run nobody is told.

use std::collections::{BTreeSet, HashMap};

use ::store::{DomainEvent, StoreError, Work};
use identity::PlatformAccount;
use kernel::{
    AccountId, Actor, CommunityId, Cursor, Page, PageRequest, Permission, Timestamp, UserId,
};
use serde_json::json;

use crate::{
    Appeal, Bots, BotsError, CASE_OPENED, Correction, Level, OfEach, Prediction, Probability,
    Report, Review, Setting, TOGETHER_MAX, channel, correction,
    store::{self as tables, case as table},
};

/// How long after a decision new evidence may ask again.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_secs(90 * 86_400);
/// The most suspects that are listed at once.
pub const SUSPECTS_MAX: u32 = 100;
/// From which probability on somebody is suspected where nobody says from which.
const SUSPECTED: Probability = Probability::percent(50);
/// How many predictions, reviews and reports a case shows.
const SHOWN_MAX: i64 = 20;

/// What became of a case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CaseState {
    /// Nobody has decided yet.
    Open,
    /// It is a bot.
    Bot,
    /// It is a person.
    Human,
    /// What spoke for it is gone, before anybody decided.
    Withdrawn,
}

impl CaseState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Bot, Self::Human, Self::Withdrawn];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Bot => "bot",
            Self::Human => "human",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether somebody said what it is.
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Bot | Self::Human)
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Open => 0,
            Self::Bot => 1,
            Self::Human => 2,
            Self::Withdrawn => 3,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// Why somebody should look.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// The probability reached a threshold.
    Score,
    /// The rules alone say so.
    Rules,
    /// Members reported it.
    Reports,
    /// It is on a list.
    List,
    /// It was drawn by chance, so that what the model never sees is looked at too.
    Sample,
    /// The model does not know, so that a verdict teaches most.
    Uncertain,
    /// It linked to a domain that a list calls dangerous or suspicious.
    Phishing,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Score,
        Self::Rules,
        Self::Reports,
        Self::List,
        Self::Sample,
        Self::Uncertain,
        Self::Phishing,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Rules => "rules",
            Self::Reports => "reports",
            Self::List => "list",
            Self::Sample => "sample",
            Self::Uncertain => "uncertain",
            Self::Phishing => "phishing",
        }
    }

    /// The reason of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// Its bit in the database. Never renumber.
    pub(crate) const fn bit(self) -> i16 {
        match self {
            Self::Score => 1,
            Self::Rules => 2,
            Self::Reports => 4,
            Self::List => 8,
            Self::Sample => 16,
            Self::Uncertain => 32,
            Self::Phishing => 64,
        }
    }

    /// Whether it is what lists and corrections say, and nothing that was found out about the account itself.
    pub(crate) const fn is_of_lists(self) -> bool {
        matches!(self, Self::List | Self::Phishing)
    }

    pub(crate) fn bits(reasons: &[Self]) -> i16 {
        reasons.iter().fold(0, |bits, reason| bits | reason.bit())
    }

    pub(crate) fn from_bits(bits: i16) -> Vec<Self> {
        let is_set = |reason: &Self| bits & reason.bit() != 0;
        Self::ALL.into_iter().filter(is_set).collect()
    }
}

/// A case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// Its id.
    pub id: i32,
    /// Where.
    pub community: CommunityId,
    /// The account; `None` for one that was erased meanwhile.
    pub account: Option<PlatformAccount>,
    /// What became of it.
    pub state: CaseState,
    /// Why somebody should look.
    pub reasons: Vec<Reason>,
    /// How sure the program is.
    pub probability: Probability,
    /// The same in a word, by the community's thresholds.
    pub level: Level,
    /// How much a verdict would teach.
    pub value: Probability,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When what speaks for it changed last.
    pub changed_at: Timestamp,
    /// Who has it before them right now, who came first first.
    pub viewers: Vec<UserId>,
    /// Whether the program has scored the account: one that said nothing yet has no probability.
    pub is_scored: bool,
    /// Which revision a decision is about.
    pub revision: i32,
    /// Who decided; `None` for nobody, or somebody who was erased since.
    pub decided_by: Option<UserId>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

/// A case with everything that is to be known before deciding.
#[derive(Clone, PartialEq, Debug)]
pub struct CaseFile {
    /// The case.
    pub case: Case,
    /// What was predicted, the newest first.
    pub predictions: Vec<Prediction>,
    /// What people decided, the newest first.
    pub reviews: Vec<Review>,
    /// What members reported, the newest first.
    pub reports: Vec<Report>,
    /// Whether its owner disagreed, the newest first.
    pub appeals: Vec<Appeal>,
    /// The correction that holds for the account, if there is one: of this community, or of the instance.
    pub correction: Option<Correction>,
}

/// What comes first in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum CaseOrder {
    /// That from which most can be learned.
    #[default]
    Value,
    /// That which is surest.
    Probability,
}

impl CaseOrder {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Probability => "probability",
        }
    }

    /// The order of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Value, Self::Probability]
            .into_iter()
            .find(|order| order.as_str() == name)
    }
}

/// Which cases are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseQuery {
    /// Those in this state.
    pub state: CaseState,
    /// Those that this is a reason to look at; `None` = all.
    pub reason: Option<Reason>,
    /// What comes first.
    pub order: CaseOrder,
    /// Whether those are left out that the asker left to others and of which nothing new is known.
    pub is_for_me: bool,
    /// Which page.
    pub page: PageRequest,
}

/// Evidence about an account that is worth a case.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Evidence {
    pub(crate) community: CommunityId,
    pub(crate) account: AccountId,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) probability: Probability,
    pub(crate) prediction: Option<i64>,
    pub(crate) value: Probability,
    /// Whether it says something that whoever decided did not know, so that it asks again at once.
    pub(crate) is_new_since_verdict: bool,
}

/// How much a verdict about somebody would teach: most where the model does not know, some where it is
/// sure, because being wrong there is dear, and more of those of whom much was seen or whom members
/// reported.
pub(crate) fn value(probability: Probability, n_messages: u32, reports: f64) -> Probability {
    let seen = (f64::from(n_messages) / 50.0).min(1.0);
    let told = reports.clamp(0.0, 1.0);
    Probability::of(
        0.5 * probability.uncertainty() + 0.2 * probability.value() + 0.1 * seen + 0.2 * told,
    )
}

/// Whether new evidence opens a case in this state.
fn asks_again(state: CaseState, decided_at: Option<Timestamp>, now: Timestamp) -> bool {
    match state {
        CaseState::Open => false,
        CaseState::Withdrawn => true,
        CaseState::Bot | CaseState::Human => {
            decided_at.is_some_and(|at| now.since(at) >= ASK_AGAIN)
        }
    }
}

/// Whether reasons say something against somebody: what was drawn by chance, or is only not known, does not.
pub(crate) fn accuses(reasons: &[Reason]) -> bool {
    reasons
        .iter()
        .any(|reason| !matches!(reason, Reason::Sample | Reason::Uncertain))
}

/// The bits of all reasons that say something against somebody.
pub(crate) fn accusing_bits() -> i16 {
    let accusing = Reason::ALL.into_iter();
    Reason::bits(
        &accusing
            .filter(|reason| accuses(&[*reason]))
            .collect::<Vec<_>>(),
    )
}

/// Opens a case, or adds to the one that is open; answers its id if it is new or open again. The
/// community is told of it unless it only watches.
pub(crate) async fn raise(
    work: &mut Work,
    setting: &Setting,
    evidence: &Evidence,
) -> Result<Option<i32>, StoreError> {
    let now = work.now();
    let before = table::to_change(work, evidence.community, evidence.account).await?;
    let open = before.as_ref().filter(|case| case.state == CaseState::Open);
    let was_open = open.map(|case| case.probability);
    let had_accused = open.is_some_and(|case| accuses(&case.reasons));
    let (id, is_news) = match before {
        None => match table::insert(work.conn(), evidence, now).await? {
            Some(id) => (id, true),
            // Another process was faster.
            None => return Ok(None),
        },
        Some(before) => {
            let asks = asks_again(before.state, before.decided_at, now)
                || before.state.is_decided() && evidence.is_new_since_verdict;
            if before.state.is_decided() && !asks {
                return Ok(None);
            }
            table::renew(work.conn(), &before, evidence, now).await?;
            if before.state.is_decided() {
                tables::appeal::end(work.conn(), before.id, now).await?;
            }
            (before.id, asks)
        }
    };
    work.notify(topic(evidence.community), "");
    // What accused nobody until now was told to nobody, however sure the program was.
    let was_told = was_open.filter(|_| had_accused);
    channel::hear(work, setting, evidence, (id, was_told)).await?;
    // Whoever was drawn by chance is told of when something speaks against them.
    if !setting.is_dry_run && accuses(&evidence.reasons) && !had_accused {
        let level = setting.level(evidence.probability);
        let accounts = identity::accounts_by_id(work.conn(), &[evidence.account]).await?;
        let user = accounts.get(&evidence.account).map_or(0, |a| a.user.0);
        let event = DomainEvent {
            kind: CASE_OPENED,
            community: Some(evidence.community),
            payload: json!({
                "community": evidence.community.0, "case": id, "user": user,
                "level": level.as_str(), "confidence": evidence.probability.confidence(),
            }),
        };
        work.emit(event, &[]).await?;
    }
    Ok(is_news.then_some(id))
}

/// The topic under which pages of a community's cases are woken.
pub fn topic(community: CommunityId) -> String {
    format!("bots:{community}")
}

impl Bots {
    /// A community's cases, in one state.
    pub async fn cases(
        &self,
        actor: &Actor,
        community: CommunityId,
        query: &CaseQuery,
    ) -> Result<Page<Case>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let but_of = actor.user_id().filter(|_| query.is_for_me);
        let rows = table::page(self.db.read(), community, query, but_of).await?;
        let rows = Page::from_rows(rows, &query.page, |row| Cursor {
            key: match query.order {
                CaseOrder::Value => row.value,
                CaseOrder::Probability => row.probability,
            }
            .ppm()
            .to_string(),
            id: row.id.into(),
        });
        Ok(Page {
            items: self.whole(rows.items).await?,
            next: rows.next,
        })
    }

    /// The accounts that look like bots, and those that were found to be; the surest first, at most [`SUSPECTS_MAX`]. With
    /// `least` all are of at least that probability; without, they look like bots from 50 percent on, and those that were found to
    /// be are of whatever probability.
    pub async fn suspects(
        &self,
        actor: &Actor,
        community: CommunityId,
        least: Option<Probability>,
        limit: u32,
    ) -> Result<Vec<Case>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        self.suspects_among(&[community], least, limit).await
    }

    /// The same of several communities, or why the actor may not know one.
    pub async fn suspects_of(
        &self,
        actor: &Actor,
        communities: &[CommunityId],
        least: Option<Probability>,
        limit: u32,
    ) -> Result<OfEach<Vec<Case>>, BotsError> {
        let (allowed, denied) = actor.sort_out(Permission::ViewMembers, communities);
        let mut found: OfEach<Vec<Case>> =
            denied.into_iter().map(|(id, why)| (id, Err(why))).collect();
        for part in allowed.chunks(TOGETHER_MAX) {
            found.extend(part.iter().map(|id| (*id, Ok(Vec::new()))));
            for case in self.suspects_among(part, least, limit).await? {
                if let Some(Ok(cases)) = found.get_mut(&case.community) {
                    cases.push(case);
                }
            }
        }
        Ok(found)
    }

    async fn suspects_among(
        &self,
        communities: &[CommunityId],
        least: Option<Probability>,
        limit: u32,
    ) -> Result<Vec<Case>, BotsError> {
        let limit = limit.clamp(1, SUSPECTS_MAX);
        let open = least.unwrap_or(SUSPECTED);
        let least = [least.unwrap_or_default(), open];
        let rows = table::suspects(self.db.read(), communities, least, limit).await?;
        self.whole(rows).await
    }

    /// A case with everything about it.
    pub async fn case(
        &self,
        actor: &Actor,
        community: CommunityId,
        id: i32,
    ) -> Result<Option<CaseFile>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let conn = self.db.read();
        let Some(row) = table::by_id(conn, community, id).await? else {
            return Ok(None);
        };
        let account = row.account;
        let Some(case) = self.whole(vec![row]).await?.pop() else {
            return Ok(None);
        };
        let seat = (community, account);
        let known: Vec<&PlatformAccount> = case.account.iter().collect();
        let mut listed = correction::of_accounts(conn, community, &known).await?;
        let correction = listed.remove(&account).and_then(|listed| listed.correction);
        Ok(Some(CaseFile {
            case,
            predictions: tables::prediction::of_account(conn, seat, SHOWN_MAX).await?,
            reviews: tables::review::of_case(conn, id, SHOWN_MAX).await?,
            reports: tables::report::of_account(conn, seat, SHOWN_MAX).await?,
            appeals: tables::appeal::of_case(conn, id, SHOWN_MAX).await?,
            correction,
        }))
    }

    /// Several cases of a community by their ids; those that are not there are left out.
    pub async fn cases_by_id(
        &self,
        actor: &Actor,
        community: CommunityId,
        ids: &[i32],
    ) -> Result<HashMap<i32, Case>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let rows = table::by_ids(self.db.read(), community, ids).await?;
        let cases = self.whole(rows).await?;
        Ok(cases.into_iter().map(|case| (case.id, case)).collect())
    }

    /// How many cases a community has in each state.
    pub async fn case_counts(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<HashMap<CaseState, u64>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        Ok(table::counts(self.db.read(), community).await?)
    }

    /// Rows with their accounts and levels.
    pub(crate) async fn whole(&self, rows: Vec<table::Row>) -> Result<Vec<Case>, BotsError> {
        let conn = self.db.read();
        let communities: BTreeSet<CommunityId> = rows.iter().map(|row| row.community).collect();
        let communities: Vec<CommunityId> = communities.into_iter().collect();
        let settings = tables::setting::of(conn, &communities).await?;
        let setting = |id| settings.get(&id).copied().unwrap_or_default();
        let ids: Vec<AccountId> = rows.iter().map(|row| row.account).collect();
        let accounts = identity::accounts_by_id(conn, &ids).await?;
        let open = rows.iter().filter(|row| row.state == CaseState::Open);
        let open: Vec<i32> = open.map(|row| row.id).collect();
        let mut viewers = tables::viewer::of(conn, &open, self.clock.now()).await?;
        let whole = rows.into_iter().map(|row| Case {
            id: row.id,
            community: row.community,
            account: accounts.get(&row.account).cloned(),
            state: row.state,
            level: setting(row.community).level(row.probability),
            reasons: row.reasons,
            probability: row.probability,
            value: row.value,
            is_scored: row.prediction.is_some(),
            opened_at: row.opened_at,
            changed_at: row.changed_at,
            viewers: viewers.remove(&row.id).unwrap_or_default(),
            revision: row.revision,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
        });
        Ok(whole.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{CaseState, Reason, asks_again, value};
    use crate::Probability;
    use kernel::Timestamp;

    #[test]
    fn a_verdict_teaches_most_where_the_model_does_not_know() {
        let of = |p: f64| value(Probability::of(p), 50, 0.0);
        assert!(of(0.5) > of(0.7) && of(0.7) > of(0.9) && of(0.5) > of(0.3));
        assert!(of(0.9) > of(0.1), "being wrong about an accused is dearer");
        let half = Probability::of(0.5);
        assert!(value(half, 50, 0.0) > value(half, 10, 0.0));
        assert!(value(half, 10, 1.0) > value(half, 50, 0.0));
        assert!(value(Probability::of(1.0), 1_000_000, 9.0).ppm() <= 1_000_000);
    }

    #[test]
    fn a_decision_holds_for_a_quarter_of_a_year() {
        let day = |n: i64| Timestamp::from_secs(n * 86_400);
        for state in [CaseState::Bot, CaseState::Human] {
            assert!(!asks_again(state, Some(day(0)), day(89)));
            assert!(asks_again(state, Some(day(0)), day(90)));
            assert!(!asks_again(state, None, day(90)));
        }
        assert!(asks_again(CaseState::Withdrawn, None, day(0)));
        assert!(!asks_again(CaseState::Open, None, day(900)));
    }

    #[test]
    fn reasons_are_kept_as_bits() {
        assert_eq!(Reason::from_bits(Reason::bits(&Reason::ALL)), Reason::ALL);
        assert_eq!(Reason::bits(&[]), 0);
        assert_eq!(Reason::from_bits(4), [Reason::Reports]);
    }
}
