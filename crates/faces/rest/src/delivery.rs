//! What is said in a community's name, and what became of it: `/communities/{id}/deliveries`.

use std::{sync::Arc, time::Duration};

use ::delivery::{AttemptView, DeliveryFilter, DeliveryView, State as Fate};
use app::Saying;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use kernel::{Address, Button, Colour, CommunityId, DeliveryId, Draft, Field, Medium, ServerId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path, Query, idempotency_key},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::Moment,
};

/// How a message travels.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MediumName {
    /// Discord.
    Discord,
    /// Twitch.
    Twitch,
    /// Slack.
    Slack,
    /// E-mail.
    Email,
}

impl From<Medium> for MediumName {
    fn from(medium: Medium) -> Self {
        match medium {
            Medium::Discord => Self::Discord,
            Medium::Twitch => Self::Twitch,
            Medium::Slack => Self::Slack,
            Medium::Email => Self::Email,
        }
    }
}

impl From<MediumName> for Medium {
    fn from(name: MediumName) -> Self {
        match name {
            MediumName::Discord => Self::Discord,
            MediumName::Twitch => Self::Twitch,
            MediumName::Slack => Self::Slack,
            MediumName::Email => Self::Email,
        }
    }
}

/// Where a message is in its life.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FateName {
    /// Waits: for its time, its turn, or the next try.
    Pending,
    /// A call is under way.
    Sending,
    /// The platform took it.
    Sent,
    /// It was refused, or every try failed.
    Failed,
    /// It was useless before it could be sent.
    Expired,
    /// The answer was lost: perhaps it arrived.
    Unknown,
    /// Somebody took it back before it was sent.
    Cancelled,
}

impl From<Fate> for FateName {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Pending => Self::Pending,
            Fate::Sending => Self::Sending,
            Fate::Sent => Self::Sent,
            Fate::Failed => Self::Failed,
            Fate::Expired => Self::Expired,
            Fate::Unknown => Self::Unknown,
            Fate::Cancelled => Self::Cancelled,
        }
    }
}

impl From<FateName> for Fate {
    fn from(name: FateName) -> Self {
        match name {
            FateName::Pending => Self::Pending,
            FateName::Sending => Self::Sending,
            FateName::Sent => Self::Sent,
            FateName::Failed => Self::Failed,
            FateName::Expired => Self::Expired,
            FateName::Unknown => Self::Unknown,
            FateName::Cancelled => Self::Cancelled,
        }
    }
}

/// A message on its way out, or at its end. Never shows the words: those who read the channel do.
#[derive(Serialize, ToSchema)]
pub(crate) struct SentView {
    /// Its id.
    id: i64,
    /// How it travels.
    medium: MediumName,
    /// Where to, by the platform's id: a channel, a person, or an address.
    to: String,
    /// Where it is in its life.
    state: FateName,
    /// Not before.
    due_at: Moment,
    /// Useless after.
    not_after: Option<Moment>,
    /// Calls made so far.
    attempts: u32,
    /// The platform's id of the message.
    message_id: Option<String>,
    /// Whether something was cut to fit.
    was_cut: bool,
    /// Whether the platform says that it arrived.
    is_confirmed: bool,
    /// Why it is not sent, in the platform's words.
    last_error: Option<String>,
    /// Who asked for it, such as `user:7` or `system:reminders`.
    requested_by: String,
    /// When it was asked for.
    created_at: Moment,
    /// When it came to its end.
    finished_at: Option<Moment>,
}

/// One try.
#[derive(Serialize, ToSchema)]
pub(crate) struct TryView {
    /// Which, from 1.
    n: u32,
    /// When the call began.
    begun_at: Moment,
    /// When it ended; absent while it is under way.
    ended_at: Option<Moment>,
    /// How it ended: `done`, `rate limited`, `closed`, `unavailable`, `unknown`, `refused` or `cut off`.
    outcome: Option<String>,
    /// Why, in the platform's words.
    error: Option<String>,
}

/// A message with its tries.
#[derive(Serialize, ToSchema)]
pub(crate) struct TriedView {
    /// The message.
    #[serde(flatten)]
    delivery: SentView,
    /// Its tries, newest first, at most 50.
    tries: Vec<TryView>,
}

impl From<DeliveryView> for SentView {
    fn from(view: DeliveryView) -> Self {
        let to = match view.address {
            Address::Channel { channel, .. } | Address::Answer { channel, .. } => channel,
            Address::Direct { user, .. } => user,
            Address::Mailbox { to } => to,
        };
        Self {
            id: view.id.0,
            medium: view.medium.into(),
            to,
            state: view.state.into(),
            due_at: view.due_at.into(),
            not_after: view.not_after.map(Moment::from),
            attempts: view.attempts,
            message_id: view.message_id,
            was_cut: view.was_cut,
            is_confirmed: view.is_confirmed,
            last_error: view.last_error,
            requested_by: view.requested_by,
            created_at: view.created_at.into(),
            finished_at: view.finished_at.map(Moment::from),
        }
    }
}

impl From<AttemptView> for TryView {
    fn from(attempt: AttemptView) -> Self {
        Self {
            n: attempt.n,
            begun_at: attempt.begun_at.into(),
            ended_at: attempt.ended_at.map(Moment::from),
            outcome: attempt.outcome.map(|outcome| outcome.as_str().to_owned()),
            error: attempt.error,
        }
    }
}

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SentFilter {
    /// Only those in this state.
    state: Option<FateName>,
    /// Only those that travel like this.
    medium: Option<MediumName>,
}

/// The words of a message. Something must be said: a title, a body, fields or a picture.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    /// One line above the body.
    title: Option<String>,
    /// The text.
    #[serde(default)]
    body: String,
    /// Names with values, in order.
    #[serde(default)]
    fields: Vec<NamedValue>,
    /// Pages to open, in order.
    #[serde(default)]
    links: Vec<LinkTo>,
    /// The address of a picture; begins with `https://`.
    image: Option<String>,
    /// The colour of the edge, `0xRRGGBB` as a number.
    #[schema(maximum = 16_777_215)]
    colour: Option<u32>,
}

/// A name with a value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedValue {
    /// What it is.
    name: String,
    /// How much or which.
    value: String,
    /// Whether it may stand beside others.
    #[serde(default)]
    is_inline: bool,
}

/// A page to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkTo {
    /// Begins with `https://`.
    url: String,
    /// What stands on it.
    label: String,
}

/// Something to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToSay {
    /// The id of one of the community's servers.
    server_id: i32,
    /// In which of its channels, by the platform's id; without it, in the one chosen for announcements.
    channel: Option<String>,
    /// The words.
    words: Words,
    /// How many seconds to wait before it is said, at most a year.
    #[serde(default)]
    #[schema(maximum = 31_622_400)]
    wait_secs: u64,
    /// For how many seconds from now it is worth saying; without it, for ever.
    worth_secs: Option<u64>,
}

impl Words {
    fn draft(self) -> Result<Draft, Problem> {
        if self.colour.is_some_and(|colour| colour > 0x00ff_ffff) {
            return Err(Problem::field("colour", "a colour is 0 to 16777215"));
        }
        let field = |field: NamedValue| Field {
            name: field.name,
            value: field.value,
            is_inline: field.is_inline,
        };
        let link = |link: LinkTo| Button::Link {
            url: link.url,
            label: link.label,
        };
        Ok(Draft {
            title: self.title,
            body: self.body,
            fields: self.fields.into_iter().map(field).collect(),
            buttons: self.links.into_iter().map(link).collect(),
            image: self.image,
            colour: self.colour.map(Colour),
        })
    }
}

/// What the community said or is about to say, newest first. For moderators.
#[utoipa::path(get, path = "/communities/{community}/deliveries", tag = "deliveries", params(("community" = i32, Path, description = "The community's id."), SentFilter, PageParams), responses((status = 200, body = List<SentView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(filter): Query<SentFilter>,
    paging: Paging,
) -> Result<Listed<SentView>, Problem> {
    let filter = DeliveryFilter {
        state: filter.state.map(Fate::from),
        medium: filter.medium.map(Medium::from),
    };
    let deliveries = &face.app.deliveries;
    let community = CommunityId(community);
    let page = deliveries.list(&who.actor, community, filter, &paging.request);
    Ok(paging.answer(page.await?, SentView::from))
}

/// Says something in a channel of a connected server, once for each `Idempotency-Key`; it wakes nobody.
/// For moderators.
#[utoipa::path(post, path = "/communities/{community}/deliveries", tag = "deliveries", params(("community" = i32, Path, description = "The community's id."), ("Idempotency-Key" = String, Header, description = "Chosen by the caller, 1 to 100 bytes: the same key says it once.")), request_body = ToSay, responses((status = 202, body = TriedView)))]
pub(crate) async fn say(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    headers: HeaderMap,
    Body(wanted): Body<ToSay>,
) -> Result<(StatusCode, Json<TriedView>), Problem> {
    let key = idempotency_key(&headers, "so that a repeated request says it once")?;
    let saying = Saying {
        server: ServerId(wanted.server_id),
        channel: wanted.channel,
        draft: wanted.words.draft()?,
        key: key.to_owned(),
        wait: Duration::from_secs(wanted.wait_secs),
        worth_for: wanted.worth_secs.map(Duration::from_secs),
    };
    let community = CommunityId(community);
    let id = face.app.say(&who.actor, community, saying).await?;
    let view = find(&face, &who, (community, id)).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

async fn find(
    face: &Face,
    who: &SignedIn,
    (community, id): (CommunityId, DeliveryId),
) -> Result<TriedView, Problem> {
    let found = face.app.deliveries.get(&who.actor, id).await?;
    let found = found.filter(|view| view.community == community);
    let mut view = found.ok_or_else(Problem::not_found)?;
    let tries = std::mem::take(&mut view.tries);
    Ok(TriedView {
        tries: tries.into_iter().map(TryView::from).collect(),
        delivery: view.into(),
    })
}

/// A message with its tries. For moderators.
#[utoipa::path(get, path = "/communities/{community}/deliveries/{id}", tag = "deliveries", params(("community" = i32, Path, description = "The community's id."), ("id" = i64, Path, description = "The message's id.")), responses((status = 200, body = TriedView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, id)): Path<(i32, i64)>,
) -> Result<Json<TriedView>, Problem> {
    let place = (CommunityId(community), DeliveryId(id));
    Ok(Json(find(&face, &who, place).await?))
}

/// Takes a message back before it is sent. For moderators.
#[utoipa::path(post, path = "/communities/{community}/deliveries/{id}/cancel", tag = "deliveries", params(("community" = i32, Path, description = "The community's id."), ("id" = i64, Path, description = "The message's id.")), responses((status = 200, body = TriedView)))]
pub(crate) async fn cancel(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, id)): Path<(i32, i64)>,
) -> Result<Json<TriedView>, Problem> {
    let place = (CommunityId(community), DeliveryId(id));
    find(&face, &who, place).await?;
    face.app.deliveries.cancel(&who.actor, place.1).await?;
    Ok(Json(find(&face, &who, place).await?))
}

/// Tries a message again that failed, or that perhaps did not arrive: it may then arrive twice. For
/// moderators.
#[utoipa::path(post, path = "/communities/{community}/deliveries/{id}/retry", tag = "deliveries", params(("community" = i32, Path, description = "The community's id."), ("id" = i64, Path, description = "The message's id.")), responses((status = 200, body = TriedView)))]
pub(crate) async fn retry(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, id)): Path<(i32, i64)>,
) -> Result<Json<TriedView>, Problem> {
    let place = (CommunityId(community), DeliveryId(id));
    find(&face, &who, place).await?;
    face.app.deliveries.retry(&who.actor, place.1).await?;
    Ok(Json(find(&face, &who, place).await?))
}

/// Replaces the words of a message that was sent, once for each `Idempotency-Key`; answers the message
/// that carries the change. For moderators.
#[utoipa::path(put, path = "/communities/{community}/deliveries/{id}/words", tag = "deliveries", params(("community" = i32, Path, description = "The community's id."), ("id" = i64, Path, description = "The message's id."), ("Idempotency-Key" = String, Header, description = "Chosen by the caller, 1 to 100 bytes: the same key changes it once.")), request_body = Words, responses((status = 202, body = TriedView)))]
pub(crate) async fn edit(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, id)): Path<(i32, i64)>,
    headers: HeaderMap,
    Body(words): Body<Words>,
) -> Result<(StatusCode, Json<TriedView>), Problem> {
    let key = idempotency_key(&headers, "so that a repeated request changes it once")?;
    let place = (CommunityId(community), DeliveryId(id));
    find(&face, &who, place).await?;
    let key = format!("edit:{}:{key}", who.actor.label());
    let deliveries = &face.app.deliveries;
    let draft = words.draft()?;
    let edit = deliveries.edit(&who.actor, place.1, &key, draft).await?;
    let view = find(&face, &who, (place.0, edit)).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Deletes a message that was sent; answers the message that carries the deletion. For moderators.
#[utoipa::path(delete, path = "/communities/{community}/deliveries/{id}", tag = "deliveries", params(("community" = i32, Path, description = "The community's id."), ("id" = i64, Path, description = "The message's id.")), responses((status = 202, body = TriedView)))]
pub(crate) async fn take_back(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, id)): Path<(i32, i64)>,
) -> Result<(StatusCode, Json<TriedView>), Problem> {
    let place = (CommunityId(community), DeliveryId(id));
    find(&face, &who, place).await?;
    let deliveries = &face.app.deliveries;
    let carrier = deliveries.take_back(&who.actor, place.1).await?;
    let view = find(&face, &who, (place.0, carrier)).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}
