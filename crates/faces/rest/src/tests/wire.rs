//! What has nothing to do with any one route: problems, tags, allowances, other sites.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use kernel::Role;
use serde_json::{Value, json};
use testkit::World;

use super::Client;

#[tokio::test]
async fn whatever_is_wrong_is_a_problem_with_a_code() {
    let world = World::sqlite().await;
    let client = Client::anonymous(&world);
    let raw = async |method: &str, path: &str, media: &str, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::CONTENT_TYPE, media)
            .body(Body::from(body.to_owned()))
            .unwrap();
        client.send(request).await
    };
    let json_media = "application/json";
    let long = format!("{{\"email\":\"{}\"}}", "a".repeat(3 * 1024 * 1024));
    for (method, path, media, body, status, code) in [
        ("GET", "/nowhere", json_media, "", 404, "NOT_FOUND"),
        (
            "PUT",
            "/auth/login",
            json_media,
            "{}",
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            "POST",
            "/auth/login",
            "text/plain",
            "{}",
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (
            "POST",
            "/auth/login",
            json_media,
            "{",
            400,
            "BAD_USER_INPUT",
        ),
        (
            "POST",
            "/auth/login",
            json_media,
            r#"{"email":"a@b.c","password":"x","more":1}"#,
            400,
            "BAD_USER_INPUT",
        ),
        (
            "POST",
            "/auth/password/forgot",
            json_media,
            &long,
            413,
            "TOO_LARGE",
        ),
        (
            "GET",
            "/users/me/feed?limit=0",
            json_media,
            "",
            401,
            "UNAUTHENTICATED",
        ),
        (
            "GET",
            "/communities/one",
            json_media,
            "",
            401,
            "UNAUTHENTICATED",
        ),
    ] {
        let answer = raw(method, path, media, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (status, code),
            "{method} {path} {}",
            answer.json
        );
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let id = answer.header("x-request-id");
        assert_eq!(
            answer.json["instance"],
            format!("urn:waddlebot:request:{id}")
        );
        assert_eq!(answer.json["type"], format!("urn:waddlebot:problem:{code}"));
        assert!(
            !answer.json["detail"].as_str().unwrap().is_empty(),
            "{path}"
        );
        assert!(answer.header("cache-control").contains("private"));
    }
    let wrong = raw("PUT", "/auth/login", json_media, "{}").await;
    assert_eq!(wrong.header("allow"), "POST");
    world.close().await;
}

#[tokio::test]
async fn a_tag_saves_reading_twice_and_overwriting_what_was_not_seen() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    world.sql("UPDATE users SET claimed_at = 1").await;
    let client = Client::of(&world, &ann).await;
    let first = client.get("/users/me").await.expect(200);
    let tag = first.header("etag").to_owned();
    let again = client.clone().showing("if-none-match", tag.clone());
    let unchanged = again.get("/users/me").await.expect(304);
    assert!(unchanged.bytes.is_empty());
    let careful = client.clone().showing("if-match", tag);
    careful
        .patch("/users/me", json!({ "bio": "Ducks." }))
        .await
        .expect(200);
    let late = careful
        .patch("/users/me", json!({ "bio": "Geese." }))
        .await
        .expect(412);
    assert_eq!(late.code(), "PRECONDITION_FAILED");
    let seen = client.get("/users/me").await.expect(200);
    assert_eq!(seen.json["bio"], "Ducks.");
    world.close().await;
}

#[tokio::test]
async fn a_minute_has_its_allowance_and_the_next_one_too() {
    let world = World::sqlite().await;
    let settings = crate::Settings {
        per_minute_anonymous: 2,
        ..crate::Settings::default()
    };
    let client = Client::with(&world, settings);
    let first = client.get("/auth/methods").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), "\"minute\";q=2;w=60");
    assert!(first.header("ratelimit").starts_with("\"minute\";r=1;t="));
    client.get("/auth/methods").await.expect(200);
    let refused = client.get("/auth/methods").await.expect(429);
    assert_eq!(refused.code(), "RATE_LIMITED");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    world.clock.advance(std::time::Duration::from_secs(wait));
    client.get("/auth/methods").await.expect(200);
    world.close().await;
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_and_keys_are_not_theirs() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    let foreign = client
        .clone()
        .showing("origin", "https://evil.example".to_owned());
    let refused = foreign.delete("/users/me/erasure").await.expect(403);
    assert_eq!(refused.code(), "FORBIDDEN");
    let own = client.showing("origin", "https://waddle.example".to_owned());
    own.get("/auth/sessions").await.expect(200);
    let stale = Client::anonymous(&world).showing("x-api-key", "wbot_user_nothing".to_owned());
    let refused = stale.get("/auth/methods").await.expect(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    world.close().await;
}

#[tokio::test]
async fn a_list_leads_to_its_next_page() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
    for name in ["Ann", "Bob", "Cid", "Dan"] {
        world.say(pond, name, "quack").await;
    }
    let client = Client::of(&world, &mona).await;
    let mut path = format!("/communities/{pond}/members?sort=name&ascending=true&limit=2");
    let mut names: Vec<Value> = Vec::new();
    for page in 0..3 {
        let answer = client.get(&path).await.expect(200);
        let items = answer.json["items"].as_array().unwrap();
        names.extend(items.iter().map(|member| member["name"].clone()));
        let link = answer.header("link");
        assert_eq!(link.is_empty(), page == 2, "{link}");
        if let Some(next) = link
            .strip_prefix("</api/v1")
            .and_then(|l| l.split_once(">; rel=\"next\""))
        {
            path = next.0.to_owned();
            assert!(path.contains(answer.json["next"].as_str().unwrap()));
        }
    }
    assert_eq!(names, ["Ann", "Bob", "Cid", "Dan", "mona"]);
    for wrong in [
        "limit=0",
        "limit=101",
        "limit=x",
        "after=zz",
        "platform=myspace",
    ] {
        let path = format!("/communities/{pond}/members?{wrong}");
        let answer = client.ask(Method::GET, &path, None).await.expect(400);
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
    }
    world.close().await;
}
