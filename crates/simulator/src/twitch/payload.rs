//! The events of EventSub in Twitch's form («EventSub Subscription Types»). Pure: reads the state,
//! changes nothing.

use kernel::Timestamp;
use serde_json::{Value, json};

use super::state::{Standing, State, User};

fn unknown(id: &str) -> User {
    User {
        id: id.to_owned(),
        login: format!("user{id}"),
        name: format!("User{id}"),
        takes_whispers: false,
        created_at: Timestamp::default(),
    }
}

impl State {
    pub(crate) fn person(&self, id: &str) -> User {
        self.users.get(id).cloned().unwrap_or_else(|| unknown(id))
    }

    /// `<prefix>_id`, `<prefix>_login`, `<prefix>_name` of each.
    fn people(&self, people: &[(&str, &str)]) -> Value {
        let mut event = serde_json::Map::new();
        for (prefix, id) in people {
            let user = self.person(id);
            event.insert(format!("{prefix}_id"), user.id.into());
            event.insert(format!("{prefix}_login"), user.login.into());
            event.insert(format!("{prefix}_name"), user.name.into());
        }
        event.into()
    }

    /// The badges of a chatter.
    fn badges(&self, broadcaster: &str, user: &str) -> Value {
        let badge = |set: &str, info: &str| json!({ "set_id": set, "id": "1", "info": info });
        if broadcaster == user {
            return json!([badge("broadcaster", "")]);
        }
        let standing = self
            .channels
            .get(broadcaster)
            .and_then(|channel| channel.standing.get(user));
        match standing {
            Some(Standing::Moderator) => json!([badge("moderator", "")]),
            Some(Standing::Vip) => json!([badge("vip", "")]),
            Some(Standing::Subscriber) => json!([badge("subscriber", "3")]),
            Some(Standing::Viewer) | None => json!([]),
        }
    }

    pub(crate) fn chat_message(
        &self,
        broadcaster: &str,
        chatter: &str,
        id: &str,
        text: &str,
        reply_to: Option<&str>,
        bits: Option<u32>,
    ) -> Value {
        let mut event =
            self.people(&[("broadcaster_user", broadcaster), ("chatter_user", chatter)]);
        let reply = reply_to.map(|parent| {
            let said_by = self.channels.get(broadcaster).and_then(|channel| {
                let mut messages = channel.messages.iter();
                messages.find(|(id, _, _)| id == parent)
            });
            let author = self.person(said_by.map_or(broadcaster, |(_, author, _)| author));
            json!({
                "parent_message_id": parent,
                "parent_message_body": "",
                "parent_user_id": author.id,
                "parent_user_login": author.login,
                "parent_user_name": author.name,
                "thread_message_id": parent,
                "thread_user_id": author.id,
                "thread_user_login": author.login,
                "thread_user_name": author.name,
            })
        });
        merge(
            &mut event,
            json!({
                "message_id": id,
                "message": { "text": text, "fragments": self.fragments(text) },
                "color": "#1E90FF",
                "badges": self.badges(broadcaster, chatter),
                "message_type": "text",
                "cheer": bits.map(|bits| json!({ "bits": bits })),
                "reply": reply,
                "channel_points_custom_reward_id": null,
                "channel_points_animation_id": null,
                "source_broadcaster_user_id": null,
                "source_broadcaster_user_login": null,
                "source_broadcaster_user_name": null,
                "source_message_id": null,
                "source_badges": null,
                "is_source_only": null,
            }),
        );
        event
    }

    /// Text, and mentions of people who are known.
    fn fragments(&self, text: &str) -> Value {
        let plain = |text: &str| {
            json!({
                "type": "text", "text": text,
                "cheermote": null, "emote": null, "mention": null,
            })
        };
        let mut parts = Vec::new();
        let mut before = String::new();
        for word in text.split_inclusive(' ') {
            let name = word.trim_end().strip_prefix('@').map(str::to_lowercase);
            let user = name.and_then(|name| self.users.values().find(|user| user.login == name));
            let Some(user) = user else {
                before.push_str(word);
                continue;
            };
            if !before.is_empty() {
                parts.push(plain(&before));
                before.clear();
            }
            parts.push(json!({
                "type": "mention", "text": word.trim_end(),
                "cheermote": null, "emote": null,
                "mention": {
                    "user_id": user.id, "user_login": user.login, "user_name": user.name,
                },
            }));
            if word.ends_with(' ') {
                before.push(' ');
            }
        }
        if !before.is_empty() {
            parts.push(plain(&before));
        }
        parts.into()
    }

    pub(crate) fn follow(&self, broadcaster: &str, user: &str, now: Timestamp) -> Value {
        let mut event = self.people(&[("broadcaster_user", broadcaster), ("user", user)]);
        merge(&mut event, json!({ "followed_at": now.to_string() }));
        event
    }

    pub(crate) fn subscribe(
        &self,
        broadcaster: &str,
        user: &str,
        tier: u8,
        is_gift: bool,
    ) -> Value {
        let mut event = self.people(&[("broadcaster_user", broadcaster), ("user", user)]);
        let more = json!({ "tier": name(tier), "is_gift": is_gift });
        merge(&mut event, more);
        event
    }

    pub(crate) fn resubscribe(
        &self,
        broadcaster: &str,
        user: &str,
        tier: u8,
        months: u32,
        text: &str,
    ) -> Value {
        let mut event = self.people(&[("broadcaster_user", broadcaster), ("user", user)]);
        merge(
            &mut event,
            json!({
                "tier": name(tier),
                "message": { "text": text, "emotes": null },
                "cumulative_months": months,
                "streak_months": null,
                "duration_months": 1,
            }),
        );
        event
    }

    pub(crate) fn gift(
        &self,
        broadcaster: &str,
        user: Option<&str>,
        tier: u8,
        total: u32,
    ) -> Value {
        let mut event = self.people(&[("broadcaster_user", broadcaster)]);
        merge(&mut event, self.maybe_anonymous(user));
        merge(
            &mut event,
            json!({
                "total": total,
                "tier": name(tier),
                "cumulative_total": user.map(|_| total),
            }),
        );
        event
    }

    pub(crate) fn cheer(
        &self,
        broadcaster: &str,
        user: Option<&str>,
        bits: u32,
        text: &str,
    ) -> Value {
        let mut event = self.people(&[("broadcaster_user", broadcaster)]);
        merge(&mut event, self.maybe_anonymous(user));
        merge(&mut event, json!({ "bits": bits, "message": text }));
        event
    }

    fn maybe_anonymous(&self, user: Option<&str>) -> Value {
        let mut event = match user {
            Some(user) => self.people(&[("user", user)]),
            None => json!({ "user_id": null, "user_login": null, "user_name": null }),
        };
        merge(&mut event, json!({ "is_anonymous": user.is_none() }));
        event
    }

    pub(crate) fn raid(&self, from: &str, to: &str, viewers: u32) -> Value {
        let mut event =
            self.people(&[("from_broadcaster_user", from), ("to_broadcaster_user", to)]);
        merge(&mut event, json!({ "viewers": viewers }));
        event
    }

    pub(crate) fn ban(
        &self,
        broadcaster: &str,
        user: &str,
        moderator: &str,
        reason: &str,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> Value {
        let mut event = self.unban(broadcaster, user, moderator);
        merge(
            &mut event,
            json!({
                "reason": reason,
                "banned_at": now.to_string(),
                "ends_at": until.map(|until| until.to_string()),
                "is_permanent": until.is_none(),
            }),
        );
        event
    }

    pub(crate) fn unban(&self, broadcaster: &str, user: &str, moderator: &str) -> Value {
        self.people(&[
            ("broadcaster_user", broadcaster),
            ("user", user),
            ("moderator_user", moderator),
        ])
    }

    pub(crate) fn online(&self, broadcaster: &str, stream: &str, now: Timestamp) -> Value {
        let mut event = self.people(&[("broadcaster_user", broadcaster)]);
        let more = json!({ "id": stream, "type": "live", "started_at": now.to_string() });
        merge(&mut event, more);
        event
    }

    pub(crate) fn offline(&self, broadcaster: &str) -> Value {
        self.people(&[("broadcaster_user", broadcaster)])
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

/// `1000`, `2000`, `3000`.
fn name(tier: u8) -> String {
    format!("{}000", tier.clamp(1, 3))
}
