//! Documents that are named instead of sent, and documents that the operator trusts.

use std::fs;

use axum::{body::Body, http::Request};
use kernel::Role;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::World;

use super::{Answer, Client, JSON};
use crate::{Limits, Settings, TrustedDocuments};

const QUERY: &str = "query Me { me { displayName } } query Id { me { id } }";

fn hash(text: &str) -> String {
    kernel::random::hex(&Sha256::digest(text.as_bytes()))
}

fn persisted(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn get(client: &Client, parameters: &[(&str, &str)]) -> Answer {
    let encode = |text: &str| {
        let bytes = text.bytes();
        bytes.fold(String::new(), |out, byte| format!("{out}%{byte:02X}"))
    };
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let request = Request::get(format!("/graphql?{}", pairs.join("&")));
    let request = request
        .header("accept", "application/graphql-response+json")
        .body(Body::empty())
        .unwrap();
    Answer::read(client.send(request).await).await
}

#[tokio::test]
async fn a_query_is_sent_once_and_then_named_by_its_hash() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    let hash = hash(QUERY);
    let post = async |body: Value| client.post(body.to_string(), &[JSON]).await;
    let by_hash = json!({ "extensions": persisted(&hash), "operationName": "Me" });

    let unknown = post(by_hash.clone()).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code()),
        (200, "PERSISTED_QUERY_NOT_FOUND")
    );
    assert_eq!(
        unknown.json["errors"][0]["message"],
        "PersistedQueryNotFound"
    );
    assert_eq!(unknown.header("cache-control"), "no-store");
    // The newer media type too: clients look at the code.
    let extensions = persisted(&hash).to_string();
    let pairs = [("extensions", extensions.as_str()), ("operationName", "Me")];
    assert_eq!(get(&client, &pairs).await.status.as_u16(), 200);

    let mut whole = by_hash.clone();
    whole["query"] = json!(QUERY);
    let me = json!({ "data": { "me": { "displayName": "ann" } } });
    assert_eq!(post(whole).await.json, me);
    assert_eq!(post(by_hash).await.json, me);
    assert_eq!(get(&client, &pairs).await.json, me);
    let id = format!("sha256:{hash}");
    let named = json!({ "documentId": id, "operationName": "Id" });
    assert_eq!(
        post(named).await.json["data"]["me"]["id"],
        json!(ann.user.0)
    );
    let pairs = [("documentId", id.as_str()), ("operationName", "Me")];
    assert_eq!(get(&client, &pairs).await.json, me);
    // The operation is found anew each time.
    let pairs = [("documentId", id.as_str())];
    assert_eq!(
        get(&client, &pairs).await.code(),
        "OPERATION_RESOLUTION_FAILURE"
    );
    world.close().await;
}

#[tokio::test]
async fn nothing_is_kept_under_a_hash_that_is_not_its_own() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    let wanted = "{ me { displayName } }";
    let forged = json!({ "query": "{ me { email } }", "extensions": persisted(&hash(wanted)) });
    let answer = client.post(forged.to_string(), &[JSON]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (400, "BAD_USER_INPUT")
    );
    let by_hash = json!({ "extensions": persisted(&hash(wanted)) }).to_string();
    let answer = client.post(by_hash, &[JSON]).await;
    assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_FOUND");
    // A name means nothing where nothing is trusted.
    let named = json!({ "documentId": "Me" }).to_string();
    assert_eq!(
        client.post(named, &[JSON]).await.code(),
        "PERSISTED_QUERY_NOT_FOUND"
    );
    world.close().await;
}

#[tokio::test]
async fn a_document_that_is_known_already_is_no_way_around_a_limit() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let client = Client::of(&world, &ann).await;
    let query = "query($n: Int) { communities(limit: $n) { activity { members } } }";
    assert_eq!(
        super::code(&client.ask(query, json!({ "n": 3 })).await),
        "",
        "it is known now"
    );
    assert_eq!(
        super::code(&client.ask(query, json!({ "n": 100 })).await),
        "QUERY_TOO_COMPLEX"
    );
    // Introspection that a signed-in person asked for is still not for others.
    let schema = "{ __schema { queryType { name } } }";
    let answer = client.ask(schema, json!({})).await;
    assert_eq!(answer["data"]["__schema"]["queryType"]["name"], "Query");
    let stranger = Client {
        cookie: None,
        ..client
    };
    let answer = stranger.ask(schema, json!({})).await;
    assert_eq!(answer["data"]["__schema"], Value::Null);
    world.close().await;
}

#[tokio::test]
async fn what_one_process_was_sent_another_knows_by_its_hash_alone() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    // Each has documents of its own, and the engine for kept answers in common.
    let (one, other) = (
        Client::of(&world, &ann).await,
        Client::of(&world, &ann).await,
    );
    let stranger = Client::anonymous(&world);
    let ask = async |client: &Client, query: Option<&str>, hash: &str| {
        let body = json!({ "query": query, "extensions": persisted(hash) });
        let answer = client.post(body.to_string(), &[JSON]).await;
        answer.code().to_owned()
    };
    let own = "{ me { displayName } }";
    let own_hash = hash(own);
    assert_eq!(
        ask(&other, None, &own_hash).await,
        "PERSISTED_QUERY_NOT_FOUND"
    );
    assert_eq!(ask(&one, Some(own), &own_hash).await, "");
    assert_eq!(ask(&other, None, &own_hash).await, "");
    // What strangers send does not fill what all have in common.
    let theirs = "{ __typename }";
    let their_hash = hash(theirs);
    assert_eq!(ask(&stranger, Some(theirs), &their_hash).await, "");
    assert_eq!(
        ask(&one, None, &their_hash).await,
        "PERSISTED_QUERY_NOT_FOUND"
    );
    // What lies there under a hash that is not its own, or is no document, is nothing.
    for text in ["{ me { email } }", "", "{", "\u{fffd}"] {
        let key = format!("graphql-document:{their_hash}");
        let (bytes, ttl) = (text.as_bytes().to_vec(), std::time::Duration::from_secs(60));
        world.app.keep_answer(&key, bytes.into(), ttl).await;
        assert_eq!(
            ask(&one, None, &their_hash).await,
            "PERSISTED_QUERY_NOT_FOUND"
        );
    }
    world.close().await;
}

#[tokio::test]
async fn with_trusted_documents_nothing_else_is_executed() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    let ann = world.person(pond, "ann", Some(Role::Member)).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Me.graphql"), QUERY).unwrap();
    let trusted = TrustedDocuments::read(folder.path(), &Limits::default()).unwrap();
    let settings = Settings {
        trusted_documents: Some(trusted),
        ..Settings::default()
    };
    let client = Client::with(&world, settings).signed_in(&world, &ann).await;
    let me = json!({ "data": { "me": { "displayName": "ann" } } });
    for document in [
        json!({ "query": QUERY }),
        json!({ "documentId": "Me" }),
        json!({ "documentId": format!("sha256:{}", hash(QUERY)) }),
        json!({ "extensions": persisted(&hash(QUERY)) }),
        json!({ "query": QUERY, "extensions": persisted(&hash(QUERY)) }),
    ] {
        let mut body = document;
        body["operationName"] = json!("Me");
        assert_eq!(
            client.post(body.to_string(), &[JSON]).await.json,
            me,
            "{body}"
        );
    }
    let other = "{ me { email } }";
    for body in [
        json!({ "query": other }),
        json!({ "query": format!("{QUERY} "), "operationName": "Me" }),
        json!({ "documentId": "You" }),
        json!({ "extensions": persisted(&hash(other)) }),
        json!({ "query": other, "extensions": persisted(&hash(other)) }),
        json!({ "query": "{ __schema { queryType { name } } }" }),
        json!({ "query": "{ a" }),
    ] {
        let answer = client.post(body.to_string(), &[JSON]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (403, "DOCUMENT_NOT_TRUSTED"),
            "{body}"
        );
    }
    world.close().await;
}
