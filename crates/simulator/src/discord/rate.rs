//! Discord's limits as it applies them: buckets with a name, one for each guild, channel or webhook;
//! one limit for everything; a ban for those who are refused too often. Sources: Discord «Rate
//! Limits». Must never put the scope of a limit on an answer that is not a 429.

use std::{collections::HashMap, time::Duration};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::{Timestamp, random};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Limits;

/// A request in the words of limits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Route {
    /// The method and the path with every id but the major one replaced.
    pub template: String,
    /// The guild, channel or webhook.
    pub major: String,
    /// Whether it counts for the global limit (interactions do not).
    pub is_global: bool,
}

/// The route of a request below `/api/v10`.
pub(super) fn route(method: &str, path: &str) -> Route {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut template = method.to_owned();
    let mut major = String::new();
    for (at, part) in parts.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| parts.get(at)).copied();
        template.push('/');
        let is_major = at == 1 && matches!(before, Some("guilds" | "channels" | "webhooks"));
        let is_token = at == 2 && matches!(parts.first(), Some(&("webhooks" | "interactions")));
        if is_major || is_token {
            major = format!("{major}:{part}");
            template.push(':');
        } else if part.bytes().all(|b| b.is_ascii_digit()) {
            template.push(':');
        } else {
            template.push_str(part);
        }
    }
    let is_interaction = matches!(parts.first(), Some(&("interactions" | "webhooks")));
    Route {
        template,
        major,
        is_global: !is_interaction,
    }
}

/// What the limits say of a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It may pass; these headers go on its answer.
    Pass(HeaderMap),
    /// It may not.
    Refused(Response),
}

#[derive(Debug)]
struct Bucket {
    used: u32,
    ends: Timestamp,
}

/// The counters of all limits.
#[derive(Debug, Default)]
pub(super) struct Rates {
    buckets: HashMap<String, Bucket>,
    global: Option<(u32, Timestamp)>,
    shared: HashMap<String, Timestamp>,
    invalid: Option<(u32, Timestamp)>,
}

/// Buckets kept; beyond that those whose window is over are forgotten.
const BUCKETS_MAX: usize = 20_000;
const TEN_MINUTES: Duration = Duration::from_secs(600);
const SECOND: Duration = Duration::from_secs(1);

impl Rates {
    /// Limits a channel because of others, until then.
    pub(super) fn share(&mut self, major: &str, until: Timestamp) {
        self.shared.insert(format!(":{major}"), until);
    }

    /// Notes a refused answer (401, 403, 429).
    pub(super) fn note_invalid(&mut self, now: Timestamp) {
        match &mut self.invalid {
            Some((n, ends)) if *ends > now => *n = n.saturating_add(1),
            other => *other = Some((1, now.plus(TEN_MINUTES))),
        }
    }

    /// How many answers were refusals in the current ten minutes.
    pub(super) fn n_invalid(&self, now: Timestamp) -> u32 {
        self.invalid
            .filter(|(_, ends)| *ends > now)
            .map_or(0, |(n, _)| n)
    }

    /// Counts a request.
    pub(super) fn pass(&mut self, route: &Route, limits: &Limits, now: Timestamp) -> Verdict {
        if let Some((n, ends)) = self.invalid
            && ends > now
            && n >= limits.invalid_max
        {
            return Verdict::Refused(banned(ends.since(now)));
        }
        if let Some(until) = self.shared.get(&route.major)
            && *until > now
        {
            return Verdict::Refused(limited(until.since(now), "shared", None));
        }
        if route.is_global && limits.global > 0 {
            match &mut self.global {
                Some((n, ends)) if *ends > now => {
                    if *n >= limits.global {
                        let after = ends.since(now);
                        self.note_invalid(now);
                        return Verdict::Refused(limited(after, "global", None));
                    }
                    *n += 1;
                }
                other => *other = Some((1, now.plus(SECOND))),
            }
        }
        let (limit, period) = limits.of(&route.template);
        let name = bucket_name(&route.template);
        if self.buckets.len() > BUCKETS_MAX {
            self.buckets.retain(|_, bucket| bucket.ends > now);
        }
        let bucket = self
            .buckets
            .entry(format!("{name}{}", route.major))
            .or_insert(Bucket {
                used: 0,
                ends: now.plus(period),
            });
        if bucket.ends <= now {
            *bucket = Bucket {
                used: 0,
                ends: now.plus(period),
            };
        }
        let after = bucket.ends.since(now);
        if bucket.used >= limit {
            let headers = bucket_headers(&name, limit, 0, bucket.ends, after);
            self.note_invalid(now);
            return Verdict::Refused(limited(after, "user", Some(headers)));
        }
        bucket.used += 1;
        let left = limit.saturating_sub(bucket.used);
        Verdict::Pass(bucket_headers(&name, limit, left, bucket.ends, after))
    }
}

fn bucket_name(template: &str) -> String {
    let hash = Sha256::digest(template.as_bytes());
    random::hex(hash.get(..16).unwrap_or_default())
}

fn bucket_headers(
    name: &str,
    limit: u32,
    left: u32,
    ends: Timestamp,
    after: Duration,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let millis = ends.millis();
    let reset = format!("{}.{:03}", millis / 1_000, millis % 1_000);
    for (key, value) in [
        ("x-ratelimit-bucket", name.to_owned()),
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", left.to_string()),
        ("x-ratelimit-reset", reset),
        ("x-ratelimit-reset-after", seconds(after)),
    ] {
        put(&mut headers, key, &value);
    }
    headers
}

fn put(headers: &mut HeaderMap, key: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(key), value);
    }
}

/// Seconds with three digits, rounded up, so that who obeys is never early.
fn seconds(after: Duration) -> String {
    let millis = after.as_micros().div_ceil(1_000);
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// A 429 in Discord's form.
pub(super) fn limited(
    after: Duration,
    scope: &'static str,
    headers: Option<HeaderMap>,
) -> Response {
    let millis = u64::try_from(after.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
    // Whole and thousandth parts are exact in a double up to 2^53 ms.
    let retry: serde_json::Number = seconds(after)
        .parse()
        .unwrap_or_else(|_| serde_json::Number::from(millis / 1_000 + 1));
    let body = json!({
        "message": if scope == "global" { "You are being rate limited globally." } else { "You are being rate limited." },
        "retry_after": retry,
        "global": scope == "global",
    });
    let mut response = (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response();
    let target = response.headers_mut();
    if let Some(headers) = headers {
        target.extend(headers);
    }
    put(target, "x-ratelimit-scope", scope);
    if scope == "global" {
        put(target, "x-ratelimit-global", "true");
    }
    target.insert(
        header::RETRY_AFTER,
        HeaderValue::from(millis.div_ceil(1_000)),
    );
    response
}

/// What those see who were refused too often: a page of the network in front of Discord.
fn banned(after: Duration) -> Response {
    let mut response = (
        StatusCode::TOO_MANY_REQUESTS,
        [(header::CONTENT_TYPE, "text/html; charset=UTF-8")],
        "<!doctype html><title>Access denied</title><p>You are being blocked for a while.</p>",
    )
        .into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs() + 1));
    response
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;

    use super::{Limits, Rates, Route, Verdict, route};

    fn refused(verdict: Verdict) -> axum::response::Response {
        match verdict {
            Verdict::Refused(response) => response,
            Verdict::Pass(_) => panic!("it passed"),
        }
    }

    #[test]
    fn a_route_keeps_its_major_part_apart() {
        assert_eq!(
            route("PATCH", "/channels/111/messages/222"),
            Route {
                template: "PATCH/channels/:/messages/:".into(),
                major: ":111".into(),
                is_global: true
            }
        );
        let answer = route("PATCH", "/webhooks/1/tok/messages/@original");
        assert_eq!(answer.major, ":1:tok");
        assert!(!answer.is_global);
    }

    #[test]
    fn a_bucket_refuses_when_it_is_used_up_and_is_full_again_in_the_next_window() {
        let limits = Limits {
            messages: (2, std::time::Duration::from_secs(5)),
            ..Limits::default()
        };
        let mut rates = Rates::default();
        let one = route("POST", "/channels/1/messages");
        let start = Timestamp::from_secs(1_000_000);
        for left in ["1", "0"] {
            match rates.pass(&one, &limits, start) {
                Verdict::Pass(headers) => {
                    assert_eq!(headers["x-ratelimit-remaining"], left);
                    assert_eq!(headers["x-ratelimit-reset-after"], "5.000");
                    assert!(!headers.contains_key("x-ratelimit-scope"));
                }
                Verdict::Refused(_) => panic!("refused"),
            }
        }
        let other = route("POST", "/channels/2/messages");
        assert!(matches!(
            rates.pass(&other, &limits, start),
            Verdict::Pass(_)
        ));
        let later = start.plus(std::time::Duration::from_millis(1_500));
        let response = refused(rates.pass(&one, &limits, later));
        assert_eq!(response.headers()["x-ratelimit-scope"], "user");
        assert_eq!(response.headers()["retry-after"], "4");
        let after = start.plus(std::time::Duration::from_secs(5));
        assert!(matches!(rates.pass(&one, &limits, after), Verdict::Pass(_)));
    }

    #[test]
    fn the_global_limit_says_so_and_does_not_count_interactions() {
        let limits = Limits {
            global: 1,
            ..Limits::default()
        };
        let mut rates = Rates::default();
        let now = Timestamp::from_secs(1_000_000);
        assert!(matches!(
            rates.pass(&route("GET", "/guilds/1"), &limits, now),
            Verdict::Pass(_)
        ));
        let answer = route("POST", "/interactions/1/tok/callback");
        assert!(matches!(
            rates.pass(&answer, &limits, now),
            Verdict::Pass(_)
        ));
        let response = refused(rates.pass(&route("GET", "/guilds/2"), &limits, now));
        assert_eq!(response.headers()["x-ratelimit-global"], "true");
        assert!(!response.headers().contains_key("x-ratelimit-bucket"));
    }

    #[test]
    fn who_is_refused_too_often_is_shut_out_with_a_page() {
        let limits = Limits {
            invalid_max: 2,
            ..Limits::default()
        };
        let mut rates = Rates::default();
        let now = Timestamp::from_secs(1_000_000);
        rates.note_invalid(now);
        rates.note_invalid(now);
        let response = refused(rates.pass(&route("GET", "/guilds/1"), &limits, now));
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=UTF-8"
        );
    }
}
