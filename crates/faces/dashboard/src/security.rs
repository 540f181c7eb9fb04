//! What protects one's own account: passkeys, the second factor and its recovery codes, with the way to
//! password, address, sessions, keys and the history.
//!
//! Must never show a secret or a recovery code but in the answer that made it.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use identity::{Confirmation, PASSKEYS_MAX, TotpSetup};
use kernel::Secret;
use qrcode::{EcLevel, QrCode, render::svg};
use serde::Deserialize;

use crate::{
    display, email,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    me, passkeys,
    router::Face,
    viewer::SignedIn,
};

const HOME: &str = "/me/security";

#[derive(Template)]
#[template(path = "me_security.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    since: Option<String>,
    codes_left: i64,
    needs_proof: bool,
    /// Being switched on: the secret in groups of four, and its QR code.
    setup: Option<(String, String)>,
    /// Recovery codes just made.
    codes: Vec<Secret<String>>,
    passkeys: Vec<passkeys::Row>,
    passkeys_off: Option<&'static str>,
    passkeys_max: usize,
    /// What a new passkey is called unless something else is typed.
    suggested: String,
}

/// What the page shows once.
#[derive(Default)]
struct Fresh {
    setup: Option<TotpSetup>,
    codes: Vec<Secret<String>>,
}

/// The form with the first code. Has no `Debug`, because it holds a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    code: String,
}

/// `GET /me/security`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &who, Mistakes::default(), Fresh::default()).await
}

/// `POST /me/security/totp`
pub(crate) async fn begin(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    match identity.begin_totp(&who.viewer.actor, who.session).await {
        Ok(setup) => {
            let fresh = Fresh {
                setup: Some(setup),
                codes: Vec::new(),
            };
            show(&face, &who, Mistakes::default(), fresh).await
        }
        Err(error) => refused(&face, &who, error.into()).await,
    }
}

/// `POST /me/security/totp/confirm`
pub(crate) async fn confirm(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    let (actor, session) = (&who.viewer.actor, who.session);
    let done = identity.confirm_totp(actor, session, &typed.code).await;
    with_codes(&face, &who, done.map_err(Into::into)).await
}

/// `POST /me/security/totp/off`
pub(crate) async fn disable(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    let (actor, session) = (&who.viewer.actor, who.session);
    match identity.disable_totp(actor, session).await {
        Ok(()) => Ok(Redirect::to("/me/security?done=second-factor-off").into_response()),
        Err(error) => refused(&face, &who, error.into()).await,
    }
}

/// `POST /me/security/recovery`
pub(crate) async fn renew(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    let (actor, session) = (&who.viewer.actor, who.session);
    let done = identity.renew_recovery_codes(actor, session).await;
    with_codes(&face, &who, done.map_err(Into::into)).await
}

async fn with_codes(
    face: &Face,
    who: &SignedIn,
    done: Result<Vec<Secret<String>>, app::AppError>,
) -> Result<Response, PageError> {
    match done {
        Ok(codes) => {
            let fresh = Fresh { setup: None, codes };
            show(face, who, Mistakes::default(), fresh).await
        }
        Err(error) => refused(face, who, error).await,
    }
}

/// The page with what went wrong with a passkey.
pub(crate) async fn failed(
    face: &Face,
    who: &SignedIn,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    show(face, who, mistakes, Fresh::default()).await
}

async fn refused(face: &Face, who: &SignedIn, error: app::AppError) -> Result<Response, PageError> {
    let mistakes = email::mistakes(error)?.of_the_whole();
    show(face, who, mistakes, Fresh::default()).await
}

async fn show(
    face: &Face,
    who: &SignedIn,
    mistakes: Mistakes,
    fresh: Fresh,
) -> Result<Response, PageError> {
    let place = Place {
        title: "Security",
        section: Section::None,
        community: None,
    };
    let (identity, actor) = (&face.app.identity, &who.viewer.actor);
    let factor = identity.second_factor(actor).await?;
    let needed = identity.confirmation(actor, who.session).await?;
    let sessions = identity.sessions(actor).await?;
    let this = sessions.iter().find(|session| session.id == who.session);
    let agent = this.map_or("", |session| session.user_agent.as_str());
    let suggested = match agent {
        "" => "Passkey".to_owned(),
        agent => me::browser(agent),
    };
    let setup = fresh.setup.map(|setup| {
        let letters: Vec<char> = setup.secret.expose().chars().collect();
        let groups: Vec<String> = letters.chunks(4).map(|g| g.iter().collect()).collect();
        (groups.join(" "), picture(setup.address.expose()))
    });
    let page = Page {
        shell: Shell::new(face, &who.viewer, place).await?,
        mistakes,
        since: factor.since.map(|since| display::date(since.day())),
        codes_left: factor.codes_left,
        needs_proof: needed != Confirmation::Given,
        setup,
        codes: fresh.codes,
        passkeys: passkeys::rows(face, who).await?,
        passkeys_off: identity.passkeys_off(),
        passkeys_max: PASSKEYS_MAX,
        suggested,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

/// A QR code as an SVG element without styles; nothing where it would be too large to draw, because
/// the secret stands beside it.
fn picture(text: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        return String::new();
    };
    let drawn = code
        .render::<svg::Color<'_>>()
        .min_dimensions(220, 220)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build();
    // The element alone: an XML declaration has no place within HTML.
    drawn
        .find("<svg")
        .and_then(|at| drawn.get(at..))
        .unwrap_or_default()
        .replacen(
            "<svg",
            "<svg role=\"img\" aria-label=\"QR code of the secret\"",
            1,
        )
}

/// The address of this page.
pub(crate) const fn home() -> &'static str {
    HOME
}

#[cfg(test)]
mod tests {
    use super::picture;

    #[test]
    fn the_picture_is_one_element_that_the_content_security_policy_lets_through() {
        let drawn = picture("otpauth://totp/WaddleBot:ann?secret=ABC");
        assert!(drawn.starts_with("<svg role=") && drawn.trim_end().ends_with("</svg>"));
        assert!(
            !drawn.contains("style") && !drawn.contains("<script"),
            "{drawn}"
        );
    }
}
