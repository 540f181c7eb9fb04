//! What a provider is told that roles there may depend on (Discord's linked roles): a reconciler. What
//! should be told is worked out anew at every look and compared with what was told last; rows are
//! looked at by a timer, and at once when something changes about their owner.
//!
//! Must never call a provider, tell what its owner keeps to themselves, or look at anything because
//! somebody talks: chat counts at the next look.

use std::time::Duration;

use ::store::{StoreError, Work, job::NewJob};
use kernel::{AccountId, Actor, LinkId, RoleMetadata, Timestamp, UserId};

use crate::{
    AccountShare, Audience, ClientInfo, Consent, Facet, Identity, IdentityError, Visibility,
    aggregate,
    store::{self as tables, linked_role as table},
    token,
};

/// The job that looks at what is due.
pub const ROLES_JOB: &str = "roles.tend";

/// How long what was told is not looked at again: so much is told at most of what chat changes.
const LOOK: Duration = Duration::from_secs(900);
/// How long whoever claimed rows may take to tell the provider about them.
const CLAIM: Duration = Duration::from_secs(900);
/// Rows looked at in one unit of work.
const AT_ONCE: i64 = 20;
/// First and longest wait after a failure; it doubles.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(6 * 3_600));
/// Failures in a row after which it is given up until something changes.
const ATTEMPTS_MAX: i32 = 10;
/// How often somebody may ask to have it told again.
const AGAIN: Duration = Duration::from_secs(60);
/// Longest trouble that is kept, in characters.
const TROUBLE_MAX: usize = 300;

/// How what should be told stands to what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleState {
    /// It is still to be told.
    Waiting,
    /// The provider knows it.
    Told,
    /// It failed too often; tried again when something changes.
    GivenUp,
    /// The tokens are good no more: the account must be linked again.
    NeedsRelink,
}

impl RoleState {
    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Waiting => 1,
            Self::Told => 2,
            Self::GivenUp => 3,
            Self::NeedsRelink => 4,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        [Self::Waiting, Self::Told, Self::GivenUp, Self::NeedsRelink]
            .into_iter()
            .find(|state| state.code() == code)
    }
}

/// What a provider is told of somebody, for them to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedRole {
    /// The linked account.
    pub link: LinkId,
    /// Whether they stopped it.
    pub is_stopped: bool,
    /// How it stands.
    pub state: RoleState,
    /// What should be told; nothing if it is stopped.
    pub wanted: RoleMetadata,
    /// When the provider was told last.
    pub told_at: Option<Timestamp>,
    /// What went wrong last.
    pub trouble: Option<String>,
    /// When it is tried again.
    pub next_at: Option<Timestamp>,
}

/// Something that is to be told now, claimed by whoever has this.
#[derive(Debug)]
pub struct DueRole {
    /// The linked account, whose tokens it is told with.
    pub link: LinkId,
    /// What to tell; nothing to take back what was told.
    pub wanted: RoleMetadata,
    account: AccountId,
    hash: String,
    is_stopped: bool,
    attempts: i32,
    claim: Timestamp,
}

/// What is due.
#[derive(Debug, Default)]
pub struct DueRoles {
    /// How many rows were looked at; none = nothing is due.
    pub looked_at: usize,
    /// What is to be told.
    pub to_tell: Vec<DueRole>,
}

/// What came of telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleOutcome {
    /// The provider took it.
    Told,
    /// It asks to wait.
    Later(Duration),
    /// It did not work.
    Failed(String),
    /// The tokens are good no more.
    NeedsRelink(String),
}

/// What should be told of somebody: of each side of them only what others than themselves may see, and
/// of their accounts only those whose reputation they may.
fn wanted(row: &table::Row, shares: &[table::Share], visibility: &Visibility) -> RoleMetadata {
    if row.is_stopped {
        return RoleMetadata::default();
    }
    let is_open = |platform, facet| visibility.audience(platform, facet) > Audience::Nobody;
    let profile = is_open(row.platform, Facet::Profile);
    let score = is_open(row.platform, Facet::Reputation).then(|| {
        let counted: Vec<AccountShare> = shares
            .iter()
            .filter(|(platform, _)| is_open(*platform, Facet::Reputation))
            .map(|(_, share)| *share)
            .collect();
        aggregate(&counted)
    });
    RoleMetadata {
        name: profile.then(|| row.name.clone()),
        verified: profile.then_some(row.is_verified),
        platforms: profile.then(|| u16::try_from(row.n_providers).unwrap_or(u16::MAX)),
        tier: score.and_then(|score| u8::try_from(score.tier().level()).ok()),
        reputation: score.and_then(|score| u16::try_from(score.points()).ok()),
    }
}

/// What is stored of what should be told.
fn hash(account: AccountId, wanted: &RoleMetadata) -> String {
    let values = serde_json::json!([
        wanted.name,
        wanted.verified,
        wanted.tier,
        wanted.reputation,
        wanted.platforms
    ]);
    token::digest(&format!("roles:{account}:{values}"))
}

/// The wait after so many failures in a row; `None` once it is given up.
fn backoff(failures: i32) -> Option<Duration> {
    if failures >= ATTEMPTS_MAX {
        return None;
    }
    let doubled = u32::try_from(failures.saturating_sub(1)).unwrap_or(0);
    let times = 1_u32.checked_shl(doubled).unwrap_or(u32::MAX);
    Some(BACKOFF.0.saturating_mul(times).min(BACKOFF.1))
}

fn plain(trouble: &str) -> String {
    let one_line = trouble
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    one_line.take(TROUBLE_MAX).collect()
}

/// Something changed about somebody that roles elsewhere may depend on.
pub(crate) async fn nudge(work: &mut Work, user: UserId) -> Result<(), StoreError> {
    if table::nudge(work.conn(), user, work.now()).await? > 0 {
        run_soon(work).await?;
    }
    Ok(())
}

async fn run_soon(work: &mut Work) -> Result<(), StoreError> {
    let job = NewJob::new(ROLES_JOB, serde_json::json!({}));
    work.enqueue(job.unique("nudge")).await?;
    Ok(())
}

impl Identity {
    /// Something changed about somebody, perhaps what they let us tell.
    pub(crate) async fn roles_changed(
        &self,
        work: &mut Work,
        user: UserId,
    ) -> Result<(), StoreError> {
        let now = work.now();
        for (provider, scope) in &*self.role_scopes {
            let key = (provider.as_str(), scope.as_str());
            if table::enlist(work.conn(), key, Some(user), now).await? == 0 {
                continue;
            }
            agreed(work, user, provider, &ClientInfo::default(), true).await?;
            run_soon(work).await?;
        }
        nudge(work, user).await
    }

    /// What providers are told of oneself.
    pub async fn linked_roles(&self, actor: &Actor) -> Result<Vec<LinkedRole>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let rows = table::of_user(self.db.read(), user).await?;
        let shares = table::shares(self.db.read(), &[user], self.clock.now()).await?;
        let shares = shares.get(&user).cloned().unwrap_or_default();
        let visibility = tables::visibility::of_user(self.db.read(), user).await?;
        let shown = |row: table::Row| LinkedRole {
            link: row.link,
            is_stopped: row.is_stopped,
            state: row.state,
            wanted: wanted(&row, &shares, &visibility),
            told_at: row.told_at,
            trouble: row.trouble,
            next_at: row.next_at,
        };
        Ok(rows.into_iter().map(shown).collect())
    }

    /// Has a provider told now what roles there may depend on, also if that was stopped; at most once
    /// a minute.
    pub async fn push_roles(
        &self,
        actor: &Actor,
        link: LinkId,
        client: &ClientInfo,
    ) -> Result<(), IdentityError> {
        self.decide_roles(actor, link, client, false).await
    }

    /// Stops telling a provider anything, and has what was told taken back.
    pub async fn stop_roles(
        &self,
        actor: &Actor,
        link: LinkId,
        client: &ClientInfo,
    ) -> Result<(), IdentityError> {
        self.decide_roles(actor, link, client, true).await
    }

    async fn decide_roles(
        &self,
        actor: &Actor,
        link: LinkId,
        client: &ClientInfo,
        is_stopped: bool,
    ) -> Result<(), IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let now = work.now();
        if !tables::user::lock(work.conn(), user).await? {
            return Err(IdentityError::NotFound);
        }
        let rows = table::of_user(work.conn(), user).await?;
        let row = rows.into_iter().find(|row| row.link == link);
        let row = row.ok_or(IdentityError::NotFound)?;
        let is_same = row.is_stopped == is_stopped;
        if is_same && (is_stopped || row.told_at.is_some_and(|at| now.since(at) < AGAIN)) {
            return Err(IdentityError::Conflict(if is_stopped {
                "this is stopped already".to_owned()
            } else {
                "it was told less than a minute ago: wait a little".to_owned()
            }));
        }
        table::decide(work.conn(), (user, link), is_stopped, now).await?;
        if !is_same {
            agreed(&work, user, &row.provider, client, !is_stopped).await?;
        }
        run_soon(&mut work).await?;
        Ok(work.commit().await?)
    }

    /// Brings the rows of a provider into line with the links that allow the scope. For the job.
    pub async fn enlist_roles(&self, provider: &str, scope: &str) -> Result<(), IdentityError> {
        let who = Actor::System("roles");
        let work = self.db.begin(&who, self.clock.now()).await?;
        table::delist(work.conn(), (provider, scope)).await?;
        table::enlist(work.conn(), (provider, scope), None, work.now()).await?;
        Ok(work.commit().await?)
    }

    /// Looks at some of what is due: what differs from what was told is handed out, claimed; the rest
    /// is looked at later. For the job.
    pub async fn due_roles(&self, provider: &str) -> Result<DueRoles, IdentityError> {
        let who = Actor::System("roles");
        let work = self.db.begin(&who, self.clock.now()).await?;
        let (conn, now) = (work.conn(), work.now());
        let rows = table::due(conn, provider, now, AT_ONCE).await?;
        let users: Vec<UserId> = rows.iter().map(|row| row.user).collect();
        let shares = table::shares(conn, &users, now).await?;
        let visibility = table::visibility(conn, &users).await?;
        let nothing = Visibility::default();
        let mut due = DueRoles {
            looked_at: rows.len(),
            to_tell: Vec::new(),
        };
        for row in rows {
            let Some(seen) = row.next_at else { continue };
            let theirs = shares.get(&row.user).map_or(&[][..], Vec::as_slice);
            let decided = visibility.get(&row.user).unwrap_or(&nothing);
            let wanted = wanted(&row, theirs, decided);
            let hash = hash(row.account, &wanted);
            let claim = now.plus(CLAIM);
            if !table::claim(conn, row.account, seen, claim, &hash).await? {
                continue;
            }
            if row.told_hash.as_ref() == Some(&hash) {
                let change = table::Change {
                    state: RoleState::Told,
                    wanted: &hash,
                    told_at: None,
                    trouble: None,
                    attempts: 0,
                    next_at: (!row.is_stopped).then(|| now.plus(LOOK)),
                };
                table::settle(conn, row.account, claim, &change).await?;
                continue;
            }
            due.to_tell.push(DueRole {
                link: row.link,
                wanted,
                account: row.account,
                hash,
                is_stopped: row.is_stopped,
                attempts: row.attempts,
                claim,
            });
        }
        work.commit().await?;
        Ok(due)
    }

    /// Writes down what came of telling. For the job.
    pub async fn settle_role(
        &self,
        role: &DueRole,
        outcome: &RoleOutcome,
    ) -> Result<(), IdentityError> {
        let who = Actor::System("roles");
        let work = self.db.begin(&who, self.clock.now()).await?;
        let now = work.now();
        let trouble;
        let mut change = table::Change {
            state: RoleState::Waiting,
            wanted: &role.hash,
            told_at: None,
            trouble: None,
            attempts: role.attempts,
            next_at: None,
        };
        match outcome {
            RoleOutcome::Told => {
                change.state = RoleState::Told;
                change.told_at = Some(now);
                change.attempts = 0;
                change.next_at = (!role.is_stopped).then(|| now.plus(LOOK));
            }
            RoleOutcome::Later(after) => change.next_at = Some(now.plus(*after)),
            RoleOutcome::Failed(why) => {
                trouble = plain(why);
                change.trouble = Some(&trouble);
                change.attempts = role.attempts.saturating_add(1);
                change.next_at = backoff(change.attempts).map(|wait| now.plus(wait));
                if change.next_at.is_none() {
                    change.state = RoleState::GivenUp;
                }
            }
            RoleOutcome::NeedsRelink(why) => {
                trouble = plain(why);
                change.trouble = Some(&trouble);
                change.state = RoleState::NeedsRelink;
            }
        }
        table::settle(work.conn(), role.account, role.claim, &change).await?;
        Ok(work.commit().await?)
    }
}

/// Writes a line into the log of consents.
async fn agreed(
    work: &Work,
    user: UserId,
    provider: &str,
    client: &ClientInfo,
    is_told: bool,
) -> Result<(), StoreError> {
    let (nobody, them) = ("nobody".to_owned(), provider.to_owned());
    let (before, after) = if is_told {
        (nobody, them)
    } else {
        (them, nobody)
    };
    let consent = Consent {
        subject: format!("{provider}.roles"),
        before,
        after,
        at: work.now(),
        address_prefix: client.network(),
    };
    tables::visibility::log(work.conn(), user, &consent).await
}

#[cfg(test)]
mod tests {
    use super::{ATTEMPTS_MAX, backoff, hash};
    use kernel::{AccountId, RoleMetadata};

    #[test]
    fn the_wait_doubles_up_to_six_hours_and_ends() {
        let mins = |n| backoff(n).map(|wait| wait.as_secs() / 60);
        assert_eq!([mins(1), mins(2), mins(5)], [Some(1), Some(2), Some(16)]);
        assert_eq!(mins(ATTEMPTS_MAX - 1), Some(256));
        assert_eq!(mins(ATTEMPTS_MAX), None);
    }

    #[test]
    fn what_is_not_told_differs_from_what_is_and_people_differ() {
        let verified = |verified| RoleMetadata {
            verified,
            ..RoleMetadata::default()
        };
        let all = [None, Some(false), Some(true)].map(|v| hash(AccountId(1), &verified(v)));
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
        assert_ne!(all[0], hash(AccountId(2), &verified(None)));
    }
}
