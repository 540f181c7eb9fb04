//! The scene in which a script is played: remembers what was said last in each room, so that an
//! answer follows a question, and turns each slot into an event. The same for history and live;
//! must never decide when something happens.

use std::collections::{BTreeSet, VecDeque};

use kernel::{
    Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp,
    event::{Message, Moderation, ModerationAction},
};

use crate::{
    CommunityPlan,
    dice::Dice,
    person::{Part, Person},
    phrases::{Lexicon, Move, REACTIONS, SLACK_REACTIONS},
    roster::Present,
    script::{Act, Slot},
};

/// Pauses longer than this end a conversation.
const SILENCE: i64 = 30 * 60 * 1_000_000;

/// Messages that are recent enough to react to, per place.
const RECENT: usize = 8;

/// What one room remembers.
#[derive(Clone, Debug, Default)]
struct Room {
    topic: &'static str,
    last: Option<Said>,
    /// The message that opened the conversation: threads hang on it.
    root: String,
    /// A newcomer nobody has welcomed yet.
    arrived: Option<String>,
    /// The frames used last, so that nobody repeats what was just said.
    used: [&'static str; 8],
    next_used: usize,
}

/// The last thing said in a room.
#[derive(Clone, Debug)]
struct Said {
    who: usize,
    name: String,
    id: String,
    kind: Move,
    at: Timestamp,
}

/// The rooms of one community, for as long as the indexes of its people mean the same.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    rooms: Vec<Vec<Room>>,
    recent: Vec<VecDeque<(String, usize)>>,
    spoke: BTreeSet<usize>,
    on_air: bool,
}

/// Who plays, where, and with which words.
#[derive(Clone, Copy)]
pub(crate) struct Cast<'a> {
    pub(crate) plan: &'a CommunityPlan,
    pub(crate) people: &'a [Present],
    pub(crate) source: Source,
}

impl Scene {
    /// Empty rooms.
    pub(crate) fn new(plan: &CommunityPlan, on_air: bool) -> Self {
        Self {
            rooms: plan
                .places
                .iter()
                .map(|p| vec![Room::default(); p.channels.len()])
                .collect(),
            recent: vec![VecDeque::new(); plan.places.len()],
            spoke: BTreeSet::new(),
            on_air,
        }
    }

    /// Whether the stream is running.
    pub(crate) const fn on_air(&self) -> bool {
        self.on_air
    }

    /// Plays a slot. Nothing happens if the person is not at the place, or there is no message to
    /// react to.
    pub(crate) fn play(
        &mut self,
        cast: Cast<'_>,
        slot: &Slot,
        at: Timestamp,
        event_id: String,
        dice: &mut Dice,
    ) -> Option<ChatEvent> {
        let place = cast.plan.places.get(slot.place)?;
        let person = &cast.people.get(slot.who)?.person;
        let account = person.at(slot.place)?;
        let mut channel_index = slot.channel;
        let kind = match slot.act {
            Act::Say => self.speak(cast, slot, person, account, at, &event_id, None, dice)?,
            Act::Speak(kind) => {
                self.speak(cast, slot, person, account, at, &event_id, Some(kind), dice)?
            }
            Act::React => {
                let recent = self.recent.get(slot.place)?;
                let (message_id, channel) = recent.get(dice.index(recent.len()))?;
                channel_index = *channel;
                let emoji = match place.platform {
                    Platform::Slack => dice.favourite(SLACK_REACTIONS),
                    _ => dice.favourite(REACTIONS),
                };
                EventKind::Reaction {
                    emoji: emoji.to_owned(),
                    message_id: message_id.clone(),
                }
            }
            Act::Arrive => {
                let room = self.rooms.get_mut(slot.place)?.get_mut(slot.channel)?;
                if person.part != Part::Spammer {
                    room.arrived = Some(account.username.clone());
                }
                match place.platform {
                    Platform::Twitch => EventKind::Follow,
                    _ => EventKind::Join,
                }
            }
            Act::Subscribe { tier, months } => EventKind::Subscription {
                tier,
                months: Some(months),
            },
            Act::Gift { count, tier } => EventKind::Gift { count, tier },
            Act::Cheer { bits } => EventKind::Cheer { bits },
            Act::Raid { viewers } => EventKind::Raid { viewers },
            Act::Donate { amount_minor } => EventKind::Donation {
                amount_minor: u64::from(amount_minor),
                currency: match cast.plan.talk.language() {
                    "de" => "EUR",
                    _ => "USD",
                }
                .to_owned(),
            },
            Act::Online => {
                self.on_air = true;
                let lexicon = Lexicon::of(cast.plan.talk);
                let topic = dice.favourite(lexicon.topics);
                let frame = lexicon.frame(dice, Move::Title, &[]);
                EventKind::StreamOnline {
                    title: lexicon.sentence(dice, frame, topic, ""),
                }
            }
            Act::Offline => {
                self.on_air = false;
                EventKind::StreamOffline
            }
            Act::Moderated { by, action } => moderated(cast, slot, person, by, action, dice),
        };
        let channel = place.channels.get(channel_index)?;
        Some(ChatEvent {
            platform: place.platform,
            event_id,
            origin: Origin {
                server: place.server.clone(),
                channel: channel.id.clone(),
                channel_name: channel.name.to_owned(),
            },
            account: account.clone(),
            sent_at: at,
            source: cast.source,
            kind,
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of `play`, with its locals"
    )]
    fn speak(
        &mut self,
        cast: Cast<'_>,
        slot: &Slot,
        person: &Person,
        account: &Account,
        at: Timestamp,
        event_id: &str,
        kind: Option<Move>,
        dice: &mut Dice,
    ) -> Option<EventKind> {
        let lexicon = Lexicon::of(cast.plan.talk);
        let platform = cast.plan.places.get(slot.place)?.platform;
        let room = self.rooms.get_mut(slot.place)?.get_mut(slot.channel)?;
        if room
            .last
            .as_ref()
            .is_some_and(|said| at.0 - said.at.0 > SILENCE)
        {
            room.last = None;
        }
        if room.last.is_none() || dice.chance(220) {
            room.topic = dice.favourite(lexicon.topics);
        }
        if room.last.is_none() || dice.chance(80) {
            event_id.clone_into(&mut room.root);
        }
        let first = self.spoke.insert(slot.who);
        let on_air = self.on_air && platform == Platform::Twitch;
        let new = cast.people.get(slot.who).is_some_and(|p| p.arrives);
        let kind = match kind {
            Some(kind) => kind,
            None if new && first && person.part == Part::Newcomer && dice.chance(700) => {
                Move::Introduce
            }
            None => next_move(room, slot.who, first, on_air, dice),
        };
        // Who a greeting by name is for; a person's greeting uses the name up, the bot's does not.
        let name = match kind {
            Move::Welcome => room.arrived.take()?,
            Move::BotWelcome => room.arrived.clone()?,
            _ => String::new(),
        };
        let frame = lexicon.frame(dice, kind, &room.used);
        room.next_used = (room.next_used + 1) % room.used.len();
        if let Some(used) = room.used.get_mut(room.next_used) {
            *used = frame;
        }
        let topic = if dice.chance(250) {
            dice.favourite(lexicon.topics)
        } else {
            room.topic
        };
        let mut text = lexicon.sentence(dice, frame, topic, &at_sign(&name));
        if person.talks() {
            dress(&mut text, person, lexicon, kind, dice);
        }
        let mut n_mentions = u32::from(!name.is_empty());
        let mut reply_to = None;
        let answers = matches!(kind, Move::Answer | Move::Thank | Move::Agree | Move::Joke);
        if let Some(said) = room.last.as_ref().filter(|s| answers && s.who != slot.who) {
            let replies = match platform {
                Platform::Twitch => 40,
                _ => 420,
            };
            if dice.chance(replies) {
                reply_to = Some(match platform {
                    // Slack hangs answers on the message that opened the thread.
                    Platform::Slack if room.root != event_id => room.root.clone(),
                    _ => said.id.clone(),
                });
            } else if dice.chance(300) {
                text = format!("@{} {text}", said.name);
                n_mentions += 1;
            }
        }
        room.last = Some(Said {
            who: slot.who,
            name: account.username.clone(),
            id: event_id.to_owned(),
            kind,
            at,
        });
        let recent = self.recent.get_mut(slot.place)?;
        if kind != Move::Spam {
            recent.push_back((event_id.to_owned(), slot.channel));
            if recent.len() > RECENT {
                recent.pop_front();
            }
        }
        Some(EventKind::Message(Message {
            is_ours: false,
            n_mentions,
            n_embeds: u32::from(kind == Move::Share || kind == Move::Spam),
            reply_to,
            text,
        }))
    }
}

fn at_sign(name: &str) -> String {
    if name.is_empty() {
        String::new()
    } else {
        format!("@{name}")
    }
}

/// What somebody does next in a conversation.
fn next_move(room: &Room, who: usize, first: bool, on_air: bool, dice: &mut Dice) -> Move {
    if room.arrived.is_some() && dice.chance(350) {
        return Move::Welcome;
    }
    if first && dice.chance(280) {
        return Move::Greet;
    }
    if on_air && dice.chance(420) {
        return Move::Hype;
    }
    let of_others = room.last.as_ref().filter(|said| said.who != who);
    let alone = room.last.is_some() && of_others.is_none();
    // Ask, Answer, Tell, Agree, Thank, Joke, Share.
    let weights: [u32; 7] = match of_others.map(|said| said.kind) {
        None if alone => [14, 0, 58, 0, 0, 14, 14],
        None => [38, 0, 44, 0, 0, 6, 12],
        Some(Move::Ask | Move::Introduce) => [7, 66, 6, 8, 0, 8, 2],
        Some(Move::Answer) => [12, 22, 12, 22, 24, 8, 3],
        Some(Move::Thank | Move::Agree) => [26, 4, 34, 12, 2, 12, 8],
        Some(Move::Share) => [14, 0, 10, 42, 6, 18, 6],
        Some(Move::Spam) => [30, 0, 50, 0, 0, 0, 10],
        Some(_) => [20, 8, 26, 24, 2, 12, 6],
    };
    match dice.weighted(weights.into_iter()) {
        0 => Move::Ask,
        1 => Move::Answer,
        2 => Move::Tell,
        3 => Move::Agree,
        4 => Move::Thank,
        5 => Move::Joke,
        _ => Move::Share,
    }
}

/// Gives a sentence the speaker's manner: capitals, emoji.
fn dress(text: &mut String, person: &Person, lexicon: &Lexicon, kind: Move, dice: &mut Dice) {
    if person.capitals
        && let Some(first) = text.chars().next().filter(char::is_ascii_lowercase)
    {
        text.replace_range(..1, &first.to_ascii_uppercase().to_string());
    }
    let warm = matches!(kind, Move::Joke | Move::Thank | Move::Greet | Move::Hype);
    if dice.chance(person.emoji + if warm { 80 } else { 0 }) {
        text.push(' ');
        text.push_str(lexicon.emoji(dice));
        if dice.chance(120) {
            text.push_str(lexicon.emoji(dice));
        }
    }
}

fn moderated(
    cast: Cast<'_>,
    slot: &Slot,
    person: &Person,
    by: usize,
    action: ModerationAction,
    dice: &mut Dice,
) -> EventKind {
    let lexicon = Lexicon::of(cast.plan.talk);
    let reasons = match person.part {
        Part::Spammer => lexicon.spam_reasons,
        _ => lexicon.warn_reasons,
    };
    EventKind::Moderation(Moderation {
        action,
        moderator: cast
            .people
            .get(by)
            .and_then(|p| p.person.at(slot.place))
            .map(|account| account.platform_user_id.clone()),
        reason: dice.favourite(reasons).to_owned(),
        duration_secs: (action == ModerationAction::Timeout).then_some(600),
    })
}
