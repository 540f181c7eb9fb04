//! Ids among everything, pages of lists, and lists of communities in which the viewer may do different
//! things.

use kernel::Role;
use serde_json::{Value, json};
use testkit::{Statements, World, on_both};

use super::{Client, code};

const NODES: &str = "query($ids: [ID!]!) { nodes(ids: $ids) {
    __typename nodeId
    ... on User { displayName reputation { score } }
    ... on Community { name }
    ... on Member { name role }
    ... on ChatMessage { text }
} }";

/// The ids among everything of what an owner sees: themselves, their community, its members, its messages.
async fn ids(client: &Client, community: i32) -> Vec<Value> {
    let query = "query($id: Int!) {
        me { nodeId }
        community(communityId: $id) { nodeId members(sort: NAME) { nodes { nodeId } } messages { nodeId } }
    }";
    let seen = client.ask(query, json!({ "id": community })).await;
    let (me, pond) = (&seen["data"]["me"], &seen["data"]["community"]);
    let list = |list: &Value| -> Vec<Value> {
        let list = list.as_array().unwrap();
        list.iter().map(|item| item["nodeId"].clone()).collect()
    };
    let mut ids = vec![me["nodeId"].clone(), pond["nodeId"].clone()];
    ids.extend(list(&pond["members"]["nodes"]));
    ids.extend(list(&pond["messages"]));
    ids
}

on_both! {
    async fn what_has_an_id_is_found_again_in_order_and_by_nobody_else(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        world.say(pond, "ann", "quack").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let sam = world.person(lake, "sam", Some(Role::Owner)).await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let (olga, sam) = (Client::of(&world, &olga).await, Client::of(&world, &sam).await);
        let ids = ids(&olga, pond.0).await;
        let found = olga.ask(NODES, json!({ "ids": ids })).await;
        assert_eq!(found.get("errors"), None, "{found}");
        let nodes = found["data"]["nodes"].as_array().unwrap();
        let types: Vec<&str> = nodes.iter().map(|node| node["__typename"].as_str().unwrap()).collect();
        assert_eq!(types, ["User", "Community", "Member", "Member", "ChatMessage"]);
        let again: Vec<Value> = nodes.iter().map(|node| node["nodeId"].clone()).collect();
        assert_eq!(again, ids);
        assert_eq!((&nodes[2]["name"], &nodes[4]["text"]), (&json!("ann"), &json!("quack")));
        let one = olga.ask("query($id: ID!) { node(id: $id) { ... on Community { name } } }", json!({ "id": ids[1] })).await;
        assert_eq!(one["data"]["node"], json!({ "name": "Pond" }));

        for stranger in [&sam, &Client::anonymous(&world)] {
            let found = stranger.ask(NODES, json!({ "ids": ids })).await;
            assert_eq!((&found["data"]["nodes"], found.get("errors")), (&json!([null, null, null, null, null]), None));
        }
        for wrong in ["", "x", "7", "2e.1", "6d656d626572.1"] {
            let answer = olga.ask(NODES, json!({ "ids": [wrong] })).await;
            assert_eq!(code(&answer), "BAD_USER_INPUT", "{wrong}");
        }
        let many = vec![ids[0].clone(); 101];
        assert!(!code(&olga.ask(NODES, json!({ "ids": many })).await).is_empty());
    }

    async fn pages_visit_everything_once_and_in_order(world: World) {
        let mut homes = Vec::new();
        for name in ["pond", "Lake", "sea", "Bay", "Ocean"] {
            homes.push(world.community(name).await);
        }
        let pond = homes[0];
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        for community in &homes[1..] {
            let (system, role) = (world.system(), Some(Role::Member));
            world.app.identity.set_role(&system, *community, olga.user, role).await.unwrap();
        }
        for n in 0..5 {
            world.say(pond, "ann", &format!("message {n}")).await;
        }
        let client = Client::of(&world, &olga).await;
        let communities = "query($after: String) { page: communitiesConnection(first: 2, after: $after) {
            pageInfo { hasNextPage hasPreviousPage endCursor } nodes { name } edges { cursor node { name } } } }";
        let own = "query($after: String) { me { page: communitiesConnection(first: 2, after: $after) {
            pageInfo { hasNextPage hasPreviousPage endCursor } nodes { name } edges { cursor node { name } } } } }";
        let messages = "query($after: String, $id: Int!) { community(communityId: $id) {
            page: messagesConnection(first: 2, after: $after) {
            pageInfo { hasNextPage hasPreviousPage endCursor } nodes { name: text } edges { cursor node { name: text } } } } }";
        let by_name = ["Bay", "Lake", "Ocean", "pond", "sea"];
        let newest_first = ["message 4", "message 3", "message 2", "message 1", "message 0"];
        for (query, pointer, expected) in [
            (communities, "/data/page", by_name),
            (own, "/data/me/page", by_name),
            (messages, "/data/community/page", newest_first),
        ] {
            let (mut after, mut seen, mut n_pages) = (Value::Null, Vec::new(), 0);
            loop {
                let answer = client.ask(query, json!({ "after": after, "id": pond.0 })).await;
                let page = answer.pointer(pointer).unwrap_or_else(|| panic!("{answer}"));
                let edges = page["edges"].as_array().unwrap();
                let named: Vec<Value> = edges.iter().map(|edge| edge["node"].clone()).collect();
                assert_eq!(page["nodes"], json!(named));
                assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(n_pages > 0));
                assert_eq!(page["pageInfo"]["endCursor"], edges.last().unwrap()["cursor"]);
                seen.extend(named.into_iter().map(|node| node["name"].clone()));
                n_pages += 1;
                after = page["pageInfo"]["endCursor"].clone();
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
            }
            assert_eq!((json!(seen), n_pages), (json!(expected), 3));
        }
        let wrong = client.ask(communities, json!({ "after": "nonsense" })).await;
        assert_eq!(code(&wrong), "BAD_USER_INPUT");
    }

    async fn of_a_list_each_community_is_decided_by_itself(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        for place in [pond, lake] {
            world.say(place, "ann", "quack").await;
        }
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let (system, role) = (world.system(), Some(Role::Member));
        world.app.identity.set_role(&system, lake, olga.user, role).await.unwrap();
        let client = Client::of(&world, &olga).await;
        let query = "{ communities(limit: 2) { name
            members(sort: NAME) { totalCount nodes { name role reputation { score } } } connections { id }
            messages { text } activity { members } } }";
        let answer = client.ask(query, json!({})).await;
        assert_eq!(answer["data"]["communities"], json!([
            {
                "name": "Lake", "members": null, "connections": null,
                "messages": [{ "text": "quack" }], "activity": { "members": 1 },
            },
            {
                "name": "Pond", "connections": [],
                "members": { "totalCount": 2, "nodes": [
                    { "name": "ann", "role": null, "reputation": { "score": 600 } },
                    { "name": "olga", "role": "OWNER", "reputation": { "score": 600 } },
                ] },
                "messages": [{ "text": "quack" }], "activity": { "members": 2 },
            },
        ]));
        let errors = answer["errors"].as_array().unwrap();
        let mut refused: Vec<String> = errors
            .iter()
            .map(|error| format!("{} {}", error["path"], error["extensions"]["code"]))
            .collect();
        refused.sort_unstable();
        assert_eq!(refused, [
            r#"["communities",0,"connections"] "FORBIDDEN""#,
            r#"["communities",0,"members"] "FORBIDDEN""#,
        ]);
    }
}

/// Statements are heard on one thread, so the runtime has one.
#[tokio::test]
async fn many_nodes_send_no_more_statements_than_one_of_each_kind() {
    let mut world = World::sqlite().await;
    let pond = world.community("Pond").await;
    for name in ["ann", "bob", "cid", "dan"] {
        world.say(pond, name, "quack").await;
        let user = world.user_of(pond, name).await;
        let (system, role) = (world.system(), Some(Role::Member));
        let identity = &world.app.identity;
        identity.set_role(&system, pond, user, role).await.unwrap();
    }
    let olga = world.person(pond, "olga", Some(Role::Owner)).await;
    world.sql("UPDATE users SET claimed_at = 1").await;
    let client = Client::of(&world, &olga).await;
    let people = "query($id: Int!) { community(communityId: $id) { members(sort: NAME) { nodes { user { nodeId } } } } }";
    let seen = client.ask(people, json!({ "id": pond.0 })).await;
    let people = seen["data"]["community"]["members"]["nodes"]
        .as_array()
        .unwrap();
    let people: Vec<Value> = people
        .iter()
        .map(|node| node["user"]["nodeId"].clone())
        .collect();
    // Oneself, the community, five members, four messages.
    let ids = ids(&client, pond.0).await;
    let of = |n: usize| {
        let mut some = vec![ids[1].clone()];
        some.extend_from_slice(&people[..n]);
        some.extend_from_slice(&ids[2..2 + n]);
        some.extend_from_slice(&ids[7..7 + n]);
        some
    };
    let mut counted = Vec::new();
    for n in [1, 4] {
        let statements = Statements::listen();
        let answer = client.ask(NODES, json!({ "ids": of(n) })).await;
        assert_eq!(answer.get("errors"), None, "{answer}");
        let nodes = answer["data"]["nodes"].as_array().unwrap();
        assert!(nodes.iter().all(|node| !node.is_null()), "{answer}");
        counted.push(statements.counts());
    }
    assert_eq!(counted[0], counted[1]);
    world.close().await;
}
