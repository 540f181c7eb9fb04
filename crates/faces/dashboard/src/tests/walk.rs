//! Walks every link from the start page and looks at what comes: no link is dead, and every page
//! has one heading, a title, unique ids, labelled fields and nothing inline.

use std::collections::{BTreeSet, VecDeque};

use kernel::Role;
use testkit::World;

use super::browser::Browser;

fn attributes<'a>(body: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    body.split(start.as_str())
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

fn check(path: &str, body: &str) {
    assert_eq!(
        body.matches("<h1").count(),
        1,
        "{path} has one main heading"
    );
    assert!(body.contains(" · WaddleBot</title>"), "{path} has a title");
    let ids = attributes(body, "id");
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "{path} has an id twice: {ids:?}");
    for label in attributes(body, "for") {
        assert!(ids.contains(&label), "{path}: label for `{label}`");
    }
    for target in attributes(body, "href")
        .into_iter()
        .filter_map(|h| h.strip_prefix('#'))
    {
        assert!(ids.contains(&target), "{path}: link to #{target}");
    }
    assert!(
        attributes(body, "style").is_empty(),
        "{path} has inline style"
    );
    for image in body.split("<img").skip(1) {
        assert!(
            image.split('>').next().unwrap().contains("alt="),
            "{path}: picture without text"
        );
    }
    for table in body.split("<table").skip(1) {
        assert!(table.contains("<caption"), "{path}: table without caption");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_dead_and_every_page_is_sound() {
    let mut world = World::sqlite().await;
    let ducks = world.community("Ducks").await;
    world.community("Empty").await;
    world.person(ducks, "olga", Some(Role::Owner)).await;
    for i in 0..60 {
        world.say(ducks, &format!("duck{i}"), "quack").await;
    }
    let root = world.admin("root").await;
    let browser = Browser::of(&world, root.user).await;
    let installed = kernel::Installed {
        name: "Pond".to_owned(),
        grant: kernel::Grant {
            platform: kernel::Platform::Discord,
            server: "9000".to_owned(),
            account: "1".to_owned(),
            access: "token".to_owned().into(),
            refresh: None,
            expires_at: None,
            scopes: vec!["bot".to_owned()],
        },
    };
    let install = identity::Install {
        community: ducks,
        platform: kernel::Platform::Discord,
        redirect: String::new(),
    };
    let identity = &world.app.identity;
    let connected = identity
        .finish_install(&root.actor, &install, &installed)
        .await;
    let channel = format!(
        "/c/ducks/settings/connections/{}/channel",
        connected.unwrap().id
    );
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from(["/".to_owned()]);
    while let Some(path) = queue.pop_front() {
        let answer = browser.get(&path).await;
        assert!(
            answer.status.is_success() || answer.status.is_redirection(),
            "{path}: {}",
            answer.status
        );
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        check(&path, &answer.body);
        let links = attributes(&answer.body, "href")
            .into_iter()
            .chain(attributes(&answer.body, "src"));
        for link in links.chain(attributes(&answer.body, "hx-get")) {
            let link = link.replace("&#38;", "&");
            let link = link.split('#').next().unwrap().to_owned();
            // One role page stands for all.
            let is_one_of_many = link.contains("/role") && !link.contains("/1/role");
            assert!(
                link.is_empty() || link.starts_with('/'),
                "{path} leads away: {link}"
            );
            if !link.is_empty() && !is_one_of_many && seen.insert(link.clone()) {
                queue.push_back(link);
            }
        }
    }
    assert!(seen.len() > 40, "{seen:?}");
    for expected in [
        "/me",
        "/admin/audit",
        "/admin/api",
        "/admin/models/monitoring",
        "/c/ducks/bots/appeals",
        "/me/bots",
        "/api/docs/graphql",
        "/api/docs/rest/instance",
        "/c/ducks/chat",
        "/c/ducks/bots",
        "/c/ducks/bots/queue",
        "/c/ducks/deliveries",
        "/c/ducks/settings/connections",
        "/c/empty/health",
        "/c/ducks/health/hours.csv?period=30d",
        &channel,
    ] {
        assert!(seen.contains(expected), "{expected} in {seen:?}");
    }
    let nobody = Browser::new(&world);
    for path in ["/", "/login", "/login/link?token=x", "/nowhere"] {
        check(path, &nobody.get(path).await.body);
    }
    world.close().await;
}
