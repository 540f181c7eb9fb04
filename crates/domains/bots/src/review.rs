//! What a moderator says about a case: a bot, a person, or «somebody else may tell»; and taking it back.
//!
//! Invariants: a verdict is about the revision that was seen, so that of two who decide at once one does; it
//! is a label and no action: nobody is banned, timed out or scored by it; nobody judges themselves.

use std::time::Duration;

use ::store::{DomainEvent, Work, audit::Entry};
use kernel::{AccountId, Actor, CommunityId, Permission, Timestamp, UserId};
use serde_json::json;

use crate::{
    Bots, BotsError, CASE_DECIDED, Case, CaseState, LabelSource, Probability, Reason,
    ReportOutcome,
    assessment::assess,
    case,
    scorer::Scorer,
    store::{self as tables, case as table},
};

/// For how long a case is somebody's who looked at it.
const LOOKED: Duration = Duration::from_secs(300);
/// The longest reason, in characters.
const REASON_MAX: usize = 500;

/// What somebody says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// A bot.
    Bot,
    /// A person.
    Human,
    /// Others may tell.
    Skip,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Bot, Self::Human, Self::Skip];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Human => "human",
            Self::Skip => "skip",
        }
    }

    /// The verdict of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == name)
    }

    /// What a case is after it; `None` if it stays open.
    const fn state(self) -> Option<CaseState> {
        match self {
            Self::Bot => Some(CaseState::Bot),
            Self::Human => Some(CaseState::Human),
            Self::Skip => None,
        }
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Bot => 1,
            Self::Human => 2,
            Self::Skip => 3,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.code() == code)
    }
}

/// What somebody said in a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Review {
    /// Its id; later ones are larger.
    pub id: i64,
    /// What they said.
    pub verdict: Verdict,
    /// Who; `None` = the program, or somebody who was erased since.
    pub reviewer: Option<UserId>,
    /// Why; may be empty.
    pub reason: String,
    /// How sure the program was then.
    pub probability: Probability,
    /// Whether the case was drawn by chance.
    pub was_sampled: bool,
    /// From looking to deciding, if it is known.
    pub took_secs: Option<u32>,
    /// When.
    pub at: Timestamp,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
}

/// A verdict to give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewReview {
    /// What it is.
    pub verdict: Verdict,
    /// Why; may be empty.
    pub reason: String,
    /// The revision that was seen; `None` = whatever it is now.
    pub revision: Option<i32>,
}

fn check_reason(reason: &str) -> Result<String, BotsError> {
    let reason = reason.trim();
    let is_odd = |c: char| c.is_control() && c != '\n';
    if reason.chars().count() > REASON_MAX || reason.chars().any(is_odd) {
        return Err(BotsError::invalid(
            "reason",
            format!("say it in at most {REASON_MAX} characters"),
        ));
    }
    Ok(reason.to_owned())
}

fn changed() -> BotsError {
    BotsError::Conflict(
        "somebody else decided meanwhile, or there is new evidence: look at it again".to_owned(),
    )
}

impl Bots {
    /// Says that somebody has a case before them for the next five minutes, so that others see it; answers
    /// the case, which says who else has it.
    pub async fn look_at_case(
        &self,
        actor: &Actor,
        community: CommunityId,
        id: i32,
    ) -> Result<Case, BotsError> {
        actor.require(Permission::ModerateMembers, community)?;
        let mut work = self.begin(actor).await?;
        let before = table::by_id(work.conn(), community, id).await?;
        let before = before.ok_or(BotsError::NotFound)?;
        if let Some(user) = actor.user_id()
            && before.state == CaseState::Open
        {
            let now = work.now();
            tables::viewer::look(work.conn(), id, user, now, now.plus(LOOKED)).await?;
            work.notify(case::topic(community), "");
            work.commit().await?;
        } else {
            drop(work);
        }
        self.one_case(community, id).await
    }

    /// Says what an account is. The same verdict again changes nothing; another one is refused until the
    /// first is taken back.
    pub async fn review(
        &self,
        actor: &Actor,
        community: CommunityId,
        id: i32,
        new: &NewReview,
    ) -> Result<Case, BotsError> {
        actor.require(Permission::ModerateMembers, community)?;
        let reason = check_reason(&new.reason)?;
        let scorer = self.scorer().await?;
        let mut work = self.begin(actor).await?;
        let before = judged_by_others(&work, actor, community, id).await?;
        let after = new.verdict.state();
        if after == Some(before.state) {
            drop(work);
            return self.one_case(community, id).await;
        }
        if before.state.is_decided() {
            return Err(changed());
        }
        if new.revision.is_some_and(|seen| seen != before.revision) {
            return Err(changed());
        }
        if new.verdict == Verdict::Skip && own_skip(&work, actor, &before).await?.is_some() {
            drop(work);
            return self.one_case(community, id).await;
        }
        let said = (new.verdict, reason.as_str());
        put_review(&mut work, actor, &scorer, &before, said).await?;
        work.commit().await?;
        self.one_case(community, id).await
    }

    /// Takes the last verdict in a case back: it is open again, and what was learned is forgotten.
    /// One that is open stays so; if the actor left it to others, they did not.
    pub async fn undo_review(
        &self,
        actor: &Actor,
        community: CommunityId,
        id: i32,
    ) -> Result<Case, BotsError> {
        actor.require(Permission::ModerateMembers, community)?;
        let mut work = self.begin(actor).await?;
        let before = judged_by_others(&work, actor, community, id).await?;
        if before.state.is_decided() {
            reopen(&mut work, actor, community, &before).await?;
            work.commit().await?;
        } else if let Some(skip) = own_skip(&work, actor, &before).await? {
            tables::review::undo(work.conn(), skip, actor.user_id(), work.now()).await?;
            work.notify(case::topic(community), "");
            work.commit().await?;
        } else {
            drop(work);
        }
        self.one_case(community, id).await
    }

    async fn one_case(&self, community: CommunityId, id: i32) -> Result<Case, BotsError> {
        let row = table::by_id(self.db.read(), community, id).await?;
        let rows = row.into_iter().collect();
        let case = self.whole(rows).await?.pop();
        case.ok_or(BotsError::NotFound)
    }
}

/// A case that somebody is about to decide; it is not about themselves.
async fn judged_by_others(
    work: &Work,
    actor: &Actor,
    community: CommunityId,
    id: i32,
) -> Result<table::Row, BotsError> {
    let before = table::by_id(work.conn(), community, id).await?;
    let before = before.ok_or(BotsError::NotFound)?;
    check_other(work, actor, &before).await?;
    Ok(before)
}

/// The id of the review by which somebody left an open case to others, if nothing new is known of it since.
async fn own_skip(work: &Work, actor: &Actor, case: &table::Row) -> Result<Option<i64>, BotsError> {
    let Some(user) = actor.user_id().filter(|_| case.state == CaseState::Open) else {
        return Ok(None);
    };
    Ok(tables::review::skip_of(work.conn(), case, user).await?)
}

/// Refuses whoever is the one it is about.
pub(crate) async fn check_other(
    work: &Work,
    actor: &Actor,
    case: &table::Row,
) -> Result<(), BotsError> {
    let accounts = identity::accounts_by_id(work.conn(), &[case.account]).await?;
    let owner = accounts.get(&case.account).map(|account| account.user);
    if owner.is_some() && owner == actor.user_id() {
        return Err(BotsError::Conflict(
            "this is about you: somebody else decides it".to_owned(),
        ));
    }
    Ok(())
}

/// Writes a verdict and what follows from it.
pub(crate) async fn put_review(
    work: &mut Work,
    actor: &Actor,
    scorer: &Scorer,
    before: &table::Row,
    (verdict, reason): (Verdict, &str),
) -> Result<(), BotsError> {
    let (now, community) = (work.now(), before.community);
    let seat = (community, before.account);
    // A case that was opened before the account was scored; what is decided is to be learned all the same.
    let prediction = match (before.prediction, verdict.state()) {
        (None, Some(_)) => {
            let found = assess(work, scorer, seat).await?.found;
            if let Some(found) = &found {
                table::put_score(work.conn(), before.id, found).await?;
            }
            found.map(|found| found.prediction)
        }
        (known, _) => known,
    };
    let own_look = match actor.user_id() {
        Some(user) => tables::viewer::since(work.conn(), before.id, user, now).await?,
        None => None,
    };
    let took = own_look.map(|since| now.since(since).as_secs());
    let new = tables::review::New {
        case: before.id,
        community,
        account: before.account,
        verdict,
        reviewer: actor.user_id(),
        reason,
        probability: before.probability,
        prediction,
        was_sampled: before.reasons.contains(&Reason::Sample),
        took_secs: took.map(|secs| i32::try_from(secs).unwrap_or(i32::MAX)),
        at: now,
    };
    let review = tables::review::insert(work.conn(), &new).await?;
    work.notify(case::topic(community), "");
    let Some(after) = verdict.state() else {
        return Ok(tables::viewer::look_away(work.conn(), before.id, actor.user_id()).await?);
    };
    let done = table::decide(work.conn(), before, after, actor.user_id(), Some(now)).await?;
    if !done {
        return Err(changed());
    }
    let is_bot = after == CaseState::Bot;
    let outcome = if is_bot {
        ReportOutcome::Right
    } else {
        ReportOutcome::Wrong
    };
    tables::report::settle(work.conn(), seat, outcome, review).await?;
    teach(work, seat, (review, is_bot, now), prediction).await?;
    tell(work, community, before, after).await
}

/// Writes down what a review teaches: that it is a bot or a person, and what could be seen of it then.
async fn teach(
    work: &Work,
    seat: (CommunityId, AccountId),
    (review, is_bot, at): (i64, bool, Timestamp),
    prediction: Option<i64>,
) -> Result<(), BotsError> {
    let Some(prediction) = prediction else {
        return Ok(());
    };
    let Some(basis) = tables::prediction::basis(work.conn(), prediction).await? else {
        return Ok(());
    };
    let label = tables::label::New {
        seat,
        is_bot,
        source: LabelSource::Review,
        weight: Probability::percent(100),
        review: Some(review),
        schema_hash: &basis.schema_hash,
        features: &basis.features,
        n_messages: basis.n_messages,
        at,
    };
    Ok(tables::label::put(work.conn(), &label).await?)
}

async fn reopen(
    work: &mut Work,
    actor: &Actor,
    community: CommunityId,
    before: &table::Row,
) -> Result<(), BotsError> {
    if !table::decide(work.conn(), before, CaseState::Open, None, None).await? {
        return Err(changed());
    }
    if let Some(review) = tables::review::last(work.conn(), before.id).await? {
        tables::review::undo(work.conn(), review.id, actor.user_id(), work.now()).await?;
        tables::label::delete_of_review(work.conn(), review.id).await?;
        tables::report::unsettle(work.conn(), review.id).await?;
        // What was said before it, when the case was open the last time, counts again.
        if let Some(earlier) = tables::review::last(work.conn(), before.id).await? {
            let prediction = tables::review::prediction(work.conn(), earlier.id).await?;
            let is_bot = earlier.verdict == Verdict::Bot;
            let said = (earlier.id, is_bot, earlier.at);
            teach(work, (community, before.account), said, prediction).await?;
        }
    }
    // What they were against is gone.
    tables::appeal::end(work.conn(), before.id, work.now()).await?;
    work.notify(case::topic(community), "");
    tell(work, community, before, CaseState::Open).await
}

/// Takes a decision back and makes another in one unit of work: for an appeal that is granted.
pub(crate) async fn reverse(
    work: &mut Work,
    actor: &Actor,
    scorer: &Scorer,
    (community, case): (CommunityId, i32),
    reason: &str,
) -> Result<(), BotsError> {
    let before = table::by_id(work.conn(), community, case).await?;
    let before = before.ok_or(BotsError::NotFound)?;
    if before.state == CaseState::Human {
        return Ok(());
    }
    if before.state.is_decided() {
        reopen(work, actor, community, &before).await?;
    }
    let open = table::by_id(work.conn(), community, case).await?;
    let open = open.ok_or(BotsError::NotFound)?;
    put_review(work, actor, scorer, &open, (Verdict::Human, reason)).await
}

/// Audits and announces what became of a case.
async fn tell(
    work: &mut Work,
    community: CommunityId,
    before: &table::Row,
    after: CaseState,
) -> Result<(), BotsError> {
    work.audit(Entry {
        action: "bots.review",
        object: format!("bot_case:{}", before.id),
        community: Some(community),
        detail: json!({ "before": before.state.as_str(), "after": after.as_str() }),
    });
    let accounts = identity::accounts_by_id(work.conn(), &[before.account]).await?;
    let user = accounts.get(&before.account).map_or(0, |a| a.user.0);
    let event = DomainEvent {
        kind: CASE_DECIDED,
        community: Some(community),
        payload: json!({
            "community": community.0, "case": before.id, "user": user, "state": after.as_str(),
        }),
    };
    Ok(work.emit(event, &[]).await?)
}
