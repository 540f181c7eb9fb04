//! Moderators are told of new cases and of crowds in a channel of their own: once, gathered while many come, and nowhere
//! unless somebody chose it.

use std::{sync::Arc, time::Duration};

use app::{AppError, ChosenChannel, jobs};
use bots::{BotsError, Level, Probability, Setting as Detection, TELL_JOB};
use identity::{Connection, Install};
use kernel::{
    Actor, Address, Button, Clock, CommunityId, EventKind, Grant, Installed, Medium, Mentions,
    Order, Platform, Role, Secret,
};
use store::job::NewJob;
use testkit::{Setup, TestCourier, World, on_both};

use super::bot_scores::{advert, catch_up, chatter, happens, talks, two_quiet_days};

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// A world whose Discord remembers what it is told to say.
async fn discord(world: &mut World) -> Arc<TestCourier> {
    let courier = TestCourier::new(Medium::Discord);
    let setup = Setup {
        couriers: vec![courier.clone()],
        ..Setup::default()
    };
    world.restart(setup).await;
    courier
}

async fn connect(
    world: &World,
    community: CommunityId,
    platform: Platform,
    server: &str,
) -> Connection {
    let install = Install {
        community,
        platform,
        redirect: "https://bot.example.org/connect/discord/callback".to_owned(),
    };
    let installed = Installed {
        name: "The pond".to_owned(),
        grant: Grant {
            platform,
            server: server.to_owned(),
            account: "1".to_owned(),
            access: Secret::new("token".to_owned()),
            refresh: None,
            expires_at: None,
            scopes: Vec::new(),
        },
    };
    let identity = &world.app.identity;
    let made = identity
        .finish_install(&world.system(), &install, &installed)
        .await;
    made.unwrap()
}

fn wanted(connection: &Connection, channel: &str, least: Level) -> ChosenChannel {
    ChosenChannel {
        server: connection.server,
        channel: channel.to_owned(),
        least,
    }
}

/// Has moderators told on a Discord server of the community; answers the connection.
async fn told_in(world: &World, community: CommunityId, least: Level) -> Connection {
    let connection = connect(world, community, Platform::Discord, "9000").await;
    let wanted = wanted(&connection, "12", least);
    let (app, system) = (&world.app, world.system());
    app.choose_bot_channel(&system, community, Some(wanted))
        .await
        .unwrap();
    connection
}

/// Runs what is due, and what becomes due by it.
async fn run(world: &World) {
    let runner = jobs::runner(&world.app, "tester");
    for _ in 0..3 {
        runner.run_due(world.clock.now()).await.unwrap();
    }
}

/// Asks for the job that tells.
async fn ask(world: &World) {
    let system = world.system();
    let begun = world.app.db().begin(&system, world.clock.now());
    let mut work = begun.await.unwrap();
    let job = NewJob::new(TELL_JOB, serde_json::json!({}));
    work.enqueue(job).await.unwrap();
    work.commit().await.unwrap();
}

/// The minute is over.
async fn timer(world: &World) {
    ask(world).await;
    run(world).await;
}

fn title(order: &Order) -> &str {
    order.draft.title.as_deref().unwrap()
}

fn titles(orders: &[Order]) -> Vec<&str> {
    orders.iter().map(title).collect()
}

/// Where its button leads.
fn leads_to(order: &Order) -> &str {
    match &order.draft.buttons[..] {
        [Button::Link { url, .. }] => url,
        other => panic!("{other:?}"),
    }
}

/// Machines that advertise, each noticed by now.
async fn machines(world: &mut World, community: CommunityId, names: &[&str]) {
    for name in names {
        talks(world, community, name, 60, 600, advert).await;
    }
    catch_up(world).await;
}

async fn detection(world: &World, community: CommunityId, change: fn(&mut Detection)) {
    let mut setting = Detection::default();
    change(&mut setting);
    let (bots, system) = (&world.app.bots, world.system());
    bots.change_setting(&system, community, &setting)
        .await
        .unwrap();
}

const GREETED: &str = "Moderators are told here";
const ONE: &str = "Somebody looks like a bot";

on_both! {
    async fn moderators_are_told_of_a_case_once_and_of_a_wave_in_one_post(world: World) {
        let courier = discord(&mut world).await;
        let pond = world.community("Pond").await;
        told_in(&world, pond, Level::Likely).await;
        run(&world).await;
        let orders = courier.orders();
        assert_eq!(titles(&orders), [GREETED], "whoever reads along knows why");
        let there = Address::Channel { server: "9000".to_owned(), channel: "12".to_owned() };
        assert_eq!(orders[0].address, there);

        machines(&mut world, pond, &["spam<@1>"]).await;
        run(&world).await;
        let orders = courier.orders();
        assert_eq!(titles(&orders), [GREETED, ONE]);
        let post = &orders[1];
        let lines: Vec<&str> = post.draft.body.lines().collect();
        assert!(lines[0].starts_with("spam<@1> on ") && lines[0].contains(": likely a bot ("), "{lines:?}");
        assert_eq!(lines.len(), 3, "two reasons: {lines:?}");
        let case = world.number("SELECT id FROM bot_case").await;
        assert!(leads_to(post).ends_with(&format!("/c/pond/bots/cases/{case}")), "{post:?}");
        assert_eq!((&post.address, &post.mentions), (&there, &Mentions::Nobody));

        // A job that runs twice, and more evidence of the same, say nothing more.
        timer(&world).await;
        talks(&mut world, pond, "spam<@1>", 60, 600, advert).await;
        catch_up(&world).await;
        world.clock.advance(TEN_MINUTES);
        timer(&world).await;
        assert_eq!(courier.orders().len(), 2);

        // The first of a wave at once, the others together, when ten minutes are over.
        machines(&mut world, pond, &["wave-0"]).await;
        run(&world).await;
        machines(&mut world, pond, &["wave-1", "wave-2"]).await;
        world.clock.advance(Duration::from_secs(300));
        machines(&mut world, pond, &["wave-3", "wave-4", "wave-5"]).await;
        timer(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED, ONE, ONE], "gathered");
        world.clock.advance(Duration::from_secs(301));
        timer(&world).await;
        timer(&world).await;
        let orders = courier.orders();
        assert_eq!(titles(&orders), [GREETED, ONE, ONE, "5 new cases wait"]);
        let lines: Vec<&str> = orders[3].draft.body.lines().collect();
        assert_eq!((lines.len(), lines[3]), (4, "… and 2 more"), "{lines:?}");
        assert!(leads_to(&orders[3]).ends_with("/c/pond/bots/queue"), "{orders:?}");
    }

    async fn two_processes_that_tell_at_once_post_once(world: World) {
        let courier = discord(&mut world).await;
        let pond = world.community("Pond").await;
        told_in(&world, pond, Level::Likely).await;
        machines(&mut world, pond, &["spam"]).await;
        let other = world.another(Setup { couriers: vec![courier.clone()], ..Setup::default() }).await;
        let (one, two) = (jobs::runner(&world.app, "one"), jobs::runner(&other.app, "two"));
        ask(&world).await;
        let now = world.clock.now();
        let (first, second) = tokio::join!(one.run_due(now), two.run_due(now));
        first.unwrap();
        second.unwrap();
        run(&world).await;
        let posts = "SELECT COUNT(*) FROM delivery WHERE idem_key LIKE 'bots.cases:%'";
        assert_eq!(world.number(posts).await, 1);
        other.stop().await;
    }

    async fn what_a_person_decided_meanwhile_is_not_told(world: World) {
        let courier = discord(&mut world).await;
        let pond = world.community("Pond").await;
        told_in(&world, pond, Level::Likely).await;
        machines(&mut world, pond, &["spam"]).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_case WHERE told = 1").await, 1);
        world.sql("UPDATE bot_case SET state = 2, decided_at = 0").await;
        run(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED]);
    }

    async fn nobody_is_told_where_nowhere_is_chosen_or_in_a_dry_run_or_of_less_than_was_asked_for(world: World) {
        let courier = discord(&mut world).await;
        let [pond, lake, sea] = ["Pond", "Lake", "Sea"].map(str::to_owned);
        let pond = world.community(&pond).await;
        let lake = world.community(&lake).await;
        let sea = world.community(&sea).await;
        told_in(&world, lake, Level::Likely).await;
        detection(&world, lake, |setting| setting.is_dry_run = true).await;
        let connection = connect(&world, sea, Platform::Discord, "9001").await;
        let wanted = wanted(&connection, "11", Level::Likely);
        world.app.choose_bot_channel(&world.system(), sea, Some(wanted)).await.unwrap();
        detection(&world, sea, |setting| setting.likely = Probability::percent(100)).await;
        for (n, community) in [pond, lake, sea].into_iter().enumerate() {
            machines(&mut world, community, &[&format!("spam-{n}")]).await;
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_case WHERE state = 0").await, 3);
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_case WHERE told <> 0").await, 0);
        timer(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED, GREETED]);

        // It is told when it reaches the level at last, and once. What was drawn by chance was no news.
        detection(&world, sea, |_| ()).await;
        world.sql("UPDATE bot_case SET probability_ppm = 550000, reasons = 16").await;
        talks(&mut world, sea, "spam-2", 60, 600, advert).await;
        catch_up(&world).await;
        run(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED, GREETED, ONE]);
        world.sql("UPDATE bot_case SET probability_ppm = 550000, reasons = 16").await;
        talks(&mut world, sea, "spam-2", 60, 600, advert).await;
        catch_up(&world).await;
        world.clock.advance(TEN_MINUTES);
        timer(&world).await;
        assert_eq!(courier.orders().len(), 3);
    }

    async fn whoever_ends_a_dry_run_or_lowers_a_threshold_is_told_of_what_waits_already(world: World) {
        let courier = discord(&mut world).await;
        let pond = world.community("Pond").await;
        told_in(&world, pond, Level::Likely).await;
        detection(&world, pond, |setting| setting.is_dry_run = true).await;
        machines(&mut world, pond, &["spam"]).await;
        timer(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED], "it only tries it");
        detection(&world, pond, |_| ()).await;
        run(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED, ONE]);
        detection(&world, pond, |setting| setting.likely = Probability::percent(100)).await;
        machines(&mut world, pond, &["shill"]).await;
        world.clock.advance(TEN_MINUTES);
        timer(&world).await;
        assert_eq!(courier.orders().len(), 2, "possible is less than was asked for");
        detection(&world, pond, |_| ()).await;
        run(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED, ONE, ONE], "of the first nobody is told again");
        detection(&world, pond, |setting| setting.is_dry_run = true).await;
        detection(&world, pond, |_| ()).await;
        world.clock.advance(TEN_MINUTES);
        timer(&world).await;
        assert_eq!(courier.orders().len(), 3);
        // What only was not known, however sure the program was, is told when something accuses.
        world.sql("UPDATE bot_case SET reasons = 32, told = 0 WHERE id = (SELECT MAX(id) FROM bot_case)").await;
        talks(&mut world, pond, "shill", 60, 600, advert).await;
        catch_up(&world).await;
        world.clock.advance(TEN_MINUTES);
        timer(&world).await;
        assert_eq!(courier.orders().len(), 4);
    }

    async fn whoever_is_looked_at_by_chance_is_not_told(world: World) {
        let courier = discord(&mut world).await;
        let pond = world.community("Pond").await;
        told_in(&world, pond, Level::Possible).await;
        for n in 0..40 {
            talks(&mut world, pond, &format!("person-{n}"), 12, 400, chatter(n)).await;
        }
        catch_up(&world).await;
        // Nobody of them is suspected; whom chance or doubt brings is no news.
        let accused = "SELECT COUNT(*) FROM bot_case WHERE reasons & 15 <> 0";
        assert_eq!(world.number(accused).await, 0);
        timer(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED]);
    }

    async fn only_a_channel_of_the_community_where_moderators_can_be_alone_is_taken(world: World) {
        let courier = discord(&mut world).await;
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let ann = world.person(pond, "ann", Some(Role::Admin)).await;
        let mo = world.person(pond, "mo", Some(Role::Moderator)).await;
        let ours = connect(&world, pond, Platform::Discord, "9000").await;
        let theirs = connect(&world, lake, Platform::Discord, "9001").await;
        let twitch = connect(&world, pond, Platform::Twitch, "9002").await;
        let app = &world.app;
        let choose = async |actor: &Actor, wanted| app.choose_bot_channel(actor, pond, wanted).await;
        for (connection, channel, field) in [
            (&theirs, "11", "server_id"), (&twitch, "11", "server_id"), (&ours, "666", "channel"), (&ours, "", "channel"),
        ] {
            let refused = choose(&ann.actor, Some(wanted(connection, channel, Level::Likely))).await.unwrap_err();
            let AppError::Bots(BotsError::Invalid { field: found, .. }) = refused else { panic!("{refused:?}") };
            assert_eq!(found, field, "{channel}");
        }
        let refused = choose(&ann.actor, Some(wanted(&ours, "11", Level::Unlikely))).await.unwrap_err();
        assert!(matches!(refused, AppError::Bots(BotsError::Invalid { field: "least", .. })), "{refused:?}");
        let refused = choose(&mo.actor, Some(wanted(&ours, "11", Level::Likely))).await.unwrap_err();
        assert!(matches!(refused, AppError::Bots(BotsError::NotAllowed(_))), "{refused:?}");
        assert_eq!(app.bots.channel(&mo.actor, pond).await.unwrap(), None);

        let audited = "SELECT COUNT(*) FROM audit WHERE action = 'bots.channel'";
        for _ in 0..2 {
            choose(&ann.actor, Some(wanted(&ours, "12", Level::Possible))).await.unwrap();
        }
        assert_eq!(world.number(audited).await, 1, "the same again changes nothing");
        let chosen = app.bots.channel(&mo.actor, pond).await.unwrap().unwrap();
        assert_eq!((chosen.channel.name.as_str(), chosen.least), ("news & <events>", Level::Possible));
        // Another level is no other place: nobody is greeted again.
        choose(&ann.actor, Some(wanted(&ours, "12", Level::Likely))).await.unwrap();
        run(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED]);
        choose(&ann.actor, None).await.unwrap();
        assert_eq!(world.number(audited).await, 3);
        assert_eq!(app.bots.channel(&mo.actor, pond).await.unwrap(), None);
    }

    async fn what_waits_while_a_server_is_not_connected_is_told_when_it_is_again(world: World) {
        let courier = discord(&mut world).await;
        let pond = world.community("Pond").await;
        let connection = told_in(&world, pond, Level::Likely).await;
        run(&world).await;
        world.app.identity.disconnect(&world.system(), connection.id).await.unwrap();
        machines(&mut world, pond, &["spam"]).await;
        timer(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED]);
        connect(&world, pond, Platform::Discord, "9000").await;
        timer(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED, ONE]);
        // Nor in a dry run that was begun since.
        world.clock.advance(TEN_MINUTES);
        machines(&mut world, pond, &["late"]).await;
        detection(&world, pond, |setting| setting.is_dry_run = true).await;
        timer(&world).await;
        assert_eq!(courier.orders().len(), 2);
        detection(&world, pond, |_| ()).await;
        timer(&world).await;
        assert_eq!(titles(&courier.orders()), [GREETED, ONE, ONE]);
        // Whoever wants to be told no more is told nothing of what waited.
        world.clock.advance(Duration::from_secs(60));
        machines(&mut world, pond, &["more"]).await;
        world.app.choose_bot_channel(&world.system(), pond, None).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM bot_case WHERE told = 1").await, 0);
        world.clock.advance(TEN_MINUTES);
        timer(&world).await;
        assert_eq!(courier.orders().len(), 3);
    }

    async fn a_crowd_is_told_once_unless_the_community_only_watches(world: World) {
        let courier = discord(&mut world).await;
        let pond = world.community("Pond").await;
        told_in(&world, pond, Level::Likely).await;
        two_quiet_days(&mut world, pond).await;
        happens(&mut world, pond, "heron", EventKind::Raid { viewers: 80 }).await;
        catch_up(&world).await;
        run(&world).await;
        happens(&mut world, pond, "newt", EventKind::Raid { viewers: 90 }).await;
        catch_up(&world).await;
        run(&world).await;
        let orders = courier.orders();
        assert_eq!(titles(&orders), [GREETED, "A raid"]);
        assert!(orders[1].draft.body.contains("80 viewers"), "{orders:?}");
        assert!(leads_to(&orders[1]).ends_with("/c/pond/bots"), "{orders:?}");
        // The job again, after its answer was lost.
        let job = "UPDATE job SET state = 1 WHERE kind = 'bots.tell_burst'";
        assert_eq!(world.sql(job).await, 1);
        run(&world).await;
        assert_eq!(courier.orders().len(), 2);

        detection(&world, pond, |setting| setting.is_dry_run = true).await;
        world.clock.advance(Duration::from_hours(3));
        happens(&mut world, pond, "otter", EventKind::Raid { viewers: 200 }).await;
        catch_up(&world).await;
        run(&world).await;
        assert_eq!(courier.orders().len(), 2);
    }
}
