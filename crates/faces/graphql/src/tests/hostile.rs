//! Values that nobody sends by accident: in literals, in variables and in directives. Each is refused for what
//! it is or answered; none is a fault of ours.

use kernel::Role;
use serde_json::{Value, json};
use testkit::{World, on_both};

use super::{Client, JSON, code, connected};

/// The codes that say that it was the client's mistake, or nothing at all.
const HARMLESS: &[&str] = &[
    "",
    "BAD_USER_INPUT",
    "CONFLICT",
    "FORBIDDEN",
    "NOT_FOUND",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "OPERATION_RESOLUTION_FAILURE",
    "QUERY_TOO_COMPLEX",
    "QUERY_TOO_DEEP",
    "QUERY_TOO_LARGE",
    "UNAUTHENTICATED",
];

/// Posts a body as it is, and answers the code.
async fn posted(client: &Client, body: &str) -> String {
    let answer = client.post(body.to_owned(), &[JSON]).await;
    assert!(answer.status.as_u16() < 500, "{body:.200}: {}", answer.json);
    answer.code().to_owned()
}

async fn owner(world: &mut World) -> (Client, i32, i32) {
    let pond = world.community("Pond").await;
    world.say(pond, "ann", "quack").await;
    let ann = world.user_of(pond, "ann").await;
    let olga = world.person(pond, "olga", Some(Role::Owner)).await;
    (Client::of(world, &olga).await, pond.0, ann.0)
}

#[tokio::test]
async fn numbers_beyond_all_bounds_are_refused() {
    let mut world = World::sqlite().await;
    let (client, pond, _) = owner(&mut world).await;
    for number in [
        "2147483648",
        "-2147483649",
        "9223372036854775808",
        "99999999999999999999999999999999999999999",
        "1e400",
        "-1e400",
        "1.5",
        "\"1\"",
        "true",
        "[[1]]",
        "{ a: 1 }",
    ] {
        for query in [
            format!("{{ user(id: {number}) {{ id }} }}"),
            format!("{{ communities(limit: {number}) {{ id }} }}"),
            format!(
                "{{ community(communityId: {pond}) {{ members(first: {number}) {{ totalCount }} }} }}"
            ),
        ] {
            let answer = client
                .post(json!({ "query": query }).to_string(), &[JSON])
                .await;
            assert!(
                HARMLESS[1..].contains(&answer.code()),
                "{query}: {}",
                answer.json
            );
        }
    }
    for variable in [
        "2147483648",
        "-9223372036854775809",
        "1e999",
        "1.5",
        "\"1\"",
        "[]",
        "{}",
        "null",
    ] {
        let body = format!(
            r#"{{"query":"query($n: Int!) {{ user(id: $n) {{ id }} }}","variables":{{"n":{variable}}}}}"#
        );
        let code = posted(&client, &body).await;
        assert!(
            !code.is_empty() && HARMLESS.contains(&code.as_str()),
            "{variable}: {code}"
        );
    }
    world.close().await;
}

#[tokio::test]
async fn deep_and_wide_variables_are_refused_and_the_server_lives() {
    let mut world = World::sqlite().await;
    let (client, pond, _) = owner(&mut world).await;
    let query = "query($v: [VisibilityInput!]!, $s: String) { me { id } }";
    let with = |value: &str| format!(r#"{{"query":"{query}","variables":{{"v":{value}}}}}"#);
    for deep in [
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000)),
        "[".repeat(200_000),
    ] {
        assert_eq!(posted(&client, &with(&deep)).await, "BAD_USER_INPUT");
    }
    let change = "mutation($v: [VisibilityInput!]!) { setVisibility(entries: $v) { platform } }";
    let many = vec![json!({ "platform": "TWITCH" }); 11];
    let answer = client.ask(change, json!({ "v": many })).await;
    assert!(HARMLESS[1..].contains(&code(&answer)), "{answer}");
    let search = format!(
        "query($s: String) {{ community(communityId: {pond}) {{ members(search: $s) {{ totalCount }} }} }}"
    );
    for text in [
        "x".repeat(900_000),
        "\u{202e}".repeat(1_000),
        "%_\\".repeat(100),
    ] {
        let answer = client.ask(&search, json!({ "s": text })).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT");
    }
    let ids = vec!["x"; 100_000];
    let nodes = client
        .ask(
            "query($ids: [ID!]!) { nodes(ids: $ids) { nodeId } }",
            json!({ "ids": ids }),
        )
        .await;
    assert!(HARMLESS[1..].contains(&code(&nodes)), "{nodes}");
    assert_eq!(
        client.ask("{ me { displayName } }", json!({})).await["data"]["me"]["displayName"],
        "olga"
    );
    world.close().await;
}

#[tokio::test]
async fn what_is_skipped_costs_the_same_and_hides_nothing() {
    let mut world = World::sqlite().await;
    let (client, _, _) = owner(&mut world).await;
    for (header, directive) in [
        ("", "@skip(if: true)"),
        ("", "@include(if: false)"),
        ("query($no: Boolean = false) ", "@include(if: $no)"),
        ("query($yes: Boolean = true) ", "@skip(if: $yes)"),
    ] {
        let query = format!(
            "{header}{{ me {{ id }} communities(limit: 100) {directive} {{ \
             members(first: 100) {{ nodes {{ name accounts {{ username }} }} }} }} }}"
        );
        let answer = client.ask(&query, json!({})).await;
        assert_eq!(code(&answer), "QUERY_TOO_COMPLEX", "{query}");
    }
    for wrong in [
        "@skip",
        "@skip(if: 1)",
        "@skip(if: null)",
        "@skip(unless: true)",
        "@skip(if: true) @skip(if: true)",
        "@nothing",
    ] {
        let answer = client
            .ask(&format!("{{ me {{ id displayName {wrong} }} }}"), json!({}))
            .await;
        assert!(HARMLESS[1..].contains(&code(&answer)), "{wrong}: {answer}");
    }
    let stranger = Client::anonymous(&world);
    for query in [
        "query($no: Boolean = true) { __schema @include(if: $no) { types { name } } }",
        "query { ... on Query @skip(if: false) { __schema { types { name } } } }",
        "query { a: __type(name: \"User\") { fields { name } } }",
    ] {
        let answer = stranger.ask(query, json!({})).await;
        let data = answer["data"].as_object();
        let is_silent = data.is_none_or(|data| data.values().all(Value::is_null));
        assert!(is_silent, "{query}: {answer}");
        assert!(!answer.to_string().contains("hubUserId"), "{answer}");
    }
    world.close().await;
}

#[tokio::test]
async fn documents_that_contradict_themselves_are_refused() {
    let mut world = World::sqlite().await;
    let (client, pond, _) = owner(&mut world).await;
    for document in [
        "query A { me { id } } query A { me { displayName } }".to_owned(),
        "query A { me { id } } { me { id } }".to_owned(),
        "{ me { id } } { me { id } }".to_owned(),
        "query A { me { ...F } } fragment F on User { id } fragment F on User { email }".to_owned(),
        "{ me { id: displayName id } }".to_owned(),
        format!("{{ a: community(communityId: {pond}) {{ id }} a: community(communityId: 2) {{ id }} }}"),
        "query($a: Int, $a: Int) { user(id: $a) { id } }".to_owned(),
        "query($a: User) { me { id } }".to_owned(),
        "{ me { id ...on Community { name } } }".to_owned(),
        "subscription { a: chatMessage(communityId: 1) { id } b: chatMessage(communityId: 1) { id } }".to_owned(),
        "mutation { ...M } fragment M on Mutation { ...M }".to_owned(),
        "{ me { id } ".to_owned(),
        "{ me { id } } }".to_owned(),
        "\u{feff}".to_owned(),
        String::new(),
    ] {
        let code = posted(&client, &json!({ "query": document }).to_string()).await;
        assert!(!code.is_empty() && HARMLESS.contains(&code.as_str()), "{document}: {code}");
    }
    world.close().await;
}

on_both! {
    async fn no_text_is_a_fault_of_ours(world: World) {
        let (client, pond, ann) = owner(&mut world).await;
        let connection = connected(&world, kernel::CommunityId(pond), "1").await;
        let server = connection.server;
        let long = "x".repeat(30_000);
        let texts = ["\0", "a\0b", "\u{1}", "\u{202e}\u{feff}", "'; DROP TABLE users; --", "\u{10ffff}", "{}", " ", "", long.as_str()];
        for text in texts {
            for document in [
                "query($t: String!) { user(handle: $t) { id } }".to_owned(),
                "query($t: String!) { communityBySlug(slug: $t) { id } }".to_owned(),
                "query($t: ID!) { node(id: $t) { nodeId } }".to_owned(),
                "query($t: ID!) { delivery(id: $t) { id } }".to_owned(),
                "query($t: String!) { communitiesConnection(after: $t) { nodes { id } } }".to_owned(),
                format!("query($t: String!) {{ community(communityId: {pond}) {{ members(search: $t) {{ nodes {{ userId }} }} }} }}"),
                format!("query($t: String!) {{ community(communityId: {pond}) {{ members(after: $t) {{ nodes {{ userId }} }} }} }}"),
                format!("query($t: String!) {{ community(communityId: {pond}) {{ messagesConnection(after: $t) {{ nodes {{ id }} }} }} }}"),
                format!("query($t: ID!) {{ community(communityId: {pond}) {{ messages(before: $t) {{ id }} }} }}"),
                format!("query($t: String!) {{ suggestions(communityId: {pond}, after: $t) {{ nodes {{ id }} }} }}"),
                format!("query($t: String!) {{ suspicions(communityId: {pond}, after: $t) {{ nodes {{ id }} }} }}"),
                format!("query($t: String!) {{ deliveries(communityId: {pond}, after: $t) {{ nodes {{ id }} }} }}"),
                "mutation($t: String!) { updateProfile(input: { displayName: $t }) { id } }".to_owned(),
                "mutation($t: String!) { updateProfile(input: { handle: $t, bio: $t, website: $t, location: $t }) { id } }".to_owned(),
                "mutation($t: String!) { linkIdentity(provider: $t) { url } }".to_owned(),
                "mutation($t: String!) { createApiKey(input: { name: $t, days: 1 }) { id } }".to_owned(),
                "mutation($t: String!) { renamePasskey(id: 1, name: $t) { id } }".to_owned(),
                "mutation($t: ID!) { revokeSession(id: $t) { id } }".to_owned(),
                "mutation($t: ID!) { dismissOwnSuggestion(lowAccountId: $t, highAccountId: $t) }".to_owned(),
                format!("mutation($t: String!) {{ addCommand(communityId: {pond}, name: $t, input: {{ reply: $t, aliases: [$t] }}) {{ id }} }}"),
                format!("mutation($t: String!) {{ editCommand(communityId: {pond}, name: $t, input: {{ reply: $t }}) {{ id }} }}"),
                format!("mutation($t: String!) {{ removeCommand(communityId: {pond}, name: $t) {{ id }} }}"),
                format!("mutation($t: String!) {{ setCommand(communityId: {pond}, name: $t, input: {{}}) {{ name }} }}"),
                format!("mutation($t: String!) {{ updateCommunity(communityId: {pond}, input: {{ name: $t, description: $t }}) {{ id }} }}"),
                format!("mutation($t: String!) {{ adjustReputation(communityId: {pond}, userId: {ann}, points: 1, reason: $t, key: $t) {{ score }} }}"),
                format!("mutation($t: String!) {{ say(communityId: {pond}, input: {{ serverId: {server}, text: $t, key: $t }}) {{ id }} }}"),
                format!("mutation($t: String!) {{ say(communityId: {pond}, input: {{ serverId: {server}, text: $t, key: \"k\" }}) {{ id }} }}"),
                format!("mutation($t: String!) {{ say(communityId: {pond}, input: {{ serverId: {server}, channel: $t, text: \"x\", key: \"c\" }}) {{ id }} }}"),
                format!("mutation($t: String!) {{ chooseChannel(id: {}, channelId: $t) {{ id }} }}", connection.id),
            ] {
                let body = json!({ "query": document, "variables": { "t": text } }).to_string();
                let answer = client.post(body, &[JSON]).await;
                let is_harmless = HARMLESS.contains(&answer.code()) && answer.status.as_u16() < 500;
                assert!(is_harmless, "{document} with {text:.20?}: {}", answer.json);
            }
        }
        let name = "query($t: String!) { communityBySlug(slug: $t) { id } }";
        for key in [r#""\ud800""#, r#""\u0000""#, r#""\udfff\ud800""#] {
            let body = format!(r#"{{"query":"{name}","variables":{{"t":{key}}}}}"#);
            let code = posted(&client, &body).await;
            assert!(HARMLESS.contains(&code.as_str()), "{key}: {code}");
            let document = json!({ "query": format!("{{ communityBySlug(slug: {key}) {{ id }} }}") });
            let code = posted(&client, &document.to_string()).await;
            assert!(HARMLESS.contains(&code.as_str()), "{key}: {code}");
        }
        let Value::String(me) = client.ask("{ me { nodeId } }", json!({})).await["data"]["me"]["nodeId"].clone() else {
            panic!("somebody has an id");
        };
        assert!(!me.is_empty());
        world.expect_leftovers();
    }
}
