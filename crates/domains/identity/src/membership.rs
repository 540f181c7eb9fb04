//! Who belongs to a community, and as what.

use std::collections::HashMap;

use kernel::{Actor, CommunityId, Denied, Permission, Role, UserId};
use store::{DomainEvent, audit::Entry};

use crate::{Identity, IdentityError, ROLE_CHANGED, events::ROUTES, store as tables};

/// Whether somebody with power `own` may turn `before` into `after`: only roles below one's own can
/// be given or taken; owners may make owners.
fn may_change(own: Option<Role>, before: Option<Role>, after: Option<Role>) -> bool {
    let Some(own) = own else { return true };
    let below = |role: Option<Role>| role.is_none_or(|role| role < own || own == Role::Owner);
    below(before) && below(after)
}

/// The roles of people in the communities beside them, for the domains above, which authorise before they ask;
/// those without one are left out.
pub async fn roles_among(
    conn: &impl sea_orm::ConnectionTrait,
    seats: &[(CommunityId, UserId)],
) -> Result<HashMap<(CommunityId, UserId), Role>, store::StoreError> {
    tables::community::roles_at(conn, seats).await
}

/// Who moderates a community or more, for the domains above, which authorise before they ask.
pub async fn moderators_of(
    conn: &impl sea_orm::ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<UserId>, store::StoreError> {
    tables::community::from_role(conn, community, Role::Moderator).await
}

impl Identity {
    /// The roles of some people in a community; those without one are left out.
    pub async fn roles(
        &self,
        actor: &Actor,
        community: CommunityId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Role>, IdentityError> {
        actor.require(Permission::ViewMembers, community)?;
        Ok(tables::community::roles_in(self.db.read(), community, users).await?)
    }

    /// The roles of people in several communities; those without one are left out.
    pub async fn roles_of(
        &self,
        actor: &Actor,
        seats: &[(CommunityId, UserId)],
    ) -> Result<HashMap<(CommunityId, UserId), Role>, IdentityError> {
        let communities: Vec<CommunityId> = seats.iter().map(|(community, _)| *community).collect();
        let (_, denied) = actor.sort_out(Permission::ViewMembers, &communities);
        if let Some((_, why)) = denied.first() {
            return Err(IdentityError::NotAllowed(*why));
        }
        Ok(tables::community::roles_at(self.db.read(), seats).await?)
    }

    /// The mailboxes of those who manage a community, at most 100. For jobs that tell them something.
    pub async fn manager_mail(
        &self,
        community: CommunityId,
    ) -> Result<Vec<(UserId, String)>, IdentityError> {
        Ok(tables::community::manager_mail(self.db.read(), community).await?)
    }

    /// Gives a person a role, or with `None` ends the membership. Refused for roles not below one's
    /// own, and where no owner would remain.
    pub async fn set_role(
        &self,
        actor: &Actor,
        community: CommunityId,
        user: UserId,
        role: Option<Role>,
    ) -> Result<(), IdentityError> {
        actor.require(Permission::ManageMembers, community)?;
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Community(community));
        // Locks the community's row, so that two owners cannot demote each other at once.
        if !tables::community::lock(work.conn(), community).await?
            || tables::user::by_id(work.conn(), user).await?.is_none()
        {
            return Err(IdentityError::NotFound);
        }
        let asker = actor.user_id().filter(|_| !actor.is_instance_admin());
        let people: Vec<UserId> = std::iter::once(user).chain(asker).collect();
        let roles = tables::community::roles_in(work.conn(), community, &people).await?;
        let before = roles.get(&user).copied();
        // The actor's roles are those of when they asked: somebody may have taken them since.
        let own = asker.and_then(|id| roles.get(&id).copied());
        if asker.is_some() && own < Permission::ManageMembers.minimum_role() {
            return Err(IdentityError::NotAllowed(Denied {
                permission: Permission::ManageMembers,
                anonymous: false,
            }));
        }
        if !may_change(own, before, role) {
            return Err(IdentityError::Conflict(
                "only roles below your own can be given or taken".to_owned(),
            ));
        }
        if before == role {
            return Ok(());
        }
        let loses_owner = before == Some(Role::Owner);
        if loses_owner && tables::community::count_owners(work.conn(), community).await? <= 1 {
            return Err(IdentityError::Conflict(
                "the community would have no owner: name another first".to_owned(),
            ));
        }
        match role {
            Some(role) => {
                tables::community::put_role(work.conn(), community, user, role, work.now()).await?;
            }
            None => tables::community::delete_role(work.conn(), community, user).await?,
        }
        let name = |role: Option<Role>| role.map(Role::as_str);
        work.audit(Entry {
            action: "member.role.change",
            object: format!("user:{user}"),
            community: Some(community),
            detail: serde_json::json!({ "before": name(before), "after": name(role) }),
        });
        let payload =
            serde_json::json!({ "community": community.0, "user": user.0, "role": name(role) });
        work.emit(
            DomainEvent {
                kind: ROLE_CHANGED,
                community: Some(community),
                payload,
            },
            ROUTES,
        )
        .await?;
        Ok(work.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::may_change;
    use kernel::Role;

    #[test]
    fn nobody_gives_or_takes_a_role_that_is_not_below_their_own() {
        let admin = Some(Role::Admin);
        assert!(may_change(admin, Some(Role::Member), Some(Role::Moderator)));
        assert!(!may_change(admin, Some(Role::Member), Some(Role::Admin)));
        assert!(!may_change(admin, Some(Role::Owner), None));
        assert!(may_change(
            Some(Role::Owner),
            Some(Role::Admin),
            Some(Role::Owner)
        ));
        assert!(
            may_change(None, Some(Role::Owner), None),
            "the instance administrator may do all"
        );
    }
}
