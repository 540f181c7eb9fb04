//! The members' table as a whole.

use std::collections::BTreeSet;

use activity::Incoming;
use kernel::{Platform, Role};
use testkit::World;

use super::browser::Browser;

async fn pond(world: &mut World, n: usize) -> Browser {
    let ducks = world.community("Ducks").await;
    let mut events = Vec::new();
    for i in 0..n {
        let mut event = world.event(&format!("duck{i:03}"), testkit::message("quack"));
        if i % 2 == 1 {
            event.platform = Platform::Twitch;
        }
        events.push(Incoming {
            community: ducks,
            event,
        });
    }
    world.record(events).await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    Browser::of(world, mo.user).await
}

fn names(body: &str) -> Vec<String> {
    body.split("<th scope=\"row\">")
        .skip(1)
        .map(|rest| {
            let (_, name) = rest.split_once('>').expect("a link to the member");
            name.split('<').next().unwrap().to_owned()
        })
        .collect()
}

fn next(body: &str) -> Option<String> {
    let (before, _) = body.split_once("rel=\"next\"")?;
    let (_, href) = before.rsplit_once("href=\"")?;
    Some(href.split('"').next().unwrap().replace("&#38;", "&"))
}

#[tokio::test(flavor = "multi_thread")]
async fn following_the_pages_shows_everybody_once_in_every_order() {
    let mut world = World::sqlite().await;
    let browser = pond(&mut world, 120).await;
    for sort in ["name", "first", "last", "messages"] {
        for dir in ["asc", "desc"] {
            let mut path = Some(format!("/c/ducks/members?sort={sort}&dir={dir}"));
            let mut seen = Vec::new();
            while let Some(at) = path {
                let body = browser.get(&at).await.expect(200).body;
                seen.extend(names(&body));
                path = next(&body);
            }
            assert_eq!(seen.len(), 121, "{sort} {dir}");
            assert_eq!(
                seen.iter().collect::<BTreeSet<_>>().len(),
                121,
                "{sort} {dir}"
            );
        }
    }
    let first = browser.get("/c/ducks/members?sort=name").await.body;
    assert!(first.contains("1–50 of about 121 members"), "{first}");
    assert!(first.contains("aria-sort=\"ascending\""));
    let second = browser.get(&next(&first).unwrap()).await.body;
    assert!(second.contains("51–100 of about 121 members") && second.contains("First page"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn search_and_filter_narrow_the_table_and_the_empty_one_says_so() {
    let mut world = World::sqlite().await;
    let browser = pond(&mut world, 12).await;
    let body = browser
        .get("/c/ducks/members?q=DUCK00")
        .await
        .expect(200)
        .body;
    assert_eq!(names(&body).len(), 10);
    let body = browser
        .get("/c/ducks/members?q=duck00&platform=twitch")
        .await
        .expect(200)
        .body;
    assert_eq!(names(&body).len(), 5);
    assert!(body.contains("<option value=\"twitch\" selected>"));
    let body = browser
        .get("/c/ducks/members?q=%3Cscript%3E")
        .await
        .expect(200)
        .body;
    assert!(
        body.contains("Nobody like that")
            && body.contains("&#60;script&#62;")
            && !body.contains("<script>")
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn htmx_gets_only_the_inside_of_the_page() {
    let mut world = World::sqlite().await;
    let browser = pond(&mut world, 3).await;
    let part = browser.swap("/c/ducks/members").await.expect(200);
    assert!(
        part.body
            .starts_with("<title>Members · Ducks · WaddleBot</title>"),
        "{}",
        part.body
    );
    assert!(!part.body.contains("<html") && !part.body.contains("<nav id=\"sidebar\""));
    assert_eq!(names(&part.body).len(), 4);
    assert!(part.header("vary").to_lowercase().contains("hx-request"));
    let lost = browser.swap("/c/ducks/nothing").await.expect(404);
    assert!(!lost.body.contains("<html") && lost.body.contains("Nothing in this pond"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_csv_holds_the_filtered_table_and_runs_nothing() {
    let mut world = World::sqlite().await;
    let browser = pond(&mut world, 130).await;
    let ducks = kernel::CommunityId(1);
    world.say(ducks, "=cmd|' /C calc'!A0", "hi").await;
    let answer = browser
        .get("/c/ducks/members.csv?sort=name&dir=asc")
        .await
        .expect(200);
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"ducks-members.csv\""
    );
    assert!(answer.header("content-type").starts_with("text/csv"));
    let rows: Vec<&str> = answer.body.split("\r\n").collect();
    assert_eq!(
        rows.len(),
        1 + 132 + 1,
        "header, everybody, nothing after the last line break"
    );
    assert!(answer.body.contains("\"'=cmd|' /C calc'!A0\""));
    let few = browser
        .get("/c/ducks/members.csv?q=duck00&platform=twitch")
        .await
        .expect(200);
    assert_eq!(few.body.lines().count(), 1 + 5);
    world.close().await;
}
