//! Who may see what of oneself: a matrix of choices, and the log of what one agreed to.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use identity::{Audience, Consent, Facet, Visibility};
use kernel::Platform;

use crate::{
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{Client, SignedIn},
};

#[derive(Template)]
#[template(path = "me_privacy.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    facets: [Facet; 4],
    rows: Vec<Row>,
    handle: Option<String>,
    consents: Vec<Line>,
}

struct Row {
    platform: Platform,
    cells: Vec<Cell>,
}

struct Cell {
    /// `discord.profile`.
    name: String,
    facet: Facet,
    choices: Vec<(Audience, bool)>,
}

struct Line {
    subject: String,
    before: String,
    after: String,
    at: When,
    network: String,
}

fn name(platform: Platform, facet: Facet) -> String {
    format!("{}.{}", platform.as_str(), facet.as_str())
}

/// `GET /me/privacy`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &who, Mistakes::default()).await
}

/// `POST /me/privacy`
pub(crate) async fn save(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Client(client): Client,
    Form(typed): Form<HashMap<String, String>>,
) -> Result<Response, PageError> {
    let (identity, actor) = (&face.app.identity, &who.viewer.actor);
    let mut wanted: Visibility = identity.visibility(actor).await?;
    for platform in Platform::ALL {
        for facet in Facet::ALL {
            let Some(chosen) = typed.get(&name(platform, facet)) else {
                continue;
            };
            let Some(audience) = Audience::from_name(chosen) else {
                let wrong = Mistakes::one("", "choose nobody, community or everyone");
                return show(&face, &who, wrong).await;
            };
            wanted.set(platform, facet, audience);
        }
    }
    identity.change_visibility(actor, &wanted, &client).await?;
    Ok(Redirect::to("/me/privacy?done=saved").into_response())
}

async fn show(face: &Face, who: &SignedIn, mistakes: Mistakes) -> Result<Response, PageError> {
    let (identity, actor) = (&face.app.identity, &who.viewer.actor);
    let visibility = identity.visibility(actor).await?;
    let cell = |platform, facet| Cell {
        name: name(platform, facet),
        facet,
        choices: Audience::ALL
            .map(|audience| (audience, visibility.audience(platform, facet) == audience))
            .into(),
    };
    let now = face.app.clock.now();
    let line = |consent: Consent| Line {
        subject: consent.subject,
        before: consent.before,
        after: consent.after,
        at: display::when(now, consent.at),
        network: consent.address_prefix,
    };
    let place = Place {
        title: "Privacy",
        section: Section::None,
        community: None,
    };
    let page = Page {
        shell: Shell::new(face, &who.viewer, place).await?,
        mistakes,
        facets: Facet::ALL,
        rows: Platform::ALL
            .map(|platform| Row {
                platform,
                cells: Facet::ALL.map(|facet| cell(platform, facet)).into(),
            })
            .into(),
        handle: identity.own_profile(actor).await?.handle,
        consents: identity
            .consents(actor)
            .await?
            .into_iter()
            .map(line)
            .collect(),
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
