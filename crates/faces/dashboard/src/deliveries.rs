//! What the program said in a community's name or is about to say: where, what became of it and why,
//! with what can be done about it. Never shows the words: only those who read the channel do.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use delivery::{DeliveryFilter, DeliveryId, DeliveryView, State as Fate};
use identity::Community;
use kernel::{Address, Medium, PageRequest, Permission, Platform, Timestamp};
use serde::Deserialize;

use crate::{
    community,
    display::{self, When, when},
    error::PageError,
    layout::{self, Place, Section, Shell},
    paging, return_to,
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// Rows on a page.
const ROWS: u32 = 50;

/// What the address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    state: String,
    after: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Result<Option<Fate>, PageError> {
        if self.state.is_empty() {
            return Ok(None);
        }
        Fate::from_name(&self.state)
            .map(Some)
            .ok_or_else(|| PageError::bad_input("There is no such state of a message."))
    }

    fn page(&self) -> Result<PageRequest, PageError> {
        paging::asked(self.after.as_deref(), ROWS)
    }
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct Page {
    shell: Shell,
    slug: String,
    states: Vec<Choice>,
    is_filtered: bool,
    is_later: bool,
    rows: Vec<Row>,
    first_href: String,
    next_href: Option<String>,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

struct Row {
    id: DeliveryId,
    medium: &'static str,
    medium_label: &'static str,
    to: String,
    state: &'static str,
    mood: &'static str,
    reason: Option<String>,
    was_cut: bool,
    attempts: String,
    requested_by: String,
    at: When,
    may_retry: bool,
    may_cancel: bool,
}

const fn label(state: Fate) -> &'static str {
    match state {
        Fate::Pending => "Waiting",
        Fate::Sending => "Being sent",
        Fate::Sent => "Sent",
        Fate::Failed => "Failed",
        Fate::Expired => "Too late",
        Fate::Unknown => "Perhaps sent",
        Fate::Cancelled => "Cancelled",
    }
}

const fn medium_label(medium: Medium) -> &'static str {
    match medium {
        Medium::Discord => "Discord",
        Medium::Twitch => "Twitch",
        Medium::Slack => "Slack",
        Medium::Email => "E-mail",
    }
}

/// Names of channels by platform and id.
type Names = HashMap<(Platform, String), String>;

fn place(medium: Medium, address: &Address, names: &Names) -> String {
    match address {
        Address::Channel { channel, .. } | Address::Answer { channel, .. } => {
            let platform = Platform::ALL
                .into_iter()
                .find(|platform| Medium::of(*platform) == Some(medium));
            let name = platform.and_then(|platform| names.get(&(platform, channel.clone())));
            match name {
                Some(name) => format!("#{name}"),
                None => format!("channel {channel}"),
            }
        }
        Address::Direct { user, .. } => format!("person {user}"),
        Address::Mailbox { to } => to.clone(),
    }
}

fn row(now: Timestamp, view: DeliveryView, names: &Names) -> Row {
    Row {
        id: view.id,
        medium: view.medium.as_str(),
        medium_label: medium_label(view.medium),
        to: place(view.medium, &view.address, names),
        state: label(view.state),
        mood: match view.state {
            Fate::Sent => " good",
            Fate::Failed | Fate::Unknown | Fate::Expired => " bad",
            Fate::Pending | Fate::Sending | Fate::Cancelled => "",
        },
        reason: view.last_error,
        was_cut: view.was_cut,
        attempts: display::count(view.attempts.into()),
        requested_by: view.requested_by,
        at: when(now, view.created_at),
        may_retry: matches!(view.state, Fate::Failed | Fate::Unknown),
        may_cancel: view.state == Fate::Pending,
    }
}

/// `GET /c/{slug}/deliveries`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewDeliveries).await?;
    let state = wanted.filter()?;
    let request = wanted.page()?;
    let filter = DeliveryFilter {
        state,
        medium: None,
    };
    let page = face
        .app
        .deliveries
        .list(&viewer.actor, community.id, filter, &request)
        .await?;
    let names = face
        .app
        .activity
        .channel_names(&viewer.actor, community.id)
        .await?;
    let base = format!("/c/{}/deliveries", community.slug);
    let first_href = match state {
        Some(state) => return_to::with(&base, "state", state.as_str()),
        None => base,
    };
    let now = face.app.clock.now();
    let place = Place {
        title: "Messages sent",
        section: Section::Deliveries,
        community: Some(&community),
    };
    layout::page(&Page {
        shell: Shell::new(&face, &viewer, place).await?,
        states: Fate::ALL
            .into_iter()
            .map(|one| Choice {
                value: one.as_str(),
                label: label(one),
                is_chosen: state == Some(one),
            })
            .collect(),
        is_filtered: state.is_some(),
        is_later: request.cursor().is_some(),
        next_href: paging::next_href(&first_href, page.next.as_ref()),
        first_href,
        rows: page
            .items
            .into_iter()
            .map(|view| row(now, view, &names))
            .collect(),
        slug: community.slug,
    })
}

/// The delivery of the address, if it is this community's.
async fn find(
    face: &Face,
    viewer: &Viewer,
    slug: &str,
    id: &str,
) -> Result<(Community, DeliveryId), PageError> {
    let community = community::find(face, viewer, slug, Permission::SendMessages).await?;
    let id = id.parse().ok().ok_or_else(PageError::not_found)?;
    let view = face.app.deliveries.get(&viewer.actor, id).await?;
    view.filter(|view| view.community == community.id)
        .ok_or_else(PageError::not_found)?;
    Ok((community, id))
}

fn back(community: &Community, done: &str) -> Response {
    let to = format!("/c/{}/deliveries?done={done}", community.slug);
    Redirect::to(&to).into_response()
}

/// `POST /c/{slug}/deliveries/{id}/retry`
pub(crate) async fn retry(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, id) = find(&face, &viewer, &slug, &id).await?;
    face.app.deliveries.retry(&viewer.actor, id).await?;
    Ok(back(&community, "retrying"))
}

/// `POST /c/{slug}/deliveries/{id}/cancel`
pub(crate) async fn cancel(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, id) = find(&face, &viewer, &slug, &id).await?;
    face.app.deliveries.cancel(&viewer.actor, id).await?;
    Ok(back(&community, "cancelled"))
}
