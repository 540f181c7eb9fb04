//! Making one person of two: nothing moves before both said yes, it moves once, and an undo brings
//! everything back, with what was said meanwhile where it belongs.

use std::{collections::BTreeMap, time::Duration};

use app::AppError;
use identity::{IdentityError, Merge, MergeSide, MergeState};
use kernel::{Clock, CommunityId, MergeId, Platform, Role, Secret};
use testkit::{Person, World, on_both, totp_code};

use super::{
    links::{link, seated, sign_in},
    passkeys::{self, device},
};

const DAY: Duration = Duration::from_secs(86_400);

/// Somebody who signs in with their account on Discord.
pub(super) async fn somebody(
    world: &mut World,
    pond: CommunityId,
    name: &str,
    role: Option<Role>,
) -> Person {
    let person = world.person(pond, name, role).await;
    sign_in(world, "discord", &format!("id-{name}"))
        .await
        .unwrap();
    Person {
        user: person.user,
        actor: world.actor_of(person.user).await,
    }
}

/// Proves the other one's account on Discord while signed in.
pub(super) async fn prove(world: &World, who: &Person, other: &str) -> MergeId {
    match link(world, who, "discord", &format!("id-{other}")).await {
        Err(AppError::Identity(IdentityError::MergeNeeded(id))) => id,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn confirm(
    world: &World,
    who: &Person,
    id: MergeId,
    side: MergeSide,
) -> Result<Merge, IdentityError> {
    let session = seated(world, who).await;
    let identity = &world.app.identity;
    identity
        .confirm_merge(&who.actor, session, None, id, side)
        .await
}

pub(super) async fn undo(world: &World, who: &Person, id: MergeId) -> Result<(), IdentityError> {
    let session = seated(world, who).await;
    world
        .app
        .identity
        .undo_merge(&who.actor, session, None, id)
        .await
}

async fn merge(world: &World, kept: &Person, other: &str) -> MergeId {
    let id = prove(world, kept, other).await;
    let done = confirm(world, kept, id, MergeSide::Kept).await.unwrap();
    assert_eq!(done.state, MergeState::Done);
    id
}

/// What must be as it was.
async fn kept_tables(world: &World) -> BTreeMap<&'static str, Vec<String>> {
    let mut dump = world.dump().await;
    for table in [
        "merge_request",
        "merge_memento",
        "audit",
        "audit_head",
        "session",
        "session_confirmation",
        "verification_attempt",
        "one_time_token",
        "sign_in_state",
        "passkey_ceremony",
        "domain_event",
        "job",
    ] {
        dump.remove(table).unwrap();
    }
    dump
}

/// Two people with a history in two places: the one is banned in one of them, the other decides
/// more strictly about what may be seen.
async fn histories(world: &mut World) -> (CommunityId, CommunityId, Person, Person) {
    let pond = world.community("Pond").await;
    let lake = world.community("Lake").await;
    let ada = somebody(world, pond, "ada", Some(Role::Member)).await;
    let bob = somebody(world, pond, "bob", Some(Role::Moderator)).await;
    let system = world.system();
    let identity = world.app.identity.clone();
    identity
        .set_role(&system, lake, ada.user, Some(Role::Admin))
        .await
        .unwrap();
    identity
        .set_role(&system, lake, bob.user, Some(Role::Banned))
        .await
        .unwrap();
    for (place, name) in [(pond, "ada"), (pond, "bob"), (lake, "bob"), (pond, "bob")] {
        world.say(place, name, "quack").await;
        world.clock.advance(Duration::from_secs(60));
    }
    world.sql(&format!(
        "UPDATE users SET email = 'Bob@example.org', email_folded = 'bob@example.org', password_hash = 'none' WHERE id = {}",
        bob.user
    )).await;
    world
        .sql(&format!(
            "INSERT INTO visibility (user_id, platform, facet, audience) VALUES ({}, {}, 1, 0)",
            bob.user,
            Platform::Discord.code()
        ))
        .await;
    link(world, &bob, "campus", "9").await.unwrap();
    (pond, lake, ada, bob)
}

on_both! {
    async fn a_proof_of_somebody_elses_account_moves_nothing_before_the_kept_side_confirms(world: World) {
        let (_, _, ada, bob) = histories(&mut world).await;
        let before = kept_tables(&world).await;
        let id = prove(&world, &ada, "bob").await;
        assert_eq!(prove(&world, &ada, "bob").await, id, "one open request per pair");
        assert_eq!(kept_tables(&world).await, before);
        let preview = world.app.identity.merge_preview(&ada.actor, id).await.unwrap();
        let merged = preview.merge.merged_consent.unwrap();
        assert_eq!((preview.merge.kept, preview.merge.merged, merged.by), (ada.user, bob.user, bob.user));
        let counts: BTreeMap<_, _> = preview.merged.counts.unwrap().into_iter().collect();
        assert_eq!((counts["accounts"], counts["linked accounts"], counts["communities"], counts["messages"]), (1, 2, 2, 3));
        let roles: Vec<_> = preview.roles.unwrap().into_iter().map(|r| (r.name, r.kept, r.merged, r.after)).collect();
        assert_eq!(roles, [
            ("Lake".to_owned(), Some(Role::Admin), Role::Banned, Role::Banned),
            ("Pond".to_owned(), Some(Role::Member), Role::Moderator, Role::Moderator),
        ]);
        let done = confirm(&world, &ada, id, MergeSide::Kept).await.unwrap();
        assert_eq!(done.state, MergeState::Done);
        let after = sign_in(&world, "discord", "id-bob").await.unwrap();
        assert_eq!(after.user, ada.user, "either account signs the one person in");
        for table in ["activity_day", "member", "platform_account", "membership", "session", "identity_link"] {
            let left = world.number(&format!("SELECT COUNT(*) FROM {table} WHERE user_id = {}", bob.user)).await;
            assert_eq!(left, 0, "{table}");
        }
        let hidden = world.number(&format!("SELECT audience FROM visibility WHERE user_id = {} AND facet = 1", ada.user)).await;
        assert_eq!(hidden, 0, "the stricter decision holds");
        let refused = world.app.identity.sign_in("bob@example.org", &Secret::new("x".repeat(12)), &identity::ClientInfo::default()).await;
        assert!(matches!(refused, Err(IdentityError::WrongCredentials)), "{refused:?}");
    }

    async fn an_undo_restores_both_exactly(world: World) {
        let (_, _, ada, bob) = histories(&mut world).await;
        let before = kept_tables(&world).await;
        let id = merge(&world, &ada, "bob").await;
        assert_ne!(kept_tables(&world).await, before);
        assert!(matches!(undo(&world, &bob, id).await, Err(IdentityError::NotFound)), "only the kept side");
        undo(&world, &ada, id).await.unwrap();
        let after = kept_tables(&world).await;
        for (table, rows) in &before {
            assert_eq!(rows, &after[table], "{table}");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM merge_memento").await, 0);
        assert_eq!(sign_in(&world, "discord", "id-bob").await.unwrap().user, bob.user);
        assert!(matches!(undo(&world, &ada, id).await, Err(IdentityError::Conflict(_))), "once");
        let again = merge(&world, &ada, "bob").await;
        undo(&world, &ada, again).await.unwrap();
    }

    async fn who_comes_first_stays_chosen_and_is_as_it_was_after_an_undo(world: World) {
        let (_, _, ada, bob) = histories(&mut world).await;
        let identity = world.app.identity.clone();
        let first = async |who: &Person| {
            let links = identity.links(&who.actor).await.unwrap();
            links.into_iter().filter(|link| link.is_primary).map(|link| link.subject).collect::<Vec<_>>()
        };
        let choose = async |who: &Person, subject: &str| {
            let links = identity.links(&who.actor).await.unwrap();
            let found = links.into_iter().find(|link| link.subject == subject).unwrap();
            identity.choose_primary_link(&who.actor, Some(found.id)).await.unwrap();
        };
        choose(&bob, "9").await;
        let before = kept_tables(&world).await;
        let id = merge(&world, &ada, "bob").await;
        assert_eq!(first(&ada).await, [""; 0], "another one's choice is not theirs");
        undo(&world, &ada, id).await.unwrap();
        let after = kept_tables(&world).await;
        for (table, rows) in &before {
            assert_eq!(rows, &after[table], "{table}");
        }

        choose(&ada, "id-ada").await;
        let id = merge(&world, &ada, "bob").await;
        assert_eq!(first(&ada).await, ["id-ada"]);
        choose(&ada, "9").await;
        assert_eq!(first(&ada).await, ["9"]);
        undo(&world, &ada, id).await.unwrap();
        assert_eq!((first(&ada).await, first(&bob).await), (vec![], vec!["9".to_owned()]));

        // What is unlinked meanwhile is nobody's choice any more.
        let id = merge(&world, &ada, "bob").await;
        let links = identity.links(&ada.actor).await.unwrap();
        let gone = links.iter().find(|link| link.subject == "9").unwrap().id;
        let session = seated(&world, &ada).await;
        world.app.unlink(&ada.actor, session, None, gone).await.unwrap();
        undo(&world, &ada, id).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM primary_link").await, 0);
    }

    async fn passkeys_follow_and_come_back(world: World) {
        let (_, _, ada, bob) = histories(&mut world).await;
        let (mut hers, mut his) = (device(1), device(50));
        passkeys::add(&world, &ada, &mut hers).await;
        passkeys::add(&world, &bob, &mut his).await;
        let before = kept_tables(&world).await;
        let id = merge(&world, &ada, "bob").await;
        let identity = world.app.identity.clone();
        assert_eq!(identity.passkeys(&ada.actor).await.unwrap().len(), 2);
        undo(&world, &ada, id).await.unwrap();
        assert_eq!(kept_tables(&world).await, before);
        let id = merge(&world, &ada, "bob").await;
        for key in [&mut hers, &mut his] {
            assert_eq!(passkeys::sign_in(&world, key).await.unwrap().user, ada.user);
        }
        // One that she adds meanwhile stays hers.
        let mut new = device(90);
        passkeys::add(&world, &ada, &mut new).await;
        undo(&world, &ada, id).await.unwrap();
        assert_eq!(passkeys::sign_in(&world, &mut his).await.unwrap().user, bob.user);
        for key in [&mut hers, &mut new] {
            assert_eq!(passkeys::sign_in(&world, key).await.unwrap().user, ada.user);
        }
    }

    async fn what_was_said_after_the_merge_belongs_to_whose_account_said_it(world: World) {
        let mut twin = World::sqlite().await;
        for (world, merges) in [(&mut world, true), (&mut twin, false)] {
            let (pond, lake, ada, _) = histories(world).await;
            let sea = world.community("Sea").await;
            let mut id = None;
            if merges {
                id = Some(merge(world, &ada, "bob").await);
            }
            for (place, name) in [(pond, "bob"), (pond, "ada"), (sea, "bob"), (lake, "ada"), (pond, "bob"), (sea, "ada")] {
                world.clock.advance(DAY);
                world.say(place, name, "quack").await;
            }
            world.person(sea, "bob", None).await;
            if let Some(id) = id {
                undo(world, &ada, id).await.unwrap();
            }
        }
        let (with, without) = (world.dump().await, twin.dump().await);
        for table in ["activity_day", "member", "membership", "message", "platform_account"] {
            let rows = |dump: &BTreeMap<_, Vec<String>>| -> Vec<String> {
                dump[table].iter().map(|row| row.replace("|true", "|1").replace("|false", "|0")).collect()
            };
            assert_eq!(rows(&with), rows(&without), "{table}: as if there had been no merge");
        }
        twin.close().await;
    }

    async fn of_a_hundred_confirmations_exactly_one_applies_the_merge(world: World) {
        let pond = world.community("Pond").await;
        let ada = somebody(&mut world, pond, "ada", None).await;
        somebody(&mut world, pond, "bob", None).await;
        let id = prove(&world, &ada, "bob").await;
        let session = seated(&world, &ada).await;
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (identity, actor) = (world.app.identity.clone(), ada.actor.clone());
            all.spawn(async move { identity.confirm_merge(&actor, session, None, id, MergeSide::Kept).await });
        }
        let mut done = 0;
        while let Some(answer) = all.join_next().await {
            match answer.unwrap() {
                Ok(merge) => {
                    assert_eq!(merge.state, MergeState::Done);
                    done += 1;
                }
                Err(error) => assert!(matches!(error, IdentityError::Conflict(_)), "{error:?}"),
            }
        }
        assert_eq!(done, 1);
        for (action, n) in [("merge.apply", 1), ("merge.confirm", 1)] {
            assert_eq!(world.number(&format!("SELECT COUNT(*) FROM audit WHERE action = '{action}'")).await, n);
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM domain_event WHERE kind = 'identity.person_merged' AND community_id IS NULL").await, 1);
    }

    async fn each_side_confirms_for_itself_or_an_administrator_for_one_of_them(world: World) {
        let pond = world.community("Pond").await;
        let ada = somebody(&mut world, pond, "ada", None).await;
        let bob = somebody(&mut world, pond, "bob", None).await;
        let eve = somebody(&mut world, pond, "eve", None).await;
        let root = world.admin("root").await;
        let identity = world.app.identity.clone();
        let id = identity.request_merge(&root.actor, ada.user, bob.user).await.unwrap();
        let preview = identity.merge_preview(&ada.actor, id).await.unwrap();
        assert_eq!((preview.merged.counts, preview.roles), (None, None), "nobody reads what another has before they confirm");
        assert!(matches!(identity.merge_preview(&eve.actor, id).await, Err(IdentityError::NotFound)));
        assert!(matches!(confirm(&world, &eve, id, MergeSide::Kept).await, Err(IdentityError::NotFound)));
        let refused = confirm(&world, &ada, id, MergeSide::Merged).await;
        assert!(matches!(refused, Err(IdentityError::Conflict(_))), "{refused:?}");
        assert_eq!(confirm(&world, &root, id, MergeSide::Merged).await.unwrap().state, MergeState::Requested);
        let refused = confirm(&world, &root, id, MergeSide::Kept).await;
        assert!(matches!(refused, Err(IdentityError::Conflict(_))), "not for both: {refused:?}");
        assert_eq!(confirm(&world, &ada, id, MergeSide::Kept).await.unwrap().state, MergeState::Done);
        undo(&world, &root, id).await.unwrap();
        // Nobody makes somebody else a part of themselves.
        let own = identity.request_merge(&root.actor, root.user, bob.user).await.unwrap();
        confirm(&world, &root, own, MergeSide::Kept).await.unwrap();
        assert!(matches!(confirm(&world, &root, own, MergeSide::Merged).await, Err(IdentityError::Conflict(_))));
        identity.reject_merge(&bob.actor, own).await.unwrap();
        assert!(matches!(confirm(&world, &bob, own, MergeSide::Merged).await, Err(IdentityError::Conflict(_))));
    }

    async fn an_account_that_is_no_way_in_confirms_nothing_for_its_owner(world: World) {
        let pond = world.community("Pond").await;
        let ada = somebody(&mut world, pond, "ada", None).await;
        let bob = somebody(&mut world, pond, "bob", None).await;
        link(&world, &bob, "campus", "9").await.unwrap();
        let links = world.app.identity.links(&bob.actor).await.unwrap();
        let discord = links.iter().find(|l| l.provider == "discord").unwrap().id;
        let session = seated(&world, &bob).await;
        world.app.identity.unlink(&bob.actor, session, None, discord).await.unwrap();
        let id = prove(&world, &ada, "bob").await;
        assert_eq!(confirm(&world, &ada, id, MergeSide::Kept).await.unwrap().state, MergeState::Requested);
        assert_eq!(confirm(&world, &bob, id, MergeSide::Merged).await.unwrap().state, MergeState::Done);
    }

    async fn a_proof_confirms_nothing_for_somebody_who_has_a_second_factor(world: World) {
        let (_, _, ada, bob) = histories(&mut world).await;
        let identity = world.app.identity.clone();
        let session = seated(&world, &bob).await;
        let setup = identity.begin_totp(&bob.actor, session).await.unwrap();
        let code = totp_code(&setup.secret, world.clock.now());
        identity.confirm_totp(&bob.actor, session, &code).await.unwrap();
        let id = prove(&world, &ada, "bob").await;
        let asked = confirm(&world, &ada, id, MergeSide::Kept).await.unwrap();
        assert_eq!(asked.state, MergeState::Requested, "a provider alone does not sign them in either");
        let done = identity.confirm_merge(&bob.actor, session, None, id, MergeSide::Merged).await.unwrap();
        assert_eq!(done.state, MergeState::Done);
    }

    async fn requests_and_undoing_run_out(world: World) {
        let pond = world.community("Pond").await;
        let ada = somebody(&mut world, pond, "ada", None).await;
        somebody(&mut world, pond, "bob", None).await;
        let late = prove(&world, &ada, "bob").await;
        world.clock.advance(7 * DAY);
        let refused = confirm(&world, &ada, late, MergeSide::Kept).await;
        assert!(matches!(refused, Err(IdentityError::Conflict(_))), "{refused:?}");
        assert_eq!(world.app.identity.merges(&ada.actor).await.unwrap()[0].state, MergeState::Expired);
        let id = merge(&world, &ada, "bob").await;
        assert_ne!(id, late);
        world.clock.advance(30 * DAY);
        let refused = undo(&world, &ada, id).await;
        assert!(matches!(refused, Err(IdentityError::Conflict(_))), "{refused:?}");
        world.clock.advance(DAY);
        world.app.identity.sweep().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM merge_memento").await, 0);
    }

    async fn merges_are_undone_in_reverse_order_and_not_over_what_was_done_since(world: World) {
        let pond = world.community("Pond").await;
        let ada = somebody(&mut world, pond, "ada", Some(Role::Member)).await;
        let bob = somebody(&mut world, pond, "bob", Some(Role::Member)).await;
        somebody(&mut world, pond, "eve", None).await;
        let first = merge(&world, &ada, "bob").await;
        world.clock.advance(DAY);
        let second = merge(&world, &ada, "eve").await;
        let refused = undo(&world, &ada, first).await;
        assert!(matches!(refused, Err(IdentityError::Conflict(_))), "{refused:?}");
        undo(&world, &ada, second).await.unwrap();
        let system = world.system();
        world.app.identity.set_role(&system, pond, ada.user, Some(Role::Banned)).await.unwrap();
        undo(&world, &ada, first).await.unwrap();
        let roles = world.app.identity.roles(&system, pond, &[ada.user, bob.user]).await.unwrap();
        assert_eq!((roles[&ada.user], roles[&bob.user]), (Role::Banned, Role::Banned), "a ban follows the person");
    }

    async fn an_administrator_is_not_merged_into_somebody_who_is_none(world: World) {
        let pond = world.community("Pond").await;
        let root = world.admin("root").await;
        link(&world, &root, "discord", "id-root").await.unwrap();
        let ada = somebody(&mut world, pond, "ada", None).await;
        let refused = link(&world, &ada, "discord", "id-root").await;
        assert!(matches!(refused, Err(AppError::Identity(IdentityError::Conflict(_)))), "{refused:?}");
        let id = merge(&world, &root, "ada").await;
        undo(&world, &root, id).await.unwrap();
    }

    async fn erasing_a_person_takes_along_what_undoing_their_merges_would_need(world: World) {
        let pond = world.community("Pond").await;
        let ada = somebody(&mut world, pond, "ada", None).await;
        somebody(&mut world, pond, "bob", None).await;
        merge(&world, &ada, "bob").await;
        let identity = world.app.identity.clone();
        let session = seated(&world, &ada).await;
        identity.request_erasure(&ada.actor, session, None).await.unwrap();
        world.clock.advance(15 * DAY);
        let (subject, _) = identity.begin_erasing(ada.user).await.unwrap().unwrap();
        identity.finish_erasing(&subject).await.unwrap();
        for table in ["merge_memento", "merge_request"] {
            assert_eq!(world.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
    }
}
