//! One's own API keys: making, replacing and revoking them. The text of a key is on the page that
//! answers the form, once, and nowhere else.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{
    ApiKey, Confirmation, IdentityError, KEY_DAYS_MAX, KEYS_MAX, KeyScope, MadeApiKey, NewApiKey,
};
use kernel::{ApiKeyId, CommunityId, Secret};
use serde::Deserialize;

use crate::{
    display,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

/// How long a key lasts unless its owner says otherwise.
const DAYS: &str = "365";

#[derive(Template)]
#[template(path = "me_keys.html")]
struct Keys {
    shell: Shell,
    mistakes: Mistakes,
    /// The text of a key just made.
    made: Option<String>,
    rows: Vec<Row>,
    communities: Vec<Choice>,
    name: String,
    days: String,
    days_max: u16,
    needs_password: bool,
    needs_proof: bool,
    valid_max: i64,
}

struct Row {
    id: ApiKeyId,
    name: String,
    hint: String,
    scope: String,
    made: String,
    used: String,
    ends: String,
    is_expired: bool,
}

struct Choice {
    value: String,
    label: String,
    is_current: bool,
}

/// The form. Has no `Debug`, because it holds a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    community: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    password: String,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            name: String::new(),
            community: String::new(),
            days: DAYS.to_owned(),
            password: String::new(),
        }
    }
}

impl Typed {
    fn wanted(&self) -> Result<NewApiKey, Mistakes> {
        let scope = match self.community.as_str() {
            "" => KeyScope::Everything,
            id => {
                let id: Result<CommunityId, _> = id.parse();
                let wrong = |_| Mistakes::one("community", "choose one of the communities");
                KeyScope::Community(id.map_err(wrong)?)
            }
        };
        let wrong = |_| {
            let message = format!("enter a number of days, 1 to {KEY_DAYS_MAX}");
            Mistakes::one("days", &message)
        };
        Ok(NewApiKey {
            name: self.name.clone(),
            scope,
            days: self.days.trim().parse().map_err(wrong)?,
        })
    }
}

/// What somebody can put right; other errors are passed on.
fn mistake(error: IdentityError) -> Result<Mistakes, PageError> {
    match error {
        IdentityError::Invalid { field, message } => Ok(Mistakes::one(field, &message)),
        IdentityError::Conflict(message) => Ok(Mistakes::one("", &message)),
        IdentityError::Throttled { retry_after } => {
            Ok(Mistakes::one("password", &display::wait(retry_after)))
        }
        error => Err(error.into()),
    }
}

/// `GET /me/keys`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &who, Mistakes::default(), None, Typed::default()).await
}

/// `POST /me/keys`
pub(crate) async fn create(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let wanted = match typed.wanted() {
        Ok(wanted) => wanted,
        Err(mistakes) => return show(&face, &who, mistakes, None, typed).await,
    };
    let password = Secret::new(typed.password.clone());
    let identity = &face.app.identity;
    match identity
        .create_api_key(&who.viewer.actor, who.session, &wanted, &password)
        .await
    {
        Ok(made) => show_made(&face, &who, made).await,
        Err(error) => show(&face, &who, mistake(error)?, None, typed).await,
    }
}

/// `POST /me/keys/{id}/regenerate`
pub(crate) async fn regenerate(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let id = id.parse().ok().ok_or_else(PageError::not_found)?;
    let password = Secret::new(typed.password);
    let identity = &face.app.identity;
    match identity
        .regenerate_api_key(&who.viewer.actor, who.session, id, &password)
        .await
    {
        Ok(made) => show_made(&face, &who, made).await,
        Err(error) => {
            // The fields of the page belong to another form, so no field is named.
            let mistakes = mistake(error)?.of_the_whole();
            show(&face, &who, mistakes, None, Typed::default()).await
        }
    }
}

/// `POST /me/keys/{id}/revoke`
pub(crate) async fn revoke(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = id.parse().ok().ok_or_else(PageError::not_found)?;
    let identity = &face.app.identity;
    identity.revoke_api_key(&who.viewer.actor, id).await?;
    Ok(Redirect::to("/me/keys?done=key-revoked").into_response())
}

async fn show_made(face: &Face, who: &SignedIn, made: MadeApiKey) -> Result<Response, PageError> {
    let text = made.key.expose().clone();
    show(face, who, Mistakes::default(), Some(text), Typed::default()).await
}

async fn show(
    face: &Face,
    who: &SignedIn,
    mistakes: Mistakes,
    made: Option<String>,
    typed: Typed,
) -> Result<Response, PageError> {
    let place = Place {
        title: "API keys",
        section: Section::None,
        community: None,
    };
    let (actor, identity) = (&who.viewer.actor, &face.app.identity);
    let needed = identity.confirmation(actor, who.session).await?;
    let communities: Vec<Choice> = identity
        .communities(actor)
        .await?
        .into_iter()
        .map(|(community, _)| Choice {
            value: community.id.to_string(),
            is_current: community.id.to_string() == typed.community,
            label: community.name,
        })
        .collect();
    let now = face.app.clock.now();
    let row = |key: ApiKey| Row {
        id: key.id,
        scope: match key.scope {
            KeyScope::Everything => "everything you may".to_owned(),
            KeyScope::Community(id) => communities
                .iter()
                .find(|choice| choice.value == id.to_string())
                .map_or_else(
                    || "a community you left".to_owned(),
                    |choice| choice.label.clone(),
                ),
        },
        made: display::date(key.created_at.day()),
        used: key
            .last_used_at
            .map_or_else(|| "never".to_owned(), |at| display::ago(now, at)),
        ends: display::date(key.expires_at.day()),
        is_expired: key.expires_at <= now,
        name: key.name,
        hint: key.hint,
    };
    let rows = identity.api_keys(actor).await?;
    let page = Keys {
        shell: Shell::new(face, &who.viewer, place).await?,
        rows: rows.into_iter().map(row).collect(),
        communities,
        mistakes,
        made,
        name: typed.name,
        days: typed.days,
        days_max: KEY_DAYS_MAX,
        needs_password: needed == Confirmation::Password,
        needs_proof: needed.is_elsewhere(),
        valid_max: KEYS_MAX,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
