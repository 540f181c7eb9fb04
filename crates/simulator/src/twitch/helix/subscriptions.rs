//! EventSub subscriptions: who may have which, what they cost, how many there may be.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use url::Url;

use super::{Answer, Ask, Refusal, bad, refuse};
use crate::twitch::{
    emit,
    hook::{Hook, QUEUE},
    state::{State, Subscription, Transport},
};

/// Enabled subscriptions of one WebSocket.
const SUBSCRIPTIONS_MAX: usize = 300;
/// WebSockets with subscriptions of one user.
const SOCKETS_MAX: usize = 3;
/// The sum of costs of one user, or of the application.
const COST_MAX: (u32, u32) = (10, 10_000);

/// A type: its version, what its condition must name, the scopes one of which is needed.
struct Kind {
    name: &'static str,
    version: &'static str,
    condition: &'static [&'static str],
    /// In the condition: who must have allowed it; empty if nobody needs to.
    by: &'static str,
    scopes: &'static [&'static str],
}

const B: &str = "broadcaster_user_id";

const KINDS: &[Kind] = &[
    kind(
        "channel.chat.message",
        "1",
        &[B, "user_id"],
        "user_id",
        &["user:read:chat"],
    ),
    kind(
        "channel.follow",
        "2",
        &[B, "moderator_user_id"],
        "moderator_user_id",
        &["moderator:read:followers"],
    ),
    kind(
        "channel.subscribe",
        "1",
        &[B],
        B,
        &["channel:read:subscriptions"],
    ),
    kind(
        "channel.subscription.message",
        "1",
        &[B],
        B,
        &["channel:read:subscriptions"],
    ),
    kind(
        "channel.subscription.gift",
        "1",
        &[B],
        B,
        &["channel:read:subscriptions"],
    ),
    kind("channel.cheer", "1", &[B], B, &["bits:read"]),
    kind("channel.raid", "1", &[], "", &[]),
    kind("channel.ban", "1", &[B], B, &["channel:moderate"]),
    kind("channel.unban", "1", &[B], B, &["channel:moderate"]),
    kind("stream.online", "1", &[B], "", &[]),
    kind("stream.offline", "1", &[B], "", &[]),
];

const fn kind(
    name: &'static str,
    version: &'static str,
    condition: &'static [&'static str],
    by: &'static str,
    scopes: &'static [&'static str],
) -> Kind {
    Kind {
        name,
        version,
        condition,
        by,
        scopes,
    }
}

/// `POST /eventsub/subscriptions`
pub(crate) fn create(ask: &Ask, state: &mut State) -> Answer {
    let (name, version) = (ask.need_field("type")?, ask.need_field("version")?);
    let kind = KINDS
        .iter()
        .find(|kind| kind.name == name && kind.version == version)
        .ok_or_else(|| bad("invalid subscription type and version"))?;
    let condition = ask
        .body
        .get("condition")
        .filter(|condition| condition.is_object())
        .ok_or_else(|| bad("missing condition"))?;
    let named = |field: &str| {
        condition
            .get(field)
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty())
    };
    for field in kind.condition {
        named(field).ok_or_else(|| bad(&format!("missing {field} in condition")))?;
    }
    if kind.name == "channel.raid" {
        let ends = ["to_broadcaster_user_id", "from_broadcaster_user_id"];
        if ends.into_iter().filter_map(named).count() != 1 {
            return Err(bad("condition must name one broadcaster"));
        }
    }
    let whose = named(kind.by);
    check_rights(ask, state, kind, condition, whose)?;
    let transport = ask
        .body
        .get("transport")
        .ok_or_else(|| bad("missing transport"))?;
    let text = |field: &str| transport.get(field).and_then(Value::as_str);
    let is_free = whose
        .or_else(|| named(B))
        .is_some_and(|user| has_allowed_anything(state, user));
    let mut made = Subscription {
        id: state.ids.uuid(),
        status: "enabled",
        kind: kind.name.to_owned(),
        version: kind.version.to_owned(),
        condition: condition.clone(),
        created_at: ask.now,
        cost: u32::from(!is_free),
        owner: ask.caller.user.clone(),
        transport: match text("method") {
            Some("websocket") => socket(ask, state, text("session_id"))?,
            Some("webhook") => Transport::Hook {
                callback: callback(ask, text("callback"), text("secret"))?,
                // Replaced below, once nothing can be refused any more.
                queue: mpsc::channel(1).0,
            },
            _ => return Err(bad("unsupported transport method")),
        },
    };
    check_room(state, &made)?;
    if let (Transport::Hook { queue, callback }, Some(secret)) =
        (&mut made.transport, text("secret"))
    {
        made.status = "webhook_callback_verification_pending";
        let (sender, receiver) = mpsc::channel(QUEUE);
        *queue = sender;
        let hook = Hook {
            shared: Arc::clone(ask.shared),
            subscription: made.id.clone(),
            callback: callback.clone(),
            secret: secret.to_owned(),
        };
        tokio::spawn(hook.run(receiver));
    }
    let (id, view) = (made.id.clone(), made.view());
    state.subscriptions.push(made);
    emit::catch_up(ask.shared, state, &id);
    let body = with_totals(ask, state, &[view]);
    Ok((202, Some(body)))
}

fn check_rights(
    ask: &Ask,
    state: &State,
    kind: &Kind,
    condition: &Value,
    whose: Option<&str>,
) -> Result<(), Refusal> {
    let Some(whose) = whose else { return Ok(()) };
    let missing = || refuse(403, "subscription missing proper authorization");
    if ask.caller.user.is_some() {
        if ask.caller.user.as_deref() != Some(whose) {
            return Err(missing());
        }
        let has = |scope: &&str| ask.caller.scopes.iter().any(|given| given == *scope);
        if !kind.scopes.iter().any(has) {
            return Err(missing());
        }
    } else if !kind
        .scopes
        .iter()
        .any(|scope| state.has_allowed(whose, scope))
    {
        return Err(missing());
    }
    let broadcaster = condition.get(B).and_then(Value::as_str);
    if kind.name == "channel.follow"
        && !broadcaster.is_some_and(|broadcaster| state.is_moderator(broadcaster, whose))
    {
        return Err(missing());
    }
    Ok(())
}

fn has_allowed_anything(state: &State, user: &str) -> bool {
    state.refresh.values().any(|(whose, _)| whose == user)
}

fn socket(ask: &Ask, state: &State, session: Option<&str>) -> Result<Transport, Refusal> {
    if ask.caller.user.is_none() {
        return Err(bad("invalid transport and auth combination"));
    }
    let session = session.ok_or_else(|| bad("missing session_id"))?;
    let found = state.sessions.get(session);
    let connected_at = found
        .ok_or_else(|| {
            bad("websocket transport session does not exist or has already disconnected")
        })?
        .connected_at;
    let mine = state
        .subscriptions
        .iter()
        .filter(|one| one.session().is_some_and(|s| s == session));
    if mine.count() >= SUBSCRIPTIONS_MAX {
        return Err(refuse(
            429,
            "number of subscriptions of the websocket transport exceeded",
        ));
    }
    let mut sockets: Vec<&String> = state
        .subscriptions
        .iter()
        .filter(|one| one.owner == ask.caller.user)
        .filter_map(Subscription::session)
        .collect();
    sockets.sort_unstable();
    sockets.dedup();
    if sockets.len() >= SOCKETS_MAX && !sockets.iter().any(|one| *one == session) {
        return Err(refuse(429, "number of websocket transports limit exceeded"));
    }
    Ok(Transport::Socket {
        session: session.to_owned(),
        connected_at,
    })
}

fn callback(ask: &Ask, callback: Option<&str>, secret: Option<&str>) -> Result<String, Refusal> {
    if ask.caller.user.is_some() {
        return Err(refuse(
            401,
            "webhook subscriptions need an app access token",
        ));
    }
    let callback = callback.ok_or_else(|| bad("missing callback"))?;
    let secret = secret.ok_or_else(|| bad("missing secret"))?;
    if !(10..=100).contains(&secret.len()) || !secret.is_ascii() {
        return Err(bad("secret must be 10 to 100 ASCII characters"));
    }
    let is_fit = Url::parse(callback).is_ok_and(|url| {
        // Twitch wants https on port 443; loopback is where we are.
        let is_loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
        is_loopback || (url.scheme() == "https" && url.port_or_known_default() == Some(443))
    });
    if !is_fit {
        return Err(bad("callback must use https and port 443"));
    }
    Ok(callback.to_owned())
}

fn check_room(state: &State, made: &Subscription) -> Result<(), Refusal> {
    let same_place = |one: &Subscription| match (&one.transport, &made.transport) {
        (Transport::Socket { session: a, .. }, Transport::Socket { session: b, .. })
        | (Transport::Hook { callback: a, .. }, Transport::Hook { callback: b, .. }) => a == b,
        _ => false,
    };
    let exists = state
        .subscriptions
        .iter()
        .any(|one| one.interest() == made.interest() && same_place(one));
    if exists {
        return Err(refuse(409, "subscription already exists"));
    }
    let max = if made.owner.is_some() {
        COST_MAX.0
    } else {
        COST_MAX.1
    };
    if total_cost(state, made.owner.as_deref()) + made.cost > max {
        return Err(refuse(429, "subscription maximum total cost exceeded"));
    }
    Ok(())
}

fn total_cost(state: &State, owner: Option<&str>) -> u32 {
    let mine = state
        .subscriptions
        .iter()
        .filter(|one| one.owner.as_deref() == owner && one.status == "enabled");
    mine.map(|one| one.cost).sum()
}

fn with_totals(ask: &Ask, state: &State, data: &[Value]) -> Value {
    let owner = ask.caller.user.as_deref();
    let mine = state
        .subscriptions
        .iter()
        .filter(|one| one.owner.as_deref() == owner);
    json!({
        "data": data,
        "total": mine.count(),
        "total_cost": total_cost(state, owner),
        "max_total_cost": if owner.is_some() { COST_MAX.0 } else { COST_MAX.1 },
    })
}

/// `GET /eventsub/subscriptions`
pub(crate) fn list(ask: &Ask, state: &State) -> (u16, Option<Value>) {
    let fits = |one: &&Subscription| {
        one.owner == ask.caller.user
            && ask
                .param("status")
                .is_none_or(|status| one.status == status)
            && ask.param("type").is_none_or(|kind| one.kind == kind)
            && ask.param("subscription_id").is_none_or(|id| one.id == id)
            && ask.param("user_id").is_none_or(|user| {
                let fields = one.condition.as_object();
                fields.is_some_and(|fields| fields.values().any(|value| value == user))
            })
    };
    let all = state.subscriptions.iter().filter(fits);
    let data: Vec<Value> = all.map(Subscription::view).collect();
    let mut body = with_totals(ask, state, &data);
    if let Value::Object(body) = &mut body {
        body.insert("pagination".to_owned(), json!({}));
    }
    (200, Some(body))
}

/// `DELETE /eventsub/subscriptions`
pub(crate) fn delete(ask: &Ask, state: &mut State) -> Answer {
    let id = ask.need_param("id")?;
    let before = state.subscriptions.len();
    state
        .subscriptions
        .retain(|one| one.id != id || one.owner != ask.caller.user);
    if state.subscriptions.len() == before {
        return Err(refuse(404, "subscription not found"));
    }
    Ok((204, None))
}
