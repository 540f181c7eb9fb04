//! What people do in a simulated workspace, from Rust.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Shared, SlackServer, blocks, deliver, events,
    events::Subtype,
    push, respond,
    signer::IdTokenFlaw,
    state::{Member, Noise, ResponseUrl, Sent, Workspace},
};

/// There is no such workspace, channel, message or button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the simulated Slack has no such {0}")]
pub struct NotThere(pub &'static str);

/// Something said, with all that may come along.
#[derive(Debug, Clone, Default)]
pub(super) struct Saying {
    pub(super) team: String,
    pub(super) channel: String,
    pub(super) user: String,
    pub(super) text: String,
    pub(super) thread_ts: Option<String>,
    pub(super) subtype: Option<Subtype>,
}

pub(super) fn say(shared: &Arc<Shared>, saying: Saying) -> Result<String, NotThere> {
    let now = shared.options.clock.now();
    let mut state = shared.state();
    let team = state
        .teams
        .get_mut(&saying.team)
        .ok_or(NotThere("workspace"))?;
    if !team.channels.contains_key(&saying.channel)
        && !team
            .directs
            .values()
            .any(|direct| *direct == saying.channel)
    {
        return Err(NotThere("channel"));
    }
    know(team, &saying.user);
    team.inside
        .entry(saying.channel.clone())
        .or_default()
        .insert(saying.user.clone());
    let message = Sent {
        team: saying.team,
        channel: saying.channel,
        ts: state.ts(now),
        thread_ts: saying.thread_ts,
        user: saying.user,
        text: saying.text,
        via: "say",
        ..Sent::default()
    };
    state.keep(message.clone());
    drop(state);
    events::said(shared, &message, saying.subtype);
    shared.changed.notify_waiters();
    Ok(message.ts)
}

/// Who speaks is somebody.
fn know(team: &mut super::state::Team, user: &str) {
    if !team.people.contains_key(user) {
        team.people.insert(
            user.to_owned(),
            Member {
                id: user.to_owned(),
                name: user.to_lowercase(),
                ..Member::default()
            },
        );
    }
}

pub(super) fn join(
    shared: &Arc<Shared>,
    team: &str,
    channel: &str,
    user: &str,
) -> Result<(), NotThere> {
    {
        let mut state = shared.state();
        let one = state.teams.get_mut(team).ok_or(NotThere("workspace"))?;
        if !one.channels.contains_key(channel) {
            return Err(NotThere("channel"));
        }
        know(one, user);
        one.inside
            .entry(channel.to_owned())
            .or_default()
            .insert(user.to_owned());
    }
    events::joined(shared, team, channel, user);
    Ok(())
}

pub(super) fn react(
    shared: &Arc<Shared>,
    team: &str,
    channel: &str,
    ts: &str,
    user: &str,
    name: &str,
) -> Result<(), NotThere> {
    let message = {
        let mut state = shared.state();
        let message = state
            .message(team, channel, ts)
            .ok_or(NotThere("message"))?;
        message.reactions.push((name.to_owned(), user.to_owned()));
        message.clone()
    };
    events::reacted(shared, &message, user, name);
    Ok(())
}

pub(super) fn slash(
    shared: &Arc<Shared>,
    team: &str,
    channel: &str,
    user: &str,
    text: &str,
) -> Result<(), NotThere> {
    let (names, trigger) = {
        let mut state = shared.state();
        let n = state.number();
        let one = state.teams.get_mut(team).ok_or(NotThere("workspace"))?;
        know(one, user);
        let room = one.channels.get(channel).ok_or(NotThere("channel"))?;
        let name = one.people.get(user).map(|member| member.name.clone());
        let names = (
            one.name.clone(),
            room.name.clone(),
            name.unwrap_or_default(),
        );
        (names, format!("trigger.{n}.{team}"))
    };
    let url = respond::address(
        shared,
        "commands",
        ResponseUrl {
            team: team.to_owned(),
            channel: channel.to_owned(),
            user: user.to_owned(),
            message: None,
            n_used: 0,
            at: shared.options.clock.now(),
        },
    );
    let payload = json!({
        "token": "simulated-verification-token",
        "team_id": team,
        "team_domain": names.0,
        "channel_id": channel,
        "channel_name": names.1,
        "user_id": user,
        "user_name": names.2,
        "command": "/waddlebot",
        "text": text,
        "api_app_id": shared.options.app_id,
        "is_enterprise_install": "false",
        "response_url": url,
        "trigger_id": trigger,
    });
    deliver::deliver(shared, "slash_commands", payload);
    Ok(())
}

pub(super) fn press(
    shared: &Arc<Shared>,
    ts: &str,
    action_id: &str,
    user: &str,
) -> Result<(), NotThere> {
    let (message, shown, button, names, trigger) = {
        let mut state = shared.state();
        let n = state.number();
        let message = state
            .messages
            .iter()
            .rev()
            .find(|message| message.ts == ts && message.is_ours && !message.is_deleted)
            .cloned()
            .ok_or(NotThere("message"))?;
        let button = blocks::button(&message.blocks, action_id)
            .cloned()
            .ok_or(NotThere("button"))?;
        let shown = super::chat::shown(&state, &message);
        let team = state
            .teams
            .get_mut(&message.team)
            .ok_or(NotThere("workspace"))?;
        know(team, user);
        let room = team.channels.get(&message.channel);
        let names = (
            team.name.clone(),
            room.map_or_else(|| "directmessage".to_owned(), |room| room.name.clone()),
            team.people
                .get(user)
                .map(|member| member.name.clone())
                .unwrap_or_default(),
        );
        let trigger = format!("trigger.{n}.{}", message.team);
        (message, shown, button, names, trigger)
    };
    let url = respond::address(
        shared,
        "actions",
        ResponseUrl {
            team: message.team.clone(),
            channel: message.channel.clone(),
            user: user.to_owned(),
            message: Some(ts.to_owned()),
            n_used: 0,
            at: shared.options.clock.now(),
        },
    );
    let action_ts = {
        let now = shared.options.clock.now();
        shared.state().ts(now)
    };
    let payload = json!({
        "type": "block_actions",
        "user": {"id": user, "username": names.2, "name": names.2, "team_id": message.team},
        "api_app_id": shared.options.app_id,
        "token": "simulated-verification-token",
        "container": {
            "type": "message",
            "message_ts": ts,
            "channel_id": message.channel,
            "is_ephemeral": message.only_for.is_some(),
        },
        "trigger_id": trigger,
        "team": {"id": message.team, "domain": names.0},
        "enterprise": null,
        "is_enterprise_install": false,
        "channel": {"id": message.channel, "name": names.1},
        "message": shown,
        "state": {"values": {}},
        "response_url": url,
        "actions": [{
            "action_id": action_id,
            "block_id": "actions",
            "text": button.get("text").cloned().unwrap_or(Value::Null),
            "value": button.get("value").and_then(Value::as_str).unwrap_or_default(),
            "type": "button",
            "action_ts": action_ts,
        }],
    });
    deliver::deliver(shared, "interactive", payload);
    Ok(())
}

impl SlackServer {
    /// Adds a workspace, or what it has that was not there yet.
    pub fn add(&self, workspace: &Workspace) {
        self.shared.state().add(workspace);
    }

    /// The bot's token of a workspace, while the app is installed there.
    pub fn token(&self, team: &str) -> Option<String> {
        self.shared.state().teams.get(team)?.token.clone()
    }

    /// The bot's user id in a workspace.
    pub fn bot_user(&self, team: &str) -> Option<String> {
        Some(self.shared.state().teams.get(team)?.bot_user.clone())
    }

    /// Somebody says something; answers the message's time stamp. Whoever was not known is now.
    pub fn say(
        &self,
        team: &str,
        channel: &str,
        user: &str,
        text: &str,
    ) -> Result<String, NotThere> {
        say(&self.shared, saying(team, channel, user, text))
    }

    /// Somebody answers in the thread of a message.
    pub fn reply(
        &self,
        team: &str,
        channel: &str,
        user: &str,
        thread_ts: &str,
        text: &str,
    ) -> Result<String, NotThere> {
        let mut saying = saying(team, channel, user, text);
        saying.thread_ts = Some(thread_ts.to_owned());
        say(&self.shared, saying)
    }

    /// Somebody says something with `/me`.
    pub fn say_me(
        &self,
        team: &str,
        channel: &str,
        user: &str,
        text: &str,
    ) -> Result<String, NotThere> {
        let mut saying = saying(team, channel, user, text);
        saying.subtype = Some(Subtype::Me);
        say(&self.shared, saying)
    }

    /// Another app says something under a name.
    pub fn say_bot(
        &self,
        team: &str,
        channel: &str,
        name: &str,
        text: &str,
    ) -> Result<String, NotThere> {
        let mut saying = saying(team, channel, name, text);
        saying.subtype = Some(Subtype::Bot);
        say(&self.shared, saying)
    }

    /// Somebody comes into a channel.
    pub fn join(&self, team: &str, channel: &str, user: &str) -> Result<(), NotThere> {
        join(&self.shared, team, channel, user)
    }

    /// Somebody comes into the workspace.
    pub fn come(&self, team: &str, member: &Member) -> Result<(), NotThere> {
        {
            let mut state = self.shared.state();
            let one = state.teams.get_mut(team).ok_or(NotThere("workspace"))?;
            one.people.insert(member.id.clone(), member.clone());
        }
        events::came(&self.shared, team, member);
        Ok(())
    }

    /// Somebody has been in the workspace all along: nobody is told.
    ///
    /// # Errors
    /// If there is no such workspace.
    pub fn seat(&self, team: &str, member: &Member) -> Result<(), NotThere> {
        let mut state = self.shared.state();
        let one = state.teams.get_mut(team).ok_or(NotThere("workspace"))?;
        one.people.insert(member.id.clone(), member.clone());
        Ok(())
    }

    /// Somebody reacts to a message; the name without colons.
    pub fn react(
        &self,
        team: &str,
        channel: &str,
        ts: &str,
        user: &str,
        name: &str,
    ) -> Result<(), NotThere> {
        react(&self.shared, team, channel, ts, user, name)
    }

    /// Somebody types `/waddlebot` and this text.
    pub fn slash(&self, team: &str, channel: &str, user: &str, text: &str) -> Result<(), NotThere> {
        slash(&self.shared, team, channel, user, text)
    }

    /// Somebody presses a button of one of the app's messages.
    pub fn press_button(&self, ts: &str, action_id: &str, user: &str) -> Result<(), NotThere> {
        press(&self.shared, ts, action_id, user)
    }

    /// Breaks every socket without a word; answers how many there were.
    pub fn cut_sockets(&self) -> usize {
        deliver::cut(&self.shared)
    }

    /// Asks for every socket to be replaced, and closes it after the warning time.
    pub fn refresh_sockets(&self) {
        deliver::refresh(&self.shared);
    }

    /// How many sockets are open.
    pub fn n_sockets(&self) -> usize {
        self.shared.state().line.n_sockets()
    }

    /// How many events, presses and commands the app acknowledged, and how many were given up.
    pub fn n_delivered(&self) -> (u64, u64) {
        let state = self.shared.state();
        (state.line.n_acknowledged, state.line.n_given_up)
    }

    /// Asks the app's address for its challenge, as Slack does before it sends events there; whether
    /// the answer was right.
    pub async fn verify_request_url(&self) -> bool {
        push::verify(&self.shared).await
    }

    /// Takes the app's token of a workspace away, and tells the app.
    pub fn revoke_token(&self, team: &str) {
        events::revoke(&self.shared, team);
    }

    /// Removes the app from a workspace, and tells it.
    pub fn uninstall(&self, team: &str) {
        events::uninstall(&self.shared, team);
    }

    /// Archives a channel, or opens it again.
    pub fn archive(&self, team: &str, channel: &str, is_archived: bool) -> Result<(), NotThere> {
        let mut state = self.shared.state();
        let one = state.teams.get_mut(team).ok_or(NotThere("workspace"))?;
        let room = one.channels.get_mut(channel).ok_or(NotThere("channel"))?;
        room.is_archived = is_archived;
        Ok(())
    }

    /// What is wrong about the ID tokens given from now on.
    pub fn flaw_id_tokens(&self, flaw: Option<IdTokenFlaw>) {
        self.shared.state().flaw = flaw;
    }

    /// Signs ID tokens with another key from now on; the one before is published no more.
    pub fn exchange_keys(&self) {
        self.shared.state().n_keys += 1;
    }

    /// Makes delivery bad from now on.
    pub fn noise(&self, noise: Noise) {
        self.shared.state().noise = noise;
    }

    /// What the app said in a channel, oldest first; edits and deletions are in the messages. An
    /// empty channel means all.
    pub fn sent(&self, channel: &str) -> Vec<Sent> {
        sent(&self.shared, channel)
    }

    /// How many messages of the app are kept, in all channels; cheaper than to list them.
    pub fn n_sent(&self) -> usize {
        let state = self.shared.state();
        state.messages.iter().filter(|one| one.is_ours).count()
    }

    /// Everything said in a channel, by whomever, oldest first.
    pub fn messages(&self, channel: &str) -> Vec<Sent> {
        let state = self.shared.state();
        let all = state.messages.iter();
        all.filter(|message| message.channel == channel)
            .cloned()
            .collect()
    }

    /// Waits until what the server knows fulfils a condition, at most so long; answers whether it
    /// does. Asked anew at every change.
    pub async fn wait_for(&self, is_so: impl Fn(&Self) -> bool, timeout: Duration) -> bool {
        let waiting = async {
            loop {
                let mut changed = std::pin::pin!(self.shared.changed.notified());
                changed.as_mut().enable();
                if is_so(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(timeout, waiting).await.is_ok()
    }
}

pub(super) fn sent(shared: &Shared, channel: &str) -> Vec<Sent> {
    let state = shared.state();
    let all = state.messages.iter();
    all.filter(|message| message.is_ours && (channel.is_empty() || message.channel == channel))
        .cloned()
        .collect()
}

fn saying(team: &str, channel: &str, user: &str, text: &str) -> Saying {
    Saying {
        team: team.to_owned(),
        channel: channel.to_owned(),
        user: user.to_owned(),
        text: text.to_owned(),
        ..Saying::default()
    }
}
