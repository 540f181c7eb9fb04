//! The API to read: every operation of REST with what it takes and answers, and every type of GraphQL.
//! Drawn from the two committed documents, which tests hold against the faces that they describe.
//!
//! Must never show anything but these documents: the pages are the same for everybody who is signed in.

mod schema;
mod sdl;
mod shape;

use std::sync::{Arc, LazyLock};

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};

use crate::{
    error::PageError,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

use schema::{Api, Group};
use sdl::Definition;

/// Where the pages are.
pub(crate) const HOME: &str = "/api/docs";

static API: LazyLock<Api> =
    LazyLock::new(|| Api::read(include_str!("../../../../docs/reference/openapi.json")));

static TYPES: LazyLock<Vec<Definition>> =
    LazyLock::new(|| sdl::read(include_str!("../../../../docs/reference/schema.graphql")));

#[derive(Template)]
#[template(path = "reference.html")]
struct Index {
    shell: Shell,
    about: &'static str,
    groups: &'static [Group],
    n_types: usize,
}

#[derive(Template)]
#[template(path = "reference_rest.html")]
struct RestPage {
    shell: Shell,
    group: &'static Group,
}

#[derive(Template)]
#[template(path = "reference_graphql.html")]
struct GraphqlPage {
    shell: Shell,
    types: &'static [Definition],
}

async fn shell(face: &Face, viewer: &Viewer, title: &str) -> Result<Shell, PageError> {
    let place = Place {
        title,
        section: Section::Reference,
        community: None,
    };
    Shell::new(face, viewer, place).await
}

/// `GET /api/docs`
pub(crate) async fn index(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    layout::page(&Index {
        shell: shell(&face, &viewer, "API reference").await?,
        about: &API.about,
        groups: &API.groups,
        n_types: TYPES.len(),
    })
}

/// `GET /api/docs/rest/{tag}`
pub(crate) async fn rest(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(tag): Path<String>,
) -> Result<Response, PageError> {
    let group = API.groups.iter().find(|group| group.name == tag);
    let group = group.ok_or_else(PageError::not_found)?;
    let title = format!("REST: {}", group.name);
    layout::page(&RestPage {
        shell: shell(&face, &viewer, &title).await?,
        group,
    })
}

/// `GET /api/docs/graphql`
pub(crate) async fn graphql(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    layout::page(&GraphqlPage {
        shell: shell(&face, &viewer, "GraphQL schema").await?,
        types: &TYPES,
    })
}
