//! One's own accounts elsewhere, and the history of proofs: `/users/me/identities`,
//! `/users/me/verifications`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use identity::{Trip, Verification};
use kernel::{ErrorCode, LinkId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::{Moment, PlatformName, Shown},
};

/// Where somebody who linked an account comes out.
pub(crate) const HOME: &str = "/me/accounts";

/// An account elsewhere that one signs in with.
#[derive(Serialize, ToSchema)]
pub(crate) struct IdentityView {
    /// Its id.
    id: i32,
    /// The provider's key, such as `discord`.
    platform: String,
    /// The provider's id of it.
    platform_user_id: String,
    /// The name it goes by there.
    platform_username: String,
    /// The address of its picture.
    avatar_url: Option<String>,
    /// The address the provider checked.
    verified_email: Option<String>,
    /// Whether it stands for its owner: it comes first where others see their accounts.
    is_primary: bool,
    /// What it allows this instance to do, in the provider's words.
    scopes: Vec<String>,
    /// When it was linked.
    linked_at: Moment,
    /// When its owner last came in with it.
    last_used_at: Moment,
}

impl From<identity::Link> for IdentityView {
    fn from(link: identity::Link) -> Self {
        Self {
            id: link.id.0,
            platform: link.provider,
            platform_user_id: link.subject,
            platform_username: link.username,
            avatar_url: link.avatar,
            verified_email: link.verified_email,
            is_primary: link.is_primary,
            scopes: link.scopes,
            linked_at: link.linked_at.into(),
            last_used_at: link.last_used_at.into(),
        }
    }
}

/// Which account is to stand for oneself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrimaryChoice {
    /// The identity's id, or the key of a provider with which one account is linked.
    platform: String,
}

/// Where to go on with linking.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkStart {
    /// The provider's page to open in the browser that has the session, within ten minutes.
    #[schema(format = Password)]
    pub(crate) url: String,
}

/// A code to type in chat. Shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatCode {
    /// Type `!verify` and this where the account is, within ten minutes.
    code: Shown,
}

/// One attempt to prove who one is.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerificationView {
    /// How, such as `password`, `totp` or `oauth:discord`.
    method: String,
    /// Whether it succeeded.
    succeeded: bool,
    /// When.
    at: Moment,
    /// The network it came from; empty if that is unknown.
    network: String,
}

/// One's own accounts elsewhere.
#[utoipa::path(get, path = "/users/me/identities", tag = "users", responses((status = 200, body = List<IdentityView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<IdentityView>>, Problem> {
    let found = face.app.identity.links(&who.actor).await?;
    Ok(List::whole(
        found.into_iter().map(IdentityView::from).collect(),
    ))
}

/// The one of one's own accounts elsewhere that stands for oneself, if one was chosen.
#[utoipa::path(get, path = "/users/me/identities/primary", tag = "users", responses((status = 200, body = IdentityView)))]
pub(crate) async fn primary(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<IdentityView>, Problem> {
    let links = face.app.identity.links(&who.actor).await?;
    let found = links.into_iter().find(|link| link.is_primary);
    Ok(Json(found.ok_or_else(Problem::not_found)?.into()))
}

/// Chooses which of one's own accounts elsewhere stands for oneself: it comes first where others see
/// them, and its picture is shown.
#[utoipa::path(put, path = "/users/me/identities/primary", tag = "users", request_body = PrimaryChoice, responses((status = 200, body = IdentityView)))]
pub(crate) async fn choose_primary(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(wanted): Body<PrimaryChoice>,
) -> Result<Json<IdentityView>, Problem> {
    let link = named(&face, &who, &wanted.platform).await?;
    let identity = &face.app.identity;
    identity.choose_primary_link(&who.actor, Some(link)).await?;
    primary(State(face), who).await
}

/// Takes the choice back.
#[utoipa::path(delete, path = "/users/me/identities/primary", tag = "users", responses((status = 204)))]
pub(crate) async fn no_primary(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity.choose_primary_link(&who.actor, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins to link an account of a provider. Needs a fresh session.
#[utoipa::path(post, path = "/users/me/identities/link/{provider}", tag = "users", params(("provider" = String, Path, description = "The provider's key.")), responses((status = 201, body = LinkStart)))]
pub(crate) async fn link(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(provider): Path<String>,
) -> Result<(StatusCode, Json<LinkStart>), Problem> {
    let session = who.session()?;
    let redirect = face.app.callback(&provider);
    let trip = Trip {
        provider: &provider,
        redirect: &redirect,
        return_to: HOME,
    };
    let url = face.app.link_url(&who.actor, session, None, trip).await?;
    Ok((StatusCode::CREATED, Json(LinkStart { url })))
}

/// Makes a code that links the account which types it in chat, where a platform's sign-in is not set up
/// here; one made before is void. Needs a fresh session.
#[utoipa::path(post, path = "/users/me/identities/code/{platform}", tag = "users", params(("platform" = PlatformName, Path, description = "Where the account is.")), responses((status = 201, body = ChatCode)))]
pub(crate) async fn chat_code(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(platform): Path<PlatformName>,
) -> Result<(StatusCode, Json<ChatCode>), Problem> {
    let session = who.session()?;
    let made = face
        .app
        .chat_code(&who.actor, session, None, platform.into())
        .await?;
    let code = Shown::from(&made);
    Ok((StatusCode::CREATED, Json(ChatCode { code })))
}

/// Unlinks an account: it no longer signs in, and its tokens are given back. Refused for the last way
/// of signing in. Needs a fresh session.
#[utoipa::path(delete, path = "/users/me/identities/{identity}", tag = "users", params(("identity" = String, Path, description = "The identity's id, or the key of a provider with which one account is linked.")), responses((status = 204)))]
pub(crate) async fn unlink(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(identity): Path<String>,
) -> Result<StatusCode, Problem> {
    let session = who.session()?;
    let link = named(&face, &who, &identity).await?;
    face.app.unlink(&who.actor, session, None, link).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account with an id, or the one that is linked with a provider.
async fn named(face: &Face, who: &SignedIn, identity: &str) -> Result<LinkId, Problem> {
    match identity.parse() {
        Ok(id) => Ok(LinkId(id)),
        Err(_not_a_number) => only_link(face, who, identity).await,
    }
}

/// The one account that is linked with a provider.
async fn only_link(face: &Face, who: &SignedIn, provider: &str) -> Result<LinkId, Problem> {
    let links = face.app.identity.links(&who.actor).await?;
    let mut found = links.into_iter().filter(|link| link.provider == provider);
    match (found.next(), found.next()) {
        (Some(link), None) => Ok(link.id),
        (Some(_), Some(_)) => Err(Problem::new(
            ErrorCode::Conflict,
            "more than one account is linked with this provider: say its id",
        )),
        (None, _) => Err(Problem::not_found()),
    }
}

/// How somebody proved to be oneself, and failed to, newest first.
#[utoipa::path(get, path = "/users/me/verifications", tag = "users", params(PageParams), responses((status = 200, body = List<VerificationView>)))]
pub(crate) async fn verifications(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    paging: Paging,
) -> Result<Listed<VerificationView>, Problem> {
    let identity = &face.app.identity;
    let page = identity.verifications(&who.actor, &paging.request).await?;
    Ok(
        paging.answer(page, |attempt: Verification| VerificationView {
            method: attempt.method,
            succeeded: attempt.succeeded,
            at: attempt.at.into(),
            network: attempt.network,
        }),
    )
}
