//! The session cookie: set when a session begins, cleared when it ends. Its name and how to read it
//! are in [`app::session`], because other faces read it too.

use app::session::{
    BROWSER_COOKIE, BROWSER_SECS, cookie as set, named_cookie as named, named_value,
};
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use identity::{AwaitedCode, Entered, NewSession};

use crate::{error::PageError, return_to, router::Face};

/// Sends the browser on with a fresh session.
pub(crate) fn begin(face: &Face, session: &NewSession, to: &str) -> Result<Response, PageError> {
    let lifetime = session.expires_at.since(face.app.clock.now()).as_secs();
    let cookie = set(
        face.settings.secure_cookies,
        session.token.expose(),
        lifetime,
    );
    with(cookie, to)
}

/// Sends the browser on with a fresh session, or to the page that asks for the second factor.
pub(crate) fn enter(face: &Face, entered: &Entered, to: &str) -> Result<Response, PageError> {
    match entered {
        Entered::Session(session) => begin(face, session, to),
        Entered::SecondFactor(AwaitedCode { token, expires_at }) => {
            let lifetime = expires_at.since(face.app.clock.now()).as_secs();
            let cookie = named(
                face.settings.secure_cookies,
                AWAITED,
                token.expose(),
                lifetime,
            );
            with(cookie, &return_to::with("/login/2fa", "return_to", to))
        }
    }
}

/// Sends the browser on with a fresh session, and without what stood for the first factor.
pub(crate) fn begin_for_good(
    face: &Face,
    session: &NewSession,
    to: &str,
) -> Result<Response, PageError> {
    let mut response = begin(face, session, to)?;
    let spent = named(face.settings.secure_cookies, AWAITED, "", 0);
    if let Ok(value) = HeaderValue::try_from(spent) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// The token that stands for the first factor; only what can be one of ours.
pub(crate) fn awaited<'a>(face: &Face, headers: &'a HeaderMap) -> Option<&'a str> {
    find(face, headers, AWAITED)
}

/// Sends the browser on without a session.
pub(crate) fn end(face: &Face, to: &str) -> Result<Response, PageError> {
    with(set(face.settings.secure_cookies, "", 0), to)
}

fn with(cookie: String, to: &str) -> Result<Response, PageError> {
    let value = HeaderValue::try_from(cookie)
        .map_err(|error| PageError::from_cause(kernel::ErrorCode::Internal, "", error))?;
    Ok(([(header::SET_COOKIE, value)], Redirect::to(to)).into_response())
}

/// The names of the value that binds a sign-in at a provider to the browser that began it, with
/// https and without.
const VISIT: (&str, &str) = ("__Host-wb_visit", "wb_visit");
/// How long a visit at a provider may take, in seconds; the service is as strict.
const VISIT_SECS: u64 = 600;

/// Sends the browser to a provider with the value that it brings back.
pub(crate) fn visit(face: &Face, value: &str, to: &str) -> Result<Response, PageError> {
    with(
        named(face.settings.secure_cookies, VISIT, value, VISIT_SECS),
        to,
    )
}

/// The value that a browser keeps while it is asked for passkeys; only what can be one of ours.
pub(crate) fn browser<'a>(face: &Face, headers: &'a HeaderMap) -> Option<&'a str> {
    find(face, headers, BROWSER_COOKIE)
}

/// Gives the browser its value along with an answer.
pub(crate) fn with_browser(
    face: &Face,
    mut response: Response,
    value: &str,
) -> Result<Response, PageError> {
    let cookie = named(
        face.settings.secure_cookies,
        BROWSER_COOKIE,
        value,
        BROWSER_SECS,
    );
    let value = HeaderValue::try_from(cookie)
        .map_err(|error| PageError::from_cause(kernel::ErrorCode::Internal, "", error))?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(response)
}

/// The names of the token that stands for the first factor while the second is owed.
const AWAITED: (&str, &str) = ("__Host-wb_awaited", "wb_awaited");

/// The value that a browser brought back from a provider; only what can be one of ours.
pub(crate) fn visited<'a>(face: &Face, headers: &'a HeaderMap) -> Option<&'a str> {
    find(face, headers, VISIT)
}

fn find<'a>(face: &Face, headers: &'a HeaderMap, names: (&str, &str)) -> Option<&'a str> {
    named_value(face.settings.secure_cookies, headers, names)
}
