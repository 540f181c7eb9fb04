//! Plays the transcripts.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use ::commands::Settings;
use community::{CommandChange, Named, SettingChange};
use kernel::{EventKind, InteractionKind, Platform, Role};
use testkit::{World, on_both};

use super::{
    script::{Act, Step, steps},
    stage::Stage,
};

macro_rules! transcripts {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(mod $name {
            use super::*;

            on_both! {
                async fn on_discord(world: World) {
                    play(&mut world, Platform::Discord, stringify!($name)).await;
                }
                async fn on_twitch(world: World) {
                    play(&mut world, Platform::Twitch, stringify!($name)).await;
                }
                async fn on_slack(world: World) {
                    play(&mut world, Platform::Slack, stringify!($name)).await;
                }
            }
        })*
    };
}

transcripts![
    addcom, botscore, commands, delcom, editcom, flood, help, link, mydata, ping, report,
    reputation, rights, settings, uptime, variables,
];

fn folder() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fixtures/transcripts"
    ))
}

#[test]
fn every_transcript_is_played() {
    let there: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let played: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(there, played);
}

#[test]
fn every_command_stands_in_a_transcript() {
    let texts: String = NAMES
        .iter()
        .map(|name| std::fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap())
        .collect();
    for spec in ::commands::specs() {
        for name in std::iter::once(spec.name).chain(spec.aliases.iter().copied()) {
            assert!(
                texts.contains(&format!("> !{name}")),
                "`!{name}` is in no transcript"
            );
        }
    }
}

async fn play(world: &mut World, platform: Platform, name: &str) {
    let text = std::fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
    let mut stage = Stage::set(world, platform, Settings::default()).await;
    let mut times = 1;
    for (line, step) in steps(&text, platform) {
        match step {
            Step::Directive(words) => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                if let ["repeat", n] = words.as_slice() {
                    times = n.parse().unwrap();
                } else {
                    direct(&mut stage, &words).await;
                }
            }
            Step::Does { who, act, answers } => {
                for _ in 0..std::mem::replace(&mut times, 1) {
                    let Some(said) = does(&mut stage, &who, &act).await else {
                        continue;
                    };
                    let fits = said.len() == answers.len()
                        && said
                            .iter()
                            .zip(&answers)
                            .all(|(said, may)| may.contains(said));
                    assert!(
                        fits,
                        "{name}.txt, line {line}, {platform}:\n  {who} {act:?}\n  said     {said:#?}\n  expected {answers:#?}"
                    );
                }
            }
        }
    }
}

/// `None` if it cannot be done on the platform.
async fn does(stage: &mut Stage<'_>, who: &str, act: &Act) -> Option<Vec<String>> {
    let kind = match (act, stage.platform) {
        (Act::Say(text), _) => return Some(stage.says(who, text).await),
        (_, Platform::Twitch) => return None,
        (Act::Press(id), _) => InteractionKind::Press {
            id: id.clone(),
            message_id: "message-1".into(),
        },
        // Slack has one slash command, which holds all of ours.
        (Act::Pick { name, arguments }, Platform::Slack) => InteractionKind::Command {
            name: "waddlebot".into(),
            arguments: format!("{name} {arguments}"),
        },
        (Act::Pick { name, arguments }, _) => InteractionKind::Command {
            name: name.clone(),
            arguments: arguments.clone(),
        },
    };
    Some(stage.asks(who, kind).await)
}

async fn direct(stage: &mut Stage<'_>, words: &[&str]) {
    match words {
        ["clock", by] => {
            let secs = by.trim_start_matches('+').parse().unwrap();
            stage.world.clock.advance(Duration::from_secs(secs));
        }
        ["role", name, role] => stage.role(name, role.parse().unwrap()).await,
        ["standing", name, "none"] => {
            stage.standing.remove(*name);
        }
        ["standing", name, role] => {
            let role: Role = role.parse().unwrap();
            stage.standing.insert((*name).to_owned(), role);
        }
        ["bot", name] => stage.bots.push((*name).to_owned()),
        ["ours", name] => {
            let id = stage.account(name).platform_user_id;
            stage.face.is_ours(stage.platform, &id);
        }
        ["on", name] => set(stage, name, |setting| setting.is_enabled = true).await,
        ["off", name] => set(stage, name, |setting| setting.is_enabled = false).await,
        ["need", name, role] => {
            let role: Role = role.parse().unwrap();
            set(stage, name, |setting| setting.minimum_role = Some(role)).await;
        }
        ["cooldown", name, user, channel] => {
            let (user, channel) = (user.parse().unwrap(), channel.parse().unwrap());
            set(stage, name, |setting| {
                setting.cooldown_user_secs = Some(user);
                setting.cooldown_channel_secs = Some(channel);
            })
            .await;
        }
        ["custom", n] => {
            let change = CommandChange {
                reply: Some("x".into()),
                ..CommandChange::default()
            };
            let app = &stage.world.app;
            for n in 0..n.parse().unwrap() {
                let name = format!("n{n:02}");
                let system = stage.world.system();
                let made = app
                    .commands
                    .add_command(&system, stage.pond, &name, &change);
                made.await.unwrap();
            }
        }
        ["join", name] => {
            stage.happens(name, EventKind::Join).await;
        }
        ["scored", name] => {
            let (pond, columns) = (
                stage.pond,
                "community_id, account_id, scored_n, probability_ppm, rule_ppm",
            );
            let made = format!(
                "INSERT INTO bot_score ({columns}) SELECT {pond}, id, 12, 10000, 0 FROM platform_account WHERE username = '{name}'"
            );
            let made = stage.world.sql(&made);
            assert_eq!(made.await, 1, "{name} has said nothing yet");
        }
        ["connected"] => connected(stage).await,
        ["stream", "online"] => {
            let title = String::new();
            stage
                .happens("pond", EventKind::StreamOnline { title })
                .await;
        }
        ["stream", "offline"] => {
            stage.happens("pond", EventKind::StreamOffline).await;
        }
        other => panic!("no directive: {other:?}"),
    }
}

/// A Discord server is connected, which tells of moderation.
async fn connected(stage: &Stage<'_>) {
    let columns = "community_id, platform, platform_server_id, name, link_type, status, is_primary, created_at";
    let server = format!(
        "INSERT INTO community_server ({columns}) VALUES ({}, 1, 'connected', 'x', 0, 1, FALSE, 0)",
        stage.pond
    );
    let columns = "community_id, platform, platform_server_id, server_id, account, scopes, status, created_at, updated_at";
    let connection = format!(
        "INSERT INTO connection ({columns}) SELECT community_id, platform, platform_server_id, id, '', '', 1, 0, 0 \
         FROM community_server WHERE platform_server_id = 'connected'"
    );
    for statement in [server, connection] {
        assert_eq!(stage.world.sql(&statement).await, 1);
    }
}

/// Changes what the community has decided about a command.
async fn set(stage: &Stage<'_>, name: &str, change: impl FnOnce(&mut SettingChange)) {
    let (commands, system) = (&stage.world.app.commands, stage.world.system());
    let found = commands.find_command(&system, stage.pond, name).await;
    let Some(Named::BuiltIn(now)) = found.unwrap() else {
        panic!("`{name}` is no command of the program");
    };
    let mut setting = SettingChange {
        is_enabled: now.is_enabled,
        minimum_role: now.own_role,
        cooldown_user_secs: now.own_cooldown_user_secs,
        cooldown_channel_secs: now.own_cooldown_channel_secs,
    };
    change(&mut setting);
    let set = commands.set_command(&system, stage.pond, name, &setting);
    set.await.unwrap();
}
