//! What the program starts by itself.

use std::time::Duration;

use testkit::on_both;

use super::start_jobs;
use crate::config::{Config, Sources};

on_both! {
    async fn recurring_jobs_run_when_their_time_comes(world: World) {
        let sources = Sources {
            data_dir: Some(world.place().to_owned()),
            ..Sources::default()
        };
        let config = Config::load(&sources).unwrap();
        let running = start_jobs(&world.app, &config).await.unwrap();
        let waiting = "SELECT COUNT(*) FROM cron WHERE last_at IS NULL";
        assert!(world.number(waiting).await > 0, "the first times lie ahead");
        world.clock.advance(Duration::from_hours(24 * 8));
        // It looks at the clock by itself; at the latest after a moment.
        let begun = async {
            while world.number(waiting).await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), begun).await.unwrap();
        world.app.stop.cancel();
        running.await.unwrap();
        world.expect_leftovers();
    }
}
