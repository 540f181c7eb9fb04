//! Which lists of known bots count in a community: a table on the page of settings, and the form that changes it.
//!
//! Must never show what is on a list: entries are many, and being on one is no verdict.

use std::sync::Arc;

use ::bots::{ListChoice, ListKind};
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use kernel::Permission;
use serde::Deserialize;

use crate::{bots::settings, community, display, error::PageError, router::Face, viewer::SignedIn};

/// The form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choosing {
    /// `yes` or `no`.
    used: String,
}

/// A list as it is shown.
pub(crate) struct Row {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    /// Where its accounts are; empty for domains.
    pub(crate) platform: &'static str,
    pub(crate) source: String,
    pub(crate) day: String,
    pub(crate) entries: String,
    pub(crate) half_life: String,
    pub(crate) is_used: bool,
}

impl From<ListChoice> for Row {
    fn from(ListChoice { list, is_used }: ListChoice) -> Self {
        Self {
            id: list.id,
            kind: kind(list.kind),
            platform: list.platform.map_or("", kernel::Platform::label),
            day: display::date(list.as_of.day()),
            entries: display::count(list.n_entries.into()),
            half_life: match list.half_life_days {
                0 => "does not fade".to_owned(),
                days => format!("after {}", display::plural(days.into(), "day")),
            },
            name: list.name,
            source: list.source,
            is_used,
        }
    }
}

const fn kind(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Unwanted => "bots nobody asked for",
        ListKind::Service => "bots that communities use",
        ListKind::Dangerous => "domains that steal or harm",
        ListKind::Suspicious => "domains seen with those",
    }
}

/// `POST /c/{slug}/bots/lists/{id}`
pub(crate) async fn choose(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(typed): Form<Choosing>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let id: i32 = id.parse().ok().ok_or_else(PageError::not_found)?;
    let (is_used, done) = match typed.used.as_str() {
        "yes" => (true, "list-used"),
        "no" => (false, "list-unused"),
        _ => return Err(PageError::not_found()),
    };
    face.app
        .bots
        .use_list(&viewer.actor, community.id, id, is_used)
        .await?;
    let to = format!("{}?done={done}#lists", settings::home(&community.slug));
    Ok(Redirect::to(&to).into_response())
}
