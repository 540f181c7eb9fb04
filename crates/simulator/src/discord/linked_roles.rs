//! Linked roles: the records a role may ask for, and what people's applications say of them. Source:
//! Discord «Application Role Connection Metadata», «User», «Edit Current Application».
//!
//! Must never take a value for a record that is not there, or from a token without the scope.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as Extract},
    http::HeaderMap,
    response::IntoResponse,
};
use serde_json::{Map, Value, json};

use super::{
    Discord, Shared,
    oauth::bearer,
    refusal::{Form, Refusal},
    router::{Answer, application, body_of},
    state::State,
};

/// Records of one application.
const RECORDS_MAX: usize = 5;
/// Kinds of records: four of whole numbers, two of instants, two of truth values.
const KINDS: std::ops::RangeInclusive<u64> = 1..=8;

fn require_ours(shared: &Shared, app: &str) -> Result<(), Refusal> {
    if app == shared.options.application.to_string() {
        return Ok(());
    }
    Err(Refusal::missing_access())
}

/// `GET /applications/{id}/role-connections/metadata`
pub(super) async fn records(
    Extract(shared): Extract<Arc<Shared>>,
    Path(app): Path<String>,
) -> Answer {
    require_ours(&shared, &app)?;
    let state = shared.look();
    Ok(Json(json!(state.role_records)).into_response())
}

/// `PUT /applications/{id}/role-connections/metadata`
pub(super) async fn put_records(
    Extract(shared): Extract<Arc<Shared>>,
    Path(app): Path<String>,
    body: Bytes,
) -> Answer {
    require_ours(&shared, &app)?;
    let body = body_of(&body)?;
    let mut form = Form::default();
    let mut records = Vec::new();
    for (at, record) in form
        .list("records", Some(&body), RECORDS_MAX)
        .iter()
        .enumerate()
    {
        let kind = record.get("type").and_then(Value::as_u64);
        if kind.is_none_or(|kind| !KINDS.contains(&kind)) {
            let choices = "Value must be one of (1, 2, 3, 4, 5, 6, 7, 8).";
            form.wrong(&format!("{at}.type"), "BASE_TYPE_CHOICES", choices);
        }
        for (field, max) in [("key", 50), ("name", 100), ("description", 200)] {
            form.text(&format!("{at}.{field}"), record.get(field), 1, max);
        }
        let key = record
            .get("key")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if !key.bytes().all(is_plain) {
            let path = format!("{at}.key");
            form.wrong(
                &path,
                "STRING_TYPE_REGEX",
                "String value did not match validation regex.",
            );
        }
        records.push(json!({
            "type": kind,
            "key": key,
            "name": record.get("name"),
            "name_localizations": null,
            "description": record.get("description"),
            "description_localizations": null,
        }));
    }
    form.done()?;
    shared.state().role_records.clone_from(&records);
    Ok(Json(json!(records)).into_response())
}

/// `PATCH /applications/@me`: only where people are sent who want a linked role.
pub(super) async fn patch_application(
    Extract(shared): Extract<Arc<Shared>>,
    body: Bytes,
) -> Answer {
    let body = body_of(&body)?;
    let field = "role_connections_verification_url";
    let mut form = Form::default();
    form.text(field, body.get(field), 0, 2_048);
    let page = body.get(field).and_then(Value::as_str);
    let is_address = |page: &str| {
        url::Url::parse(page).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
    };
    if page.is_some_and(|page| !is_address(page)) {
        form.wrong(field, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
    }
    form.done()?;
    if body.get(field).is_some() {
        shared.state().role_page = page.map(str::to_owned);
    }
    Ok(application(Extract(shared)).await.into_response())
}

/// The person whose token may speak about roles.
fn speaker(shared: &Shared, app: &str, headers: &HeaderMap) -> Result<u64, Refusal> {
    let found = bearer(shared, headers).ok_or(Refusal::unauthorized())?;
    let scope = "role_connections.write";
    if !found.scope.split(' ').any(|given| given == scope) {
        return Err(Refusal::unauthorized());
    }
    require_ours(shared, app)?;
    Ok(found.user)
}

/// `GET /users/@me/applications/{id}/role-connection`
pub(super) async fn connection(
    Extract(shared): Extract<Arc<Shared>>,
    Path(app): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let user = speaker(&shared, &app, &headers)?;
    let state = shared.look();
    let held = state.role_connections.get(&user).cloned();
    Ok(Json(held.unwrap_or_else(nothing)).into_response())
}

fn nothing() -> Value {
    json!({ "metadata": {} })
}

/// `PUT /users/@me/applications/{id}/role-connection`
pub(super) async fn put_connection(
    Extract(shared): Extract<Arc<Shared>>,
    Path(app): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let user = speaker(&shared, &app, &headers)?;
    let body = body_of(&body)?;
    let mut state = shared.state();
    let mut form = Form::default();
    form.text("platform_name", body.get("platform_name"), 0, 50);
    form.text("platform_username", body.get("platform_username"), 0, 100);
    let values = values(&state, &mut form, body.get("metadata"));
    form.done()?;
    let mut held = nothing();
    if let Some(map) = held.as_object_mut() {
        map.insert("metadata".to_owned(), Value::Object(values));
        for field in ["platform_name", "platform_username"] {
            if let Some(text) = body.get(field).filter(|text| !text.is_null()) {
                map.insert(field.to_owned(), text.clone());
            }
        }
    }
    state.role_connections.insert(user, held.clone());
    state.trim(shared.now());
    Ok(Json(held).into_response())
}

/// The values, each for a record and of its kind.
fn values(state: &State, form: &mut Form, given: Option<&Value>) -> Map<String, Value> {
    let given = given
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for (key, value) in &given {
        let path = format!("metadata.{key}");
        let record = state
            .role_records
            .iter()
            .find(|record| record.get("key").and_then(Value::as_str) == Some(key));
        let Some(record) = record else {
            form.wrong(
                &path,
                "APPLICATION_METADATA_UNKNOWN_KEY",
                "Unknown metadata key.",
            );
            continue;
        };
        form.text(&path, Some(value), 1, 100);
        let text = value.as_str().unwrap_or_default();
        let fits = match record.get("type").and_then(Value::as_u64) {
            Some(1..=4) => text.parse::<i32>().is_ok(),
            Some(7..=8) => matches!(text, "0" | "1"),
            _ => !text.is_empty(),
        };
        if !fits {
            form.wrong(
                &path,
                "NUMBER_TYPE_COERCE",
                "Value is not of the record's kind.",
            );
        }
    }
    given
}

impl Discord {
    /// The records that a role may ask for.
    pub fn role_records(&self) -> Vec<Value> {
        self.shared.look().role_records.clone()
    }

    /// Where people are sent who want a linked role.
    pub fn role_page(&self) -> Option<String> {
        self.shared.look().role_page.clone()
    }

    /// What the application said of somebody; `None` if it never did.
    pub fn role_connection(&self, user: u64) -> Option<Value> {
        self.shared.look().role_connections.get(&user).cloned()
    }

    /// Ends every access token of people; refresh tokens stay good.
    pub fn end_access_tokens(&self) {
        self.shared.state().bearers.clear();
    }

    /// Somebody withdraws what they allowed the application, on Discord's own pages.
    pub fn deauthorize(&self, user: u64) {
        self.shared.state().deauthorize(user);
    }
}

impl State {
    /// Ends everything that somebody allowed.
    pub(super) fn deauthorize(&mut self, user: u64) {
        self.bearers.retain(|_, bearer| bearer.user != user);
        self.refreshes.retain(|_, bearer| bearer.user != user);
    }
}
