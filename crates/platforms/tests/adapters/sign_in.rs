//! People prove their accounts: what every provider promises alike, and each one's own refusals.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::{
    AuthorizeRequest, Clock, PersonalTokens, Provider, RoleMetadata, Secret, SignInReturn,
    SystemClock, Timestamp, TokenError,
};
use platforms::{discord::DiscordSignIn, http::Http, slack::SlackSignIn, twitch::TwitchSignIn};
use simulator::{
    discord::DiscordServer,
    slack::{IdTokenFlaw, Member, SlackOptions, SlackServer, Workspace},
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
        for_roles: false,
    }
}

/// Goes to the page and comes back.
async fn visit(provider: &dyn Provider) -> SignInReturn {
    visit_with(provider, request()).await
}

async fn visit_with(provider: &dyn Provider, request: AuthorizeRequest) -> SignInReturn {
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
        assert!(matches!(error, TokenError::Refused(_)), "{error:?}");
        assert!(!error.to_string().contains(refresh.expose()), "{error}");
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

/// The machine's clock, but for what we say has passed: whoever is simulated has the machine's too.
#[derive(Default)]
struct Later(AtomicU64);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        let passed = Duration::from_secs(self.0.load(Ordering::Relaxed));
        SystemClock.now().plus(passed)
    }
}

async fn slack() -> (SlackServer, platforms::slack::Settings) {
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
    let settings = platforms::slack::Settings {
        client_id: server.options().client_id.clone(),
        client_secret: Secret::new(server.options().client_secret.clone()),
        api_url: server.api_url(),
        authorize_url: server.authorize_url(),
        ..platforms::slack::Settings::default()
    };
    (server, settings)
}

/// How often the provider was asked for its keys.
fn n_asked_for_keys(server: &SlackServer) -> usize {
    let asked = server.exchanges().all();
    asked
        .iter()
        .filter(|made| made.path == "/openid/connect/keys")
        .count()
}

#[tokio::test]
async fn a_slack_account_is_proved_and_a_foreign_nonce_is_refused() {
    let (_server, mut settings) = slack().await;
    let clock = Arc::new(SystemClock);
    let http = Http::new().unwrap();
    let provider = SlackSignIn::new(&settings, http.clone(), clock.clone()).unwrap();
    keeps_the_promises(&provider, "U1").await;
    for nonce in ["another", ""] {
        let mut returned = visit(&provider).await;
        returned.nonce = nonce.into();
        let error = provider.prove(&returned).await.unwrap_err();
        assert!(error.0.contains("not for this sign-in"), "{error}");
    }
    settings.authorize_url = "nowhere".into();
    assert!(SlackSignIn::new(&settings, http, clock).is_none());
}

#[tokio::test]
async fn slack_is_believed_only_what_it_signed_for_us_and_this_sign_in() {
    let (server, settings) = slack().await;
    let clock = Arc::new(Later::default());
    let provider = SlackSignIn::new(&settings, Http::new().unwrap(), clock.clone()).unwrap();
    provider.prove(&visit(&provider).await).await.unwrap();
    for flaw in [
        IdTokenFlaw::Signature,
        IdTokenFlaw::Unsigned,
        IdTokenFlaw::Audience,
        IdTokenFlaw::Issuer,
        IdTokenFlaw::Nonce,
        IdTokenFlaw::Ended,
    ] {
        server.flaw_id_tokens(Some(flaw));
        let error = provider.prove(&visit(&provider).await).await.unwrap_err();
        assert!(
            error.0.contains("not for this sign-in"),
            "{flaw:?}: {error}"
        );
    }
    server.flaw_id_tokens(None);
    assert_eq!(
        n_asked_for_keys(&server),
        1,
        "lies cost nothing for a minute"
    );

    server.exchange_keys();
    let early = provider.prove(&visit(&provider).await).await.unwrap_err();
    assert!(early.0.contains("not for this sign-in"), "{early}");
    clock.0.store(61, Ordering::Relaxed);
    let proof = provider.prove(&visit(&provider).await).await.unwrap();
    assert_eq!(proof.subject, "U1", "after a minute new keys are asked for");
    provider.prove(&visit(&provider).await).await.unwrap();
    assert_eq!(n_asked_for_keys(&server), 2, "and kept");
}

/// Comes back with tokens, with leave to tell about roles or without.
async fn allowed(provider: &dyn Provider, for_roles: bool) -> PersonalTokens {
    let request = AuthorizeRequest {
        for_roles,
        ..request()
    };
    let returned = visit_with(provider, request).await;
    provider.prove(&returned).await.unwrap().tokens.unwrap()
}

/// Holds what was asked and answered against Discord's contract.
fn is_in_order(server: &DiscordServer) {
    let Some(contract) = contracts::Contract::discord() else {
        return;
    };
    let exchanges = server.exchanges().all();
    let report = contract.check_all(exchanges.iter().map(|made| contracts::Exchange {
        method: &made.method,
        path: &made.path,
        query: made.query.as_deref(),
        content_type: made.content_type.as_deref(),
        body: &made.body,
        status: made.status,
        reply: &made.reply,
    }));
    assert!(report.is_clean(), "{report}");
    assert!(report.n_checked > 0, "{report}");
}

#[tokio::test]
async fn discord_is_told_what_roles_depend_on_by_those_who_allow_it() {
    let mut options = rig::options();
    options.auto_approve = Some(rig::ANN);
    let rig = rig::Rig::start(options).await;
    let page = "https://bot.example.org/link";
    let settings = rig::settings(&rig.server);
    let http = Http::new().unwrap();
    let clock = Arc::new(SystemClock);
    let off = DiscordSignIn::new(&settings, http.clone(), clock.clone(), false);
    let on = DiscordSignIn::new(&settings, http, clock, true);
    assert_eq!(off.role_scope(), None);
    let tokens = allowed(&off, true).await;
    assert_eq!(tokens.scopes.len(), 2, "what is off is not asked for");

    for _ in 0..2 {
        rig.discord.sync_linked_roles(page).await.unwrap();
    }
    let writes =
        |exchange: &simulator::wire::Exchange| matches!(exchange.method.as_str(), "PUT" | "PATCH");
    let n_writes = rig
        .server
        .exchanges()
        .all()
        .iter()
        .filter(|made| writes(made))
        .count();
    assert_eq!(n_writes, 2, "saying the same again changes nothing");
    let records: Vec<(u64, String)> = rig
        .server
        .role_records()
        .iter()
        .map(|record| {
            let key = record["key"].as_str().unwrap();
            (record["type"].as_u64().unwrap(), key.to_owned())
        })
        .collect();
    let wanted = [
        (7, "verified"),
        (2, "tier"),
        (2, "reputation"),
        (2, "platforms"),
    ];
    assert_eq!(records, wanted.map(|(kind, key)| (kind, key.to_owned())));
    assert_eq!(rig.server.role_page().as_deref(), Some(page));

    let all = RoleMetadata {
        name: Some("ann".into()),
        verified: Some(true),
        tier: Some(3),
        reputation: Some(701),
        platforms: Some(2),
    };
    let plain = allowed(&on, false).await;
    let refused = on.put_roles(&plain, &all).await;
    assert!(
        matches!(refused, Err(TokenError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(rig.server.role_connection(rig::ANN), None);

    let tokens = allowed(&on, true).await;
    assert!(
        tokens
            .scopes
            .iter()
            .any(|scope| Some(scope.as_str()) == on.role_scope())
    );
    on.put_roles(&tokens, &all).await.unwrap();
    let said = rig.server.role_connection(rig::ANN).unwrap();
    assert_eq!(
        said,
        serde_json::json!({
            "platform_name": "WaddleBot", "platform_username": "ann",
            "metadata": { "verified": "1", "tier": "3", "reputation": "701", "platforms": "2" },
        })
    );
    let some = RoleMetadata {
        verified: Some(false),
        ..RoleMetadata::default()
    };
    on.put_roles(&tokens, &some).await.unwrap();
    let said = rig.server.role_connection(rig::ANN).unwrap();
    assert_eq!(said["metadata"], serde_json::json!({ "verified": "0" }));

    rig.server.end_access_tokens();
    let ended = on.put_roles(&tokens, &all).await;
    assert!(matches!(ended, Err(TokenError::Refused(_))), "{ended:?}");
    let fresh = on.refresh(&tokens).await.unwrap();
    on.put_roles(&fresh, &RoleMetadata::default())
        .await
        .unwrap();
    let said = rig.server.role_connection(rig::ANN).unwrap();
    assert_eq!(said, serde_json::json!({ "metadata": {} }));
    rig.server.deauthorize(rig::ANN);
    let gone = on.refresh(&fresh).await;
    assert!(matches!(gone, Err(TokenError::Refused(_))), "{gone:?}");
    is_in_order(&rig.server);
}
