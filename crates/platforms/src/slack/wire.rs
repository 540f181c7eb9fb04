//! slack-morphism's way out, over our own HTTP client: no second client, no retries, every answer
//! bounded, and no body or token in any error.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use slack_morphism::{
    ClientResult, SlackClientApiCallContext, SlackClientHttpConnector, SlackClientId,
    SlackClientSecret,
    errors::{SlackClientError, SlackClientSystemError},
    multipart_form::FileMultipartData,
};
use url::Url;

use super::api::ApiError;
use crate::http::{Call, Http, Reply};

/// What we wait if Slack does not say how long.
const WAIT_UNSAID: Duration = Duration::from_secs(1);
/// The longest wait that is believed.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// The way out.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) http: Http,
    pub(super) api_url: String,
}

/// Every answer of the Web API.
#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    error: Option<String>,
}

/// Puts our error where slack-morphism hands it through untouched.
pub(super) fn hand_through(error: ApiError) -> SlackClientError {
    SlackClientError::SystemError(SlackClientSystemError::new().with_cause(Box::new(error)))
}

impl Wire {
    async fn send<RS: DeserializeOwned>(&self, call: Call) -> ClientResult<RS> {
        let reply = match self.http.call(call).await {
            Ok(reply) => reply,
            Err(error) => return Err(hand_through(error.into())),
        };
        read(&reply).map_err(hand_through)
    }
}

/// How long an answer asks to wait.
pub(super) fn retry_after(reply: &Reply) -> Duration {
    reply
        .header(RETRY_AFTER.as_str())
        .and_then(|secs| secs.trim().parse().ok())
        .map_or(WAIT_UNSAID, Duration::from_secs)
        .min(WAIT_MAX)
}

/// What an answer says.
fn read<RS: DeserializeOwned>(reply: &Reply) -> Result<RS, ApiError> {
    match reply.status {
        StatusCode::TOO_MANY_REQUESTS => {
            return Err(ApiError::RateLimited {
                after: retry_after(reply),
            });
        }
        StatusCode::OK => {}
        other => return Err(ApiError::Status(other.as_u16())),
    }
    let envelope: Envelope = reply.json().ok_or(ApiError::Garbled)?;
    if envelope.ok {
        return reply.json().ok_or(ApiError::Garbled);
    }
    let name = envelope.error.unwrap_or_else(|| "unknown_error".to_owned());
    if matches!(name.as_str(), "ratelimited" | "rate_limited") {
        return Err(ApiError::RateLimited {
            after: retry_after(reply),
        });
    }
    Err(ApiError::Named(printable(&name)))
}

/// Slack's names of errors are words; whatever else came is shortened to such.
pub(super) fn printable(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        .take(80)
        .collect()
}

/// A header that must not be printed; `None` if the text cannot be a header.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn authorise(call: &mut Call, context: &SlackClientApiCallContext<'_>) {
    let token = context
        .token
        .and_then(|token| sensitive(&format!("Bearer {}", token.token_value.0)));
    if let Some(token) = token {
        call.headers.insert(AUTHORIZATION, token);
    }
    call.headers
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
}

/// We never upload; slack-morphism's trait wants the methods.
fn not_here<'a, RS: Send + 'a>() -> BoxFuture<'a, ClientResult<RS>> {
    std::future::ready(Err(hand_through(ApiError::Named(
        "uploading_is_not_supported".to_owned(),
    ))))
    .boxed()
}

impl SlackClientHttpConnector for Wire {
    fn http_get_uri<'a, RS>(
        &'a self,
        full_uri: Url,
        context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> Deserialize<'de> + Send + 'a,
    {
        let mut call = Call::new(Method::GET, full_uri);
        authorise(&mut call, &context);
        self.send(call).boxed()
    }

    /// As a form in a POST, which Slack takes as well: the code then stands in no address that a
    /// proxy writes down.
    fn http_get_with_client_secret<'a, RS>(
        &'a self,
        mut full_uri: Url,
        client_id: &'a SlackClientId,
        client_secret: &'a SlackClientSecret,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> Deserialize<'de> + Send + 'a,
    {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(full_uri.query_pairs())
            .append_pair("client_id", &client_id.0)
            .append_pair("client_secret", &client_secret.0)
            .finish();
        full_uri.set_query(None);
        let mut call = Call::new(Method::POST, full_uri);
        call.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        call.body = Bytes::from(body);
        self.send(call).boxed()
    }

    fn http_post_uri<'a, RQ, RS>(
        &'a self,
        full_uri: Url,
        request_body: &'a RQ,
        context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RQ: Serialize + Send + Sync,
        RS: for<'de> Deserialize<'de> + Send + 'a,
    {
        let mut call = Call::new(Method::POST, full_uri);
        authorise(&mut call, &context);
        call.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        match serde_json::to_vec(request_body) {
            Ok(body) => call.body = Bytes::from(body),
            Err(_why) => {
                let error = ApiError::Named("request_cannot_be_written".to_owned());
                return std::future::ready(Err(hand_through(error))).boxed();
            }
        }
        self.send(call).boxed()
    }

    fn http_post_uri_multipart_form<'a, 'p, RS, PT, TS>(
        &'a self,
        _full_uri: Url,
        _file: Option<FileMultipartData<'p>>,
        _params: &'p PT,
        _context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> Deserialize<'de> + Send + 'a,
        PT: IntoIterator<Item = (&'p str, Option<TS>)> + Clone,
        TS: AsRef<str> + 'p + Send,
    {
        not_here()
    }

    fn http_post_uri_binary<'a, 'p, RS>(
        &'a self,
        _full_uri: Url,
        _content_type: String,
        _data: &'a [u8],
        _context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> Deserialize<'de> + Send + 'a,
    {
        not_here()
    }

    fn create_method_uri_path(&self, method_relative_uri: &str) -> ClientResult<Url> {
        Ok(format!("{}/{method_relative_uri}", self.api_url).parse()?)
    }
}
