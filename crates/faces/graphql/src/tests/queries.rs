//! What people see of themselves, their communities, members and activity.

use std::collections::BTreeSet;

use app::Answer;
use kernel::{CommunityId, EventKind, Grants, Platform, Role, SessionId};
use serde_json::{Value, json};
use testkit::{World, on_both};

use super::{Client, code};

/// A community with an owner, a moderator, a member and seven people who only write.
async fn pond(
    world: &mut World,
) -> (
    CommunityId,
    testkit::Person,
    testkit::Person,
    testkit::Person,
) {
    let pond = world.community("Pond").await;
    let owner = world.person(pond, "olga", Some(Role::Owner)).await;
    let moderator = world.person(pond, "mona", Some(Role::Moderator)).await;
    let member = world.person(pond, "mike", Some(Role::Member)).await;
    for (index, name) in ["Ann", "bob", "Cid", "dan", "Eve", "fay", "Gus"]
        .iter()
        .enumerate()
    {
        world.clock.advance(std::time::Duration::from_mins(1));
        for n in 0..=index % 3 {
            world.say(pond, name, &format!("hello {n}")).await;
        }
    }
    (pond, owner, moderator, member)
}

on_both! {
    async fn a_person_is_shown_to_whom_they_chose_and_to_nobody_else(world: World) {
        let (pond, _, _, member) = pond(&mut world).await;
        let ann = world.user_of(pond, "Ann").await;
        world.sql(&format!("UPDATE users SET claimed_at = 1 WHERE id = {ann}")).await;
        let system = world.system();
        let identity = &world.app.identity;
        identity.set_role(&system, pond, ann, Some(Role::Member)).await.unwrap();
        let owner = world.actor_of(ann).await;
        let change = identity::ProfileChange {
            display_name: "Ann".to_owned(),
            handle: "ann".to_owned(),
            ..identity::ProfileChange::default()
        };
        identity.change_profile(&owner, &change).await.unwrap();
        let query = "query($handle: String, $id: Int) { user(handle: $handle, id: $id) { \
                     id displayName handle identities { platform platformUserId platformUsername verified } activity { platform messages } } }";
        let fellow = Client::of(&world, &member).await;
        let stranger = Client::anonymous(&world);
        let shown = json!({ "data": { "user": {
            "id": ann.0,
            "displayName": "Ann",
            "handle": "ann",
            "identities": [{ "platform": "discord", "platformUserId": null, "platformUsername": "Ann", "verified": false }],
            "activity": [{ "platform": "DISCORD", "messages": 1 }],
        } } });
        for variables in [json!({ "handle": "ANN" }), json!({ "id": ann.0 })] {
            assert_eq!(fellow.ask(query, variables.clone()).await, shown);
            assert_eq!(stranger.ask(query, variables).await, json!({ "data": { "user": null } }));
        }
        let mut hidden = identity.visibility(&owner).await.unwrap();
        hidden.set(Platform::Discord, identity::Facet::Activity, identity::Audience::Nobody);
        identity.change_visibility(&owner, &hidden, &identity::ClientInfo::default()).await.unwrap();
        let seen = fellow.ask(query, json!({ "id": ann.0 })).await;
        assert_eq!(seen["data"]["user"]["activity"], json!([]));
        let absent = fellow.ask(query, json!({ "handle": "nobody-at-all" })).await;
        assert_eq!(absent, json!({ "data": { "user": null } }));
        let both = fellow.ask(query, json!({ "handle": "ann", "id": 1 })).await;
        assert_eq!(code(&both), "BAD_USER_INPUT");
    }

    async fn me_is_the_signed_in_person_with_their_communities(world: World) {
        let (_, owner, _, _) = pond(&mut world).await;
        world.community("Elsewhere").await;
        let client = Client::of(&world, &owner).await;
        let answer = client.ask(
            "{ me { id displayName email isInstanceAdmin communities { slug name role } } }",
            json!({}),
        ).await;
        assert_eq!(answer, json!({ "data": { "me": {
            "id": owner.user.0,
            "displayName": "olga",
            "email": null,
            "isInstanceAdmin": false,
            "communities": [{ "slug": "pond", "name": "Pond", "role": "OWNER" }],
        } } }));
    }

    async fn who_is_not_signed_in_sees_nothing_and_is_told_to_sign_in(world: World) {
        let (pond, ..) = pond(&mut world).await;
        let client = Client::anonymous(&world);
        let answer = client.ask("{ me { id } }", json!({})).await;
        assert_eq!(answer, json!({
            "data": { "me": null },
            "errors": [{
                "message": "sign in first",
                "locations": [{ "line": 1, "column": 3 }],
                "path": ["me"],
                "extensions": { "code": "UNAUTHENTICATED" },
            }],
        }));
        let answer = client.ask("{ communities { id } }", json!({})).await;
        assert_eq!((&answer["data"], code(&answer)), (&Value::Null, "UNAUTHENTICATED"));
        let answer = client
            .ask("query($communityId: Int!) { community(communityId: $communityId) { id } }", json!({ "communityId": pond.0 }))
            .await;
        assert_eq!(answer, json!({ "data": { "community": null } }));
        let mut forged = client;
        forged.cookie = Some(format!("wb_session={}", "0".repeat(64)));
        assert_eq!(code(&forged.ask("{ me { id } }", json!({})).await), "UNAUTHENTICATED");
    }

    async fn a_community_of_others_and_one_that_is_not_there_look_the_same(world: World) {
        let (_, owner, _, _) = pond(&mut world).await;
        let other = world.community("Other").await;
        let client = Client::of(&world, &owner).await;
        let query = "query($id: Int!) { community(communityId: $id) { id name members { totalCount } } }";
        let foreign = client.ask(query, json!({ "id": other.0 })).await;
        let absent = client.ask(query, json!({ "id": 123_456 })).await;
        assert_eq!(foreign, json!({ "data": { "community": null } }));
        assert_eq!(foreign, absent);
        let all = client.ask("{ communities { name } }", json!({})).await;
        assert_eq!(all, json!({ "data": { "communities": [{ "name": "Pond" }] } }));
    }

    async fn connections_are_for_those_who_manage_and_never_show_a_token(world: World) {
        let (pond, owner, moderator, _) = pond(&mut world).await;
        world.connector(Platform::Discord).give("canary", Some("canary"));
        let session = SessionId(1);
        let (identity, app) = (&world.app.identity, &world.app);
        let state = identity
            .begin_install(&owner.actor, pond, Platform::Discord, session, "http://127.0.0.1/")
            .await
            .unwrap();
        let answer = Answer { code: "code".to_owned().into(), server: Some("1234".to_owned()) };
        let done = app
            .complete_install(&owner.actor, Platform::Discord, session, state.expose(), Some(answer))
            .await
            .unwrap();
        let connection = done.outcome.unwrap().unwrap();
        app.choose_channel(&owner.actor, connection.id, Some("11")).await.unwrap();
        app.grants().report(Platform::Discord, "1234", Some("Missing Access")).await.unwrap();
        let query = "query($id: Int!) { community(communityId: $id) { name connections {
            platform server name status trouble channel connectedAt } } }";
        let answer = Client::of(&world, &owner).await.ask(query, json!({ "id": pond.0 })).await;
        assert_eq!(answer["data"]["community"]["connections"], json!([{
            "platform": "DISCORD", "server": "1234", "name": "Pond on Discord", "status": "TROUBLE",
            "trouble": "Missing Access", "channel": "general",
            "connectedAt": connection.connected_at.to_string(),
        }]), "{answer}");
        let answer = Client::of(&world, &moderator).await.ask(query, json!({ "id": pond.0 })).await;
        assert_eq!(code(&answer), "FORBIDDEN");
        assert_eq!(answer["data"]["community"], json!({ "name": "Pond", "connections": null }));
        // The same server's channels are those in which moderators may be told of new cases.
        let choose = "mutation($id: Int!, $channel: BotModeratorChannelInput) {
            chooseBotChannel(communityId: $id, channel: $channel) { moderatorChannel { serverId channelId name level } } }";
        let client = Client::of(&world, &owner).await;
        let server = connection.server.0;
        let channel = json!({ "serverId": server, "channelId": "666", "level": "LIKELY" });
        let answer = client.ask(choose, json!({ "id": pond.0, "channel": channel })).await;
        assert_eq!((code(&answer), &answer["errors"][0]["extensions"]["field"]), ("BAD_USER_INPUT", &json!("channel")));
        let channel = json!({ "serverId": server, "channelId": "12", "level": "LIKELY" });
        let answer = client.ask(choose, json!({ "id": pond.0, "channel": channel })).await;
        assert_eq!(answer["data"]["chooseBotChannel"]["moderatorChannel"], json!({
            "serverId": server, "channelId": "12", "name": "news & <events>", "level": "LIKELY",
        }), "{answer}");
        let answer = client.ask(choose, json!({ "id": pond.0 })).await;
        assert_eq!(answer["data"]["chooseBotChannel"], json!({ "moderatorChannel": null }), "{answer}");
        world.expect_leftovers();
        let all = crate::sdl();
        assert!(!all.to_lowercase().contains("accesstoken") && !all.contains("sealed"), "the schema has no token");
    }

    async fn an_administrator_sees_every_community_in_pages(world: World) {
        for name in ["Beta", "Alpha", "Gamma"] {
            world.community(name).await;
        }
        let admin = world.admin("root").await;
        let client = Client::of(&world, &admin).await;
        let answer = client
            .ask("{ communities(limit: 2, offset: 1) { name role } me { isInstanceAdmin communities { name } } }", json!({}))
            .await;
        assert_eq!(answer, json!({ "data": {
            "communities": [{ "name": "Beta", "role": null }, { "name": "Gamma", "role": null }],
            "me": { "isInstanceAdmin": true, "communities": [] },
        } }));
    }

    async fn a_community_tells_of_itself(world: World) {
        let (pond, _, _, member) = pond(&mut world).await;
        let client = Client::of(&world, &member).await;
        let query = "query($communityId: Int!) { community(communityId: $communityId) {
            id slug name description platform memberCount createdAt lastSeenAt role
            servers { platform platformServerId name isPrimary }
        } }";
        let answer = client.ask(query, json!({ "communityId": pond.0 })).await;
        assert_eq!(answer, json!({ "data": { "community": {
            "id": pond.0,
            "slug": "pond",
            "name": "Pond",
            "description": null,
            "platform": null,
            "memberCount": 10,
            "createdAt": "2026-06-01T12:00:00.000Z",
            "lastSeenAt": "2026-06-01T12:07:00.000Z",
            "role": "MEMBER",
            "servers": [],
        } } }));
    }

    async fn paging_walks_all_members_exactly_once_in_every_order(world: World) {
        let (pond, _, moderator, _) = pond(&mut world).await;
        let client = Client::of(&world, &moderator).await;
        let query = "query($id: Int!, $after: String, $sort: MemberSort, $descending: Boolean) {
            community(communityId: $id) { members(first: 3, after: $after, sort: $sort, descending: $descending) {
                totalCount pageInfo { hasNextPage hasPreviousPage endCursor startCursor } edges { cursor node { name } }
            } }
        }";
        for sort in ["NAME", "FIRST_SEEN", "LAST_SEEN", "MESSAGES"] {
            for descending in [true, false] {
                let mut orders = Vec::new();
                // Along the last cursor of each page, then along the first.
                for edge in [2_usize, 0] {
                    let (mut names, mut after, mut pages) = (Vec::new(), Value::Null, 0);
                    loop {
                        let variables = json!({ "id": pond.0, "after": after, "sort": sort, "descending": descending });
                        let answer = client.ask(query, variables).await;
                        let members = &answer["data"]["community"]["members"];
                        assert_eq!(members["totalCount"], 10, "{answer}");
                        let edges = members["edges"].as_array().unwrap();
                        let info = &members["pageInfo"];
                        assert_eq!(info["hasPreviousPage"], pages > 0);
                        assert_eq!(info["startCursor"], edges[0]["cursor"]);
                        assert_eq!(info["endCursor"], edges.last().unwrap()["cursor"]);
                        let step = edge.min(edges.len() - 1);
                        let more = info["hasNextPage"] == true || step + 1 < edges.len();
                        names.extend(edges[..=step].iter().map(|edge| edge["node"]["name"].clone()));
                        after = edges[step]["cursor"].clone();
                        pages += 1;
                        if !more {
                            break;
                        }
                    }
                    assert_eq!(names.len(), 10, "{sort}");
                    let distinct: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
                    assert_eq!(distinct.len(), 10, "{sort} {names:?}");
                    orders.push(names);
                    // After the last row of the last page comes an empty page.
                    let variables = json!({ "id": pond.0, "after": after, "sort": sort, "descending": descending });
                    let answer = client.ask(query, variables).await;
                    let members = &answer["data"]["community"]["members"];
                    assert_eq!(members["edges"], json!([]));
                    assert_eq!(members["pageInfo"]["hasNextPage"], false);
                    assert_eq!(members["pageInfo"]["endCursor"], Value::Null);
                }
                assert_eq!(orders[0], orders[1]);
            }
        }
    }

    async fn members_show_their_roles_and_accounts(world: World) {
        let (pond, _, moderator, _) = pond(&mut world).await;
        let client = Client::of(&world, &moderator).await;
        let query = "query($id: Int!) { community(communityId: $id) { members(search: \"m\", sort: NAME) { nodes {
            name role platforms messageCount activeDays firstSeenAt accounts { platform username isBot createdAt }
        } } } }";
        let answer = client.ask(query, json!({ "id": pond.0 })).await;
        let node = |name: &str, role: &str| json!({
            "name": name,
            "role": role,
            "platforms": ["DISCORD"],
            "messageCount": 0,
            "activeDays": 0,
            "firstSeenAt": "2026-06-01T12:00:00.000Z",
            "accounts": [{ "platform": "DISCORD", "username": name, "isBot": false, "createdAt": null }],
        });
        assert_eq!(answer, json!({ "data": { "community": { "members": { "nodes": [
            node("mike", "MEMBER"),
            node("mona", "MODERATOR"),
        ] } } } }));
    }

    async fn a_plain_member_may_not_list_members_but_sees_the_rest(world: World) {
        let (pond, _, _, member) = pond(&mut world).await;
        let client = Client::of(&world, &member).await;
        let answer = client
            .ask("query($id: Int!) { community(communityId: $id) { name members { totalCount } } }", json!({ "id": pond.0 }))
            .await;
        assert_eq!(answer["data"], json!({ "community": { "name": "Pond", "members": null } }));
        assert_eq!(code(&answer), "FORBIDDEN");
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    }

    async fn the_banned_see_what_strangers_see(world: World) {
        let (pond, ..) = pond(&mut world).await;
        let banned = world.person(pond, "ben", Some(Role::Banned)).await;
        let client = Client::of(&world, &banned).await;
        let answer = client.ask("query($id: Int!) { community(communityId: $id) { name } communities { id } }", json!({ "id": pond.0 })).await;
        assert_eq!(answer, json!({ "data": { "community": null, "communities": [] } }));
    }

    async fn activity_is_what_the_service_computed(world: World) {
        let (pond, _, _, member) = pond(&mut world).await;
        let ban = EventKind::Moderation(kernel::event::Moderation {
            action: kernel::event::ModerationAction::Ban,
            moderator: None,
            reason: String::new(),
            duration_secs: None,
        });
        let event = world.event("Gus", ban);
        world.record(vec![activity::Incoming { community: pond, event }]).await;
        let client = Client::of(&world, &member).await;
        let query = "query($id: Int!, $period: Period) { community(communityId: $id) { activity(period: $period) {
            from until computedAt firstDay lastDay members retention
            messages { value previous spark } newcomers { value } dau { value } moderation { value }
            daily { day messages activeMembers newcomers moderation platforms { platform messages } }
            heatMap
            cohorts { week size active }
            platforms { platform messages activeMembers newcomers }
            moderationKinds { kind count amount } events { kind count amount }
        } } }";
        let answer = client.ask(query, json!({ "id": pond.0, "period": "LAST_7_DAYS" })).await;
        let activity = &answer["data"]["community"]["activity"];
        let heat = activity["heatMap"].as_array().unwrap();
        assert_eq!((heat.len(), &heat[0][12]), (7, &json!(13)));
        let mut rest = activity.clone();
        rest.as_object_mut().unwrap().remove("heatMap");
        let daily = rest["daily"].as_array().unwrap();
        assert_eq!(daily.len(), 7);
        assert_eq!(daily[6], json!({
            "day": "2026-06-01", "messages": 13, "activeMembers": 7, "newcomers": 7, "moderation": 1,
            "platforms": [{ "platform": "DISCORD", "messages": 13 }],
        }));
        rest["daily"] = Value::Null;
        assert_eq!(rest, json!({
            "from": "2026-05-26",
            "until": "2026-06-02",
            "computedAt": "2026-06-01T12:07:00.000Z",
            "firstDay": "2026-06-01",
            "lastDay": "2026-06-01",
            "members": 10,
            "retention": null,
            "messages": { "value": 13.0, "previous": null, "spark": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 13.0] },
            "newcomers": { "value": 7.0 },
            "dau": { "value": 1.0 },
            "moderation": { "value": 1.0 },
            "daily": null,
            "cohorts": [{ "week": "2026-06-01", "size": 7, "active": [7] }],
            "platforms": [{ "platform": "DISCORD", "messages": 13, "activeMembers": 7, "newcomers": 7 }],
            "moderationKinds": [{ "kind": "ban", "count": 1, "amount": 0.0 }],
            "events": [{ "kind": "join", "count": 3, "amount": 0.0 }],
        }));
        let query = "query($id: Int!, $from: Date, $until: Date) { community(communityId: $id) { activity(from: $from, until: $until) { from until messages { value } } } }";
        let answer = client.ask(query, json!({ "id": pond.0, "from": "2026-06-01", "until": "2026-06-03" })).await;
        assert_eq!(answer["data"]["community"]["activity"], json!({
            "from": "2026-06-01", "until": "2026-06-03", "messages": { "value": 13.0 },
        }));
    }

    async fn messages_are_the_latest_and_then_those_before(world: World) {
        let (pond, _, _, member) = pond(&mut world).await;
        let client = Client::of(&world, &member).await;
        let query = "query($id: Int!, $before: ID, $platform: Platform) { community(communityId: $id) { messages(last: 2, before: $before, platform: $platform) {
            id communityId platform channel username isBot text sentAt
        } } }";
        let answer = client.ask(query, json!({ "id": pond.0, "platform": "DISCORD" })).await;
        let latest = answer["data"]["community"]["messages"].clone();
        assert_eq!(latest[1], json!({
            "id": latest[1]["id"], "communityId": pond.0, "platform": "discord", "channel": "general",
            "username": "Gus", "isBot": false, "text": "hello 0", "sentAt": "2026-06-01T12:07:00.000Z",
        }));
        assert_eq!(latest[0]["text"], "hello 2");
        let answer = client.ask(query, json!({ "id": pond.0, "before": latest[0]["id"] })).await;
        let earlier = &answer["data"]["community"]["messages"];
        assert_eq!((&earlier[0]["text"], &earlier[1]["text"]), (&json!("hello 0"), &json!("hello 1")));
        let answer = client.ask(query, json!({ "id": pond.0, "platform": "TWITCH" })).await;
        assert_eq!(answer["data"]["community"]["messages"], json!([]));
    }
}

#[tokio::test]
async fn wrong_arguments_are_told_with_a_code() {
    let mut world = World::sqlite().await;
    let (pond, owner, _, _) = pond(&mut world).await;
    let client = Client::of(&world, &owner).await;
    for (field, message) in [
        (
            "members(first: 0) { totalCount }",
            "`first` must be 1 to 100",
        ),
        (
            "members(first: -1) { totalCount }",
            "`first` must be 1 to 100",
        ),
        (
            "members(first: 101) { totalCount }",
            "`first` must be 1 to 100",
        ),
        (
            "members(after: \"x\") { totalCount }",
            "`after` is not a cursor of this list: start from the first page",
        ),
        ("messages(last: 1000) { id }", "`last` must be 1 to 100"),
        (
            "messages(before: \"x\") { id }",
            "`before` is not the id of a message",
        ),
        (
            "activity(from: \"2026-06-01\") { members }",
            "`from` and `until` need each other",
        ),
        (
            "activity(from: \"2026-06-02\", until: \"2026-06-01\") { members }",
            "the period must end after it begins and last at most 14610 days",
        ),
    ] {
        let query = format!("{{ community(communityId: {}) {{ {field} }} }}", pond.0);
        let answer = client.ask(&query, json!({})).await;
        assert_eq!(
            (code(&answer), answer["errors"][0]["message"].as_str()),
            ("BAD_USER_INPUT", Some(message)),
            "{field}"
        );
    }
    let answer = client
        .ask("{ communities(offset: -1) { id } }", json!({}))
        .await;
    assert_eq!(code(&answer), "BAD_USER_INPUT");
    let long = "x".repeat(300);
    let query = format!(
        "{{ community(communityId: {}) {{ members(search: \"{long}\") {{ totalCount }} }} }}",
        pond.0
    );
    assert_eq!(code(&client.ask(&query, json!({})).await), "BAD_USER_INPUT");
    // The engine reads dates and enums itself.
    let query = "query($d: Date) { community(communityId: 1) { activity(from: $d, until: $d) { members } } }";
    let answer = client.ask(query, json!({ "d": "yesterday" })).await;
    assert!(
        ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code(&answer)),
        "{answer}"
    );
    world.close().await;
}
