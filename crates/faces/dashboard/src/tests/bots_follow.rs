//! What pages about bots follow while somebody looks: a training as it goes on, and who else looks at a case.

use futures_util::StreamExt;
use kernel::{Role, UserId};
use testkit::World;

use super::{
    bots::case,
    browser::Browser,
    chat::{open, read_until},
};

/// The address that a page follows.
fn followed(page: &str) -> String {
    let (_, rest) = page.split_once("data-follow=\"").unwrap();
    let href = rest.split('"').next().unwrap();
    href.replace("&#38;", "&")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reviewers_of_a_case_see_each_other_without_loading_it_again() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mut staff: Vec<UserId> = Vec::new();
    for name in ["<mo>", "ann"] {
        let moderator = world.person(ducks, name, Some(Role::Moderator)).await;
        staff.push(moderator.user);
    }
    let (mo, ann) = (
        Browser::of(&world, staff[0]).await,
        Browser::of(&world, staff[1]).await,
    );
    let mia = world.person(ducks, "mia", Some(Role::Member)).await.user;
    let id = case(&world, ducks, mia, 930_000).await;
    let path = format!("/c/ducks/bots/cases/{id}");
    let page = ann.get(&path).await.expect(200).body;
    assert!(
        page.contains("not following</span> <a href=") && !page.contains("looking at it;"),
        "{page}"
    );
    let href = followed(&page);
    assert!(
        href.starts_with(&format!("{path}/stream?revision=")) && href.ends_with("&order=value"),
        "{href}"
    );
    let mut stream = open(&ann, &href, None).await;
    let first = read_until(&mut stream, "event: part").await;
    assert!(first.contains("retry:"), "{first}");
    mo.post(&format!("{path}/look"), &[]).await.expect(303);
    let told = read_until(&mut stream, "&#60;mo&#62;</a> is looking at it.").await;
    assert!(!told.contains("look at it again"), "{told}");
    let (_, rest) = href.split_once("revision=").unwrap();
    let (revision, _) = rest.split_once('&').unwrap();
    let verdict = [("verdict", "human"), ("reason", ""), ("revision", revision)];
    mo.post(&format!("{path}/verdict"), &verdict)
        .await
        .expect(303);
    let told = read_until(&mut stream, "look at it again</a>").await;
    assert!(
        told.contains(&format!("href=\"{path}?order=value\"")),
        "{told}"
    );
    let decided = ann.get(&path).await.expect(200).body;
    assert!(!decided.contains("data-follow"), "{decided}");
    ann.get(&format!("{path}/stream?revision=1&order=size"))
        .await
        .expect(422);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_is_followed_to_its_end_and_not_beyond() {
    let world = World::sqlite().await;
    world.community("Ducks").await;
    let root = Browser::of(&world, world.admin("root").await.user).await;
    let asked = root.post("/admin/models/trainings", &[]).await.expect(303);
    let (one, _) = asked.location().split_once('?').unwrap();
    let page = root.get(one).await.expect(200).body;
    let href = followed(&page);
    assert_eq!(href, format!("{one}/stream"));
    assert!(page.contains("data-say=\"waiting, 0 percent\""), "{page}");
    let mut stream = open(&root, &href, None).await;
    read_until(&mut stream, "waiting, 0 percent").await;
    let id: i32 = one.rsplit('/').next().unwrap().parse().unwrap();
    world.app.bots.run_training(id, true).await.unwrap();
    let told = read_until(&mut stream, "0 bots and 0 people").await;
    assert!(
        told.contains("data-say=\"skipped\" data-over") && !told.contains("<html"),
        "{told}"
    );
    while let Some(rest) = stream.next().await {
        let rest = rest.unwrap();
        assert!(!rest.starts_with(b"event"), "{rest:?}");
    }
    let over = root.get(one).await.expect(200).body;
    assert!(
        !over.contains("data-follow") && !over.contains("not following"),
        "{over}"
    );
    world
        .sql("UPDATE job SET state = 3 WHERE kind = 'bots.train'")
        .await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_never_seen_here_is_called_as_their_profile_says_where_it_may_be_seen() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await.user;
    let mo = Browser::of(&world, mo).await;
    let root = world.admin("<root>").await.user;
    let mia = world.person(ducks, "mia", Some(Role::Member)).await.user;
    let id = case(&world, ducks, mia, 930_000).await;
    let path = format!("/c/ducks/bots/cases/{id}");
    let admin = Browser::of(&world, root).await;
    admin.post(&format!("{path}/look"), &[]).await.expect(303);
    let page = mo.get(&path).await.expect(200).body;
    assert!(
        page.contains("somebody of the instance is looking at it.")
            && !page.contains("root")
            && !page.contains("person "),
        "{page}"
    );
    // Who shares a community with somebody may see the name, unless they chose otherwise.
    let identity = &world.app.identity;
    let member = Some(Role::Member);
    identity
        .set_role(&world.system(), ducks, root, member)
        .await
        .unwrap();
    let mo_again = mo.get(&path).await.expect(200).body;
    assert!(
        mo_again.contains("&#60;root&#62; is looking at it."),
        "{mo_again}"
    );
    world.close().await;
}
