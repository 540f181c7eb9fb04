//! A log of requests and answers, for tests: what was asked, and whether it was in order.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

/// Exchanges kept; older ones go.
const KEPT_MAX: usize = 20_000;

/// A request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// What follows the `?`.
    pub query: Option<String>,
    /// The request's content type.
    pub content_type: Option<String>,
    /// The request's body.
    pub body: Bytes,
    /// The status that was answered; 0 if no answer was given (a lost response, a time-out).
    pub status: u16,
    /// The answer's body.
    pub reply: Bytes,
}

/// The log of one server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Exchanges(Arc<Mutex<VecDeque<Exchange>>>);

impl Exchanges {
    /// Adds one.
    pub fn push(&self, exchange: Exchange) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == KEPT_MAX {
            log.pop_front();
        }
        log.push_back(exchange);
    }

    /// All that are kept, oldest first.
    pub fn all(&self) -> Vec<Exchange> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().cloned().collect()
    }

    /// How many answers had this status.
    pub fn count(&self, status: u16) -> usize {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().filter(|e| e.status == status).count()
    }
}
