//! Real chat: every line of the four public sets is imported, and a second time nothing is.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use ingest::import::Target;
use testkit::{World, on_postgres, on_sqlite, skip};

use super::stage::run;

/// A set of real chat; `None`, said loudly, where the sets are absent.
fn set(name: &str) -> Option<PathBuf> {
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/chat"
    ));
    let path = folder.join(name).join("messages.jsonl.gz");
    if path.exists() {
        return Some(path);
    }
    skip(&format!("{} is absent", path.display()));
    None
}

fn n_lines(path: &Path) -> u64 {
    let reader = BufReader::new(MultiGzDecoder::new(std::fs::File::open(path).unwrap()));
    u64::try_from(reader.lines().count()).unwrap()
}

/// Imports a set into one community, and by field.
async fn import_twice(world: World, path: PathBuf, into_one: bool) -> World {
    let n = n_lines(&path);
    let target = if into_one {
        Target::One(world.community("Pond").await)
    } else {
        Target::ByField {
            fallback: "Other".to_owned(),
        }
    };
    let (done, notes) = run(&world, &path, target.clone()).await;
    let summary = done.unwrap();
    assert_eq!(notes.rejected, []);
    assert_eq!(
        (
            summary.tally.recorded,
            summary.tally.duplicates,
            summary.rejected
        ),
        (n, 0, 0)
    );
    for query in [
        "SELECT COUNT(*) FROM message",
        "SELECT SUM(messages) FROM activity_day",
        "SELECT SUM(messages) FROM activity_hour",
        "SELECT SUM(messages) FROM member",
    ] {
        assert_eq!(
            u64::try_from(world.number(query).await).unwrap(),
            n,
            "{query}"
        );
    }
    let (done, _) = run(&world, &path, target).await;
    let summary = done.unwrap();
    assert_eq!((summary.tally.recorded, summary.tally.duplicates), (0, n));
    world
}

macro_rules! sets {
    ($($name:ident: $set:literal, $engine:ident, $into_one:literal;)*) => {$(
        #[testkit::tokio::test(flavor = "multi_thread", worker_threads = 2, crate = "::testkit::tokio")]
        async fn $name() {
            if let Some(path) = set($set) {
                $engine(move |world| import_twice(world, path, $into_one)).await;
            }
        }
    )*};
}

sets! {
    irc_on_sqlite: "irc-ubuntu", on_sqlite, true;
    discord_on_sqlite: "discord-komodo", on_sqlite, false;
    youtube_on_sqlite: "youtube-rbtv", on_sqlite, true;
    posts_on_sqlite: "bot-or-not", on_sqlite, false;
    posts_on_postgres: "bot-or-not", on_postgres, true;
}
