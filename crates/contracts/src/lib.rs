//! For tests: holds recorded exchanges with a platform (or with a simulated one) against the contract that the platform
//! publishes, and says what is out of order, where, and why.
//!
//! The contracts are files beside the repository, in `../shared/contracts`; where they are absent, constructors
//! answer `None` and say so past the test harness's capture. Where a contract and the platform's documentation
//! disagree, the documentation wins; each such place is listed with its reason (`discord::correct`, `twitch::correct`,
//! `slack::correct`).
//!
//! Must never be a dependency of the program: only of tests.

mod address;
mod compile;
mod discord;
mod files;
mod openapi;
mod report;
mod slack;
mod strict;
mod twitch;
mod words;

use std::fmt;

pub use report::{Part, Report, Violation};
pub use slack::SlackEvents;

/// A request and its answer, as a simulator recorded them.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path without the query, with the base of the API: `/api/v10/…`, `/helix/…`, `/api/…`.
    pub path: &'a str,
    /// What follows the `?`.
    pub query: Option<&'a str>,
    /// The request's content type.
    pub content_type: Option<&'a str>,
    /// The request's body.
    pub body: &'a [u8],
    /// The answer's status; 0 if there was no answer, then the request alone is checked.
    pub status: u16,
    /// The answer's body.
    pub reply: &'a [u8],
}

impl fmt::Debug for Exchange<'_> {
    /// Bodies hold what people wrote, queries may hold codes: neither is printed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} → {}", self.method, self.path, self.status)
    }
}

/// The contract of one platform's HTTP API. Schemas are compiled when an operation is seen for the first time.
#[derive(Debug)]
pub struct Contract(Kind);

#[derive(Debug)]
enum Kind {
    OpenApi(openapi::OpenApi),
    Slack(slack::WebApi),
}

impl Contract {
    /// Discord's own OpenAPI 3.1 document: everything below `/api/v10`.
    ///
    /// # Panics
    /// If the file is there and is not what it should be.
    pub fn discord() -> Option<Self> {
        files::read("discord/openapi.json")
            .map(|document| Self(Kind::OpenApi(discord::contract(document))))
    }

    /// The community's OpenAPI 3.0 document of Helix: everything below `/helix`.
    ///
    /// # Panics
    /// If the file is there and is not what it should be.
    pub fn twitch() -> Option<Self> {
        files::read("twitch/openapi.json")
            .map(|document| Self(Kind::OpenApi(twitch::contract(document))))
    }

    /// Slack's Web API below `/api`: its own Swagger document of 2021, and the bodies of `chat.*` and blocks as its
    /// JavaScript library types them. A method that is newer than that is not covered.
    ///
    /// # Panics
    /// If the files are there and are not what they should be.
    pub fn slack() -> Option<Self> {
        slack::WebApi::load().map(|api| Self(Kind::Slack(api)))
    }

    /// Whether the contract says anything about this request.
    pub fn covers(&self, exchange: &Exchange<'_>) -> bool {
        match &self.0 {
            Kind::OpenApi(api) => api.covers(exchange),
            Kind::Slack(api) => api.covers(exchange),
        }
    }

    /// What is out of order. A request that is not covered has no violations, except that below the base of Discord
    /// and Twitch an operation that the contract does not know is one.
    pub fn check(&self, exchange: &Exchange<'_>) -> Vec<Violation> {
        match &self.0 {
            Kind::OpenApi(api) => api.check(exchange),
            Kind::Slack(api) => api.check(exchange),
        }
    }

    /// Checks many and sums up.
    pub fn check_all<'a>(&self, exchanges: impl IntoIterator<Item = Exchange<'a>>) -> Report {
        let mut report = Report::default();
        for exchange in exchanges {
            let found = self.check(&exchange);
            if self.covers(&exchange) || !found.is_empty() {
                report.add(found);
            } else {
                report.uncovered(&exchange);
            }
        }
        report
    }
}

#[cfg(test)]
mod tests;
