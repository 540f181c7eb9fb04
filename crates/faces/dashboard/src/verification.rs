//! The history of how one signed in, and of failed attempts.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use identity::Verification;
use kernel::{Cursor, PageRequest};
use serde::Deserialize;

use crate::{
    display::{self, When},
    error::PageError,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

/// Rows on a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "me_verification.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
}

struct Row {
    method: String,
    succeeded: bool,
    when: When,
    network: String,
}

/// Which page.
#[derive(Deserialize)]
pub(crate) struct Asked {
    after: Option<String>,
}

/// `GET /me/verification`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let cursor = asked.after.as_deref().map(Cursor::decode).transpose();
    let cursor = cursor.ok().ok_or_else(PageError::not_found)?;
    let is_first = cursor.is_none();
    let request = match cursor {
        Some(cursor) => PageRequest::after(cursor, ROWS),
        None => PageRequest::first(ROWS),
    };
    let identity = &face.app.identity;
    let found = identity.verifications(&who.viewer.actor, &request).await?;
    let now = face.app.clock.now();
    let place = Place {
        title: "Sign-in history",
        section: Section::None,
        community: None,
    };
    let next = found.next.as_ref().map(Cursor::encode);
    let rows = found.items.into_iter().map(|attempt| Row {
        method: words(&face, &attempt),
        succeeded: attempt.succeeded,
        when: display::when(now, attempt.at),
        network: attempt.network,
    });
    layout::page(&Page {
        rows: rows.collect(),
        next,
        is_first,
        shell: Shell::new(&face, &who.viewer, place).await?,
    })
}

/// A method in words.
fn words(face: &Face, attempt: &Verification) -> String {
    let plain = match attempt.method.as_str() {
        "password" => "password",
        "link" => "sign-in link",
        "totp" => "code of the app",
        "recovery-code" => "recovery code",
        "second-factor" => "second factor",
        "passkey" => "passkey",
        "passkey-copied" => "passkey that looks copied",
        "email" => "code sent by mail",
        "chat-code" => "code typed in chat",
        "register" => "registered",
        "setup" => "set-up link",
        other => {
            let key = other.strip_prefix("oauth:").unwrap_or(other);
            let provider = face.app.providers().iter().find(|p| p.key() == key);
            return provider.map_or(key, |p| p.label()).to_owned();
        }
    };
    plain.to_owned()
}
