//! Asking providers with the tokens of linked accounts. Tokens that have ended are refreshed by exactly
//! one of however many want them, in however many processes; the others wait and take what it got.
//!
//! Must never ask a provider within a database transaction, or try a refused refresh token again.

use std::{sync::Arc, time::Duration};

use identity::RefreshLease;
use kernel::{ConnectError, LinkId, PersonalTokens, Provider, Secret, TokenError};
use tokio::sync::Mutex;

use crate::{App, AppError, connect::PATIENCE};

/// Tokens that end within this are refreshed before they are used.
const SOON: Duration = Duration::from_secs(60);
/// How long another process that refreshes is waited for, and how often it is looked at.
const WAIT: (Duration, Duration) = (Duration::from_secs(25), Duration::from_millis(100));
/// Links that are refreshed by one task of this process at a time share so many locks.
const LOCKS: usize = 64;

/// One task of this process at a time for each link, so that the others need not ask the database
/// again and again.
#[derive(Debug)]
pub(crate) struct Turns(Vec<Mutex<()>>);

impl Default for Turns {
    fn default() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(LOCKS).collect())
    }
}

impl Turns {
    async fn wait(&self, link: LinkId) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let at = usize::try_from(link.0).unwrap_or(0) % LOCKS;
        match self.0.get(at) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }
}

/// Why a provider could not be asked with somebody's tokens.
#[derive(Debug)]
pub(crate) enum NoTokens {
    /// The owner has to link the account again; what the provider said, if it was asked.
    NeedsRelink(String),
    /// Ask again after a while.
    Later(Duration),
    /// It did not work this time.
    Failed(String),
    /// The database, or there is no such link any more.
    Ours(AppError),
}

impl From<AppError> for NoTokens {
    fn from(error: AppError) -> Self {
        Self::Ours(error)
    }
}

impl From<TokenError> for NoTokens {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(why) => Self::NeedsRelink(why.to_string()),
            TokenError::Later { after, .. } => Self::Later(after),
            TokenError::Failed(why) => Self::Failed(why.to_string()),
        }
    }
}

/// Waits for a provider, but not for ever.
async fn patiently<T>(
    question: impl Future<Output = Result<T, TokenError>>,
) -> Result<T, TokenError> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(answer) => answer,
        Err(_late) => Err(TokenError::Failed(ConnectError(format!(
            "no answer within {} s",
            PATIENCE.as_secs()
        )))),
    }
}

impl App {
    /// The tokens of a linked account, refreshed if they have ended; for the program itself, not for
    /// faces.
    ///
    /// # Errors
    /// [`AppError::Conflict`] if its owner has to link it again.
    pub async fn personal_tokens(&self, link: LinkId) -> Result<PersonalTokens, AppError> {
        match self.good_tokens(link, None).await {
            Ok((_, tokens)) => Ok(tokens),
            Err(NoTokens::NeedsRelink(_)) => Err(AppError::Conflict(
                "this account must be linked again".to_owned(),
            )),
            Err(NoTokens::Later(after)) => Err(AppError::Platform(ConnectError(format!(
                "the provider asks to wait {} s",
                after.as_secs()
            )))),
            Err(NoTokens::Failed(why)) => Err(AppError::Platform(ConnectError(why))),
            Err(NoTokens::Ours(error)) => Err(error),
        }
    }

    /// Asks a provider with the tokens of a link; with fresh ones if it does not take them.
    pub(crate) async fn with_tokens<T, F, A>(&self, link: LinkId, ask: F) -> Result<T, NoTokens>
    where
        F: Fn(Arc<dyn Provider>, PersonalTokens) -> A,
        A: Future<Output = Result<T, TokenError>>,
    {
        let (provider, tokens) = self.good_tokens(link, None).await?;
        match patiently(ask(Arc::clone(&provider), tokens.clone())).await {
            Err(TokenError::Refused(_)) => {}
            answer => return Ok(answer?),
        }
        let (provider, tokens) = self.good_tokens(link, Some(&tokens.access)).await?;
        match patiently(ask(provider, tokens)).await {
            // Fresh tokens that are not taken are not the person's fault.
            Err(TokenError::Refused(why)) => Err(NoTokens::Failed(why.to_string())),
            answer => Ok(answer?),
        }
    }

    /// Tokens that are good as far as is known: not ended, and not those that were refused.
    async fn good_tokens(
        &self,
        link: LinkId,
        refused: Option<&Secret<String>>,
    ) -> Result<(Arc<dyn Provider>, PersonalTokens), NoTokens> {
        let (provider, tokens) = self.held(link).await?;
        if self.is_good(&tokens, refused) {
            return Ok((provider, tokens));
        }
        let _turn = self.turns.wait(link).await;
        let begun = tokio::time::Instant::now();
        loop {
            let (provider, tokens) = self.held(link).await?;
            if self.is_good(&tokens, refused) {
                return Ok((provider, tokens));
            }
            let lease = self.identity.begin_refresh(link).await;
            if let Some(lease) = lease.map_err(AppError::from)? {
                return self.refresh(provider, link, &lease, refused).await;
            }
            if begun.elapsed() > WAIT.0 {
                return Err(NoTokens::Failed(
                    "another process did not finish refreshing the tokens".to_owned(),
                ));
            }
            tokio::time::sleep(WAIT.1).await;
        }
    }

    async fn held(&self, link: LinkId) -> Result<(Arc<dyn Provider>, PersonalTokens), NoTokens> {
        let found = self.identity.link_tokens(link).await;
        let found = found.map_err(AppError::from)?.ok_or(AppError::NotFound)?;
        let provider = self.provider(&found.provider)?;
        let tokens = found
            .tokens
            .ok_or_else(|| NoTokens::NeedsRelink("the account must be linked again".to_owned()))?;
        Ok((provider, tokens))
    }

    fn is_good(&self, tokens: &PersonalTokens, refused: Option<&Secret<String>>) -> bool {
        let soon = self.clock.now().plus(SOON);
        tokens.expires_at.is_none_or(|end| end > soon) && refused != Some(&tokens.access)
    }

    /// Refreshes, with the right to.
    async fn refresh(
        &self,
        provider: Arc<dyn Provider>,
        link: LinkId,
        lease: &RefreshLease,
        refused: Option<&Secret<String>>,
    ) -> Result<(Arc<dyn Provider>, PersonalTokens), NoTokens> {
        // Whoever had the right before may have been done between our look and our taking it.
        let tokens = match self.held(link).await {
            Ok((_, tokens)) if !self.is_good(&tokens, refused) => tokens,
            other => {
                let given = self.identity.give_up_refresh(lease).await;
                given.map_err(AppError::from)?;
                return other;
            }
        };
        let fresh = match patiently(provider.refresh(&tokens)).await {
            Ok(fresh) => fresh,
            Err(error) => {
                let noted = match &error {
                    TokenError::Refused(_) => self.identity.refuse_refresh(lease).await,
                    _ => self.identity.give_up_refresh(lease).await,
                };
                noted.map_err(AppError::from)?;
                return Err(error.into());
            }
        };
        let stored = self.identity.finish_refresh(lease, &fresh).await;
        if stored.map_err(AppError::from)? {
            return Ok((provider, fresh));
        }
        // Linked again or unlinked meanwhile: what is there now counts.
        self.held(link).await
    }
}
