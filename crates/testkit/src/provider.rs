//! A provider of accounts that vouches for whom a test says, without any wire: it remembers what it
//! was asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use async_trait::async_trait;
use kernel::{
    AuthorizeRequest, ConnectError, PersonalTokens, Platform, Proof, Provider, RoleMetadata,
    Secret, SignInReturn, Timestamp, TokenError,
};

/// The scope with which people let the provider be told about roles.
const ROLE_SCOPE: &str = "roles.write";
/// When the tokens end that a sign-in gives.
const TOKENS_END: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A scripted [`Provider`]. The code that somebody comes back with is the id of their account there.
#[derive(Debug)]
pub struct TestProvider {
    key: &'static str,
    platform: Option<Platform>,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    email: Option<String>,
    trouble: Option<String>,
    sent: Vec<AuthorizeRequest>,
    asked: Vec<String>,
    /// Refresh tokens that are good, each once, and whose they are.
    refreshes: BTreeMap<String, String>,
    /// Access tokens that are taken no more.
    ended: BTreeSet<String>,
    /// How often tokens were refreshed.
    n_refreshed: u32,
    /// How long the provider asks to wait.
    wait: Option<Duration>,
    /// What was told of each account.
    roles: BTreeMap<String, RoleMetadata>,
}

impl Script {
    fn taken(&self, tokens: &PersonalTokens) -> Result<(), TokenError> {
        if let Some(words) = &self.trouble {
            return Err(TokenError::Failed(ConnectError(words.clone())));
        }
        if let Some(after) = self.wait {
            let why = ConnectError("asks to wait".to_owned());
            return Err(TokenError::Later { after, why });
        }
        if self.ended.contains(tokens.access.expose()) {
            return Err(TokenError::Refused(ConnectError(
                "refused (401)".to_owned(),
            )));
        }
        Ok(())
    }
}

impl TestProvider {
    /// A provider that is well; its chat is that of a platform, if it has one.
    pub fn new(key: &'static str, platform: Option<Platform>) -> Self {
        Self {
            key,
            platform,
            script: Mutex::default(),
        }
    }

    /// The address it has checked of everybody from now on.
    pub fn know_email(&self, email: Option<&str>) {
        self.script.lock().unwrap().email = email.map(str::to_owned);
    }

    /// From now on everything fails with these words; `None` = all is well again.
    pub fn fail(&self, words: Option<&str>) {
        self.script.lock().unwrap().trouble = words.map(str::to_owned);
    }

    /// What it was asked since the last time: `prove 1234`, `revoke access-1234`, …
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.script.lock().unwrap().asked)
    }

    /// What the last person was sent there with.
    pub fn sent(&self) -> AuthorizeRequest {
        let script = self.script.lock().unwrap();
        script.sent.last().expect("somebody was sent there").clone()
    }

    /// Everybody's access tokens are taken no more; `refresh_too`: their refresh tokens neither.
    pub fn end_tokens(&self, refresh_too: bool) {
        let mut script = self.script.lock().unwrap();
        let subjects: Vec<String> = script.refreshes.values().cloned().collect();
        for subject in subjects {
            for n in 0..=script.n_refreshed {
                script.ended.insert(access_token(&subject, n));
            }
        }
        if refresh_too {
            script.refreshes.clear();
        }
    }

    /// From now on it asks to wait so long; `None` = no more.
    pub fn ask_to_wait(&self, wait: Option<Duration>) {
        self.script.lock().unwrap().wait = wait;
    }

    /// How often tokens were refreshed.
    pub fn n_refreshed(&self) -> u32 {
        self.script.lock().unwrap().n_refreshed
    }

    /// What it was told of an account that roles may depend on.
    pub fn roles_of(&self, subject: &str) -> Option<RoleMetadata> {
        self.script.lock().unwrap().roles.get(subject).cloned()
    }

    fn ask<T>(
        &self,
        question: String,
        answer: impl FnOnce(&Script) -> Result<T, ConnectError>,
    ) -> Result<T, ConnectError> {
        let mut script = self.script.lock().unwrap();
        script.asked.push(question);
        match &script.trouble {
            Some(words) => Err(ConnectError(words.clone())),
            None => answer(&script),
        }
    }
}

#[async_trait]
impl Provider for TestProvider {
    fn key(&self) -> &str {
        self.key
    }

    fn label(&self) -> &str {
        match self.platform {
            Some(platform) => platform.label(),
            None => "Campus",
        }
    }

    fn platform(&self) -> Option<Platform> {
        self.platform
    }

    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ConnectError> {
        self.script.lock().unwrap().sent.push(request.clone());
        self.ask("authorize".to_owned(), |_| {
            Ok(format!(
                "https://id.{}.example/authorize?state={}&redirect_uri={}",
                self.key, request.state, request.redirect
            ))
        })
    }

    async fn authorize_place(&self) -> Option<String> {
        Some(format!("https://id.{}.example/authorize", self.key))
    }

    async fn prove(&self, returned: &SignInReturn) -> Result<Proof, ConnectError> {
        let subject = returned.code.expose().clone();
        self.ask(format!("prove {subject}"), |script| {
            let was_sent = script.sent.iter().any(|sent| {
                sent.nonce == returned.nonce
                    && sent.verifier == returned.verifier
                    && sent.redirect == returned.redirect
            });
            if !was_sent {
                return Err(ConnectError("nobody was sent with this".to_owned()));
            }
            let for_roles = script.sent.iter().any(|sent| {
                sent.nonce == returned.nonce && sent.for_roles && self.platform.is_some()
            });
            let mut scopes = vec!["identify".to_owned()];
            scopes.extend(for_roles.then(|| ROLE_SCOPE.to_owned()));
            Ok(Proof {
                username: format!("name of {subject}"),
                display_name: None,
                avatar: None,
                verified_email: script.email.clone(),
                account_created_at: None,
                tokens: Some(PersonalTokens {
                    access: Secret::new(access_token(&subject, 0)),
                    refresh: Some(Secret::new(format!("refresh-{subject}"))),
                    expires_at: Some(TOKENS_END),
                    scopes,
                }),
                subject: subject.clone(),
            })
        })
        .inspect(|_| {
            let mut script = self.script.lock().unwrap();
            script.ended.remove(&access_token(&subject, 0));
            script
                .refreshes
                .insert(format!("refresh-{subject}"), subject.clone());
        })
    }

    /// A refresh token works once.
    async fn refresh(&self, tokens: &PersonalTokens) -> Result<PersonalTokens, TokenError> {
        // Whoever else wants to refresh gets the chance to.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let mut script = self.script.lock().unwrap();
        script.asked.push("refresh".to_owned());
        if let Some(words) = &script.trouble {
            return Err(TokenError::Failed(ConnectError(words.clone())));
        }
        let refresh = tokens.refresh.as_ref().map(|token| token.expose().clone());
        let Some(subject) = refresh.and_then(|token| script.refreshes.remove(&token)) else {
            let why = ConnectError("refused (400, invalid_grant)".to_owned());
            return Err(TokenError::Refused(why));
        };
        script.n_refreshed += 1;
        let n = script.n_refreshed;
        let refresh = format!("refresh-{subject}-{n}");
        script.refreshes.insert(refresh.clone(), subject.clone());
        Ok(PersonalTokens {
            access: Secret::new(access_token(&subject, n)),
            refresh: Some(Secret::new(refresh)),
            expires_at: Some(TOKENS_END.plus(Duration::from_secs(u64::from(n) * 86_400_000))),
            scopes: tokens.scopes.clone(),
        })
    }

    async fn revoke(&self, tokens: &PersonalTokens) -> Result<(), ConnectError> {
        self.ask(format!("revoke {}", tokens.access.expose()), |_| Ok(()))
    }

    fn role_scope(&self) -> Option<&str> {
        self.platform.map(|_| ROLE_SCOPE)
    }

    async fn put_roles(
        &self,
        tokens: &PersonalTokens,
        metadata: &RoleMetadata,
    ) -> Result<(), TokenError> {
        let mut script = self.script.lock().unwrap();
        let access = tokens.access.expose();
        let what = if metadata.is_empty() {
            "nothing"
        } else {
            "roles"
        };
        script.asked.push(format!("tell {what} with {access}"));
        script.taken(tokens)?;
        let subject = access.strip_prefix("access-").unwrap_or(access);
        let subject = subject.split('#').next().unwrap_or(subject).to_owned();
        script.roles.insert(subject, metadata.clone());
        Ok(())
    }
}

/// The access token of an account after so many refreshes of anybody's.
fn access_token(subject: &str, n: u32) -> String {
    match n {
        0 => format!("access-{subject}"),
        n => format!("access-{subject}#{n}"),
    }
}
