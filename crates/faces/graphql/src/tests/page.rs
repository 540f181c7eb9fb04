//! GraphiQL and the schema file.

use axum::{
    body::{Body, to_bytes},
    http::{Request, header},
};
use testkit::World;

use super::Client;
use crate::{Readers, Settings};

async fn get(client: &Client, uri: &str, encoding: &str) -> (u16, header::HeaderMap, Vec<u8>) {
    let request = Request::get(uri).header(header::ACCEPT_ENCODING, encoding);
    let response = client.send(request.body(Body::empty()).unwrap()).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 8 * 1024 * 1024).await.unwrap().to_vec();
    (parts.status.as_u16(), parts.headers, body)
}

#[tokio::test]
async fn graphiql_is_for_those_who_may_read_the_schema() {
    let world = World::sqlite().await;
    let admin = world.admin("root").await;
    let stranger = Client::anonymous(&world);
    let (status, headers, _) = get(&stranger, "/graphiql", "").await;
    assert_eq!(
        (status, headers["location"].to_str().unwrap()),
        (303, "/login")
    );
    assert_eq!(get(&stranger, "/graphql/schema.graphql", "").await.0, 404);

    let signed_in = Client::of(&world, &admin).await;
    let (status, headers, page) = get(&signed_in, "/graphiql", "").await;
    assert_eq!(status, 200);
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"));
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("<title>GraphiQL") && !page.contains("{nonce}"));
    let (_, again, _) = get(&signed_in, "/graphiql", "").await;
    assert_ne!(again["content-security-policy"].to_str().unwrap(), policy);
    let (status, _, schema) = get(&signed_in, "/graphql/schema.graphql", "").await;
    assert_eq!((status, schema), (200, crate::sdl().into_bytes()));

    let settings = Settings {
        schema_readers: Readers::Nobody,
        ..Settings::default()
    };
    let closed = Client::with(&world, settings)
        .signed_in(&world, &admin)
        .await;
    assert_eq!(get(&closed, "/graphiql", "").await.0, 404);
    let settings = Settings {
        schema_readers: Readers::Everyone,
        ..Settings::default()
    };
    let open = Client::with(&world, settings);
    assert_eq!(get(&open, "/graphiql", "").await.0, 200);
    assert_eq!(get(&open, "/graphql/schema.graphql", "").await.0, 200);
    world.close().await;
}

#[tokio::test]
async fn every_file_of_the_page_is_served_plain_and_packed() {
    let world = World::sqlite().await;
    let client = Client::anonymous(&world);
    let page = include_str!("../../assets/graphiql.html");
    for name in page
        .split('"')
        .filter(|part| part.starts_with("/graphiql/"))
    {
        let (status, headers, plain) = get(&client, name, "identity").await;
        assert_eq!(status, 200, "{name}");
        assert!(!headers.contains_key("content-encoding"));
        let kind = headers["content-type"].to_str().unwrap();
        let expected = if name.contains(".css") {
            "text/css"
        } else {
            "text/javascript"
        };
        assert!(kind.starts_with(expected), "{name}");
        let (status, headers, packed) = get(&client, name, "br, gzip").await;
        assert_eq!(status, 200);
        if headers.contains_key("content-encoding") {
            assert!(packed.len() < plain.len(), "{name}");
        }
    }
    assert_eq!(get(&client, "/graphiql/vendor.toml", "").await.0, 404);
    assert_eq!(get(&client, "/graphiql/..%2Fvendor.toml", "").await.0, 404);
    world.close().await;
}
