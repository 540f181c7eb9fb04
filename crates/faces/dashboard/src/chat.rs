//! The live chat: the last messages in the page itself, what follows over server-sent events. A
//! browser that reconnects says which message it saw last and gets what came after. Where the
//! platforms are simulated, one may speak as a member.

use std::{convert::Infallible, sync::Arc};

use activity::{ChatMessage, LiveItem};
use app::AppError;
use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{
        IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use kernel::{MessageId, Permission, Platform};
use serde::Deserialize;

use crate::{
    bots, community, display,
    error::PageError,
    follow::{HEARTBEAT, RETRY},
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    return_to,
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// Messages in the page.
const ROWS: u32 = 100;

/// The address's query.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    platform: String,
    /// Show what came before this message.
    before: Option<i64>,
    /// Stream what came after this message.
    since: Option<i64>,
    /// The simulated room spoken in last.
    #[serde(default)]
    room: String,
    /// The simulated member spoken as last.
    #[serde(default)]
    player: String,
}

/// What is to be said as a simulated member, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    room: String,
    player: String,
    text: String,
}

/// The form to speak as a simulated member.
struct Speak {
    action: String,
    rooms: Vec<Choice>,
    players: Vec<Choice>,
    text: String,
    text_max: usize,
    mistakes: Mistakes,
}

struct Choice {
    key: String,
    label: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "chat.html")]
struct Page {
    shell: Shell,
    filters: Vec<Filter>,
    rows: Vec<Row>,
    /// Empty on pages of the past, which do not follow.
    stream: String,
    latest_href: String,
    report_href: String,
    earlier_href: Option<String>,
    may_import: bool,
    speak: Option<Speak>,
}

struct Filter {
    label: &'static str,
    href: String,
    is_chosen: bool,
}

/// One message; the template draws it in the page and in the stream.
struct Row {
    id: MessageId,
    platform: Platform,
    channel: String,
    username: String,
    /// 0..=7: one of eight shades for the name, the same for a person every time.
    shade: u8,
    is_bot: bool,
    text: String,
    at: String,
    date: String,
    clock: String,
    /// Whether a line with the date stands above it.
    begins_day: bool,
}

#[derive(Template)]
#[template(path = "chat_rows.html")]
struct Rows {
    rows: Vec<Row>,
}

impl From<ChatMessage> for Row {
    fn from(message: ChatMessage) -> Self {
        Self {
            id: message.id,
            platform: message.platform,
            channel: message.channel,
            shade: u8::try_from(message.user_id.0.rem_euclid(8)).unwrap_or(0),
            username: message.username,
            is_bot: message.is_bot,
            text: message.text,
            at: message.sent_at.to_string(),
            date: display::date(message.sent_at.day()),
            clock: display::clock(message.sent_at),
            begins_day: false,
        }
    }
}

/// The rows of a page: a line with the date above the first and wherever the UTC day changes.
fn with_days(messages: Vec<ChatMessage>) -> Vec<Row> {
    let mut day = None;
    messages
        .into_iter()
        .map(|message| {
            let begins_day = day != Some(message.sent_at.day());
            day = Some(message.sent_at.day());
            Row {
                begins_day,
                ..Row::from(message)
            }
        })
        .collect()
}

impl Wanted {
    fn platform(&self) -> Result<Option<Platform>, PageError> {
        match self.platform.as_str() {
            "" => Ok(None),
            name => name
                .parse()
                .map(Some)
                .map_err(|error: kernel::platform::UnknownPlatform| {
                    PageError::bad_input(crate::error::sentence(&error.to_string()))
                }),
        }
    }
}

fn address(base: &str, platform: Option<Platform>) -> String {
    match platform {
        Some(platform) => return_to::with(base, "platform", platform.as_str()),
        None => base.to_owned(),
    }
}

/// `GET /c/{slug}/chat`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewActivity).await?;
    let typed = Typed {
        room: wanted.room.clone(),
        player: wanted.player.clone(),
        text: String::new(),
    };
    show(
        &face,
        &viewer,
        &community,
        &wanted,
        typed,
        Mistakes::default(),
    )
    .await
}

/// `POST /c/{slug}/chat/say`: says something as a simulated member.
pub(crate) async fn say(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewActivity).await?;
    let spoken = face
        .app
        .speak(
            &viewer.actor,
            community.id,
            &typed.room,
            &typed.player,
            &typed.text,
        )
        .await;
    match spoken {
        Ok(()) => {
            let base = format!("/c/{}/chat", community.slug);
            let to = return_to::with(&base, "room", &typed.room);
            let to = return_to::with(&to, "player", &typed.player);
            Ok(Redirect::to(&to).into_response())
        }
        Err(AppError::Conflict(why)) => {
            let wanted = Wanted::default();
            let mistakes = Mistakes::one("text", &why);
            show(&face, &viewer, &community, &wanted, typed, mistakes).await
        }
        Err(error) => Err(error.into()),
    }
}

fn speak(
    face: &Face,
    viewer: &Viewer,
    community: &identity::Community,
    typed: Typed,
    mistakes: Mistakes,
) -> Result<Option<Speak>, PageError> {
    let Some(company) = face.app.company(&viewer.actor, community.id)? else {
        return Ok(None);
    };
    let rooms = company.rooms.into_iter().map(|room| Choice {
        label: format!(
            "{} · {} · {}",
            room.platform.label(),
            room.server,
            room.channel
        ),
        is_chosen: room.key == typed.room,
        key: room.key,
    });
    let players = company.players.into_iter().map(|player| Choice {
        label: if player.part.is_empty() {
            player.name
        } else {
            format!("{} ({})", player.name, player.part)
        },
        is_chosen: player.key == typed.player,
        key: player.key,
    });
    Ok(Some(Speak {
        action: format!("/c/{}/chat/say", community.slug),
        rooms: rooms.collect(),
        players: players.collect(),
        text: typed.text,
        text_max: app::TEXT_MAX,
        mistakes,
    }))
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &identity::Community,
    wanted: &Wanted,
    typed: Typed,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let platform = wanted.platform()?;
    let before = wanted.before.map(MessageId);
    let messages = face
        .app
        .activity
        .recent_messages(&viewer.actor, community.id, platform, before, ROWS)
        .await?;
    let base = format!("/c/{}/chat", community.slug);
    let is_full = u32::try_from(messages.len()).is_ok_and(|n| n >= ROWS);
    let earlier_href = messages
        .first()
        .filter(|_| is_full)
        .map(|first| return_to::with(&address(&base, platform), "before", &first.id.to_string()));
    let stream = if before.is_some() {
        String::new()
    } else {
        let last = messages.last().map_or(0, |m| m.id.0);
        let stream = address(&format!("{base}/stream"), platform);
        return_to::with(&stream, "since", &last.to_string())
    };
    let choices = std::iter::once(None).chain(Platform::ALL.map(Some));
    let place = Place {
        title: "Live chat",
        section: Section::Chat,
        community: Some(community),
    };
    let status = mistakes.status();
    let speak = if before.is_some() {
        None
    } else {
        speak(face, viewer, community, typed, mistakes)?
    };
    let page = layout::page(&Page {
        shell: Shell::new(face, viewer, place).await?,
        filters: choices
            .map(|choice| Filter {
                label: choice.map_or("All", Platform::label),
                href: address(&base, choice),
                is_chosen: choice == platform,
            })
            .collect(),
        rows: with_days(messages),
        stream,
        latest_href: address(&base, platform),
        report_href: bots::reports::home(&community.slug),
        earlier_href,
        may_import: viewer
            .actor
            .require(Permission::ImportHistory, community.id)
            .is_ok(),
        speak,
    })?;
    Ok((status, page).into_response())
}

/// `GET /c/{slug}/chat/stream`
pub(crate) async fn stream(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewActivity).await?;
    let seen = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse().ok())
        .or(wanted.since);
    let feed = face
        .app
        .activity
        .live(
            &viewer.actor,
            community.id,
            wanted.platform()?,
            seen.map(MessageId),
        )
        .await?;
    let keep = KeepAlive::new().interval(HEARTBEAT);
    let events = follow(feed, face.app.stop.clone());
    Ok(Sse::new(events).keep_alive(keep).into_response())
}

/// The feed as events, first of all the one that sets the wait before reconnecting. Ends when the
/// feed does; the browser then reconnects and is refused if its right is gone.
fn follow(
    feed: activity::LiveFeed,
    stop: tokio_util::sync::CancellationToken,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let first = Event::default().retry(RETRY).comment("hello");
    let rest = stream::unfold((feed, stop), async |(mut feed, stop)| {
        let item = tokio::select! {
            item = feed.next() => item?,
            () = stop.cancelled() => return None,
        };
        Some((Ok(event(item)), (feed, stop)))
    });
    futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest)
}

fn event(item: LiveItem) -> Event {
    match item {
        LiveItem::Messages(messages) => {
            let last = messages.last().map(|m| m.id.to_string());
            let rows = messages.into_iter().map(Row::from).collect();
            let html = Rows { rows }.render().unwrap_or_default();
            let event = Event::default().event("messages").data(html);
            match last {
                Some(id) => event.id(id),
                None => event,
            }
        }
        LiveItem::Skipped(_) => Event::default().event("skipped").data("some"),
    }
}
