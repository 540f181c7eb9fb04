//! The calls about bots.

use ::bots::{BotsError, ListKind, Listable, NewList, Ruling, Setting};
use kernel::{Day, PageRequest, Platform};

use super::{Asker, Stage};

fn by_bots<T>(answer: Result<T, BotsError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(BotsError::NotAllowed(_) | BotsError::NotFound) => false,
        Err(other) => panic!("unexpected: {other:?}"),
    }
}

fn list(n: u32) -> NewList {
    NewList {
        name: format!("list {n}"),
        kind: ListKind::Unwanted,
        platform: Some(Platform::Twitch),
        source: "https://lists.example/bots.txt".to_owned(),
        reason: "spam".to_owned(),
        as_of: Day(20_000),
        half_life_days: 365,
    }
}

/// A list of the instance, the only one.
async fn imported(stage: &Stage, n: u32) -> i32 {
    let (world, system) = (&stage.world, stage.world.system());
    world.sql("DELETE FROM bot_list_choice").await;
    world.sql("DELETE FROM bot_list_entry").await;
    world.sql("DELETE FROM bot_list").await;
    let done = world
        .app
        .bots
        .import_list(&system, &list(n), "moobot")
        .await;
    done.unwrap();
    let all = world.app.bots.lists(&system, stage.pond).await.unwrap();
    all.first().unwrap().list.id
}

pub(super) async fn call(stage: &Stage, operation: &str, asker: &Asker, n: u32) -> Option<bool> {
    let (world, pond, actor) = (&stage.world, stage.pond, &asker.actor);
    let service = &world.app.bots;
    let moobot = Listable::Account(Platform::Twitch, "moobot".to_owned());
    Some(match operation {
        "bots.setting" => by_bots(service.setting(actor, pond).await),
        "bots.change_setting" => {
            let setting = Setting {
                trusted_days: Some(n % 100),
                ..Setting::default()
            };
            by_bots(service.change_setting(actor, pond, &setting).await)
        }
        "bots.lists" => by_bots(service.lists(actor, pond).await),
        "bots.use_list" => {
            let id = imported(stage, n).await;
            by_bots(service.use_list(actor, pond, id, false).await)
        }
        "bots.import_list" => {
            imported(stage, n).await;
            by_bots(
                service
                    .import_list(actor, &list(n + 1_000_000), "moobot")
                    .await,
            )
        }
        "bots.remove_list" => {
            let id = imported(stage, n).await;
            by_bots(service.remove_list(actor, id).await)
        }
        "bots.listed" => by_bots(service.listed(actor, pond, &moobot).await),
        "bots.corrections" => {
            let page = PageRequest::first(10);
            by_bots(service.corrections(actor, pond, &page).await)
        }
        "bots.correct" => {
            let reason = format!("call {n}");
            let ruling = Some(Ruling::Service);
            by_bots(service.correct(actor, pond, &moobot, ruling, &reason).await)
        }
        "bots.correct_everywhere" => {
            let reason = format!("call {n}");
            let ruling = Some(Ruling::Wrong);
            by_bots(
                service
                    .correct_everywhere(actor, &moobot, ruling, &reason)
                    .await,
            )
        }
        _ => return None,
    })
}
