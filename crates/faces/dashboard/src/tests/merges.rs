//! Merging two people: beginning by a link, reading what moves, confirming and undoing it.

use std::time::Duration;

use kernel::Role;
use testkit::World;

use super::{
    accounts::{back, leave, state_of},
    browser::Browser,
};

const PAGE: &str = "/me/merge";

fn id_in(page: &str) -> String {
    let (_, rest) = page.split_once("id=\"merge-").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn linking_an_account_of_somebody_else_leads_to_a_merge_that_can_be_undone() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    world.person(ducks, "ada", Some(Role::Moderator)).await;
    let bob = world.person(ducks, "bob", Some(Role::Member)).await;
    let mut ada = Browser::new(&world);
    let state = leave(&mut ada, "discord", "/me").await;
    let done = back(&ada, "discord", &format!("code=id-ada&state={state}")).await;
    ada.keep(&done);
    let browser = Browser::of(&world, bob.user).await;
    let empty = browser.get(PAGE).await.expect(200).body;
    assert!(empty.contains("No merge waits"), "{empty}");
    let link = async |provider: &str, code: &str| {
        let begun = browser
            .post("/me/accounts/link", &[("provider", provider)])
            .await
            .expect(303);
        let state = state_of(&begun, provider);
        back(&browser, provider, &format!("code={code}&state={state}")).await
    };
    link("campus", "9").await.expect(303);
    let asked = link("discord", "id-ada").await.expect(303);
    assert_eq!(asked.location(), "/me/merge?done=merge-asked");
    let page = browser.get(asked.location()).await.expect(200).body;
    for part in [
        "Nothing has moved yet",
        "Merge «ada» into «bob»?",
        "is kept",
        "accounts: 1",
        "moderator",
        "Confirm the merge",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let id = id_in(&page);
    assert!(
        ada.get(PAGE)
            .await
            .expect(200)
            .body
            .contains("still has to confirm")
    );
    let stranger = world.admin("root").await;
    let root = Browser::of(&world, stranger.user).await;
    let all = root.get("/admin/merges").await.expect(200).body;
    assert!(all.contains("Confirm for the kept side"), "{all}");
    root.post(&format!("{PAGE}/{id}/confirm"), &[("side", "both")])
        .await
        .expect(404);
    let done = browser
        .post(&format!("{PAGE}/{id}/confirm"), &[("side", "kept")])
        .await
        .expect(303);
    assert_eq!(done.location(), "/me/merge?done=merged");
    ada.get("/me").await.expect(303);
    let page = browser.get(done.location()).await.expect(200).body;
    assert!(page.contains("Undo"), "{page}");
    world.clock.advance(Duration::from_mins(6));
    let late = browser
        .post(&format!("{PAGE}/{id}/undo"), &[])
        .await
        .expect(422);
    assert!(late.body.contains("sign in again"), "{}", late.body);
    let undone = root
        .post(
            &format!("/admin/merges/{id}/undo"),
            &[("password", "correct horse battery")],
        )
        .await
        .expect(303);
    assert_eq!(undone.location(), "/admin/merges?done=unmerged");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_names_two_people_and_either_of_them_may_refuse() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let ada = world.person(ducks, "ada", None).await;
    let bob = world.person(ducks, "bob", None).await;
    world
        .sql(&format!(
            "UPDATE users SET claimed_at = 1 WHERE id = {}",
            ada.user
        ))
        .await;
    let boss = world.admin("root").await;
    let root = Browser::of(&world, boss.user).await;
    let wrong = root
        .post("/admin/merges", &[("kept", "x"), ("merged", "2")])
        .await
        .expect(422);
    assert!(
        wrong.body.contains("numbers of two people"),
        "{}",
        wrong.body
    );
    let two = [
        ("kept", ada.user.to_string()),
        ("merged", bob.user.to_string()),
    ];
    let two: Vec<(&str, &str)> = two.iter().map(|(k, v)| (*k, v.as_str())).collect();
    root.post("/admin/merges", &two).await.expect(303);
    let theirs = Browser::of(&world, bob.user).await;
    let page = theirs.get(PAGE).await.expect(200).body;
    assert!(
        page.contains("What they have is shown once they confirmed"),
        "{page}"
    );
    theirs.post("/admin/merges", &two).await.expect(403);
    let no = theirs
        .post(&format!("{PAGE}/{}/reject", id_in(&page)), &[])
        .await
        .expect(303);
    assert_eq!(no.location(), "/me/merge?done=merge-rejected");
    assert!(theirs.get(PAGE).await.expect(200).body.contains("rejected"));
    world.close().await;
}
