//! Runs one test in a world of its own and cleans up, also when the test fails.

use std::future::Future;

use crate::{World, engine, postgres::PrivateDatabase};

/// Runs a test on an embedded database.
pub async fn on_sqlite<F>(body: impl FnOnce(World) -> F)
where
    F: Future<Output = World>,
{
    body(World::sqlite().await).await.close().await;
}

/// Runs a test on a private PostgreSQL database, which is dropped also when the test fails; says
/// loudly that it is skipped where there is no server.
pub async fn on_postgres<F>(body: impl FnOnce(World) -> F + Send + 'static)
where
    F: Future<Output = World> + Send + 'static,
{
    let Some(server) = engine("WADDLEBOT_TEST_POSTGRES") else {
        return;
    };
    let database = PrivateDatabase::create(&server).await;
    let url = database.url.clone();
    let ended = tokio::spawn(async move { body(World::on(url).await).await.close().await }).await;
    database.drop().await;
    if let Err(failed) = ended {
        std::panic::resume_unwind(failed.into_panic());
    }
}
