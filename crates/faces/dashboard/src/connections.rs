//! A community's connections to the platforms: what is connected and how it is, connecting (to the
//! platform and back), choosing the channel for announcements, testing, disconnecting.
//!
//! Must never show, log or pass on a token, a code or a state; and sends a browser away only to the
//! address that the platform's connector made.

use std::sync::Arc;

use app::{Answer, AppError};
use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Community, Connection, ConnectionStatus, IdentityError};
use kernel::{ConnectionId, ErrorCode, Permission, Platform, Secret, Timestamp};
use serde::Deserialize;

use crate::{
    community,
    display::{self, When},
    error::{PageError, sentence},
    form::Mistakes,
    guard,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

pub(crate) mod places;

/// The platforms one can connect to, in display order.
const PLATFORMS: [Platform; 3] = [Platform::Discord, Platform::Twitch, Platform::Slack];
/// Longest authorisation code or state that is looked at, in bytes.
pub(crate) const CODE_MAX: usize = 4_096;
/// Longest text of a platform that is shown, in characters.
const WORDS_MAX: usize = 1_000;

#[derive(Template)]
#[template(path = "connections.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    community: String,
    cards: Vec<Card>,
    is_operator: bool,
}

/// One platform.
struct Card {
    platform: Platform,
    /// What one connects there: a server, a channel, a workspace.
    noun: &'static str,
    /// What connecting brings.
    brings: &'static str,
    /// Whether this instance is set up for it.
    is_available: bool,
    connections: Vec<Row>,
}

/// One connection.
struct Row {
    id: ConnectionId,
    name: String,
    server: String,
    account: String,
    is_well: bool,
    trouble: Option<String>,
    scopes: Vec<String>,
    channel: Option<String>,
    since: When,
    by: Option<String>,
    checked: Option<When>,
    /// What the platform just said to a test.
    answer: Option<String>,
}

#[derive(Template)]
#[template(path = "connection_channel.html")]
struct Channel {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    id: ConnectionId,
    name: String,
    platform: Platform,
    choices: Vec<Choice>,
    has_none: bool,
    /// Why the channels could not be listed, in the platform's words.
    refused: Option<String>,
}

struct Choice {
    id: String,
    name: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "connection_end.html")]
struct End {
    shell: Shell,
    slug: String,
    community: String,
    id: ConnectionId,
    name: String,
    platform: Platform,
}

/// What a test of a connection brought.
struct Tested {
    id: ConnectionId,
    answer: Result<String, String>,
}

/// The form of the channel; empty = none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chosen {
    channel: String,
}

/// What platforms add to the address they send somebody back to. Others add more, which does not
/// matter. Has no `Debug`, because it holds secrets.
#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    state: String,
    code: Option<String>,
    guild_id: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// `GET /c/{slug}/settings/connections`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let community = manage(&face, &viewer, &slug).await?;
    show(&face, &viewer, &community, Mistakes::default(), None).await
}

/// `POST /c/{slug}/settings/connections/connect/{platform}`
pub(crate) async fn connect(
    State(face): State<Arc<Face>>,
    SignedIn {
        viewer, session, ..
    }: SignedIn,
    Path((slug, platform)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let community = manage(&face, &viewer, &slug).await?;
    let platform = connectable(&platform)?;
    let redirect = face.app.install_callback(platform);
    let begun = face
        .app
        .install_url(&viewer.actor, community.id, platform, session, &redirect)
        .await;
    match begun {
        Ok(url) => Ok(Redirect::to(&url).into_response()),
        Err(error) => failed(&face, &viewer, &community, platform, error).await,
    }
}

/// `GET /connect/{platform}/callback`
pub(crate) async fn callback(
    State(face): State<Arc<Face>>,
    viewer: Viewer,
    Path(platform): Path<String>,
    Query(back): Query<Back>,
) -> Result<Response, PageError> {
    let platform = connectable(&platform)?;
    // Not to the sign-in page and back: the address holds a code, and another session is refused.
    let Some((_, session)) = viewer.signed_in else {
        return Err(PageError::new(
            ErrorCode::Forbidden,
            "You are not signed in in this browser, so nothing was connected. Sign in, open the community's connections and press Connect again.",
        ));
    };
    let too_long = |text: &Option<String>| text.as_ref().is_some_and(|t| t.len() > CODE_MAX);
    if too_long(&back.code) || back.state.len() > CODE_MAX {
        return Err(unknown_install());
    }
    let answer = match (&back.error, back.code) {
        (None, None) => return Err(unknown_install()),
        (Some(_), _) => None,
        (None, Some(code)) => Some(Answer {
            code: Secret::new(code),
            server: back.guild_id,
        }),
    };
    let completed = face
        .app
        .complete_install(&viewer.actor, platform, session, &back.state, answer)
        .await;
    let completed = match completed {
        Err(AppError::Identity(IdentityError::TokenInvalid)) => return Err(unknown_install()),
        other => other?,
    };
    let community = face
        .app
        .identity
        .community(&viewer.actor, completed.community)
        .await?
        .ok_or_else(PageError::not_found)?;
    let home = address(&community.slug);
    match completed.outcome {
        Ok(Some(_)) => Ok(Redirect::to(&format!("{home}?done=connected")).into_response()),
        Ok(None) if back.error.as_deref() == Some("access_denied") => {
            Ok(Redirect::to(&format!("{home}?done=declined")).into_response())
        }
        Ok(None) => {
            let words = [back.error, back.error_description];
            let words: Vec<String> = words.into_iter().flatten().collect();
            let error = AppError::Platform(kernel::ConnectError(words.join(": ")));
            failed(&face, &viewer, &community, platform, error).await
        }
        Err(error) => failed(&face, &viewer, &community, platform, error).await,
    }
}

/// `POST /c/{slug}/settings/connections/{id}/test`
pub(crate) async fn test(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, connection) = find(&face, &viewer, &slug, &id).await?;
    let answer = match face.app.test_connection(&viewer.actor, connection.id).await {
        Ok(words) => Ok(words),
        Err(error @ (AppError::Platform(_) | AppError::NotSetUp(_))) => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let tested = Tested {
        id: connection.id,
        answer,
    };
    show(
        &face,
        &viewer,
        &community,
        Mistakes::default(),
        Some(tested),
    )
    .await
}

/// `GET /c/{slug}/settings/connections/{id}/channel`
pub(crate) async fn channel(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, connection) = find(&face, &viewer, &slug, &id).await?;
    choose(&face, &viewer, &community, &connection, Mistakes::default()).await
}

/// `POST /c/{slug}/settings/connections/{id}/channel`
pub(crate) async fn choose_channel(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, PageError> {
    let (community, connection) = find(&face, &viewer, &slug, &id).await?;
    let wanted = Some(chosen.channel.as_str()).filter(|id| !id.is_empty());
    match face
        .app
        .choose_channel(&viewer.actor, connection.id, wanted)
        .await
    {
        Ok(()) => {
            let to = format!("{}?done=channel", address(&community.slug));
            Ok(Redirect::to(&to).into_response())
        }
        Err(error @ (AppError::Conflict(_) | AppError::Platform(_))) => {
            let mistakes = Mistakes::one("channel", &words(&error.to_string()));
            choose(&face, &viewer, &community, &connection, mistakes).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /c/{slug}/settings/connections/{id}/disconnect`
pub(crate) async fn ask_disconnect(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, connection) = find(&face, &viewer, &slug, &id).await?;
    layout::page(&End {
        shell: Shell::new(&face, &viewer, place("Disconnect", &community)).await?,
        slug: community.slug.clone(),
        community: community.name.clone(),
        id: connection.id,
        name: named(&connection),
        platform: connection.platform,
    })
}

/// `POST /c/{slug}/settings/connections/{id}/disconnect`
pub(crate) async fn disconnect(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, connection) = find(&face, &viewer, &slug, &id).await?;
    face.app.disconnect(&viewer.actor, connection.id).await?;
    let to = format!("{}?done=disconnected", address(&community.slug));
    Ok(Redirect::to(&to).into_response())
}

fn address(slug: &str) -> String {
    format!("/c/{slug}/settings/connections")
}

fn connectable(platform: &str) -> Result<Platform, PageError> {
    let found = PLATFORMS.into_iter().find(|p| p.as_str() == platform);
    found.ok_or_else(PageError::not_found)
}

fn unknown_install() -> PageError {
    PageError::new(
        ErrorCode::Forbidden,
        "This does not belong to an install that you began in this browser within the last ten minutes, so nothing was connected. Open the community's connections and press Connect again.",
    )
}

async fn manage(face: &Face, viewer: &Viewer, slug: &str) -> Result<Community, PageError> {
    community::find(face, viewer, slug, Permission::ManageCommunity).await
}

/// A connection of the community in the address.
async fn find(
    face: &Face,
    viewer: &Viewer,
    slug: &str,
    id: &str,
) -> Result<(Community, Connection), PageError> {
    let community = manage(face, viewer, slug).await?;
    let id: ConnectionId = id.parse().ok().ok_or_else(PageError::not_found)?;
    let found = face.app.identity.connection(&viewer.actor, id).await?;
    match found.filter(|connection| connection.community == community.id) {
        Some(connection) => Ok((community, connection)),
        None => Err(PageError::not_found()),
    }
}

const fn place<'a>(title: &'a str, community: &'a Community) -> Place<'a> {
    Place {
        title,
        section: Section::Settings,
        community: Some(community),
    }
}

/// A server's name, or its id where the platform gave none.
pub(crate) fn named(connection: &Connection) -> String {
    if connection.server_name.is_empty() {
        return connection.platform_server_id.clone();
    }
    connection.server_name.clone()
}

/// What a platform said, for showing.
pub(crate) fn words(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(WORDS_MAX).collect()
}

/// The page with what went wrong at the platform, in its words.
async fn failed(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    platform: Platform,
    error: AppError,
) -> Result<Response, PageError> {
    let message = match &error {
        AppError::Platform(said) => {
            format!("{} said: {}", platform.label(), words(&said.to_string()))
        }
        AppError::NotSetUp(_)
        | AppError::Conflict(_)
        | AppError::Identity(
            IdentityError::Conflict(_)
            | IdentityError::Invalid { .. }
            | IdentityError::Throttled { .. },
        ) => sentence(&error.to_string()),
        _ => return Err(error.into()),
    };
    show(face, viewer, community, Mistakes::one("", &message), None).await
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    mistakes: Mistakes,
    tested: Option<Tested>,
) -> Result<Response, PageError> {
    let all = face
        .app
        .identity
        .connections(&viewer.actor, community.id)
        .await?;
    let now = face.app.clock.now();
    let available = face.app.platforms_available();
    let card = |platform| {
        let (noun, brings) = about(platform);
        let mine = all.iter().filter(|c| c.platform == platform);
        Card {
            platform,
            noun,
            brings,
            is_available: available.contains(&platform),
            connections: mine.map(|c| row(c, tested.as_ref(), now)).collect(),
        }
    };
    let page = Page {
        cards: PLATFORMS.into_iter().map(card).collect(),
        shell: Shell::new(face, viewer, place("Connections", community)).await?,
        slug: community.slug.clone(),
        community: community.name.clone(),
        is_operator: viewer.actor.is_instance_admin(),
        mistakes,
    };
    let mut response = (page.mistakes.status(), layout::page(&page)?).into_response();
    // The forms here lead to the platforms, which browsers check along the whole way.
    let places = available.iter().filter_map(|p| face.app.install_place(*p));
    let policy = guard::policy(places.flat_map(|url| places::of(&url)));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// What one connects on a platform, and what that brings.
const fn about(platform: Platform) -> (&'static str, &'static str) {
    match platform {
        Platform::Twitch => (
            "channel",
            "Chat, follows, subscriptions and raids of your channel; answers and announcements there.",
        ),
        Platform::Slack => (
            "workspace",
            "Messages of the channels WaddleBot is invited to; answers, announcements and /waddlebot there.",
        ),
        _ => (
            "server",
            "Chat, members and events of your server; commands, answers and announcements there.",
        ),
    }
}

fn row(connection: &Connection, tested: Option<&Tested>, now: Timestamp) -> Row {
    let tested = tested.filter(|tested| tested.id == connection.id);
    let failed = tested.and_then(|tested| tested.answer.as_ref().err());
    let trouble = failed.or(connection.trouble.as_ref());
    Row {
        id: connection.id,
        name: named(connection),
        server: connection.platform_server_id.clone(),
        account: connection.account.clone(),
        is_well: connection.status == ConnectionStatus::Ok && failed.is_none(),
        trouble: trouble.map(|text| words(text)),
        scopes: connection.scopes.clone(),
        channel: connection.channel.as_ref().map(|c| c.name.clone()),
        since: display::when(now, connection.connected_at),
        by: connection.installed_by_name.clone(),
        checked: connection.checked_at.map(|at| display::when(now, at)),
        answer: tested
            .and_then(|tested| tested.answer.as_ref().ok())
            .map(|text| words(text)),
    }
}

/// The channels of a connection's server, or why they could not be listed, in the platform's words.
pub(crate) async fn offered(
    face: &Face,
    viewer: &Viewer,
    connection: &Connection,
) -> Result<(Vec<kernel::ChannelChoice>, Option<String>), PageError> {
    match face.app.channels(&viewer.actor, connection.id).await {
        Ok(channels) => Ok((channels, None)),
        Err(error @ (AppError::Platform(_) | AppError::NotSetUp(_))) => {
            Ok((Vec::new(), Some(words(&error.to_string()))))
        }
        Err(error) => Err(error.into()),
    }
}

async fn choose(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    connection: &Connection,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let current = connection.channel.as_ref().map(|channel| &channel.id);
    let (choices, refused) = offered(face, viewer, connection).await?;
    let choices = choices.into_iter().map(|channel| Choice {
        is_current: current == Some(&channel.id),
        id: channel.id,
        name: channel.name,
    });
    let page = Channel {
        shell: Shell::new(face, viewer, place("Channel", community)).await?,
        slug: community.slug.clone(),
        id: connection.id,
        name: named(connection),
        platform: connection.platform,
        choices: choices.collect(),
        has_none: current.is_none(),
        refused,
        mistakes,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
