//! Who gets what at every route: each route of the document, asked by everybody whom the services tell
//! apart, about things that exist. A route without a row fails.

use std::collections::BTreeSet;

use axum::http::Method;
use kernel::{CommunityId, Role, UserId};
use serde_json::{Value, json};
use testkit::{Person, World, on_both};

use super::{Client, community::connected, documents::operations};

/// Those who ask, in the order of [`Expect::Each`]: what they are in the community that is asked about.
const ASKERS: [&str; 8] = [
    "anonymous",
    "owner elsewhere",
    "banned",
    "member",
    "moderator",
    "admin",
    "owner",
    "instance admin",
];

/// What is answered to whom.
#[derive(Clone, Copy)]
enum Expect {
    /// The same to everybody.
    All(u16),
    /// About oneself: everybody who is signed in.
    Own(u16),
    /// Members and stronger; the others get the second.
    Members(u16, u16),
    /// Moderators and stronger.
    Moderators(u16, u16),
    /// Administrators of the community and stronger.
    Admins(u16, u16),
    /// Those who run the instance.
    Instance(u16, u16),
    /// Each their own.
    Each([u16; 8]),
}

use Expect::{Admins, All, Each, Instance, Members, Moderators, Own};

impl Expect {
    fn of(self, asker: usize) -> u16 {
        let from = |first: usize, (yes, no): (u16, u16)| match asker {
            0 => 401,
            asker if asker >= first => yes,
            _ => no,
        };
        match self {
            All(status) => status,
            Own(status) => from(1, (status, status)),
            Members(yes, no) => from(3, (yes, no)),
            Moderators(yes, no) => from(4, (yes, no)),
            Admins(yes, no) => from(5, (yes, no)),
            Instance(yes, no) => from(7, (yes, no)),
            Each(all) => all[asker],
        }
    }
}

/// Method and path, what is sent, what is answered. In the order in which they are asked.
#[rustfmt::skip]
fn rows(stage: &Stage, n: usize) -> Vec<(&'static str, &'static str, Option<Value>, Expect)> {
    let body = Some;
    let empty = || Some(json!({}));
    let words = || json!({ "body": "Quack!" });
    vec![
        ("GET", "/health", None, All(200)),
        ("GET", "/auth/methods", None, All(200)),
        ("POST", "/auth/login", body(json!({ "email": format!("x{n}@example.org"), "password": "x" })), All(401)),
        ("POST", "/auth/second-factor/finish", body(json!({ "token": "x", "code": "x" })), All(401)),
        ("POST", "/auth/passkey/begin", None, All(200)),
        ("POST", "/auth/passkey/finish", body(json!({ "ceremony": "x", "credential": {} })), All(401)),
        ("POST", "/auth/second-factor/passkey/begin", body(json!({ "token": "x" })), All(401)),
        ("POST", "/auth/second-factor/passkey/finish", body(json!({ "token": "x", "ceremony": "x", "credential": {} })), All(401)),
        ("POST", "/auth/password/forgot", body(json!({ "email": "x@example.org" })), All(202)),
        ("POST", "/auth/password/reset", body(json!({ "token": "x", "password": "a long password" })), All(401)),
        ("POST", "/auth/register", body(json!({ "email": "x@example.org" })), All(409)),
        ("POST", "/auth/register/finish", body(json!({ "token": "x", "display_name": "X", "password": "a long password" })), All(409)),
        ("GET", "/auth/confirm", None, Own(200)),
        ("POST", "/auth/confirm", body(json!({ "proof": "guess" })), Own(422)),
        ("POST", "/auth/confirm/passkey/begin", None, Own(409)),
        ("POST", "/auth/confirm/passkey", body(json!({ "ceremony": "x", "credential": {} })), Own(401)),
        ("PUT", "/auth/password", body(json!({ "current": "x", "new": "another long one" })), Own(422)),
        ("GET", "/auth/sessions", None, Own(200)),
        ("DELETE", "/auth/sessions/{session}", None, Own(404)),
        ("GET", "/auth/totp", None, Own(200)),
        ("POST", "/auth/totp", None, Own(201)),
        ("POST", "/auth/totp/confirm", body(json!({ "code": "000000" })), Own(422)),
        ("DELETE", "/auth/totp", None, Own(204)),
        ("POST", "/auth/recovery-codes", None, Own(409)),
        ("GET", "/auth/email", None, Own(200)),
        ("POST", "/auth/email", body(json!({ "email": format!("new{n}@example.org") })), Own(202)),
        ("POST", "/auth/email/confirm", body(json!({ "code": "ABCDEFGH" })), Own(422)),
        ("GET", "/auth/api-keys", None, Own(200)),
        ("POST", "/auth/api-keys", body(json!({ "name": "bot", "days": 7 })), Own(201)),
        ("POST", "/auth/api-keys/{key}/regenerate", None, Own(404)),
        ("DELETE", "/auth/api-keys/{key}", None, Own(404)),
        ("GET", "/auth/passkeys", None, Own(200)),
        ("POST", "/auth/passkeys/begin", None, Own(200)),
        ("POST", "/auth/passkeys", body(json!({ "ceremony": "x", "credential": {} })), Own(401)),
        ("PATCH", "/auth/passkeys/1", body(json!({ "name": "Phone" })), Own(404)),
        ("DELETE", "/auth/passkeys/1", None, Own(404)),
        ("GET", "/users/me", None, Own(200)),
        ("PATCH", "/users/me", empty(), Own(200)),
        ("GET", "/users/{user}", None, Each([404, 404, 404, 200, 200, 200, 200, 404])),
        ("GET", "/users/{user}/reputation", None, All(404)),
        ("GET", "/users/{user}/activity", None, Each([404, 404, 404, 200, 200, 200, 200, 404])),
        ("GET", "/users/me/feed", None, Own(200)),
        ("GET", "/users/me/reputations", None, Own(200)),
        ("GET", "/users/me/identities", None, Own(200)),
        ("POST", "/users/me/identities/link/discord", None, Own(201)),
        ("POST", "/users/me/identities/code/twitch", None, Own(201)),
        ("DELETE", "/users/me/identities/1", None, Own(404)),
        ("GET", "/users/me/identities/primary", None, Own(404)),
        ("PUT", "/users/me/identities/primary", body(json!({ "platform": "discord" })), Own(404)),
        ("DELETE", "/users/me/identities/primary", None, Own(204)),
        ("GET", "/users/me/verifications", None, Own(200)),
        ("GET", "/users/me/linked-roles", None, Own(200)),
        ("POST", "/users/me/linked-roles/link/discord", None, Own(201)),
        ("POST", "/users/me/linked-roles/1/push", None, Own(404)),
        ("DELETE", "/users/me/linked-roles/1", None, Own(404)),
        ("GET", "/users/me/visibility", None, Own(200)),
        ("PATCH", "/users/me/visibility", empty(), Own(200)),
        ("GET", "/users/me/consents", None, Own(200)),
        ("GET", "/users/me/exports", None, Own(200)),
        ("POST", "/users/me/exports", None, Own(202)),
        ("POST", "/users/me/exports/{export}/fetch", None, Own(404)),
        ("POST", "/users/me/erasure", None, Each([401, 202, 202, 202, 202, 202, 202, 409])),
        ("GET", "/users/me/erasure", None, Each([401, 200, 200, 200, 200, 200, 200, 404])),
        ("DELETE", "/users/me/erasure", None, Each([401, 204, 204, 204, 204, 204, 204, 404])),
        ("GET", "/users/me/merges", None, Own(200)),
        ("GET", "/users/me/suggestions", None, Own(200)),
        ("PUT", "/users/me/suggestions/1/2/dismissal", None, Own(404)),
        ("DELETE", "/users/me/suggestions/1/2/dismissal", None, Own(404)),
        ("GET", "/suggestions", None, Instance(200, 403)),
        ("GET", "/merges", None, Instance(200, 403)),
        ("POST", "/merges", body(json!({ "kept_user_id": stage.twin.0, "merged_user_id": stage.target.0 })), Instance(201, 403)),
        ("GET", "/merges/{merge}", None, Instance(200, 404)),
        ("POST", "/merges/{merge}/confirm", body(json!({ "side": "kept" })), Instance(200, 404)),
        ("POST", "/merges/{merge}/reject", None, Instance(204, 404)),
        ("POST", "/merges/{merge}/undo", None, Instance(409, 404)),
        ("GET", "/communities", None, Own(200)),
        ("POST", "/communities", body(json!({ "name": "Pool" })), Instance(201, 403)),
        ("GET", "/communities/{community}", None, Members(200, 404)),
        ("PATCH", "/communities/{community}", empty(), Each([401, 404, 404, 403, 403, 200, 200, 200])),
        ("GET", "/communities/{community}/summary", None, Members(200, 403)),
        ("GET", "/communities/{community}/overview", None, Members(200, 403)),
        ("GET", "/communities/{community}/messages", None, Members(200, 403)),
        ("GET", "/communities/{community}/channels", None, Members(200, 403)),
        ("GET", "/communities/{community}/imports", None, Admins(200, 403)),
        ("GET", "/communities/{community}/retention?days=1", None, Admins(200, 403)),
        ("GET", "/communities/{community}/servers", None, Members(200, 403)),
        ("GET", "/communities/{community}/commands", None, Members(200, 403)),
        ("POST", "/communities/{community}/commands", body(json!({ "name": format!("c{n}"), "reply": "x" })), Moderators(201, 403)),
        ("GET", "/communities/{community}/commands/{name}", None, Members(200, 403)),
        ("PATCH", "/communities/{community}/commands/{name}", empty(), Moderators(200, 403)),
        ("DELETE", "/communities/{community}/commands/{name}", None, Moderators(204, 403)),
        ("GET", "/communities/{community}/built-in-commands", None, Members(200, 403)),
        ("PUT", "/communities/{community}/built-in-commands/ping", body(json!({ "is_enabled": true })), Moderators(200, 403)),
        ("GET", "/communities/{community}/members", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/members/{user}", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/members/{user}/reputation", None, Moderators(200, 403)),
        ("POST", "/communities/{community}/members/{user}/reputation", body(json!({ "points": 1, "reason": "kind" })), Moderators(200, 403)),
        ("GET", "/communities/{community}/members/{user}/suggestions", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/members/{user}/suspicions", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/members/{user}/role", body(json!({ "role": "member" })), Admins(204, 403)),
        ("DELETE", "/communities/{community}/members/{twin}/role", None, Admins(204, 403)),
        ("GET", "/communities/{community}/reputation/leaderboard", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/reputation/at-risk", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/reputation/weights", None, Moderators(200, 403)),
        ("PATCH", "/communities/{community}/reputation/weights", body(json!({ "weights": [{ "reason": "chat", "own": 20 }] })), Admins(200, 403)),
        ("GET", "/communities/{community}/suggestions", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/suggestions/1/2/dismissal", None, Moderators(404, 403)),
        ("DELETE", "/communities/{community}/suggestions/1/2/dismissal", None, Moderators(404, 403)),
        ("GET", "/communities/{community}/suspicions", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/suspicions/1/state", body(json!({ "state": "dismissed" })), Moderators(404, 403)),
        ("GET", "/communities/{community}/connections", None, Admins(200, 403)),
        ("POST", "/communities/{community}/connections/install/twitch", None, Admins(201, 403)),
        ("GET", "/communities/{community}/connections/{connection}", None, Admins(200, 404)),
        ("GET", "/communities/{community}/connections/{connection}/channels", None, Admins(200, 404)),
        ("PUT", "/communities/{community}/connections/{connection}/channel", body(json!({ "channel": null })), Admins(200, 404)),
        ("POST", "/communities/{community}/connections/{connection}/test", None, Admins(200, 404)),
        ("GET", "/communities/{community}/deliveries", None, Moderators(200, 403)),
        ("POST", "/communities/{community}/deliveries", body(json!({ "server_id": stage.server, "channel": "11", "words": words() })), Moderators(202, 403)),
        ("GET", "/communities/{community}/deliveries/{delivery}", None, Moderators(200, 404)),
        ("PUT", "/communities/{community}/deliveries/{delivery}/words", body(words()), Moderators(409, 404)),
        ("DELETE", "/communities/{community}/deliveries/{delivery}", None, Moderators(409, 404)),
        ("POST", "/communities/{community}/deliveries/{delivery}/cancel", None, Moderators(200, 404)),
        ("POST", "/communities/{community}/deliveries/{delivery}/retry", None, Moderators(409, 404)),
        ("DELETE", "/communities/{community}/connections/{connection}", None, Admins(204, 404)),
        ("GET", "/communities/{community}/webhooks", None, Admins(200, 403)),
        ("POST", "/communities/{community}/webhooks", body(json!({ "url": format!("https://receiver.example/own{n}") })), Admins(201, 403)),
        ("GET", "/communities/{community}/webhooks/{hook}", None, Admins(200, 404)),
        ("PATCH", "/communities/{community}/webhooks/{hook}", empty(), Admins(200, 404)),
        ("POST", "/communities/{community}/webhooks/{hook}/secret", None, Admins(200, 404)),
        ("GET", "/communities/{community}/webhooks/{hook}/messages", None, Admins(200, 404)),
        ("GET", "/communities/{community}/webhooks/{hook}/messages/{message}", None, Admins(200, 404)),
        ("POST", "/communities/{community}/webhooks/{hook}/messages/{message}/replay", None, Admins(202, 404)),
        ("POST", "/communities/{community}/webhooks/{hook}/ping", None, Admins(202, 404)),
        ("POST", "/communities/{community}/webhooks/{hook}/replay", body(json!({ "hours": 1 })), Admins(202, 404)),
        ("POST", "/communities/{community}/webhooks/{hook}/pause", None, Admins(200, 404)),
        ("POST", "/communities/{community}/webhooks/{hook}/resume", None, Admins(200, 404)),
        ("DELETE", "/communities/{community}/webhooks/{hook}", None, Admins(204, 404)),
        ("GET", "/communities/{community}/bots/setting", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/bots/setting", body(json!({ "likely": 70, "possible": 50, "is_dry_run": false, "exempt_role": "moderator", "trusted_days": 30, "trusted_score": 740 })), Each([401, 403, 403, 403, 403, 200, 200, 200])),
        ("GET", "/communities/{community}/bots/channel", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/bots/channel", body(json!({ "channel": null })), Each([401, 403, 403, 403, 403, 200, 200, 200])),
        ("GET", "/communities/{community}/bots/reports", None, Moderators(200, 403)),
        ("POST", "/communities/{community}/bots/reports", body(json!({ "account_id": stage.account, "reason": "spam" })), Members(204, 403)),
        ("GET", "/communities/{community}/bots/cases", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/case-counts", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/cases/next", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/cases/{case}", None, Moderators(200, 403)),
        ("POST", "/communities/{community}/bots/cases/{case}/look", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/bots/cases/{case}/verdict", body(json!({ "verdict": "bot", "reason": "spam" })), Moderators(200, 403)),
        ("DELETE", "/communities/{community}/bots/cases/{case}/verdict", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/suspects", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/bots/suspects/{case}/review", body(json!({ "is_false_positive": false })), Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/appeals", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/bots/appeals/1/answer", body(json!({ "state": "granted" })), Moderators(404, 403)),
        ("GET", "/communities/{community}/bots/lists", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/bots/lists/1/use", body(json!({ "is_used": true })), Admins(404, 403)),
        ("GET", "/communities/{community}/bots/score", None, Members(200, 403)),
        ("GET", "/communities/{community}/bots/scores", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/scores/{user}", None, Moderators(404, 403)),
        ("GET", "/communities/{community}/bots/accounts/1/predictions", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/histogram", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/what-if?likely=90&possible=40", None, Moderators(200, 403)),
        ("POST", "/communities/{community}/bots/recompute", None, Admins(202, 403)),
        ("POST", "/bots/score", body(json!({ "features": { "link_share": 0.0 } })), Own(200)),
        ("GET", "/communities/{community}/bots/corrections", None, Moderators(200, 403)),
        ("PUT", "/communities/{community}/bots/corrections", body(json!({ "name": "duck.example", "ruling": "wrong", "reason": "ours" })), Moderators(204, 403)),
        ("GET", "/communities/{community}/bots/listed?name=duck.example", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/label-counts", None, Moderators(200, 403)),
        ("GET", "/communities/{community}/bots/monitoring", None, Moderators(200, 403)),
        ("PUT", "/bots/corrections", body(json!({ "name": "duck.example", "ruling": "wrong", "reason": "ours" })), Instance(204, 403)),
        ("DELETE", "/bots/lists/1", None, Instance(404, 403)),
        ("GET", "/bots/models", None, Instance(200, 403)),
        ("GET", "/bots/models/1", None, Instance(404, 403)),
        ("GET", "/bots/models/1/comparison/2", None, Instance(404, 403)),
        ("GET", "/bots/models/1/shadow", None, Instance(404, 403)),
        ("GET", "/bots/models/1/file", None, Instance(404, 403)),
        ("POST", "/bots/models/1/promote", None, Instance(404, 403)),
        ("POST", "/bots/models/1/retire", None, Instance(404, 403)),
        ("POST", "/bots/models/rollback", body(json!({})), Instance(404, 403)),
        ("GET", "/bots/trainings", None, Instance(200, 403)),
        ("GET", "/bots/trainings/1", None, Instance(404, 403)),
        ("POST", "/bots/trainings", body(json!({ "community_id": 999 })), Instance(404, 403)),
        ("GET", "/bots/rollouts", None, Instance(200, 403)),
        ("POST", "/bots/rollouts", body(json!({ "model_id": 1 })), Instance(404, 403)),
        ("POST", "/bots/rollouts/1/advance", body(json!({ "step": 10 })), Instance(404, 403)),
        ("POST", "/bots/rollouts/1/halt", body(json!({ "why": "wrong" })), Instance(404, 403)),
        ("GET", "/bots/experiments", None, Instance(200, 403)),
        ("POST", "/bots/experiments", body(json!({ "hypothesis": "better", "model_id": 1 })), Instance(404, 403)),
        ("POST", "/bots/experiments/1/stop", body(json!({ "why": "enough" })), Instance(404, 403)),
        ("GET", "/bots/monitoring", None, Instance(200, 403)),
        ("GET", "/bots/alerts", None, Instance(200, 403)),
        ("POST", "/bots/alerts/1/clear", None, Instance(404, 403)),
        ("GET", "/users/me/bot-verdicts", None, Own(200)),
        ("POST", "/users/me/bot-verdicts/{case}/appeals", body(json!({ "words": "I am a duck" })), Own(404)),
        ("GET", "/instance", None, Instance(200, 403)),
        ("GET", "/instance/usage", None, Instance(200, 403)),
        ("GET", "/instance/jobs", None, Instance(200, 403)),
        ("POST", "/instance/jobs/1/replay", None, Instance(404, 403)),
        ("DELETE", "/instance/jobs/1", None, Instance(404, 403)),
        ("GET", "/instance/quarantine", None, Instance(200, 403)),
        ("GET", "/instance/mails", None, Instance(200, 403)),
        ("GET", "/instance/mails/0-0", None, Instance(404, 403)),
        ("GET", "/instance/audit", None, Instance(200, 403)),
        ("GET", "/instance/audit/verification", None, Instance(200, 403)),
        ("POST", "/auth/logout", None, All(204)),
    ]
}

/// What is asked about: all of it is there, and none of it is an asker's own.
struct Stage {
    world: World,
    pond: CommunityId,
    target: UserId,
    twin: UserId,
    root: Client,
    owner: Option<Person>,
    /// A server that stays connected.
    server: i64,
    /// The server of the connection.
    place: i64,
    connection: i64,
    delivery: i64,
    hook: i64,
    message: i64,
    merge: i64,
    /// Somebody's account, and the case about it.
    account: i64,
    case: i64,
    session: i64,
    key: i64,
    export: i64,
}

impl Stage {
    /// A fresh connection.
    async fn connect(&mut self, server: &str) {
        let owner = self.owner.clone().unwrap();
        (self.connection, self.place) = connected(&self.world, self.pond, &owner, server).await;
    }

    /// What may be gone after the one before has asked.
    async fn renew(&mut self, n: usize) {
        self.connect(&format!("server {n}")).await;
        let (root, pond) = (&self.root, self.pond);
        let name = json!({ "name": format!("fixed{n}"), "reply": "x" });
        let commands = format!("/communities/{pond}/commands");
        root.post(&commands, name).await.expect(201);
        let say =
            json!({ "server_id": self.server, "channel": "11", "words": { "body": "Quack!" } });
        let key = format!("renew {n}");
        let keyed = root.clone().showing("idempotency-key", key);
        let deliveries = format!("/communities/{pond}/deliveries");
        let said = keyed.post(&deliveries, say).await.expect(202);
        self.delivery = said.json["id"].as_i64().unwrap();
        let hooks = format!("/communities/{pond}/webhooks");
        let to = json!({ "url": format!("https://receiver.example/{n}") });
        let made = root.post(&hooks, to).await.expect(201);
        let hook = made.json["webhook"]["id"].as_i64().unwrap();
        let ping = format!("{hooks}/{hook}/ping");
        let sent = root.ask(Method::POST, &ping, None).await.expect(202);
        self.message = sent.json["id"].as_i64().unwrap();
        self.hook = hook;
        // The case waits for whoever is next, and nobody has it before them any more.
        for free in [
            "UPDATE bot_case SET state = 0",
            "DELETE FROM bot_case_viewer",
        ] {
            self.world.sql(free).await;
        }
    }

    fn path(&self, template: &str, n: usize) -> String {
        [
            ("{community}", self.pond.to_string()),
            ("{user}", self.target.to_string()),
            ("{twin}", self.twin.to_string()),
            ("{connection}", self.connection.to_string()),
            ("{delivery}", self.delivery.to_string()),
            ("{case}", self.case.to_string()),
            ("{merge}", self.merge.to_string()),
            ("{hook}", self.hook.to_string()),
            ("{message}", self.message.to_string()),
            ("{session}", self.session.to_string()),
            ("{key}", self.key.to_string()),
            ("{export}", self.export.to_string()),
            ("{name}", format!("fixed{n}")),
        ]
        .iter()
        .fold(template.to_owned(), |path, (name, value)| {
            path.replace(name, value)
        })
    }
}

async fn stage(mut world: World) -> (Stage, Vec<Client>) {
    let pond = world.community("Pond").await;
    let lake = world.community("Lake").await;
    let other = world.person(pond, "oscar", Some(Role::Owner)).await;
    let target = world.person(pond, "tara", Some(Role::Member)).await;
    let twin = world.person(pond, "twin", Some(Role::Member)).await;
    let away = world.person(lake, "eve", Some(Role::Owner)).await;
    world.person(lake, "co", Some(Role::Owner)).await;
    let mut people = vec![away];
    for (name, role) in [
        ("bert", Role::Banned),
        ("mike", Role::Member),
        ("mona", Role::Moderator),
        ("ada", Role::Admin),
        ("olga", Role::Owner),
    ] {
        people.push(world.person(pond, name, Some(role)).await);
    }
    let root = world.admin("root").await;
    world.sql("UPDATE users SET claimed_at = 1").await;
    people.push(root.clone());
    let quiet = || crate::Settings {
        per_minute: 100_000,
        per_minute_anonymous: 100_000,
        ..crate::Settings::default()
    };
    let mut clients = vec![Client::with(&world, quiet())];
    for person in &people {
        let token = world.token(person.user).await;
        let client = Client::with(&world, quiet());
        clients.push(client.showing("cookie", format!("wb_session={token}")));
    }
    let theirs = Client::of(&world, &target).await;
    let sessions = theirs.get("/auth/sessions").await.expect(200);
    let new = json!({ "name": "bot", "days": 7 });
    let key = theirs.post("/auth/api-keys", new).await.expect(201);
    let exports = theirs.ask(Method::POST, "/users/me/exports", None).await;
    let number = |value: &Value| value.as_i64().unwrap();
    let mut stage = Stage {
        root: Client::of(&world, &root).await,
        session: number(&sessions.json["items"][0]["id"]),
        key: number(&key.json["id"]),
        export: number(&exports.expect(202).json["items"][0]["id"]),
        owner: None,
        server: 0,
        place: 0,
        connection: 0,
        delivery: 0,
        hook: 0,
        message: 0,
        merge: 0,
        account: 0,
        case: 0,
        target: target.user,
        twin: twin.user,
        pond,
        world,
    };
    stage.owner = Some(other);
    stage.connect("home").await;
    stage.server = stage.place;
    let theirs = format!(
        "SELECT MIN(id) FROM platform_account WHERE user_id = {}",
        stage.target
    );
    stage.account = stage.world.number(&theirs).await;
    let report = json!({ "account_id": stage.account, "reason": "spam" });
    let reports = format!("/communities/{pond}/bots/reports");
    stage.root.post(&reports, report).await.expect(204);
    stage.case = stage.world.number("SELECT MIN(id) FROM bot_case").await;
    let pair = json!({ "kept_user_id": twin.user.0, "merged_user_id": target.user.0 });
    let merge = stage.root.post("/merges", pair).await.expect(201);
    stage.merge = number(&merge.json["merge"]["id"]);
    (stage, clients)
}

/// The operation that a path of a row is asked of: the one that names most of its parts.
fn operation<'a>(all: &'a [(Method, String, Value)], method: &str, path: &str) -> &'a str {
    let path = path.split('?').next().unwrap();
    let fits = |template: &str| {
        let template = template.strip_prefix("/api/v1").unwrap();
        template.split('/').count() == path.split('/').count()
            && template
                .split('/')
                .zip(path.split('/'))
                .all(|(part, given)| part.starts_with('{') || part == given)
    };
    let mut found: Vec<&str> = all
        .iter()
        .filter(|(one, template, _)| one.as_str() == method && fits(template))
        .map(|(_, template, _)| template.as_str())
        .collect();
    found.sort_by_key(|template| template.matches('{').count());
    found
        .first()
        .unwrap_or_else(|| panic!("no operation for {method} {path}"))
}

on_both! {
    async fn everybody_gets_what_they_may_at_every_route_and_nothing_else(world: World) {
        let (mut stage, clients) = stage(world).await;
        let all = operations();
        let mut asked = BTreeSet::new();
        let mut wrong = Vec::new();
        for (n, client) in clients.iter().enumerate() {
            stage.renew(n).await;
            for (method, template, body, expect) in rows(&stage, n) {
                asked.insert((method, operation(&all, method, template).to_owned()));
                let path = stage.path(template, n);
                let sender = match method {
                    "GET" => client.clone(),
                    _ => client
                        .clone()
                        .showing("idempotency-key", format!("{n} {template}")),
                };
                let answer = sender.ask(method.parse().unwrap(), &path, body).await;
                let (got, wanted) = (answer.status.as_u16(), expect.of(n));
                if got != wanted {
                    wrong.push(format!(
                        "{} {method} {template}: {got} instead of {wanted}: {}",
                        ASKERS[n], answer.json
                    ));
                }
                if [401, 403, 404].contains(&got) {
                    assert!(answer.json["code"].is_string(), "{method} {path}");
                    assert_eq!(answer.header("content-type"), "application/problem+json");
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
        for (method, path, operation) in &all {
            let is_old = operation["deprecated"] == Value::Bool(true);
            let has_row = asked.contains(&(method.as_str(), path.clone()));
            assert!(is_old || has_row, "{method} {path} needs a row");
        }
        world = stage.world;
        world.expect_leftovers();
    }
}
