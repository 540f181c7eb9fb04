//! Receivers of webhooks that are nowhere: they remember what they were sent and answer as they are
//! told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use kernel::{HookCall, HookCaller, HookError, HookReply};
use tokio::sync::{Semaphore, watch};

/// A scripted [`HookCaller`]. Unless told otherwise every receiver answers 204 at once.
#[derive(Debug, Default)]
pub struct TestHooks {
    script: Mutex<Script>,
    n_begun: watch::Sender<usize>,
    gate: Option<Semaphore>,
    /// Only receivers with this in their address are held.
    held: String,
}

#[derive(Debug, Default)]
struct Script {
    calls: Vec<HookCall>,
    answers: VecDeque<Result<HookReply, HookError>>,
    always: Option<Result<HookReply, HookError>>,
}

impl TestHooks {
    /// Receivers that answer at once.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Receivers of which those with this in their address answer nothing before they are told to:
    /// see [`TestHooks::release`].
    pub fn holding(held: &str) -> Arc<Self> {
        Arc::new(Self {
            gate: Some(Semaphore::new(0)),
            held: held.to_owned(),
            ..Self::default()
        })
    }

    /// An answer with a status and nothing else.
    pub fn status(status: u16) -> Result<HookReply, HookError> {
        Ok(HookReply {
            status,
            ..HookReply::default()
        })
    }

    /// The next calls are answered like this, in turn; later ones as always.
    pub fn answer(&self, answers: impl IntoIterator<Item = Result<HookReply, HookError>>) {
        self.script.lock().unwrap().answers.extend(answers);
    }

    /// All calls from now on are answered like this.
    pub fn always(&self, answer: Result<HookReply, HookError>) {
        self.script.lock().unwrap().always = Some(answer);
    }

    /// What was sent, in order, each try apart.
    pub fn calls(&self) -> Vec<HookCall> {
        self.script.lock().unwrap().calls.clone()
    }

    /// Lets so many held calls end.
    pub fn release(&self, n: usize) {
        if let Some(gate) = &self.gate {
            gate.add_permits(n);
        }
    }

    /// Waits until so many calls were begun in all.
    pub async fn reaches(&self, n: usize) {
        self.n_begun
            .subscribe()
            .wait_for(|begun| *begun >= n)
            .await
            .unwrap();
    }
}

#[async_trait]
impl HookCaller for TestHooks {
    fn check(&self, url: &str) -> Result<String, String> {
        if url.starts_with("https://") {
            return Ok(url.to_owned());
        }
        Err("the address must begin with https://".to_owned())
    }

    async fn call(&self, call: &HookCall) -> Result<HookReply, HookError> {
        let (n, answer) = {
            let mut script = self.script.lock().unwrap();
            script.calls.push(call.clone());
            let answer = script.answers.pop_front();
            (script.calls.len(), answer.or_else(|| script.always.clone()))
        };
        self.n_begun.send_replace(n);
        if let Some(gate) = &self.gate
            && call.url.contains(&self.held)
        {
            gate.acquire().await.unwrap().forget();
        }
        answer.unwrap_or_else(|| Self::status(204))
    }
}
