//! What was found, in words that lead to the place. Never decides what is right.

use std::{collections::BTreeSet, fmt};

use crate::Exchange;

/// Which part of an exchange is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The contract has no such operation.
    Operation,
    /// A value in the path.
    Path,
    /// The query.
    Query,
    /// The request's body or its content type.
    Request,
    /// The status is not one the operation answers with.
    Status,
    /// The answer's body.
    Reply,
    /// A payload that the platform sends by itself.
    Payload,
}

/// One thing that is out of order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// `POST /channels/{channel_id}/messages`, `chat.postMessage`, `message/bot_message`.
    pub operation: String,
    /// Where in the exchange.
    pub part: Part,
    /// A JSON pointer, or a parameter's name.
    pub at: String,
    /// Why.
    pub reason: String,
}

impl Violation {
    pub(crate) fn new(
        operation: &str,
        part: Part,
        at: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            operation: operation.to_owned(),
            part,
            at: at.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Operation => "operation",
            Part::Path => "path",
            Part::Query => "query",
            Part::Request => "request",
            Part::Status => "status",
            Part::Reply => "reply",
            Part::Payload => "payload",
        };
        write!(
            formatter,
            "{}: {part} `{}`: {}",
            self.operation, self.at, self.reason
        )
    }
}

/// The sum over many exchanges. Prints each kind of violation once.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Exchanges that were held against the contract.
    pub n_checked: usize,
    /// What the contract says nothing about: method and path.
    pub uncovered: BTreeSet<String>,
    /// What is out of order, each once.
    pub violations: BTreeSet<Violation>,
}

impl Report {
    pub(crate) fn add(&mut self, found: Vec<Violation>) {
        self.n_checked += 1;
        self.violations.extend(found);
    }

    pub(crate) fn uncovered(&mut self, exchange: &Exchange<'_>) {
        self.uncovered
            .insert(format!("{} {}", exchange.method, exchange.path));
    }

    /// Whether nothing is out of order.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} exchanges checked, {} kinds of violation",
            self.n_checked,
            self.violations.len()
        )?;
        for violation in &self.violations {
            write!(formatter, "\n  {violation}")?;
        }
        if !self.uncovered.is_empty() {
            let uncovered: Vec<&str> = self.uncovered.iter().map(String::as_str).collect();
            write!(
                formatter,
                "\n  not in the contract: {}",
                uncovered.join(", ")
            )?;
        }
        Ok(())
    }
}
