//! Whoever was called a bot may say no: once at a time, and a moderator answers.
//!
//! Invariants: people see decisions about their own accounts and nothing that is open; whoever decided does
//! not refuse the appeal against it, unless nobody else moderates; with the decision its appeals end.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use ::store::{DomainEvent, StoreError, audit::Entry};
use identity::PlatformAccount;
use kernel::{
    AccountId, Actor, CommunityId, Cursor, Page, PageRequest, Permission, Platform, Timestamp,
    UserId,
};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::{
    APPEAL_ANSWERED, APPEAL_MADE, Bots, BotsError, CaseState, case, review,
    store::{self as tables, appeal as table},
};

/// The longest appeal and answer, in characters.
const WORDS_MAX: usize = 1_000;
/// How long after a refusal one may appeal again.
const AGAIN: Duration = Duration::from_secs(30 * 86_400);
/// How many decisions about oneself are shown.
const OWN_MAX: i64 = 50;

/// What became of an appeal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AppealState {
    /// Nobody has answered yet.
    Open,
    /// It was a mistake.
    Granted,
    /// The decision stays.
    Refused,
    /// The decision was taken back before anybody answered.
    Ended,
}

impl AppealState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Granted, Self::Refused, Self::Ended];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Ended => "ended",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Open => 0,
            Self::Granted => 1,
            Self::Refused => 2,
            Self::Ended => 3,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// An appeal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appeal {
    /// Its id.
    pub id: i32,
    /// The case.
    pub case: i32,
    /// What they say.
    pub words: String,
    /// What became of it.
    pub state: AppealState,
    /// When it was made.
    pub made_at: Timestamp,
    /// What they were answered; may be empty.
    pub answer: String,
    /// Who answered; `None` for nobody, or somebody who was erased since.
    pub answered_by: Option<UserId>,
    /// When it was answered, or ended.
    pub answered_at: Option<Timestamp>,
    /// Whether whoever asks may refuse it: one's own verdict is for somebody else to confirm.
    pub may_refuse: bool,
}

/// A decision about one of one's own accounts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnVerdict {
    /// The case, to appeal against.
    pub case: i32,
    /// Where.
    pub community: CommunityId,
    /// The account.
    pub account: AccountId,
    /// Where it is.
    pub platform: Platform,
    /// What it is called.
    pub username: String,
    /// Whether it stands: one that does not is shown while there are appeals against it, so that the answer is read.
    pub stands: bool,
    /// When it was decided, or taken back.
    pub decided_at: Option<Timestamp>,
    /// One's appeals against it, the newest first.
    pub appeals: Vec<Appeal>,
}

fn check_words(field: &'static str, words: &str, least: usize) -> Result<String, BotsError> {
    let words = words.trim();
    let n = words.chars().count();
    let is_odd = |c: char| c.is_control() && c != '\n';
    if n < least || n > WORDS_MAX || words.chars().any(is_odd) {
        return Err(BotsError::invalid(
            field,
            format!("say it in {least} to {WORDS_MAX} characters"),
        ));
    }
    Ok(words.to_owned())
}

impl Bots {
    /// Where one's own accounts were called bots, the last first; those that were taken back while one appealed too.
    pub async fn own_verdicts(&self, actor: &Actor) -> Result<Vec<OwnVerdict>, BotsError> {
        let Some(user) = actor.user_id() else {
            return Err(nobody());
        };
        let conn = self.db.read();
        let accounts = identity::accounts_of(conn, &[user]).await?;
        let accounts: HashMap<AccountId, PlatformAccount> = accounts
            .into_values()
            .flatten()
            .map(|account| (account.id, account))
            .collect();
        let ids: Vec<AccountId> = accounts.keys().copied().collect();
        let rows = tables::case::against(conn, &ids, OWN_MAX).await?;
        let cases: Vec<i32> = rows.iter().map(|row| row.id).collect();
        let mut appeals: HashMap<i32, Vec<Appeal>> = HashMap::new();
        for appeal in table::of_cases(conn, &cases).await? {
            appeals.entry(appeal.case).or_default().push(appeal);
        }
        let own = |row: tables::case::Row| {
            let account = accounts.get(&row.account)?;
            Some(OwnVerdict {
                case: row.id,
                community: row.community,
                account: row.account,
                platform: account.platform,
                username: account.username.clone(),
                stands: row.state == CaseState::Bot,
                decided_at: row.decided_at,
                appeals: appeals.remove(&row.id).unwrap_or_default(),
            })
        };
        Ok(rows.into_iter().filter_map(own).collect())
    }

    /// Says that one's own account is no bot; answers the appeal's id. While one is open, the same words again change
    /// nothing and others are refused; after a refusal again in thirty days, or against another decision.
    pub async fn appeal(&self, actor: &Actor, case: i32, words: &str) -> Result<i32, BotsError> {
        let Some(user) = actor.user_id() else {
            return Err(nobody());
        };
        let words = check_words("words", words, 1)?;
        let mut work = self.begin(actor).await?;
        let seat = tables::case::seat(work.conn(), case).await?;
        let (community, account) = seat.ok_or(BotsError::NotFound)?;
        tables::lock(&work, community).await?;
        let accounts = identity::accounts_by_id(work.conn(), &[account]).await?;
        let is_own = accounts
            .get(&account)
            .is_some_and(|account| account.user == user);
        let before = tables::case::by_id(work.conn(), community, case).await?;
        let against = before.filter(|before| is_own && before.state == CaseState::Bot);
        let against = against.ok_or(BotsError::NotFound)?;
        if let Some(last) = table::of_case(work.conn(), case, 1)
            .await?
            .into_iter()
            .next()
        {
            if last.state == AppealState::Open {
                return if last.words == words {
                    Ok(last.id)
                } else {
                    Err(BotsError::Conflict(
                        "you have an appeal open already: it is answered first".to_owned(),
                    ))
                };
            }
            let answered = last.answered_at.unwrap_or(last.made_at);
            let is_same = Some(last.made_at) >= against.decided_at;
            let is_lately = work.now().since(answered) < AGAIN;
            if last.state == AppealState::Refused && is_same && is_lately {
                return Err(BotsError::TooOften(
                    "an appeal was refused less than thirty days ago: wait until then".to_owned(),
                ));
            }
        }
        let now = work.now();
        let id = table::insert(work.conn(), case, (community, account), &words, now).await?;
        let event = DomainEvent {
            kind: APPEAL_MADE,
            community: Some(community),
            payload: json!({ "community": community.0, "case": case, "appeal": id }),
        };
        work.emit(event, &[]).await?;
        work.notify(case::topic(community), "");
        work.commit().await?;
        Ok(id)
    }

    /// A community's appeals in a state, the oldest first.
    pub async fn appeals(
        &self,
        actor: &Actor,
        community: CommunityId,
        state: AppealState,
        page: &PageRequest,
    ) -> Result<Page<Appeal>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let conn = self.db.read();
        let mut rows = table::page(conn, community, state, page).await?;
        if state == AppealState::Open
            && actor
                .require(Permission::ModerateMembers, community)
                .is_ok()
        {
            let own = match actor.user_id() {
                Some(user) => tables::case::appealed(conn, community, user).await?,
                None => Vec::new(),
            };
            let refusable = refusable(conn, actor, &own).await?;
            for row in &mut rows {
                let is_own = own.iter().any(|case| case.id == row.case);
                row.may_refuse = !is_own || refusable.contains(&row.case);
            }
        }
        Ok(Page::from_rows(rows, page, |row| Cursor {
            key: String::new(),
            id: row.id.into(),
        }))
    }

    /// Answers an appeal: granting it makes the account a person's again. The same answer again changes
    /// nothing.
    pub async fn answer_appeal(
        &self,
        actor: &Actor,
        community: CommunityId,
        id: i32,
        state: AppealState,
        words: &str,
    ) -> Result<(), BotsError> {
        actor.require(Permission::ModerateMembers, community)?;
        let words = check_words("words", words, 0)?;
        if !matches!(state, AppealState::Granted | AppealState::Refused) {
            return Err(BotsError::invalid("state", "grant it or refuse it"));
        }
        let scorer = self.scorer().await?;
        let mut work = self.begin(actor).await?;
        tables::lock(&work, community).await?;
        let before = table::by_id(work.conn(), community, id).await?;
        let before = before.ok_or(BotsError::NotFound)?;
        if before.state == state {
            return Ok(());
        }
        let judged = tables::case::by_id(work.conn(), community, before.case).await?;
        let judged = judged.ok_or(BotsError::NotFound)?;
        review::check_other(&work, actor, &judged).await?;
        let about = std::slice::from_ref(&judged);
        let refusable = refusable(work.conn(), actor, about).await?;
        if state == AppealState::Refused && !refusable.contains(&judged.id) {
            return Err(BotsError::Conflict(
                "you made the decision: somebody else answers the appeal against it".to_owned(),
            ));
        }
        // Appeals end with the decision; what a version before left open is not refused either.
        if before.state == AppealState::Open && judged.state != CaseState::Bot {
            return Err(BotsError::Conflict(
                "the decision does not stand any more: there is nothing to answer".to_owned(),
            ));
        }
        let now = work.now();
        if !table::answer(work.conn(), id, state, &words, actor.user_id(), now).await? {
            return Err(BotsError::Conflict(
                "somebody else answered it meanwhile".to_owned(),
            ));
        }
        if state == AppealState::Granted {
            let place = (community, before.case);
            review::reverse(&mut work, actor, &scorer, place, "an appeal was granted").await?;
        }
        work.audit(Entry {
            action: "bots.appeal",
            object: format!("bot_case:{}", before.case),
            community: Some(community),
            detail: json!({ "appeal": id, "state": state.as_str() }),
        });
        let event = DomainEvent {
            kind: APPEAL_ANSWERED,
            community: Some(community),
            payload: json!({
                "community": community.0, "case": before.case, "appeal": id,
                "state": state.as_str(),
            }),
        };
        work.emit(event, &[]).await?;
        work.notify(case::topic(community), "");
        Ok(work.commit().await?)
    }
}

/// The cases of a community in which somebody may refuse the appeal: whoever decided may not, unless nobody else moderates
/// who could.
async fn refusable(
    conn: &impl ConnectionTrait,
    actor: &Actor,
    cases: &[tables::case::Row],
) -> Result<HashSet<i32>, StoreError> {
    let is_own =
        |case: &&tables::case::Row| case.decided_by.is_some() && case.decided_by == actor.user_id();
    let own: Vec<&tables::case::Row> = cases.iter().filter(is_own).collect();
    let mut found: HashSet<i32> = cases.iter().map(|case| case.id).collect();
    let Some(first) = own.first() else {
        return Ok(found);
    };
    let ids: Vec<AccountId> = own.iter().map(|case| case.account).collect();
    let accounts = identity::accounts_by_id(conn, &ids).await?;
    let all = identity::moderators_of(conn, first.community).await?;
    for case in own {
        let owner = accounts.get(&case.account).map(|account| account.user);
        let could = |user: &UserId| Some(*user) != actor.user_id() && Some(*user) != owner;
        if all.iter().any(could) {
            found.remove(&case.id);
        }
    }
    Ok(found)
}

/// Only people have accounts of their own.
pub(crate) fn nobody() -> BotsError {
    BotsError::NotAllowed(kernel::Denied {
        permission: Permission::ViewCommunity,
        anonymous: true,
    })
}
