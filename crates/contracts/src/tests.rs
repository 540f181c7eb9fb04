//! Good and bad exchanges, made by hand.

use serde_json::{Value, json};

use super::*;

struct Made {
    method: &'static str,
    path: String,
    query: Option<&'static str>,
    content_type: Option<&'static str>,
    body: String,
    status: u16,
    reply: String,
}

impl Made {
    fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            query: None,
            content_type: None,
            body: String::new(),
            status: 0,
            reply: String::new(),
        }
    }

    fn query(mut self, query: &'static str) -> Self {
        self.query = Some(query);
        self
    }

    fn json(mut self, body: &Value) -> Self {
        self.content_type = Some("application/json; charset=utf-8");
        self.body = body.to_string();
        self
    }

    fn form(mut self, body: &str) -> Self {
        self.content_type = Some("application/x-www-form-urlencoded");
        self.body = body.to_owned();
        self
    }

    fn reply(mut self, status: u16, reply: &Value) -> Self {
        self.status = status;
        self.reply = if reply.is_null() {
            String::new()
        } else {
            reply.to_string()
        };
        self
    }

    fn exchange(&self) -> Exchange<'_> {
        Exchange {
            method: self.method,
            path: &self.path,
            query: self.query,
            content_type: self.content_type,
            body: self.body.as_bytes(),
            status: self.status,
            reply: self.reply.as_bytes(),
        }
    }
}

/// The places of all violations.
fn found(contract: &Contract, made: &Made) -> Vec<(Part, String)> {
    let mut found: Vec<_> = contract
        .check(&made.exchange())
        .into_iter()
        .map(|violation| (violation.part, violation.at))
        .collect();
    found.sort();
    found.dedup();
    found
}

macro_rules! assert_good {
    ($contract:expr, $made:expr) => {
        let report = $contract.check_all([$made.exchange()]);
        assert!(report.is_clean() && report.n_checked == 1, "{report}");
    };
}

const MESSAGES: &str = "/api/v10/channels/41771983423143937/messages";

#[test]
fn every_schema_of_the_contracts_compiles() {
    for (contract, at_least) in [
        (Contract::discord(), 250),
        (Contract::twitch(), 140),
        (Contract::slack(), 340),
    ] {
        let n = match contract {
            Some(Contract(Kind::OpenApi(api))) => api.compile_all(),
            Some(Contract(Kind::Slack(api))) => api.compile_all(),
            None => return,
        };
        assert!(n >= at_least, "{n} of {at_least}");
    }
}

#[test]
fn a_discord_message_is_in_order() {
    let Some(contract) = Contract::discord() else {
        return;
    };
    let body = json!({
        "content": "quack",
        "nonce": "01J",
        "enforce_nonce": true,
        "allowed_mentions": { "parse": [] },
        "embeds": [{ "title": "Pond", "fields": [{ "name": "ducks", "value": "3", "inline": true }] }],
        "components": [{ "type": 1, "components": [{ "type": 2, "style": 1, "label": "Go", "custom_id": "go" }] }],
    });
    assert_good!(contract, Made::new("POST", MESSAGES).json(&body));
}

#[test]
fn discord_texts_are_bounded_as_the_documentation_says() {
    let Some(contract) = Contract::discord() else {
        return;
    };
    let body = json!({ "content": "q".repeat(2001) });
    let made = Made::new("POST", MESSAGES).json(&body);
    assert_eq!(
        found(&contract, &made),
        [(Part::Request, "/content".to_owned())]
    );
    let body = json!({ "embeds": [{ "title": "q".repeat(257) }] });
    let made = Made::new("POST", MESSAGES).json(&body);
    assert_eq!(
        found(&contract, &made),
        [(Part::Request, "/embeds/0/title".to_owned())]
    );
}

#[test]
fn a_misspelt_key_is_found_at_any_depth() {
    let Some(contract) = Contract::discord() else {
        return;
    };
    for (body, at) in [
        (json!({ "contents": "quack" }), ""),
        (json!({ "embeds": [{ "colour": 1 }] }), "/embeds/0"),
        (
            json!({ "allowed_mentions": { "parses": [] } }),
            "/allowed_mentions",
        ),
    ] {
        let made = Made::new("POST", MESSAGES).json(&body);
        assert_eq!(
            found(&contract, &made),
            [(Part::Request, at.to_owned())],
            "{body}"
        );
    }
}

#[test]
fn a_discord_reply_is_held_against_its_status() {
    let Some(contract) = Contract::discord() else {
        return;
    };
    let post = || Made::new("POST", MESSAGES).json(&json!({ "content": "quack" }));
    let limited =
        json!({ "message": "You are being rate limited.", "retry_after": 0.5, "global": false });
    assert_good!(contract, post().reply(429, &limited));
    assert_good!(
        contract,
        post().reply(404, &json!({ "message": "Unknown Channel", "code": 10003 }))
    );
    let bare = json!({ "message": "You are being rate limited." });
    assert_eq!(
        found(&contract, &post().reply(429, &bare)),
        [(Part::Reply, String::new())]
    );
    let message = json!({ "id": 7, "content": "quack" });
    assert!(
        found(&contract, &post().reply(200, &message)).contains(&(Part::Reply, "/id".to_owned()))
    );
    assert_eq!(
        found(&contract, &post().reply(204, &Value::Null)),
        [(Part::Status, "204".to_owned())]
    );
    // A bad day is no violation, nor is a lost response.
    assert_good!(contract, post().reply(502, &json!("<html>")));
    assert_good!(contract, post().reply(0, &Value::Null));
    let delete = Made::new("DELETE", &format!("{MESSAGES}/1"));
    assert_eq!(
        found(&contract, &delete.reply(204, &json!({}))),
        [(Part::Reply, String::new())]
    );
}

#[test]
fn queries_and_paths_are_checked_too() {
    let Some(contract) = Contract::discord() else {
        return;
    };
    let events = "/api/v10/guilds/197038439483310086/scheduled-events/1/users";
    assert_good!(
        contract,
        Made::new("GET", events).query("limit=100&after=9&with_member=true")
    );
    for (query, at) in [
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("page=2", "page"),
        ("after=x", "after"),
    ] {
        let made = Made::new("GET", events).query(query);
        assert_eq!(
            found(&contract, &made),
            [(Part::Query, at.to_owned())],
            "{query}"
        );
    }
    let made = Made::new("GET", "/api/v10/channels/general/messages");
    assert_eq!(
        found(&contract, &made),
        [(Part::Path, "channel_id".to_owned())]
    );
}

#[test]
fn an_external_discord_event_needs_an_end_and_a_place() {
    let Some(contract) = Contract::discord() else {
        return;
    };
    let mut body = json!({
        "name": "Duck race",
        "privacy_level": 2,
        "entity_type": 3,
        "scheduled_start_time": "2026-12-01T18:00:00+00:00",
        "scheduled_end_time": "2026-12-01T20:00:00+00:00",
        "entity_metadata": { "location": "the pond" },
    });
    let post = |body: &Value| Made::new("POST", "/api/v10/guilds/1/scheduled-events").json(body);
    assert_good!(contract, post(&body));
    body.as_object_mut().unwrap().remove("scheduled_end_time");
    assert!(!found(&contract, &post(&body)).is_empty());
    body["scheduled_end_time"] = json!("tomorrow");
    assert_eq!(
        found(&contract, &post(&body)),
        [(Part::Request, "/scheduled_end_time".to_owned())]
    );
}

#[test]
fn an_operation_that_discord_does_not_have_is_a_violation_and_a_foreign_path_is_not_covered() {
    let Some(contract) = Contract::discord() else {
        return;
    };
    let made = Made::new("PUT", MESSAGES);
    assert_eq!(
        found(&contract, &made).first().map(|(part, _)| *part),
        Some(Part::Operation)
    );
    let token = Made::new("POST", "/api/oauth2/token");
    let report = contract.check_all([token.exchange()]);
    assert!(report.is_clean() && report.n_checked == 0, "{report}");
    assert!(report.uncovered.contains("POST /api/oauth2/token"));
}

#[test]
fn a_helix_chat_message_is_in_order() {
    let Some(contract) = Contract::twitch() else {
        return;
    };
    let body = json!({ "broadcaster_id": "1", "sender_id": "2", "message": "quack" });
    let reply = json!({ "data": [{ "message_id": "abc", "is_sent": true, "drop_reason": null }] });
    let post = |body: &Value| Made::new("POST", "/helix/chat/messages").json(body);
    assert_good!(contract, post(&body).reply(200, &reply));
    let unauthorised =
        json!({ "error": "Unauthorized", "status": 401, "message": "Invalid OAuth token" });
    assert_good!(contract, post(&body).reply(401, &unauthorised));
    assert_good!(
        contract,
        post(&body).reply(
            429,
            &json!({ "error": "Too Many Requests", "status": 429, "message": "" })
        )
    );
    assert_eq!(
        found(&contract, &post(&body).reply(401, &json!({ "ok": false })))
            .first()
            .map(|(part, _)| *part),
        Some(Part::Reply)
    );
    let body = json!({ "broadcaster_id": 1, "sender_id": "2", "message": "quack" });
    assert_eq!(
        found(&contract, &post(&body)),
        [(Part::Request, "/broadcaster_id".to_owned())]
    );
    let body = json!({ "broadcaster_id": "1", "message": "quack" });
    assert_eq!(
        found(&contract, &post(&body)),
        [(Part::Request, String::new())]
    );
}

#[test]
fn helix_lists_in_a_query_are_repeated_names() {
    let Some(contract) = Contract::twitch() else {
        return;
    };
    assert_good!(
        contract,
        Made::new("GET", "/helix/users").query("id=1&id=2&login=ann")
    );
    let made = Made::new("GET", "/helix/users").query("ids=1");
    assert_eq!(found(&contract, &made), [(Part::Query, "ids".to_owned())]);
    let made = Made::new("GET", "/helix/channels/followers");
    assert_eq!(
        found(&contract, &made),
        [(Part::Query, "broadcaster_id".to_owned())]
    );
}

#[test]
fn a_slack_message_is_in_order_as_json_and_as_a_form() {
    let Some(contract) = Contract::slack() else {
        return;
    };
    let body = json!({
        "channel": "C024BE91L",
        "text": "quack",
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": "*quack*" } },
            { "type": "actions", "elements": [
                { "type": "button", "text": { "type": "plain_text", "text": "Go" }, "action_id": "go", "value": "1" },
            ] },
        ],
        "unfurl_links": false,
    });
    assert_good!(
        contract,
        Made::new("POST", "/api/chat.postMessage").json(&body)
    );
    let form = "channel=C024BE91L&text=quack&unfurl_links=0&token=xoxb&\
                blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D";
    assert_good!(
        contract,
        Made::new("POST", "/api/chat.postMessage").form(form)
    );
}

#[test]
fn what_slack_would_refuse_is_found() {
    let Some(contract) = Contract::slack() else {
        return;
    };
    let post = |body: &Value| Made::new("POST", "/api/chat.postMessage").json(body);
    let parts = |made: &Made| found(&contract, made);
    assert!(!parts(&post(&json!({ "text": "no channel" }))).is_empty());
    assert!(
        !parts(&post(
            &json!({ "channel": "C1", "text": "quack", "texts": "x" })
        ))
        .is_empty()
    );
    let long = json!({ "type": "section", "text": { "type": "mrkdwn", "text": "q".repeat(3001) } });
    let body = json!({ "channel": "C1", "text": "quack", "blocks": [long] });
    assert_eq!(
        parts(&post(&body)),
        [(Part::Request, "/blocks/0/text/text".to_owned())]
    );
    let body = json!({ "channel": "C1", "text": "quack", "blocks": [{ "type": "sektion" }] });
    assert!(!parts(&post(&body)).is_empty());
    let update = Made::new("POST", "/api/chat.update").form("channel=C1&text=quack&colour=red");
    assert_eq!(
        parts(&update),
        [
            (Part::Request, "colour".to_owned()),
            (Part::Request, "ts".to_owned())
        ]
    );
}

#[test]
fn slack_replies_are_held_against_the_document_and_the_samples() {
    let Some(contract) = Contract::slack() else {
        return;
    };
    let test = |reply: &Value| Made::new("POST", "/api/auth.test").reply(200, reply);
    let good = json!({
        "ok": true, "url": "https://ducks.slack.com/", "team": "Ducks", "user": "bot", "team_id": "T0123ABCD",
        "user_id": "U0123ABCD", "bot_id": "B0123ABCD",
    });
    assert_good!(contract, test(&good));
    assert_good!(
        contract,
        test(&json!({ "ok": false, "error": "invalid_auth" }))
    );
    let mut bad = good.clone();
    bad["user_id"] = json!("somebody");
    assert_eq!(
        found(&contract, &test(&bad)),
        [(Part::Reply, "/user_id".to_owned())]
    );
    let mut bad = good;
    bad["invented"] = json!(1);
    assert_eq!(
        found(&contract, &test(&bad)),
        [(Part::Reply, "/invented".to_owned())]
    );
    assert_eq!(
        found(&contract, &test(&json!({ "ok": false }))),
        [(Part::Reply, String::new())]
    );
    let status =
        Made::new("POST", "/api/auth.test").reply(401, &json!({ "ok": false, "error": "x" }));
    assert_eq!(
        found(&contract, &status),
        [(Part::Status, "401".to_owned())]
    );
    let newer = Made::new("POST", "/api/assistant.threads.setStatus").reply(200, &json!({}));
    let report = contract.check_all([newer.exchange()]);
    assert!(report.is_clean() && report.uncovered.len() == 1, "{report}");
}

#[test]
fn slack_events_have_the_shape_of_the_samples() {
    let Some(events) = SlackEvents::load() else {
        return;
    };
    let mut payload = json!({
        "token": "t", "team_id": "T1", "api_app_id": "A1", "type": "event_callback", "event_id": "Ev1",
        "event_time": 1_700_000_000, "context_team_id": "T1",
        "authorizations": [{ "enterprise_id": null, "team_id": "T1", "user_id": "U1", "is_bot": true,
                             "is_enterprise_install": false }],
        "event": { "type": "message", "channel": "C1", "user": "U2", "text": "quack", "ts": "1.2", "event_ts": "1.2",
                   "channel_type": "channel" },
    });
    assert_eq!(events.check(&payload), []);
    payload["event"]["ts"] = json!(1.2);
    payload["event"]["colour"] = json!("red");
    payload["event"].as_object_mut().unwrap().remove("user");
    payload.as_object_mut().unwrap().remove("event_id");
    let mut places: Vec<String> = events.check(&payload).into_iter().map(|it| it.at).collect();
    places.sort();
    assert_eq!(places, ["", "/event/colour", "/event/ts", "/event/user"]);
    payload["event"]["type"] = json!("quacked");
    assert_eq!(
        events.check(&payload).first().map(|it| it.part),
        Some(Part::Operation)
    );
}

#[test]
fn slack_interactions_have_the_shape_of_the_samples() {
    let Some(events) = SlackEvents::load() else {
        return;
    };
    let mut payload = json!({
        "type": "block_actions", "api_app_id": "A1", "token": "t", "trigger_id": "1.2.3",
        "user": { "id": "U1", "username": "ann", "team_id": "T1" }, "team": { "id": "T1", "domain": "ducks" },
        "container": { "type": "message", "message_ts": "1.2", "channel_id": "C1" },
        "channel": { "id": "C1", "name": "pond" }, "response_url": "https://hooks.slack.com/x",
        "actions": [{ "type": "button", "action_id": "go", "block_id": "b", "value": "1", "action_ts": "1.3" }],
    });
    assert_eq!(events.check(&payload), []);
    payload["actions"][0]["value"] = json!(1);
    assert_eq!(events.check(&payload).len(), 1);
    let mut command = json!({
        "token": "t", "team_id": "T1", "team_domain": "ducks", "channel_id": "C1", "channel_name": "pond",
        "user_id": "U1", "user_name": "ann", "command": "/waddlebot", "text": "ping", "api_app_id": "A1",
        "is_enterprise_install": "false", "response_url": "https://hooks.slack.com/x", "trigger_id": "1.2.3",
    });
    assert_eq!(events.check(&command), []);
    command.as_object_mut().unwrap().remove("response_url");
    assert_eq!(
        events.check(&command).first().map(|it| it.at.as_str()),
        Some("/response_url")
    );
}
