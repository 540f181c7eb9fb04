//! A whole WaddleBot in a temporary place: an embedded or private server database, in-process bus,
//! outbox, a clock that moves only when told, seeded randomness, and people who talk.
//!
//! Must never be a dependency of the program, only of tests. Panics freely: a test that cannot be
//! set up has failed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up has failed"
)]

mod authenticator;
mod clock;
mod connector;
mod courier;
mod entropy;
mod hooks;
mod passkey;
mod postgres;
mod provider;
mod run;
mod skip;
mod statements;
mod world;

pub use authenticator::totp_code;
pub use clock::MockClock;
pub use connector::TestConnector;
pub use courier::TestCourier;
pub use entropy::SeededEntropy;
pub use hooks::TestHooks;
pub use passkey::Device;
pub use postgres::PrivateDatabase;
pub use provider::TestProvider;
pub use run::{on_postgres, on_sqlite};
pub use skip::{engine, skip};
pub use statements::Statements;
pub use world::{Node, Person, Setup, World, command, message};

/// Runs a statement on the database of a program that runs elsewhere, for what no page can bring about.
pub async fn statement(url: &str, statement: &str) -> u64 {
    let db = store::Db::open(&store::Options::new(url)).await.unwrap();
    let changed = store::sql::execute(db.write(), statement, vec![]).await;
    db.close().await.unwrap();
    changed.unwrap()
}

#[doc(hidden)]
pub use tokio;

/// Writes a test once and runs it on SQLite and on PostgreSQL:
/// `on_both!(async fn a_sentence(world: World) { … })`. After the body, no job may be open and no
/// event put aside, unless the world was told to expect it.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: World) $body:block)*) => {$(
        mod $name {
            #[expect(clippy::allow_attributes, reason = "not every test needs what its file imports")]
            #[allow(unused_imports, reason = "not every test needs what its file imports")]
            use super::*;

            #[expect(clippy::allow_attributes, reason = "some bodies only read the world")]
            #[allow(unused_mut, reason = "some bodies only read the world")]
            $(#[$meta])*
            async fn body(mut $world: $crate::World) -> $crate::World {
                $body
                $world
            }

            #[$crate::tokio::test(flavor = "multi_thread", worker_threads = 2, crate = "::testkit::tokio")]
            async fn sqlite() {
                $crate::on_sqlite(body).await;
            }

            #[$crate::tokio::test(flavor = "multi_thread", worker_threads = 2, crate = "::testkit::tokio")]
            async fn postgres() {
                $crate::on_postgres(body).await;
            }
        }
    )*};
}

/// A fault of ours whose cause must not be shown to anybody.
pub fn fault(secret: &str) -> activity::ActivityError {
    store::StoreError::Data(secret.to_owned()).into()
}
