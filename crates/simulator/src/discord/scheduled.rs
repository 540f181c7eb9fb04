//! Scheduled events over REST, and who comes. Sources: Discord «Guild Scheduled Event». Must never
//! take an external event without place and end, or more than a hundred that are still to come.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State as Extract},
    response::IntoResponse,
};
use kernel::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Shared, id,
    message::number,
    refusal::{Form, Refusal},
    router::{Answer, body_of, nothing},
    state::{Guild, Planned, State, intent},
    view,
};

/// Events planned or under way in one guild.
const OPEN_MAX: usize = 100;
/// People on one page.
const PAGE_MAX: usize = 100;

impl State {
    fn home(&mut self, guild: u64) -> Result<&mut Guild, Refusal> {
        self.ours(guild).ok_or(Refusal::unknown(10_004))
    }
}

/// What may be asked besides.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    with_user_count: Option<bool>,
    with_member: Option<bool>,
    limit: Option<usize>,
    before: Option<u64>,
    after: Option<u64>,
}

fn shown(planned: &Planned, asked: &Asked) -> Value {
    let mut body = planned.body.clone();
    if let (Some(true), Some(map)) = (asked.with_user_count, body.as_object_mut()) {
        map.insert("user_count".to_owned(), json!(planned.interested.len()));
    }
    body
}

pub(super) async fn list(
    Extract(shared): Extract<Arc<Shared>>,
    Path(guild): Path<u64>,
    Query(asked): Query<Asked>,
) -> Answer {
    let mut state = shared.state();
    let views: Vec<Value> = state
        .home(guild)?
        .events
        .values()
        .filter(|planned| is_open(&planned.body))
        .map(|planned| shown(planned, &asked))
        .collect();
    Ok(Json(views).into_response())
}

pub(super) async fn get(
    Extract(shared): Extract<Arc<Shared>>,
    Path((guild, event)): Path<(u64, u64)>,
    Query(asked): Query<Asked>,
) -> Answer {
    let mut state = shared.state();
    let planned = state.home(guild)?.events.get(&event);
    let planned = planned.ok_or(Refusal::unknown(10_070))?;
    Ok(Json(shown(planned, &asked)).into_response())
}

fn is_open(body: &Value) -> bool {
    matches!(body.get("status").and_then(Value::as_u64), Some(1 | 2))
}

/// Checks what an event would be, and that its start is still to come if that is new.
fn check(body: &Map<String, Value>, now: Timestamp, is_start_new: bool) -> Result<(), Refusal> {
    let mut form = Form::default();
    form.text("name", body.get("name"), 1, 100);
    form.text("description", body.get("description"), 0, 1_000);
    if body.get("privacy_level").and_then(Value::as_u64) != Some(2) {
        form.wrong(
            "privacy_level",
            "BASE_TYPE_CHOICES",
            "Value must be one of {2}.",
        );
    }
    let time = |key: &str| {
        body.get(key)
            .and_then(Value::as_str)
            .and_then(id::parse_iso)
    };
    let start = time("scheduled_start_time");
    match start {
        None => form.wrong(
            "scheduled_start_time",
            "BASE_TYPE_REQUIRED",
            "This field is required",
        ),
        Some(start) if is_start_new && start <= now => form.wrong(
            "scheduled_start_time",
            "GUILD_SCHEDULED_EVENT_SCHEDULE_PAST",
            "Cannot schedule event in the past.",
        ),
        Some(_) => {}
    }
    let end = time("scheduled_end_time");
    if let (Some(start), Some(end)) = (start, end)
        && end <= start
    {
        form.wrong(
            "scheduled_end_time",
            "GUILD_SCHEDULED_EVENT_END_BEFORE_START",
            "End time must be after start time.",
        );
    }
    let has_channel = body
        .get("channel_id")
        .is_some_and(|channel| !channel.is_null());
    match body.get("entity_type").and_then(Value::as_u64) {
        Some(3) => {
            let place = body
                .get("entity_metadata")
                .and_then(|data| data.get("location"));
            form.text("entity_metadata.location", place, 1, 100);
            if end.is_none() {
                form.wrong(
                    "scheduled_end_time",
                    "BASE_TYPE_REQUIRED",
                    "This field is required",
                );
            }
            if has_channel {
                form.wrong(
                    "channel_id",
                    "BASE_TYPE_CHOICES",
                    "Must be null for external events.",
                );
            }
        }
        Some(1 | 2) if !has_channel => {
            form.wrong("channel_id", "BASE_TYPE_REQUIRED", "This field is required");
        }
        Some(1 | 2) => {}
        _ => form.wrong(
            "entity_type",
            "BASE_TYPE_CHOICES",
            "Value must be one of {1, 2, 3}.",
        ),
    }
    form.done()
}

/// What a client may set.
const SETTABLE: [&str; 11] = [
    "channel_id",
    "entity_metadata",
    "name",
    "privacy_level",
    "scheduled_start_time",
    "scheduled_end_time",
    "description",
    "entity_type",
    "status",
    "image",
    "recurrence_rule",
];

fn apply(target: &mut Map<String, Value>, body: &Value) {
    for key in SETTABLE {
        let Some(value) = body.get(key) else { continue };
        let time = value.as_str().filter(|_| key.ends_with("_time"));
        let value = match time.and_then(id::parse_iso) {
            Some(at) => json!(id::iso(at)),
            None if key == "channel_id" => {
                number(value).map_or(Value::Null, |channel| json!(channel.to_string()))
            }
            None => value.clone(),
        };
        target.insert(key.to_owned(), value);
    }
}

pub(super) async fn create(
    Extract(shared): Extract<Arc<Shared>>,
    Path(guild): Path<u64>,
    body: Bytes,
) -> Answer {
    let body = body_of(&body)?;
    let now = shared.now();
    let mut state = shared.state();
    let found = state.home(guild)?;
    if found
        .events
        .values()
        .filter(|planned| is_open(&planned.body))
        .count()
        >= OPEN_MAX
    {
        return Err(Refusal::too_many_events());
    }
    let mut made = Map::new();
    for key in [
        "channel_id",
        "description",
        "scheduled_end_time",
        "entity_metadata",
        "image",
        "recurrence_rule",
    ] {
        made.insert(key.to_owned(), Value::Null);
    }
    apply(&mut made, &body);
    check(&made, now, true)?;
    let id = state.next_id(now);
    let app = state.app;
    let creator = state.user_view(app);
    for (key, value) in [
        ("id", json!(id.to_string())),
        ("guild_id", json!(guild.to_string())),
        ("creator_id", json!(app.to_string())),
        ("creator", creator),
        ("entity_id", Value::Null),
        ("status", json!(1)),
        ("guild_scheduled_event_exceptions", json!([])),
    ] {
        made.insert(key.to_owned(), value);
    }
    let view = Value::Object(made);
    if let Some(found) = state.ours(guild) {
        let planned = Planned {
            body: view.clone(),
            interested: std::collections::BTreeSet::new(),
        };
        found.events.insert(id, planned);
    }
    state.dispatch(
        "GUILD_SCHEDULED_EVENT_CREATE",
        Some(guild),
        intent::SCHEDULED,
        &view,
    );
    Ok(Json(view).into_response())
}

pub(super) async fn update(
    Extract(shared): Extract<Arc<Shared>>,
    Path((guild, event)): Path<(u64, u64)>,
    body: Bytes,
) -> Answer {
    let body = body_of(&body)?;
    let now = shared.now();
    let mut state = shared.state();
    let planned = state.home(guild)?.events.get_mut(&event);
    let planned = planned.ok_or(Refusal::unknown(10_070))?;
    let mut changed = planned.body.as_object().cloned().unwrap_or_default();
    let was_external = changed.get("entity_type").and_then(Value::as_u64) == Some(3);
    let before = changed.get("status").and_then(Value::as_u64).unwrap_or(1);
    apply(&mut changed, &body);
    let is_external = changed.get("entity_type").and_then(Value::as_u64) == Some(3);
    let mut form = Form::default();
    if is_external && !was_external && !body.get("channel_id").is_some_and(Value::is_null) {
        form.wrong(
            "channel_id",
            "BASE_TYPE_REQUIRED",
            "Must be null for external events.",
        );
    }
    let after = changed.get("status").and_then(Value::as_u64).unwrap_or(0);
    if !matches!(
        (before, after),
        (1, 1 | 2 | 4) | (2, 2 | 3) | (3, 3) | (4, 4)
    ) {
        form.wrong("status", "BASE_TYPE_CHOICES", "This status cannot follow.");
    }
    form.done()?;
    check(&changed, now, body.get("scheduled_start_time").is_some())?;
    planned.body = Value::Object(changed);
    let view = planned.body.clone();
    state.dispatch(
        "GUILD_SCHEDULED_EVENT_UPDATE",
        Some(guild),
        intent::SCHEDULED,
        &view,
    );
    Ok(Json(view).into_response())
}

pub(super) async fn delete(
    Extract(shared): Extract<Arc<Shared>>,
    Path((guild, event)): Path<(u64, u64)>,
) -> Answer {
    let mut state = shared.state();
    let planned = state.home(guild)?.events.remove(&event);
    let planned = planned.ok_or(Refusal::unknown(10_070))?;
    state.dispatch(
        "GUILD_SCHEDULED_EVENT_DELETE",
        Some(guild),
        intent::SCHEDULED,
        &planned.body,
    );
    Ok(nothing())
}

pub(super) async fn users(
    Extract(shared): Extract<Arc<Shared>>,
    Path((guild, event)): Path<(u64, u64)>,
    Query(asked): Query<Asked>,
) -> Answer {
    let limit = asked.limit.unwrap_or(PAGE_MAX);
    let mut form = Form::default();
    if !(1..=PAGE_MAX).contains(&limit) {
        form.wrong(
            "limit",
            "NUMBER_TYPE_MAX",
            "int value should be less than or equal to 100.",
        );
    }
    form.done()?;
    let mut state = shared.state();
    let found = state.home(guild)?;
    let planned = found.events.get(&event).ok_or(Refusal::unknown(10_070))?;
    let mut ids: Vec<u64> = match (asked.before, asked.after) {
        // Before wins over after.
        (Some(before), _) => planned
            .interested
            .range(..before)
            .rev()
            .take(limit)
            .copied()
            .collect(),
        (None, Some(after)) => planned
            .interested
            .range(after.saturating_add(1)..)
            .take(limit)
            .copied()
            .collect(),
        (None, None) => planned.interested.iter().take(limit).copied().collect(),
    };
    ids.sort_unstable();
    let members = found.members.clone();
    let views: Vec<Value> = ids
        .into_iter()
        .map(|user| {
            let mut one = json!({
                "guild_scheduled_event_id": event.to_string(),
                "user_id": user.to_string(),
                "response": 1,
                "user": state.user_view(user),
            });
            let member = members
                .get(&user)
                .filter(|_| asked.with_member == Some(true));
            if let (Some(member), Some(map)) = (member, one.as_object_mut()) {
                map.insert("member".to_owned(), view::member(member, None));
            }
            one
        })
        .collect();
    Ok(Json(views).into_response())
}
