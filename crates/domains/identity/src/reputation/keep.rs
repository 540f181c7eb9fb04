//! Changing and reading scores, in the caller's unit of work.

use std::collections::{BTreeMap, HashMap};

use kernel::{AccountId, CommunityId, Cursor, Page, PageRequest, Platform, Timestamp, UserId};
use sea_orm::ConnectionTrait;
use store::{StoreError, Work, audit::Entry};

use super::{AccountShare, Effect, Facts, Reason, Score, aggregate, clamp};
use crate::{
    IdentityError, SeenAccount, hold_owners, linked_role, resolve,
    store::{reputation as table, reputation_weight as weight_table},
};

/// Most people in a list of scores.
const LIST_MAX: i64 = 100;
/// Longest reason of a moderator, in characters.
const NOTE_MAX: usize = 300;
/// Most that is changed by hand at once: the whole range, in points.
const POINTS_MAX: i32 = 550;

/// Something that happened to an account's score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReputationChange {
    /// Where it counts.
    pub community: CommunityId,
    /// Whose.
    pub account: AccountId,
    /// Why and by how much.
    pub effect: Effect,
    /// When.
    pub at: Timestamp,
}

/// A change by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adjustment {
    /// By how many points, at most 550 either way.
    pub points: i32,
    /// Why; 1 to 300 characters.
    pub note: String,
    /// The same key in the same community changes the score once.
    pub key: String,
}

/// A person's place in a list of scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub user: UserId,
    /// What they are called.
    pub name: String,
    /// Their score in the community.
    pub score: Score,
}

/// An entry of the history of a person's score. The scores are those of the account alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Its id; later ones are larger.
    pub id: i64,
    /// On which platform the account is.
    pub platform: Platform,
    /// What the account is called.
    pub account: String,
    /// Why.
    pub reason: Reason,
    /// The score before.
    pub before: Score,
    /// The score after.
    pub after: Score,
    /// When.
    pub at: Timestamp,
    /// A moderator's words; may be empty.
    pub note: String,
}

/// What happened to one account.
#[derive(Default)]
struct Folded {
    plain: i64,
    kept: Vec<ReputationChange>,
}

/// Adds what happened to the scores. Rows are taken in one order for all, so that batches that meet
/// the same accounts wait for each other instead of for ever; a row is held until the caller
/// commits, so that before and after are exact. Plain talk of a batch counts before the rest.
pub async fn apply(work: &Work, changes: &[ReputationChange]) -> Result<(), StoreError> {
    let mut folded: BTreeMap<(CommunityId, AccountId), Folded> = BTreeMap::new();
    for change in changes {
        let of = folded
            .entry((change.community, change.account))
            .or_default();
        if change.effect.reason.is_kept() {
            of.kept.push(*change);
        } else {
            of.plain = of.plain.saturating_add(change.effect.change);
        }
    }
    if folded.is_empty() {
        return Ok(());
    }
    let plain = folded
        .iter()
        .map(|(key, of)| (*key, clamp(of.plain)))
        .collect();
    if folded.values().all(|of| of.kept.is_empty()) {
        // Nobody asks what it is now: the usual batch of chat.
        return table::add_blindly(work.conn(), plain, work.now()).await;
    }
    let mut held = table::add(work.conn(), plain, work.now()).await?;
    let mut later = Vec::new();
    let mut entries = Vec::new();
    for (key, of) in folded.iter_mut().filter(|(_, of)| !of.kept.is_empty()) {
        let first = held.remove(key).unwrap_or(0);
        let mut change = first;
        of.kept.sort_by_key(|kept| kept.at);
        for kept in &of.kept {
            let before = change;
            change = clamp(change.saturating_add(kept.effect.change));
            entries.push(table::NewEntry {
                community: key.0,
                account: key.1,
                reason: kept.effect.reason,
                before: Score::of(before),
                after: Score::of(change),
                at: kept.at,
                note: "",
                moderator: None,
                key: None,
            });
        }
        later.push((*key, change - first));
    }
    table::add(work.conn(), later, work.now()).await?;
    table::insert(work.conn(), &entries).await
}

/// Takes what a command costs in a community off the score of who gave it, where nothing that was said
/// does: a command that was picked is no message. The caller sees to it that it happens once.
pub async fn charge_command(
    work: &Work,
    community: CommunityId,
    who: &SeenAccount,
) -> Result<(), StoreError> {
    hold_owners(work).await?;
    let found = resolve(work, std::slice::from_ref(who)).await?;
    let Some(account) = found.people.into_values().next() else {
        return Ok(());
    };
    let weights = weight_table::of(work.conn(), community).await?;
    let change = ReputationChange {
        community,
        account: account.account,
        effect: Effect {
            reason: Reason::Command,
            change: weights.of(Reason::Command),
        },
        at: work.now(),
    };
    apply(work, &[change]).await
}

fn check(adjustment: &Adjustment) -> Result<(), IdentityError> {
    let note = adjustment.note.trim();
    if adjustment.points == 0 || !(-POINTS_MAX..=POINTS_MAX).contains(&adjustment.points) {
        return Err(IdentityError::invalid(
            "points",
            format!("enter a number from -{POINTS_MAX} to {POINTS_MAX}, not 0"),
        ));
    }
    if note.is_empty() || note.chars().count() > NOTE_MAX || note.chars().any(char::is_control) {
        return Err(IdentityError::invalid(
            "note",
            format!("say why, in at most {NOTE_MAX} characters on one line"),
        ));
    }
    if adjustment.key.is_empty() || adjustment.key.len() > 100 {
        return Err(IdentityError::invalid(
            "key",
            "send a key of 1 to 100 bytes",
        ));
    }
    Ok(())
}

/// Changes a person's score by hand, within the range, and writes it into the audit log; the same
/// key again changes nothing. Answers the score after it. The caller has asked for the right, knows
/// that the person belongs to the community, and commits.
///
/// # Errors
/// [`IdentityError::Conflict`] for one's own score and for people without an account in chat.
pub async fn adjust(
    work: &mut Work,
    community: CommunityId,
    user: UserId,
    by: Option<UserId>,
    adjustment: &Adjustment,
) -> Result<Score, IdentityError> {
    check(adjustment)?;
    if by == Some(user) {
        return Err(IdentityError::Conflict(
            "nobody changes their own reputation: ask another moderator".to_owned(),
        ));
    }
    let accounts = table::accounts_of(work.conn(), user).await?;
    if accounts.is_empty() {
        return Err(IdentityError::Conflict(
            "this person has no account in chat, so there is nothing to change".to_owned(),
        ));
    }
    // Holds the rows.
    let keys = accounts.iter().map(|account| ((community, *account), 0));
    let held = table::add(work.conn(), keys.collect(), work.now()).await?;
    let sum = held.values().copied().fold(0, i64::saturating_add);
    let before = Score::of(sum);
    if table::knows_key(work.conn(), community, &adjustment.key).await? {
        return Ok(before);
    }
    let wanted = clamp(before.change() + i64::from(adjustment.points) * 1_000);
    let mut left = wanted - sum;
    let mut rows: Vec<_> = held.into_iter().collect();
    // First the account with the most room.
    rows.sort_by_key(|(key, change)| (if left < 0 { -change } else { *change }, *key));
    let mut entries: Vec<table::NewEntry<'_>> = Vec::new();
    let mut changes = Vec::new();
    for ((_, account), change) in rows {
        let after = clamp(change + left);
        if after == change && !entries.is_empty() {
            continue;
        }
        left -= after - change;
        changes.push(((community, account), after - change));
        entries.push(table::NewEntry {
            community,
            account,
            reason: Reason::Adjustment,
            before: Score::of(change),
            after: Score::of(after),
            at: work.now(),
            note: adjustment.note.trim(),
            moderator: by,
            key: entries.is_empty().then_some(adjustment.key.as_str()),
        });
    }
    changes.sort_unstable();
    table::add(work.conn(), changes, work.now()).await?;
    table::insert(work.conn(), &entries).await?;
    let after = Score::of(wanted);
    linked_role::nudge(work, user).await?;
    work.audit(Entry {
        action: "member.reputation.adjust",
        object: format!("user:{user}"),
        community: Some(community),
        detail: serde_json::json!({
            "points": adjustment.points,
            "before": before.points(),
            "after": after.points(),
        }),
    });
    Ok(after)
}

/// The scores of people in a community; everybody has one.
pub async fn scores(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    users: &[UserId],
) -> Result<HashMap<UserId, Score>, StoreError> {
    let seats: Vec<_> = users.iter().map(|user| (community, *user)).collect();
    let found = scores_of(conn, &seats).await?;
    Ok(found
        .into_iter()
        .map(|((_, user), score)| (user, score))
        .collect())
}

/// The same in several communities.
pub async fn scores_of(
    conn: &impl ConnectionTrait,
    seats: &[(CommunityId, UserId)],
) -> Result<HashMap<(CommunityId, UserId), Score>, StoreError> {
    let changes = table::changes(conn, seats).await?;
    Ok(seats
        .iter()
        .map(|seat| (*seat, Score::of(changes.get(seat).copied().unwrap_or(0))))
        .collect())
}

/// A person's score in each community where they have one.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<BTreeMap<CommunityId, Score>, StoreError> {
    let changes = table::of_person(conn, user).await?;
    Ok(changes
        .into_iter()
        .map(|(community, change)| (community, Score::of(change)))
        .collect())
}

fn age(since: i64, now: Timestamp) -> u32 {
    AccountShare::since(0, Timestamp(since), now).age_days
}

/// A person's score over all communities and those of their accounts whose platform counts.
pub async fn global(
    conn: &impl ConnectionTrait,
    user: UserId,
    counts: impl Fn(Platform) -> bool,
    now: Timestamp,
) -> Result<Score, StoreError> {
    let found = globals(conn, &[user], |_, platform| counts(platform), now).await?;
    Ok(found.get(&user).copied().unwrap_or_default())
}

/// The same for several people; everybody has one.
pub async fn globals(
    conn: &impl ConnectionTrait,
    users: &[UserId],
    counts: impl Fn(UserId, Platform) -> bool,
    now: Timestamp,
) -> Result<HashMap<UserId, Score>, StoreError> {
    let mut shares: HashMap<UserId, Vec<AccountShare>> = HashMap::new();
    for (user, platform, change, since) in table::shares(conn, users).await? {
        if counts(user, platform) {
            let share = AccountShare::since(change, Timestamp(since), now);
            shares.entry(user).or_default().push(share);
        }
    }
    let of = |user| shares.get(user).map_or(&[][..], Vec::as_slice);
    Ok(users
        .iter()
        .map(|user| (*user, aggregate(of(user))))
        .collect())
}

/// What badges are given for, as far as this domain knows: all but the active days.
pub async fn facts(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    user: UserId,
    now: Timestamp,
) -> Result<Facts, StoreError> {
    let scores = scores(conn, community, &[user]).await?;
    let (n_links, since) = table::trust(conn, user).await?;
    Ok(Facts {
        n_links: u32::try_from(n_links).unwrap_or(u32::MAX),
        active_days: 0,
        score: scores.get(&user).copied().unwrap_or_default(),
        age_days: since.map_or(0, |since| age(since, now)),
        is_doubted: false,
    })
}

/// Those with the highest scores, at most 100.
pub async fn leaders(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<Standing>, StoreError> {
    table::leaders(conn, community, LIST_MAX).await
}

/// Those with a score of 500 or below, the lowest first, at most 100.
pub async fn at_risk(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<Standing>, StoreError> {
    table::at_risk(conn, community, Score::at_risk(), LIST_MAX).await
}

/// The history of a person's score in a community, the newest first, without plain talk and commands.
pub async fn history(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    user: UserId,
    page: &PageRequest,
) -> Result<Page<History>, StoreError> {
    let rows = table::history(conn, community, user, page).await?;
    Ok(Page::from_rows(rows, page, |entry| Cursor {
        key: String::new(),
        id: entry.id,
    }))
}
