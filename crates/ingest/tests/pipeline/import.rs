//! Imports: what they count, that they are repeated and resumed without harm, and what they say of
//! bad input.

use std::{collections::BTreeMap, io::Write, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use ingest::{
    Tally,
    format::{Fatal, Options, RejectReason},
    import::{self, ImportError, Target},
    replay::{self, Replay},
};
use kernel::{Actor, Clock, CommunityId, PageRequest};
use testkit::{Setup, World, on_both};

use super::stage::{Gate, Notes, file, input, line, lines, run, until};

fn tally(recorded: u64, duplicates: u64) -> Tally {
    Tally {
        recorded,
        duplicates,
        ..Tally::default()
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Everything but what an import notes about itself.
async fn dump(world: &World) -> BTreeMap<&'static str, Vec<String>> {
    let mut dump = world.dump().await;
    for table in ["import_run", "audit", "audit_head", "domain_event"] {
        dump.remove(table);
    }
    dump
}

async fn messages(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM message").await
}

on_both! {
    async fn a_file_is_imported_once_however_often_it_is_given(world: World) {
        let pond = world.community("Pond").await;
        let mut text = lines(5_000);
        text.push_str("not json\n\n{\"platform\":\"irc\"}\n");
        let path = file(&world, "chat.jsonl", text.as_bytes());
        let (done, notes) = run(&world, &path, Target::One(pond)).await;
        let summary = done.unwrap();
        assert_eq!((summary.tally, summary.rejected, summary.resumed_at), (tally(5_000, 0), 2, 0));
        assert_eq!(summary.communities, [pond]);
        assert!(summary.broken.is_none());
        assert_eq!(notes.last, (u64::try_from(text.len()).unwrap(), tally(5_000, 0)));
        let told: Vec<String> = notes.rejected.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2);
        assert!(told[0].starts_with("line 5001") && told[1].starts_with("line 5003"), "{told:?}");
        let before = dump(&world).await;
        let runs = world.app.activity.imports(&world.system(), pond).await.unwrap();
        assert_eq!((runs.len(), runs[0].finished, runs[0].recorded, runs[0].rejected), (1, true, 5_000, 2));
        let (done, _) = run(&world, &path, Target::One(pond)).await;
        assert_eq!(done.unwrap().tally, tally(0, 5_000));
        assert_eq!(dump(&world).await, before);
        // The same lines packed, and in another file, are the same events.
        let packed = file(&world, "copy.jsonl.gz", &gzip(&text));
        let (done, _) = run(&world, &packed, Target::One(pond)).await;
        assert_eq!(done.unwrap().tally, tally(0, 5_000));
        assert_eq!(dump(&world).await, before);
        let trail = world.app.audit(&world.system(), &PageRequest::first(100)).await.unwrap();
        assert_eq!(trail.items.iter().filter(|e| e.action == "import.finish").count(), 3);
    }

    async fn an_import_that_was_broken_off_goes_on_where_it_was(world: World) {
        let gate = Gate::new(2);
        world.restart(Setup { reactions: vec![gate.clone()], ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let path = file(&world, "chat.jsonl", lines(9_000).as_bytes());
        let (app, ingest, input) = (Arc::clone(&world.app), world.ingest.clone(), input(&path));
        let options = Options::new(world.clock.now());
        let importing = tokio::spawn(async move {
            let mut notes = Notes::default();
            let actor = Actor::System("test");
            import::run(&app, &ingest, &actor, &input, &Target::One(pond), &options, &mut notes).await.map(|_| ())
        });
        // Two batches are committed, the third is on its way.
        gate.arrived(3).await;
        importing.abort();
        assert!(importing.await.unwrap_err().is_cancelled());
        gate.open();
        world.restart(Setup::default()).await;
        let stored = messages(&world).await;
        let runs = world.app.activity.imports(&world.system(), pond).await.unwrap();
        assert_eq!((runs[0].finished, i64::try_from(runs[0].consumed).unwrap()), (false, stored), "the checkpoint is where the messages are");
        assert!((4_000..=6_000).contains(&stored), "{stored}");
        let (done, _) = run(&world, &path, Target::One(pond)).await;
        let summary = done.unwrap();
        let rest = 9_000 - u64::try_from(stored).unwrap();
        assert_eq!((summary.resumed_at, summary.tally), (runs[0].consumed, tally(rest, 0)));
        assert_eq!(messages(&world).await, 9_000);
        let done = world.app.activity.imports(&world.system(), pond).await.unwrap();
        assert_eq!((done.len(), done[0].finished, done[0].consumed, done[0].recorded), (1, true, 9_000, 9_000));
    }

    async fn each_record_goes_to_the_community_it_names(world: World) {
        let known = world.community("Ducks").await;
        let mut text = String::new();
        for (n, community) in [
            "\"ducks\"", "\"Geese\"", "null", "\"\"", "\"日本\"", "\"東京\"", "\"C#\"", "\"C++\"", "\"Geese\"",
        ].iter().enumerate() {
            text.push_str(&line(n).replacen('{', &format!("{{\"community\":{community},"), 1));
            text.push('\n');
        }
        // 150 characters are an id, and no name of a community.
        text.push_str(&line(20).replacen('{', &format!("{{\"community\":\"{}\",", "x".repeat(150)), 1));
        text.push('\n');
        let path = file(&world, "chat.jsonl", text.as_bytes());
        let target = Target::ByField { fallback: "Other".to_owned() };
        for (recorded, duplicates) in [(9, 0), (0, 9)] {
            let (done, notes) = run(&world, &path, target.clone()).await;
            let summary = done.unwrap();
            assert_eq!((summary.tally, summary.rejected), (tally(recorded, duplicates), 1));
            assert_eq!(summary.communities.len(), 7);
            assert!(matches!(notes.rejected[0].reason, RejectReason::Value { field: "community", .. }), "{:?}", notes.rejected);
            assert_eq!(notes.rejected[0].number, 10);
        }
        let per = async |name: &str| {
            world.number(&format!(
                "SELECT COUNT(*) FROM message m JOIN community c ON c.id = m.community_id WHERE c.name = '{name}'"
            )).await
        };
        for (name, n) in [("Ducks", 1), ("Geese", 2), ("Other", 2), ("日本", 1), ("東京", 1), ("C#", 1), ("C++", 1)] {
            assert_eq!(per(name).await, n, "{name}");
        }
        assert_eq!(world.number(&format!("SELECT COUNT(*) FROM message WHERE community_id = {known}")).await, 1);
    }

    async fn a_packed_file_that_is_cut_off_gives_what_is_there_and_the_rest_later(world: World) {
        let pond = world.community("Pond").await;
        let text = lines(6_000);
        let whole = gzip(&text);
        let path = file(&world, "chat.jsonl.gz", &whole[..whole.len() * 2 / 3]);
        let mut stored = 0;
        for _ in 0..2 {
            let (done, _) = run(&world, &path, Target::One(pond)).await;
            let summary = done.unwrap();
            assert!(matches!(summary.broken, Some(Fatal::Compressed { what: "cut off", .. })), "{:?}", summary.broken);
            stored += summary.tally.recorded;
            let n = u64::try_from(messages(&world).await).unwrap();
            assert_eq!(n, stored);
            assert!((1_000..6_000).contains(&n), "{n}");
        }
        let runs = world.app.activity.imports(&world.system(), pond).await.unwrap();
        assert!(!runs[0].finished, "it has not come to its end");
        let path = file(&world, "whole.jsonl.gz", &whole);
        let (done, _) = run(&world, &path, Target::One(pond)).await;
        assert_eq!(done.unwrap().tally, tally(6_000 - stored, stored));
    }

    async fn bad_lines_are_told_one_by_one_and_the_others_imported(world: World) {
        let pond = world.community("Pond").await;
        let mut bytes = Vec::new();
        let mut put = |text: &[u8]| {
            bytes.extend_from_slice(text);
            bytes.push(b'\n');
        };
        put(line(1).as_bytes());
        put(b"{\"platform\":\"irc\",\"text\":\"\xff\xfe\"}");
        put(line(2).replace("quack", &"q".repeat(5 << 20)).as_bytes());
        put(line(3).replace("1100521260000", "0").as_bytes());
        put(line(4).replace("1100521320000", "7226582400000").as_bytes());
        put(line(5).replace("\"irc\"", "\"myspace\"").as_bytes());
        put(line(6).replace("quack", "\\u0000").as_bytes());
        put(line(7).as_bytes());
        let path = file(&world, "chat.jsonl", &bytes);
        let (done, notes) = run(&world, &path, Target::One(pond)).await;
        let summary = done.unwrap();
        assert_eq!((summary.tally, summary.rejected), (tally(3, 0), 5));
        assert!(summary.broken.is_none());
        let told: Vec<String> = notes.rejected.iter().map(ToString::to_string).collect();
        let words = ["line 2", "UTF-8", "line 3", "exceeds", "line 4", "1988", "line 5", "future", "line 6", "myspace"];
        for (n, pair) in words.chunks(2).enumerate() {
            assert!(told[n].starts_with(pair[0]) && told[n].contains(pair[1]), "{told:?}");
        }
        assert!(notes.rejected.iter().all(|r| r.excerpt.chars().count() <= 120));
        assert_eq!(world.app.status(&world.system()).await.unwrap().quarantined, 0);
    }

    async fn an_import_into_nowhere_is_refused_before_anything_is_read(world: World) {
        let path = file(&world, "chat.jsonl", lines(10).as_bytes());
        let (done, _) = run(&world, &path, Target::One(CommunityId(999))).await;
        assert!(matches!(done, Err(ImportError::Progress(activity::ActivityError::NotFound))), "{done:?}");
        assert_eq!(world.number("SELECT COUNT(*) FROM quarantine").await, 0);
    }

    async fn a_stop_ends_an_import_which_then_goes_on(world: World) {
        let gate = Gate::new(1);
        world.restart(Setup { reactions: vec![gate.clone()], ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let path = file(&world, "chat.jsonl", lines(7_000).as_bytes());
        let (app, ingest, input) = (Arc::clone(&world.app), world.ingest.clone(), input(&path));
        let options = Options::new(world.clock.now());
        let importing = tokio::spawn(async move {
            let mut notes = Notes::default();
            let actor = Actor::System("test");
            import::run(&app, &ingest, &actor, &input, &Target::One(pond), &options, &mut notes).await.map(|_| ())
        });
        gate.arrived(2).await;
        world.app.stop.cancel();
        gate.open();
        let ended = importing.await.unwrap();
        assert!(matches!(ended, Err(ImportError::Ingest(ingest::IngestError::Stopped))), "{ended:?}");
        world.restart(Setup::default()).await;
        assert_eq!(messages(&world).await, 4_000, "the batch on its way is written");
        let (done, _) = run(&world, &path, Target::One(pond)).await;
        assert_eq!((done.unwrap().resumed_at, messages(&world).await), (4_000, 7_000));
    }

    async fn a_replay_feeds_history_as_if_it_happened_now(world: World) {
        let pond = world.community("Pond").await;
        let path = file(&world, "chat.jsonl", (lines(50) + "not json\n").as_bytes());
        let mut feed = world.app.activity.live(&world.system(), pond, None, None).await.unwrap();
        for n in 1..=2 {
            let reader = ingest::format::open(&input(&path), &Options::new(world.clock.now())).unwrap();
            let how = Replay { speed: f64::INFINITY, run: format!("run{n}"), community: pond };
            let done = replay::run(&world.app, &world.ingest, reader, &how, |_| {}).await.unwrap();
            assert_eq!((done.events, done.rejected), (50, 1));
            let mut heard = 0;
            while heard < 50 {
                let Some(activity::LiveItem::Messages(messages)) = feed.next().await else { panic!("the feed ended") };
                assert!(messages.iter().all(|m| m.sent_at == world.clock.now()));
                heard += messages.len();
            }
            assert_eq!(messages(&world).await, n * 50);
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM message WHERE imported").await, 0);
        until(|| world.app.backlog().load(std::sync::atomic::Ordering::SeqCst) == 0).await;
    }
}
