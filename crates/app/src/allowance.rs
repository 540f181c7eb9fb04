//! Allowances: what a caller may use in a minute, whatever process it asks. Here, because several
//! faces take from them and faces do not know the engine that counts.
//!
//! Must never decide how much that is: faces have it from the settings.

use std::{net::IpAddr, time::Duration};

use engines::{Quota, Reading};
use identity::ClientInfo;
use kernel::{ApiKeyId, Timestamp, UserId};

use crate::{App, Caller};

/// Allowances come back this often.
pub const ALLOWANCE_WINDOW: Duration = Duration::from_secs(60);

/// Whose allowance is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Payer {
    /// An API key: one program that asks too much does not stop its owner's others.
    Key(ApiKeyId),
    /// A person in a browser.
    Person(UserId),
    /// Everybody in a network (/24 for IPv4, /48 for IPv6) who is not signed in.
    Network(String),
}

impl Payer {
    /// Who pays for a request: the caller, or else the network it came from. All whose address is
    /// unknown share one.
    pub fn of(caller: Option<&Caller>, address: Option<IpAddr>) -> Self {
        match caller {
            Some(Caller { key: Some(key), .. }) => Self::Key(*key),
            Some(caller) => Self::Person(caller.user.id),
            None => {
                let client = ClientInfo {
                    address,
                    ..ClientInfo::default()
                };
                Self::Network(client.network())
            }
        }
    }

    fn key(&self) -> String {
        match self {
            Self::Key(id) => format!("key:{id}"),
            Self::Person(id) => format!("user:{id}"),
            Self::Network(network) => format!("network:{network}"),
        }
    }
}

/// How an allowance stands after somebody took from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Whether there was enough: what was asked for is taken, or else nothing is.
    pub is_granted: bool,
    /// Units in a window.
    pub limit: u64,
    /// Units left.
    pub remaining: u64,
    /// When all of them are back.
    pub resets_at: Timestamp,
}

impl App {
    /// Takes `units` from the payer's allowance of `limit` units a minute under a name such as
    /// `graphql`. Taking none shows how it stands.
    pub async fn take_allowance(
        &self,
        name: &'static str,
        payer: &Payer,
        units: u64,
        limit: u64,
    ) -> Allowance {
        let quota = Quota {
            limit,
            window: ALLOWANCE_WINDOW,
        };
        let key = format!("{name}:{}", payer.key());
        let now = self.clock.now();
        let Reading {
            is_granted,
            used,
            resets_at,
        } = self.meter.take(&key, units, quota, now).await;
        Allowance {
            is_granted,
            limit,
            remaining: limit.saturating_sub(used),
            resets_at,
        }
    }
}
