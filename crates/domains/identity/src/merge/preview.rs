//! What a merge would do, for those who have to confirm it.

use kernel::{Actor, CommunityId, MergeId, Role, UserId};

use super::{Merge, MergeSide, moving::joined};
use crate::{Identity, IdentityError, store as tables};

/// One of the two people, as the asker may see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeCard {
    /// Who.
    pub user: UserId,
    /// What they are called.
    pub display_name: String,
    /// What they have, by kind; `None` for the other side as long as they did not confirm.
    pub counts: Option<Vec<(&'static str, u64)>>,
}

/// A role that changes for the kept person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleJoined {
    /// Where.
    pub community: CommunityId,
    /// What it is called.
    pub name: String,
    /// What the kept person is there.
    pub kept: Option<Role>,
    /// What the other one is there.
    pub merged: Role,
    /// What the kept person will be.
    pub after: Role,
}

/// What a merge would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergePreview {
    /// The request.
    pub merge: Merge,
    /// Who stays.
    pub kept: MergeCard,
    /// Whose row is emptied.
    pub merged: MergeCard,
    /// The communities the other one is in; `None` like the counts.
    pub roles: Option<Vec<RoleJoined>>,
}

impl Identity {
    /// See [`merge_preview`](Self::merge_preview).
    pub(super) async fn preview(
        &self,
        actor: &Actor,
        id: MergeId,
    ) -> Result<MergePreview, IdentityError> {
        let merge = self.visible(actor, id).await?;
        let kept = self.card(actor, &merge, MergeSide::Kept).await?;
        let merged = self.card(actor, &merge, MergeSide::Merged).await?;
        let roles = match (&kept.counts, &merged.counts) {
            (Some(_), Some(_)) => Some(self.roles_joined(&merge).await?),
            _ => None,
        };
        Ok(MergePreview {
            merge,
            kept,
            merged,
            roles,
        })
    }

    async fn card(
        &self,
        actor: &Actor,
        merge: &Merge,
        side: MergeSide,
    ) -> Result<MergeCard, IdentityError> {
        let conn = self.db.read();
        let user = merge.user(side);
        let known = tables::user::by_id(conn, user).await?;
        let is_open = actor.user_id() == Some(user)
            || actor.is_instance_admin()
            || merge.requested_by == user
            || merge.consent(side).is_some();
        let counts = if is_open {
            let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
            let mut counts = vec![
                (
                    "accounts",
                    count(tables::account::of_users(conn, &[user]).await?.len()),
                ),
                (
                    "linked accounts",
                    count(tables::link::of_user(conn, user).await?.len()),
                ),
                (
                    "passkeys",
                    count(tables::passkey::of_user(conn, user).await?.len()),
                ),
                (
                    "communities",
                    count(tables::moving::held(conn, user).await?.len()),
                ),
                ("sessions", tables::moving::sessions(conn, user).await?),
            ];
            for follower in &*self.followers {
                counts.extend(follower.count(&self.db, user).await?);
            }
            Some(counts)
        } else {
            None
        };
        Ok(MergeCard {
            user,
            display_name: known.map_or_else(String::new, |known| known.display_name),
            counts,
        })
    }

    async fn roles_joined(&self, merge: &Merge) -> Result<Vec<RoleJoined>, IdentityError> {
        let conn = self.db.read();
        let own = tables::moving::held(conn, merge.kept).await?;
        let theirs = tables::moving::held(conn, merge.merged).await?;
        let ids: Vec<CommunityId> = theirs.iter().map(|held| held.community).collect();
        let communities = tables::community::by_ids(conn, &ids).await?;
        let role = |list: &[tables::moving::Held], id| {
            list.iter()
                .find(|held| held.community == id)
                .map(|held| held.role)
        };
        let joined = communities.into_iter().filter_map(|community| {
            let merged = role(&theirs, community.id)?;
            let kept = role(&own, community.id);
            Some(RoleJoined {
                community: community.id,
                name: community.name,
                kept,
                merged,
                after: kept.map_or(merged, |kept| joined(kept, merged)),
            })
        });
        Ok(joined.collect())
    }
}
