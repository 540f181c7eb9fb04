//! A private database on the test server, dropped at the end.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait, Database};

/// A database of its own for one test.
#[derive(Debug)]
pub struct PrivateDatabase {
    /// Its address.
    pub url: String,
    server: String,
    name: String,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl PrivateDatabase {
    /// Makes a database on the server with this maintenance URL.
    pub async fn create(server: &str) -> Self {
        let name = format!(
            "wb_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        // A killed run with the same process id may have left one behind.
        run(
            server,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
        run(server, &format!("CREATE DATABASE {name}")).await;
        let (base, _) = server
            .rsplit_once('/')
            .expect("the URL ends with a database");
        Self {
            url: format!("{base}/{name}"),
            server: server.to_owned(),
            name,
        }
    }

    /// Drops the database, also under open connections.
    pub async fn drop(self) {
        run(
            &self.server,
            &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
        )
        .await;
    }
}

async fn run(server: &str, statement: &str) {
    let mut options = ConnectOptions::new(server);
    options.max_connections(1).sqlx_logging(false);
    let connection = Database::connect(options)
        .await
        .expect("the test server answers");
    connection
        .execute_unprepared(statement)
        .await
        .expect("the test server obeys");
    connection.close().await.expect("the connection closes");
}
