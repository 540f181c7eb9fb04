//! Where Slack is and who we are there.

use kernel::Secret;

/// Slack's settings: the app's credentials and Slack's addresses.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: Secret<String>,
    /// What Slack signs its requests to us with; empty = none is taken.
    pub signing_secret: Secret<String>,
    /// The app-level token (`connections:write`) that opens Socket Mode; empty = no Socket Mode.
    pub app_token: Secret<String>,
    /// The Web API, without a slash at the end.
    pub api_url: String,
    /// Where somebody who installs us is sent.
    pub authorize_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            client_secret: Secret::default(),
            signing_secret: Secret::default(),
            app_token: Secret::default(),
            api_url: "https://slack.com/api".to_owned(),
            authorize_url: "https://slack.com/oauth/v2/authorize".to_owned(),
        }
    }
}

impl Settings {
    /// Whether an address given as `response_url` is Slack's, so that nobody makes us post elsewhere.
    pub(super) fn answers_at(&self, address: &str) -> bool {
        let (Ok(api), Ok(url)) = (url::Url::parse(&self.api_url), url::Url::parse(address)) else {
            return false;
        };
        if api.host_str() == Some("slack.com") {
            url.scheme() == "https" && url.host_str() == Some("hooks.slack.com")
        } else {
            url.origin() == api.origin()
        }
    }

    /// Whether the address of a socket is as safe as the API's own.
    pub(super) fn connects_to(&self, address: &url::Url) -> bool {
        address.scheme() == "wss"
            || (address.scheme() == "ws" && self.api_url.starts_with("http://"))
    }
}
