//! Discord's own scheduled events, and who comes. Source: Discord «Guild Scheduled Event».
//!
//! Written without twilight's builders: they drop the reason, do not send the `channel_id: null` that
//! an external event needs, and their page of people lacks fields. Must never ask for an external
//! event without place and end: Discord's own schema would take it, its documents do not.

use kernel::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use twilight_http::routing::Route;

use super::{
    ApiError, Discord,
    api::Ask,
    id::{iso, number, time},
};
use crate::text::{Measure, cut, one_line, printable};

const NAME: usize = 100;
const DESCRIPTION: usize = 1_000;
const LOCATION: usize = 100;
/// People on one page.
const PAGE: u16 = 100;
/// Pages of one event read at most: 50,000 people.
const PAGES_MAX: usize = 500;

/// Where an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventPlace {
    /// Somewhere else: says where, 1 to 100 characters.
    External {
        /// The place or address.
        location: String,
    },
    /// In a voice channel.
    Voice {
        /// Its id.
        channel: String,
    },
    /// On a stage.
    Stage {
        /// The channel's id.
        channel: String,
    },
}

/// What an event should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// Cut at 100.
    pub name: String,
    /// Cut at 1,000; empty = none.
    pub description: String,
    /// Must be in the future when the event is made.
    pub starts_at: Timestamp,
    /// Must be there for [`EventPlace::External`], and after the start.
    pub ends_at: Option<Timestamp>,
    /// Where.
    pub place: EventPlace,
}

/// How far an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventStatus {
    /// To come.
    Scheduled,
    /// Under way.
    Active,
    /// Over.
    Completed,
    /// Called off.
    Cancelled,
}

impl EventStatus {
    const fn code(self) -> u8 {
        match self {
            Self::Scheduled => 1,
            Self::Active => 2,
            Self::Completed => 3,
            Self::Cancelled => 4,
        }
    }

    const fn of(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Scheduled),
            2 => Some(Self::Active),
            3 => Some(Self::Completed),
            4 => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// An event as Discord has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventNow {
    /// Discord's id.
    pub id: String,
    /// What it is.
    pub event: EventDraft,
    /// How far it is.
    pub status: EventStatus,
    /// Who made it, if told.
    pub creator: Option<String>,
    /// How many are interested, if told.
    pub n_interested: Option<u64>,
}

/// Somebody who is interested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interested {
    /// Discord's user id.
    pub user: String,
    /// The name people see.
    pub name: String,
}

/// A page of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterestedPage {
    /// By ascending id.
    pub people: Vec<Interested>,
    /// What to ask for next; `None` = this was the last page.
    pub after: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    name: String,
    #[serde(default)]
    description: Option<String>,
    scheduled_start_time: String,
    #[serde(default)]
    scheduled_end_time: Option<String>,
    entity_type: u8,
    #[serde(default)]
    entity_metadata: Option<Place>,
    #[serde(default)]
    channel_id: Option<String>,
    status: u8,
    #[serde(default)]
    creator_id: Option<String>,
    #[serde(default)]
    user_count: Option<u64>,
}

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    location: Option<String>,
}

#[derive(Deserialize)]
struct Person {
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    user: Option<PersonUser>,
    /// 0 = no more interested, 1 = interested (2026-07).
    #[serde(default)]
    response: Option<u8>,
}

#[derive(Deserialize)]
struct PersonUser {
    id: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    global_name: Option<String>,
}

impl Wire {
    fn read(self) -> Option<EventNow> {
        let channel = self.channel_id.unwrap_or_default();
        let place = match self.entity_type {
            1 => EventPlace::Stage { channel },
            2 => EventPlace::Voice { channel },
            3 => EventPlace::External {
                location: self
                    .entity_metadata
                    .and_then(|place| place.location)
                    .unwrap_or_default(),
            },
            _ => return None,
        };
        Some(EventNow {
            id: self.id,
            status: EventStatus::of(self.status)?,
            creator: self.creator_id,
            n_interested: self.user_count,
            event: EventDraft {
                name: self.name,
                description: self.description.unwrap_or_default(),
                starts_at: time(&self.scheduled_start_time)?,
                ends_at: self.scheduled_end_time.as_deref().and_then(time),
                place,
            },
        })
    }
}

fn wrong(what: &str) -> ApiError {
    ApiError::Invalid(what.to_owned())
}

/// The whole event as a body: making and changing send the same, so that a change leaves nothing of
/// what was there before.
fn body(event: &EventDraft) -> Result<Value, ApiError> {
    let name = cut(&one_line(&event.name), NAME, Measure::Utf16).0;
    if name.is_empty() {
        return Err(wrong("an event on Discord needs a name"));
    }
    if event.ends_at.is_some_and(|ends| ends <= event.starts_at) {
        return Err(wrong("an event on Discord must end after it starts"));
    }
    let description = cut(
        printable(&event.description).trim(),
        DESCRIPTION,
        Measure::Utf16,
    )
    .0;
    let (kind, channel, place) = match &event.place {
        EventPlace::External { location } => {
            let location = cut(&one_line(location), LOCATION, Measure::Utf16).0;
            if location.is_empty() {
                return Err(wrong("an event outside of Discord needs a place"));
            }
            if event.ends_at.is_none() {
                return Err(wrong("an event outside of Discord needs an end"));
            }
            (3, Value::Null, json!({ "location": location }))
        }
        EventPlace::Voice { channel } => (2, json!(number(channel)?.to_string()), Value::Null),
        EventPlace::Stage { channel } => (1, json!(number(channel)?.to_string()), Value::Null),
    };
    Ok(json!({
        "name": name,
        "description": if description.is_empty() { Value::Null } else { json!(description) },
        "privacy_level": 2,
        "entity_type": kind,
        "channel_id": channel,
        "entity_metadata": place,
        "scheduled_start_time": iso(event.starts_at),
        "scheduled_end_time": event.ends_at.map(iso),
    }))
}

fn one(guild: &str, event: &str) -> Result<(u64, u64), ApiError> {
    Ok((number(guild)?, number(event)?))
}

impl Discord {
    async fn read_event(&self, ask: Ask) -> Result<EventNow, ApiError> {
        let wire: Wire = self.api.read(ask).await?;
        wire.read().ok_or_else(|| super::api::unreadable(false))
    }

    /// Makes an event. After [`ApiError::Unknown`] look with [`Discord::events`] before trying again:
    /// Discord knows no nonce here.
    pub async fn create_event(
        &self,
        guild: &str,
        event: &EventDraft,
        reason: &str,
    ) -> Result<EventNow, ApiError> {
        let mut body = body(event)?;
        if event.starts_at <= self.clock.now() {
            return Err(wrong("an event on Discord must start in the future"));
        }
        if let Some(map) = body.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
        let route = Route::CreateGuildScheduledEvent {
            guild_id: number(guild)?,
        };
        self.read_event(Ask::new(&route).json(&body).because(reason))
            .await
    }

    /// Makes an event what it should be.
    pub async fn update_event(
        &self,
        guild: &str,
        id: &str,
        event: &EventDraft,
        reason: &str,
    ) -> Result<EventNow, ApiError> {
        let mut body = body(event)?;
        if event.starts_at <= self.clock.now()
            && let Some(map) = body.as_object_mut()
        {
            // A start that has passed can be changed no more; saying it again would be refused.
            map.remove("scheduled_start_time");
        }
        let (guild_id, scheduled_event_id) = one(guild, id)?;
        let route = Route::UpdateGuildScheduledEvent {
            guild_id,
            scheduled_event_id,
        };
        self.read_event(Ask::new(&route).json(&body).because(reason))
            .await
    }

    /// Starts, ends or calls off an event.
    pub async fn set_event_status(
        &self,
        guild: &str,
        id: &str,
        status: EventStatus,
        reason: &str,
    ) -> Result<EventNow, ApiError> {
        let (guild_id, scheduled_event_id) = one(guild, id)?;
        let route = Route::UpdateGuildScheduledEvent {
            guild_id,
            scheduled_event_id,
        };
        let body = json!({ "status": status.code() });
        self.read_event(Ask::new(&route).json(&body).because(reason))
            .await
    }

    /// Deletes an event; one that is gone is fine.
    pub async fn delete_event(&self, guild: &str, id: &str) -> Result<(), ApiError> {
        let (guild_id, scheduled_event_id) = one(guild, id)?;
        let route = Route::DeleteGuildScheduledEvent {
            guild_id,
            scheduled_event_id,
        };
        match self.api.ask(Ask::new(&route)).await {
            Err(error) if error.code() == Some(10_070) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// An event; `None` if it is gone.
    pub async fn event(&self, guild: &str, id: &str) -> Result<Option<EventNow>, ApiError> {
        let (guild_id, scheduled_event_id) = one(guild, id)?;
        let route = Route::GetGuildScheduledEvent {
            guild_id,
            scheduled_event_id,
            with_user_count: true,
        };
        match self.read_event(Ask::new(&route)).await {
            Err(error) if error.code() == Some(10_070) => Ok(None),
            other => other.map(Some),
        }
    }

    /// The events of a guild that are to come or under way, at most 100. What this program does not
    /// understand is left out.
    pub async fn events(&self, guild: &str) -> Result<Vec<EventNow>, ApiError> {
        let route = Route::GetGuildScheduledEvents {
            guild_id: number(guild)?,
            with_user_count: true,
        };
        let all: Vec<Value> = self.api.read(Ask::new(&route)).await?;
        let read = |one: Value| serde_json::from_value::<Wire>(one).ok()?.read();
        Ok(all.into_iter().filter_map(read).collect())
    }

    /// A page of those who are interested, by ascending id, beginning after `after`.
    pub async fn interested_page(
        &self,
        guild: &str,
        id: &str,
        after: Option<&str>,
    ) -> Result<InterestedPage, ApiError> {
        let (guild_id, scheduled_event_id) = one(guild, id)?;
        let route = Route::GetGuildScheduledEventUsers {
            after: after.map(number).transpose()?,
            before: None,
            guild_id,
            limit: Some(PAGE),
            scheduled_event_id,
            with_member: false,
        };
        let all: Vec<Person> = self.api.read(Ask::new(&route)).await?;
        let is_full = all.len() >= usize::from(PAGE);
        let last = all.last().and_then(Person::id);
        let people = all
            .into_iter()
            .filter(|person| person.response != Some(0))
            .filter_map(|person| {
                let user = person.id()?;
                let named = person
                    .user
                    .map(|user| user.global_name.unwrap_or(user.username));
                Some(Interested {
                    name: named.unwrap_or_else(|| user.clone()),
                    user,
                })
            })
            .collect();
        Ok(InterestedPage {
            people,
            after: last.filter(|_| is_full),
        })
    }

    /// Everybody who is interested, at most 50,000.
    pub async fn interested(&self, guild: &str, id: &str) -> Result<Vec<Interested>, ApiError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page = self.interested_page(guild, id, after.as_deref()).await?;
            all.extend(page.people);
            // A page that does not lead on is the last.
            if page.after.is_none() || page.after == after {
                break;
            }
            after = page.after;
        }
        Ok(all)
    }
}

impl Person {
    fn id(&self) -> Option<String> {
        let user = self.user.as_ref().map(|user| &user.id);
        user.or(self.user_id.as_ref()).cloned()
    }
}
