//! GraphQL over HTTP: methods, media types, statuses, codes.

use axum::{
    body::Body,
    http::{Method, Request},
};
use futures_util::stream;
use identity::{KeyScope, NewApiKey};
use kernel::{Role, Secret};
use serde_json::json;
use testkit::World;

use super::{Answer, Client, JSON};
use crate::{
    Settings,
    schema::{Viewer, refused},
};

const NEW: (&str, &str) = ("accept", "application/graphql-response+json");

async fn get(client: &Client, uri: &str, headers: &[(&str, &str)]) -> Answer {
    request(client, Method::GET, uri, headers).await
}

async fn request(client: &Client, method: Method, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    Answer::read(client.send(request).await).await
}

#[tokio::test]
async fn a_query_works_by_post_and_by_get() {
    let world = World::sqlite().await;
    let client = Client::anonymous(&world);
    let answer = client.post(r#"{"query":"{ __typename }"}"#, &[JSON]).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json),
        (200, &json!({ "data": { "__typename": "Query" } }))
    );
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        answer.header("vary"),
        "accept, cookie, authorization, x-api-key"
    );
    let answer = get(
        &client,
        "/graphql?query=query%20A%7B__typename%7D%20query%20B%7Bx%3A__typename%7D&operationName=B",
        &[NEW],
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json),
        (200, &json!({ "data": { "x": "Query" } }))
    );
    assert_eq!(
        answer.header("content-type"),
        "application/graphql-response+json; charset=utf-8"
    );
    world.close().await;
}

#[tokio::test]
async fn the_status_of_a_wrong_document_follows_the_accepted_type() {
    let world = World::sqlite().await;
    let client = Client::anonymous(&world);
    for (query, expected) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ community { id } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "query A { __typename } query B { __typename }",
            "OPERATION_RESOLUTION_FAILURE",
        ),
        ("mutation { x }", "GRAPHQL_VALIDATION_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
    ] {
        let body = json!({ "query": query }).to_string();
        let new = client.post(body.clone(), &[JSON, NEW]).await;
        assert_eq!(
            (new.status.as_u16(), new.code()),
            (400, expected),
            "{query}"
        );
        assert!(new.json.get("data").is_none());
        let old = client.post(body, &[JSON]).await;
        assert_eq!(
            (old.status.as_u16(), old.code()),
            (200, expected),
            "{query}"
        );
    }
    let parse = client.post(r#"{"query":"{ a("}"#, &[JSON]).await;
    assert_eq!(parse.json["errors"][0]["locations"][0]["line"], 1);
    world.close().await;
}

#[tokio::test]
async fn wrong_requests_have_their_status_whatever_is_accepted() {
    let world = World::sqlite().await;
    let client = Client::anonymous(&world);
    let body = r#"{"query":"{ __typename }"}"#;
    let status = async |body: &str, headers: &[(&str, &str)]| {
        let answer = client.post(body.to_owned(), headers).await;
        (answer.status.as_u16(), answer.code().to_owned())
    };
    let bad = |status: u16| (status, "BAD_USER_INPUT".to_owned());
    assert_eq!(status("{", &[JSON]).await, bad(400));
    assert_eq!(status(r#"{"query":1}"#, &[JSON]).await, bad(400));
    assert_eq!(status("[]", &[JSON]).await, bad(400));
    assert_eq!(
        status(
            r#"{"query":"subscription { chatMessage(communityId: 1) { id } }"}"#,
            &[JSON]
        )
        .await,
        bad(400)
    );
    assert_eq!(status(body, &[]).await, bad(415));
    assert_eq!(
        status(body, &[("content-type", "text/plain")]).await,
        bad(415)
    );
    assert_eq!(
        status(body, &[("content-type", "multipart/form-data; boundary=x")]).await,
        bad(415)
    );
    assert_eq!(
        status(body, &[JSON, ("accept", "text/html")]).await,
        bad(406)
    );
    assert_eq!(
        status(body, &[JSON, ("origin", "https://evil.example")]).await,
        bad(403)
    );
    assert_eq!(status(body, &[JSON, ("origin", "null")]).await, bad(403));
    let own = client
        .post(body, &[JSON, ("origin", "https://waddle.example")])
        .await;
    assert_eq!(own.status.as_u16(), 200);
    world.close().await;
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order_and_each_request_for_itself() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let mia = world.person(pond, "mia", Some(Role::Member)).await;
    let client = Client::of(&world, &mia).await;
    let batch = |queries: &[&str]| {
        let requests = queries.iter().map(|query| json!({ "query": query }));
        json!(requests.collect::<Vec<_>>()).to_string()
    };
    let mixed = batch(&[
        "{ me { displayName } }",
        "{ nothing }",
        "subscription { chatMessage(communityId: 1) { id } }",
        "{ a: __typename }",
    ]);
    let answer = client.post(mixed, &[JSON, NEW]).await;
    assert_eq!(answer.status.as_u16(), 200);
    let codes = |index: usize| &answer.json[index]["errors"][0]["extensions"]["code"];
    assert_eq!(answer.json.as_array().map(Vec::len), Some(4));
    assert_eq!(answer.json[0]["data"]["me"]["displayName"], "mia");
    assert_eq!(codes(1), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(codes(2), "BAD_USER_INPUT");
    assert_eq!(answer.json[3], json!({ "data": { "a": "Query" } }));

    let wrong = batch(&["{ nothing }", "{"]);
    for (headers, expected) in [(vec![JSON, NEW], 400), (vec![JSON], 200)] {
        let answer = client.post(wrong.clone(), &headers).await;
        assert_eq!(answer.status.as_u16(), expected);
        assert!(answer.json[1]["errors"].is_array());
    }
    let bad_key = ("x-api-key", "nonsense");
    let two = batch(&["{ __typename }"; 2]);
    let answer = client.post(two, &[JSON, bad_key]).await;
    assert_eq!(answer.status.as_u16(), 401);
    let many = batch(&["{ __typename }"; 6]);
    let answer = client.post(many, &[JSON]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (400, "BAD_USER_INPUT")
    );
    world.close().await;
}

#[tokio::test]
async fn get_changes_nothing_and_other_methods_are_told_what_to_use() {
    let world = World::sqlite().await;
    let client = Client::anonymous(&world);
    let answer = get(&client, "/graphql?query=mutation%7Bx%7D", &[]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (405, "GET, POST")
    );
    let answer = get(&client, "/graphql", &[]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (400, "BAD_USER_INPUT")
    );
    let answer = get(
        &client,
        "/graphql?query=%7B__typename%7D",
        &[("accept", "image/png")],
    )
    .await;
    assert_eq!(answer.status.as_u16(), 406);
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = request(&client, method, "/graphql", &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow")),
            (405, "GET, POST")
        );
    }
    world.close().await;
}

#[tokio::test]
async fn a_body_that_is_too_long_is_read_before_it_is_refused() {
    let world = World::sqlite().await;
    let client = Client::anonymous(&world);
    let long = format!(
        r#"{{"query":"{{ __typename }}","x":"{}"}}"#,
        "y".repeat(1_100_000)
    );
    let answer = client.post(long, &[JSON]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (413, "QUERY_TOO_LARGE")
    );
    // An endless body is given up.
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
    let answer = client.post(Body::from_stream(endless), &[JSON]).await;
    assert_eq!(answer.status.as_u16(), 413);
    let broken = stream::iter([Ok(b"{".to_vec()), Err(std::io::Error::other("gone"))]);
    let answer = client.post(Body::from_stream(broken), &[JSON]).await;
    assert_eq!(answer.status.as_u16(), 400);
    world.close().await;
}

#[tokio::test]
async fn introspection_and_suggestions_tell_strangers_nothing() {
    let world = World::sqlite().await;
    let admin = world.admin("root").await;
    let stranger = Client::anonymous(&world);
    let signed_in = Client::of(&world, &admin).await;
    let schema =
        json!({ "query": include_str!("../gateway/walk/introspection.graphql") }).to_string();
    let answer = signed_in.post(schema.clone(), &[JSON]).await;
    let types = answer.json["data"]["__schema"]["types"].as_array().unwrap();
    assert!(
        types.iter().any(|kind| kind["name"] == "Community"),
        "{}",
        answer.json
    );
    let answer = stranger.post(schema, &[JSON]).await;
    assert!(answer.json["data"]["__schema"].is_null(), "{}", answer.json);
    let answer = stranger
        .post(r#"{"query":"{ communitie { id } }"}"#, &[JSON])
        .await;
    assert!(
        !answer.json.to_string().contains("communities"),
        "{}",
        answer.json
    );
    let answer = stranger
        .post(
            r#"{"query":"{ __type(name: \"User\") { fields { name } } }"}"#,
            &[JSON],
        )
        .await;
    assert!(
        !answer.json.to_string().contains("email"),
        "{}",
        answer.json
    );
    world.close().await;
}

#[tokio::test]
async fn a_fault_of_ours_is_hidden_and_has_a_request_id() {
    let world = World::sqlite().await;
    let viewer = Viewer::new(
        &world.app,
        &Settings::default(),
        None,
        identity::ClientInfo::default(),
    );
    let error = refused(&viewer, &testkit::fault("table user holds secret"));
    let id = viewer.request_id();
    assert_eq!(id.len(), 16);
    assert_eq!(
        error.message,
        format!("something went wrong here; the log has it as request {id}")
    );
    let extensions = serde_json::to_value(error.extensions.unwrap()).unwrap();
    assert_eq!(
        extensions,
        json!({ "code": "INTERNAL_SERVER_ERROR", "requestId": id })
    );
    world.close().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_told_as_unavailable() {
    let world = World::sqlite().await;
    let admin = world.admin("root").await;
    let client = Client::of(&world, &admin).await;
    world.app.db().close().await.unwrap();
    let answer = client
        .post(r#"{"query":"{ me { id } }"}"#, &[JSON, NEW])
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (503, "UNAVAILABLE")
    );
}

#[tokio::test]
async fn a_program_shows_its_key_in_either_header_and_a_bad_one_is_told_so() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let mia = world.person(pond, "mia", Some(Role::Member)).await;
    let wanted = NewApiKey {
        name: "kitchen".to_owned(),
        scope: KeyScope::Everything,
        days: 1,
    };
    let made = world
        .app
        .identity
        .create_api_key(
            &mia.actor,
            world.session(mia.user).await,
            &wanted,
            &Secret::new(String::new()),
        )
        .await
        .unwrap();
    let client = Client::anonymous(&world);
    let body = r#"{"query":"{ me { displayName } }"}"#;
    let mia = json!({ "data": { "me": { "displayName": "mia" } } });
    let key = made.key.expose().as_str();
    let bearer = format!("bearer {key}");
    for header in [("x-api-key", key), ("authorization", bearer.as_str())] {
        assert_eq!(client.post(body, &[JSON, header]).await.json, mia);
    }
    for bad in ["", "wbot_user_", "nonsense", &key[..key.len() - 1]] {
        let answer = client.post(body, &[JSON, NEW, ("x-api-key", bad)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (401, "UNAUTHENTICATED"),
            "{bad}"
        );
    }
    world.close().await;
}
