//! Whoever was called a bot sees it, says that it is wrong, and is answered.

use bots::{AppealState, NewReview, Verdict};
use kernel::{AccountId, CommunityId, PageRequest, Role, UserId};
use testkit::World;

use super::browser::Browser;

const OWN: &str = "/me/bots";
const LIST: &str = "/c/ducks/bots/appeals";

pub(super) async fn account(world: &World, user: UserId) -> AccountId {
    let id = format!("SELECT MIN(id) FROM platform_account WHERE user_id = {user}");
    AccountId(world.number(&id).await)
}

/// Somebody whom a moderator called a bot; the case.
pub(super) async fn called(
    world: &World,
    community: CommunityId,
    user: UserId,
    by: &kernel::Actor,
) -> i32 {
    let bots = &world.app.bots;
    let account = account(world, user).await;
    bots.report(&world.system(), community, account, "spam")
        .await
        .unwrap();
    let id = format!("SELECT id FROM bot_case WHERE account_id = {account}");
    let id = i32::try_from(world.number(&id).await).unwrap();
    let new = NewReview {
        verdict: Verdict::Bot,
        reason: "posts too fast".to_owned(),
        revision: None,
    };
    bots.review(by, community, id, &new).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_called_a_bot_appeals_and_somebody_else_answers() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let mia = world.person(ducks, "mia", Some(Role::Moderator)).await;
    let ann = world.person(ducks, "ann", Some(Role::Member)).await;
    let bob = world.person(ducks, "bob", Some(Role::Member)).await;
    let own = Browser::of(&world, ann.user).await;
    let other = Browser::of(&world, bob.user).await;
    let me = own.get("/me").await.expect(200).body;
    assert!(me.contains("href=\"/me/bots\""), "{me}");
    let empty = own.get(OWN).await.expect(200).body;
    assert!(empty.contains("Nobody called you a bot"), "{empty}");

    let case = called(&world, ducks, ann.user, &mo.actor).await;
    let page = own.get(OWN).await.expect(200).body;
    assert!(
        page.contains("ann on Discord") && page.contains("In Ducks"),
        "{page}"
    );
    assert!(!page.contains("too fast"), "the reason is not told: {page}");
    let form = format!("{OWN}/{case}/appeal");
    let words = [("words", "I am a <duck>,\r\nnot a bot")];
    other.post(&form, &words).await.expect(404);
    let silent = own.post(&form, &[("words", "  ")]).await.expect(422).body;
    assert!(
        silent.contains("Say it in 1 to 1000 characters"),
        "{silent}"
    );
    let done = own.post(&form, &words).await.expect(303);
    assert_eq!(done.location(), "/me/bots?done=appealed");
    let waits = own.get(OWN).await.expect(200).body;
    assert!(
        waits.contains("I am a &#60;duck&#62;,\nnot a bot") && !waits.contains(&form),
        "{waits}"
    );

    let (mo, mia) = (
        Browser::of(&world, mo.user).await,
        Browser::of(&world, mia.user).await,
    );
    let overview = mo.get("/c/ducks/bots").await.expect(200).body;
    for part in [
        "title=\"1 appeal to look at\"",
        "Appeals <span class=\"tag\">1<span class=\"hidden\"> open</span></span>",
    ] {
        assert!(overview.contains(part), "{part}: {overview}");
    }
    let unconcerned = other.get("/c/ducks/health").await.expect(200).body;
    assert!(!unconcerned.contains("to look at"), "{unconcerned}");
    let list = mo.get(LIST).await.expect(200).body;
    for part in [
        format!("href=\"/c/ducks/members/{}\"", ann.user).as_str(),
        &format!("href=\"/c/ducks/bots/cases/{case}\""),
        "I am a &#60;duck&#62;",
        "Grant",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let (_, rest) = list.split_once("id=\"appeal-").unwrap();
    let answer = format!("{LIST}/{}", rest.split('"').next().unwrap());
    other
        .post(&answer, &[("state", "granted")])
        .await
        .expect(403);
    let refused = [("state", "refused"), ("words", "too <fast>")];
    let own_word = mo.post(&answer, &refused).await.expect(422).body;
    assert!(
        own_word.contains("somebody else answers") && own_word.contains("too &#60;fast&#62;"),
        "{own_word}"
    );
    mia.post(&answer, &[("state", "open")]).await.expect(404);
    let done = mia.post(&answer, &refused).await.expect(303);
    assert_eq!(done.location(), format!("{LIST}?done=appeal-refused"));
    let told = own.get(OWN).await.expect(200).body;
    assert!(
        told.contains("Refused") && told.contains("too &#60;fast&#62;"),
        "{told}"
    );
    let soon = own.post(&form, &words).await.expect(422).body;
    assert!(soon.contains("less than thirty days ago"), "{soon}");
    let answered = mo.get(LIST).await.body;
    assert!(
        answered.contains("No appeal waits") && !answered.contains("to look at"),
        "{answered}"
    );
    let kept = mo
        .get(&format!("{LIST}?state=refused"))
        .await
        .expect(200)
        .body;
    assert!(kept.contains("too &#60;fast&#62;"), "{kept}");
    mo.get(&format!("{LIST}?state=guilty")).await.expect(422);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_called_a_bot_reads_so_on_their_start_page_until_they_have_answered() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let ann = world.person(ducks, "ann", Some(Role::Member)).await;
    let bob = world.person(ducks, "bob", Some(Role::Member)).await;
    let own = Browser::of(&world, ann.user).await;
    let other = Browser::of(&world, bob.user).await;
    let told = "<a href=\"/me/bots\">A moderator called one of your accounts a bot.";
    let home = own.get("/").await.expect(200).body;
    assert!(!home.contains(told), "{home}");
    let case = called(&world, ducks, ann.user, &mo.actor).await;
    let home = own.get("/").await.expect(200).body;
    assert!(home.contains(told), "{home}");
    let unconcerned = other.get("/").await.expect(200).body;
    assert!(!unconcerned.contains(told), "{unconcerned}");
    let form = format!("{OWN}/{case}/appeal");
    own.post(&form, &[("words", "I am none")]).await.expect(303);
    let home = own.get("/").await.expect(200).body;
    assert!(!home.contains(told), "{home}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_appeal_makes_the_account_a_persons_again() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let ann = world.person(ducks, "ann", None).await;
    let case = called(&world, ducks, ann.user, &mo.actor).await;
    let own = Browser::of(&world, ann.user).await;
    let page = own.get(OWN).await.expect(200).body;
    assert!(
        page.contains("In a community that you cannot open") && !page.contains("Ducks"),
        "{page}"
    );
    own.post(&format!("{OWN}/{case}/appeal"), &[("words", "no")])
        .await
        .expect(303);
    let bots = &world.app.bots;
    let first = PageRequest::first(10);
    let waiting = bots.appeals(&mo.actor, ducks, AppealState::Open, &first);
    let id = waiting.await.unwrap().items[0].id;
    let mo = Browser::of(&world, mo.user).await;
    let done = mo
        .post(&format!("{LIST}/{id}"), &[("state", "granted")])
        .await
        .expect(303);
    assert_eq!(done.location(), format!("{LIST}?done=appeal-granted"));
    let page = own.get(OWN).await.expect(200).body;
    assert!(
        page.contains("this account is a person's") && page.contains("Granted"),
        "{page}"
    );
    assert!(
        !page.contains("<textarea"),
        "there is nothing left to say: {page}"
    );
    world.close().await;
}
