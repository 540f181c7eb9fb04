//! What every request passes: a request id, refusal of forms from other sites, a time limit, the
//! security headers, and the error pages. Knows nothing about communities or rights.

use std::{any::Any, sync::Arc, time::Duration};

use askama::Template;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use kernel::{ErrorCode, random};
use tracing::Instrument;

use crate::{
    error::{PageError, words},
    layout::Shell,
    return_to,
    router::Face,
    viewer::is_swap,
};

/// The largest form, in bytes.
pub(crate) const BODY_MAX: usize = 64 * 1024;
/// How long a page may take. A stream has begun by then and is not cut.
const TIMEOUT: Duration = Duration::from_secs(30);

const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
/// The part of the policy that [`policy`] widens.
const FORMS: &str = "form-action 'self'";
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// The content-security policy of a page whose forms lead to other places too.
pub(crate) fn policy(places: impl Iterator<Item = String>) -> String {
    let all = places.fold(FORMS.to_owned(), |all, place| format!("{all} {place}"));
    POLICY.replace(FORMS, &all)
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    shell: Shell,
    status: u16,
    headline: &'a str,
    message: &'a str,
    request_id: &'a str,
}

/// Surrounds every request.
pub(crate) async fn around(
    State(face): State<Arc<Face>>,
    request: Request,
    next: Next,
) -> Response {
    let id = random::hex(&random::bytes::<8>(&*face.app.entropy));
    let seen = Seen::of(&request);
    let span = tracing::info_span!("page", request.id = %id, http.method = %seen.method, http.path = %request.uri().path());
    let answer = async {
        if has_no_origin(request.method(), request.headers()) {
            return PageError::new(ErrorCode::Forbidden, FOREIGN_FORM).into_response();
        }
        match tokio::time::timeout(TIMEOUT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
        }
    };
    let response = answer.instrument(span.clone()).await;
    let _entered = span.enter();
    let mut response = finish(&seen, response, &id);
    secure(response.headers_mut(), face.settings.secure_cookies, &id);
    response
}

const FOREIGN_FORM: &str = "This form was sent from another site, so it was not carried out. Open the page here and try again.";

/// What must be remembered of the request once it is gone.
struct Seen {
    method: Method,
    address: String,
    is_swap: bool,
    wants_html: bool,
}

impl Seen {
    fn of(request: &Request) -> Self {
        let path = request.uri().path();
        Self {
            method: request.method().clone(),
            address: request
                .uri()
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            is_swap: is_swap(request.headers()),
            wants_html: !path.starts_with("/assets/") && !path.ends_with("/stream"),
        }
    }
}

/// A browser says with every form where it was opened; a form without that word is refused. (The
/// library below lets such requests pass as «not from a browser».)
fn has_no_origin(method: &Method, headers: &HeaderMap) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
        && !headers.contains_key("sec-fetch-site")
        && !headers.contains_key(header::ORIGIN)
}

/// Turns bare errors into pages and writes failures to the log.
fn finish(seen: &Seen, response: Response, id: &str) -> Response {
    let status = response.status();
    let error = response.extensions().get::<PageError>().cloned();
    if status.is_server_error() {
        let chain = error.as_ref().map(PageError::chain).unwrap_or_default();
        tracing::error!(request.id = %id, http.status = status.as_u16(), error = %chain, "a page could not be shown");
    }
    if error
        .as_ref()
        .is_some_and(|e| e.code() == ErrorCode::Unauthenticated)
        && seen.wants_html
    {
        return to_sign_in(seen);
    }
    let is_bare = status.is_client_error() || status.is_server_error();
    if !is_bare || is_whole(response.headers()) || !seen.wants_html {
        return response;
    }
    let foreign = response
        .extensions()
        .get::<tower_http::csrf::ProtectionError>()
        .map(|_| FOREIGN_FORM);
    let (headline, advice) = words(status);
    let message = error
        .as_ref()
        .map(PageError::message)
        .filter(|m| !m.is_empty())
        .or(foreign)
        .unwrap_or(advice);
    let mut shell = Shell::bare(headline);
    shell.is_part = seen.is_swap;
    let page = ErrorPage {
        shell,
        status: status.as_u16(),
        headline,
        message,
        request_id: id,
    };
    let body = page
        .render()
        .unwrap_or_else(|_| format!("{status} (request {id})"));
    let mut answer = (status, Html(body)).into_response();
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// Whether an answer says all by itself: a page, or what a script asked for.
fn is_whole(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/html") || kind == "application/json")
}

/// To the sign-in page and back again; after a form, back to the start page.
fn to_sign_in(seen: &Seen) -> Response {
    let place = if seen.method == Method::GET {
        return_to::with("/login", "return_to", &seen.address)
    } else {
        "/login".to_owned()
    };
    if seen.is_swap {
        // htmx would swap the sign-in page into this one: make it go there instead.
        let Ok(value) = HeaderValue::try_from(place) else {
            return StatusCode::UNAUTHORIZED.into_response();
        };
        return (
            StatusCode::OK,
            [(HeaderName::from_static("hx-redirect"), value)],
        )
            .into_response();
    }
    Redirect::to(&place).into_response()
}

fn secure(headers: &mut HeaderMap, is_tls: bool, id: &str) {
    // A page whose forms lead somewhere else has said so.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(POLICY));
    let mut set = |name: &'static str, value: &'static str| {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    };
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "same-origin");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("permissions-policy", PERMISSIONS);
    if is_tls {
        set("strict-transport-security", "max-age=31536000");
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        );
        headers.insert(
            header::VARY,
            HeaderValue::from_static("HX-Request, HX-Request-Type, Cookie"),
        );
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}

/// The answer to a panic: the page says no more than that it is our fault.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that the library asks for"
)]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = text, "a page panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_must_say_where_it_was_opened() {
        let none = HeaderMap::new();
        assert!(has_no_origin(&Method::POST, &none));
        assert!(has_no_origin(&Method::DELETE, &none));
        assert!(!has_no_origin(&Method::GET, &none));
        let mut headers = HeaderMap::new();
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        assert!(!has_no_origin(&Method::POST, &headers));
    }

    #[test]
    fn the_policy_allows_nothing_inline_and_nothing_foreign() {
        assert!(!POLICY.contains("unsafe"));
        for part in [
            "default-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(POLICY.contains(part), "{part}");
        }
        let wide = policy(["https://a.example".to_owned()].into_iter());
        assert_eq!(
            wide,
            POLICY.replace("form-action 'self'", "form-action 'self' https://a.example")
        );
        assert_eq!(policy(std::iter::empty()), POLICY);
        let mut headers = HeaderMap::new();
        secure(&mut headers, false, "ab12");
        assert_eq!(headers["content-security-policy"], POLICY);
        assert!(!headers.contains_key("strict-transport-security"));
        assert_eq!(headers["x-request-id"], "ab12");
        assert_eq!(headers["cache-control"], "private, no-store");
    }
}
