//! Linking by a code typed in chat: once, within ten minutes, by whoever the platform vouches for.

use std::time::Duration;

use app::AppError;
use identity::{IdentityError, SeenAccount};
use kernel::{PageRequest, Platform, Secret};
use testkit::{Person, World, on_both};

fn on_twitch(name: &str) -> SeenAccount {
    SeenAccount {
        platform: Platform::Twitch,
        platform_user_id: format!("id-{name}"),
        username: name.to_owned(),
        is_bot: false,
        account_created_at: None,
    }
}

async fn code(world: &World, who: &Person) -> Secret<String> {
    let session = world.session(who.user).await;
    let app = &world.app;
    app.chat_code(&who.actor, session, None, Platform::Twitch)
        .await
        .unwrap()
}

on_both! {
    async fn a_typed_code_links_the_account_with_what_it_said_before(world: World) {
        let ann = world.admin("ann").await;
        let seen = on_twitch("annie");
        world.app.identity.actor_of_account(&seen).await.unwrap();
        let code = code(&world, &ann).await;
        assert_eq!(code.expose().len(), 6);
        let typed = format!(" {} ", code.expose().to_lowercase());
        let name = world.app.redeem_chat_code(&seen, &typed).await.unwrap();
        assert_eq!(name, "ann");
        let links = world.app.identity.links(&ann.actor).await.unwrap();
        assert_eq!((links[0].provider.as_str(), links[0].username.as_str()), ("twitch", "annie"));
        let now_ann = world.app.identity.actor_of_account(&seen).await.unwrap();
        assert_eq!(now_ann.user_id(), Some(ann.user), "what it says from now on is hers");
        let again = world.app.redeem_chat_code(&on_twitch("eve"), code.expose()).await;
        assert!(again.unwrap_err().to_string().contains("wrong or has expired"));
        let audit = world.app.audit(&world.system(), &PageRequest::first(20)).await.unwrap();
        assert!(!format!("{audit:?}").contains(code.expose()));

    }

    async fn a_code_ends_after_ten_minutes_or_with_the_next_one_and_is_for_its_platform(world: World) {
        let ann = world.admin("ann").await;
        let first = code(&world, &ann).await;
        let second = code(&world, &ann).await;
        let typed = async |seen: SeenAccount, code: &Secret<String>| {
            world.app.redeem_chat_code(&seen, code.expose()).await.is_ok()
        };
        assert!(!typed(on_twitch("annie"), &first).await);
        let elsewhere = SeenAccount { platform: Platform::Slack, ..on_twitch("annie") };
        assert!(!typed(elsewhere, &second).await, "it is typed where it was made for");
        world.clock.advance(Duration::from_secs(600));
        assert!(!typed(on_twitch("annie"), &second).await);
    }

    async fn guesses_are_slowed_down(world: World) {
        for n in 0..6 {
            let guess = world.app.redeem_chat_code(&on_twitch("eve"), &format!("AAAAA{n}")).await;
            assert!(guess.is_err());
        }
        let ann = world.admin("ann").await;
        let code = code(&world, &ann).await;
        let blocked = world.app.redeem_chat_code(&on_twitch("eve"), code.expose()).await;
        assert!(matches!(blocked, Err(AppError::Identity(IdentityError::Throttled { .. }))), "{blocked:?}");
        world.app.redeem_chat_code(&on_twitch("annie"), code.expose()).await.unwrap();
    }

    async fn of_a_hundred_who_type_one_code_exactly_one_is_linked(world: World) {
        let ann = world.admin("ann").await;
        let code = code(&world, &ann).await;
        let mut uses = tokio::task::JoinSet::new();
        for n in 0..100 {
            let (app, code) = (world.app.clone(), code.clone());
            uses.spawn(async move { app.redeem_chat_code(&on_twitch(&format!("p{n}")), code.expose()).await.is_ok() });
        }
        let won = uses.join_all().await.into_iter().filter(|is_won| *is_won).count();
        assert_eq!(won, 1);
        assert_eq!(world.app.identity.links(&ann.actor).await.unwrap().len(), 1);
    }

    async fn where_signing_in_is_set_up_there_is_no_code(world: World) {
        let ann = world.admin("ann").await;
        let session = world.session(ann.user).await;
        assert_eq!(world.app.code_platforms(), [Platform::Twitch]);
        let refused = world.app.chat_code(&ann.actor, session, None, Platform::Discord).await;
        assert!(matches!(refused, Err(AppError::NotFound)), "{refused:?}");
    }
}
