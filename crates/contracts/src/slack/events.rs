//! What Slack sends by itself, over HTTP or Socket Mode: events, interactions, slash commands. The samples come from
//! Slack's Java library, which has a field for everything; what is required comes from Slack's own schema of the
//! envelope.

use std::collections::BTreeMap;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::{shape, text};
use crate::{Part, Violation, compile, files};

/// Keys that samples lack: who is meant (the oldest way is in some of them only), which app spoke,
/// and of which workspace.
const ADDED: [&str; 5] = [
    "/authed_users",
    "/context_enterprise_id",
    "/context_team_id",
    "/event/app_id",
    "/event/team",
];
/// What an event has by its type, besides `type` and `event_ts`; a message with a subtype differs.
/// <https://docs.slack.dev/reference/events>
const REQUIRED: [(&str, &[&str]); 5] = [
    (
        "message",
        &["channel", "channel_type", "text", "ts", "user"],
    ),
    ("app_mention", &["channel", "text", "ts", "user"]),
    (
        "member_joined_channel",
        &["channel", "channel_type", "team", "user"],
    ),
    (
        "member_left_channel",
        &["channel", "channel_type", "team", "user"],
    ),
    ("reaction_added", &["item", "reaction", "user"]),
];
/// <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>
const BLOCK_ACTIONS: [&str; 9] = [
    "actions",
    "api_app_id",
    "channel",
    "container",
    "response_url",
    "team",
    "trigger_id",
    "type",
    "user",
];
/// <https://docs.slack.dev/interactivity/implementing-slash-commands>
const SLASH_COMMAND: [&str; 10] = [
    "api_app_id",
    "channel_id",
    "channel_name",
    "command",
    "response_url",
    "team_domain",
    "team_id",
    "text",
    "trigger_id",
    "user_id",
];

/// The samples, and the schema of the envelope.
#[derive(Debug)]
pub struct SlackEvents {
    /// By type, or type and subtype with a slash.
    events: BTreeMap<String, Value>,
    /// By the class that holds them.
    interactions: BTreeMap<String, Value>,
    envelope: Validator,
}

impl SlackEvents {
    /// Reads the files; `None`, said past the test harness's capture, where they are absent.
    ///
    /// # Panics
    /// If they are there and are not what they should be.
    pub fn load() -> Option<Self> {
        let mut envelope = files::read("slack/slack_common_event_wrapper_schema.json")?;
        if let Some(Value::Array(required)) = envelope.get_mut("required") {
            // Gone from what Slack sends: `authorizations` stands in its place.
            required.retain(|name| name != "authed_users");
        }
        let by_event = |(_, sample): (String, Value)| {
            let event = sample.get("event").cloned().unwrap_or_default();
            (name(&event), sample)
        };
        let by_class = |(file, sample): (String, Value)| {
            let class = file.rsplit("__").next().unwrap_or_default();
            (class.trim_end_matches(".json").to_owned(), sample)
        };
        let events = files::read_all("slack/samples-events")?;
        let interactions = files::read_all("slack/samples-app-backend")?;
        Some(Self {
            events: events.into_iter().map(by_event).collect(),
            interactions: interactions.into_iter().map(by_class).collect(),
            envelope: compile::compile(&envelope, &["definitions"], &Map::new(), Draft::Draft7),
        })
    }

    /// What is out of order in the payload of an event (with its envelope), of `block_actions`, or of a slash command
    /// (its form as an object of texts).
    pub fn check(&self, payload: &Value) -> Vec<Violation> {
        match text(payload, "type") {
            "event_callback" => self.check_event(payload),
            "block_actions" => {
                self.check_interaction("BlockActionPayload", payload, &BLOCK_ACTIONS)
            }
            "" if payload.get("command").is_some() => {
                let mut payload = payload.clone();
                // In a form everything is text.
                if let Some(flag) = payload.get_mut("is_enterprise_install") {
                    *flag = json!(*flag == json!("true"));
                }
                self.check_interaction("SlashCommandPayload", &payload, &SLASH_COMMAND)
            }
            other => vec![Violation::new(
                other,
                Part::Operation,
                "/type",
                "not in the contract",
            )],
        }
    }

    fn check_event(&self, payload: &Value) -> Vec<Violation> {
        let event = payload.get("event").cloned().unwrap_or_default();
        let name = name(&event);
        let mut found = compile::findings(&self.envelope, payload);
        let Some(sample) = self.events.get(&name) else {
            return vec![Violation::new(
                &name,
                Part::Operation,
                "/event/type",
                "not in the contract",
            )];
        };
        let shape = shape::compare(payload, sample).into_iter();
        found.extend(shape.filter(|(at, _)| !ADDED.contains(&at.as_str())));
        let required = REQUIRED.iter().find(|(of, _)| *of == name);
        found.extend(missing(
            &event,
            "/event",
            required.map(|(_, keys)| *keys).unwrap_or_default(),
        ));
        violations(&name, found)
    }

    fn check_interaction(&self, class: &str, payload: &Value, required: &[&str]) -> Vec<Violation> {
        let Some(sample) = self.interactions.get(class) else {
            panic!("the contract has no sample `{class}`");
        };
        let mut found = shape::compare(payload, sample);
        found.extend(missing(payload, "", required));
        violations(class, found)
    }
}

fn violations(name: &str, found: Vec<(String, String)>) -> Vec<Violation> {
    found
        .into_iter()
        .map(|(at, reason)| Violation::new(name, Part::Payload, at, reason))
        .collect()
}

fn missing(value: &Value, at: &str, keys: &[&str]) -> Vec<(String, String)> {
    let absent = keys.iter().filter(|key| value.get(**key).is_none());
    absent
        .map(|key| (format!("{at}/{key}"), "is required".to_owned()))
        .collect()
}

/// The type, and the subtype after a slash.
fn name(event: &Value) -> String {
    match text(event, "subtype") {
        "" => text(event, "type").to_owned(),
        subtype => format!("{}/{subtype}", text(event, "type")),
    }
}
