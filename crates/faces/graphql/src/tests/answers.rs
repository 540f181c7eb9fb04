//! Kept answers: whoever asks again is answered from what was kept, and nobody ever gets an answer that
//! is not theirs or that a change has made wrong.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, header},
};
use identity::{CommunityChange, KeyScope, NewApiKey, ProfileChange};
use kernel::{CommunityId, Role, Secret};
use serde_json::{Value, json};
use testkit::{Setup, World, on_both};

use super::{Answer, Client, JSON, code};
use crate::{Limits, Settings};

const QUERY: &str = "query($id: Int!) { community(communityId: $id) { name role } }";

async fn ask(client: &Client, id: CommunityId) -> Value {
    client.ask(QUERY, json!({ "id": id.0 })).await["data"]["community"].clone()
}

/// A change that no service makes, so that nothing hears of it.
async fn rename_behind_everybodys_back(world: &World, name: &str) {
    world
        .sql(&format!("UPDATE community SET name = '{name}'"))
        .await;
}

async fn rename(world: &World, actor: &kernel::Actor, id: CommunityId, name: &str) {
    let change = CommunityChange {
        name: name.to_owned(),
        description: String::new(),
        retention_days: 365,
    };
    world
        .app
        .identity
        .update_community(actor, id, &change)
        .await
        .unwrap();
}

fn named(name: &str, role: Option<&str>) -> Value {
    json!({ "name": name, "role": role })
}

on_both! {
    async fn an_answer_is_kept_for_as_long_as_its_fields_say(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let client = Client::of(&world, &ann).await;
        let first = named("Pond", Some("MEMBER"));
        assert_eq!(ask(&client, pond).await, first);
        rename_behind_everybodys_back(&world, "Lake").await;
        assert_eq!(ask(&client, pond).await, first, "it was kept");
        // Another document, other variables, another operation: other answers.
        let other = "query($id: Int!) { community(communityId: $id) { name } }";
        let fresh = client.ask(other, json!({ "id": pond.0 })).await;
        assert_eq!(fresh["data"]["community"]["name"], "Lake");
        world.clock.advance(Duration::from_millis(29_999));
        assert_eq!(ask(&client, pond).await, first);
        world.clock.advance(Duration::from_millis(1));
        assert_eq!(ask(&client, pond).await, named("Lake", Some("MEMBER")));
    }

    async fn what_a_service_changes_is_seen_at_once(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let sam = world.person(lake, "sam", Some(Role::Owner)).await;
        let (olgas, anns) = (Client::of(&world, &olga).await, Client::of(&world, &ann).await);
        assert_eq!(ask(&anns, pond).await, named("Pond", Some("MEMBER")));
        rename(&world, &olga.actor, pond, "Marsh").await;
        assert_eq!(ask(&anns, pond).await, named("Marsh", Some("MEMBER")));

        // What happens next door leaves what is kept here.
        rename_behind_everybodys_back(&world, "Hidden").await;
        rename(&world, &sam.actor, lake, "Sea").await;
        assert_eq!(ask(&anns, pond).await, named("Marsh", Some("MEMBER")));
        // Signing in and out changes nothing that is kept.
        let _ = Client::of(&world, &sam).await;
        assert_eq!(ask(&anns, pond).await, named("Marsh", Some("MEMBER")));
        // What one decides about oneself is seen by all others.
        assert_eq!(ask(&olgas, pond).await, named("Hidden", Some("OWNER")));
        rename_behind_everybodys_back(&world, "Seen").await;
        let profile = ProfileChange { display_name: "sam".to_owned(), bio: "duck".to_owned(), ..ProfileChange::default() };
        world.app.identity.change_profile(&sam.actor, &profile).await.unwrap();
        assert_eq!(ask(&olgas, pond).await, named("Seen", Some("OWNER")));
        assert_eq!(ask(&anns, pond).await, named("Seen", Some("MEMBER")));
    }

    async fn who_is_removed_gets_nothing_that_was_kept_for_them(world: World) {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let ann = world.person(pond, "ann", Some(Role::Moderator)).await;
        let client = Client::of(&world, &ann).await;
        let members = "query($id: Int!) { community(communityId: $id) { members { totalCount } } }";
        assert_eq!(code(&client.ask(members, json!({ "id": pond.0 })).await), "");
        assert_eq!(ask(&client, pond).await, named("Pond", Some("MODERATOR")));
        let identity = world.app.identity.clone();
        identity.set_role(&olga.actor, pond, ann.user, Some(Role::Member)).await.unwrap();
        assert_eq!(code(&client.ask(members, json!({ "id": pond.0 })).await), "FORBIDDEN");
        identity.set_role(&olga.actor, pond, ann.user, None).await.unwrap();
        assert_eq!(ask(&client, pond).await, Value::Null);
        // Not even if nobody says that anything changed: the rights are part of the question.
        identity.set_role(&olga.actor, pond, ann.user, Some(Role::Moderator)).await.unwrap();
        assert_eq!(ask(&client, pond).await, named("Pond", Some("MODERATOR")));
        world.sql(&format!("DELETE FROM membership WHERE user_id = {}", ann.user.0)).await;
        assert_eq!(ask(&client, pond).await, Value::Null);
    }

    async fn viewers_never_share_an_answer(world: World) {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let bob = world.person(pond, "bob", Some(Role::Member)).await;
        let lake = world.community("Lake").await;
        let sam = world.person(lake, "sam", Some(Role::Owner)).await;
        let admin = world.admin("ada").await;
        world.app.identity.set_role(&world.system(), lake, olga.user, Some(Role::Owner)).await.unwrap();
        let anonymous = Client::anonymous(&world);
        let wanted = NewApiKey { name: "k".to_owned(), scope: KeyScope::Community(lake), days: 1 };
        let session = world.session(olga.user).await;
        let key = world.app.identity.create_api_key(&world.actor_of(olga.user).await, session, &wanted, &Secret::new(String::new())).await.unwrap().key;
        let clients = [
            (anonymous.clone().signed_in(&world, &olga).await, named("Pond", Some("OWNER"))),
            (anonymous.clone().signed_in(&world, &ann).await, named("Pond", Some("MEMBER"))),
            (anonymous.clone().signed_in(&world, &bob).await, named("Pond", Some("MEMBER"))),
            (anonymous.clone().signed_in(&world, &admin).await, named("Pond", None)),
            (anonymous.clone().signed_in(&world, &sam).await, Value::Null),
            (anonymous.clone(), Value::Null),
        ];
        for _ in 0..3 {
            for (client, expected) in &clients {
                assert_eq!(ask(client, pond).await, *expected);
                // A key for one community sees nothing of the other, whoever asked before it.
                let body = json!({ "query": QUERY, "variables": { "id": pond.0 } }).to_string();
                let limited = anonymous.post(body, &[JSON, ("x-api-key", key.expose())]).await;
                assert_eq!(limited.json["data"]["community"], Value::Null);
            }
        }
    }

    async fn a_change_that_another_process_makes_is_seen_at_once(world: World) {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let client = Client::of(&world, &olga).await;
        assert_eq!(ask(&client, pond).await, named("Pond", Some("OWNER")));
        let other = world.another(Setup::default()).await;
        let change = CommunityChange { name: "Far".to_owned(), description: String::new(), retention_days: 365 };
        other.app.identity.update_community(&olga.actor, pond, &change).await.unwrap();
        assert_eq!(ask(&client, pond).await, named("Far", Some("OWNER")));
        other.stop().await;
    }
}

#[tokio::test]
async fn errors_and_what_no_hint_allows_are_not_kept() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    let queries = [
        // No hint on `me`, on chat messages, or on what is left of an allowance.
        "query($id: Int!) { me { id } community(communityId: $id) { name } }",
        "query($id: Int!) { community(communityId: $id) { name messages { text } } }",
        "query($id: Int!) { community(communityId: $id) { name } rateLimit { cost } }",
        // An error beside it.
        "query($id: Int!) { community(communityId: $id) { name members { totalCount } } }",
    ];
    for (round, name) in ["Pond", "Lake"].into_iter().enumerate() {
        for query in queries {
            let answer = client.ask(query, json!({ "id": pond.0 })).await;
            assert_eq!(answer["data"]["community"]["name"], name, "{round} {query}");
        }
        rename_behind_everybodys_back(&world, "Lake").await;
    }
    world.close().await;
}

#[tokio::test]
async fn a_kept_answer_is_paid_for_and_whoever_asks_for_the_cost_gets_a_new_one() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let settings = Settings {
        limits: Limits {
            per_minute: 10,
            ..Limits::default()
        },
        ..Settings::default()
    };
    let client = Client::with(&world, settings).signed_in(&world, &ann).await;
    for _ in 0..3 {
        assert_eq!(ask(&client, pond).await, named("Pond", Some("MEMBER")));
    }
    let answer = client
        .post(
            json!({ "query": QUERY, "variables": { "id": pond.0 } }).to_string(),
            &[JSON],
        )
        .await;
    assert_eq!(answer.code(), "RATE_LIMITED");
    world.clock.advance(Duration::from_secs(60));
    let body =
        json!({ "query": QUERY, "variables": { "id": pond.0 }, "extensions": { "cost": true } });
    for remaining in [7, 4] {
        let answer = client.post(body.to_string(), &[JSON]).await;
        assert_eq!(answer.json["extensions"]["cost"]["remaining"], remaining);
    }
    world.close().await;
}

#[tokio::test]
async fn messages_may_be_counted_late_but_not_for_long() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    let count = async || {
        let query = "query($id: Int!) { community(communityId: $id) { memberCount } }";
        let answer = client.ask(query, json!({ "id": pond.0 })).await;
        answer["data"]["community"]["memberCount"].as_i64().unwrap()
    };
    let before = count().await;
    world.say(pond, "newcomer", "hello").await;
    assert_eq!(count().await, before);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(count().await, before + 1);
    world.close().await;
}

#[tokio::test]
async fn only_a_get_tells_how_fresh_it_is() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    let get = async |query: &str, known: Option<&str>| {
        let query = query
            .replace(' ', "%20")
            .replace('{', "%7B")
            .replace('}', "%7D");
        let mut request = Request::get(format!("/graphql?query={query}"));
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        Answer::read(client.send(request.body(Body::empty()).unwrap()).await).await
    };
    let query = format!("{{ community(communityId: {}) {{ name }} }}", pond.0);
    let first = get(&query, None).await;
    assert_eq!(first.header("cache-control"), "private, no-cache");
    assert_eq!(
        first.header("vary"),
        "accept, cookie, authorization, x-api-key"
    );
    let etag = first.header("etag").to_owned();
    let again = get(&query, Some(&etag)).await;
    assert_eq!((again.status.as_u16(), again.json), (304, Value::Null));
    assert_eq!(again.headers.get("etag"), first.headers.get("etag"));
    rename(&world, &world.system(), pond, "Lake").await;
    let changed = get(&query, Some(&etag)).await;
    assert_eq!(changed.json["data"]["community"]["name"], "Lake");
    assert_ne!(changed.header("etag"), etag);

    let not_kept = get("{ me { id } }", None).await;
    assert_eq!(not_kept.header("cache-control"), "no-store");
    let body = json!({ "query": query }).to_string();
    let posted = client.post(body, &[JSON]).await;
    assert_eq!(posted.header("cache-control"), "no-store");
    assert_eq!(posted.header("etag"), "");
    world.close().await;
}

/// Statements are heard on one thread, so the runtime has one.
#[tokio::test]
async fn who_asks_the_same_at_the_same_time_is_answered_from_one_execution() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    let statements = testkit::Statements::listen();
    let asked = (0..20).map(|_| ask(&client, pond));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer, named("Pond", Some("MEMBER")));
    }
    let counts = statements.counts();
    let read: Vec<usize> = counts
        .iter()
        .filter(|(text, _)| text.contains("FROM community WHERE id"))
        .map(|(_, n)| *n)
        .collect();
    assert_eq!(read, [1], "{counts:?}");
    world.close().await;
}

#[tokio::test]
async fn who_goes_away_holds_up_nobody_and_errors_are_nobody_elses() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    // Let go of wherever it stands, again and again.
    for n in 0..40 {
        let mut gone = Box::pin(ask(&client, pond));
        for _ in 0..n {
            if futures_util::FutureExt::now_or_never(gone.as_mut()).is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(gone);
        rename(&world, &world.system(), pond, &format!("Pond {n}")).await;
        let expected = named(&format!("Pond {n}"), Some("MEMBER"));
        assert_eq!(ask(&client, pond).await, expected);
    }
    let query = "query($id: Int!) { community(communityId: $id) { name members { totalCount } } }";
    let asked = (0..5).map(|_| client.ask(query, json!({ "id": pond.0 })));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(code(&answer), "FORBIDDEN");
    }
    world.close().await;
}
