//! One's own API keys: `/auth/api-keys`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use identity::{KeyScope, MadeApiKey, NewApiKey};
use kernel::{ApiKeyId, CommunityId, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::List,
    problem::Problem,
    view::{Moment, Shown},
};

/// A key; not the key itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// Its id.
    id: i32,
    /// What its owner calls it.
    name: String,
    /// The last four characters of the key.
    hint: String,
    /// The only community it is good for; absent for one that is good for everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<i32>,
    /// When it was made.
    created_at: Moment,
    /// When it ends.
    expires_at: Moment,
    /// When it was last used, within five minutes.
    last_used_at: Option<Moment>,
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// What to call it, 1 to 80 characters.
    name: String,
    /// The only community it is to be good for; without it, it is good for everything.
    community_id: Option<i32>,
    /// For how many days, 1 to 365.
    #[schema(minimum = 1, maximum = 365)]
    days: u16,
}

/// A key just made. Shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKey {
    /// Its id.
    id: i32,
    /// The key.
    key: Shown,
}

impl From<&MadeApiKey> for MadeKey {
    fn from(made: &MadeApiKey) -> Self {
        Self {
            id: made.id.0,
            key: Shown::from(&made.key),
        }
    }
}

/// One's own keys, newest first: the valid ones and those that ended within a month.
#[utoipa::path(get, path = "/auth/api-keys", tag = "auth", responses((status = 200, body = List<KeyView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<KeyView>>, Problem> {
    let found = face.app.identity.api_keys(&who.actor).await?;
    let view = |key: identity::ApiKey| KeyView {
        id: key.id.0,
        name: key.name,
        hint: key.hint,
        community_id: match key.scope {
            KeyScope::Everything => None,
            KeyScope::Community(id) => Some(id.0),
        },
        created_at: key.created_at.into(),
        expires_at: key.expires_at.into(),
        last_used_at: key.last_used_at.map(Moment::from),
    };
    Ok(List::whole(found.into_iter().map(view).collect()))
}

/// Makes a key, at most five valid ones. Needs a fresh session.
#[utoipa::path(post, path = "/auth/api-keys", tag = "auth", request_body = NewKey, responses((status = 201, body = MadeKey)))]
pub(crate) async fn create(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(wanted): Body<NewKey>,
) -> Result<(StatusCode, Json<MadeKey>), Problem> {
    let session = who.session()?;
    let new = NewApiKey {
        name: wanted.name,
        scope: match wanted.community_id {
            Some(id) => KeyScope::Community(CommunityId(id)),
            None => KeyScope::Everything,
        },
        days: wanted.days,
    };
    let identity = &face.app.identity;
    let made = identity
        .create_api_key(&who.actor, session, &new, &Secret::new(String::new()))
        .await?;
    Ok((StatusCode::CREATED, Json(MadeKey::from(&made))))
}

/// Puts a fresh key in the place of a valid one; the old one is worth nothing at once. Needs a fresh
/// session.
#[utoipa::path(post, path = "/auth/api-keys/{id}/regenerate", tag = "auth", params(("id" = i32, Path, description = "The key's id.")), responses((status = 200, body = MadeKey)))]
pub(crate) async fn regenerate(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
) -> Result<Json<MadeKey>, Problem> {
    let session = who.session()?;
    let identity = &face.app.identity;
    let made = identity
        .regenerate_api_key(
            &who.actor,
            session,
            ApiKeyId(id),
            &Secret::new(String::new()),
        )
        .await?;
    Ok(Json(MadeKey::from(&made)))
}

/// Ends a key at once.
#[utoipa::path(delete, path = "/auth/api-keys/{id}", tag = "auth", params(("id" = i32, Path, description = "The key's id.")), responses((status = 204)))]
pub(crate) async fn revoke(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity.revoke_api_key(&who.actor, ApiKeyId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
