//! The chat page and its stream.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use kernel::Role;
use testkit::World;

use super::browser::Browser;

/// Reads a stream until it holds a text; fails after ten seconds.
pub(super) async fn read_until(stream: &mut BodyDataStream, wanted: &str) -> String {
    let mut text = String::new();
    let reading = async {
        while !text.contains(wanted) {
            let chunk = stream.next().await.expect("the stream goes on").unwrap();
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .expect("it arrives");
    text
}

pub(super) async fn open(browser: &Browser, path: &str, last: Option<&str>) -> BodyDataStream {
    let mut request = browser.request("GET", path);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = browser.raw(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(!response.headers().contains_key("content-encoding"));
    response.into_body().into_data_stream()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_in_the_page_and_nothing_in_them_is_markup() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mia = world.person(ducks, "mia", Some(Role::Member)).await;
    let browser = Browser::of(&world, mia.user).await;
    assert!(
        browser
            .get("/c/ducks/chat")
            .await
            .body
            .contains("Nothing said here yet")
    );
    world
        .say(
            ducks,
            "<b>bob</b>",
            "<img src=x onerror=alert(1)> & \"quack\"",
        )
        .await;
    let page = browser.get("/c/ducks/chat").await.expect(200).body;
    assert!(
        page.contains("&#60;img src=x onerror=alert(1)&#62; &#38; &#34;quack&#34;"),
        "{page}"
    );
    assert!(page.contains("&#60;b&#62;bob") && !page.contains("<img src=x"));
    assert!(page.contains("data-stream=\"/c/ducks/chat/stream?since=1\""));
    let twitch = browser
        .get("/c/ducks/chat?platform=twitch")
        .await
        .expect(200)
        .body;
    assert!(twitch.contains("Nothing said here yet"));
    assert!(
        twitch.contains("/c/ducks/chat/stream?platform=twitch&#38;since=0"),
        "{twitch}"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_messages_are_a_link_away() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mia = world.person(ducks, "mia", Some(Role::Member)).await;
    for i in 0..130 {
        world.say(ducks, "mia", &format!("number {i};")).await;
    }
    let browser = Browser::of(&world, mia.user).await;
    let page = browser.get("/c/ducks/chat").await.body;
    assert!(
        page.contains("number 129;") && page.contains("number 30;") && !page.contains("number 29;")
    );
    let (_, rest) = page.split_once("<p class=\"earlier\"><a href=\"").unwrap();
    let href = rest.split('"').next().unwrap();
    let page = browser.get(href).await.expect(200).body;
    assert!(
        page.contains("number 29;") && page.contains("number 0;") && !page.contains("number 30;")
    );
    assert_eq!(page.matches("<li class=\"day\">").count(), 1);
    assert!(page.contains(">1 Jun 2026</time></li>"));
    assert!(!page.contains("data-stream") && !page.contains("class=\"earlier\""));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_brings_what_is_said_and_resumes_where_it_broke() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mia = world.person(ducks, "mia", Some(Role::Member)).await;
    let browser = Browser::of(&world, mia.user).await;
    world.say(ducks, "bob", "before").await;
    let mut stream = open(&browser, "/c/ducks/chat/stream?since=1", None).await;
    let hello = read_until(&mut stream, "\n\n").await;
    assert!(hello.contains("retry:"), "{hello}");
    world.say(ducks, "bob", "one <i>").await;
    let got = read_until(&mut stream, "one &#60;i&#62;").await;
    assert!(
        got.contains("event: messages") && got.contains("id: 2"),
        "{got}"
    );
    assert!(!got.contains("before"));
    drop(stream);

    world.say(ducks, "bob", "missed").await;
    let mut stream = open(&browser, "/c/ducks/chat/stream?since=1", Some("2")).await;
    let got = read_until(&mut stream, "missed").await;
    assert!(
        !got.contains("one &#60;i"),
        "the header wins over the address: {got}"
    );

    // Who loses the right is cut off; the browser that comes back is refused.
    world
        .app
        .identity
        .set_role(&world.system(), ducks, mia.user, None)
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(5));
    world.say(ducks, "bob", "secret").await;
    let rest = tokio::time::timeout(Duration::from_secs(10), async {
        let mut text = String::new();
        while let Some(chunk) = stream.next().await {
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
        text
    })
    .await
    .expect("the stream ends");
    assert!(!rest.contains("secret"));
    browser.get("/c/ducks/chat/stream").await.expect(404);
    world.close().await;
}

/// A stage that writes down what is said.
#[derive(Default)]
struct Boards(std::sync::Mutex<Vec<String>>);

#[async_trait::async_trait]
impl app::Stage for Boards {
    fn company(&self, _: kernel::CommunityId) -> app::Company {
        app::Company {
            rooms: vec![app::Room {
                key: "r1".into(),
                platform: kernel::Platform::Slack,
                server: "Pond".into(),
                channel: "general".into(),
            }],
            players: vec![app::Player {
                key: "p1".into(),
                name: "Mo".into(),
                part: "moderator".into(),
            }],
        }
    }

    async fn speak(&self, _: kernel::CommunityId, room: &str, player: &str, text: &str) -> bool {
        let known = room == "r1" && player == "p1";
        if known {
            self.0.lock().unwrap().push(text.to_owned());
        }
        known
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_may_speak_as_a_member_only_where_the_platforms_are_simulated() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mia = world.person(ducks, "mia", Some(Role::Member)).await;
    let browser = Browser::of(&world, mia.user).await;
    let page = browser.get("/c/ducks/chat").await.expect(200).body;
    assert!(!page.contains("data-say"));
    let said = [("room", "r1"), ("player", "p1"), ("text", "quack")];
    browser.post("/c/ducks/chat/say", &said).await.expect(404);

    let boards = std::sync::Arc::new(Boards::default());
    world.app.raise_stage(boards.clone());
    let page = browser
        .get("/c/ducks/chat?player=p1")
        .await
        .expect(200)
        .body;
    assert!(page.contains("Slack · Pond · general"));
    assert!(page.contains("<option value=\"p1\" selected>Mo (moderator)</option>"));
    let answer = browser.post("/c/ducks/chat/say", &said).await.expect(303);
    assert_eq!(answer.location(), "/c/ducks/chat?room=r1&player=p1");
    assert_eq!(*boards.0.lock().unwrap(), ["quack"]);
    let empty = [("room", "r1"), ("player", "p1"), ("text", " ")];
    let page = browser.post("/c/ducks/chat/say", &empty).await.expect(422);
    assert!(page.body.contains("Say one line of 1 to 450 characters"));
    let nobody = [("room", "r1"), ("player", "p2"), ("text", "quack")];
    browser.post("/c/ducks/chat/say", &nobody).await.expect(404);
}
