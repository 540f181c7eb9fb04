//! How often one may ask: tiers per method and workspace, one message a second in a channel, and the
//! answer to whoever asks more.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

const MINUTE: Duration = Duration::from_secs(60);

/// The limits. Source: docs.slack.dev «Rate limits»; the tiers are lower bounds there («20+»), here
/// exact; bursts and the workspace-wide number are not published and chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Whether anything is limited.
    pub are_on: bool,
    /// Requests a minute to a method of tier 2, 3 and 4.
    pub tiers: [u32; 3],
    /// Requests a minute to a method of tier 1. Slack's documents say «1+, with bursts»; an app that
    /// loses its socket needs some.
    pub tier1: u32,
    /// Messages a second in one channel.
    pub channel_per_sec: u32,
    /// Messages that may follow each other at once in one channel.
    pub channel_burst: u32,
    /// Messages a minute in one workspace («several hundred»).
    pub workspace_per_min: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            are_on: true,
            tiers: [20, 50, 100],
            tier1: 60,
            channel_per_sec: 1,
            channel_burst: 2,
            workspace_per_min: 300,
        }
    }
}

/// What was asked lately.
#[derive(Debug, Default)]
pub(super) struct Meter {
    windows: HashMap<String, VecDeque<Timestamp>>,
    /// Channel to what is left in its bucket (in microseconds of waiting saved up) and since when.
    channels: HashMap<String, (i64, Timestamp)>,
}

/// Windows kept; beyond that all are forgotten (which is kind, not strict).
const WINDOWS_MAX: usize = 100_000;

/// What a method counts as.
fn tier(method: &str, limits: &Limits) -> Option<u32> {
    let [second, third, fourth] = limits.tiers;
    Some(match method {
        "apps.connections.open" | "apps.uninstall" => limits.tier1,
        "conversations.list" | "users.list" => second,
        "conversations.members"
        | "users.info"
        | "chat.postEphemeral"
        | "oauth.v2.access"
        | "views.open" => fourth,
        // Several hundred a minute.
        "auth.test" => 600,
        "api.test" => return None,
        _ => third,
    })
}

impl Meter {
    /// Counts a request; answers the whole seconds to wait if it is one too many.
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        method: &str,
        team: &str,
        channel: &str,
    ) -> Option<u64> {
        if !limits.are_on {
            return None;
        }
        if self.windows.len() + self.channels.len() > WINDOWS_MAX {
            *self = Self::default();
        }
        let per_minute = if method == "chat.postMessage" {
            Some(limits.workspace_per_min)
        } else {
            tier(method, limits)
        };
        let window = self.windows.entry(format!("{method} {team}")).or_default();
        if let Some(limit) = per_minute {
            while window
                .front()
                .is_some_and(|first| now.since(*first) >= MINUTE)
            {
                window.pop_front();
            }
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            if window.len() >= limit
                && let Some(first) = window.front()
            {
                return Some(secs_up(first.plus(MINUTE).since(now)));
            }
        }
        if method == "chat.postMessage" {
            let gap = 1_000_000 / i64::from(limits.channel_per_sec.max(1));
            let full = gap * i64::from(limits.channel_burst.max(1));
            let (left, since) = self
                .channels
                .entry(format!("{team} {channel}"))
                .or_insert((full, now));
            *left = full.min(left.saturating_add(now.0.saturating_sub(since.0).max(0)));
            *since = now;
            if *left < gap {
                let missing = u64::try_from(gap - *left).unwrap_or(0);
                return Some(secs_up(Duration::from_micros(missing)));
            }
            *left -= gap;
        }
        window.push_back(now);
        None
    }
}

fn secs_up(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// 429 in Slack's form.
pub(super) fn limited(after_ms: u64, _global: bool) -> Response {
    refused(after_ms.div_ceil(1_000))
}

pub(super) fn refused(after_secs: u64) -> Response {
    (
        StatusCode::TOO_MANY_REQUESTS,
        [(header::RETRY_AFTER, after_secs.max(1).to_string())],
        Json(json!({"ok": false, "error": "ratelimited"})),
    )
        .into_response()
}
