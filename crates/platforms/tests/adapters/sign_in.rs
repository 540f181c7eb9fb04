//! People prove their accounts: what every provider promises alike, and each one's own refusals.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{AuthorizeRequest, Provider, Secret, SignInReturn, SystemClock};
use platforms::{discord::DiscordSignIn, http::Http, slack::SlackSignIn, twitch::TwitchSignIn};
use simulator::{
    discord::DiscordServer,
    slack::{Member, SlackOptions, SlackServer, Workspace},
    twitch::{Broadcaster, Options as TwitchOptions, Partnership, TwitchServer},
};

use crate::discord::rig;

const BACK: &str = "http://127.0.0.1:9/back";

fn request() -> AuthorizeRequest {
    AuthorizeRequest {
        state: "state&1".into(),
        nonce: "nonce-1".into(),
        verifier: Secret::new("v".repeat(43)),
        redirect: BACK.into(),
    }
}

/// Goes to the page and comes back.
async fn visit(provider: &dyn Provider) -> SignInReturn {
    let request = request();
    let url = provider.authorize_url(&request).await.unwrap();
    assert!(url.starts_with(&provider.authorize_place().await.unwrap()));
    assert!(!url.contains(request.verifier.expose()));
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let response = client.get(url).send().await.unwrap();
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

/// What all of them promise.
async fn keeps_the_promises(provider: &dyn Provider, subject: &str) {
    let returned = visit(provider).await;
    let proof = provider.prove(&returned).await.unwrap();
    assert_eq!(proof.subject, subject);
    let again = provider.prove(&returned).await.unwrap_err();
    assert!(!again.0.contains(returned.code.expose()), "{again}");
    let mut elsewhere = visit(provider).await;
    elsewhere.redirect = "http://127.0.0.1:9/else".into();
    assert!(provider.prove(&elsewhere).await.is_err());

    let mut tokens = proof.tokens.unwrap();
    if tokens.refresh.is_some() {
        let fresh = provider.refresh(&tokens).await.unwrap();
        assert_ne!(fresh.access, tokens.access);
        tokens = fresh;
    }
    for _ in 0..2 {
        provider.revoke(&tokens).await.unwrap();
    }
    if let Some(refresh) = &tokens.refresh {
        let error = provider.refresh(&tokens).await.unwrap_err();
        assert!(!error.0.contains(refresh.expose()), "{error}");
    }
}

async fn discord(
    change: impl FnOnce(&mut platforms::discord::Settings),
) -> (DiscordServer, DiscordSignIn) {
    let mut options = rig::options();
    options.auto_approve = Some(rig::ANN);
    let server = DiscordServer::start(options).await.unwrap();
    let mut settings = rig::settings(&server);
    change(&mut settings);
    let http = Http::new().unwrap();
    let provider = DiscordSignIn::new(&settings, http, Arc::new(SystemClock), false);
    (server, provider)
}

#[tokio::test]
async fn a_discord_account_is_proved() {
    let (_server, provider) = discord(|_| {}).await;
    keeps_the_promises(&provider, &rig::ANN.to_string()).await;
    let proof = provider.prove(&visit(&provider).await).await.unwrap();
    assert!(proof.account_created_at.is_some() && proof.verified_email.is_some());
}

#[tokio::test]
async fn discord_refuses_a_wrong_verifier() {
    let (_server, provider) = discord(|_| {}).await;
    let mut returned = visit(&provider).await;
    returned.verifier = Secret::new("w".repeat(43));
    assert!(provider.prove(&returned).await.is_err());
}

#[tokio::test]
async fn a_discord_token_of_another_application_is_refused() {
    let (_server, provider) = discord(|settings| {
        settings.client_id.clone_from(&settings.application_id);
        settings.application_id = "7".into();
    })
    .await;
    let error = provider.prove(&visit(&provider).await).await.unwrap_err();
    assert!(error.0.contains("another application"), "{error}");
}

#[tokio::test]
async fn a_twitch_account_is_proved() {
    let options = TwitchOptions {
        broadcasters: vec![Broadcaster {
            id: "1".into(),
            login: "ducks".into(),
            name: "Ducks".into(),
            partnership: Partnership::None,
        }],
        ..TwitchOptions::default()
    };
    let settings = platforms::twitch::Settings {
        client_id: options.client_id.clone(),
        client_secret: Secret::new(options.client_secret.clone()),
        ..platforms::twitch::Settings::default()
    };
    let server = TwitchServer::start(options).await.unwrap();
    let settings = platforms::twitch::Settings {
        api_url: server.api_url(),
        id_url: server.id_url(),
        ..settings
    };
    let provider = TwitchSignIn::new(&settings, Http::new().unwrap(), Arc::new(SystemClock));
    keeps_the_promises(&provider, "1").await;
}

#[tokio::test]
async fn a_slack_account_is_proved_and_a_foreign_nonce_is_refused() {
    let server = SlackServer::start(SlackOptions {
        approves_itself: true,
        workspaces: vec![Workspace {
            id: "T1".into(),
            name: "Ducks".into(),
            members: vec![Member {
                id: "U1".into(),
                name: "ann".into(),
                ..Member::default()
            }],
            ..Workspace::default()
        }],
        ..SlackOptions::default()
    })
    .await
    .unwrap();
    let mut settings = platforms::slack::Settings {
        client_id: server.options().client_id.clone(),
        client_secret: Secret::new(server.options().client_secret.clone()),
        api_url: server.api_url(),
        authorize_url: server.authorize_url(),
        ..platforms::slack::Settings::default()
    };
    let clock = Arc::new(SystemClock);
    let http = Http::new().unwrap();
    let provider = SlackSignIn::new(&settings, http.clone(), clock.clone()).unwrap();
    keeps_the_promises(&provider, "U1").await;
    let mut returned = visit(&provider).await;
    returned.nonce = "another".into();
    let error = provider.prove(&returned).await.unwrap_err();
    assert!(error.0.contains("another sign-in"), "{error}");
    settings.authorize_url = "nowhere".into();
    assert!(SlackSignIn::new(&settings, http, clock).is_none());
}
