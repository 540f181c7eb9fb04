//! Addresses of earlier versions, kept for the programs that use them: each leads to a present one, with
//! the same methods and answers. Whoever uses one is told where it went (RFC 9745, RFC 8288).
//!
//! Must never do anything that the present address would not do.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    http::{HeaderName, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
    routing::any,
};
use tower::ServiceExt;
use utoipa::openapi::{Deprecated, OpenApi, PathItem, path::Operation};

use crate::{openapi::BASE, problem::Problem};

/// Since when the old addresses are discouraged: 2026-11-27, in the form of RFC 9745.
const SINCE: HeaderValue = HeaderValue::from_static("@1795737600");

/// The old address and the present one, with the same variable parts.
const ALIASES: &[(&str, &str)] = &[
    ("/user/profile", "/users/me"),
    ("/user/identities", "/users/me/identities"),
    ("/user/identities/primary", "/users/me/identities/primary"),
    (
        "/user/identities/link/{provider}",
        "/users/me/identities/link/{provider}",
    ),
    (
        "/user/identities/{identity}",
        "/users/me/identities/{identity}",
    ),
    ("/community/{community}", "/communities/{community}"),
    (
        "/community/{community}/members",
        "/communities/{community}/members",
    ),
    (
        "/community/{community}/chat/history",
        "/communities/{community}/messages",
    ),
    (
        "/admin/{community}/members",
        "/communities/{community}/members",
    ),
    (
        "/admin/{community}/members/{user}",
        "/communities/{community}/members/{user}",
    ),
    (
        "/admin/{community}/members/{user}/role",
        "/communities/{community}/members/{user}/role",
    ),
    (
        "/admin/{community}/reputation/at-risk",
        "/communities/{community}/reputation/at-risk",
    ),
    (
        "/admin/{community}/reputation/leaderboard",
        "/communities/{community}/reputation/leaderboard",
    ),
    (
        "/admin/{community}/reputation/config",
        "/communities/{community}/reputation/weights",
    ),
    (
        "/admin/{community}/servers",
        "/communities/{community}/servers",
    ),
    (
        "/admin/{community}/connected-platforms",
        "/communities/{community}/connections",
    ),
    (
        "/admin/{community}/bot-score",
        "/communities/{community}/bots/score",
    ),
    (
        "/admin/{community}/suspected-bots",
        "/communities/{community}/bots/suspects",
    ),
    (
        "/admin/{community}/suspected-bots/{case}/review",
        "/communities/{community}/bots/suspects/{case}/review",
    ),
];

/// The old addresses, answered by the present ones.
pub(crate) fn routes(api: &Router) -> Router {
    let mut routes = Router::new();
    for (old, new) in ALIASES {
        let api = api.clone();
        let forward = move |request: Request| forward(api, (old, new), request);
        routes = routes.route(&format!("{BASE}{old}"), any(forward));
    }
    routes
}

async fn forward(api: Router, alias: (&str, &str), mut request: Request) -> Response {
    let Some((address, successor)) = moved(request.uri(), alias) else {
        return Problem::not_found().into_response();
    };
    // What the old address was matched with would be taken for parts of the present one.
    let peer = request.extensions_mut().remove::<ConnectInfo<SocketAddr>>();
    request.extensions_mut().clear();
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    *request.uri_mut() = address;
    let mut response = match api.oneshot(request).await {
        Ok(response) => response,
        Err(impossible) => match impossible {},
    };
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("deprecation"), SINCE);
    let link = format!("<{successor}>; rel=\"successor-version\"");
    if let Ok(link) = HeaderValue::try_from(link) {
        headers.append(header::LINK, link);
    }
    response
}

/// Where an address is now: with its query, and without.
fn moved(uri: &Uri, (old, new): (&str, &str)) -> Option<(Uri, String)> {
    let given = uri.path().strip_prefix(BASE)?;
    let mut path = format!("{BASE}{new}");
    for (name, value) in old.split('/').zip(given.split('/')) {
        if name.starts_with('{') {
            path = path.replace(name, value);
        }
    }
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.clone(),
    };
    Some((whole.parse().ok()?, path))
}

/// Describes the old addresses as deprecated.
pub(crate) fn describe(document: &mut OpenApi) {
    for (old, new) in ALIASES {
        let present = document.paths.paths.get(&format!("{BASE}{new}"));
        let Some(present) = present.cloned() else {
            continue;
        };
        let mark = |operation: Option<Operation>| {
            operation.map(|mut operation| {
                operation.deprecated = Some(Deprecated::True);
                let now = format!("An address of earlier versions: use `{BASE}{new}`.");
                operation.description = Some(now);
                operation
            })
        };
        let mut item = PathItem::default();
        item.get = mark(present.get);
        item.put = mark(present.put);
        item.post = mark(present.post);
        item.delete = mark(present.delete);
        item.patch = mark(present.patch);
        document.paths.paths.insert(format!("{BASE}{old}"), item);
    }
}

#[cfg(test)]
mod tests {
    use super::{ALIASES, moved};
    use crate::openapi;

    #[test]
    fn an_old_address_leads_to_the_present_one_with_its_query() {
        let alias = (
            "/admin/{community}/members/{user}",
            "/communities/{community}/members/{user}",
        );
        let uri = "/api/v1/admin/7/members/a%20b?x=1".parse().unwrap();
        let (address, successor) = moved(&uri, alias).unwrap();
        assert_eq!(address, "/api/v1/communities/7/members/a%20b?x=1");
        assert_eq!(successor, "/api/v1/communities/7/members/a%20b");
    }

    #[test]
    fn every_present_address_exists() {
        let (_, document) = openapi::routes().split_for_parts();
        for (old, new) in ALIASES {
            let path = format!("{}{new}", openapi::BASE);
            assert!(document.paths.paths.contains_key(&path), "{new}");
            let parts = |path: &str| path.split('/').filter(|part| part.starts_with('{')).count();
            assert_eq!(parts(old), parts(new), "{old}");
        }
    }
}
