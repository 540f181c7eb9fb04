//! Whom somebody in chat means: an account of a community by the platform's id or by what it is called there.
//!
//! Must never find whom nobody saw in the community: who is there is no secret among those who see its chat.

use kernel::{AccountId, Actor, CommunityId, Permission, Platform};

use crate::{Bots, BotsError};

/// What somebody says to mean an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Called {
    /// The platform's id of it.
    Id(String),
    /// Its name, in any case.
    Name(String),
}

impl Bots {
    /// The account of a platform that is meant in a community; `None` if nobody was seen there who is
    /// called so. Several who are called the same are told apart by id only.
    pub async fn called(
        &self,
        actor: &Actor,
        community: CommunityId,
        platform: Platform,
        who: &Called,
    ) -> Result<Option<AccountId>, BotsError> {
        actor.require(Permission::ViewActivity, community)?;
        let conn = self.db.read();
        let name = match who {
            Called::Id(id) => {
                let known = identity::accounts_called(conn, platform, &[id]).await?;
                let Some(account) = known.get(id).copied() else {
                    return Ok(None);
                };
                let owners = identity::accounts_by_id(conn, &[account]).await?;
                let Some(owner) = owners.get(&account) else {
                    return Ok(None);
                };
                let was_seen = activity::was_seen(conn, community, owner.user).await?;
                return Ok(was_seen.then_some(account));
            }
            Called::Name(name) => name.to_lowercase(),
        };
        let users = activity::members_called(conn, community, &name).await?;
        let accounts = identity::accounts_of(conn, &users).await?;
        let mut here = accounts
            .into_values()
            .flatten()
            .filter(|account| account.platform == platform);
        match (here.next(), here.next()) {
            (None, _) => Ok(None),
            (Some(one), None) => Ok(Some(one.id)),
            (Some(_), Some(_)) => Err(BotsError::Conflict(
                "several are called that here: mention the one you mean".to_owned(),
            )),
        }
    }
}
