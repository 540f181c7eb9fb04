//! Giving everything of one person to another, and giving it back: one mechanism for linking an
//! account that was met in chat, for merging two people and for undoing that.
//!
//! Invariants: the caller holds the locks of both people; what is written down suffices to restore
//! both; a ban follows the person; what happened after a merge stays with the account it happened on.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use kernel::{CommunityId, Platform, Role, UserId};
use serde_json::{Value, json};
use store::{Db, DomainEvent, StoreError, Work, audit::Entry};

use super::memento;
use crate::{
    Audience, Facet, Identity, IdentityError, ROLE_CHANGED,
    events::ROUTES,
    store::{
        self as tables,
        moving::{self as table, Held, Owned},
    },
};

/// The name of identity's own memento.
const OWN: &str = "identity";

/// Rows of a domain above that carry a person's id. They follow when an account turns out to be
/// somebody's who has others, and come back when that is undone.
#[async_trait]
pub trait Follower: Send + Sync {
    /// The domain's name, under which its memento is kept.
    fn domain(&self) -> &'static str;

    /// How much there is of a person, by kind, for them to read before they decide.
    async fn count(&self, db: &Db, user: UserId) -> Result<Vec<(&'static str, u64)>, StoreError>;

    /// The communities in which a person is known to the domain.
    async fn places(&self, work: &Work, user: UserId) -> Result<Vec<CommunityId>, StoreError>;

    /// Gives everything of `from` to `to`, in the caller's unit of work; answers what [`unfollow`]
    /// needs to know. The accounts of both are still their own.
    ///
    /// [`unfollow`]: Self::unfollow
    async fn follow(&self, work: &Work, from: UserId, to: UserId) -> Result<Value, StoreError>;

    /// Gives `from` back what it had, as the memento says, and what its accounts did since. The
    /// accounts of both are their own again.
    async fn unfollow(
        &self,
        work: &Work,
        memento: &Value,
        from: UserId,
        to: UserId,
    ) -> Result<(), StoreError>;
}

/// The role of a person who had two: a ban stays unless they own the place, else the stronger one.
pub(crate) fn joined(one: Role, other: Role) -> Role {
    let strongest = one.max(other);
    if one.min(other) == Role::Banned && strongest != Role::Owner {
        return Role::Banned;
    }
    strongest
}

/// Roles after an undo: the kept person's and the other's. What was changed by hand since stays; a
/// ban since is a ban of both.
fn parted(
    from: Role,
    before: Option<Role>,
    after: Role,
    now: Option<Role>,
) -> (Option<Role>, Role) {
    if now == Some(after) {
        return (before, from);
    }
    let theirs = if now == Some(Role::Banned) {
        joined(from, Role::Banned)
    } else {
        from
    };
    (now, theirs)
}

fn role_json(held: Option<&Held>) -> Value {
    held.map_or(
        Value::Null,
        |held| json!({ "role": held.role.code(), "joined_at": held.joined_at.0 }),
    )
}

fn read_role(value: &Value, key: &str, community: CommunityId) -> Result<Option<Held>, StoreError> {
    let Some(held) = value.get(key).filter(|held| !held.is_null()) else {
        return Ok(None);
    };
    let role = Role::from_code(memento::number(held, "role")?);
    let unknown = || StoreError::Data("a memento has an unknown role".to_owned());
    Ok(Some(Held {
        community,
        role: role.ok_or_else(unknown)?,
        joined_at: kernel::Timestamp(memento::number(held, "joined_at")?),
    }))
}

impl Identity {
    /// The communities in which a person has a role or is known otherwise.
    pub(crate) async fn places(
        &self,
        work: &Work,
        user: UserId,
    ) -> Result<BTreeSet<CommunityId>, StoreError> {
        let held = table::held(work.conn(), user).await?;
        let mut places: BTreeSet<CommunityId> =
            held.into_iter().map(|held| held.community).collect();
        for follower in &*self.followers {
            places.extend(follower.places(work, user).await?);
        }
        Ok(places)
    }

    /// Gives everything of one person to another and ends their sessions; the row stays, empty,
    /// because the audit log and others name it. Answers a memento per domain.
    pub(crate) async fn take_over(
        &self,
        work: &mut Work,
        from: UserId,
        to: UserId,
    ) -> Result<BTreeMap<&'static str, Value>, IdentityError> {
        let mut mementos = BTreeMap::new();
        for follower in &*self.followers {
            mementos.insert(follower.domain(), follower.follow(work, from, to).await?);
        }
        let hidden = hide(work, from, to).await?;
        let accounts = table::give_all(work.conn(), Owned::Accounts, from, to).await?;
        let links = table::give_all(work.conn(), Owned::Links, from, to).await?;
        let passkeys = table::give_all(work.conn(), Owned::Passkeys, from, to).await?;
        let mut roles = Vec::new();
        for held in table::held(work.conn(), from).await? {
            roles.push(take_role(work, held, from, to).await?);
        }
        table::shut_out(work.conn(), from, work.now()).await?;
        tables::notice::give_all(work.conn(), from, to).await?;
        let person = table::vacate(work.conn(), from).await?;
        let own = json!({
            "person": person, "accounts": accounts, "links": links, "roles": roles,
            "visibility": hidden, "passkeys": passkeys,
        });
        mementos.insert(OWN, own);
        Ok(mementos)
    }

    /// Undoes [`take_over`](Self::take_over) with the mementos of a merge, which it uses up.
    pub(crate) async fn give_back(
        &self,
        work: &mut Work,
        id: kernel::MergeId,
        from: UserId,
        to: UserId,
    ) -> Result<(), IdentityError> {
        let own = tables::merge::take_memento(work.conn(), id, OWN).await?;
        let person = own.get("person").unwrap_or(&Value::Null);
        if let Some(folded) = memento::maybe_text(person, "email_folded")
            && table::has_email(work.conn(), &folded).await?
        {
            return Err(IdentityError::Conflict(
                "the e-mail address of the other account is used here by now: remove it there first, then undo the merge".to_owned(),
            ));
        }
        let accounts = memento::numbers(&own, "accounts")?;
        let links = memento::numbers(&own, "links")?;
        // Mementos from before there were passkeys have none.
        let passkeys = match own.get("passkeys") {
            Some(_) => memento::numbers(&own, "passkeys")?,
            None => Vec::new(),
        };
        let conn = work.conn();
        table::give(conn, (Owned::Accounts, "id"), &accounts, to, from).await?;
        // Those that were linked since go with their account.
        let with = (Owned::Links, "account_id");
        let given = table::give(conn, (Owned::Links, "id"), &links, to, from).await?
            + table::give(conn, with, &accounts, to, from).await?
            + table::give(conn, (Owned::Passkeys, "id"), &passkeys, to, from).await?;
        let left = tables::link::of_user(conn, to).await?;
        let credentials = tables::user::credentials_by_id(conn, to).await?;
        let has_password = credentials.is_some_and(|c| c.password_hash.is_some());
        let has_passkey = self.has_passkey(work, to, None).await?;
        if given > 0 && left.is_empty() && !has_password && !has_passkey {
            return Err(IdentityError::Conflict(
                "you could not sign in any more: link another account or set a password first, then undo the merge".to_owned(),
            ));
        }
        for role in memento::list(&own, "roles")? {
            give_role(work, role, from, to).await?;
        }
        for cell in memento::list(&own, "visibility")? {
            show(work, cell, to).await?;
        }
        table::refill(work.conn(), from, person).await?;
        for follower in &*self.followers {
            let domain = follower.domain();
            let memento = tables::merge::take_memento_if_any(work.conn(), id, domain).await?;
            if let Some(memento) = memento {
                follower.unfollow(work, &memento, from, to).await?;
            }
        }
        Ok(())
    }
}

/// Of two decisions about a platform on which `from` has an account, the stricter one holds.
async fn hide(work: &Work, from: UserId, to: UserId) -> Result<Vec<Value>, StoreError> {
    let conn = work.conn();
    let theirs = tables::visibility::of_user(conn, from).await?;
    let own = tables::visibility::of_user(conn, to).await?;
    let accounts = tables::account::of_users(conn, &[from]).await?;
    let mut changed = Vec::new();
    let has = |platform: &Platform| accounts.iter().any(|a| a.platform == *platform);
    for platform in Platform::ALL.into_iter().filter(has) {
        for facet in Facet::ALL {
            let (before, after) = (
                own.audience(platform, facet),
                theirs.audience(platform, facet),
            );
            if after.code() >= before.code() {
                continue;
            }
            let decided = own.decided(platform, facet).map(Audience::code);
            tables::visibility::put(conn, to, (platform, facet), after).await?;
            changed.push(json!({
                "platform": platform.code(), "facet": facet.code(), "before": decided,
                "after": after.code(),
            }));
        }
    }
    Ok(changed)
}

/// Takes back a cell that [`hide`] changed, unless it was changed since.
async fn show(work: &Work, cell: &Value, to: UserId) -> Result<(), StoreError> {
    let unknown = || StoreError::Data("a memento has an unknown cell".to_owned());
    let code: i16 = memento::number(cell, "platform")?;
    let platform = Platform::from_code(code).ok_or_else(unknown)?;
    let facet = Facet::from_code(memento::number(cell, "facet")?).ok_or_else(unknown)?;
    let after: i16 = memento::number(cell, "after")?;
    let now = tables::visibility::of_user(work.conn(), to).await?;
    if now.decided(platform, facet).map(Audience::code) != Some(after) {
        return Ok(());
    }
    match memento::maybe_number(cell, "before") {
        None => table::undecide(work.conn(), to, code, facet.code()).await,
        Some(before) => {
            let before = i16::try_from(before).ok().and_then(Audience::from_code);
            let before = before.ok_or_else(unknown)?;
            tables::visibility::put(work.conn(), to, (platform, facet), before).await
        }
    }
}

/// Joins one role of `from` to what `to` has in the community.
async fn take_role(
    work: &mut Work,
    held: Held,
    from: UserId,
    to: UserId,
) -> Result<Value, IdentityError> {
    let community = held.community;
    // As where roles are changed by hand: one change of a community's roles at a time.
    tables::community::lock(work.conn(), community).await?;
    let mine = table::held(work.conn(), to).await?;
    let before = mine.into_iter().find(|mine| mine.community == community);
    let after = before.map_or(held.role, |mine| joined(mine.role, held.role));
    tables::community::put_role(work.conn(), community, to, after, work.now()).await?;
    tables::community::delete_role(work.conn(), community, from).await?;
    tell(
        work,
        community,
        to,
        before.map(|b| b.role),
        Some(after),
        from,
    )
    .await?;
    Ok(json!({
        "community": community.0, "from": role_json(Some(&held)),
        "before": role_json(before.as_ref()), "after": after.code(),
    }))
}

/// Parts one pair of roles again.
async fn give_role(
    work: &mut Work,
    role: &Value,
    from: UserId,
    to: UserId,
) -> Result<(), IdentityError> {
    let community = CommunityId(memento::number(role, "community")?);
    let unknown = || StoreError::Data("a memento has an unknown role".to_owned());
    let theirs = read_role(role, "from", community)?.ok_or_else(unknown)?;
    let before = read_role(role, "before", community)?;
    let after = Role::from_code(memento::number(role, "after")?).ok_or_else(unknown)?;
    tables::community::lock(work.conn(), community).await?;
    let roles = tables::community::roles_in(work.conn(), community, &[to]).await?;
    let now = roles.get(&to).copied();
    let (mine, given) = parted(theirs.role, before.map(|b| b.role), after, now);
    let joined_at = theirs.joined_at;
    tables::community::put_role(work.conn(), community, from, given, joined_at).await?;
    tell(work, community, from, None, Some(given), to).await?;
    match mine {
        Some(mine) => {
            let since = before.map_or(work.now(), |before| before.joined_at);
            tables::community::put_role(work.conn(), community, to, mine, since).await?;
        }
        None => tables::community::delete_role(work.conn(), community, to).await?,
    }
    tell(work, community, to, now, mine, from).await
}

/// Audits and announces a role that changed.
async fn tell(
    work: &mut Work,
    community: CommunityId,
    user: UserId,
    before: Option<Role>,
    after: Option<Role>,
    from: UserId,
) -> Result<(), IdentityError> {
    if before == after {
        return Ok(());
    }
    let name = |role: Option<Role>| role.map(Role::as_str);
    work.audit(Entry {
        action: "member.role.change",
        object: format!("user:{user}"),
        community: Some(community),
        detail: json!({ "before": name(before), "after": name(after), "from": from.0 }),
    });
    let payload = json!({ "community": community.0, "user": user.0, "role": name(after) });
    let event = DomainEvent {
        kind: ROLE_CHANGED,
        community: Some(community),
        payload,
    };
    Ok(work.emit(event, ROUTES).await?)
}

#[cfg(test)]
mod tests {
    use super::{joined, parted};
    use kernel::Role;

    #[test]
    fn a_ban_is_not_escaped_by_linking_but_an_owner_stays_one() {
        assert_eq!(joined(Role::Banned, Role::Member), Role::Banned);
        assert_eq!(joined(Role::Admin, Role::Banned), Role::Banned);
        assert_eq!(joined(Role::Banned, Role::Owner), Role::Owner);
        assert_eq!(joined(Role::Member, Role::Moderator), Role::Moderator);
    }

    #[test]
    fn undoing_restores_both_roles_and_keeps_what_was_changed_by_hand_since() {
        let (mine, theirs) = (Some(Role::Member), Role::Moderator);
        let part = |now| parted(theirs, mine, Role::Moderator, now);
        assert_eq!(part(Some(Role::Moderator)), (mine, theirs));
        assert_eq!(part(Some(Role::Admin)), (Some(Role::Admin), theirs));
        assert_eq!(part(None), (None, theirs));
        let banned = Some(Role::Banned);
        assert_eq!(
            part(banned),
            (banned, Role::Banned),
            "a ban follows the person"
        );
    }
}
