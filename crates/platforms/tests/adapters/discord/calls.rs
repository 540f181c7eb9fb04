//! The calls only Discord has, and how the bot comes and goes.

use std::{sync::Arc, time::Duration};

use kernel::{
    Clock, CommandOption, CommandSpec, Connector, Ear, Heard, Returned, Role, Secret, SystemClock,
    Timestamp,
};
use platforms::{
    Webhook,
    discord::{ApiError, EventDraft, EventPlace, EventStatus},
    webhook::Delivered,
};
use serde_json::json;
use simulator::discord::Options;

use super::rig::{ANN, BOB, CHANNEL, GUILD, OWNER, Rig, options};

/// A race tomorrow.
pub(crate) fn race() -> EventDraft {
    let starts_at = Timestamp::from_secs(SystemClock.now().secs() + 86_400);
    EventDraft {
        name: "Race night".into(),
        description: "Bring a duck.".into(),
        starts_at,
        ends_at: Some(starts_at.plus(Duration::from_secs(3_600))),
        place: EventPlace::External {
            location: "The pond".into(),
        },
    }
}

#[tokio::test]
async fn an_event_is_made_changed_moved_started_listed_and_deleted() {
    let rig = Rig::start(options()).await;
    let guild = GUILD.to_string();
    let made = rig
        .discord
        .create_event(&guild, &race(), "planned")
        .await
        .unwrap();
    assert_eq!(
        (&made.event, made.status),
        (&race(), EventStatus::Scheduled)
    );
    let voice = EventDraft {
        place: EventPlace::Voice {
            channel: CHANNEL.to_string(),
        },
        ends_at: None,
        description: String::new(),
        ..race()
    };
    let moved = rig
        .discord
        .update_event(&guild, &made.id, &voice, "")
        .await
        .unwrap();
    assert_eq!(moved.event, voice);
    let back = rig
        .discord
        .update_event(&guild, &made.id, &race(), "")
        .await
        .unwrap();
    assert_eq!(back.event, race(), "the channel was taken away");
    rig.server.rsvp(GUILD, made.id.parse().unwrap(), ANN);
    assert_eq!(
        rig.discord.events(&guild).await.unwrap()[0].n_interested,
        Some(1)
    );
    let begun = rig
        .discord
        .set_event_status(&guild, &made.id, EventStatus::Active, "")
        .await
        .unwrap();
    assert_eq!(begun.status, EventStatus::Active);
    assert!(
        rig.discord
            .set_event_status(&guild, &made.id, EventStatus::Cancelled, "")
            .await
            .is_err()
    );
    for _ in 0..2 {
        rig.discord.delete_event(&guild, &made.id).await.unwrap();
    }
    assert_eq!(rig.discord.event(&guild, &made.id).await, Ok(None));
}

#[tokio::test]
async fn an_event_that_discords_documents_forbid_is_never_asked_for() {
    let rig = Rig::start(options()).await;
    let long = EventDraft {
        name: "n".repeat(200),
        description: "d".repeat(2_000),
        ..race()
    };
    let made = rig
        .discord
        .create_event(&GUILD.to_string(), &long, "")
        .await
        .unwrap();
    assert_eq!(
        (
            made.event.name.chars().count(),
            made.event.description.chars().count()
        ),
        (100, 1_000)
    );
    let before = rig.server.exchanges().all().len();
    for wrong in [
        EventDraft {
            ends_at: None,
            ..race()
        },
        EventDraft {
            place: EventPlace::External {
                location: " ".into(),
            },
            ..race()
        },
        EventDraft {
            name: "\n".into(),
            ..race()
        },
        EventDraft {
            ends_at: Some(race().starts_at),
            ..race()
        },
        EventDraft {
            starts_at: Timestamp::from_secs(1_000),
            ..race()
        },
        EventDraft {
            place: EventPlace::Stage {
                channel: "stage".into(),
            },
            ..race()
        },
    ] {
        let refused = rig
            .discord
            .create_event(&GUILD.to_string(), &wrong, "")
            .await;
        assert!(matches!(refused, Err(ApiError::Invalid(_))), "{wrong:?}");
    }
    assert_eq!(rig.server.exchanges().all().len(), before);
}

#[tokio::test]
async fn everybody_who_comes_is_listed_page_by_page() {
    let rig = Rig::start(options()).await;
    let guild = GUILD.to_string();
    let event = rig.discord.create_event(&guild, &race(), "").await.unwrap();
    assert_eq!(rig.discord.interested(&guild, &event.id).await.unwrap(), []);
    let id = event.id.parse().unwrap();
    for n in 0..230 {
        rig.server.rsvp(GUILD, id, ANN + n);
    }
    let all = rig.discord.interested(&guild, &event.id).await.unwrap();
    let expected: Vec<String> = (0..230).map(|n| (ANN + n).to_string()).collect();
    assert_eq!(
        all.iter().map(|one| one.user.clone()).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(all[0].name, "ann");
    let pages = rig
        .server
        .exchanges()
        .all()
        .iter()
        .filter(|e| e.path.ends_with("/users"))
        .count();
    assert_eq!(pages, 1 + 3);
}

#[tokio::test]
async fn people_are_given_roles_silenced_removed_and_let_back() {
    let rig = Rig::start(options()).await;
    let (guild, ann) = (GUILD.to_string(), ANN.to_string());
    rig.server.join(GUILD, ANN);
    rig.server.add_role(GUILD, 55, "duck", 0);
    rig.discord
        .give_role(&guild, &ann, "55", "earned")
        .await
        .unwrap();
    assert_eq!(rig.server.member(GUILD, ANN).unwrap().roles, [55]);
    rig.discord.take_role(&guild, &ann, "55", "").await.unwrap();
    rig.discord
        .timeout(
            &guild,
            &ann,
            Some(Duration::from_secs(90 * 86_400)),
            "spam, «viel»",
        )
        .await
        .unwrap();
    let member = rig.server.member(GUILD, ANN).unwrap();
    assert!(member.roles.is_empty() && member.silenced_until.unwrap() > SystemClock.now());
    rig.discord.timeout(&guild, &ann, None, "").await.unwrap();
    assert_eq!(rig.server.member(GUILD, ANN).unwrap().silenced_until, None);
    for _ in 0..2 {
        rig.discord.kick(&guild, &ann, "").await.unwrap();
    }
    assert_eq!(rig.server.member(GUILD, ANN), None);
    rig.discord
        .ban(
            &guild,
            &BOB.to_string(),
            Duration::from_secs(30 * 86_400),
            "spam",
        )
        .await
        .unwrap();
    assert!(rig.server.is_banned(GUILD, BOB));
    for _ in 0..2 {
        rig.discord
            .unban(&guild, &BOB.to_string(), "")
            .await
            .unwrap();
    }
    assert!(!rig.server.is_banned(GUILD, BOB));
    let refused = rig
        .discord
        .kick(&guild, &OWNER.to_string(), "")
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some(50_013));
}

const PING: CommandSpec = CommandSpec {
    name: "ping",
    aliases: &[],
    description: "Says pong.",
    options: &[CommandOption {
        name: "text",
        description: "",
        is_required: false,
    }],
    minimum_role: Role::Member,
    cooldown_user_secs: 0,
    cooldown_channel_secs: 0,
    category: "Test",
};

#[tokio::test]
async fn slash_commands_are_these_and_no_others() {
    let rig = Rig::start(options()).await;
    let help = CommandSpec {
        name: "help",
        ..PING
    };
    rig.discord.sync_commands(&[PING, help]).await.unwrap();
    rig.discord.sync_commands(&[PING]).await.unwrap();
    let registered = rig.server.commands(None);
    assert_eq!(registered.len(), 1);
    assert_eq!(registered[0]["name"], "ping");
    let nameless = CommandSpec {
        name: "Not A Name",
        ..PING
    };
    assert!(rig.discord.sync_commands(&[nameless]).await.is_err());
}

#[tokio::test]
async fn the_bot_is_installed_looked_after_and_sent_away() {
    let mut before = options();
    before.guilds[0].is_installed = false;
    before.auto_approve = Some(OWNER);
    let rig = Rig::start(before).await;
    let url = rig
        .discord
        .install_url("state&1", "http://127.0.0.1:9/back");
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let response = client.get(url).send().await.unwrap();
    let target = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let back: std::collections::BTreeMap<_, _> = target.query_pairs().into_owned().collect();
    assert_eq!(back["state"], "state&1");
    let returned = Returned {
        code: Secret::new(back["code"].clone()),
        redirect: "http://127.0.0.1:9/back".into(),
        server: Some(back["guild_id"].clone()),
    };
    let installed = rig.discord.install(&returned).await.unwrap();
    assert_eq!(
        (installed.name.as_str(), installed.grant.server.as_str()),
        ("Pond", GUILD.to_string().as_str())
    );
    assert!(
        installed.grant.access.expose().is_empty()
            && installed.grant.scopes.contains(&"bot".to_owned())
    );
    let again = rig.discord.install(&returned).await.unwrap_err();
    assert!(again.0.contains("code"), "{again}");
    let names: Vec<_> = rig
        .discord
        .channels(&installed.grant)
        .await
        .unwrap()
        .into_iter()
        .map(|c| c.name)
        .collect();
    assert_eq!(names, ["general", "races"]);
    assert_eq!(
        rig.discord.check(&installed.grant).await.unwrap(),
        "reached Pond as WaddleBot, 2 text channels"
    );
    for _ in 0..2 {
        rig.discord.revoke(&installed.grant).await.unwrap();
    }
    assert!(!rig.server.is_installed(GUILD));
    assert!(
        rig.discord
            .check(&installed.grant)
            .await
            .unwrap_err()
            .0
            .contains("Unknown Guild")
    );
}

#[tokio::test]
async fn an_interaction_over_http_is_taken_as_discord_signs_it() {
    let rig = Rig::start(Options {
        client_secret: Options::default().client_secret,
        ..options()
    })
    .await;
    let body = json!({
        "id": "900000000000000001", "type": 2, "token": "tok", "guild_id": GUILD.to_string(), "channel_id": CHANNEL.to_string(),
        "member": { "user": { "id": ANN.to_string(), "username": "ann" }, "roles": [], "permissions": "0" },
        "data": { "name": "ping" },
    })
    .to_string();
    let timestamp = SystemClock.now().secs().to_string();
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in rig.server.sign(&timestamp, body.as_bytes()) {
        headers.insert(name, value.parse().unwrap());
    }
    let ear: Arc<dyn Ear> = rig.notes.clone();
    let answer = rig
        .discord
        .deliver(
            Delivered {
                headers: &headers,
                body: body.as_bytes(),
            },
            &ear,
        )
        .await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"type":5}"#)
    );
    assert!(matches!(
        rig.notes.all().as_slice(),
        [Heard::Interaction(_)]
    ));
}
