//! What people do in chat, and what happens to it: verbs for tests and the demo, and the rules that
//! the API's messages fall under («Chat: Rate limits»).

use std::time::Duration;

use kernel::Timestamp;

use super::{
    Shared, Twitch,
    emit::emit,
    state::{Sent, State},
};

/// A message is at most this long.
pub(crate) const TEXT_MAX: usize = 500;
/// Messages of one sender in one channel in [`PERIOD`]; more for those who keep order.
const LIMITS: (usize, usize) = (20, 100);
const PERIOD: Duration = Duration::from_secs(30);
/// Messages whose authors are remembered.
const REMEMBERED: usize = 2_000;

/// Why a message was not said.
pub(crate) struct Dropped {
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

/// A message that comes through the API: limits, then what everybody hears.
pub(crate) fn through_api(
    shared: &Shared,
    state: &mut State,
    broadcaster: &str,
    sender: &str,
    text: &str,
    reply_to: Option<&str>,
) -> Result<String, Dropped> {
    let now = shared.options.clock.now();
    let limit = if state.is_moderator(broadcaster, sender) {
        LIMITS.1
    } else {
        LIMITS.0
    };
    let (_, channel) = state.channel(broadcaster);
    let lately = channel.lately.entry(sender.to_owned()).or_default();
    while lately
        .front()
        .is_some_and(|(at, _)| now.since(*at) >= PERIOD)
    {
        lately.pop_front();
    }
    if lately.len() >= limit {
        return Err(Dropped {
            code: "msg_ratelimit",
            message: "Your message was not sent because you are sending messages too quickly.",
        });
    }
    if lately.iter().any(|(_, said)| said == text) {
        return Err(Dropped {
            code: "msg_duplicate",
            message: "Your message was not sent because it is identical to the previous one you \
                      sent, less than 30 seconds ago.",
        });
    }
    lately.push_back((now, text.to_owned()));
    let id = say(shared, state, broadcaster, sender, text, reply_to, None);
    state.note_sent(Sent {
        id: id.clone(),
        broadcaster: broadcaster.to_owned(),
        sender: sender.to_owned(),
        text: text.to_owned(),
        reply_to: reply_to.map(str::to_owned),
        is_announcement: false,
        is_deleted: false,
        at_ms: now.millis(),
    });
    shared.touch();
    Ok(id)
}

/// Somebody says something; answers the message's id.
pub(crate) fn say(
    shared: &Shared,
    state: &mut State,
    broadcaster: &str,
    chatter: &str,
    text: &str,
    reply_to: Option<&str>,
    bits: Option<u32>,
) -> String {
    let id = state.ids.uuid();
    let now = shared.options.clock.now();
    let (_, channel) = state.channel(broadcaster);
    channel.chatters.insert(chatter.to_owned());
    if channel.messages.len() == REMEMBERED {
        channel.messages.pop_front();
    }
    let entry = (id.clone(), chatter.to_owned(), now);
    channel.messages.push_back(entry);
    let event = state.chat_message(broadcaster, chatter, &id, text, reply_to, bits);
    let about = ("broadcaster_user_id", broadcaster);
    emit(shared, state, "channel.chat.message", about, &event);
    id
}

/// Verbs. Users and channels are named by id, login, or any key (see [`super::numeric_id`]); who is
/// not there yet is made.
impl Twitch {
    /// A user says something; answers the message's id.
    pub fn say(&self, broadcaster: &str, user: &str, text: &str) -> String {
        let mut state = self.shared.state();
        let (broadcaster, user) = (state.user(broadcaster), state.user(user));
        say(
            &self.shared,
            &mut state,
            &broadcaster,
            &user,
            text,
            None,
            None,
        )
    }

    /// A user goes by this name from now on.
    pub fn name_user(&self, user: &str, name: &str) {
        self.shared.state().name_user(user, name);
    }

    /// The same, for a user with a name of their own.
    pub fn say_as(&self, broadcaster: &str, user: &str, name: &str, text: &str) -> String {
        self.shared.state().name_user(user, name);
        self.say(broadcaster, user, text)
    }

    /// A user answers a message; answers the new message's id.
    pub fn reply(&self, broadcaster: &str, user: &str, to: &str, text: &str) -> String {
        let mut state = self.shared.state();
        let (broadcaster, user) = (state.user(broadcaster), state.user(user));
        let shared = &self.shared;
        say(
            shared,
            &mut state,
            &broadcaster,
            &user,
            text,
            Some(to),
            None,
        )
    }

    /// A user follows.
    pub fn follow(&self, broadcaster: &str, user: &str) {
        self.happens("channel.follow", broadcaster, user, |state, b, u, now| {
            state.follow(b, u, now)
        });
    }

    /// A user subscribes for the first time. `tier`: 1 to 3.
    pub fn subscribe(&self, broadcaster: &str, user: &str, tier: u8) {
        self.happens("channel.subscribe", broadcaster, user, |state, b, u, _| {
            state.subscribe(b, u, tier, false)
        });
    }

    /// A user shares that they go on subscribing; Twitch tells this as a message only.
    pub fn resubscribe(&self, broadcaster: &str, user: &str, tier: u8, months: u32, text: &str) {
        let kind = "channel.subscription.message";
        self.happens(kind, broadcaster, user, |state, b, u, _| {
            state.resubscribe(b, u, tier, months, text)
        });
    }

    /// A user (nobody: an anonymous one) gives subscriptions to as many others, who are told as
    /// new subscribers, as Twitch does.
    pub fn gift(&self, broadcaster: &str, user: Option<&str>, tier: u8, count: u32) {
        let mut state = self.shared.state();
        let broadcaster = state.user(broadcaster);
        let user = user.map(|user| state.user(user));
        let about = ("broadcaster_user_id", broadcaster.as_str());
        let event = state.gift(&broadcaster, user.as_deref(), tier, count);
        let kind = "channel.subscription.gift";
        emit(&self.shared, &mut state, kind, about, &event);
        for n in 0..count {
            let to = state.user(&format!("gifted_{n}"));
            let event = state.subscribe(&broadcaster, &to, tier, true);
            emit(&self.shared, &mut state, "channel.subscribe", about, &event);
        }
    }

    /// A user (nobody: an anonymous one) cheers; a user's cheer is also a message.
    pub fn cheer(&self, broadcaster: &str, user: Option<&str>, bits: u32, text: &str) {
        let mut state = self.shared.state();
        let broadcaster = state.user(broadcaster);
        let user = user.map(|user| state.user(user));
        let event = state.cheer(&broadcaster, user.as_deref(), bits, text);
        let about = ("broadcaster_user_id", broadcaster.as_str());
        emit(&self.shared, &mut state, "channel.cheer", about, &event);
        if let Some(user) = user {
            let text = format!("Cheer{bits} {text}");
            let shared = &self.shared;
            say(
                shared,
                &mut state,
                &broadcaster,
                &user,
                &text,
                None,
                Some(bits),
            );
        }
    }

    /// A channel sends its viewers to another.
    pub fn raid(&self, from: &str, to: &str, viewers: u32) {
        let mut state = self.shared.state();
        let (from, to) = (state.user(from), state.user(to));
        let event = state.raid(&from, &to, viewers);
        for about in [
            ("to_broadcaster_user_id", to.as_str()),
            ("from_broadcaster_user_id", from.as_str()),
        ] {
            emit(&self.shared, &mut state, "channel.raid", about, &event);
        }
    }

    /// A moderator (nobody: the broadcaster) bans a user.
    pub fn ban(&self, broadcaster: &str, user: &str, moderator: Option<&str>, reason: &str) {
        self.silence(broadcaster, user, moderator, reason, None);
    }

    /// A moderator (nobody: the broadcaster) silences a user for a while.
    pub fn timeout(
        &self,
        broadcaster: &str,
        user: &str,
        moderator: Option<&str>,
        reason: &str,
        length: Duration,
    ) {
        self.silence(broadcaster, user, moderator, reason, Some(length));
    }

    fn silence(
        &self,
        broadcaster: &str,
        user: &str,
        moderator: Option<&str>,
        reason: &str,
        length: Option<Duration>,
    ) {
        let mut state = self.shared.state();
        let now = self.shared.options.clock.now();
        let (broadcaster, user) = (state.user(broadcaster), state.user(user));
        let moderator = moderator.map_or_else(|| broadcaster.clone(), |who| state.user(who));
        if length.is_none() {
            let (_, channel) = state.channel(&broadcaster);
            channel.banned.insert(user.clone());
            channel.chatters.remove(&user);
        }
        let until = length.map(|length| now.plus(length));
        let event = state.ban(&broadcaster, &user, &moderator, reason, now, until);
        let about = ("broadcaster_user_id", broadcaster.as_str());
        emit(&self.shared, &mut state, "channel.ban", about, &event);
    }

    /// A ban or timeout ends early.
    pub fn unban(&self, broadcaster: &str, user: &str) {
        self.happens("channel.unban", broadcaster, user, |state, b, u, _| {
            if let Some(channel) = state.channels.get_mut(b) {
                channel.banned.remove(u);
            }
            state.unban(b, u, b)
        });
    }

    /// The stream begins.
    pub fn go_live(&self, broadcaster: &str, title: &str) {
        let mut state = self.shared.state();
        let now = self.shared.options.clock.now();
        let stream = numeric_stream(now);
        let (broadcaster, channel) = state.channel(broadcaster);
        channel.stream = Some((stream.clone(), now));
        title.clone_into(&mut channel.title);
        let event = state.online(&broadcaster, &stream, now);
        let about = ("broadcaster_user_id", broadcaster.as_str());
        emit(&self.shared, &mut state, "stream.online", about, &event);
    }

    /// The stream ends.
    pub fn go_offline(&self, broadcaster: &str) {
        let mut state = self.shared.state();
        let (broadcaster, channel) = state.channel(broadcaster);
        channel.stream = None;
        let event = state.offline(&broadcaster);
        let about = ("broadcaster_user_id", broadcaster.as_str());
        emit(&self.shared, &mut state, "stream.offline", about, &event);
    }

    fn happens(
        &self,
        kind: &str,
        broadcaster: &str,
        user: &str,
        event: impl FnOnce(&mut State, &str, &str, Timestamp) -> serde_json::Value,
    ) {
        let mut state = self.shared.state();
        let now = self.shared.options.clock.now();
        let (broadcaster, user) = (state.user(broadcaster), state.user(user));
        let event = event(&mut state, &broadcaster, &user, now);
        let about = ("broadcaster_user_id", broadcaster.as_str());
        emit(&self.shared, &mut state, kind, about, &event);
    }
}

fn numeric_stream(now: Timestamp) -> String {
    now.0.to_string()
}
