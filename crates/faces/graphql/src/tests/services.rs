//! What services do over GraphQL: commands, messages on their way out, connections, roles, keys,
//! sessions, suggestions and flags.

use kernel::Role;
use serde_json::{Value, json};
use testkit::on_both;

use super::{Client, code, connected};

/// What an error says about its field.
fn field(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["field"]
        .as_str()
        .unwrap_or_default()
}

on_both! {
    async fn commands_are_made_changed_switched_and_removed(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let client = Client::of(&world, &mona).await;
        let id = pond.0;
        let add = format!("mutation($input: CommandInput!) {{ addCommand(communityId: {id}, name: \"Quack\", input: $input) {{ name aliases reply minimumRole cooldownUserSecs }} }}");
        let made = client.ask(&add, json!({ "input": { "reply": "quack!", "aliases": ["q"], "minimumRole": "VIP", "cooldownUserSecs": 7 } })).await;
        assert_eq!(made["data"]["addCommand"], json!({
            "name": "quack", "aliases": ["q"], "reply": "quack!", "minimumRole": "VIP", "cooldownUserSecs": 7,
        }));
        let again = client.ask(&add, json!({ "input": { "reply": "quack!" } })).await;
        assert!(!code(&again).is_empty());
        let wrong = client.ask(&add, json!({ "input": {} })).await;
        assert_eq!((code(&wrong), field(&wrong)), ("BAD_USER_INPUT", "reply"));
        let negative = client.ask(&add, json!({ "input": { "reply": "x", "cooldownUserSecs": -1 } })).await;
        assert_eq!(code(&negative), "BAD_USER_INPUT");
        let edited = client.ask(&format!("mutation {{ editCommand(communityId: {id}, name: \"q\", input: {{ reply: \"QUACK\" }}) {{ name reply aliases }} }}"), json!({})).await;
        assert_eq!(edited["data"]["editCommand"], json!({ "name": "quack", "reply": "QUACK", "aliases": ["q"] }));
        let set = client.ask(&format!("mutation {{ setCommand(communityId: {id}, name: \"p\", input: {{ isEnabled: false, minimumRole: ADMIN }}) {{ name isEnabled minimumRole cooldownUserSecs }} }}"), json!({})).await;
        assert_eq!(set["data"]["setCommand"], json!({ "name": "ping", "isEnabled": false, "minimumRole": "ADMIN", "cooldownUserSecs": 3 }));
        let seen = client.ask(&format!("{{ customCommands(communityId: {id}) {{ name uses }} commandSettings(communityId: {id}) {{ name isEnabled }} }}"), json!({})).await;
        assert_eq!(seen["data"], json!({
            "customCommands": [{ "name": "quack", "uses": 0 }],
            "commandSettings": [{ "name": "ping", "isEnabled": false }, { "name": "help", "isEnabled": true }],
        }));
        let remove = format!("mutation {{ removeCommand(communityId: {id}, name: \"quack\") {{ name }} }}");
        assert_eq!(client.ask(&remove, json!({})).await["data"]["removeCommand"]["name"], "quack");
        assert_eq!(code(&client.ask(&remove, json!({})).await), "NOT_FOUND");
    }

    async fn a_community_is_made_changed_and_its_roles_given(world: World) {
        let root = world.admin("root").await;
        let client = Client::of(&world, &root).await;
        let made = client.ask("mutation { createCommunity(input: { name: \"Sea\", description: \"salt\" }) { id slug description role } }", json!({})).await;
        let sea = &made["data"]["createCommunity"];
        assert_eq!((&sea["slug"], &sea["description"]), (&json!("sea"), &json!("salt")));
        let id = sea["id"].as_i64().unwrap();
        let changed = client.ask(&format!("mutation {{ updateCommunity(communityId: {id}, input: {{ name: \"Ocean\" }}) {{ name description slug }} }}"), json!({})).await;
        assert_eq!(changed["data"]["updateCommunity"], json!({ "name": "Ocean", "description": "salt", "slug": "sea" }));
        let wrong = client.ask(&format!("mutation {{ updateCommunity(communityId: {id}, input: {{ retentionDays: 0 }}) {{ name }} }}"), json!({})).await;
        assert_eq!(code(&wrong), "BAD_USER_INPUT");
        let by_slug = client.ask("{ communityBySlug(slug: \"sea\") { name } gone: communityBySlug(slug: \"lake\") { name } }", json!({})).await;
        assert_eq!(by_slug["data"], json!({ "communityBySlug": { "name": "Ocean" }, "gone": null }));
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let give = async |role: &str| {
            let change = format!("mutation {{ setRole(communityId: {id}, userId: {}, role: {role}) }}", ann.user);
            client.ask(&change, json!({})).await
        };
        assert_eq!(give("MODERATOR").await["data"]["setRole"], "MODERATOR");
        assert_eq!(world.actor_of(ann.user).await.role_in(kernel::CommunityId(i32::try_from(id).unwrap())), Some(Role::Moderator));
        let ended = give("null").await;
        assert_eq!((&ended["data"]["setRole"], ended.get("errors")), (&Value::Null, None));
    }

    async fn what_goes_out_is_announced_once_taken_back_and_tried_again(world: World) {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let connection = connected(&world, pond, "1").await;
        let client = Client::of(&world, &olga).await;
        let say = "mutation($key: String!) { say(communityId: 0, input: { serverId: 1000, text: \"hello\", key: $key }) {
            id state text server channel medium requestedBy } }";
        let say = say.replace("1000", &connection.server.to_string()).replace("communityId: 0", &format!("communityId: {pond}"));
        let said = client.ask(&say, json!({ "key": "a" })).await;
        let delivery = &said["data"]["say"];
        assert_eq!(
            (&delivery["state"], &delivery["text"], &delivery["server"], &delivery["channel"]),
            (&json!("PENDING"), &json!("hello"), &json!("server 1"), &json!("1")),
        );
        assert_eq!(delivery["requestedBy"], format!("user:{}", olga.user));
        let again = client.ask(&say, json!({ "key": "a" })).await;
        assert_eq!(again["data"], said["data"], "the same key is the same message");
        let empty = client.ask(&say.replace("hello", " "), json!({ "key": "b" })).await;
        assert_eq!(code(&empty), "BAD_USER_INPUT");
        let elsewhere = client.ask(&say.replace("text:", "channel: \"no such\", text:"), json!({ "key": "c" })).await;
        assert_eq!((code(&elsewhere), field(&elsewhere)), ("BAD_USER_INPUT", "channel"));
        let id = delivery["id"].as_str().unwrap();
        let list = format!("{{ deliveries(communityId: {}, state: PENDING) {{ nodes {{ id tries {{ n }} }} }} delivery(id: \"{id}\") {{ state }} }}", pond.0);
        assert_eq!(client.ask(&list, json!({})).await["data"], json!({
            "deliveries": { "nodes": [{ "id": id, "tries": [] }] }, "delivery": { "state": "PENDING" },
        }));
        let act = async |name: &str| client.ask(&format!("mutation {{ {name}(id: \"{id}\") {{ state }} }}"), json!({})).await;
        assert_eq!(code(&act("takeBackDelivery").await), "CONFLICT", "it was not sent");
        world.sql(&format!("UPDATE delivery SET state = 3 WHERE id = {id}")).await;
        assert_eq!(act("retryDelivery").await["data"]["retryDelivery"]["state"], "PENDING");
        assert_eq!(act("cancelDelivery").await["data"]["cancelDelivery"]["state"], "CANCELLED");
        assert_eq!(code(&act("cancelDelivery").await), "CONFLICT");
        assert_eq!(code(&act("retryDelivery").await), "CONFLICT");
    }

    async fn what_events_are_worth_is_decided_all_or_none(world: World) {
        let pond = world.community("Pond").await;
        let ada = world.person(pond, "ada", Some(Role::Admin)).await;
        let client = Client::of(&world, &ada).await;
        let seen = async || {
            let query = format!("{{ reputationWeights(communityId: {pond}) {{ reason standard own counts least most }} }}");
            client.ask(&query, json!({})).await["data"]["reputationWeights"].clone()
        };
        let of = |all: &Value, reason: &str| all.as_array().unwrap().iter().find(|one| one["reason"] == reason).unwrap().clone();
        let before = seen().await;
        assert_eq!(of(&before, "chat"), json!({ "reason": "chat", "standard": 10, "own": null, "counts": 10, "least": 0, "most": 1000 }));
        let set = async |weights: Value| {
            let change = format!("mutation($weights: [ReputationWeightInput!]!) {{ setReputationWeights(communityId: {pond}, weights: $weights) {{ reason own counts }} }}");
            client.ask(&change, json!({ "weights": weights })).await
        };
        let changed = set(json!([{ "reason": "chat", "own": 25 }, { "reason": "warn", "own": 0 }])).await;
        let all = &changed["data"]["setReputationWeights"];
        assert_eq!(of(all, "chat"), json!({ "reason": "chat", "own": 25, "counts": 25 }));
        assert_eq!(of(all, "warn"), json!({ "reason": "warn", "own": 0, "counts": 0 }));
        for wrong in [
            json!([{ "reason": "chat", "own": 30 }, { "reason": "luck", "own": 1 }]),
            json!([{ "reason": "chat", "own": 30 }, { "reason": "warn", "own": 1 }]),
        ] {
            assert_eq!(code(&set(wrong).await), "BAD_USER_INPUT");
        }
        assert_eq!(of(&seen().await, "chat")["counts"], 25);
        set(json!([{ "reason": "chat" }, { "reason": "warn", "own": null }])).await;
        assert_eq!(seen().await, before);
    }

    async fn a_connection_is_tested_pointed_at_a_channel_and_ended(world: World) {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let id = connected(&world, pond, "1").await.id;
        let client = Client::of(&world, &olga).await;
        let channels = client.ask(&format!("{{ connectionChannels(connectionId: {id}) {{ id name }} }}"), json!({})).await;
        let first = channels["data"]["connectionChannels"][0]["id"].as_str().unwrap().to_owned();
        let chosen = client.ask(&format!("mutation {{ chooseChannel(id: {id}, channelId: \"{first}\") {{ id channel }} }}"), json!({})).await;
        assert_eq!(chosen["data"]["chooseChannel"]["channel"], channels["data"]["connectionChannels"][0]["name"]);
        let gone = client.ask(&format!("mutation {{ chooseChannel(id: {id}, channelId: \"no such\") {{ id }} }}"), json!({})).await;
        assert_eq!(code(&gone), "CONFLICT");
        let tested = client.ask(&format!("mutation {{ testConnection(id: {id}) {{ isWell message }} }}"), json!({})).await;
        assert_eq!(tested["data"]["testConnection"]["isWell"], true);
        let begun = client.ask(&format!("mutation {{ connectServer(communityId: {}, platform: DISCORD) {{ url }} }}", pond.0), json!({})).await;
        assert!(begun["data"]["connectServer"]["url"].as_str().is_some(), "{begun}");
        let end = format!("mutation {{ disconnect(id: {id}) }}");
        assert_eq!(client.ask(&end, json!({})).await["data"]["disconnect"], true);
        assert_eq!(code(&client.ask(&end, json!({})).await), "NOT_FOUND");
        let left = client.ask(&format!("{{ community(communityId: {}) {{ connections {{ id }} }} }}", pond.0), json!({})).await;
        assert_eq!(left["data"]["community"]["connections"], json!([]));
    }

    async fn keys_and_sessions_are_ones_own_and_a_key_is_shown_once(world: World) {
        let pond = world.community("Pond").await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let client = Client::of(&world, &ann).await;
        let other = world.session(ann.user).await;
        let made = client.ask("mutation { createApiKey(input: { name: \"kitchen\", days: 30 }) { id key } }", json!({})).await;
        let (id, key) = (&made["data"]["createApiKey"]["id"], made["data"]["createApiKey"]["key"].as_str().unwrap());
        assert!(key.starts_with("wbot_user_"));
        let own = "{ me { own { apiKeys { id name hint } sessions { id isCurrent } } } }";
        let seen = client.ask(own, json!({})).await;
        let own_data = &seen["data"]["me"]["own"];
        assert_eq!(own_data["apiKeys"], json!([{ "id": id, "name": "kitchen", "hint": key[key.len() - 4..] }]));
        assert!(!seen.to_string().contains(key));
        let current = |sessions: &Value| -> Vec<bool> {
            sessions.as_array().unwrap().iter().map(|session| session["isCurrent"] == true).collect()
        };
        let sessions = current(&own_data["sessions"]);
        assert_eq!((sessions.len(), sessions.iter().filter(|is| **is).count()), (2, 1));
        let left = client.ask(&format!("mutation {{ revokeSession(id: \"{other}\") {{ isCurrent }} }}"), json!({})).await;
        assert_eq!(current(&left["data"]["revokeSession"]), [true]);
        let fresh = client.ask(&format!("mutation {{ regenerateApiKey(id: {id}) {{ id key }} }}"), json!({})).await;
        assert_eq!(&fresh["data"]["regenerateApiKey"]["id"], id);
        assert_ne!(fresh["data"]["regenerateApiKey"]["key"], key);
        let none = client.ask(&format!("mutation {{ revokeApiKey(id: {id}) {{ id }} }}"), json!({})).await;
        assert_eq!(none["data"]["revokeApiKey"], json!([]));
        for days in ["-1", "0", "366", "70000"] {
            let wrong = client.ask(&format!("mutation {{ createApiKey(input: {{ name: \"x\", days: {days} }}) {{ id }} }}"), json!({})).await;
            assert_eq!(code(&wrong), "BAD_USER_INPUT", "{days}");
        }
    }

    async fn pairs_and_flags_are_judged_by_moderators_and_by_their_owner(world: World) {
        let pond = world.community("Pond").await;
        for name in ["ann", "ann_ttv"] {
            world.say(pond, name, "quack").await;
        }
        let (ann, other) = (world.user_of(pond, "ann").await, world.user_of(pond, "ann_ttv").await);
        world.sql(&format!("UPDATE users SET claimed_at = 1 WHERE id = {ann}")).await;
        let account = async |user: kernel::UserId| world.number(&format!("SELECT MIN(id) FROM platform_account WHERE user_id = {user}")).await;
        let (one, two) = (account(ann).await, account(other).await);
        let (low, high) = (one.min(two), one.max(two));
        world.sql(&format!(
            "INSERT INTO merge_suggestion (community_id, low_account, high_account, confidence, signs, found_at, seen_at) \
             VALUES ({pond}, {low}, {high}, 60, 'same_handle', 0, 0)"
        )).await;
        world.sql(&format!(
            "INSERT INTO suspicion (community_id, pattern, subject, evidence, first_seen_at, last_seen_at, state) \
             VALUES ({pond}, 4, 'account:{one}', '{{\"links\":5}}', 0, 0, 0)"
        )).await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let moderator = Client::of(&world, &mona).await;
        let list = format!("query($dismissed: Boolean!) {{ suggestions(communityId: {pond}, dismissed: $dismissed) {{ nodes {{ confidence low {{ accountId }} high {{ accountId }} signs {{ kind }} }} }} }}");
        let pairs = async |dismissed: bool| moderator.ask(&list, json!({ "dismissed": dismissed })).await["data"]["suggestions"]["nodes"].clone();
        let pair = json!([{
            "confidence": 60, "low": { "accountId": low.to_string() }, "high": { "accountId": high.to_string() },
            "signs": [{ "kind": "same_handle" }],
        }]);
        assert_eq!((pairs(false).await, pairs(true).await), (pair.clone(), json!([])));
        let judge = format!("(communityId: {pond}, lowAccountId: \"{low}\", highAccountId: \"{high}\")");
        let done = moderator.ask(&format!("mutation {{ dismissSuggestion{judge} }}"), json!({})).await;
        assert_eq!(done["data"]["dismissSuggestion"], true, "{done}");
        assert_eq!((pairs(false).await, pairs(true).await), (json!([]), pair.clone()));
        let done = moderator.ask(&format!("mutation {{ restoreSuggestion{judge} }}"), json!({})).await;
        assert_eq!(done["data"]["restoreSuggestion"], true, "{done}");

        let person = testkit::Person { user: ann, actor: world.actor_of(ann).await };
        let owner = Client::of(&world, &person).await;
        let own = "{ me { own { suggestions { lowAccountId highAccountId username isDismissed } } } }";
        let seen = owner.ask(own, json!({})).await;
        assert_eq!(seen["data"]["me"]["own"]["suggestions"], json!([
            { "lowAccountId": low.to_string(), "highAccountId": high.to_string(), "username": "ann_ttv", "isDismissed": false },
        ]));
        let judge = format!("(lowAccountId: \"{low}\", highAccountId: \"{high}\")");
        owner.ask(&format!("mutation {{ dismissOwnSuggestion{judge} }}"), json!({})).await;
        let seen = owner.ask(own, json!({})).await;
        assert_eq!(seen["data"]["me"]["own"]["suggestions"][0]["isDismissed"], true);
        let bad = owner.ask("mutation { dismissOwnSuggestion(lowAccountId: \"x\", highAccountId: \"1\") }", json!({})).await;
        assert_eq!(code(&bad), "BAD_USER_INPUT");

        let flags = format!("{{ suspicions(communityId: {pond}) {{ nodes {{ id pattern state }} }} }}");
        let found = moderator.ask(&flags, json!({})).await;
        let flag = &found["data"]["suspicions"]["nodes"][0];
        assert_eq!((&flag["pattern"], &flag["state"]), (&json!("link_burst"), &json!("OPEN")));
        let decide = async |state: &str| moderator.ask(&format!("mutation {{ decideSuspicion(communityId: {pond}, id: {}, state: {state}) }}", flag["id"]), json!({})).await;
        assert_eq!(decide("CONFIRMED").await["data"]["decideSuspicion"], true);
        assert_eq!(code(&decide("DISMISSED").await), "BAD_USER_INPUT");
        let found = moderator.ask(&flags, json!({})).await;
        assert_eq!(found["data"]["suspicions"]["nodes"][0]["state"], "CONFIRMED");
    }
}
