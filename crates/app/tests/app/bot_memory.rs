//! Following chat with what a process remembers of who spoke: it comes to what one that remembers nothing comes to, whoever else writes
//! in between.

use kernel::{Clock, CommunityId};
use testkit::{Setup, World, on_both};

use super::bot_scores::{advert, bits, catch_up, chatter, talks};

/// Everything made anew from the messages comes to what is stored.
async fn is_as_made_anew(world: &World, community: CommunityId) {
    let before = bits(world).await;
    world
        .app
        .bots
        .rebuild(community, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(bits(world).await, before);
}

/// Whether a process remembers an account by its place among the states, and what it says of it then is what it says by the database.
async fn is_remembered(world: &World, community: CommunityId, name: &str) -> bool {
    let user = world.user_of(community, name).await;
    let found = world
        .app
        .bots
        .score_of(&world.system(), community, user)
        .await;
    let account = found.unwrap().unwrap().account.id;
    let judging = world.app.bots.judging(community).await.unwrap();
    let stored = judging.of_account(world.app.db(), community, account).await;
    let remembered = judging.of_remembered(community, account).await;
    assert!(remembered.is_none() || remembered == stored.unwrap());
    remembered.is_some()
}

on_both! {
    async fn who_goes_on_talking_is_remembered_until_another_process_writes(world: World) {
        let pond = world.community("Pond").await;
        for round in 0..4 {
            talks(&mut world, pond, "ann", 15 + round, 77, chatter(0)).await;
            talks(&mut world, pond, "spammer", 12, 600, advert).await;
            catch_up(&world).await;
            assert!(is_remembered(&world, pond, "ann").await);
        }
        // Bob speaks: of ann still counts what was remembered.
        talks(&mut world, pond, "bob", 12, 77, chatter(1)).await;
        catch_up(&world).await;
        assert!(is_remembered(&world, pond, "ann").await);
        let second = world.another(Setup::default()).await;
        talks(&mut world, pond, "bob", 3, 77, chatter(1)).await;
        assert_eq!(second.app.bots.tick().await.unwrap().n_messages, 3);
        second.stop().await;
        assert!(!is_remembered(&world, pond, "ann").await, "another process wrote");
        talks(&mut world, pond, "ann", 5, 77, chatter(0)).await;
        catch_up(&world).await;
        assert!(is_remembered(&world, pond, "ann").await);
        is_as_made_anew(&world, pond).await;
        assert!(!is_remembered(&world, pond, "ann").await, "it was made anew");
    }

    async fn what_a_step_that_failed_had_heard_is_heard_again_once(world: World) {
        let pond = world.community("Pond").await;
        talks(&mut world, pond, "ann", 20, 77, chatter(0)).await;
        catch_up(&world).await;
        for n in 1..=3 {
            talks(&mut world, pond, "ann", n, 77, chatter(0)).await;
            world.sql("ALTER TABLE bot_state RENAME TO away").await;
            assert!(world.app.bots.tick().await.is_err());
            world.sql("ALTER TABLE away RENAME TO bot_state").await;
            catch_up(&world).await;
        }
        assert_eq!(world.number("SELECT n_messages FROM bot_state").await, 26);
        is_as_made_anew(&world, pond).await;
    }

    async fn what_was_remembered_of_somebody_who_was_erased_does_not_come_back(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        for community in [pond, lake] {
            talks(&mut world, community, "ann", 20, 77, chatter(0)).await;
            talks(&mut world, community, "bob", 20, 77, chatter(1)).await;
        }
        catch_up(&world).await;
        assert!(is_remembered(&world, pond, "ann").await && is_remembered(&world, lake, "ann").await);
        let user = world.user_of(pond, "ann").await;
        let found = world.app.bots.score_of(&world.system(), pond, user).await;
        let account = found.unwrap().unwrap().account.id;
        let work = world.app.db().begin(&world.system(), world.clock.now()).await.unwrap();
        let subject = store::personal::Subject {
            user,
            accounts: vec![account],
            platform_ids: vec![],
            names: vec![],
            email: None,
        };
        store::personal::Keeper::erase(&::bots::Kept, &work, &subject).await.unwrap();
        work.commit().await.unwrap();
        let judging = world.app.bots.judging(lake).await.unwrap();
        assert_eq!(judging.of_remembered(lake, account).await, None);
        // Whoever goes by the account now begins with nothing.
        for community in [pond, lake] {
            talks(&mut world, community, "ann", 2, 77, chatter(0)).await;
        }
        catch_up(&world).await;
        let n = format!("SELECT SUM(n_messages) FROM bot_state WHERE account_id = {account}");
        assert_eq!(world.number(&n).await, 4);
    }

    async fn what_another_version_wrote_is_made_anew_and_nobody_is_told(world: World) {
        let pond = world.community("Pond").await;
        talks(&mut world, pond, "ann", 20, 77, chatter(0)).await;
        catch_up(&world).await;
        // The stored form begins with its version.
        let old = match world.app.db().engine() {
            store::Engine::Sqlite => "x'0100' || substr(state, 3)",
            store::Engine::Postgres => "decode('0100', 'hex') || substring(state FROM 3)",
        };
        world.sql(&format!("UPDATE bot_state SET state = CAST({old} AS {})", match world.app.db().engine() {
            store::Engine::Sqlite => "BLOB",
            store::Engine::Postgres => "BYTEA",
        })).await;
        // As after a start: nothing is remembered.
        world.sql("UPDATE bot_scene SET turn = turn + 1").await;
        talks(&mut world, pond, "ann", 1, 77, chatter(0)).await;
        catch_up(&world).await;
        assert_eq!(world.app.bots.alerts(&world.system()).await.unwrap(), []);
        let runner = app::jobs::runner(&world.app, "tester");
        assert_eq!(runner.run_due(world.clock.now()).await.unwrap(), 1, "it is made anew");
        assert_eq!(world.number("SELECT n_messages FROM bot_state").await, 21);
        is_as_made_anew(&world, pond).await;
    }
}
