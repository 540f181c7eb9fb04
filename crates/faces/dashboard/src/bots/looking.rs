//! Who looks at a case right now, so that two do not decide about the same one; and whether it is still what was seen.
//!
//! Must never name somebody otherwise than the page of the case does.

use std::sync::Arc;

use ::bots::{Case, CaseOrder, CaseState};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use futures_util::stream;
use kernel::Permission;
use serde::Deserialize;

use super::{Names, Someone, case::id_of, queue};
use crate::{
    community,
    error::PageError,
    follow::{self, drawn, told},
    router::Face,
    viewer::SignedIn,
};

/// The stream's query: what the page shows.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Seen {
    revision: i32,
    #[serde(default)]
    order: String,
}

/// The part of the page.
#[derive(Template)]
#[template(path = "bots_looking.html")]
pub(crate) struct Looking {
    viewers: Vec<Someone>,
    /// The case again, if it is not what was seen.
    again_href: Option<String>,
    /// The same for whoever listens.
    said: String,
}

impl Looking {
    /// Of a case of which a revision was seen.
    pub(crate) fn of(
        case: &Case,
        names: &Names,
        slug: &str,
        (revision, order): (i32, CaseOrder),
    ) -> Self {
        let viewers = names.all(&case.viewers);
        let is_same = case.revision == revision && case.state == CaseState::Open;
        let again_href = (!is_same).then(|| queue::case_href(slug, case.id, order));
        let others = viewers.iter().filter(|someone| !someone.is_viewer);
        let others: Vec<&str> = others.map(|someone| someone.name.as_str()).collect();
        let said = match (others.len(), &again_href) {
            (_, Some(_)) => "the case changed".to_owned(),
            (0, None) => String::new(),
            (1, None) => format!("{} is looking at it", others.concat()),
            (_, None) => format!("{} are looking at it", others.join(", ")),
        };
        Self {
            viewers,
            again_href,
            said,
        }
    }

    /// Of a case as it is shown now.
    pub(crate) fn now(case: &Case, names: &Names) -> Self {
        Self {
            viewers: names.all(&case.viewers),
            again_href: None,
            said: String::new(),
        }
    }
}

/// The address of the stream of an open case.
pub(crate) fn stream_href(slug: &str, case: &Case, order: CaseOrder) -> String {
    format!(
        "/c/{slug}/bots/cases/{}/stream?revision={}&order={}",
        case.id,
        case.revision,
        order.as_str()
    )
}

/// `GET /c/{slug}/bots/cases/{id}/stream`
pub(crate) async fn stream(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Query(seen): Query<Seen>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let seen = (seen.revision, queue::order_of(&seen.order)?);
    let feed = face
        .app
        .follow_case(&viewer.actor, community.id, id_of(&id)?)
        .await?;
    let stop = face.app.stop.clone();
    let parts = stream::unfold(
        (feed, face, viewer, community, seen),
        async |(mut feed, face, viewer, community, seen)| {
            let case = told(feed.next().await?)?;
            let names = told(Names::of(&face, &viewer, &community, &case.viewers).await)?;
            let html = drawn(&Looking::of(&case, &names, &community.slug, seen))?;
            Some((html, (feed, face, viewer, community, seen)))
        },
    );
    Ok(follow::answer(parts, stop))
}
