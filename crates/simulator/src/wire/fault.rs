//! Faults on demand: what a platform does on a bad day.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// This status with this body instead of an answer; nothing is done.
    Status {
        /// 500, 401, …
        status: u16,
        /// The body, as it is.
        #[serde(default)]
        body: String,
        /// Its content type.
        #[serde(default = "json")]
        content_type: String,
    },
    /// Too many requests, in the platform's own form.
    RateLimited {
        /// Milliseconds to wait.
        after_ms: u64,
        /// Whether everything is meant.
        #[serde(default)]
        global: bool,
    },
    /// The answer comes late.
    Slow {
        /// Milliseconds.
        by_ms: u64,
    },
    /// The request is carried out and the connection broken before the answer.
    LostResponse,
    /// The connection is broken before anything is done.
    Reset,
}

fn json() -> String {
    "application/json".to_owned()
}

/// When.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The method; empty = any.
    #[serde(default)]
    pub method: String,
    /// A part of the path; empty = any.
    #[serde(default)]
    pub path: String,
    /// How many requests it hits before it is over.
    #[serde(default = "one")]
    pub times: u32,
    /// What happens to them.
    pub fault: Fault,
}

const fn one() -> u32 {
    1
}

/// The faults of one server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

impl Faults {
    /// Adds a rule; the first that fits is used.
    pub fn add(&self, rule: Rule) {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.push(rule);
    }

    /// Shorthand: the next `times` requests whose path contains `path`.
    pub fn next(&self, path: &str, times: u32, fault: Fault) {
        self.add(Rule {
            method: String::new(),
            path: path.to_owned(),
            times,
            fault,
        });
    }

    /// No more faults.
    pub fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// What happens to this request; uses the rule up.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<Fault> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |rule: &Rule| {
            rule.times > 0
                && (rule.method.is_empty() || rule.method.eq_ignore_ascii_case(method))
                && path.contains(&rule.path)
        };
        let at = rules.iter().position(fits)?;
        let rule = rules.get_mut(at)?;
        rule.times -= 1;
        let fault = rule.fault.clone();
        if rule.times == 0 {
            rules.remove(at);
        }
        Some(fault)
    }
}

impl Fault {
    /// How long the answer is held back.
    pub(crate) const fn delay(&self) -> Option<Duration> {
        match self {
            Self::Slow { by_ms } => Some(Duration::from_millis(*by_ms)),
            _ => None,
        }
    }
}
