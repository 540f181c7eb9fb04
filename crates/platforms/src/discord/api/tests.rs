use std::time::Duration;

use bytes::Bytes;
use reqwest::{StatusCode, header::HeaderMap};
use twilight_http::routing::Route;

use super::{ApiError, Ending, Limit, Reply, Scope, ending, judge, reading, retry_after};
use crate::gate::Lane;

fn reply(status: u16, headers: &[(&'static str, &str)], body: &str) -> Reply {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: map,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

#[test]
fn a_route_is_limited_apart_for_each_channel_and_guild_only() {
    let limit = Limit::of(&Route::UpdateMessage {
        channel_id: 7,
        message_id: 8,
    });
    assert_eq!(
        limit.lanes,
        [Lane::learned("PATCH channels/:/messages/:", "7")]
    );
    let limit = Limit::of(&Route::GetGuildScheduledEventUsers {
        after: Some(5),
        before: None,
        guild_id: 3,
        limit: Some(100),
        scheduled_event_id: 4,
        with_member: false,
    });
    assert_eq!(
        limit.lanes,
        [Lane::learned("GET guilds/:/scheduled-events/:/users", "3")]
    );
    assert_eq!(limit.class, "events");
}

#[test]
fn a_429_is_obeyed_to_the_millisecond_and_meant_for_whom_it_says() {
    let user = reply(
        429,
        &[("x-ratelimit-scope", "user"), ("retry-after", "2")],
        r#"{"retry_after":1.337,"global":false,"message":"slow"}"#,
    );
    let after = Duration::from_millis(1_337);
    assert_eq!(
        ending(&user),
        Ending::Limited {
            after,
            scope: Scope::Lane
        }
    );
    assert_eq!(
        judge(user, false).unwrap_err(),
        ApiError::RateLimited { after }
    );
    let shared = reply(
        429,
        &[("x-ratelimit-scope", "shared")],
        r#"{"retry_after":0.5}"#,
    );
    assert_eq!(
        ending(&shared),
        Ending::Limited {
            after: Duration::from_millis(500),
            scope: Scope::Shared
        }
    );
    let page = reply(429, &[("retry-after", "7")], "<html>banned</html>");
    assert_eq!(
        ending(&page),
        Ending::Limited {
            after: Duration::from_secs(7),
            scope: Scope::Global
        }
    );
    assert_eq!(retry_after(&reply(429, &[], "")), Duration::from_secs(60));
    assert_eq!(
        retry_after(&reply(429, &[("retry-after", "-3")], "")),
        Duration::from_secs(60)
    );
}

#[test]
fn headers_are_read_without_a_scope() {
    let answer = reply(
        200,
        &[
            ("x-ratelimit-bucket", "abc"),
            ("x-ratelimit-limit", "5"),
            ("x-ratelimit-remaining", "4"),
            ("x-ratelimit-reset-after", "1.250"),
        ],
        "{}",
    );
    let read = reading(&answer).unwrap();
    assert_eq!(
        (read.limit, read.remaining, read.reset_after),
        (5, 4, Duration::from_millis(1_250))
    );
    assert_eq!(
        reading(&reply(200, &[("x-ratelimit-limit", "many")], "")),
        None
    );
}

#[test]
fn a_refusal_says_what_and_where_and_never_what_was_sent() {
    let body = r#"{"message":"Invalid Form Body","code":50035,"errors":{"embeds":{"0":{"title":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"secret text is too long"}]}}}}}"#;
    let error = judge(reply(400, &[], body), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Invalid Form Body: embeds.0.title BASE_TYPE_MAX_LENGTH (Discord 400, code 50035)"
    );
    let page = judge(reply(403, &[], "<html>no</html>"), false).unwrap_err();
    assert_eq!(
        page.to_string(),
        "refused without a readable reason (Discord 403, code 0)"
    );
}

#[test]
fn after_a_5xx_only_what_may_be_repeated_counts_as_not_done() {
    assert!(matches!(
        judge(reply(502, &[], "<html>"), false),
        Err(ApiError::Unknown(_))
    ));
    assert!(matches!(
        judge(reply(502, &[], ""), true),
        Err(ApiError::Unavailable(_))
    ));
    assert!(matches!(
        judge(reply(503, &[], ""), false),
        Err(ApiError::Unavailable(_))
    ));
    assert_eq!(ending(&reply(500, &[], "")), Ending::Failed);
}
