//! EventSub's requests, made by the simulated Twitch to our webhook behind a real HTTP server.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use kernel::Ear;
use platforms::{Webhook, twitch::TwitchWebhook, webhook::Delivered};
use simulator::wire::{Place, listen};

use super::world::{DUCKS, World};

type Hook = (Arc<TwitchWebhook>, Arc<dyn Ear>);

async fn serve(world: &World) -> (Place, Arc<TwitchWebhook>) {
    async fn take(State((hook, ear)): State<Hook>, headers: HeaderMap, body: Bytes) -> Response {
        let delivered = Delivered {
            headers: &headers,
            body: &body,
        };
        let answer = hook.deliver(delivered, &ear).await;
        let status = StatusCode::from_u16(answer.status).unwrap();
        (
            status,
            [(header::CONTENT_TYPE, answer.content_type)],
            answer.body,
        )
            .into_response()
    }
    let hook = world.twitch.webhook();
    let ear: Arc<dyn Ear> = world.ears.clone();
    let router = Router::new()
        .route("/hooks/twitch", post(take))
        .with_state((Arc::clone(&hook), ear));
    (listen(0, router).await.unwrap(), hook)
}

#[tokio::test]
async fn a_channel_is_heard_over_requests_and_its_end_is_told() {
    let world = World::new().await;
    let (place, hook) = serve(&world).await;
    let callback = format!("{}/hooks/twitch", place.url());
    hook.subscribe(DUCKS, &callback).await.unwrap();
    world.subscribed(10).await;
    hook.subscribe(DUCKS, &callback).await.unwrap();
    let id = world.server.say(DUCKS, "ann", "over http");
    world.server.follow(DUCKS, "ben");
    let heard = world.ears.until(|all| all.len() == 2).await;
    assert!(heard.iter().any(|event| event.event_id == id));
    world.server.revoke_token(DUCKS);
    let is_told =
        |trouble: Option<&str>| trouble.is_some_and(|why| why.contains("connect the channel"));
    world.grants.reported(DUCKS, is_told).await;
}
