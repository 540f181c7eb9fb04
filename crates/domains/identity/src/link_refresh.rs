//! Keeping the tokens of linked accounts good: whoever finds them ended refreshes them, one at a time
//! for each link however many processes there are, because a refresh token often works once.
//!
//! Must never call a provider, keep an open token, or lose tokens that a provider gave for others.

use std::time::Duration;

use kernel::{Actor, LinkId, PersonalTokens, UserId, random};

use crate::{
    Identity, IdentityError,
    store::{link as links, link_refresh as table},
};

/// How long whoever refreshes may take; longer than a provider is waited for.
const LEASE: Duration = Duration::from_secs(60);

/// The tokens of a link as they are now.
#[derive(Debug)]
pub struct LinkTokens {
    /// The provider's key.
    pub provider: String,
    /// Whose link it is.
    pub user: UserId,
    /// The tokens; `None` if there are none, or the provider refused to refresh them.
    pub tokens: Option<PersonalTokens>,
}

/// The right to refresh the tokens of a link, until it is given back or a minute has passed.
#[derive(Debug)]
pub struct RefreshLease {
    link: LinkId,
    holder: String,
}

impl Identity {
    /// The tokens of a link; `None` if there is no such link. For the program itself: no face may
    /// have them.
    pub async fn link_tokens(&self, link: LinkId) -> Result<Option<LinkTokens>, IdentityError> {
        let Some(known) = links::by_id(self.db.read(), link).await? else {
            return Ok(None);
        };
        let sealed = if known.needs_relink {
            None
        } else {
            links::sealed(self.db.read(), link).await?
        };
        let tokens = sealed
            .map(|sealed| sealed.open(&self.tokens()))
            .transpose()?;
        Ok(Some(LinkTokens {
            provider: known.provider,
            user: known.user,
            tokens: tokens.flatten(),
        }))
    }

    /// Takes the right to refresh; `None` while somebody else has it, or the provider refused.
    pub async fn begin_refresh(&self, link: LinkId) -> Result<Option<RefreshLease>, IdentityError> {
        let holder = random::hex(&random::bytes::<16>(&*self.entropy));
        let who = Actor::System("refresh");
        let work = self.db.begin(&who, self.clock.now()).await?;
        let (now, until) = (work.now(), work.now().plus(LEASE));
        let is_ours = table::take(work.conn(), link, &holder, now, until).await?;
        work.commit().await?;
        Ok(is_ours.then_some(RefreshLease { link, holder }))
    }

    /// Stores fresh tokens sealed and gives the right back; whether it still was ours. If it was not,
    /// the account was linked again or unlinked meanwhile.
    pub async fn finish_refresh(
        &self,
        lease: &RefreshLease,
        fresh: &PersonalTokens,
    ) -> Result<bool, IdentityError> {
        let who = Actor::System("refresh");
        let work = self.db.begin(&who, self.clock.now()).await?;
        let is_ours = table::end(work.conn(), lease.link, &lease.holder).await?;
        if is_ours {
            links::put_tokens(work.conn(), &self.tokens(), lease.link, fresh).await?;
        }
        work.commit().await?;
        Ok(is_ours)
    }

    /// The provider refused to refresh: its owner has to link the account again.
    pub async fn refuse_refresh(&self, lease: &RefreshLease) -> Result<(), IdentityError> {
        let who = Actor::System("refresh");
        let work = self.db.begin(&who, self.clock.now()).await?;
        table::refuse(work.conn(), lease.link, &lease.holder, work.now()).await?;
        Ok(work.commit().await?)
    }

    /// Gives the right back without having refreshed anything.
    pub async fn give_up_refresh(&self, lease: &RefreshLease) -> Result<(), IdentityError> {
        table::end(self.db.write(), lease.link, &lease.holder).await?;
        Ok(())
    }
}
