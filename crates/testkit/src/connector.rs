//! A platform that installs us as a test says, without any wire: it remembers what it was asked.

use std::sync::Mutex;

use async_trait::async_trait;
use kernel::{
    ChannelChoice, ConnectError, Connector, Grant, Installed, Platform, Returned, Secret, Timestamp,
};

/// A scripted [`Connector`]. Unless told otherwise it installs us on the server that the platform
/// named (or `9000`), offers two channels and is well.
#[derive(Debug)]
pub struct TestConnector {
    platform: Platform,
    script: Mutex<Script>,
}

#[derive(Debug)]
struct Script {
    access: String,
    refresh: Option<String>,
    name: String,
    channels: Vec<ChannelChoice>,
    trouble: Option<String>,
    asked: Vec<String>,
}

impl TestConnector {
    /// A platform that is well.
    pub fn new(platform: Platform) -> Self {
        let channel = |id: &str, name: &str| ChannelChoice {
            id: id.to_owned(),
            name: name.to_owned(),
        };
        Self {
            platform,
            script: Mutex::new(Script {
                access: format!("{platform}-access-token"),
                refresh: Some(format!("{platform}-refresh-token")),
                name: format!("Pond on {}", platform.label()),
                channels: vec![channel("11", "general"), channel("12", "news & <events>")],
                trouble: None,
                asked: Vec::new(),
            }),
        }
    }

    /// Whether it is the one of a platform.
    pub fn is_for(&self, platform: Platform) -> bool {
        self.platform == platform
    }

    /// The tokens of the next installs.
    pub fn give(&self, access: &str, refresh: Option<&str>) {
        let mut script = self.script.lock().unwrap();
        access.clone_into(&mut script.access);
        script.refresh = refresh.map(str::to_owned);
    }

    /// The name of the server.
    pub fn call_it(&self, name: &str) {
        name.clone_into(&mut self.script.lock().unwrap().name);
    }

    /// From now on everything fails with these words; `None` = all is well again.
    pub fn fail(&self, words: Option<&str>) {
        self.script.lock().unwrap().trouble = words.map(str::to_owned);
    }

    /// What it was asked since the last time: `install code=…`, `check 9000`, …
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.script.lock().unwrap().asked)
    }

    fn ask<T>(
        &self,
        question: String,
        answer: impl FnOnce(&Script) -> T,
    ) -> Result<T, ConnectError> {
        let mut script = self.script.lock().unwrap();
        script.asked.push(question);
        match &script.trouble {
            Some(words) => Err(ConnectError(words.clone())),
            None => Ok(answer(&script)),
        }
    }
}

#[async_trait]
impl Connector for TestConnector {
    fn platform(&self) -> Platform {
        self.platform
    }

    fn install_url(&self, state: &str, redirect: &str) -> String {
        format!(
            "https://id.{}.example/authorize?state={state}&redirect_uri={redirect}",
            self.platform
        )
    }

    async fn install(&self, returned: &Returned) -> Result<Installed, ConnectError> {
        let question = format!(
            "install code={} redirect={}",
            returned.code.expose(),
            returned.redirect
        );
        self.ask(question, |script| Installed {
            name: script.name.clone(),
            grant: Grant {
                platform: self.platform,
                server: returned.server.clone().unwrap_or_else(|| "9000".to_owned()),
                account: "4711".to_owned(),
                access: Secret::new(script.access.clone()),
                refresh: script.refresh.clone().map(Secret::new),
                expires_at: Some(Timestamp::from_secs(1_790_000_000)),
                scopes: vec!["bot".to_owned(), "applications.commands".to_owned()],
            },
        })
    }

    async fn channels(&self, grant: &Grant) -> Result<Vec<ChannelChoice>, ConnectError> {
        self.ask(format!("channels {}", grant.server), |script| {
            script.channels.clone()
        })
    }

    async fn enter(&self, _grant: &Grant, channel: &str) -> Result<(), ConnectError> {
        self.ask(format!("enter {channel}"), |_| ())
    }

    async fn check(&self, grant: &Grant) -> Result<String, ConnectError> {
        self.ask(format!("check {}", grant.server), |script| {
            format!("reached as Duck#1, {} channels", script.channels.len())
        })
    }

    async fn revoke(&self, grant: &Grant) -> Result<(), ConnectError> {
        self.ask(format!("revoke {}", grant.server), |_| ())
    }
}
