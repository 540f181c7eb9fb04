//! Handing a person's data out and erasing them.

use std::{
    collections::BTreeSet,
    io::{Cursor, Read},
    path::Path,
    sync::Arc,
    time::Duration,
};

use activity::Incoming;
use app::{AppError, privacy};
use futures_util::TryStreamExt;
use identity::{
    Arrival, ClientInfo, ExportState, Facet, Identity, IdentityError, Intent, KeyScope, NewApiKey,
    ProfileChange,
};
use kernel::{
    Actor, Clock, CommunityId, EventKind, PageRequest, Platform, Proof, Role, Secret, SessionId,
    event::{Moderation, ModerationAction},
};
use store::{
    KeyRing, personal,
    seal::{KEY_BYTES, Keys},
};
use testkit::{Person, SeededEntropy, World, on_both};

const DAY: Duration = Duration::from_secs(86_400);
/// What stands in everything of the person who is erased, and in nothing else.
const CANARY: &str = "kanarienvogel";
/// What stood for their account before tombstones had a key: SHA-256 of `erased:discord:id-kanarienvogel`.
const PLAIN: &str = "3c7895dead6ceb1e5a9bc0d2c6e44ab456f5b7406d72fda43f729e319d1b6fba";

/// A session just begun.
async fn young(world: &World, person: &Person) -> SessionId {
    let token = world.token(person.user).await;
    let known = world.app.identity.authenticate(&token).await.unwrap();
    known.unwrap().session
}

async fn claimed(world: &mut World, pond: CommunityId, name: &str) -> Person {
    let person = world.person(pond, name, Some(Role::Member)).await;
    let claim = format!("UPDATE users SET claimed_at = 1 WHERE id = {}", person.user);
    world.sql(&claim).await;
    person
}

#[test]
fn every_table_about_people_is_handed_out_or_left_out_for_a_reason() {
    let wanted: BTreeSet<&str> = personal::tables().iter().map(|table| table.name).collect();
    let declared = privacy::declared();
    let names: BTreeSet<&str> = declared.iter().map(|one| one.table).collect();
    assert_eq!(names, wanted, "left: declared; right: the schema");
    assert_eq!(names.len(), declared.len(), "each once");
}

/// All bytes of an export.
async fn whole(file: app::privacy::ExportFile) -> Vec<u8> {
    let parts: Vec<_> = file.parts.try_collect().await.unwrap();
    parts.concat()
}

/// Every file of an export by its name.
fn unpack(bytes: &[u8]) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
    (0..zip.len())
        .map(|n| {
            let mut file = zip.by_index(n).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            (file.name().unwrap().into_owned(), text)
        })
        .collect()
}

/// All files below a directory, as text.
fn files(place: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            found.push((path.display().to_string(), text));
        }
    }
    found
}

/// Puts the canary wherever something of a person can stand.
async fn seed(world: &mut World, pond: CommunityId) -> Person {
    let person = claimed(world, pond, CANARY).await;
    let user = person.user;
    world
        .say(pond, CANARY, &format!("I am {CANARY}, \"quoted\", =1+1"))
        .await;
    let warned = EventKind::Moderation(Moderation {
        action: ModerationAction::Warn,
        moderator: None,
        reason: format!("{CANARY} was loud"),
        duration_secs: None,
    });
    let event = world.event(CANARY, warned);
    world
        .record(vec![Incoming {
            community: pond,
            event: event.clone(),
        }])
        .await;
    let identity = world.app.identity.clone();
    let change = ProfileChange {
        display_name: format!("The {CANARY}"),
        handle: CANARY.to_owned(),
        bio: format!("bio of {CANARY}"),
        website: format!("https://{CANARY}.example"),
        location: format!("cage of {CANARY}"),
    };
    identity
        .change_profile(&person.actor, &change)
        .await
        .unwrap();
    let mut wanted = identity.visibility(&person.actor).await.unwrap();
    wanted.set(
        Platform::Discord,
        Facet::Profile,
        identity::Audience::Everyone,
    );
    let client = ClientInfo {
        user_agent: CANARY.to_owned(),
        address: Some("203.0.113.77".parse().unwrap()),
    };
    identity
        .change_visibility(&person.actor, &wanted, &client)
        .await
        .unwrap();
    let key = NewApiKey {
        name: format!("key of {CANARY}"),
        scope: KeyScope::Everything,
        days: 30,
    };
    identity
        .create_api_key(
            &person.actor,
            world.session(person.user).await,
            &key,
            &Secret::default(),
        )
        .await
        .unwrap();
    let arrival = Arrival {
        provider: "campus".to_owned(),
        intent: Intent::Link(user),
        nonce: String::new(),
        verifier: Secret::default(),
        redirect: String::new(),
        return_to: "/".to_owned(),
    };
    let proof = Proof {
        subject: format!("subject of {CANARY}"),
        username: format!("username of {CANARY}"),
        display_name: None,
        avatar: Some(format!("https://{CANARY}.example/a.png")),
        verified_email: Some(format!("{CANARY}@campus.example")),
        account_created_at: None,
        tokens: Some(kernel::PersonalTokens {
            access: Secret::new("access-campus".to_owned()),
            refresh: None,
            expires_at: None,
            scopes: Vec::new(),
        }),
    };
    identity
        .finish_link(&person.actor, &arrival, None, &proof)
        .await
        .unwrap();
    let incoming = Incoming {
        community: pond,
        event,
    };
    let payload = format!("{{\"user\": \"id-{CANARY}\", \"text\": \"hello\"}}");
    world
        .app
        .activity
        .quarantine(&incoming, "broken", &payload)
        .await
        .unwrap();
    world.token(user).await;
    world.app.activity.find_suggestions().await.unwrap();
    for statement in [
        format!(
            "UPDATE users SET email = 'Me@{CANARY}.example', email_folded = 'me@{CANARY}.example', password_hash = '{CANARY}' WHERE id = {user}"
        ),
        format!(
            "UPDATE session SET user_agent = '{CANARY}', address_prefix = '203.0.113.0/24' WHERE user_id = {user}"
        ),
        format!(
            "INSERT INTO sign_in_throttle (subject, failures, blocked_until, updated_at) VALUES ('email:me@{CANARY}.example', 1, 0, 0), ('account:discord:id-{CANARY}', 1, 0, 0)"
        ),
        format!(
            "INSERT INTO email_code (purpose, user_id, address, address_folded, code_hash, link_hash, attempts, created_at, expires_at) VALUES (1, {user}, 'new@{CANARY}.example', 'new@{CANARY}.example', '{CANARY}', '{CANARY}', 0, 0, 0), (2, NULL, 'me@{CANARY}.example', 'me@{CANARY}.example', 'x', 'x', 0, 0, 0)"
        ),
        format!(
            "INSERT INTO verified_email (user_id, address_folded, verified_at) VALUES ({user}, 'me@{CANARY}.example', 1)"
        ),
        format!(
            "INSERT INTO primary_link (user_id, link_id, chosen_at) SELECT user_id, id, 1 FROM identity_link WHERE user_id = {user}"
        ),
        format!(
            "INSERT INTO sign_in_state (state_hash, intent, provider, binding, user_id, nonce, verifier_sealed, redirect, return_to, expires_at) VALUES ('{CANARY}', 2, 'campus', '{CANARY}', {user}, '{CANARY}', '{CANARY}', '', '/', 0)"
        ),
        format!(
            "INSERT INTO passkey (user_id, rp_id, handle, credential_id, credential, name, sign_count, backed_up, created_at) VALUES ({user}, 'bot.example.org', 'handle-{CANARY}', '{CANARY}', '{{}}', 'key of {CANARY}', 0, FALSE, 1)"
        ),
        format!(
            "INSERT INTO passkey_ceremony (token_hash, purpose, binding, user_id, state, expires_at) VALUES ('{CANARY}', 4, '{CANARY}', {user}, '{{}}', 0)"
        ),
        format!(
            "INSERT INTO repeatable (id, user_id, content_hash, begun_at, status, answer) VALUES ('{CANARY}', {user}, 'x', 0, 200, '{CANARY}')"
        ),
        format!(
            "INSERT INTO install_state (state_hash, platform, community_id, user_id, session_id, redirect, expires_at) VALUES ('{CANARY}', 1, {pond}, {user}, 1, '', 0)"
        ),
        format!(
            "INSERT INTO connection (community_id, platform, platform_server_id, server_id, account, access_sealed, scopes, status, created_at, updated_at) SELECT {pond}, 1, 'pond', id, 'id-{CANARY}', '{CANARY}', '', 1, 0, 0 FROM community_server LIMIT 1"
        ),
        format!(
            "INSERT INTO delivery (community_id, medium, address, body, idem_key, state, priority, due_at, attempts, was_cut, is_confirmed, requested_by, created_at, finished_at) VALUES ({pond}, 100, '{{\"to\":\"me@{CANARY}.example\"}}', '', 'a', 2, 1, 0, 1, FALSE, FALSE, 'user:{user}', 0, 1), ({pond}, 1, '{{}}', '{{\"body\":\"hello {CANARY}\"}}', 'b', 3, 1, 0, 1, FALSE, FALSE, 'user:{user}', 0, 1)"
        ),
        format!(
            "INSERT INTO webhook (community_id, url, description, kinds, state, secret_sealed, failures, created_by, created_at, updated_at) VALUES ({pond}, 'https://receiver.example/', '', '', 1, '', 0, {user}, 0, 0)"
        ),
        format!(
            "INSERT INTO webhook_message (webhook_id, community_id, public_id, kind, body, state, attempts, round, due_at, created_at, finished_at) SELECT id, {pond}, 'msg_1', 'x', '{{\"data\":{{\"user\":{user},\"name\":\"short\"}}}}', 1, 1, 1, 0, 0, 1 FROM webhook"
        ),
        format!(
            "INSERT INTO webhook_message (webhook_id, community_id, public_id, kind, body, state, attempts, round, due_at, created_at) SELECT id, {pond}, 'msg_2', 'x', '{{\"data\":{{\"name\":\"{CANARY}\"}}}}', 0, 1, 1, 0, 0 FROM webhook"
        ),
        format!(
            "INSERT INTO bot_list (name, kind, platform, source, reason, as_of, half_life_days, digest, n_entries, imported_by, imported_at) VALUES ('list', 1, 1, 'x', 'x', 0, 0, 'x', 1, {user}, 0)"
        ),
        format!(
            "INSERT INTO bot_list_entry (list_id, value, reason, listed_at) SELECT id, '{CANARY}', 'known as {CANARY}', 0 FROM bot_list"
        ),
        format!(
            "INSERT INTO bot_list_correction (scope, platform, value, verdict, reason, decided_by, decided_at) VALUES ({pond}, 1, '{CANARY}', 2, 'I know {CANARY}', {user}, 0)"
        ),
        format!(
            "INSERT INTO bot_link (community_id, account_id, domain, n, last_at) SELECT {pond}, id, '{CANARY}.example', 1, 0 FROM platform_account WHERE user_id = {user}"
        ),
        format!(
            "INSERT INTO bot_prediction (community_id, account_id, probability_ppm, rule_ppm, schema_hash, features, why, n_messages, at) SELECT {pond}, id, 1, 1, 'x', '[]', '[{{\"sentence\":\"{CANARY} is fast\"}}]', 1, 0 FROM platform_account WHERE user_id = {user}"
        ),
        format!(
            "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, changed_at, decided_by, revision) SELECT {pond}, id, 1, 1, 1, 1, 0, 0, {user}, 1 FROM platform_account WHERE username = '{CANARY}' OR username = 'bob'"
        ),
        format!(
            "INSERT INTO bot_case_viewer (case_id, user_id, since, until) SELECT id, {user}, 0, 0 FROM bot_case"
        ),
        "INSERT INTO bot_case_viewer (case_id, user_id, since, until) SELECT c.id, o.id, 0, 0 FROM bot_case c, users o \
         WHERE NOT EXISTS (SELECT 1 FROM bot_case_viewer v WHERE v.user_id = o.id)"
            .to_owned(),
        format!(
            "INSERT INTO bot_review (case_id, community_id, account_id, verdict, reviewer_id, reason, probability_ppm, was_sampled, at, undone_by) SELECT id, {pond}, account_id, 1, {user}, '{CANARY} thinks so', 1, FALSE, 0, {user} FROM bot_case"
        ),
        format!(
            "INSERT INTO bot_report (community_id, account_id, reporter_id, reason, weight_ppm, at, outcome) SELECT {pond}, account_id, {user}, '{CANARY} thinks so', 1, 0, 0 FROM bot_case"
        ),
        format!(
            "INSERT INTO bot_appeal (case_id, community_id, account_id, words, state, made_at, answer, answered_by) SELECT id, {pond}, account_id, 'I am {CANARY}', 1, 0, '{CANARY} thinks so', {user} FROM bot_case WHERE account_id IN (SELECT id FROM platform_account WHERE user_id = {user})"
        ),
        format!(
            "INSERT INTO bot_label (community_id, account_id, is_bot, source, weight_ppm, schema_hash, features, n_messages, at) SELECT {pond}, account_id, TRUE, 1, 1, 'x', '[\"{CANARY}\"]', 1, 0 FROM bot_case WHERE account_id IN (SELECT id FROM platform_account WHERE user_id = {user})"
        ),
        format!(
            "INSERT INTO webhook_attempt (message_id, n, begun_at, took_ms, status, excerpt) SELECT id, 1, 0, 0, 200, 'thanks for {CANARY}' FROM webhook_message"
        ),
    ] {
        world.sql(&statement).await;
    }
    person
}

on_both! {
    async fn an_export_is_whole_about_nobody_else_and_fetched_once(world: World) {
        world.expect_leftovers();
        let pond = world.community("Pond").await;
        let system = world.system();
        let server = identity::NewServer { platform: Platform::Discord, platform_server_id: "pond".to_owned(), name: String::new() };
        world.app.identity.connect_server(&system, pond, &server).await.unwrap();
        let person = seed(&mut world, pond).await;
        world.say(pond, "bob", "words of bob").await;
        let bob = claimed(&mut world, pond, "bob").await;
        let app = world.app.clone();
        let session = young(&world, &person).await;
        let id = app.identity.request_export(&person.actor, session, None).await.unwrap();
        let twice = app.identity.request_export(&person.actor, session, None).await;
        assert!(matches!(twice, Err(IdentityError::Conflict(_))), "{twice:?}");
        let runner = app::jobs::runner(&app, "tester");
        runner.run_due(world.clock.now()).await.unwrap();
        app.make_export(id).await.unwrap();
        let listed = app.identity.exports(&person.actor).await.unwrap();
        assert_eq!((listed.len(), listed[0].state), (1, ExportState::Ready));
        assert_eq!(listed[0].done, listed[0].total);

        let foreign = app.fetch_export(&bob.actor, id).await;
        assert!(matches!(foreign, Err(AppError::Identity(IdentityError::NotFound))), "{foreign:?}");
        let file = app.fetch_export(&person.actor, id).await.unwrap();
        let size = usize::try_from(file.size_bytes).unwrap();
        let file = whole(file).await;
        assert_eq!(file.len(), size);
        let again = app.fetch_export(&person.actor, id).await;
        assert!(matches!(again, Err(AppError::Identity(IdentityError::NotFound))), "{again:?}");
        assert!(files(&world.place().join("blobs")).is_empty(), "the file is gone once it is fetched");

        let files = unpack(&file);
        for table in ["users", "message", "chat_event", "profile", "consent", "api_key", "identity_link", "session", "platform_account", "membership", "member", "activity_day", "verified_email", "account_name", "passkey", "primary_link"] {
            for name in [format!("json/{table}.json"), format!("csv/{table}.csv")] {
                let (_, text) = files.iter().find(|(file, _)| *file == name).unwrap();
                assert!(text.lines().count() > 1, "{name}: {text}");
            }
        }
        let all: String = files.iter().map(|(_, text)| text.as_str()).collect();
        assert!(all.contains("README") || files.iter().any(|(name, _)| name == "README.txt"));
        assert!(!all.contains("words of bob") && !all.contains("id-bob"), "others are left out");
        for secret in ["key_hash", "token_hash", "password_hash", "access_sealed", "verifier_sealed", "credential", "handle-"] {
            assert!(!all.contains(secret), "{secret}");
        }
    }

    async fn a_long_history_is_handed_out_in_parts_and_whole(world: World) {
        world.expect_leftovers();
        let pond = world.community("Pond").await;
        let person = claimed(&mut world, pond, "ann").await;
        let mut said = Vec::new();
        for n in 0..4_321 {
            let event = world.event("ann", testkit::message(&format!("word {n}")));
            said.push(Incoming { community: pond, event });
        }
        for batch in said.chunks(1_000) {
            world.record(batch.to_vec()).await;
        }
        let app = world.app.clone();
        let session = young(&world, &person).await;
        let id = app.identity.request_export(&person.actor, session, None).await.unwrap();
        app.make_export(id).await.unwrap();
        let files = unpack(&whole(app.fetch_export(&person.actor, id).await.unwrap()).await);
        let text = |name: &str| files.iter().find(|(file, _)| file == name).unwrap().1.clone();
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text("json/message.json")).unwrap();
        let words: Vec<_> = rows.iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect();
        let wanted: Vec<_> = (0..4_321).map(|n| format!("word {n}")).collect();
        assert_eq!(words, wanted, "each once, in order");
        assert_eq!(text("csv/message.csv").lines().count(), 4_322);
    }

    async fn a_file_whose_fetching_is_given_up_is_gone_too(world: World) {
        world.expect_leftovers();
        let pond = world.community("Pond").await;
        let person = claimed(&mut world, pond, "ann").await;
        let app = world.app.clone();
        let session = young(&world, &person).await;
        let id = app.identity.request_export(&person.actor, session, None).await.unwrap();
        app.make_export(id).await.unwrap();
        let blobs = world.place().join("blobs");
        assert_eq!(files(&blobs).len(), 1);
        drop(app.fetch_export(&person.actor, id).await.unwrap());
        let gone = async {
            while !files(&blobs).is_empty() || world.number("SELECT COUNT(blob) FROM data_export").await > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
        assert_eq!(app.identity.exports(&person.actor).await.unwrap()[0].state, ExportState::Fetched);
    }

    async fn a_file_that_nobody_fetches_is_gone_after_a_week(world: World) {
        world.expect_leftovers();
        let pond = world.community("Pond").await;
        let person = claimed(&mut world, pond, "ann").await;
        let app = world.app.clone();
        let session = young(&world, &person).await;
        let id = app.identity.request_export(&person.actor, session, None).await.unwrap();
        app.make_export(id).await.unwrap();
        world.clock.advance(DAY * 6);
        app.tend_privacy().await.unwrap();
        assert_eq!(files(&world.place().join("blobs")).len(), 1);
        world.clock.advance(DAY * 2);
        assert!(app.fetch_export(&person.actor, id).await.is_err());
        app.tend_privacy().await.unwrap();
        assert!(files(&world.place().join("blobs")).is_empty());
        let listed = app.identity.exports(&person.actor).await.unwrap();
        assert_eq!(listed[0].state, ExportState::Gone);
    }

    async fn an_export_that_is_not_made_within_a_day_is_given_up_so_that_one_can_ask_again(world: World) {
        world.expect_leftovers();
        let pond = world.community("Pond").await;
        let person = claimed(&mut world, pond, "ann").await;
        let app = world.app.clone();
        let session = young(&world, &person).await;
        let id = app.identity.request_export(&person.actor, session, None).await.unwrap();
        world.clock.advance(DAY * 2);
        app.tend_privacy().await.unwrap();
        assert_eq!(app.identity.exports(&person.actor).await.unwrap()[0].state, ExportState::Failed);
        app.make_export(id).await.unwrap();
        assert!(files(&world.place().join("blobs")).is_empty(), "given up is given up");
        let session = young(&world, &person).await;
        app.identity.request_export(&person.actor, session, None).await.unwrap();
    }

    async fn nothing_of_an_erased_person_is_left_anywhere(world: World) {
        world.expect_leftovers();
        let pond = world.community("Pond").await;
        let system = world.system();
        let server = identity::NewServer { platform: Platform::Discord, platform_server_id: "pond".to_owned(), name: String::new() };
        world.app.identity.connect_server(&system, pond, &server).await.unwrap();
        world.say(pond, "bob", "words of bob").await;
        let person = seed(&mut world, pond).await;
        let app = world.app.clone();
        let session = young(&world, &person).await;
        let id = app.identity.request_export(&person.actor, session, None).await.unwrap();
        app.make_export(id).await.unwrap();
        let before = world.dump().await;
        let seeded: BTreeSet<&str> = before
            .iter()
            .filter(|(_, rows)| rows.iter().any(|row| row.contains(CANARY)))
            .map(|(table, _)| *table)
            .collect();
        for table in [
            "users", "platform_account", "identity_link", "profile", "api_key", "session", "sign_in_throttle",
            "email_code", "verified_email", "sign_in_state", "install_state", "connection", "message", "chat_event",
            "member", "quarantine", "delivery", "account_name", "passkey", "passkey_ceremony", "webhook_message",
            "webhook_attempt", "bot_list_entry", "bot_list_correction", "bot_prediction",
            "bot_review", "bot_report", "bot_appeal", "bot_label",
        ] {
            assert!(seeded.contains(table), "the canary is not in {table}");
        }
        let actives = before["activity_hour"].clone();

        app.identity.request_erasure(&person.actor, session, None).await.unwrap();
        app::jobs::runner(&app, "tester").run_due(world.clock.now()).await.unwrap();
        let letters = app.outbox(&system, &PageRequest::first(9)).await.unwrap().items;
        assert_eq!(letters.len(), 2, "they are told by mail");
        app.identity.cancel_erasure(&person.actor).await.unwrap();
        let waiting = world.dump().await["notice"].join("\n");
        assert!(waiting.contains(CANARY), "a letter that waits has their address: {waiting}");
        let erasure = app.identity.request_erasure(&person.actor, session, None).await.unwrap();
        world.clock.advance(DAY * 13);
        assert_eq!(app.tend_privacy().await.unwrap(), 0, "not before its time");
        world.clock.advance(DAY * 2);
        assert!(app.clock.now() > erasure.due_at);
        assert_eq!(app.tend_privacy().await.unwrap(), 1);
        assert_eq!(app.tend_privacy().await.unwrap(), 0, "once");
        assert!(world.provider("campus").asked().contains(&"revoke access-campus".to_owned()), "tokens are given back");

        let after = world.dump().await;
        for (table, rows) in &after {
            for row in rows {
                for trace in [CANARY, "203.0.113.0"] {
                    assert!(!row.to_lowercase().contains(trace), "{table}: {row}");
                }
            }
        }
        for (name, text) in files(&world.place().join("blobs")).into_iter().chain(files(&world.place().join("outbox"))) {
            assert!(!text.contains(CANARY), "{name}");
        }
        assert!(files(&world.place().join("blobs")).is_empty());
        assert!(after["message"].iter().any(|row| row.contains("words of bob")), "others stay");
        assert_eq!(world.number("SELECT COUNT(*) FROM webhook_message WHERE body = ''").await, 1, "words go, ids stay");
        let told = "SELECT COUNT(*) FROM webhook_message WHERE kind = 'identity.person_erased' AND body <> ''";
        assert_eq!(world.number(told).await, 1, "whoever was told about them is told to forget them");
        assert_eq!(after["activity_hour"], actives, "a community's numbers stay");
        assert!(after["audit"].iter().any(|row| row.contains("user.erasure.done")));
        assert!(app.identity.exports(&person.actor).await.unwrap().is_empty());
        for table in personal::tables() {
            let is_kept = ["platform_account", "activity_day"].contains(&table.name);
            if !is_kept && table.columns().iter().any(|column| column.name == "user_id") {
                let rows = format!("SELECT COUNT(*) FROM {} WHERE user_id = {}", table.name, person.user);
                assert_eq!(world.number(&rows).await, 0, "{} still has rows of them", table.name);
            }
        }
    }

    async fn history_does_not_bring_an_erased_person_back_and_new_words_are_somebody_news(world: World) {
        let pond = world.community("Pond").await;
        let person = claimed(&mut world, pond, CANARY).await;
        let old = world.event(CANARY, testkit::message("old words"));
        world.record(vec![Incoming { community: pond, event: old.clone() }]).await;
        let app = world.app.clone();
        let session = young(&world, &person).await;
        app.identity.request_erasure(&person.actor, session, None).await.unwrap();
        world.clock.advance(DAY * 15);
        app.tend_privacy().await.unwrap();

        let tally = world.record(vec![Incoming { community: pond, event: old }]).await;
        assert_eq!((tally.recorded, tally.too_old), (0, 1), "what was said before stays erased");
        assert_eq!(world.number("SELECT COUNT(*) FROM platform_account WHERE username <> 'deleted user'").await, 0);
        let dump = world.dump().await;
        assert_eq!(dump["tombstone"].len(), 1);
        assert!(!dump["tombstone"][0].contains(PLAIN), "nobody finds out by trying ids who was here");

        world.clock.advance(DAY);
        world.say(pond, CANARY, "new words").await;
        let new = world.user_of(pond, CANARY).await;
        assert_ne!(new, person.user, "somebody new");
        let newcomer = world.actor_of(new).await;
        let feed = activity::FeedQuery { platform: None, page: PageRequest::first(10) };
        let feed = app.activity.own_feed(&newcomer, &feed).await.unwrap();
        assert_eq!(feed.items.len(), 1);
    }

    async fn tombstones_without_a_key_hold_get_one_when_met_and_follow_new_keys(world: World) {
        let pond = world.community("Pond").await;
        let at = world.clock.now().0;
        world.sql(&format!("INSERT INTO tombstone (account_hash, erased_at) VALUES ('{PLAIN}', {at})")).await;
        let old = world.event(CANARY, testkit::message("old words"));
        let batch = vec![Incoming { community: pond, event: old }];
        let plain = format!("SELECT COUNT(*) FROM tombstone WHERE account_hash = '{PLAIN}'");
        assert_eq!(world.record(batch.clone()).await.too_old, 1);
        assert_eq!(world.number(&plain).await, 1);
        for _ in 0..2 {
            world.app.tend_privacy().await.unwrap();
            assert_eq!(world.number("SELECT COUNT(*) FROM grave_key").await, 1);
        }
        for _ in 0..2 {
            assert_eq!(world.record(batch.clone()).await.too_old, 1);
            assert_eq!(world.number(&plain).await, 0, "it has the key now");
        }
        let kept = format!("SELECT COUNT(*) FROM tombstone WHERE account_hash LIKE 'v2:%' AND erased_at = {at}");
        assert_eq!(world.number(&kept).await, 1);

        let db = world.app.db();
        let key = |id: &str, byte| (id.to_owned(), Secret::new([byte; KEY_BYTES]));
        let both = KeyRing::new(&Keys::new("new", vec![key("new", 8), key("test", 7)]).unwrap());
        let done = app::reseal(db, &both, &SeededEntropy::new(5)).await.unwrap();
        assert_eq!((done.texts, done.overtaken), (1, 0));
        let new = KeyRing::new(&Keys::new("new", vec![key("new", 8)]).unwrap());
        let later = Identity::new(db.clone(), Arc::new(world.clock.clone()), Arc::new(SeededEntropy::new(6)), new);
        let accounts = [CANARY, "duck"].map(|name| (Platform::Discord, format!("id-{name}")));
        let work = db.begin(&world.system(), world.clock.now()).await.unwrap();
        let found = identity::erased(&work, &later, &accounts).await.unwrap();
        assert_eq!(found, [(accounts[0].clone(), kernel::Timestamp(at))]);
    }

    async fn an_erasure_can_be_taken_back_and_nobody_who_is_needed_is_erased(world: World) {
        let pond = world.community("Pond").await;
        let owner = world.person(pond, "olga", Some(Role::Owner)).await;
        let ann = claimed(&mut world, pond, "ann").await;
        let root = world.admin("root").await;
        let app = world.app.clone();
        for (needed, word) in [(&owner, "Pond"), (&root, "administrator")] {
            let session = young(&world, needed).await;
            let refused = app.identity.request_erasure(&needed.actor, session, None).await.unwrap_err();
            assert!(refused.to_string().contains(word), "{refused}");
        }
        let session = young(&world, &ann).await;
        world.clock.advance(Duration::from_secs(301));
        let stale = app.identity.request_erasure(&ann.actor, session, None).await;
        assert!(matches!(stale, Err(IdentityError::Invalid { .. })), "{stale:?}");
        let session = young(&world, &ann).await;
        app.identity.request_erasure(&ann.actor, session, None).await.unwrap();
        app.identity.cancel_erasure(&ann.actor).await.unwrap();
        assert!(app.identity.cancel_erasure(&ann.actor).await.is_err());
        world.clock.advance(DAY * 20);
        assert_eq!(app.tend_privacy().await.unwrap(), 0);

        // Who becomes the only owner meanwhile waits.
        let session = young(&world, &ann).await;
        app.identity.request_erasure(&ann.actor, session, None).await.unwrap();
        let lake = world.community("Lake").await;
        let system: Actor = world.system();
        app.identity.set_role(&system, lake, ann.user, Some(Role::Owner)).await.unwrap();
        world.clock.advance(DAY * 15);
        assert_eq!(app.tend_privacy().await.unwrap(), 0);
        assert!(app.identity.erasure(&ann.actor).await.unwrap().is_some());
        app.identity.set_role(&system, lake, owner.user, Some(Role::Owner)).await.unwrap();
        assert_eq!(app.tend_privacy().await.unwrap(), 1);
    }
}
