//! The stream schedule: segments, with the rule that only partners and affiliates plan single ones.

use std::time::Duration;

use kernel::Timestamp;
use serde_json::{Value, json};

use super::{Answer, Ask, Refusal, bad, refuse};
use crate::twitch::{
    Partnership,
    state::{Channel, Segment, State},
    time,
};

const TITLE_MAX: usize = 140;
const MINUTES: std::ops::RangeInclusive<u32> = 30..=1_380;
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// Segments of one channel.
const SEGMENTS_MAX: usize = 500;

/// `GET /schedule`
pub(crate) fn list(ask: &Ask, state: &mut State) -> Answer {
    let broadcaster = ask.need_param("broadcaster_id")?.to_owned();
    let asked: Vec<String> = ask.params("id").map(str::to_owned).collect();
    let from = match ask.param("start_time") {
        Some(text) => time::parse(text).ok_or_else(|| bad("invalid start_time"))?,
        None => ask.now,
    };
    let first: usize = match ask.param("first") {
        Some(text) => text.parse().ok().ok_or_else(|| bad("invalid first"))?,
        None => 20,
    };
    if !(1..=25).contains(&first) {
        return Err(bad("The first parameter must be between 1 and 25"));
    }
    let after: usize = match ask.param("after") {
        Some(text) => text.parse().ok().ok_or_else(|| bad("invalid cursor"))?,
        None => 0,
    };
    let (_, channel) = state.channel(&broadcaster);
    let mut segments: Vec<Segment> = channel
        .segments
        .iter()
        .map(|segment| next_of(segment, from))
        .filter(|segment| asked.is_empty() || asked.contains(&segment.id))
        .filter(|segment| !asked.is_empty() || ends(segment) > from)
        .collect();
    if segments.is_empty() {
        return Err(refuse(
            404,
            "The broadcaster has not created a streaming schedule.",
        ));
    }
    segments.sort_by_key(|segment| segment.start);
    let total = segments.len();
    let shown: Vec<Value> = segments
        .iter()
        .skip(after)
        .take(first)
        .map(Segment::view)
        .collect();
    let next = after + shown.len();
    let pagination = if next < total {
        json!({ "cursor": next.to_string() })
    } else {
        json!({})
    };
    let mut data = view(state, &broadcaster, &shown);
    if let Value::Object(data) = &mut data {
        data.insert("pagination".to_owned(), pagination);
    }
    Ok((200, Some(json!({ "data": data }))))
}

/// The occurrence of a segment that is on or comes next.
fn next_of(segment: &Segment, now: Timestamp) -> Segment {
    let mut next = segment.clone();
    while next.is_recurring && ends(&next) <= now {
        next.start = next.start.plus(WEEK);
    }
    next
}

fn ends(segment: &Segment) -> Timestamp {
    let length = Duration::from_secs(u64::from(segment.minutes) * 60);
    segment.start.plus(length)
}

/// `POST /schedule/segment`
pub(crate) fn create(ask: &Ask, state: &mut State) -> Answer {
    let broadcaster = owner(ask)?;
    let start = start(ask.need_field("start_time")?)?;
    let timezone = zone(ask.need_field("timezone")?)?;
    let minutes = minutes(&ask.body)?.ok_or_else(|| bad("The duration field is required"))?;
    let title = title(ask)?.unwrap_or_default();
    let is_recurring = ask
        .body
        .get("is_recurring")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let id = state.ids.token();
    let category = ask.field("category_id").map(str::to_owned);
    let (_, channel) = state.channel(&broadcaster);
    if !is_recurring && channel.partnership == Partnership::None {
        return Err(refuse(
            403,
            "Only partners and affiliates may add non-recurring broadcast segments.",
        ));
    }
    let segment = Segment {
        id,
        start,
        minutes,
        timezone,
        title,
        category,
        is_recurring,
        canceled_until: None,
    };
    if overlaps(channel, &segment) {
        return Err(bad("Segment cannot create overlapping segment"));
    }
    if channel.segments.len() >= SEGMENTS_MAX {
        return Err(bad("too many segments"));
    }
    let shown = segment.view();
    channel.segments.push(segment);
    let data = view(state, &broadcaster, &[shown]);
    Ok((200, Some(json!({ "data": data }))))
}

/// `PATCH /schedule/segment`
pub(crate) fn update(ask: &Ask, state: &mut State) -> Answer {
    let broadcaster = owner(ask)?;
    let id = ask.need_param("id")?.to_owned();
    let start = ask.field("start_time").map(start).transpose()?;
    let timezone = ask.field("timezone").map(zone).transpose()?;
    let minutes = minutes(&ask.body)?;
    let title = title(ask)?;
    let (_, channel) = state.channel(&broadcaster);
    let partnership = channel.partnership;
    let found = channel.segments.iter().find(|segment| segment.id == id);
    let Some(mut changed) = found.cloned() else {
        return Err(refuse(
            404,
            "The specified broadcast segment was not found.",
        ));
    };
    if let Some(start) = start {
        if changed.is_recurring || partnership == Partnership::None {
            let message = "Only partners and affiliates may update a broadcast's start time, and \
                           only for non-recurring segments.";
            return Err(bad(message));
        }
        changed.start = start;
    }
    changed.timezone = timezone.unwrap_or(changed.timezone);
    changed.minutes = minutes.unwrap_or(changed.minutes);
    changed.title = title.unwrap_or(changed.title);
    if let Some(category) = ask.field("category_id") {
        changed.category = Some(category.to_owned());
    }
    if let Some(is_canceled) = ask.body.get("is_canceled").and_then(Value::as_bool) {
        changed.canceled_until = is_canceled.then(|| ends(&next_of(&changed, ask.now)));
    }
    if overlaps(channel, &changed) {
        return Err(bad("Segment cannot create overlapping segment"));
    }
    let shown = changed.view();
    let mut segments = channel.segments.iter_mut();
    if let Some(segment) = segments.find(|segment| segment.id == id) {
        *segment = changed;
    }
    let data = view(state, &broadcaster, &[shown]);
    Ok((200, Some(json!({ "data": data }))))
}

/// `DELETE /schedule/segment`; what is not there is deleted already.
pub(crate) fn delete(ask: &Ask, state: &mut State) -> Answer {
    let broadcaster = owner(ask)?;
    let id = ask.need_param("id")?;
    let (_, channel) = state.channel(&broadcaster);
    channel.segments.retain(|segment| segment.id != id);
    Ok((204, None))
}

fn owner(ask: &Ask) -> Result<String, Refusal> {
    let broadcaster = ask.need_param("broadcaster_id")?;
    ask.need_user(broadcaster, "broadcaster_id")?;
    ask.need_scope("channel:manage:schedule")?;
    Ok(broadcaster.to_owned())
}

fn start(text: &str) -> Result<Timestamp, Refusal> {
    time::parse(text).ok_or_else(|| bad("The format of start_time is not valid"))
}

/// An IANA zone, as far as that can be seen without the zone database.
fn zone(text: &str) -> Result<String, Refusal> {
    let is_word = |part: &str| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic())
            && chars.all(|c| c.is_ascii_alphanumeric() || "_-+".contains(c))
    };
    let is_zone =
        matches!(text, "UTC" | "GMT") || (text.contains('/') && text.split('/').all(is_word));
    is_zone
        .then(|| text.to_owned())
        .ok_or_else(|| bad("The value in the timezone field is not valid."))
}

/// Minutes, as a string.
fn minutes(body: &Value) -> Result<Option<u32>, Refusal> {
    let invalid = || bad("The value in the duration field is not valid.");
    match body.get("duration") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let minutes: Option<u32> = text.parse().ok();
            let minutes = minutes.filter(|minutes| MINUTES.contains(minutes));
            minutes.map(Some).ok_or_else(invalid)
        }
        Some(_) => Err(invalid()),
    }
}

fn title(ask: &Ask) -> Result<Option<String>, Refusal> {
    match ask.field("title") {
        Some(title) if title.chars().count() > TITLE_MAX => {
            Err(bad("The string in the title field is too long."))
        }
        title => Ok(title.map(str::to_owned)),
    }
}

fn overlaps(channel: &Channel, segment: &Segment) -> bool {
    channel.segments.iter().any(|other| {
        other.id != segment.id
            && other.is_recurring == segment.is_recurring
            && other.start < ends(segment)
            && segment.start < ends(other)
    })
}

fn view(state: &State, broadcaster: &str, segments: &[Value]) -> Value {
    let user = state.person(broadcaster);
    json!({
        "segments": segments,
        "broadcaster_id": user.id,
        "broadcaster_name": user.name,
        "broadcaster_login": user.login,
        "vacation": null,
    })
}
