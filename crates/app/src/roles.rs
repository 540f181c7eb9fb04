//! Tells providers what roles there may depend on: what identity found due, one after the other, with
//! each person's own tokens. A run that was interrupted is repeated: telling the same again changes
//! nothing.
//!
//! Must never tell anything within a database transaction, or log what is told.

use std::sync::Arc;

use identity::{DueRole, RoleOutcome, Unlinked};
use kernel::{PersonalTokens, Provider, RoleMetadata, TokenError};

use crate::{App, AppError, connect::PATIENCE, tokens::NoTokens};

impl App {
    /// Whether a provider's roles may depend on what is known of people here.
    pub fn has_roles(&self, provider: &str) -> bool {
        let found = self.providers.iter().find(|p| p.key() == provider);
        found.is_some_and(|provider| provider.role_scope().is_some())
    }

    /// Tells everything that is due; answers how much. Run by a job.
    pub async fn tend_roles(&self) -> Result<u64, AppError> {
        let mut n_told = 0;
        for provider in &self.providers {
            if let Some(scope) = provider.role_scope() {
                n_told += self.tend_roles_of(provider.key(), scope).await?;
            }
        }
        Ok(n_told)
    }

    async fn tend_roles_of(&self, provider: &str, scope: &str) -> Result<u64, AppError> {
        let mut n_told = 0;
        self.identity.enlist_roles(provider, scope).await?;
        loop {
            let due = self.identity.due_roles(provider).await?;
            if due.looked_at == 0 || self.stop.is_cancelled() {
                return Ok(n_told);
            }
            let mut wait = None;
            for role in due.to_tell {
                let outcome = match wait {
                    // Who was asked to wait asks nothing more.
                    Some(after) => RoleOutcome::Later(after),
                    None => self.tell_role(&role).await?,
                };
                if let RoleOutcome::Later(after) = &outcome {
                    wait = Some(*after);
                }
                n_told += u64::from(outcome == RoleOutcome::Told);
                count(&outcome);
                self.identity.settle_role(&role, &outcome).await?;
            }
            if wait.is_some() {
                return Ok(n_told);
            }
        }
    }

    async fn tell_role(&self, role: &DueRole) -> Result<RoleOutcome, AppError> {
        let told = self
            .with_tokens(role.link, |provider: Arc<dyn Provider>, tokens| {
                let wanted = role.wanted.clone();
                async move { provider.put_roles(&tokens, &wanted).await }
            })
            .await;
        match told {
            Ok(()) => Ok(RoleOutcome::Told),
            Err(NoTokens::NeedsRelink(why)) => Ok(RoleOutcome::NeedsRelink(why)),
            Err(NoTokens::Later(after)) => Ok(RoleOutcome::Later(after)),
            Err(NoTokens::Failed(why)) => Ok(RoleOutcome::Failed(why)),
            // Unlinked meanwhile: there is no row any more either.
            Err(NoTokens::Ours(AppError::NotFound)) => {
                Ok(RoleOutcome::Failed("it is not linked any more".to_owned()))
            }
            Err(NoTokens::Ours(error)) => Err(error),
        }
    }

    /// Takes back what a provider was told of an account that was unlinked, as well as that goes;
    /// answers the tokens that are good now. Its row is gone, so nobody else uses them.
    pub(crate) async fn take_roles_back(
        &self,
        provider: &dyn Provider,
        unlinked: &Unlinked,
        tokens: PersonalTokens,
    ) -> PersonalTokens {
        if !unlinked.told_roles {
            return tokens;
        }
        let nothing = RoleMetadata::default();
        let tried = tokio::time::timeout(PATIENCE, async {
            match provider.put_roles(&tokens, &nothing).await {
                Err(TokenError::Refused(_)) => {}
                answer => return answer.map(|()| None),
            }
            let fresh = provider.refresh(&tokens).await?;
            provider.put_roles(&fresh, &nothing).await?;
            Ok(Some(fresh))
        });
        match tried.await {
            Ok(Ok(fresh)) => return fresh.unwrap_or(tokens),
            Ok(Err(error)) => {
                tracing::warn!(provider = %unlinked.provider, error = %error, "what a provider was told of an unlinked account could not be taken back");
            }
            Err(_late) => {
                tracing::warn!(provider = %unlinked.provider, "what a provider was told of an unlinked account could not be taken back in time");
            }
        }
        tokens
    }
}

fn count(outcome: &RoleOutcome) {
    let name = match outcome {
        RoleOutcome::Told => "told",
        RoleOutcome::Later(_) => "later",
        RoleOutcome::Failed(_) => "failed",
        RoleOutcome::NeedsRelink(_) => "needs_relink",
    };
    metrics::counter!("waddlebot_linked_roles_total", "outcome" => name).increment(1);
}
