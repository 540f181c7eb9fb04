//! Signing in with OpenID Connect providers that others wrote: what ours takes from an honest one, and that it takes
//! nothing from one that lies.
//!
//! `cargo xtask test` installs them; without them these tests skip and say so.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../simulator/tests/clients/run.rs"]
mod run;

use std::{collections::BTreeMap, sync::Arc};

use kernel::{
    AuthorizeRequest, Clock, ConnectError, Proof, Provider, Secret, SignInReturn, Timestamp,
};
use platforms::{
    http::Http,
    oidc::{Oidc, OidcSettings},
};
use run::Client;
use serde_json::json;

const BACK: &str = "http://127.0.0.1:9/back";

/// The provider's clock is the machine's, so ours is too, but for what we say has passed.
struct Later(std::sync::atomic::AtomicU64);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        let passed = self.0.load(std::sync::atomic::Ordering::Relaxed);
        kernel::SystemClock
            .now()
            .plus(std::time::Duration::from_secs(passed))
    }
}

fn provider(issuer: &str, clock: Arc<dyn Clock>) -> Oidc {
    let settings = OidcSettings {
        key: "campus".into(),
        label: "Campus".into(),
        issuer: issuer.into(),
        client_id: "waddlebot".into(),
        client_secret: Secret::new("between-us".into()),
        scopes: vec!["profile".into(), "email".into()],
    };
    Oidc::new(settings, Http::new().unwrap(), clock).unwrap()
}

/// Goes to the provider's page, says who one is if it asks, and comes back.
async fn visit(provider: &Oidc, form: Option<&str>) -> SignInReturn {
    let request = AuthorizeRequest {
        state: "state&1".into(),
        nonce: "nonce-1".into(),
        verifier: Secret::new("v".repeat(43)),
        redirect: BACK.into(),
        for_roles: false,
    };
    let url = provider.authorize_url(&request).await.unwrap();
    assert!(url.starts_with(&provider.authorize_place().await.unwrap()));
    assert!(!url.contains(request.verifier.expose()));
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let asked = match form {
        Some(form) => client
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned()),
        None => client.get(url),
    };
    let response = asked.send().await.unwrap();
    let target = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let back: BTreeMap<_, _> = target.query_pairs().into_owned().collect();
    assert_eq!(back["state"], request.state);
    SignInReturn {
        code: Secret::new(back["code"].clone()),
        nonce: request.nonce,
        verifier: request.verifier,
        redirect: request.redirect,
    }
}

async fn sign_in(provider: &Oidc) -> Result<Proof, ConnectError> {
    let back = visit(provider, None).await;
    provider.prove(&back).await
}

#[tokio::test]
async fn a_provider_is_believed_only_what_it_signed_for_us_and_this_sign_in() {
    let then = [
        "other nonce",
        "other audience",
        "other issuer",
        "ended",
        "unchecked",
        "new keys",
    ];
    let Some(mut foreign) = Client::start("oidc.mjs", &json!({ "then": then })) else {
        return;
    };
    let ready = foreign.saw("ready").await;
    let clock = Arc::new(Later(0.into()));
    let provider = provider(ready["issuer"].as_str().unwrap(), clock.clone());

    let proof = sign_in(&provider).await.unwrap();
    assert_eq!(
        (
            proof.subject.as_str(),
            proof.username.as_str(),
            proof.display_name.as_deref(),
            proof.verified_email.as_deref(),
        ),
        ("ada-1", "ada", Some("Ada L."), Some("ada@example.org"))
    );
    let tokens = proof.tokens.unwrap();
    let renewed = provider.refresh(&tokens).await.unwrap();
    assert!(renewed.refresh.is_some());
    provider.revoke(&renewed).await.unwrap();

    for lie in &then[..4] {
        foreign.go().await;
        foreign.saw(lie).await;
        let error = sign_in(&provider).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Campus gave an ID token that is not for this sign-in",
            "{lie}"
        );
    }
    foreign.go().await;
    foreign.saw("unchecked").await;
    let proof = sign_in(&provider).await.unwrap();
    assert_eq!(
        proof.verified_email, None,
        "an address nobody checked is worth nothing"
    );

    foreign.go().await;
    foreign.saw("new keys").await;
    assert!(
        sign_in(&provider).await.is_err(),
        "what was just asked is not asked again, so that lies cost the provider nothing"
    );
    clock.0.store(61, std::sync::atomic::Ordering::Relaxed);
    let proof = sign_in(&provider).await.unwrap();
    assert_eq!(
        proof.subject, "ada-1",
        "after a minute new keys are asked for"
    );

    foreign.go().await;
    let end = foreign.saw("end").await;
    assert_eq!(end["revoked"], 1);
    foreign.end().await;
}

#[tokio::test]
async fn what_a_provider_leaves_out_of_the_id_token_is_asked_for() {
    let users = json!([{ "sub": "grace", "claims": {
        "name": "Grace H.", "email": "grace@example.org", "email_verified": true,
    } }]);
    let Some(mut foreign) = Client::start("oidc.py", &json!({ "users": users })) else {
        return;
    };
    let ready = foreign.saw("ready").await;
    let provider = provider(
        ready["issuer"].as_str().unwrap(),
        Arc::new(kernel::SystemClock),
    );
    let back = visit(&provider, Some("sub=grace")).await;
    let proof = provider.prove(&back).await.unwrap();
    assert_eq!(proof.subject, "grace");
    assert_eq!(proof.display_name.as_deref(), Some("Grace H."));
    assert_eq!(proof.verified_email.as_deref(), Some("grace@example.org"));

    let again = provider.prove(&back).await.unwrap_err().to_string();
    assert!(again.contains("refused"), "a code works once, said {again}");
    foreign.go().await;
    foreign.end().await;
}

#[tokio::test]
async fn a_provider_that_is_away_is_said_to_be_and_does_not_hold_up_pages() {
    // Port 9 of this machine: nobody is there.
    let provider = provider("http://127.0.0.1:9", Arc::new(kernel::SystemClock));
    assert_eq!(provider.authorize_place().await, None);
    let request = AuthorizeRequest {
        state: "s".into(),
        nonce: "n".into(),
        verifier: Secret::new("v".repeat(43)),
        redirect: BACK.into(),
        for_roles: false,
    };
    let error = provider.authorize_url(&request).await.unwrap_err();
    assert_eq!(error.to_string(), "Campus cannot be discovered");
}

#[test]
fn settings_that_cannot_be_right_are_refused_with_words() {
    let good = OidcSettings {
        key: "campus".into(),
        label: "Campus".into(),
        issuer: "https://login.example.org".into(),
        client_id: "w".into(),
        client_secret: Secret::new(String::new()),
        scopes: Vec::new(),
    };
    let refused = |settings: OidcSettings| {
        let made = Oidc::new(
            settings,
            Http::new().unwrap(),
            Arc::new(kernel::SystemClock),
        );
        made.err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert_eq!(refused(good.clone()), "");
    let issuer = "http://login.example.org".to_owned();
    assert!(
        refused(OidcSettings {
            issuer,
            ..good.clone()
        })
        .contains("https")
    );
    let key = "Campus!".to_owned();
    assert!(
        refused(OidcSettings {
            key,
            ..good.clone()
        })
        .contains("a-z")
    );
    let label = " ".to_owned();
    assert!(refused(OidcSettings { label, ..good }).contains("label"));
}
