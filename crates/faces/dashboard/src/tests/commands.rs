//! A community's commands: listed, made, changed, removed, and switched off.

use kernel::Role;
use testkit::World;

use super::browser::Browser;

fn fields<'a>(name: &'a str, reply: &'a str, user_secs: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("reply", reply),
        ("aliases", "!hi, hey"),
        ("minimum_role", "vip"),
        ("cooldown_user_secs", user_secs),
        ("cooldown_channel_secs", ""),
        ("is_enabled", "on"),
    ];
    if !name.is_empty() {
        fields.push(("name", name));
    }
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_makes_changes_and_deletes_a_command_without_a_script() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let browser = Browser::of(&world, mo.user).await;
    let list = browser.get("/c/ducks/commands").await.expect(200).body;
    assert!(
        list.contains("!addcom !rules Be kind") && list.contains("!ping"),
        "{list}"
    );
    let form = browser.get("/c/ducks/commands/new").await.expect(200).body;
    assert!(form.contains("{touser}") && form.contains("checked"));

    for (name, reply, secs, problem) in [
        ("a b", "x", "1", "name-problem"),
        ("hello", " ", "1", "reply-problem"),
        ("hello", "x", "soon", "cooldown_user_secs-problem"),
        ("hello", "x", "86401", "cooldown_user_secs-problem"),
        ("ping", "x", "1", "is a command of WaddleBot"),
    ] {
        let answer = browser
            .post("/c/ducks/commands/new", &fields(name, reply, secs))
            .await
            .expect(422);
        assert!(answer.body.contains(problem), "{name}: {}", answer.body);
        let kept = format!("value=\"{name}\"");
        assert!(answer.body.contains(&kept), "what was typed is kept");
    }
    let done = browser
        .post(
            "/c/ducks/commands/new",
            &fields("!Hello", "hi <b>{user}</b>", "30"),
        )
        .await
        .expect(303);
    let list = browser.get(done.location()).await.expect(200).body;
    for part in [
        "The command is there.",
        "!hello",
        "also hey, hi",
        "hi &#60;b&#62;{user}",
        "VIPs and above",
        "30 s each, 2 s the channel",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }

    let page = "/c/ducks/commands/custom/hello";
    let form = browser.get(page).await.expect(200).body;
    assert!(form.contains("value=\"vip\" selected") && !form.contains("name=\"name\""));
    let changed = fields("", "bye", "0");
    let changed: Vec<_> = changed
        .into_iter()
        .filter(|(name, _)| *name != "is_enabled")
        .collect();
    let done = browser.post(page, &changed).await.expect(303);
    let list = browser.get(done.location()).await.expect(200).body;
    assert!(
        list.contains("Saved.") && list.contains("bye") && list.contains("off</span>"),
        "{list}"
    );

    let asked = browser
        .get(&format!("{page}/delete"))
        .await
        .expect(200)
        .body;
    assert!(asked.contains("Delete !hello?") && asked.contains("bye"));
    let done = browser
        .post(&format!("{page}/delete"), &[])
        .await
        .expect(303);
    let list = browser.get(done.location()).await.expect(200).body;
    assert!(list.contains("The command was deleted.") && !list.contains("!hello"));
    for gone in [page.to_owned(), format!("{page}/delete")] {
        browser.get(&gone).await.expect(404);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_the_program_is_switched_off_and_given_other_rules() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    let mo = world.person(ducks, "mo", Some(Role::Moderator)).await;
    let browser = Browser::of(&world, mo.user).await;
    let page = "/c/ducks/commands/built-in/ping";
    let form = browser.get(page).await.expect(200).body;
    assert!(form.contains("as WaddleBot has it: everybody") && form.contains("checked"));
    let save = async |role: &str, secs: &str| {
        let fields = [
            ("minimum_role", role),
            ("cooldown_user_secs", secs),
            ("cooldown_channel_secs", ""),
        ];
        browser.post(page, &fields).await
    };
    for (role, secs) in [("king", ""), ("banned", ""), ("", "x"), ("", "99999999")] {
        save(role, secs).await.expect(422);
    }
    let done = save("admin", "7").await.expect(303);
    let list = browser.get(done.location()).await.expect(200).body;
    for part in [
        "Saved.",
        "off</span>",
        "changed</span>",
        "admins and above",
        "7 s each",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let back = [
        ("is_enabled", "on"),
        ("minimum_role", ""),
        ("cooldown_user_secs", ""),
        ("cooldown_channel_secs", ""),
    ];
    browser.post(page, &back).await.expect(303);
    let list = browser.get("/c/ducks/commands").await.expect(200).body;
    assert!(!list.contains("off</span>") && !list.contains("changed</span>"));
    browser
        .get("/c/ducks/commands/built-in/nothing")
        .await
        .expect(404);
    browser
        .get("/c/ducks/commands/custom/ping")
        .await
        .expect(404);
    world.close().await;
}
