//! The adapters of a configuration, put together as the program does it, against a simulated Discord over
//! the wire.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use app::{App, Outcome};
use axum::http::Method;
use engines::OutboxMailer;
use identity::{Audience, ClientInfo, Facet, Seat, Trip, Visibility};
use kernel::{Clock, LinkId, Platform, Secret, SessionId};
use platforms::http::{Call, Http};
use serde_json::{Value, json};
use simulator::discord::{DiscordServer, Limits, Options};
use testkit::{Person, SeededEntropy, Setup, World, on_both};

use super::{Adapters, Makings};
use crate::config::{Config, Sources};

const ANN: u64 = 200_000_000_000_000_005;
const SITE: &str = "https://bot.example.org";
const TRIP: Trip<'_> = Trip {
    provider: "discord",
    redirect: "https://bot.example.org/auth/discord/callback",
    return_to: "/me/accounts",
};

/// What the program makes of a configuration that points to the server.
fn adapters(world: &World, server: &DiscordServer) -> Adapters {
    let sources = Sources {
        data_dir: Some(world.place().to_owned()),
        ..Sources::default()
    };
    let mut config = Config::load(&sources).unwrap();
    SITE.clone_into(&mut config.server.public_url);
    config.discord.token = server.token().into();
    config.discord.application_id = server.application().to_string();
    config.discord.client_secret = server.client_secret().to_owned().into();
    config.discord.api_url = server.api_url();
    config.discord.gateway_url = server.gateway_url();
    config.discord.authorize_url = server.authorize_url();
    config.discord.linked_roles = true;
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let outbox = world.place().join("outbox");
    let mailer = OutboxMailer::open(&outbox, "waddlebot@example.org", Arc::clone(&clock));
    let makings = Makings {
        mailer: Arc::new(mailer.unwrap()),
        grants: Arc::new(world.app.grants().clone()),
        clock,
        entropy: Arc::new(SeededEntropy::new(3)),
    };
    Adapters::new(&config, &makings).unwrap()
}

async fn seated(world: &World, person: &Person) -> SessionId {
    world.session(person.user).await
}

/// Goes to Discord's page, allows it, and comes back.
async fn link_for_roles(app: &App, person: &Person, session: SessionId) -> LinkId {
    let url = app
        .link_for_roles_url(&person.actor, session, None, TRIP)
        .await
        .unwrap();
    let http = Http::new().unwrap();
    let there = http.call(Call::new(Method::GET, url)).await.unwrap();
    let back = url::Url::parse(there.header("location").unwrap()).unwrap();
    assert!(back.as_str().starts_with(TRIP.redirect), "{back}");
    let fields: BTreeMap<_, _> = back.query_pairs().into_owned().collect();
    let seat = Seat {
        browser: None,
        session: Some(session),
    };
    let code = Some(Secret::new(fields["code"].clone()));
    let client = ClientInfo::default();
    let returned = app
        .complete_sign_in(
            &person.actor,
            TRIP.provider,
            seat,
            (&fields["state"], code),
            &client,
        )
        .await
        .unwrap();
    match returned.outcome.unwrap() {
        Outcome::Linked(link) => link.id,
        other => panic!("{other:?}"),
    }
}

/// Runs what is due, as the worker does; answers what Discord knows of Ann then.
async fn known(world: &World, app: &Arc<App>, server: &DiscordServer) -> Value {
    let runner = app::jobs::runner(app, "tester");
    runner.run_due(world.clock.now()).await.unwrap();
    server.role_connection(ANN).unwrap_or(Value::Null)
}

/// How often a path was asked for.
fn n_asked(server: &DiscordServer, method: &str, end: &str) -> usize {
    let all = server.exchanges().all();
    all.iter()
        .filter(|made| made.method == method && made.path.ends_with(end))
        .count()
}

on_both! {
    async fn linked_roles_go_over_the_wire_from_allowing_them_to_unlinking_and_erasing(world: World) {
        let options = Options { auto_approve: Some(ANN), limits: Limits::generous(), ..Options::default() };
        let server = DiscordServer::start(options).await.unwrap();
        let adapters = adapters(&world, &server);
        adapters.describe_roles().await;
        let records: Vec<_> = server.role_records().iter().map(|record| record["key"].as_str().unwrap().to_owned()).collect();
        assert_eq!(records, ["verified", "tier", "reputation", "platforms"]);
        assert_eq!(server.role_page().as_deref(), Some("https://bot.example.org/link"));

        let setup = Setup { providers: Vec::new(), foreign: adapters.providers.clone(), ..Setup::default() };
        let node = world.another(setup).await;
        let app = Arc::clone(&node.app);
        world.admin("root").await;
        let ann = world.admin("ann").await;
        let session = seated(&world, &ann).await;
        let first = link_for_roles(&app, &ann, session).await;
        let told = known(&world, &app, &server).await;
        assert_eq!(told["platform_name"], "WaddleBot");
        assert_eq!(told["metadata"], json!({ "verified": "0", "platforms": "1" }), "what only she may see is not told");

        let mut wanted = Visibility::default();
        wanted.set(Platform::Discord, Facet::Reputation, Audience::Everyone);
        app.identity.change_visibility(&ann.actor, &wanted, &ClientInfo::default()).await.unwrap();
        let told = known(&world, &app, &server).await;
        assert_eq!(told["metadata"], json!({ "verified": "0", "platforms": "1", "tier": "2", "reputation": "600" }));
        let n_told = n_asked(&server, "PUT", "/role-connection");
        known(&world, &app, &server).await;
        assert_eq!(n_asked(&server, "PUT", "/role-connection"), n_told, "the same is not told again");

        app.unlink(&ann.actor, session, None, first).await.unwrap();
        assert_eq!(known(&world, &app, &server).await, json!({ "metadata": {} }));
        assert_eq!(n_asked(&server, "POST", "/oauth2/token/revoke"), 2, "the access token and the refresh token");

        let session = seated(&world, &ann).await;
        link_for_roles(&app, &ann, session).await;
        let told = known(&world, &app, &server).await;
        assert_eq!(told["metadata"]["platforms"], "1");
        app.identity.request_erasure(&ann.actor, session, None).await.unwrap();
        world.clock.advance(Duration::from_hours(15 * 24));
        assert_eq!(app.tend_privacy().await.unwrap(), 1);
        assert_eq!(server.role_connection(ANN), Some(json!({ "metadata": {} })));
        assert_eq!(n_asked(&server, "POST", "/oauth2/token/revoke"), 4);
        node.stop().await;
    }
}
