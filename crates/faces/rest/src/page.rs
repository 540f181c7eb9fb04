//! Pages: `limit` and an opaque `after`, answered with `next` and a `Link` header (RFC 8288).

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use kernel::{Cursor, Page, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{asker::Asker, input::Query, problem::Problem};

/// Rows of a page whose length nobody asked for.
const DEFAULT: u32 = 50;

/// The page that is asked for.
#[derive(Deserialize, IntoParams, Debug)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes what `Paging` reads beside other parameters"
)]
pub(crate) struct PageParams {
    /// How many rows, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(max_length = 2100)]
    after: Option<String>,
}

/// What a list is asked for: which page, and where it is.
pub(crate) struct Paging {
    /// For the service.
    pub(crate) request: PageRequest,
    address: Uri,
}

#[derive(Deserialize)]
struct Given {
    limit: Option<String>,
    after: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(Given { limit, after }) = Query::from_request_parts(parts, state).await?;
        let wrong = |message: &str| Problem::http(StatusCode::BAD_REQUEST, message);
        let limit = match limit.as_deref().map(str::parse::<u32>) {
            None => DEFAULT,
            Some(Ok(limit)) if (1..=kernel::page::MAX_LIMIT).contains(&limit) => limit,
            Some(_) => return Err(wrong("`limit` is a number from 1 to 100")),
        };
        let request = match after.as_deref().map(Cursor::decode) {
            None => PageRequest::first(limit),
            Some(Ok(cursor)) => PageRequest::after(cursor, limit),
            Some(Err(error)) => return Err(wrong(&error.to_string())),
        };
        let address = Asker::from_request_parts(parts, state).await?.address;
        Ok(Self { request, address })
    }
}

impl Paging {
    /// A page of the service as an answer.
    pub(crate) fn answer<T, V>(&self, page: Page<T>, view: impl FnMut(T) -> V) -> Listed<V> {
        Listed {
            link: page.next.as_ref().map(|next| self.link(next)),
            list: List {
                next: page.next.as_ref().map(Cursor::encode),
                items: page.items.into_iter().map(view).collect(),
            },
        }
    }

    fn link(&self, next: &Cursor) -> String {
        let kept = self.address.query().unwrap_or_default().split('&');
        let mut pairs: Vec<String> = kept
            .filter(|pair| !pair.is_empty() && !pair.starts_with("after="))
            .map(str::to_owned)
            .collect();
        pairs.push(format!("after={}", next.encode()));
        format!(
            "<{}?{}>; rel=\"next\"",
            self.address.path(),
            pairs.join("&")
        )
    }
}

/// A page.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// Pass it as `after` for the next page; absent on the last one. The header `Link` has the whole
    /// address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T> List<T> {
    /// A list that is whole.
    pub(crate) fn whole(items: Vec<T>) -> Json<Self> {
        Json(Self { items, next: None })
    }
}

/// A page with its link to the next.
pub(crate) struct Listed<T> {
    list: List<T>,
    link: Option<String>,
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.list).into_response();
        if let Some(link) = self.link.and_then(|link| HeaderValue::try_from(link).ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}
