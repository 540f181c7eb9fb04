//! The session cookie: set when a session begins, cleared when it ends. Its name and how to read it
//! are in [`app::session`], because other faces read it too.

use app::session::{COOKIE, SECURE_COOKIE};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use identity::NewSession;

use crate::{error::PageError, router::Face};

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

/// Sends the browser on without a session.
pub(crate) fn end(face: &Face, to: &str) -> Result<Response, PageError> {
    with(set(face.settings.secure_cookies, "", 0), to)
}

fn with(cookie: String, to: &str) -> Result<Response, PageError> {
    let value = HeaderValue::try_from(cookie)
        .map_err(|error| PageError::from_cause(kernel::ErrorCode::Internal, "", error))?;
    Ok(([(header::SET_COOKIE, value)], Redirect::to(to)).into_response())
}

fn set(is_secure: bool, value: &str, max_age_secs: u64) -> String {
    let (name, secure) = if is_secure {
        (SECURE_COOKIE, "; Secure")
    } else {
        (COOKIE, "")
    };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_secs}{secure}")
}

#[cfg(test)]
mod tests {
    use super::set;

    #[test]
    fn over_https_the_cookie_is_bound_to_the_host() {
        assert_eq!(
            set(true, "ab", 60),
            "__Host-wb_session=ab; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
    }

    #[test]
    fn on_loopback_it_is_still_hidden_from_scripts_and_other_sites() {
        assert_eq!(
            set(false, "", 0),
            "wb_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }
}
