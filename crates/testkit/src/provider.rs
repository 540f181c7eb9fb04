//! A provider of accounts that vouches for whom a test says, without any wire: it remembers what it
//! was asked.

use std::sync::Mutex;

use async_trait::async_trait;
use kernel::{
    AuthorizeRequest, ConnectError, PersonalTokens, Platform, Proof, Provider, Secret,
    SignInReturn, Timestamp,
};

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
            Ok(Proof {
                username: format!("name of {subject}"),
                display_name: None,
                avatar: None,
                verified_email: script.email.clone(),
                account_created_at: None,
                tokens: Some(PersonalTokens {
                    access: Secret::new(format!("access-{subject}")),
                    refresh: Some(Secret::new(format!("refresh-{subject}"))),
                    expires_at: Some(Timestamp::from_secs(1_790_000_000)),
                    scopes: vec!["identify".to_owned()],
                }),
                subject: subject.clone(),
            })
        })
    }

    async fn refresh(&self, tokens: &PersonalTokens) -> Result<PersonalTokens, ConnectError> {
        self.ask("refresh".to_owned(), |_| Ok(tokens.clone()))
    }

    async fn revoke(&self, tokens: &PersonalTokens) -> Result<(), ConnectError> {
        self.ask(format!("revoke {}", tokens.access.expose()), |_| Ok(()))
    }
}
