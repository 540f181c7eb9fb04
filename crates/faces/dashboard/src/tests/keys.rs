//! One's own API keys.

use testkit::World;

use super::browser::Browser;

const PASSWORD: &str = "correct horse battery";

fn key_on(page: &str) -> &str {
    let (_, rest) = page.split_once("<code>wbot_user_").expect("a key is shown");
    rest.split_once("</code>").expect("the key ends").0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_shown_once_replaced_and_revoked() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    let empty = browser.get("/me/keys").await.expect(200);
    assert!(
        !empty.body.contains("Your password"),
        "a fresh session is enough"
    );
    world.clock.advance(std::time::Duration::from_secs(301));
    assert!(empty.body.contains("None yet"), "{}", empty.body);

    let fields = |password| {
        [
            ("name", "Kitchen <b>"),
            ("community", ""),
            ("days", "30"),
            ("password", password),
        ]
    };
    let wrong = browser
        .post("/me/keys", &fields("wrong horse battery"))
        .await
        .expect(422);
    assert!(
        wrong.body.contains("The password is wrong."),
        "{}",
        wrong.body
    );
    assert!(
        wrong.body.contains("value=\"Kitchen &#60;b&#62;\"") && !wrong.body.contains("wrong horse"),
        "what was typed is kept, but never a password"
    );

    let made = browser
        .post("/me/keys", &fields(PASSWORD))
        .await
        .expect(200);
    let first = key_on(&made.body).to_owned();
    let identity = &world.app.identity;
    let shown = |key: &str| format!("wbot_user_{key}");
    assert!(
        identity
            .authenticate_key(&shown(&first))
            .await
            .unwrap()
            .is_some()
    );
    let list = browser.get("/me/keys").await.expect(200).body;
    assert!(!list.contains(&first), "a key is shown once");
    let hint = &first[first.len() - 4..];
    assert!(list.contains(&format!("…{hint}")), "{list}");

    let id = identity.api_keys(&ann.actor).await.unwrap()[0].id;
    let guess = [("password", "wrong horse battery")];
    let refused = browser
        .post(&format!("/me/keys/{id}/regenerate"), &guess)
        .await
        .expect(422);
    assert!(refused.body.contains("The password is wrong."));
    assert!(
        !refused.body.contains("password-problem"),
        "the other form is not blamed"
    );

    let other = browser
        .post(
            &format!("/me/keys/{id}/regenerate"),
            &[("password", PASSWORD)],
        )
        .await
        .expect(200);
    let second = key_on(&other.body).to_owned();
    assert!(
        identity
            .authenticate_key(&shown(&first))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        identity
            .authenticate_key(&shown(&second))
            .await
            .unwrap()
            .is_some()
    );

    let done = browser
        .post(&format!("/me/keys/{id}/revoke"), &[])
        .await
        .expect(303);
    assert_eq!(done.location(), "/me/keys?done=key-revoked");
    assert!(
        identity
            .authenticate_key(&shown(&second))
            .await
            .unwrap()
            .is_none()
    );
    browser
        .post(&format!("/me/keys/{id}/revoke"), &[])
        .await
        .expect(404);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_number_of_days_is_named_at_its_field() {
    let world = World::sqlite().await;
    let ann = world.admin("ann").await;
    let browser = Browser::of(&world, ann.user).await;
    for days in ["0", "366", "soon", "-1", ""] {
        let fields = [("name", "x"), ("days", days), ("password", PASSWORD)];
        let page = browser.post("/me/keys", &fields).await.expect(422);
        assert!(
            page.body.contains("id=\"days-problem\""),
            "{days}: {}",
            page.body
        );
    }
    world.close().await;
}
