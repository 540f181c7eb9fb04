//! Who may do what: every row of the operation table, called as every kind of actor; and that the
//! table is complete.

mod bots;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use ::bots::{BotsError, Level};
use activity::{
    ActivityError, FeedQuery, MemberQuery, MemberSort, MessageQuery, OfEach, Period, Presence,
    Scope, SuspicionState,
};
use app::{
    AppError, ChosenChannel, Saying,
    operations::{self, Needs, OPERATIONS},
};
use community::{CommandChange, CommunityError, SettingChange};
use delivery::{DeliveryError, DeliveryFilter};
use identity::{
    AccountPair, Adjustment, Arrival, Audience, ClientInfo, CommunityChange, EmailReason, Eyes,
    Facet, IdentityError, Install, Intent, KeyScope, MergeSide, NewAccount, NewApiKey,
    NewCommunity, NewServer, PasskeyAnswer, PasskeyQuestion, ProfileChange, Seat, Trip, Visibility,
    Who,
};
use kernel::{
    AccountId, Actor, ApiKeyId, Clock, CommunityId, ConnectionId, Day, DeliveryId, Denied, Draft,
    Grant, Installed, JobId, LinkId, MergeId, MessageId, PageRequest, PasskeyId, Permission,
    Platform, Proof, Role, Secret, SessionId, Timestamp, UserId,
};
use testkit::{Device, Person, World, on_both, totp_code};

use webhook::{MessageFilter, NewWebhook, WebhookChange, WebhookError};

use super::{delivery::greeting, passkeys, webhooks};

/// Public methods of the services that are no operations of an actor, and why.
const NOT_OPERATIONS: &[(&str, &str)] = &[
    (
        "identity.needs_setup",
        "tells one fact that everybody may know",
    ),
    (
        "identity.issue_setup_token",
        "prints on the machine's own console",
    ),
    ("identity.set_up", "checks the set-up token"),
    ("identity.sign_in", "checks the password"),
    ("identity.redeem_sign_in_link", "checks the link's token"),
    (
        "identity.begin_sign_in",
        "tells nothing; what comes back proves who it is",
    ),
    (
        "identity.finish_sign_in",
        "a redeemed state and the provider's proof say who it is",
    ),
    (
        "identity.follow_email_link",
        "the link's token says whose address it is",
    ),
    (
        "identity.begin_reset",
        "tells nothing; what comes goes by mail",
    ),
    (
        "app.request_reset",
        "tells nothing; what comes goes by mail",
    ),
    ("identity.finish_reset", "checks the link's token"),
    (
        "identity.begin_registration",
        "tells nothing; what comes goes by mail",
    ),
    (
        "app.request_registration",
        "tells nothing; what comes goes by mail",
    ),
    ("identity.registration_address", "checks the link's token"),
    ("identity.finish_registration", "checks the link's token"),
    (
        "identity.redeem_chat_code",
        "the code says for whom; the platform vouches for the account",
    ),
    (
        "app.redeem_chat_code",
        "the code says for whom; the platform vouches for the account",
    ),
    ("bots.guard", "the hourly job acts for nobody"),
    ("bots.channels_to_tell", "a job, which acts for nobody"),
    ("bots.take_untold", "ends that job's work"),
    ("bots.channel_for_crowds", "a job, which acts for nobody"),
    ("bots.measure_drift", "the nightly job acts for nobody"),
    (
        "bots.ask_for_due_trainings",
        "the weekly job acts for nobody",
    ),
    (
        "bots.run_training",
        "a job, which somebody who may asked for",
    ),
    (
        "bots.track_training",
        "a job, which asks for itself and tells the operator's own server",
    ),
    ("bots.is_still_tracked", "ends that job"),
    ("app.caller", "checks the session's token or the key"),
    ("app.generation_for", "tells a number that means nothing"),
    ("app.kept_answer", "the key names whose answer it is"),
    ("app.keep_answer", "the key names whose answer it is"),
    ("app.take_allowance", "counts for whoever asks something"),
    ("app.sign_in_places", "names the providers' public pages"),
    (
        "app.sign_in_url",
        "tells nothing; what comes back proves who it is",
    ),
    (
        "identity.begin_passkey_sign_in",
        "tells nothing; the answer proves who it is",
    ),
    (
        "identity.finish_passkey_sign_in",
        "the passkey says who it is",
    ),
    (
        "identity.begin_passkey_second_factor",
        "checks the token that stands for the first factor",
    ),
    (
        "identity.may_use_passkey",
        "checks the token that stands for the first factor",
    ),
    (
        "identity.finish_passkey_second_factor",
        "checks the passkey; the token stands for the first factor",
    ),
    (
        "identity.finish_second_factor",
        "checks the code; the token stands for the first factor",
    ),
    ("identity.authenticate", "checks the session's token"),
    ("identity.authenticate_key", "checks the key"),
    (
        "identity.sign_out",
        "ends only the session whose token it is given",
    ),
    ("identity.refresh", "reads an actor's own rights again"),
    (
        "identity.actor_of_account",
        "chat tells who somebody is; the platform has vouched for it",
    ),
    (
        "identity.begin_request",
        "remembers that somebody asked; what they may is asked of the operation itself",
    ),
    (
        "identity.finish_request",
        "remembers what somebody was answered, for themselves",
    ),
    (
        "identity.forget_request",
        "forgets what somebody asked, for themselves",
    ),
    ("identity.sweep", "a job of the program"),
    ("identity.suggest", "a job of the program"),
    ("identity.notice_to_send", "a job of the program"),
    ("identity.notice_sent", "a job of the program"),
    ("identity.export_to_make", "a job of the program"),
    ("identity.export_progress", "a job of the program"),
    ("identity.export_ready", "a job of the program"),
    ("identity.export_failed", "a job of the program"),
    ("identity.export_files", "a job of the program"),
    ("identity.export_removed", "a job of the program"),
    ("identity.stale_exports", "a job of the program"),
    ("identity.key_tombstones", "a job of the program"),
    ("identity.due_erasures", "a job of the program"),
    ("identity.begin_erasing", "a job of the program"),
    ("identity.finish_erasing", "a job of the program"),
    ("app.make_export", "a job of the program"),
    ("app.tend_roles", "a job of the program"),
    (
        "app.personal_tokens",
        "the program asks providers with them; no face does",
    ),
    ("identity.link_tokens", "a job of the program"),
    ("identity.begin_refresh", "a job of the program"),
    ("identity.finish_refresh", "a job of the program"),
    ("identity.refuse_refresh", "a job of the program"),
    ("identity.give_up_refresh", "a job of the program"),
    ("identity.enlist_roles", "a job of the program"),
    ("identity.due_roles", "a job of the program"),
    ("identity.settle_role", "a job of the program"),
    ("app.tend_privacy", "a job of the program"),
    (
        "identity.community_of",
        "the pipeline asks where chat belongs; nothing about people",
    ),
    ("bots.tick", "the program's own work, which tells nobody"),
    (
        "bots.score_all",
        "run by a job and on the machine's own console",
    ),
    ("bots.begin_night", "run by a job"),
    ("bots.withdraw_unlisted", "run by a job"),
    ("bots.look_for_listed", "run by a job"),
    ("bots.tell_going", "done by the task that follows messages"),
    ("bots.tell_stuck", "done by the task that follows messages"),
    ("bots.renew_norms", "run by a job"),
    (
        "bots.judging",
        "for measurements of the program; no face does",
    ),
    (
        "bots.of_account",
        "for measurements of the program; no face does",
    ),
    (
        "bots.of_remembered",
        "for measurements of the program; no face does",
    ),
    (
        "bots.stored_states",
        "for measurements of the program; no face does",
    ),
    (
        "bots.rebuild",
        "run by a job, which `bots.recompute` asks for",
    ),
    (
        "activity.reputations_shown",
        "a profile that was read for somebody says what they may see",
    ),
    (
        "activity.activity_shown",
        "a profile that was read for somebody says what they may see",
    ),
    ("activity.apply_retention", "a job of the program"),
    ("activity.find_suggestions", "a job of the program"),
    ("activity.watch", "a job of the program"),
    ("activity.quarantine", "the pipeline puts events aside"),
    ("deliveries.tend", "a job of the program"),
    ("webhooks.tend", "a job of the program"),
    ("webhooks.untold", "a job of the program"),
    ("webhooks.told", "a job of the program"),
    ("app.tend_webhooks", "a job of the program"),
    ("identity.manager_mail", "a job of the program"),
    (
        "app.connections_changed",
        "wakes the gateway; tells nothing but that something changed",
    ),
    (
        "app.ready",
        "load balancers ask whether the database answers",
    ),
];

/// Somebody who asks.
struct Asker {
    label: &'static str,
    actor: Actor,
    /// What they are in the community that is asked about.
    role: Option<Role>,
    /// A session of their own.
    session: SessionId,
}

impl Asker {
    fn may(&self, needs: Needs) -> bool {
        match &self.actor {
            Actor::Anonymous => needs == Needs::Nothing,
            actor if actor.is_instance_admin() => true,
            _ => needs.allows(self.role),
        }
    }
}

/// What every call is made with.
struct Stage {
    world: World,
    pond: CommunityId,
    target: UserId,
    n_calls: u32,
    waiting: DeliveryId,
    failed: DeliveryId,
    sent: DeliveryId,
    foreign_key: ApiKeyId,
}

async fn asker(world: &World, label: &'static str, user: UserId, role: Option<Role>) -> Asker {
    let token = world.token(user).await;
    let known = world
        .app
        .identity
        .authenticate(&token)
        .await
        .unwrap()
        .unwrap();
    Asker {
        label,
        actor: known.actor,
        role,
        session: known.session,
    }
}

/// Everybody the table tells apart.
async fn askers(world: &mut World, pond: CommunityId) -> Vec<Asker> {
    let lake = world.community("Lake").await;
    let mut all = vec![Asker {
        label: "anonymous",
        actor: Actor::Anonymous,
        role: None,
        session: SessionId(0),
    }];
    for (label, role) in [
        ("member elsewhere", Role::Member),
        ("owner elsewhere", Role::Owner),
    ] {
        let user = world.person(lake, label, Some(role)).await.user;
        all.push(asker(world, label, user, None).await);
    }
    for role in Role::ALL {
        let user = world.person(pond, role.as_str(), Some(role)).await.user;
        all.push(asker(world, role.as_str(), user, Some(role)).await);
    }
    let root = world.admin("root").await.user;
    all.push(asker(world, "instance admin", root, None).await);
    all
}

fn members() -> MemberQuery {
    MemberQuery {
        search: String::new(),
        platform: None,
        sort: MemberSort::Name,
        descending: false,
        page: PageRequest::first(10),
    }
}

/// Whether the call was allowed.
fn by_identity<T>(answer: Result<T, IdentityError>) -> bool {
    match answer {
        Ok(_) | Err(IdentityError::Invalid { .. }) => true,
        Err(IdentityError::NotAllowed(_) | IdentityError::NotFound) => false,
        Err(other) => panic!("unexpected: {other:?}"),
    }
}

/// What belongs to a connection: nothing of those of others can be known.
fn by_connection<T>(answer: Result<T, AppError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(
            AppError::NotFound
            | AppError::Identity(
                IdentityError::NotAllowed(_)
                | IdentityError::NotFound
                // Who may not begin an install has no state.
                | IdentityError::TokenInvalid,
            ),
        ) => false,
        Err(other) => panic!("unexpected: {other:?}"),
    }
}

fn new_key() -> NewApiKey {
    NewApiKey {
        name: "dashboard of the kitchen".to_owned(),
        scope: KeyScope::Everything,
        days: 30,
    }
}

/// What comes back from a platform.
fn installed(server: &str) -> Installed {
    Installed {
        name: "Pond".to_owned(),
        grant: Grant {
            platform: Platform::Discord,
            server: server.to_owned(),
            account: "1".to_owned(),
            access: Secret::new("token".to_owned()),
            refresh: None,
            expires_at: None,
            scopes: Vec::new(),
        },
    }
}

const REDIRECT: &str = "http://127.0.0.1/connect/discord/callback";

fn install(pond: CommunityId) -> Install {
    Install {
        community: pond,
        platform: Platform::Discord,
        redirect: REDIRECT.to_owned(),
    }
}

/// A connection of the community.
async fn connection(stage: &Stage, n: u32) -> ConnectionId {
    let identity = &stage.world.app.identity;
    let made = identity
        .finish_install(
            &stage.world.system(),
            &install(stage.pond),
            &installed(&format!("server {n}")),
        )
        .await;
    made.unwrap().id
}

/// The state of an install that the asker began; nonsense if they may not.
async fn state(stage: &Stage, asker: &Asker) -> String {
    let identity = &stage.world.app.identity;
    let begun = identity
        .begin_install(
            &asker.actor,
            stage.pond,
            Platform::Discord,
            asker.session,
            REDIRECT,
        )
        .await;
    begun.map_or_else(|_| "nonsense".to_owned(), |state| state.expose().clone())
}

const BROWSER: &str = "a random value";
const IN_BROWSER: Seat<'static> = Seat {
    browser: Some(BROWSER),
    session: None,
};
const TRIP: Trip<'static> = Trip {
    provider: "campus",
    redirect: "http://127.0.0.1/auth/campus/callback",
    return_to: "/",
};

/// Somebody who is back to link an account.
fn arrival(user: UserId) -> Arrival {
    Arrival {
        provider: TRIP.provider.to_owned(),
        intent: Intent::Link(user),
        nonce: String::new(),
        verifier: Secret::default(),
        redirect: TRIP.redirect.to_owned(),
        return_to: TRIP.return_to.to_owned(),
    }
}

/// What a provider says of the account with a number.
fn proof(n: u32) -> Proof {
    Proof {
        subject: n.to_string(),
        username: "duck".to_owned(),
        display_name: None,
        avatar: None,
        verified_email: None,
        account_created_at: None,
        tokens: None,
    }
}

/// A session that the asker began just now: rows before may have ended theirs.
async fn young(stage: &Stage, asker: &Asker) -> SessionId {
    let Some(user) = asker.actor.user_id() else {
        return SessionId(0);
    };
    stage.world.session(user).await
}

/// Switches the asker's second factor on, as far as they may.
async fn switch_on(
    stage: &Stage,
    asker: &Asker,
) -> (SessionId, Result<Vec<Secret<String>>, IdentityError>) {
    let session = young(stage, asker).await;
    let identity = &stage.world.app.identity;
    let code = match identity.begin_totp(&asker.actor, session).await {
        Ok(setup) => totp_code(&setup.secret, stage.world.clock.now()),
        Err(_) => String::new(),
    };
    let switched = identity.confirm_totp(&asker.actor, session, &code).await;
    (session, switched)
}

/// So that the asker can begin another session.
async fn switch_off(stage: &Stage) {
    stage.world.sql("DELETE FROM recovery_code").await;
    stage.world.sql("DELETE FROM totp").await;
}

/// A passkey of the asker, and the device that keeps it; of somebody else where they may have none.
async fn own_passkey(stage: &Stage, asker: &Asker, n: u32) -> (PasskeyId, Device) {
    let user = asker.actor.user_id().unwrap_or(stage.target);
    let owner = Person {
        user,
        actor: stage.world.actor_of(user).await,
    };
    // No two have the same keys.
    let mut device = passkeys::device(n * 10);
    let id = passkeys::add(&stage.world, &owner, &mut device).await;
    (id, device)
}

/// What comes back to a question for a passkey; nonsense if none was asked.
fn answered(
    begun: &Result<PasskeyQuestion, IdentityError>,
    device: impl FnOnce(&str) -> String,
) -> (String, String) {
    match begun {
        Ok(asked) => (asked.ceremony.expose().clone(), device(&asked.options)),
        Err(_) => (String::new(), String::new()),
    }
}

/// Somebody with a second factor; answers their address.
async fn protected(stage: &Stage, n: u32) -> String {
    let person = stage.world.admin(&format!("protected-{n}")).await;
    let asker = Asker {
        label: "somebody protected",
        role: None,
        actor: person.actor,
        session: SessionId(0),
    };
    let (_, switched) = switch_on(stage, &asker).await;
    switched.unwrap();
    format!("protected-{n}@example.org")
}

/// An address that nobody else in this test has.
fn address(n: u32) -> String {
    format!("person-{n}@example.org")
}

/// The code that a letter to the asker's new address would hold; none for those who get no letter.
async fn mailed_code(stage: &Stage, asker: &Asker, n: u32) -> String {
    let session = young(stage, asker).await;
    let identity = &stage.world.app.identity;
    let letter = identity
        .begin_email(&asker.actor, session, None, &address(n))
        .await;
    match letter.map(|letter| letter.reason) {
        Ok(EmailReason::Verify { code, .. }) => code.expose().clone(),
        _ => String::new(),
    }
}

/// An account of the asker besides another; one of somebody else for those who have none.
async fn linked(stage: &Stage, asker: &Asker, n: u32) -> LinkId {
    let target = Actor::User {
        id: stage.target,
        is_instance_admin: false,
        roles: BTreeMap::new(),
        only: None,
    };
    let user = asker.actor.user_id().unwrap_or(stage.target);
    let owner = match asker.actor.user_id() {
        Some(_) => &asker.actor,
        None => &target,
    };
    let identity = &stage.world.app.identity;
    let mut last = LinkId(0);
    for n in [n, n + 1_000_000] {
        let made = identity
            .finish_link(owner, &arrival(user), None, &proof(n))
            .await;
        last = made.unwrap().id;
    }
    last
}

/// The same, and its provider is told what roles may depend on.
async fn told(stage: &Stage, asker: &Asker, n: u32) -> LinkId {
    let link = linked(stage, asker, n).await;
    let row = format!(
        "INSERT INTO linked_role (account_id, link_id, is_stopped, state, attempts) \
         SELECT MIN(id), {link}, FALSE, 2, 0 FROM platform_account \
         WHERE id NOT IN (SELECT account_id FROM linked_role)"
    );
    assert_eq!(stage.world.sql(&row).await, 1);
    link
}

/// A request that keeps the asker; one that keeps somebody else for those who are nobody. It waits
/// for the kept side, and for the other one too unless it came by a `way_in`.
async fn merge_of(stage: &mut Stage, asker: &Asker, n: u32, way_in: bool) -> MergeId {
    // Rows before may have asked for the deletion of theirs.
    stage.world.sql("DELETE FROM erasure").await;
    let kept = asker.actor.user_id().unwrap_or(stage.target);
    let keeper = stage.world.actor_of(kept).await;
    let name = format!("other-{n}");
    let other = stage.world.person(stage.pond, &name, None).await;
    let proof = proof(n + 2_000_000);
    let identity = &stage.world.app.identity;
    identity
        .finish_link(&other.actor, &arrival(other.user), None, &proof)
        .await
        .unwrap();
    let mut back = arrival(kept);
    if way_in {
        "nonce".clone_into(&mut back.nonce);
    }
    match identity.finish_link(&keeper, &back, None, &proof).await {
        Err(IdentityError::MergeNeeded(id)) => id,
        other => panic!("{other:?}"),
    }
}

/// An account of the asker, or of somebody else for those who are nobody, and another one that may be
/// the same person's.
async fn suggested(stage: &Stage, asker: &Asker, n: u32) -> AccountPair {
    let owner = asker.actor.user_id().unwrap_or(stage.target);
    let world = &stage.world;
    let other = format!("SELECT MIN(id) FROM users WHERE id <> {owner} AND claimed_at IS NULL");
    let mut ids = Vec::new();
    for (platform, user) in [(2, owner.to_string()), (3, format!("({other})"))] {
        world
            .sql(&format!(
                "INSERT INTO platform_account (platform, platform_user_id, username, user_id, is_bot, \
                 first_seen_at) VALUES ({platform}, 'suggested-{n}', 'quackmaster_{n}', {user}, FALSE, 0)"
            ))
            .await;
        let id = format!(
            "SELECT id FROM platform_account WHERE platform = {platform} AND platform_user_id = 'suggested-{n}'"
        );
        ids.push(AccountId(world.number(&id).await));
    }
    let pair = AccountPair::new(ids[0], ids[1]);
    world
        .sql(&format!(
            "INSERT INTO merge_suggestion (community_id, low_account, high_account, confidence, signs, \
             found_at, seen_at) VALUES ({}, {}, {}, 60, 'same_handle', 0, 0)",
            stage.pond,
            pair.low(),
            pair.high()
        ))
        .await;
    pair
}

fn by_activity<T>(answer: Result<T, ActivityError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(ActivityError::NotAllowed(_)) => false,
        Err(other) => panic!("unexpected: {other:?}"),
    }
}

/// The answer for the one community that was asked about.
fn only<T, E: From<Denied>>(answer: Result<OfEach<T>, E>, community: CommunityId) -> Result<T, E> {
    let mut found = answer?;
    Ok(found.remove(&community).unwrap()?)
}

fn by_delivery<T>(answer: Result<T, DeliveryError>) -> bool {
    match answer {
        // Once it was cancelled or tried again, only those who may are told so.
        Ok(_) | Err(DeliveryError::Conflict(_)) => true,
        Err(DeliveryError::NotAllowed(_) | DeliveryError::NotFound) => false,
        Err(other) => panic!("unexpected: {other:?}"),
    }
}

fn by_community<T>(answer: Result<T, CommunityError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(CommunityError::NotAllowed(_)) => false,
        Err(other) => panic!("unexpected: {other:?}"),
    }
}

fn by_webhook<T>(answer: Result<T, WebhookError>) -> bool {
    match answer {
        Ok(_) => true,
        Err(WebhookError::NotAllowed(_) | WebhookError::NotFound) => false,
        Err(other) => panic!("unexpected: {other:?}"),
    }
}

/// The calls about webhooks.
/// That the target was seen in the community.
async fn presence(stage: &Stage) -> Presence {
    let (activity, system) = (&stage.world.app.activity, stage.world.system());
    let query = MemberQuery {
        search: "target".to_owned(),
        ..members()
    };
    let page = activity.members(&system, stage.pond, &query).await.unwrap();
    page.items.first().unwrap().presence
}

async fn call_webhooks(stage: &Stage, operation: &str, asker: &Asker, n: u32) -> Option<bool> {
    let (world, pond, actor) = (&stage.world, stage.pond, &asker.actor);
    let service = &world.app.webhooks;
    // A community has few of them.
    world.sql("DELETE FROM webhook_message").await;
    world.sql("DELETE FROM webhook").await;
    let id = webhooks::webhook(world, pond).await;
    let message = webhooks::failed(world, id).await;
    Some(match operation {
        "webhooks.webhooks" => by_webhook(service.webhooks(actor, pond).await),
        "webhooks.webhook" => service.webhook(actor, id).await.unwrap().is_some(),
        "webhooks.create" => {
            let new = NewWebhook {
                url: format!("https://{n}.example/"),
                ..NewWebhook::default()
            };
            by_webhook(service.create(actor, pond, &new).await)
        }
        "webhooks.change" => by_webhook(service.change(actor, id, &WebhookChange::default()).await),
        "webhooks.rotate" => by_webhook(service.rotate(actor, id).await),
        "webhooks.pause" => by_webhook(service.pause(actor, id).await),
        "webhooks.resume" => by_webhook(service.resume(actor, id).await),
        "webhooks.remove" => by_webhook(service.remove(actor, id).await),
        "webhooks.messages" => {
            let page = PageRequest::first(10);
            by_webhook(
                service
                    .messages(actor, id, MessageFilter::default(), &page)
                    .await,
            )
        }
        "webhooks.message" => service.message(actor, message).await.unwrap().is_some(),
        "webhooks.replay" => by_webhook(service.replay(actor, message).await),
        "webhooks.replay_failed" => {
            by_webhook(service.replay_failed(actor, id, Timestamp(0)).await)
        }
        "webhooks.ping" => by_webhook(service.ping(actor, id).await),
        other => return bots::call(stage, other, asker, n).await,
    })
}

/// One delivery in each of the states that operations are for.
async fn deliveries(world: &World, pond: CommunityId) -> [DeliveryId; 3] {
    let mut ids = Vec::new();
    for (key, state) in [("waiting", 0), ("failed", 3), ("sent", 2)] {
        let id = world
            .app
            .deliveries
            .post(&world.system(), greeting(pond, key))
            .await
            .unwrap();
        let change =
            format!("UPDATE delivery SET state = {state}, message_id = 'm' WHERE id = {id}");
        world.sql(&change).await;
        ids.push(id);
    }
    ids.try_into().unwrap()
}

fn by_app<T>(answer: Result<T, AppError>) -> bool {
    match answer {
        // The job does not exist, and only those who may repair jobs are told so.
        Ok(_) | Err(AppError::NotFound) => true,
        Err(AppError::NotAllowed(_)) => false,
        Err(other) => panic!("unexpected: {other:?}"),
    }
}

/// Makes the call of one row; `None` if there is none.
async fn call(stage: &mut Stage, operation: &str, asker: &Asker) -> Option<bool> {
    stage.n_calls += 1;
    let n = stage.n_calls;
    let app = &stage.world.app;
    let pond = stage.pond;
    let target = stage.target;
    let identity = &app.identity;
    let activity = &app.activity;
    let actor = &asker.actor;
    let new_community = NewCommunity {
        name: format!("Pool {n}"),
        ..NewCommunity::default()
    };
    let new_account = NewAccount {
        display_name: format!("Admin {n}"),
        email: format!("admin{n}@example.org"),
        password: "correct horse battery".to_owned().into(),
    };
    let secret = || "correct horse battery".to_owned().into();
    let today = app.clock.now().day();
    let allowed = match operation {
        "identity.me" => by_identity(identity.me(actor).await),
        "identity.sessions" => by_identity(identity.sessions(actor).await),
        "identity.revoke_session" => {
            let answer = identity.revoke_session(actor, asker.session).await;
            by_identity(answer)
        }
        "identity.change_password" => by_identity(
            identity
                .change_password(actor, &secret(), &secret(), asker.session)
                .await,
        ),
        "identity.own_profile" => by_identity(identity.own_profile(actor).await),
        "identity.change_profile" => {
            let change = ProfileChange {
                display_name: "Quack".to_owned(),
                handle: format!("duck-{n}"),
                ..ProfileChange::default()
            };
            by_identity(identity.change_profile(actor, &change).await)
        }
        "identity.profile" => {
            let seen = identity.profile(actor, Who::User(target), Eyes::Own).await;
            assert_eq!(
                seen.as_ref().unwrap(),
                &None,
                "nobody signs in as the target"
            );
            by_identity(seen)
        }
        "identity.visibility" => by_identity(identity.visibility(actor).await),
        "identity.change_visibility" => {
            let mut wanted = Visibility::default();
            wanted.set(Platform::Irc, Facet::Profile, Audience::Nobody);
            let client = ClientInfo::default();
            by_identity(identity.change_visibility(actor, &wanted, &client).await)
        }
        "identity.consents" => by_identity(identity.consents(actor).await),
        "identity.exports" => by_identity(identity.exports(actor).await),
        "identity.erasure" => by_identity(identity.erasure(actor).await),
        "identity.request_export" => {
            let session = young(stage, asker).await;
            let answer = identity.request_export(actor, session, None).await;
            // One at a time.
            stage
                .world
                .sql("UPDATE data_export SET state = 2 WHERE state = 0")
                .await;
            by_identity(answer)
        }
        "identity.take_export" | "app.fetch_export" => {
            let id = 1_000 + i32::try_from(n).unwrap();
            let owner = actor.user_id().unwrap_or(target);
            stage
                .world
                .sql(&format!(
                    "INSERT INTO data_export (id, user_id, state, done, total, blob, size_bytes, requested_at, expires_at) \
                     VALUES ({id}, {owner}, 1, 1, 1, 'exports/none.zip', 1, 1, {})",
                    i64::MAX
                ))
                .await;
            if operation == "app.fetch_export" {
                // There is no such file, which only its owner learns.
                match app.fetch_export(actor, id).await {
                    Err(AppError::Files(_)) => true,
                    other => by_connection(other),
                }
            } else {
                by_identity(identity.take_export(actor, id).await)
            }
        }
        "identity.request_erasure" => {
            let session = young(stage, asker).await;
            match identity.request_erasure(actor, session, None).await {
                // The only owner is told so.
                Err(IdentityError::Conflict(_)) => true,
                answer => by_identity(answer),
            }
        }
        "identity.cancel_erasure" => {
            if let Some(user) = actor.user_id() {
                let wish = format!(
                    "INSERT INTO erasure (user_id, requested_at, due_at) VALUES ({user}, 1, {}) \
                     ON CONFLICT DO NOTHING",
                    i64::MAX
                );
                stage.world.sql(&wish).await;
            }
            by_identity(identity.cancel_erasure(actor).await)
        }
        "activity.own_feed" => {
            let query = FeedQuery {
                platform: None,
                page: PageRequest::first(10),
            };
            by_activity(activity.own_feed(actor, &query).await)
        }
        "activity.own_reputation" => match activity.own_reputation(actor).await {
            Err(ActivityError::NotFound) => false,
            answer => by_activity(answer),
        },
        "activity.reputation_of" => {
            let seen = activity.reputation_of(actor, target, Eyes::Own).await;
            assert_eq!(seen.as_ref().unwrap(), &None);
            by_activity(seen)
        }
        "identity.profiles" => {
            let seen = identity.profiles(actor, &[target], Eyes::Own).await;
            assert!(
                seen.as_ref().unwrap().is_empty(),
                "nobody signs in as the target"
            );
            by_identity(seen)
        }
        "activity.reputations_of" => {
            let seen = &[presence(stage).await];
            by_activity(activity.reputations_of(actor, seen).await)
        }
        "activity.accounts_of" => {
            let seen = &[presence(stage).await];
            by_activity(activity.accounts_of(actor, seen).await)
        }
        "identity.roles_of" => by_identity(identity.roles_of(actor, &[(pond, target)]).await),
        "activity.members_of" => {
            let found = activity.members_of(actor, &[pond], &members()).await;
            by_activity(only(found, pond))
        }
        "activity.member_counts" => {
            let found = activity.member_counts(actor, &[pond], &members()).await;
            by_activity(only(found, pond))
        }
        "activity.recent_messages_of" => {
            let query = MessageQuery {
                platform: None,
                before: None,
                limit: 10,
            };
            let found = activity.recent_messages_of(actor, &[pond], query).await;
            by_activity(only(found, pond))
        }
        "activity.overviews" => {
            let period = Period::last_days(today, 7);
            let found = activity.overviews(actor, &[pond], period).await;
            by_activity(only(found, pond))
        }
        "identity.communities_of" => {
            let found = identity.communities_of(actor, &[pond]).await.unwrap();
            found.contains_key(&pond)
        }
        "activity.members_at" => {
            stage.world.say(pond, "seen", "quack").await;
            let seen = stage.world.user_of(pond, "seen").await;
            let activity = &stage.world.app.activity;
            let found = activity.members_at(actor, &[(pond, seen)]).await.unwrap();
            found.contains_key(&(pond, seen))
        }
        "activity.messages_of_account" => by_activity(
            activity
                .messages_of_account(actor, pond, AccountId(1), 5)
                .await,
        ),
        "activity.messages_by_id" => {
            stage.world.say(pond, "seen", "quack").await;
            let id = MessageId(stage.world.number("SELECT MAX(id) FROM message").await);
            let activity = &stage.world.app.activity;
            let found = activity.messages_by_id(actor, &[id]).await.unwrap();
            found.contains_key(&id)
        }
        "deliveries.tries_of" => {
            let tried = format!(
                "INSERT INTO delivery_attempt (delivery_id, n, begun_at) VALUES ({}, {n}, 0)",
                stage.sent
            );
            stage.world.sql(&tried).await;
            let found = app.deliveries.tries_of(actor, &[stage.sent]).await.unwrap();
            found.contains_key(&stage.sent)
        }
        "identity.connections_of" => {
            let found = identity.connections_of(actor, &[pond]).await;
            by_identity(only(found, pond))
        }
        "activity.reputations" => by_activity(activity.reputations(actor, pond, &[target]).await),
        "activity.member_card" => by_activity(activity.member_card(actor, pond, target).await),
        "activity.reputation_history" => by_activity(
            activity
                .reputation_history(actor, pond, target, &PageRequest::first(10))
                .await,
        ),
        "activity.suspicions" => by_activity(
            activity
                .suspicions(actor, pond, None, &PageRequest::first(10))
                .await,
        ),
        "activity.suspicions_of" => by_activity(activity.suspicions_of(actor, pond, target).await),
        "activity.decide_suspicion" => {
            let world = &stage.world;
            world
                .sql(&format!(
                    "INSERT INTO suspicion (community_id, pattern, subject, evidence, first_seen_at, \
                     last_seen_at, state) VALUES ({pond}, 4, 'account:{n}', '{{\"links\":5}}', 0, 0, 0)"
                ))
                .await;
            let id = world.number("SELECT MAX(id) FROM suspicion").await;
            let id = i32::try_from(id).unwrap();
            let confirmed = SuspicionState::Confirmed;
            by_activity(activity.decide_suspicion(actor, pond, id, confirmed).await)
        }
        "activity.standings" => by_activity(activity.standings(actor, pond).await),
        "identity.reputation_weights" => {
            by_identity(identity.reputation_weights(actor, pond).await)
        }
        "identity.set_reputation_weights" => {
            let wanted = [(identity::Reason::Follow, Some(i64::from(n)))];
            by_identity(identity.set_reputation_weights(actor, pond, &wanted).await)
        }
        "activity.adjust_reputation" => {
            let adjustment = Adjustment {
                points: 1,
                note: "helped".to_owned(),
                key: format!("key {n}"),
            };
            let answer = activity.adjust_reputation(actor, pond, target, &adjustment);
            by_activity(answer.await)
        }
        "activity.activity_of" => {
            let seen = activity.activity_of(actor, target, Eyes::Own).await;
            assert_eq!(seen.as_ref().unwrap(), &Vec::new());
            by_activity(seen)
        }
        "activity.retention_preview" => {
            by_activity(activity.retention_preview(actor, pond, 90).await)
        }
        "identity.api_keys" => by_identity(identity.api_keys(actor).await),
        "identity.create_api_key" => {
            let session = young(stage, asker).await;
            by_identity(
                identity
                    .create_api_key(actor, session, &new_key(), &secret())
                    .await,
            )
        }
        "identity.regenerate_api_key" | "identity.revoke_api_key" => {
            // Somebody without a key of their own asks for that of somebody else.
            let own = identity.api_keys(actor).await.ok();
            let id = own.and_then(|keys| keys.first().map(|key| key.id));
            let id = id.unwrap_or(stage.foreign_key);
            if operation == "identity.revoke_api_key" {
                by_identity(identity.revoke_api_key(actor, id).await)
            } else {
                let session = young(stage, asker).await;
                by_identity(
                    identity
                        .regenerate_api_key(actor, session, id, &secret())
                        .await,
                )
            }
        }
        "identity.issue_sign_in_link" => {
            by_identity(identity.issue_sign_in_link(actor, target).await)
        }
        "identity.create_admin" => by_identity(identity.create_admin(actor, &new_account).await),
        "identity.reset_password" => by_identity(
            identity
                .reset_password(actor, "root@example.org", &secret())
                .await,
        ),
        "identity.find_by_email" => {
            by_identity(identity.find_by_email(actor, "root@example.org").await)
        }
        "identity.communities" => {
            let seen = identity.communities(actor).await.unwrap();
            let knows = seen.iter().any(|(community, _)| community.id == pond);
            assert_eq!(
                knows,
                asker.may(Needs::Community(Permission::ViewCommunity)),
                "{}: the list shows what may be seen and nothing else",
                asker.label
            );
            true
        }
        "identity.community" => identity.community(actor, pond).await.unwrap().is_some(),
        "identity.community_by_slug" => identity
            .community_by_slug(actor, "pond")
            .await
            .unwrap()
            .is_some(),
        "identity.create_community" => {
            by_identity(identity.create_community(actor, &new_community).await)
        }
        "identity.find_or_create_community" => by_identity(
            identity
                .find_or_create_community(actor, &new_community)
                .await,
        ),
        "identity.update_community" => {
            let change = CommunityChange {
                name: "Pond".to_owned(),
                description: String::new(),
                retention_days: 90,
            };
            by_identity(identity.update_community(actor, pond, &change).await)
        }
        "identity.servers_of" => by_identity(identity.servers_of(actor, &[pond]).await),
        "identity.servers" => by_identity(identity.servers(actor, pond).await),
        "identity.connect_server" => {
            let server = NewServer {
                platform: Platform::Discord,
                platform_server_id: "pond".to_owned(),
                name: "Pond".to_owned(),
            };
            by_identity(identity.connect_server(actor, pond, &server).await)
        }
        "identity.begin_install" => by_identity(
            identity
                .begin_install(actor, pond, Platform::Discord, asker.session, REDIRECT)
                .await,
        ),
        other => return Box::pin(call_more(stage, other, asker, n)).await,
    };
    Some(allowed)
}

/// The same of those after. A single function would need more stack than a thread has.
async fn call_more(stage: &mut Stage, operation: &str, asker: &Asker, n: u32) -> Option<bool> {
    let app = &stage.world.app;
    let pond = stage.pond;
    let target = stage.target;
    let identity = &app.identity;
    let actor = &asker.actor;
    let secret = || "correct horse battery".to_owned().into();
    let allowed = match operation {
        "identity.redeem_install" => {
            let begun = state(stage, asker).await;
            let redeemed = identity
                .redeem_install(actor, &begun, Platform::Discord, asker.session)
                .await;
            by_connection(redeemed.map_err(AppError::from))
        }
        "identity.finish_install" => by_identity(
            identity
                .finish_install(actor, &install(pond), &installed(&format!("server {n}")))
                .await,
        ),
        "identity.connections" => by_identity(identity.connections(actor, pond).await),
        "identity.connection" => {
            let id = connection(stage, n).await;
            identity.connection(actor, id).await.unwrap().is_some()
        }
        "identity.choose_channel" => {
            let id = connection(stage, n).await;
            by_identity(identity.choose_channel(actor, id, None).await)
        }
        "identity.disconnect" => {
            let id = connection(stage, n).await;
            by_identity(identity.disconnect(actor, id).await)
        }
        "app.install_url" => by_connection(
            app.install_url(actor, pond, Platform::Discord, asker.session, REDIRECT)
                .await,
        ),
        "app.complete_install" => {
            let begun = state(stage, asker).await;
            let done = app
                .complete_install(actor, Platform::Discord, asker.session, &begun, None)
                .await;
            by_connection(done)
        }
        "app.channels" => {
            let id = connection(stage, n).await;
            by_connection(app.channels(actor, id).await)
        }
        "app.choose_channel" => {
            let id = connection(stage, n).await;
            by_connection(app.choose_channel(actor, id, Some("11")).await)
        }
        "app.test_connection" => {
            let id = connection(stage, n).await;
            by_connection(app.test_connection(actor, id).await)
        }
        "app.disconnect" => {
            let id = connection(stage, n).await;
            by_connection(app.disconnect(actor, id).await)
        }
        "identity.redeem_state" => {
            let begun = identity.begin_sign_in(TRIP, BROWSER).await.unwrap();
            let redeemed = identity
                .redeem_state(actor, &begun.state, TRIP.provider, IN_BROWSER)
                .await;
            by_identity(redeemed)
        }
        "identity.second_factor" => by_identity(identity.second_factor(actor).await),
        "identity.begin_totp" => {
            let session = young(stage, asker).await;
            by_identity(identity.begin_totp(actor, session).await)
        }
        "identity.confirm_totp" => {
            let (_, switched) = switch_on(stage, asker).await;
            switch_off(stage).await;
            by_identity(switched)
        }
        "identity.renew_recovery_codes" => {
            let (session, _) = switch_on(stage, asker).await;
            let identity = &stage.world.app.identity;
            let renewed = identity.renew_recovery_codes(actor, session).await;
            switch_off(stage).await;
            by_identity(renewed)
        }
        "identity.disable_totp" => {
            let (session, _) = switch_on(stage, asker).await;
            let identity = &stage.world.app.identity;
            by_identity(identity.disable_totp(actor, session).await)
        }
        "identity.confirm_session" => {
            let session = young(stage, asker).await;
            let typed = secret();
            let client = ClientInfo::default();
            by_identity(
                identity
                    .confirm_session(actor, session, &typed, &client)
                    .await,
            )
        }
        "identity.passkeys" => by_identity(identity.passkeys(actor).await),
        "identity.begin_passkey" => {
            let session = young(stage, asker).await;
            by_identity(identity.begin_passkey(actor, session).await)
        }
        "identity.add_passkey" => {
            let session = young(stage, asker).await;
            let begun = identity.begin_passkey(actor, session).await;
            let (ceremony, made) = answered(&begun, |asked| passkeys::device(n * 10).create(asked));
            let answer = PasskeyAnswer {
                ceremony: &ceremony,
                credential: &made,
            };
            by_identity(identity.add_passkey(actor, session, answer, "key").await)
        }
        "identity.rename_passkey" => {
            let (id, _) = own_passkey(stage, asker, n).await;
            by_identity(identity.rename_passkey(actor, id, "other").await)
        }
        "identity.remove_passkey" => {
            let (id, _) = own_passkey(stage, asker, n).await;
            // Not the last way in.
            own_passkey(stage, asker, n + 100_000).await;
            let session = young(stage, asker).await;
            by_identity(identity.remove_passkey(actor, session, id).await)
        }
        "identity.begin_passkey_confirmation" => {
            own_passkey(stage, asker, n).await;
            let session = young(stage, asker).await;
            by_identity(identity.begin_passkey_confirmation(actor, session).await)
        }
        "identity.confirm_with_passkey" => {
            let (_, mut device) = own_passkey(stage, asker, n).await;
            let session = young(stage, asker).await;
            let begun = identity.begin_passkey_confirmation(actor, session).await;
            let (ceremony, signed) = answered(&begun, |asked| device.get(asked));
            let answer = PasskeyAnswer {
                ceremony: &ceremony,
                credential: &signed,
            };
            let client = ClientInfo::default();
            let done = identity.confirm_with_passkey(actor, session, answer, &client);
            by_identity(done.await)
        }
        "identity.verifications" => {
            by_identity(identity.verifications(actor, &PageRequest::first(5)).await)
        }
        "identity.reset_second_factor" => {
            let address = protected(stage, n).await;
            by_identity(identity.reset_second_factor(actor, &address).await)
        }
        "identity.email_status" => by_identity(identity.email_status(actor).await),
        "identity.begin_email" => by_identity(
            identity
                .begin_email(actor, young(stage, asker).await, None, &address(n))
                .await,
        ),
        "app.send_email_code" => by_connection(
            app.send_email_code(actor, young(stage, asker).await, None, &address(n))
                .await,
        ),
        "identity.confirm_email" => {
            let code = mailed_code(stage, asker, n).await;
            by_identity(identity.confirm_email(actor, &code).await)
        }
        "identity.begin_link" => by_identity(
            identity
                .begin_link(actor, young(stage, asker).await, None, TRIP)
                .await,
        ),
        "identity.finish_link" => {
            let arrival = arrival(actor.user_id().unwrap_or(target));
            let proof = proof(n);
            by_identity(identity.finish_link(actor, &arrival, None, &proof).await)
        }
        "identity.confirmation" => by_identity(identity.confirmation(actor, asker.session).await),
        "identity.links" => by_identity(identity.links(actor).await),
        "identity.choose_primary_link" => {
            let link = linked(stage, asker, n).await;
            let identity = &stage.world.app.identity;
            by_identity(identity.choose_primary_link(actor, Some(link)).await)
        }
        "identity.begin_chat_code" => {
            let session = young(stage, asker).await;
            let begun = identity.begin_chat_code(actor, session, None, Platform::Twitch);
            by_identity(begun.await)
        }
        "app.chat_code" => {
            let session = young(stage, asker).await;
            by_connection(app.chat_code(actor, session, None, Platform::Twitch).await)
        }
        "identity.unlink" => {
            let link = linked(stage, asker, n).await;
            by_identity(
                identity
                    .unlink(actor, young(stage, asker).await, None, link)
                    .await,
            )
        }
        "identity.merges" => by_identity(identity.merges(actor).await),
        "identity.all_merges" => by_identity(identity.all_merges(actor).await),
        "identity.own_suggestions" => by_identity(identity.own_suggestions(actor).await),
        "identity.suggestions" => by_identity(
            identity
                .suggestions(actor, pond, false, &PageRequest::first(10))
                .await,
        ),
        "identity.suggestions_of" => {
            by_identity(identity.suggestions_of(actor, pond, target).await)
        }
        "identity.all_suggestions" => by_identity(identity.all_suggestions(actor).await),
        "identity.dismiss_suggestion" => {
            let pair = suggested(stage, asker, n).await;
            by_identity(
                stage
                    .world
                    .app
                    .identity
                    .dismiss_suggestion(actor, pond, pair)
                    .await,
            )
        }
        "identity.restore_suggestion" => {
            let pair = suggested(stage, asker, n).await;
            by_identity(
                stage
                    .world
                    .app
                    .identity
                    .restore_suggestion(actor, pond, pair)
                    .await,
            )
        }
        "identity.dismiss_own_suggestion" => {
            let pair = suggested(stage, asker, n).await;
            let identity = &stage.world.app.identity;
            // Who is banned where both were seen is told nothing of it, like a stranger.
            match (
                asker.role,
                identity.dismiss_own_suggestion(actor, pair).await,
            ) {
                (Some(Role::Banned), Err(IdentityError::NotFound)) => true,
                (_, answer) => by_identity(answer),
            }
        }
        "identity.restore_own_suggestion" => {
            let pair = suggested(stage, asker, n).await;
            let identity = &stage.world.app.identity;
            match (
                asker.role,
                identity.restore_own_suggestion(actor, pair).await,
            ) {
                (Some(Role::Banned), Err(IdentityError::NotFound)) => true,
                (_, answer) => by_identity(answer),
            }
        }
        "identity.merge_preview" => {
            let identity = stage.world.app.identity.clone();
            let merge = merge_of(stage, asker, n, false).await;
            by_identity(identity.merge_preview(actor, merge).await)
        }
        "identity.confirm_merge" => {
            let identity = stage.world.app.identity.clone();
            let merge = merge_of(stage, asker, n, false).await;
            let session = young(stage, asker).await;
            let side = MergeSide::Kept;
            by_identity(
                identity
                    .confirm_merge(actor, session, None, merge, side)
                    .await,
            )
        }
        "identity.reject_merge" => {
            let identity = stage.world.app.identity.clone();
            let merge = merge_of(stage, asker, n, false).await;
            by_identity(identity.reject_merge(actor, merge).await)
        }
        "identity.undo_merge" => {
            let identity = stage.world.app.identity.clone();
            let merge = merge_of(stage, asker, n, true).await;
            let session = young(stage, asker).await;
            let side = MergeSide::Kept;
            let done = identity
                .confirm_merge(actor, session, None, merge, side)
                .await;
            assert_eq!(done.is_ok(), actor.user_id().is_some());
            by_identity(identity.undo_merge(actor, session, None, merge).await)
        }
        "identity.request_merge" => {
            let identity = stage.world.app.identity.clone();
            let name = format!("named-{n}");
            let other = stage.world.person(pond, &name, None).await;
            let kept = actor.user_id().unwrap_or(target);
            by_identity(identity.request_merge(actor, kept, other.user).await)
        }
        "app.link_url" => by_connection(
            app.link_url(actor, young(stage, asker).await, None, TRIP)
                .await,
        ),
        "app.link_for_roles_url" => {
            let trip = Trip {
                provider: "discord",
                ..TRIP
            };
            let session = young(stage, asker).await;
            by_connection(app.link_for_roles_url(actor, session, None, trip).await)
        }
        "identity.linked_roles" => by_identity(identity.linked_roles(actor).await),
        "identity.push_roles" => {
            let link = told(stage, asker, n).await;
            by_identity(
                identity
                    .push_roles(actor, link, &ClientInfo::default())
                    .await,
            )
        }
        "identity.stop_roles" => {
            let link = told(stage, asker, n).await;
            by_identity(
                identity
                    .stop_roles(actor, link, &ClientInfo::default())
                    .await,
            )
        }
        "app.complete_sign_in" => {
            let begun = identity.begin_sign_in(TRIP, BROWSER).await.unwrap();
            let done = app
                .complete_sign_in(
                    actor,
                    TRIP.provider,
                    IN_BROWSER,
                    (&begun.state, None),
                    &ClientInfo::default(),
                )
                .await;
            by_connection(done)
        }
        "app.unlink" => {
            let link = linked(stage, asker, n).await;
            by_connection(
                app.unlink(actor, young(stage, asker).await, None, link)
                    .await,
            )
        }
        "identity.roles" => by_identity(identity.roles(actor, pond, &[target]).await),
        "identity.set_role" => by_identity(
            identity
                .set_role(actor, pond, target, Some(Role::Member))
                .await,
        ),
        other => return Box::pin(call_last(stage, other, asker, n)).await,
    };
    Some(allowed)
}

/// The same of the last.
async fn call_last(stage: &Stage, operation: &str, asker: &Asker, n: u32) -> Option<bool> {
    let app = &stage.world.app;
    let pond = stage.pond;
    let target = stage.target;
    let activity = &app.activity;
    let actor = &asker.actor;
    let commands = &app.commands;
    let reply = CommandChange {
        reply: Some("quack".to_owned()),
        ..CommandChange::default()
    };
    let today = app.clock.now().day();
    let allowed = match operation {
        "activity.overview" => by_activity(
            activity
                .overview(actor, pond, Period::last_days(today, 7))
                .await,
        ),
        "activity.summaries" => by_activity(activity.summaries(actor, &[pond]).await),
        "activity.summary" => by_activity(activity.summary(actor, pond).await),
        "activity.members" => by_activity(activity.members(actor, pond, &members()).await),
        "activity.member_count" => {
            by_activity(activity.member_count(actor, pond, &members()).await)
        }
        "activity.accounts" => by_activity(activity.accounts(actor, pond, &[target]).await),
        "activity.recent_messages" => {
            by_activity(activity.recent_messages(actor, pond, None, None, 10).await)
        }
        "activity.live" => by_activity(activity.live(actor, pond, None, None).await),
        "activity.begin_import" => by_activity(
            activity
                .begin_import(actor, Some(pond), &format!("key {n}"), "a.jsonl", "jsonl")
                .await,
        ),
        "activity.finish_import" => {
            let system = stage.world.system();
            let key = format!("key {n}");
            let run = activity
                .begin_import(&system, Some(pond), &key, "a.jsonl", "jsonl")
                .await;
            by_activity(activity.finish_import(actor, &run.unwrap()).await)
        }
        "activity.imports" => by_activity(activity.imports(actor, pond).await),
        "activity.purge" => {
            by_activity(activity.purge(actor, pond, Timestamp(0), Scope::Live).await)
        }
        "activity.channel_names" => by_activity(activity.channel_names(actor, pond).await),
        "activity.stream_since" => by_activity(activity.stream_since(actor, pond).await),
        "community.custom_commands" => by_community(commands.custom_commands(actor, pond).await),
        "community.command_settings" => by_community(commands.command_settings(actor, pond).await),
        "community.find_command" => by_community(commands.find_command(actor, pond, "ping").await),
        "community.set_command" => by_community(
            commands
                .set_command(actor, pond, "ping", &SettingChange::default())
                .await,
        ),
        "community.add_command" => {
            let name = format!("new{n}");
            by_community(commands.add_command(actor, pond, &name, &reply).await)
        }
        "community.use_command" | "community.edit_command" | "community.remove_command" => {
            let system = stage.world.system();
            let name = format!("old{n}");
            let made = commands.add_command(&system, pond, &name, &reply).await;
            let made = made.unwrap();
            match operation {
                "community.use_command" => {
                    by_community(commands.use_command(actor, pond, &made).await)
                }
                "community.edit_command" => {
                    by_community(commands.edit_command(actor, pond, &name, &reply).await)
                }
                _ => by_community(commands.remove_command(actor, pond, &name).await),
            }
        }
        "activity.quarantined" => by_activity(activity.quarantined(actor).await),
        "activity.quarantined_count" => by_activity(activity.quarantined_count(actor).await),
        "deliveries.post" => by_delivery(app.deliveries.post(actor, greeting(pond, "g")).await),
        "deliveries.post_in" => {
            let mut work = app.db().begin(actor, app.clock.now()).await.unwrap();
            by_delivery(
                app.deliveries
                    .post_in(actor, &mut work, greeting(pond, "g"))
                    .await,
            )
        }
        "deliveries.post_once_in" => {
            let mut work = app.db().begin(actor, app.clock.now()).await.unwrap();
            let answer = app
                .deliveries
                .post_once_in(actor, &mut work, greeting(pond, "g"));
            by_delivery(answer.await)
        }
        "app.answer_to" => {
            let who = identity::SeenAccount {
                platform: Platform::Discord,
                platform_user_id: "id-picker".to_owned(),
                username: "picker".to_owned(),
                is_bot: false,
                account_created_at: None,
            };
            by_delivery(app.answer_to(actor, &who, greeting(pond, "g")).await)
        }
        "deliveries.post_many" => by_delivery(
            app.deliveries
                .post_many(actor, vec![greeting(pond, "g")])
                .await,
        ),
        "deliveries.post_many_in" => {
            let mut work = app.db().begin(actor, app.clock.now()).await.unwrap();
            let many = vec![greeting(pond, "g")];
            by_delivery(app.deliveries.post_many_in(actor, &mut work, many).await)
        }
        "deliveries.get" => {
            let seen = app.deliveries.get(actor, stage.sent).await.unwrap();
            seen.is_some()
        }
        "deliveries.list" => by_delivery(
            app.deliveries
                .list(
                    actor,
                    pond,
                    DeliveryFilter::default(),
                    &PageRequest::first(10),
                )
                .await,
        ),
        "deliveries.cancel" => by_delivery(app.deliveries.cancel(actor, stage.waiting).await),
        "deliveries.retry" => by_delivery(app.deliveries.retry(actor, stage.failed).await),
        "deliveries.edit" => by_delivery(
            app.deliveries
                .edit(actor, stage.sent, &format!("e{n}"), Draft::text("hi"))
                .await,
        ),
        "deliveries.take_back" => by_delivery(app.deliveries.take_back(actor, stage.sent).await),
        "app.follow_bot_score" => by_app(app.follow_bot_score(actor, pond).await),
        "app.follow_case" => by_app(app.follow_case(actor, pond, 1).await),
        "app.follow_training" => by_app(app.follow_training(actor, 1).await),
        "app.say" => {
            let id = connection(stage, n).await;
            let system = Actor::System("test");
            let known = app.identity.connection(&system, id).await.unwrap();
            let saying = Saying {
                server: known.unwrap().server,
                channel: Some("11".to_owned()),
                draft: Draft::text("hi"),
                key: format!("s{n}"),
                wait: std::time::Duration::ZERO,
                worth_for: None,
            };
            by_app(app.say(actor, pond, saying).await)
        }
        "app.choose_bot_channel" => {
            let id = connection(stage, n).await;
            let system = Actor::System("test");
            let known = app.identity.connection(&system, id).await.unwrap();
            let wanted = ChosenChannel {
                server: known.unwrap().server,
                channel: "11".to_owned(),
                least: Level::Likely,
            };
            match app.choose_bot_channel(actor, pond, Some(wanted)).await {
                Err(AppError::Bots(BotsError::NotAllowed(_))) => false,
                other => by_app(other),
            }
        }
        "app.status" => by_app(app.status(actor).await),
        "app.api_usage" => by_app(app.api_usage(actor)),
        "app.dead_letters" => by_app(app.dead_letters(actor, &PageRequest::first(10)).await),
        "app.replay_job" => by_app(app.replay_job(actor, JobId(-1)).await),
        "app.discard_job" => by_app(app.discard_job(actor, JobId(-1)).await),
        "app.outbox" => by_app(app.outbox(actor, &PageRequest::first(10)).await),
        "app.outbox_mail" => by_app(app.outbox_mail(actor, "0-0").await),
        "app.company" => by_app(app.company(actor, pond)),
        "app.speak" => by_app(app.speak(actor, pond, "room", "player", "quack").await),
        "app.audit" => by_app(app.audit(actor, &PageRequest::first(10)).await),
        "app.verify_audit" => by_app(app.verify_audit(actor).await),
        other => return Box::pin(call_webhooks(stage, other, asker, n)).await,
    };
    Some(allowed)
}

on_both! {
    async fn every_operation_allows_exactly_whom_the_table_says(world: World) {
        let pond = world.community("Pond").await;
        let target = world.person(pond, "target", Some(Role::Member)).await.user;
        let askers = askers(&mut world, pond).await;
        let [waiting, failed, sent] = deliveries(&world, pond).await;
        let owner = world.actor_of(target).await;
        let key = world.app.identity.create_api_key(&owner, world.session(target).await, &new_key(), &Secret::new(String::new())).await;
        let foreign_key = key.unwrap().id;
        let mut stage = Stage { world, pond, target, n_calls: 0, waiting, failed, sent, foreign_key };
        let mut wrong = Vec::new();
        // Sessions are ended by some rows; those come last, so that none acts with a dead one.
        for operation in OPERATIONS {
            for asker in &askers {
                let Some(allowed) = call(&mut stage, operation.name, asker).await else {
                    panic!("`{}` has a row and no call in this test", operation.name);
                };
                if allowed != asker.may(operation.needs) {
                    wrong.push(format!("{} as {}: allowed = {allowed}", operation.name, asker.label));
                }
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
        world = stage.world;
        world.expect_leftovers();
    }

    async fn an_import_for_all_communities_is_for_instance_administrators_only(world: World) {
        let pond = world.community("Pond").await;
        let owner = world.person(pond, "olga", Some(Role::Owner)).await;
        let activity = &world.app.activity;
        let refused = activity.begin_import(&owner.actor, None, "k", "a.jsonl", "jsonl").await;
        assert!(matches!(refused, Err(ActivityError::NotAllowed(_))), "{refused:?}");
        let run = activity.begin_import(&world.system(), None, "k", "a.jsonl", "jsonl").await.unwrap();
        let refused = activity.finish_import(&owner.actor, &run).await;
        assert!(matches!(refused, Err(ActivityError::NotAllowed(_))), "{refused:?}");
    }

    async fn what_is_absent_and_what_is_not_allowed_answer_the_same(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let stranger = world.person(lake, "sam", Some(Role::Owner)).await;
        let identity = &world.app.identity;
        let period = Period::last_days(Day(20_000), 7);
        for community in [pond, CommunityId(999)] {
            assert_eq!(identity.community(&stranger.actor, community).await.unwrap(), None);
            let refused = world.app.activity.overview(&stranger.actor, community, period).await;
            assert_eq!(refused.unwrap_err().code(), kernel::ErrorCode::Forbidden);
        }
        for slug in ["pond", "absent"] {
            assert_eq!(identity.community_by_slug(&stranger.actor, slug).await.unwrap(), None);
        }
    }
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The public methods of a service that are async or take an actor, by whether they take it first.
fn methods(service: &str, folder: &str) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    let folder = workspace().join(folder);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(methods(service, path.to_str().unwrap()));
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text: String = std::fs::read_to_string(&path)
            .unwrap()
            .split_whitespace()
            .collect();
        for (start, is_async) in [("pubasyncfn", true), ("pubfn", false)] {
            for part in text.split(start).skip(1) {
                let Some((name, rest)) = part.split_once("(&self") else {
                    continue;
                };
                let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let takes_actor = rest.starts_with(",actor:&Actor");
                if is_name && (is_async || takes_actor) {
                    found.insert(format!("{service}.{name}"), takes_actor);
                }
            }
        }
        // One that waits for nothing is an operation all the same if it acts for somebody.
        for part in text.split("pubfn").skip(1) {
            if let Some((name, rest)) = part.split_once("(&self")
                && rest.starts_with(",actor:&Actor")
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            {
                found.insert(format!("{service}.{name}"), true);
            }
        }
        // Those that wait for nothing act for somebody if they take an actor.
        for part in text.split("pubfn").skip(1) {
            if let Some((name, _)) = part.split_once("(&self,actor:&Actor")
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            {
                found.insert(format!("{service}.{name}"), true);
            }
        }
    }
    found
}

#[test]
fn every_service_method_has_a_row_or_a_reason_not_to() {
    let mut all = methods("identity", "crates/domains/identity/src");
    all.extend(methods("activity", "crates/domains/activity/src"));
    all.extend(methods("deliveries", "crates/domains/delivery/src"));
    all.extend(methods("community", "crates/domains/community/src"));
    all.extend(methods("webhooks", "crates/domains/webhook/src"));
    all.extend(methods("bots", "crates/domains/bots/src"));
    all.extend(methods("app", "crates/app/src"));
    // A listener is made by `activity.live`, which asks for the right.
    all.remove("activity.next");
    let excused: BTreeSet<String> = NOT_OPERATIONS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let listed: BTreeSet<String> = OPERATIONS.iter().map(|row| row.name.to_owned()).collect();
    let called: BTreeSet<String> = all
        .iter()
        .filter(|(name, _)| !excused.contains(*name))
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(listed, called, "left: the table; right: the services");
    for name in &listed {
        assert!(all[name], "`{name}` must take the actor first");
    }
    for name in &excused {
        assert!(
            all.contains_key(name),
            "`{name}` is excused and does not exist"
        );
    }
}

#[test]
fn the_page_of_operations_is_current() {
    let path = workspace().join("docs/reference/operations.md");
    let wanted = operations::reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(stored, wanted, "run this test with UPDATE=1");
}
