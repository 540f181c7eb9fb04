//! What others may see of oneself, one's data as a file, being erased: `/users/me/…`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use identity::{Audience, ExportState, Facet};
use kernel::Platform;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::List,
    problem::Problem,
    view::Moment,
};

/// Who may see something.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AudienceName {
    /// Its owner only.
    Nobody,
    /// Who belongs to a community that its owner belongs to as well.
    Community,
    /// Everybody, also without signing in.
    Everyone,
}

impl From<Audience> for AudienceName {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Nobody => Self::Nobody,
            Audience::Community => Self::Community,
            Audience::Everyone => Self::Everyone,
        }
    }
}

impl From<AudienceName> for Audience {
    fn from(name: AudienceName) -> Self {
        match name {
            AudienceName::Nobody => Self::Nobody,
            AudienceName::Community => Self::Community,
            AudienceName::Everyone => Self::Everyone,
        }
    }
}

/// Who may see what on one platform. In a change, what is left out stays.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cells {
    /// That one is here, the name, handle and words about oneself.
    profile: Option<AudienceName>,
    /// How much and when one wrote.
    activity: Option<AudienceName>,
    /// What others think of one.
    reputation: Option<AudienceName>,
    /// Where one belongs.
    communities: Option<AudienceName>,
}

impl Cells {
    fn each(&self) -> [(Facet, Option<AudienceName>); 4] {
        [
            (Facet::Profile, self.profile),
            (Facet::Activity, self.activity),
            (Facet::Reputation, self.reputation),
            (Facet::Communities, self.communities),
        ]
    }
}

/// One line of what one agreed to.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentView {
    /// About what, such as `discord.profile`.
    subject: String,
    /// What was decided before.
    before: String,
    /// What was decided.
    after: String,
    /// When.
    at: Moment,
    /// The network it was decided from; empty if that is unknown.
    network: String,
}

/// A file with all of one's data.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportView {
    /// Its number.
    id: i32,
    /// Where it is in its life: `asked`, `ready`, `failed`, `fetched` or `gone`.
    state: String,
    /// How much of it is made, 0 to 1.
    progress: f64,
    /// Its size in bytes, once it is made.
    size_bytes: u64,
    /// When it was asked for.
    requested_at: Moment,
    /// Until when it can be fetched.
    expires_at: Option<Moment>,
}

/// A wish to be erased.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErasureView {
    /// When it was asked for.
    requested_at: Moment,
    /// When it is done, unless it is taken back before.
    due_at: Moment,
}

impl From<identity::Erasure> for ErasureView {
    fn from(erasure: identity::Erasure) -> Self {
        Self {
            requested_at: erasure.requested_at.into(),
            due_at: erasure.due_at.into(),
        }
    }
}

const fn state(state: ExportState) -> &'static str {
    match state {
        ExportState::Asked => "asked",
        ExportState::Ready => "ready",
        ExportState::Failed => "failed",
        ExportState::Fetched => "fetched",
        ExportState::Gone => "gone",
    }
}

async fn matrix(face: &Face, who: &SignedIn) -> Result<Json<BTreeMap<String, Cells>>, Problem> {
    let held = face.app.identity.visibility(&who.actor).await?;
    let row = |platform: Platform| {
        let of = |facet| Some(AudienceName::from(held.audience(platform, facet)));
        let cells = Cells {
            profile: of(Facet::Profile),
            activity: of(Facet::Activity),
            reputation: of(Facet::Reputation),
            communities: of(Facet::Communities),
        };
        (platform.as_str().to_owned(), cells)
    };
    Ok(Json(Platform::ALL.into_iter().map(row).collect()))
}

/// Who may see what of oneself, by platform.
#[utoipa::path(get, path = "/users/me/visibility", tag = "privacy", responses((status = 200, body = BTreeMap<String, Cells>)))]
pub(crate) async fn visibility(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<BTreeMap<String, Cells>>, Problem> {
    matrix(&face, &who).await
}

/// Decides who may see what of oneself; what is left out stays. Every change is a line in the consents.
#[utoipa::path(patch, path = "/users/me/visibility", tag = "privacy", request_body = BTreeMap<String, Cells>, responses((status = 200, body = BTreeMap<String, Cells>)))]
pub(crate) async fn change_visibility(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(wanted): Body<BTreeMap<String, Cells>>,
) -> Result<Json<BTreeMap<String, Cells>>, Problem> {
    let identity = &face.app.identity;
    let mut held = identity.visibility(&who.actor).await?;
    for (name, cells) in &wanted {
        let platform: Platform = name.parse().ok().ok_or_else(|| {
            let known: Vec<&str> = Platform::ALL.iter().map(|one| one.as_str()).collect();
            Problem::field(name, format!("the platforms are {}", known.join(", ")))
        })?;
        for (facet, audience) in cells.each() {
            if let Some(audience) = audience {
                held.set(platform, facet, audience.into());
            }
        }
    }
    identity
        .change_visibility(&who.actor, &held, &who.client)
        .await?;
    matrix(&face, &who).await
}

/// What one agreed to, newest first, at most 100.
#[utoipa::path(get, path = "/users/me/consents", tag = "privacy", responses((status = 200, body = List<ConsentView>)))]
pub(crate) async fn consents(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<ConsentView>>, Problem> {
    let found = face.app.identity.consents(&who.actor).await?;
    let view = |consent: identity::Consent| ConsentView {
        subject: consent.subject,
        before: consent.before,
        after: consent.after,
        at: consent.at.into(),
        network: consent.address_prefix,
    };
    Ok(List::whole(found.into_iter().map(view).collect()))
}

async fn all_exports(face: &Face, who: &SignedIn) -> Result<Json<List<ExportView>>, Problem> {
    let found = face.app.identity.exports(&who.actor).await?;
    let view = |export: identity::DataExport| ExportView {
        id: export.id,
        state: state(export.state).to_owned(),
        progress: export.progress(),
        size_bytes: export.size_bytes,
        requested_at: export.requested_at.into(),
        expires_at: export.expires_at.map(Moment::from),
    };
    Ok(List::whole(found.into_iter().map(view).collect()))
}

/// Files with one's data that were asked for, newest first, at most 20.
#[utoipa::path(get, path = "/users/me/exports", tag = "privacy", responses((status = 200, body = List<ExportView>)))]
pub(crate) async fn exports(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<ExportView>>, Problem> {
    all_exports(&face, &who).await
}

/// Asks for one's data as a file; one at a time. Needs a fresh session. Answers all of them.
#[utoipa::path(post, path = "/users/me/exports", tag = "privacy", responses((status = 202, body = List<ExportView>)))]
pub(crate) async fn request_export(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<(StatusCode, Json<List<ExportView>>), Problem> {
    let session = who.session()?;
    let identity = &face.app.identity;
    identity.request_export(&who.actor, session, None).await?;
    Ok((StatusCode::ACCEPTED, all_exports(&face, &who).await?))
}

/// Fetches a file, once.
#[utoipa::path(post, path = "/users/me/exports/{id}/fetch", tag = "privacy", params(("id" = i32, Path, description = "The file's number.")), responses((status = 200, description = "A ZIP of JSON and CSV.", content_type = "application/zip", body = Vec<u8>)))]
pub(crate) async fn fetch_export(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
) -> Result<Response, Problem> {
    let file = face.app.fetch_export(&who.actor, id).await?;
    let about = [
        (header::CONTENT_TYPE, "application/zip"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"waddlebot-data.zip\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let length = [(header::CONTENT_LENGTH, file.size_bytes)];
    let bytes = axum::body::Body::from_stream(file.parts);
    Ok((about, length, bytes).into_response())
}

/// One's wish to be erased.
#[utoipa::path(get, path = "/users/me/erasure", tag = "privacy", responses((status = 200, body = ErasureView)))]
pub(crate) async fn erasure(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<ErasureView>, Problem> {
    let found = face.app.identity.erasure(&who.actor).await?;
    Ok(Json(found.ok_or_else(Problem::not_found)?.into()))
}

/// Asks to be erased, in two weeks; it can be taken back until then. Needs a fresh session.
#[utoipa::path(post, path = "/users/me/erasure", tag = "privacy", responses((status = 202, body = ErasureView)))]
pub(crate) async fn request_erasure(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<(StatusCode, Json<ErasureView>), Problem> {
    let session = who.session()?;
    let identity = &face.app.identity;
    let asked = identity.request_erasure(&who.actor, session, None).await?;
    Ok((StatusCode::ACCEPTED, Json(asked.into())))
}

/// Takes one's wish to be erased back.
#[utoipa::path(delete, path = "/users/me/erasure", tag = "privacy", responses((status = 204)))]
pub(crate) async fn cancel_erasure(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    face.app.identity.cancel_erasure(&who.actor).await?;
    Ok(StatusCode::NO_CONTENT)
}
