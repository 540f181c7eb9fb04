//! From what happens to who is told: finds the subscriptions of an event and hands each a notice.

use serde_json::{Value, json};

use super::{
    Delivery, Shared,
    state::{Interest, KEPT_MAX, Notice, Out, State, Transport},
};

/// Tells everybody who subscribed to `kind` about `id` (the value of `field` in their condition).
pub(crate) fn emit(
    shared: &Shared,
    state: &mut State,
    kind: &str,
    (field, id): (&str, &str),
    event: &Value,
) {
    let now = shared.options.clock.now();
    let is_meant = |condition: &Value| condition.get(field).and_then(Value::as_str) == Some(id);
    let wanted: Vec<String> = state
        .subscriptions
        .iter()
        .filter(|one| one.kind == kind && one.status == "enabled" && is_meant(&one.condition))
        .map(|one| one.id.clone())
        .collect();
    for subscription in wanted {
        let Some(one) = state
            .subscriptions
            .iter()
            .find(|one| one.id == subscription)
        else {
            continue;
        };
        let notice = Notice {
            message_id: state.ids.uuid(),
            message_type: "notification",
            kind: one.kind.clone(),
            version: one.version.clone(),
            payload: json!({ "subscription": one.view(), "event": event }),
            at: now,
        };
        hand(shared, state, &subscription, notice);
    }
    if shared.options.keeps_undelivered {
        let ids = &mut state.ids;
        for ((lapsed, condition), queue) in &mut state.lapsed {
            let condition: Value = serde_json::from_str(condition).unwrap_or_default();
            if lapsed == kind && is_meant(&condition) && queue.len() < KEPT_MAX {
                queue.push_back(Notice {
                    message_id: ids.uuid(),
                    message_type: "notification",
                    kind: kind.to_owned(),
                    version: String::new(),
                    payload: json!({ "event": event }),
                    at: now,
                });
            }
        }
    }
    shared.touch();
}

/// Hands a notice to the transport of a subscription.
pub(crate) fn hand(shared: &Shared, state: &mut State, subscription: &str, notice: Notice) {
    let Some(one) = state
        .subscriptions
        .iter()
        .find(|one| one.id == subscription)
    else {
        return;
    };
    let interest = one.interest();
    match &one.transport {
        Transport::Hook { queue, .. } => {
            // A queue this long means that the callback is dead; Twitch would have revoked it.
            let _ = queue.try_send(notice);
        }
        Transport::Socket { session, .. } => {
            let session = session.clone();
            push(shared, state, &session, interest, notice);
        }
    }
}

/// Writes a notice to a session's current connection.
pub(crate) fn push(
    shared: &Shared,
    state: &mut State,
    session: &str,
    interest: Interest,
    notice: Notice,
) {
    state.n_notices += 1;
    let number = state.n_notices;
    let Some(session) = state.sessions.get_mut(session) else {
        return;
    };
    let text = frame(&notice);
    let twice = (shared.options.delivery == Delivery::Twice).then(|| text.clone());
    let mut is_written = session.out.try_send(Out::Counted(text, number)).is_ok();
    if let Some(text) = twice {
        is_written &= session.out.try_send(Out::Text(text)).is_ok();
    }
    if shared.options.keeps_undelivered {
        let entry = (session.connection, number, interest, notice);
        session.unacked.push_back(entry);
    }
    if !is_written {
        // It reads too slowly.
        session.cut.cancel();
    }
}

/// The frame of a notice on a WebSocket.
fn frame(notice: &Notice) -> String {
    json!({
        "metadata": {
            "message_id": notice.message_id,
            "message_type": notice.message_type,
            "message_timestamp": notice.at.to_string(),
            "subscription_type": notice.kind,
            "subscription_version": notice.version,
        },
        "payload": notice.payload,
    })
    .to_string()
}

/// What waited for somebody to subscribe to this again.
pub(crate) fn catch_up(shared: &Shared, state: &mut State, subscription: &str) {
    let Some(one) = state
        .subscriptions
        .iter()
        .find(|one| one.id == subscription)
    else {
        return;
    };
    let view = one.view();
    let version = one.version.clone();
    let waiting = state.lapsed.remove(&one.interest()).unwrap_or_default();
    for mut notice in waiting {
        notice.version.clone_from(&version);
        if let Value::Object(payload) = &mut notice.payload {
            payload.insert("subscription".to_owned(), view.clone());
        }
        hand(shared, state, subscription, notice);
    }
}

/// Ends a subscription and says so: `authorization_revoked`, `user_removed`, …
pub(crate) fn revoke(shared: &Shared, state: &mut State, subscription: &str, status: &'static str) {
    let message_id = state.ids.uuid();
    let found = state.subscriptions.iter_mut();
    let Some(one) = found.into_iter().find(|one| one.id == subscription) else {
        return;
    };
    one.status = status;
    let notice = Notice {
        message_id,
        message_type: "revocation",
        kind: one.kind.clone(),
        version: one.version.clone(),
        payload: json!({ "subscription": one.view() }),
        at: shared.options.clock.now(),
    };
    hand(shared, state, subscription, notice);
    state.subscriptions.retain(|one| one.id != subscription);
}

/// A user disconnects the application: tokens end, subscriptions are revoked.
pub(crate) fn disconnect_user(shared: &Shared, state: &mut State, user: &str) {
    state
        .tokens
        .retain(|_, token| token.user.as_deref() != Some(user));
    state.refresh.retain(|_, (whose, _)| whose != user);
    let concerned: Vec<String> = state
        .subscriptions
        .iter()
        .filter(|one| {
            let names_user = one
                .condition
                .as_object()
                .is_some_and(|fields| fields.values().any(|value| value == user));
            one.owner.as_deref() == Some(user) || (one.owner.is_none() && names_user)
        })
        .map(|one| one.id.clone())
        .collect();
    for subscription in concerned {
        revoke(shared, state, &subscription, "authorization_revoked");
    }
}
