//! A community with a member who is signed in, behind a server of its own.

use std::sync::Arc;

use graphql::{Settings, router};
use kernel::{CommunityId, Role};
use serde_json::{Value, json};
use testkit::World;
use tokio::{net::TcpListener, task::JoinHandle};

/// The community, its moderator Mona's session and the server.
pub(crate) struct Pond {
    pub(crate) world: World,
    pub(crate) id: CommunityId,
    address: String,
    token: String,
    server: JoinHandle<()>,
}

impl Pond {
    pub(crate) async fn open() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let mut world = World::sqlite().await;
        let id = world.community("Pond").await;
        let mona = world.person(id, "mona", Some(Role::Moderator)).await;
        let token = world.token(mona.user).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let routes = router(Arc::clone(&world.app), settings);
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            world,
            id,
            address,
            token,
            server,
        }
    }

    /// What every script is told.
    pub(crate) fn told(&self) -> Value {
        json!({
            "http": format!("http://{}/graphql", self.address),
            "ws": format!("ws://{}/graphql", self.address),
            "cookie": format!("wb_session={}", self.token),
            "communityId": self.id.0,
        })
    }

    pub(crate) async fn close(self) {
        self.server.abort();
        self.world.close().await;
    }
}
