//! The stream schedule of a channel: segments are listed, made, changed and deleted
//! («Get/Create/Update/Delete Channel Stream Schedule»). What Twitch cannot hold is said before it is
//! asked.

use std::{borrow::Cow, sync::Arc};

use kernel::{CarryError, Timestamp};
use twitch_api::{
    helix::{
        RequestDelete, RequestGet, RequestPatch, RequestPost,
        schedule::{
            self, CreateChannelStreamScheduleSegmentBody,
            CreateChannelStreamScheduleSegmentRequest, DeleteChannelStreamScheduleSegmentRequest,
            GetChannelStreamScheduleRequest,
            update_channel_stream_schedule_segment::{
                UpdateChannelStreamScheduleSegmentBody, UpdateChannelStreamScheduleSegmentRequest,
            },
        },
    },
    types::{self, BroadcasterType},
};

use super::{
    api::{Api, Fault, Who, answer, not_understood, nowhere},
    time,
};
use crate::text::{Measure, cut, one_line};

/// The longest title.
const TITLE_MAX: usize = 140;
/// How long a segment may be, in minutes.
const MINUTES: std::ops::RangeInclusive<u32> = 30..=1_380;
/// Segments in one answer.
const PAGE: usize = 25;
/// Pages read at most.
const PAGES_MAX: usize = 40;

/// Reads and writes stream schedules.
pub struct TwitchSchedule {
    api: Arc<Api>,
}

impl std::fmt::Debug for TwitchSchedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TwitchSchedule").finish_non_exhaustive()
    }
}

/// How often a segment comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurrence {
    /// Once; for partners and affiliates only.
    Once,
    /// Every week at the same time: the only rhythm Twitch has.
    Weekly,
}

/// A segment to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSegment {
    /// Longer than 140 characters: cut with notice.
    pub title: String,
    /// When it begins (the first time).
    pub start: Timestamp,
    /// 30 to 1,380.
    pub minutes: u32,
    /// IANA name.
    pub timezone: String,
    /// How often.
    pub recurrence: Recurrence,
}

/// What to change; `None` = leave it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Longer than 140 characters: cut with notice.
    pub title: Option<String>,
    /// Only of a segment that comes once.
    pub start: Option<Timestamp>,
    /// 30 to 1,380. Of a weekly segment: of all to come.
    pub minutes: Option<u32>,
    /// Whether the next occurrence is called off.
    pub is_canceled: Option<bool>,
}

/// A segment as Twitch has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Twitch's id.
    pub id: String,
    /// The title; may be empty.
    pub title: String,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// How often.
    pub recurrence: Recurrence,
    /// Until when it is called off.
    pub canceled_until: Option<Timestamp>,
}

/// Why a schedule was not read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Twitch cannot hold it; says why, for the person who plans.
    #[error("{0}")]
    NotPossible(String),
    /// There is no such segment (any more).
    #[error("there is no such segment on Twitch")]
    NotFound,
    /// As an order would be told.
    #[error(transparent)]
    Failed(#[from] CarryError),
}

impl From<Fault> for ScheduleError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused { status: 404, .. } => Self::NotFound,
            Fault::Refused {
                status: 400 | 403,
                message,
            } => Self::NotPossible(format!("Twitch does not take it: {message}")),
            fault => Self::Failed(fault.into()),
        }
    }
}

const ONLY_WEEKLY: &str = "Twitch lets only partners and affiliates plan a single stream; this channel can plan weekly ones";

impl TwitchSchedule {
    pub(super) const fn new(api: Arc<Api>) -> Self {
        Self { api }
    }

    /// Every segment that is not over at `from`, in order; at most a thousand.
    pub async fn list(&self, server: &str, from: Timestamp) -> Result<Vec<Segment>, ScheduleError> {
        let mut segments = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page = self.page(server, from, after.as_deref()).await;
            let (page, next) = match page {
                // Twitch's way of saying that there are none.
                Err(ScheduleError::NotFound) => break,
                page => page?,
            };
            segments.extend(page);
            after = next;
            if after.is_none() {
                break;
            }
        }
        Ok(segments)
    }

    async fn page(
        &self,
        server: &str,
        from: Timestamp,
        after: Option<&str>,
    ) -> Result<(Vec<Segment>, Option<String>), ScheduleError> {
        let from = stamp(from)?;
        let build = |token: &str, client: &str| {
            let mut request = GetChannelStreamScheduleRequest::broadcaster_id(server)
                .start_time(&*from)
                .first(PAGE);
            request.after = after.map(|cursor| Cow::Owned(cursor.into()));
            request.create_request(token, client)
        };
        let reply = self.api.ask(Who::Channel(server), &build).await?;
        let page: Page = reply.json().ok_or_else(not_understood)?;
        let data =
            GetChannelStreamScheduleRequest::parse_response(None, &nowhere(), answer(&reply))
                .map_err(|_lost| not_understood())?
                .data;
        let segments: Option<Vec<Segment>> = data.segments.iter().map(read).collect();
        let next = page
            .data
            .pagination
            .cursor
            .filter(|cursor| !cursor.is_empty());
        Ok((segments.ok_or_else(not_understood)?, next))
    }

    /// Makes a segment.
    pub async fn create(&self, server: &str, new: &NewSegment) -> Result<Segment, ScheduleError> {
        let minutes = minutes(new.minutes)?;
        if new.recurrence == Recurrence::Once {
            self.require_partnership(server).await?;
        }
        let start = stamp(new.start)?;
        let title = title(&new.title);
        let build = |token: &str, client: &str| {
            let mut body = CreateChannelStreamScheduleSegmentBody::new(
                &*start,
                new.timezone.as_str(),
                new.recurrence == Recurrence::Weekly,
            );
            body.duration = Some(Cow::Borrowed(&minutes));
            body.title = Some(Cow::Borrowed(&title));
            CreateChannelStreamScheduleSegmentRequest::broadcaster_id(server)
                .create_request(body, token, client)
        };
        let reply = self.api.ask(Who::Channel(server), &build).await?;
        let made = CreateChannelStreamScheduleSegmentRequest::parse_response(
            None,
            &nowhere(),
            answer(&reply),
        );
        let made = made.map_err(|_lost| not_understood())?.data;
        let segment = made.segments.first().and_then(read);
        Ok(segment.ok_or_else(not_understood)?)
    }

    /// Changes a segment.
    pub async fn update(
        &self,
        server: &str,
        id: &str,
        change: &Change,
    ) -> Result<(), ScheduleError> {
        let minutes = change.minutes.map(minutes).transpose()?;
        if change.start.is_some() {
            self.require_partnership(server).await?;
        }
        let start = change.start.map(|start| start.to_string());
        let title = change.title.as_deref().map(title);
        let build = |token: &str, client: &str| {
            let mut body = UpdateChannelStreamScheduleSegmentBody::default();
            body.start_time = start.as_deref().map(Cow::Borrowed);
            body.duration = minutes.as_deref().map(Cow::Borrowed);
            body.title = title.as_deref().map(Cow::Borrowed);
            body.is_canceled = change.is_canceled;
            UpdateChannelStreamScheduleSegmentRequest::new(server, id)
                .create_request(body, token, client)
        };
        self.api.ask(Who::Channel(server), &build).await?;
        Ok(())
    }

    /// Deletes a segment; that it is gone already is fine.
    pub async fn delete(&self, server: &str, id: &str) -> Result<(), ScheduleError> {
        let build = |token: &str, client: &str| {
            DeleteChannelStreamScheduleSegmentRequest::new(server, id).create_request(token, client)
        };
        match self.api.ask(Who::Channel(server), &build).await {
            Ok(_) | Err(Fault::Refused { status: 404, .. }) => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn require_partnership(&self, server: &str) -> Result<(), ScheduleError> {
        let user = self.api.user(Who::Channel(server), server).await?;
        let kind = user.and_then(|user| user.broadcaster_type);
        match kind {
            Some(BroadcasterType::Partner | BroadcasterType::Affiliate) => Ok(()),
            _ => Err(ScheduleError::NotPossible(ONLY_WEEKLY.to_owned())),
        }
    }
}

/// Only where the next page begins.
#[derive(serde::Deserialize)]
struct Page {
    data: PageData,
}

#[derive(serde::Deserialize)]
struct PageData {
    #[serde(default)]
    pagination: Pagination,
}

#[derive(serde::Deserialize, Default)]
struct Pagination {
    cursor: Option<String>,
}

fn read(segment: &schedule::Segment) -> Option<Segment> {
    Some(Segment {
        id: segment.id.as_str().to_owned(),
        title: segment.title.clone(),
        start: time::parse(segment.start_time.as_str())?,
        end: time::parse(segment.end_time.as_str())?,
        recurrence: if segment.is_recurring {
            Recurrence::Weekly
        } else {
            Recurrence::Once
        },
        canceled_until: segment
            .canceled_until
            .as_ref()
            .and_then(|until| time::parse(until.as_str())),
    })
}

/// As `twitch_api` wants it.
fn stamp(at: Timestamp) -> Result<types::Timestamp, ScheduleError> {
    let stamp = types::Timestamp::try_from(at.to_string());
    stamp.map_err(|_far_away| {
        ScheduleError::NotPossible("Twitch does not know such a time".to_owned())
    })
}

fn title(text: &str) -> String {
    cut(&one_line(text), TITLE_MAX, Measure::Chars).0
}

/// As Twitch wants it: a string.
fn minutes(minutes: u32) -> Result<String, ScheduleError> {
    if MINUTES.contains(&minutes) {
        return Ok(minutes.to_string());
    }
    Err(ScheduleError::NotPossible(format!(
        "a stream on Twitch's schedule lasts 30 minutes to 23 hours, not {minutes} minutes"
    )))
}

#[cfg(test)]
mod tests {
    use super::{ScheduleError, TITLE_MAX, minutes, title};

    #[test]
    fn lengths_outside_twitchs_bounds_are_explained() {
        assert_eq!(minutes(30), Ok("30".to_owned()));
        assert_eq!(minutes(1_380), Ok("1380".to_owned()));
        for wrong in [0, 29, 1_381] {
            assert!(
                matches!(minutes(wrong), Err(ScheduleError::NotPossible(why)) if why.contains("23 hours"))
            );
        }
    }

    #[test]
    fn a_long_title_is_cut_with_notice() {
        let cut = title(&"Regatta ".repeat(40));
        assert!(cut.chars().count() <= TITLE_MAX && cut.ends_with('…'));
    }
}
