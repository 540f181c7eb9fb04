//! The communities on the simulated platforms: what a [`crate::Live`] would have happen is made to
//! happen on the local servers, from where the real adapters bring it back. Also translates the
//! history's ids into those of the servers, so that a person of the history is the same person live.
//!
//! Must never hand an event to the program itself.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use kernel::{
    Account, ChatEvent, Day, EventKind, Platform,
    event::{Moderation, ModerationAction},
};

use crate::{
    CastPart, CommunityPlan, Place, cast,
    discord::{self, DiscordServer, GuildSpec},
    slack::{self, Member, Room, SlackOptions, SlackServer, Workspace},
    twitch::{self, Broadcaster, Partnership, Standing, TwitchServer},
};

/// Messages remembered per theatre, so that answers and reactions find them.
const REMEMBERED: usize = 4_000;
/// Discord: kick and ban members, moderate, manage messages.
const MODERATOR_RIGHTS: u64 = 0x2 | 0x4 | 0x2000 | 0x100_0000_0000;

/// The server on each platform on which we are not installed yet, to try connecting one.
const SPARE: &str = "Spare Pond";

/// What cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulated platforms have no such {0}")]
pub struct NoSuch(pub &'static str);

/// Three simulated platforms with the communities on them. Dropping it ends them.
#[derive(Debug)]
pub struct Theatre {
    /// Discord.
    pub discord: DiscordServer,
    /// Twitch.
    pub twitch: TwitchServer,
    /// Slack.
    pub slack: SlackServer,
    memory: Mutex<Memory>,
}

/// Which message of the script became which on its platform, and who has come already.
#[derive(Debug, Default)]
struct Memory {
    played: HashMap<String, String>,
    order: VecDeque<String>,
    known: HashMap<(Platform, String, String), String>,
}

impl Memory {
    fn remember(&mut self, script: &str, real: String) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.played.remove(&oldest);
        }
        self.order.push_back(script.to_owned());
        self.played.insert(script.to_owned(), real);
    }
}

/// A server's or channel's id on its platform, for an id of a plan.
pub fn place_id(platform: Platform, id: &str) -> String {
    match platform {
        Platform::Discord => discord::snowflake(id).to_string(),
        Platform::Twitch => twitch::numeric_id(id),
        Platform::Slack => slack::slack_id('C', id),
        Platform::Irc | Platform::Import => id.to_owned(),
    }
}

/// A server's id on its platform, for a server's id of a plan.
pub fn server_id(platform: Platform, id: &str) -> String {
    match platform {
        Platform::Slack => slack::slack_id('T', id),
        _ => place_id(platform, id),
    }
}

/// A person's id on their platform. Discord's tell when the account was made.
pub fn account_id(platform: Platform, account: &Account) -> String {
    let id = account.platform_user_id.as_str();
    match platform {
        Platform::Discord => match account.created_at {
            Some(made_at) => discord::snowflake_at(id, made_at).to_string(),
            None => discord::snowflake(id).to_string(),
        },
        Platform::Slack => slack::slack_id('U', id),
        _ => place_id(platform, id),
    }
}

/// An event of a plan as it would have come from the platform: the same, with the platform's ids.
pub fn as_on_platform(mut event: ChatEvent) -> ChatEvent {
    let platform = event.platform;
    event.account.platform_user_id = account_id(platform, &event.account);
    event.origin.server = server_id(platform, &event.origin.server);
    event.origin.channel = place_id(platform, &event.origin.channel);
    event
}

impl Theatre {
    /// Opens the three platforms with the places of these plans, on free ports.
    ///
    /// # Errors
    /// If no port is to be had.
    pub async fn open(seed: u64, plans: &[CommunityPlan], today: Day) -> std::io::Result<Self> {
        let places = |platform| {
            plans
                .iter()
                .flat_map(CommunityPlan::places)
                .filter(move |place| place.platform == platform)
        };
        let mut guilds: Vec<GuildSpec> = places(Platform::Discord).map(GuildSpec::of).collect();
        guilds.push(GuildSpec {
            id: discord::snowflake("spare-guild"),
            name: SPARE.to_owned(),
            owner: discord::snowflake("spare-owner"),
            channels: vec![discord::ChannelSpec {
                id: discord::snowflake("spare-channel"),
                name: "general".to_owned(),
            }],
            is_installed: false,
        });
        let discord = DiscordServer::start(discord::Options {
            guilds,
            ..discord::Options::default()
        })
        .await?;
        let mut broadcasters: Vec<Broadcaster> =
            places(Platform::Twitch).map(broadcaster).collect();
        broadcasters.push(Broadcaster::new(
            "spare-channel",
            "sparepond",
            Partnership::None,
        ));
        let twitch = TwitchServer::start(twitch::Options {
            broadcasters,
            ..twitch::Options::default()
        })
        .await?;
        let mut workspaces: Vec<Workspace> = places(Platform::Slack).map(workspace).collect();
        workspaces.push(Workspace {
            id: slack::slack_id('T', "spare-workspace"),
            name: SPARE.to_owned(),
            channels: vec![Room {
                id: slack::slack_id('C', "spare-channel"),
                name: "general".to_owned(),
                is_private: false,
                is_archived: false,
                has_bot: false,
            }],
            members: Vec::new(),
            is_installed: false,
        });
        let slack = SlackServer::start(SlackOptions {
            workspaces,
            ..SlackOptions::default()
        })
        .await?;
        let theatre = Self {
            discord,
            twitch,
            slack,
            memory: Mutex::default(),
        };
        for plan in plans {
            theatre.cast(seed, plan, today);
        }
        Ok(theatre)
    }
}

fn broadcaster(place: &Place) -> Broadcaster {
    let login: String = place
        .name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    Broadcaster {
        name: place.name.to_owned(),
        ..Broadcaster::new(&place.server, &login, Partnership::Affiliate)
    }
}

fn workspace(place: &Place) -> Workspace {
    Workspace {
        id: server_id(Platform::Slack, &place.server),
        name: place.name.to_owned(),
        channels: place
            .channels
            .iter()
            .map(|channel| Room {
                id: place_id(Platform::Slack, &channel.id),
                name: channel.name.to_owned(),
                is_private: false,
                is_archived: false,
                has_bot: true,
            })
            .collect(),
        members: Vec::new(),
        is_installed: true,
    }
}

impl Theatre {
    /// Gives the moderators of a plan their rights on each platform.
    fn cast(&self, seed: u64, plan: &CommunityPlan, today: Day) {
        for member in cast::cast(seed, plan, today) {
            let rules = matches!(member.part, CastPart::Moderator | CastPart::Broadcaster);
            for (place, account) in plan.places().iter().zip(&member.accounts) {
                let Some(account) = account else { continue };
                self.introduce(place.platform, &place.server, account, rules);
            }
        }
    }

    /// Makes somebody known at a place, once for each name.
    fn introduce(&self, platform: Platform, server: &str, account: &Account, rules: bool) {
        let key = (
            platform,
            server.to_owned(),
            account.platform_user_id.clone(),
        );
        {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            if memory.known.get(&key) == Some(&account.username) {
                return;
            }
            memory.known.insert(key, account.username.clone());
        }
        let id = account_id(platform, account);
        match platform {
            Platform::Discord => {
                let (guild, user) = (discord::snowflake(server), number(&id));
                self.discord.name_user(user, &account.username);
                if account.is_bot {
                    self.discord.is_bot(user);
                }
                if rules {
                    let role = discord::snowflake(&format!("{server}/moderators"));
                    self.discord
                        .add_role(guild, role, "Moderators", MODERATOR_RIGHTS);
                    self.discord.give_role(guild, user, role);
                }
            }
            Platform::Twitch => {
                self.twitch.name_user(&id, &account.username);
                if rules {
                    self.twitch
                        .set_standing(&twitch::numeric_id(server), &id, Standing::Moderator);
                }
            }
            Platform::Slack => {
                // A workspace the plans lack has nobody to introduce.
                let _ = self
                    .slack
                    .seat(&server_id(platform, server), &member(account, rules));
            }
            Platform::Irc | Platform::Import => {}
        }
    }

    /// Makes an event of a script happen on its platform. What the platform has no way to show
    /// (a donation, a join on Slack) is left out.
    pub fn play(&self, event: &ChatEvent) {
        self.introduce(event.platform, &event.origin.server, &event.account, false);
        match event.platform {
            Platform::Discord => self.on_discord(event),
            Platform::Twitch => self.on_twitch(event),
            Platform::Slack => self.on_slack(event),
            Platform::Irc | Platform::Import => {}
        }
    }

    /// Somebody says something now.
    ///
    /// # Errors
    /// If the platform has no such place.
    pub fn speak(
        &self,
        place: &Place,
        channel: &str,
        account: &Account,
        text: &str,
    ) -> Result<(), NoSuch> {
        self.introduce(place.platform, &place.server, account, false);
        let id = account_id(place.platform, account);
        match place.platform {
            Platform::Discord => {
                let (guild, room) = (
                    discord::snowflake(&place.server),
                    discord::snowflake(channel),
                );
                self.discord.say(guild, room, number(&id), text);
            }
            Platform::Twitch => {
                self.twitch
                    .say(&twitch::numeric_id(&place.server), &id, text);
            }
            Platform::Slack => {
                let team = server_id(Platform::Slack, &place.server);
                let room = place_id(Platform::Slack, channel);
                self.slack
                    .say(&team, &room, &id, text)
                    .map_err(|_unknown| NoSuch("channel"))?;
            }
            Platform::Irc | Platform::Import => return Err(NoSuch("platform")),
        }
        Ok(())
    }

    fn played(&self, script: &str) -> Option<String> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.played.get(script).cloned()
    }

    fn remember(&self, event: &ChatEvent, real: String) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.remember(&event.event_id, real);
    }

    fn on_discord(&self, event: &ChatEvent) {
        let guild = discord::snowflake(&event.origin.server);
        let channel = discord::snowflake(&event.origin.channel);
        let user = number(&account_id(Platform::Discord, &event.account));
        match &event.kind {
            EventKind::Message(message) => {
                let to = message.reply_to.as_deref().and_then(|to| self.played(to));
                let id = match to {
                    Some(to) => {
                        self.discord
                            .reply(guild, channel, user, &message.text, number(&to))
                    }
                    None => self.discord.say(guild, channel, user, &message.text),
                };
                self.remember(event, id.to_string());
            }
            EventKind::Join => self.discord.join(guild, user),
            EventKind::Reaction { emoji, message_id } => {
                if let Some(message) = self.played(message_id) {
                    self.discord
                        .react(guild, channel, number(&message), user, emoji);
                }
            }
            EventKind::Moderation(moderation) => {
                let by = moderator(Platform::Discord, moderation)
                    .map_or_else(|| self.discord.application(), |id| number(&id));
                let reason = moderation.reason.as_str();
                match moderation.action {
                    ModerationAction::Warn => {}
                    ModerationAction::Timeout => {
                        let secs = moderation.duration_secs.unwrap_or(600);
                        let lasts = std::time::Duration::from_secs(secs);
                        self.discord.timeout(guild, user, by, lasts, reason);
                    }
                    ModerationAction::Kick => self.discord.kick(guild, user, by, reason),
                    ModerationAction::Ban => self.discord.ban(guild, user, by, reason),
                }
            }
            _ => {}
        }
    }

    fn on_twitch(&self, event: &ChatEvent) {
        let channel = twitch::numeric_id(&event.origin.server);
        let user = account_id(Platform::Twitch, &event.account);
        let twitch = &self.twitch;
        match &event.kind {
            EventKind::Message(message) => {
                let to = message.reply_to.as_deref().and_then(|to| self.played(to));
                let id = match to {
                    Some(to) => twitch.reply(&channel, &user, &to, &message.text),
                    None => twitch.say(&channel, &user, &message.text),
                };
                self.remember(event, id);
            }
            EventKind::Follow => twitch.follow(&channel, &user),
            EventKind::Subscription { tier, months } => match months {
                Some(months) if *months > 1 => {
                    twitch.resubscribe(&channel, &user, *tier, *months, "");
                }
                _ => twitch.subscribe(&channel, &user, *tier),
            },
            EventKind::Gift { count, tier } => {
                twitch.gift(&channel, Some(&user), *tier, *count);
            }
            EventKind::Cheer { bits } => twitch.cheer(&channel, Some(&user), *bits, ""),
            EventKind::Raid { viewers } => twitch.raid(&user, &channel, *viewers),
            EventKind::Moderation(moderation) => {
                let by = moderator(Platform::Twitch, moderation);
                let reason = moderation.reason.as_str();
                match moderation.action {
                    ModerationAction::Ban => twitch.ban(&channel, &user, by.as_deref(), reason),
                    ModerationAction::Timeout => {
                        let secs = moderation.duration_secs.unwrap_or(600);
                        let lasts = std::time::Duration::from_secs(secs);
                        twitch.timeout(&channel, &user, by.as_deref(), reason, lasts);
                    }
                    ModerationAction::Warn | ModerationAction::Kick => {}
                }
            }
            EventKind::StreamOnline { title } => twitch.go_live(&channel, title),
            EventKind::StreamOffline => twitch.go_offline(&channel),
            EventKind::Join | EventKind::Donation { .. } | EventKind::Reaction { .. } => {}
        }
    }

    /// A room the workspace lacks is the plan's mistake, not this event's: nothing happens.
    fn on_slack(&self, event: &ChatEvent) {
        let team = server_id(Platform::Slack, &event.origin.server);
        let room = place_id(Platform::Slack, &event.origin.channel);
        let user = account_id(Platform::Slack, &event.account);
        match &event.kind {
            EventKind::Message(message) => {
                let to = message.reply_to.as_deref().and_then(|to| self.played(to));
                let said = match to {
                    Some(to) => self.slack.reply(&team, &room, &user, &to, &message.text),
                    None => self.slack.say(&team, &room, &user, &message.text),
                };
                if let Ok(ts) = said {
                    self.remember(event, ts);
                }
            }
            EventKind::Join => {
                let _ = self.slack.come(&team, &member(&event.account, false));
            }
            EventKind::Reaction { emoji, message_id } => {
                if let Some(ts) = self.played(message_id) {
                    let _ = self.slack.react(&team, &room, &ts, &user, emoji);
                }
            }
            _ => {}
        }
    }
}

fn moderator(platform: Platform, moderation: &Moderation) -> Option<String> {
    let id = moderation.moderator.as_ref()?;
    let account = Account {
        platform_user_id: id.clone(),
        ..Account::default()
    };
    Some(account_id(platform, &account))
}

fn member(account: &Account, rules: bool) -> Member {
    Member {
        id: account_id(Platform::Slack, account),
        name: account.username.to_lowercase().replace(' ', "."),
        display_name: account.username.clone(),
        is_admin: rules,
        is_owner: false,
        is_bot: account.is_bot,
    }
}

/// A snowflake as a number; ours always are.
fn number(id: &str) -> u64 {
    id.parse().unwrap_or(0)
}

/// The rooms of the places of a plan, by a key that names place and channel: for forms.
pub fn rooms(plan: &CommunityPlan) -> BTreeMap<String, (usize, usize)> {
    let mut rooms = BTreeMap::new();
    for (p, place) in plan.places().iter().enumerate() {
        for c in 0..place.channels.len() {
            rooms.insert(format!("{p}.{c}"), (p, c));
        }
    }
    rooms
}

#[cfg(test)]
mod tests {
    use kernel::{EventKind, Platform, Timestamp};

    use super::{Theatre, as_on_platform, place_id, rooms};
    use crate::{CastPart, Live, cast, communities};

    #[tokio::test]
    async fn what_a_script_says_is_said_on_its_platform() {
        let plans = communities();
        let now = Timestamp::from_secs(1_780_315_200);
        let theatre = Theatre::open(6, &plans, now.day()).await.unwrap();
        let mut said: Vec<(Platform, String, String)> = Vec::new();
        for plan in &plans {
            let mut live = Live::new(6, plan, now);
            let mut at = now;
            for _ in 0..150 {
                let (event, wait) = live.next(at);
                at = at.plus(wait);
                theatre.play(&event);
                if let EventKind::Message(message) = &event.kind {
                    let channel = place_id(event.platform, &event.origin.channel);
                    said.push((event.platform, channel, message.text.clone()));
                }
            }
        }
        assert!(said.len() > 300, "{}", said.len());
        for (platform, channel, text) in said {
            let found = match platform {
                Platform::Discord => theatre
                    .discord
                    .messages(channel.parse().unwrap())
                    .iter()
                    .any(|sent| sent.content == text),
                Platform::Slack => theatre
                    .slack
                    .messages(&channel)
                    .iter()
                    .any(|sent| sent.text == text),
                // Twitch keeps nothing; its sockets are what shows it.
                _ => true,
            };
            assert!(found, "{platform}: {text}");
        }
    }

    #[tokio::test]
    async fn one_speaks_in_every_room_as_everybody_and_ids_are_those_of_the_history() {
        let plans = communities();
        let now = Timestamp::from_secs(1_780_315_200);
        let theatre = Theatre::open(6, &plans, now.day()).await.unwrap();
        for plan in &plans {
            let members = cast(6, plan, now.day());
            let guest = members
                .iter()
                .find(|m| m.part == CastPart::Newcomer)
                .unwrap();
            for (p, c) in rooms(plan).into_values() {
                let place = &plan.places()[p];
                let account = guest.accounts[p].as_ref().unwrap();
                theatre
                    .speak(place, &place.channels[c].id, account, "quack")
                    .unwrap();
            }
            let (event, _) = Live::new(6, plan, now).next(now);
            let there = as_on_platform(event.clone());
            assert_eq!(there.kind, event.kind);
            assert_ne!(there.origin.server, event.origin.server);
            assert_eq!(there, as_on_platform(event));
        }
    }
}
