//! One's own page: name, address, password, and the browsers that are signed in.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::IdentityError;
use kernel::{Secret, SessionId};
use serde::Deserialize;

use crate::{
    cookie, display,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    profile::{self, About, Line},
    router::Face,
    viewer::SignedIn,
};

#[derive(Template)]
#[template(path = "me.html")]
struct Me {
    shell: Shell,
    mistakes: Mistakes,
    name: String,
    email: Option<String>,
    since: String,
    is_instance_admin: bool,
    has_password: bool,
    sessions: Vec<Row>,
    reputation: Vec<(String, identity::Score)>,
    about: About,
    recent: Vec<Line>,
}

struct Row {
    id: SessionId,
    browser: String,
    agent: String,
    network: String,
    began: String,
    used: String,
    is_current: bool,
}

/// The form. Has no `Debug`, because it holds secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Passwords {
    current: String,
    password: String,
}

/// `GET /me`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &who, Mistakes::default()).await
}

/// `POST /me/password`
pub(crate) async fn change_password(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(typed): Form<Passwords>,
) -> Result<Response, PageError> {
    let (current, new) = (Secret::new(typed.current), Secret::new(typed.password));
    let answer = face
        .app
        .identity
        .change_password(&who.viewer.actor, &current, &new, who.session)
        .await;
    match answer {
        Ok(()) => Ok(Redirect::to("/me?done=password").into_response()),
        Err(IdentityError::Invalid { field, message }) => {
            show(&face, &who, Mistakes::one(field, &message)).await
        }
        Err(IdentityError::Throttled { retry_after }) => {
            let wait = display::wait(retry_after);
            show(&face, &who, Mistakes::one("current", &wait)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /me/sessions/{id}/revoke`
pub(crate) async fn revoke(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let session: SessionId = id.parse().ok().ok_or_else(PageError::not_found)?;
    face.app
        .identity
        .revoke_session(&who.viewer.actor, session)
        .await?;
    if session == who.session {
        return cookie::end(&face, "/?done=signed-out");
    }
    Ok(Redirect::to("/me?done=revoked").into_response())
}

async fn show(face: &Face, who: &SignedIn, mistakes: Mistakes) -> Result<Response, PageError> {
    let place = Place {
        title: "Your account",
        section: Section::None,
        community: None,
    };
    let shell = Shell::new(face, &who.viewer, place).await?;
    let now = face.app.clock.now();
    let sessions = face
        .app
        .identity
        .sessions(&who.viewer.actor)
        .await?
        .into_iter()
        .map(|session| Row {
            id: session.id,
            browser: browser(&session.user_agent),
            is_current: session.id == who.session,
            network: session.address_prefix,
            began: display::moment(session.created_at),
            used: display::ago(now, session.last_seen_at),
            agent: session.user_agent,
        })
        .collect();
    let (about, recent) = profile::own(face, who).await?;
    let own = face.app.activity.own_reputation(&who.viewer.actor).await?;
    let known = face.app.identity.communities(&who.viewer.actor).await?;
    let mut reputation = vec![("Everywhere".to_owned(), own.global)];
    for (id, score, _) in own.communities {
        if let Some((community, _)) = known.iter().find(|(community, _)| community.id == id) {
            reputation.push((community.name.clone(), score));
        }
    }
    let status = mistakes.status();
    let email = face.app.identity.email_status(&who.viewer.actor).await?;
    let page = Me {
        shell,
        mistakes,
        reputation,
        name: who.user.display_name.clone(),
        email: who.user.email.clone(),
        since: display::date(who.user.created_at.day()),
        is_instance_admin: who.user.is_instance_admin,
        has_password: email.has_password,
        sessions,
        about,
        recent,
    };
    Ok((status, layout::page(&page)?).into_response())
}

/// A browser's name and system from its User-Agent, as far as people can recognise them by it.
pub(crate) fn browser(agent: &str) -> String {
    let first = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, name)| *name)
    };
    // Order matters: Edge says Chrome too, Chrome says Safari too.
    let program = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn people_recognise_their_browsers() {
        let cases = [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.5", "curl"),
            ("", "An unknown browser"),
        ];
        for (agent, name) in cases {
            assert_eq!(browser(agent), name);
        }
    }
}
