//! Custom commands and what communities decide about the program's.

use community::{COMMANDS_MAX, CommandChange, CommunityError, Named, SettingChange};
use kernel::{Actor, CommunityId, Role};
use testkit::{World, on_both};

fn says(reply: &str) -> CommandChange {
    CommandChange {
        reply: Some(reply.to_owned()),
        ..CommandChange::default()
    }
}

fn aliased(reply: &str, aliases: &[&str]) -> CommandChange {
    CommandChange {
        aliases: Some(aliases.iter().map(|alias| (*alias).to_owned()).collect()),
        ..says(reply)
    }
}

/// The reply of what a name means; `None` if nothing, the built-in's name in `<…>`.
async fn meaning(world: &World, community: CommunityId, name: &str) -> Option<String> {
    let found = world
        .app
        .commands
        .find_command(&world.system(), community, name)
        .await
        .unwrap();
    found.map(|named| match named {
        Named::Custom(command) => command.reply,
        Named::BuiltIn(setting) => format!("<{}>", setting.spec.name),
    })
}

fn conflict<T: std::fmt::Debug>(answer: Result<T, CommunityError>) -> String {
    match answer {
        Err(CommunityError::Conflict(message)) => message,
        other => panic!("expected a conflict: {other:?}"),
    }
}

async fn actions(world: &World) -> Vec<(String, String)> {
    let page = kernel::PageRequest::first(50);
    let log = world.app.audit(&world.system(), &page).await.unwrap();
    let mut found: Vec<(String, String)> = log
        .items
        .into_iter()
        .filter(|record| record.action.starts_with("command."))
        .map(|record| (record.action, record.actor))
        .collect();
    found.reverse();
    found
}

on_both! {
    async fn a_command_is_made_found_changed_and_removed_and_the_log_tells(world: World) {
        let pond = world.community("Pond").await;
        let mia = world.person(pond, "mia", Some(Role::Moderator)).await;
        let commands = world.app.commands.clone();
        let made = commands.add_command(&mia.actor, pond, "Hello", &aliased("hi {user}", &["HI", "hey"])).await.unwrap();
        assert_eq!((made.name.as_str(), made.created_by, made.uses), ("hello", Some(mia.user), 0));
        assert_eq!((made.cooldown_user_secs, made.cooldown_channel_secs), (5, 2));
        for name in ["hello", "HELLO", "hi", "Hey"] {
            assert_eq!(meaning(&world, pond, name).await.as_deref(), Some("hi {user}"), "{name}");
        }
        for name in ["hel", "h_", "%", "hi hey", "", "hélló"] {
            assert_eq!(meaning(&world, pond, name).await, None, "{name}");
        }
        let stored = commands.custom_commands(&mia.actor, pond).await.unwrap();
        assert_eq!(stored, vec![made.clone()]);

        world.clock.advance(std::time::Duration::from_secs(60));
        let change = CommandChange {
            minimum_role: Some(Role::Vip),
            cooldown_user_secs: Some(30),
            is_enabled: Some(false),
            ..aliased("bye", &[])
        };
        let edited = commands.edit_command(&mia.actor, pond, "hi", &change).await.unwrap();
        assert_eq!((edited.reply.as_str(), edited.aliases.len(), edited.is_enabled), ("bye", 0, false));
        assert_eq!((edited.minimum_role, edited.cooldown_user_secs, edited.cooldown_channel_secs), (Role::Vip, 30, 2));
        assert_eq!((edited.created_at, edited.updated_at > made.updated_at), (made.created_at, true));
        assert_eq!(meaning(&world, pond, "hi").await, None);
        let again = commands.edit_command(&mia.actor, pond, "hello", &change).await.unwrap();
        assert_eq!(again, edited, "changing nothing changes nothing");

        let gone = commands.remove_command(&mia.actor, pond, "hello").await.unwrap();
        assert_eq!(gone, edited);
        for answer in [
            commands.remove_command(&mia.actor, pond, "hello").await,
            commands.edit_command(&mia.actor, pond, "hello", &change).await,
        ] {
            assert!(matches!(answer, Err(CommunityError::NotFound)), "{answer:?}");
        }
        let who = format!("user:{}", mia.user);
        let told: Vec<(String, String)> = ["command.add", "command.edit", "command.remove"]
            .map(|action| (action.to_owned(), who.clone())).to_vec();
        assert_eq!(actions(&world).await, told);
    }

    async fn a_name_means_one_command(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let commands = world.app.commands.clone();
        let system = world.system();
        commands.add_command(&system, pond, "hello", &aliased("hi", &["hey"])).await.unwrap();
        for (name, aliases) in [("hello", vec![]), ("hey", vec![]), ("new", vec!["hello"]), ("new", vec!["hey"])] {
            let message = conflict(commands.add_command(&system, pond, name, &aliased("x", &aliases)).await);
            assert!(message.contains("already"), "{message}");
        }
        for (name, aliases) in [("ping", vec![]), ("P", vec![]), ("new", vec!["help"])] {
            let message = conflict(commands.add_command(&system, pond, name, &aliased("x", &aliases)).await);
            assert!(message.contains("command of WaddleBot"), "{message}");
        }
        commands.add_command(&system, pond, "bye", &says("bye")).await.unwrap();
        conflict(commands.edit_command(&system, pond, "bye", &aliased("x", &["hey"])).await);
        commands.edit_command(&system, pond, "hello", &aliased("hi", &["hey", "hallo"])).await.unwrap();
        commands.add_command(&system, lake, "hello", &says("hi lake")).await.unwrap();
        assert_eq!(meaning(&world, pond, "hello").await.as_deref(), Some("hi"));
        assert_eq!(meaning(&world, lake, "hello").await.as_deref(), Some("hi lake"));
        assert_eq!(meaning(&world, lake, "hey").await, None);
        assert_eq!(meaning(&world, lake, "p").await.as_deref(), Some("<ping>"));
    }

    async fn what_is_wrong_is_said_by_field_and_changes_nothing(world: World) {
        let pond = world.community("Pond").await;
        let commands = world.app.commands.clone();
        let before = world.dump().await;
        let long = "x".repeat(501);
        for (name, change, expected) in [
            ("a b", says("x"), "name"),
            ("", says("x"), "name"),
            ("x", says(" "), "reply"),
            ("x", CommandChange::default(), "reply"),
            ("x", says(&long), "reply"),
            ("x", aliased("x", &["a.b"]), "aliases"),
            ("x", CommandChange { minimum_role: Some(Role::Banned), ..says("x") }, "minimum_role"),
            ("x", CommandChange { cooldown_user_secs: Some(86_401), ..says("x") }, "cooldown_user_secs"),
            ("x", CommandChange { cooldown_channel_secs: Some(u32::MAX), ..says("x") }, "cooldown_channel_secs"),
        ] {
            let answer = commands.add_command(&world.system(), pond, name, &change).await;
            assert!(matches!(&answer, Err(CommunityError::Invalid { field, .. }) if *field == expected), "{expected}: {answer:?}");
        }
        assert_eq!(world.dump().await, before);
    }

    async fn a_community_has_a_bounded_number_of_commands(world: World) {
        let pond = world.community("Pond").await;
        let commands = world.app.commands.clone();
        for n in 0..COMMANDS_MAX {
            commands.add_command(&world.system(), pond, &format!("c{n}"), &says("x")).await.unwrap();
        }
        let message = conflict(commands.add_command(&world.system(), pond, "more", &says("x")).await);
        assert!(message.contains("200"), "{message}");
        commands.remove_command(&world.system(), pond, "c7").await.unwrap();
        commands.add_command(&world.system(), pond, "more", &says("x")).await.unwrap();
        assert_eq!(commands.custom_commands(&world.system(), pond).await.unwrap().len(), COMMANDS_MAX);
    }

    async fn two_who_take_one_name_at_once_do_not_both_get_it(world: World) {
        let pond = world.community("Pond").await;
        let tries: Vec<_> = (0..6).map(|n| {
            let commands = world.app.commands.clone();
            tokio::spawn(async move {
                let change = aliased("x", &["shared"]);
                commands.add_command(&Actor::System("test"), pond, &format!("c{n}"), &change).await.is_ok()
            })
        }).collect();
        let mut n_made = 0;
        for made in tries {
            n_made += u32::from(made.await.unwrap());
        }
        assert_eq!(n_made, 1);
    }

    async fn every_use_is_counted_once_and_only_for_those_who_may(world: World) {
        let pond = world.community("Pond").await;
        let vera = world.person(pond, "vera", Some(Role::Vip)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        let commands = world.app.commands.clone();
        let system = world.system();
        let change = CommandChange { minimum_role: Some(Role::Vip), ..says("x") };
        let made = commands.add_command(&system, pond, "vip", &change).await.unwrap();
        let uses: Vec<_> = (0..20).map(|_| {
            let (commands, actor, made) = (commands.clone(), vera.actor.clone(), made.clone());
            tokio::spawn(async move { commands.use_command(&actor, pond, &made).await.unwrap() })
        }).collect();
        let mut counted = Vec::new();
        for used in uses {
            counted.push(used.await.unwrap().unwrap());
        }
        counted.sort_unstable();
        assert_eq!(counted, (1..=20).collect::<Vec<u64>>());
        let refused = commands.use_command(&ann.actor, pond, &made).await;
        assert!(matches!(refused, Err(CommunityError::NotAllowed(_))), "{refused:?}");
        let off = CommandChange { is_enabled: Some(false), ..CommandChange::default() };
        commands.edit_command(&system, pond, "vip", &off).await.unwrap();
        assert_eq!(commands.use_command(&vera.actor, pond, &made).await.unwrap(), None);
        let lake = world.community("Lake").await;
        assert_eq!(commands.use_command(&system, lake, &made).await.unwrap(), None, "of another community");
        assert_eq!(commands.custom_commands(&system, pond).await.unwrap()[0].uses, 20);
    }

    async fn a_community_decides_about_the_programs_commands_and_can_take_it_back(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let mia = world.person(pond, "mia", Some(Role::Moderator)).await;
        let commands = world.app.commands.clone();
        let change = SettingChange {
            is_enabled: false,
            minimum_role: Some(Role::Admin),
            cooldown_user_secs: Some(0),
            cooldown_channel_secs: Some(60),
        };
        let set = commands.set_command(&mia.actor, pond, "P", &change).await.unwrap();
        assert_eq!((set.spec.name, set.is_enabled, set.minimum_role()), ("ping", false, Role::Admin));
        let all = commands.command_settings(&mia.actor, pond).await.unwrap();
        assert_eq!(all.iter().map(|s| (s.spec.name, s.is_enabled)).collect::<Vec<_>>(), [("ping", false), ("help", true)]);
        assert_eq!((all[0].cooldown_user_secs(), all[0].cooldown_channel_secs()), (0, 60));
        assert_eq!((all[1].cooldown_user_secs(), all[1].minimum_role()), (3, Role::Member));
        let elsewhere = commands.command_settings(&world.system(), lake).await.unwrap();
        assert!(elsewhere[0].is_enabled);

        let back = commands.set_command(&mia.actor, pond, "ping", &SettingChange::default()).await.unwrap();
        assert_eq!((back.is_enabled, back.cooldown_user_secs(), back.minimum_role()), (true, 3, Role::Member));
        commands.set_command(&mia.actor, pond, "ping", &SettingChange::default()).await.unwrap();
        assert_eq!(actions(&world).await.len(), 2, "what changes nothing is not logged");

        let absent = commands.set_command(&mia.actor, pond, "raid", &change).await;
        assert!(matches!(absent, Err(CommunityError::NotFound)), "{absent:?}");
        let banned = SettingChange { minimum_role: Some(Role::Banned), ..change };
        let wrong = commands.set_command(&mia.actor, pond, "ping", &banned).await;
        assert!(matches!(wrong, Err(CommunityError::Invalid { field: "minimum_role", .. })), "{wrong:?}");
    }
}
