//! The page that shows how the API is used.

use std::time::Duration;

use app::api_usage::{ApiRequest, Outcome};
use testkit::World;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_how_the_api_is_used_and_what_was_slow() {
    let world = World::sqlite().await;
    let root = world.admin("ada").await;
    let browser = Browser::of(&world, root.user).await;
    let empty = browser.get("/admin/api").await.expect(200).body;
    assert!(empty.contains("Nothing asked yet"), "{empty}");
    assert!(empty.contains("No request failed."), "{empty}");

    let hash = "ab12".repeat(16);
    let request = ApiRequest {
        operation: Some("PondMonth"),
        may_name: true,
        document: &hash,
        cost: Some(120),
        took: Duration::from_millis(1_400),
        is_slow: true,
        outcome: Outcome::Failed("FORBIDDEN"),
    };
    let kept = ApiRequest {
        took: Duration::from_micros(300),
        is_slow: false,
        outcome: Outcome::Kept,
        ..request
    };
    let now = world.app.started_at();
    world.app.usage.record(&request, now);
    for _ in 0..3 {
        world.app.usage.record(&kept, now);
    }
    let following = world.app.usage.follow();
    let page = browser.get("/admin/api").await.expect(200).body;
    for expected in [
        "<code>PondMonth</code>",
        "≤ 1 ms",
        "≤ 2,000 ms",
        "1,400 ms",
        "<code>ab12ab12ab12</code>",
        "<code>FORBIDDEN</code>",
        "running now",
        "<th scope=\"row\">up to 300</th><td class=\"num\">4</td>",
        "<th scope=\"row\">up to 1 ms</th><td class=\"num\">0</td><td class=\"num\">3</td>",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    drop(following);
    world.close().await;
}
