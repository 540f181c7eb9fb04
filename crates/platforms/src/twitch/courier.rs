//! Carries orders to Twitch: chat messages, announcements, whispers, taking a message away.
//!
//! Must never retry by itself, or count a whisper as delivered: Twitch answers 204 also when it drops
//! it silently («Send Whisper»).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use kernel::{
    Act, Address, CarryError, Courier, Haste, Medium, Mentions, Order, Receipt, Timestamp, Turn,
};
use twitch_api::helix::{
    RequestDelete, RequestPost,
    chat::{
        AnnouncementColor, SendChatAnnouncementBody, SendChatAnnouncementRequest,
        SendChatMessageBody, SendChatMessageRequest, send_chat_message::ChatMessageDropCode,
    },
    moderation::DeleteChatMessagesRequest,
    whispers::{SendWhisperBody, SendWhisperRequest},
};

use super::{
    api::{Api, Fault, Who, answer, not_understood, nowhere},
    render::{Line, Named, line},
};
use crate::gate::{Ending, Lane};

/// Chat messages in [`PERIOD`]: of anybody, and of who keeps order («Chat: Rate limits»).
const CHAT: (u32, u32) = (20, 100);
/// 30 s, and one more: when they count from is not when we do.
const PERIOD: Duration = Duration::from_secs(31);
/// One announcement in 2 s («Send Chat Announcement»).
const ANNOUNCE: (u32, Duration) = (1, Duration::from_millis(2_200));
/// Whispers in a second and in a minute («Send Whisper: Rate limits»).
const WHISPER: [(&str, u32, Duration); 2] = [
    ("second", 3, Duration::from_millis(1_200)),
    ("minute", 100, Duration::from_secs(61)),
];
/// People to whom one account may whisper in a day.
const WHISPERED_MAX: usize = 40;
const DAY: Duration = Duration::from_secs(86_400);
/// How long to wait when Twitch says that we were too quick although we counted.
const TOO_QUICK: Duration = Duration::from_secs(10);

/// Carries orders to Twitch.
pub struct TwitchCourier {
    api: Arc<Api>,
    /// To whom each account whispered in the last day. In this process only: after a restart Twitch
    /// itself refuses the forty-first.
    whispered: Mutex<HashMap<String, VecDeque<(Timestamp, String)>>>,
}

impl std::fmt::Debug for TwitchCourier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TwitchCourier").finish_non_exhaustive()
    }
}

/// What an order comes down to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Task<'a> {
    Say { server: &'a str },
    Announce { server: &'a str },
    Whisper { server: &'a str, user: &'a str },
    Delete { server: &'a str, message: &'a str },
}

fn refused(why: &str) -> CarryError {
    CarryError::Refused(why.to_owned())
}

impl<'a> Task<'a> {
    fn of(order: &'a Order) -> Result<Self, CarryError> {
        match (&order.address, &order.act) {
            (_, Act::Edit { .. }) => Err(refused("a message on Twitch cannot be changed")),
            (Address::Channel { server, .. }, Act::Post) => Ok(Self::Say { server }),
            (Address::Channel { server, .. }, Act::Announce) => Ok(Self::Announce { server }),
            (Address::Channel { server, .. }, Act::Delete { message_id }) => Ok(Self::Delete {
                server,
                message: message_id,
            }),
            (Address::Direct { .. }, Act::Delete { .. }) => {
                Err(refused("a whisper cannot be taken back"))
            }
            (Address::Direct { server, user }, Act::Post | Act::Announce) => {
                Ok(Self::Whisper { server, user })
            }
            (Address::Answer { .. } | Address::Mailbox { .. }, _) => {
                Err(refused("this is no address on Twitch"))
            }
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Say { .. } => "chat",
            Self::Announce { .. } => "announcements",
            Self::Whisper { .. } => "whispers",
            Self::Delete { .. } => "helix",
        }
    }
}

impl TwitchCourier {
    pub(super) fn new(api: Arc<Api>) -> Self {
        Self {
            api,
            whispered: Mutex::default(),
        }
    }

    /// Whose token carries it out: the bot account speaks with the application's token.
    fn who<'a>(&'a self, task: Task<'a>) -> Who<'a> {
        let settings = &self.api.settings;
        match task {
            Task::Say { .. } if settings.bot_user_id.is_some() => Who::App,
            Task::Whisper { server, .. } => Who::Channel(settings.speaker(server)),
            Task::Say { server } | Task::Announce { server } | Task::Delete { server, .. } => {
                Who::Channel(server)
            }
        }
    }

    fn lanes(&self, task: Task<'_>) -> Vec<Lane> {
        let speaker = |server| self.api.settings.speaker(server);
        let mut lanes = vec![self.api.points(self.who(task))];
        match task {
            Task::Say { server } => {
                let keeps_order = speaker(server) == server || self.api.own.moderates(server);
                let limit = if keeps_order { CHAT.1 } else { CHAT.0 };
                let key = format!("chat {server} {}", speaker(server));
                lanes.push(Lane::fixed(key, limit, PERIOD));
            }
            Task::Announce { server } => {
                let (limit, period) = ANNOUNCE;
                lanes.push(Lane::fixed(format!("announce {server}"), limit, period));
            }
            Task::Whisper { server, .. } => {
                for (name, limit, period) in WHISPER {
                    let key = format!("whisper {} {name}", speaker(server));
                    lanes.push(Lane::fixed(key, limit, period));
                }
            }
            Task::Delete { .. } => {}
        }
        lanes
    }

    /// Whether an account may whisper to somebody today.
    fn may_whisper(&self, from: &str, to: &str) -> bool {
        let now = self.api.clock.now();
        let mut whispered = self
            .whispered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(log) = whispered.get_mut(from) else {
            return true;
        };
        while log.front().is_some_and(|(at, _)| now.since(*at) >= DAY) {
            log.pop_front();
        }
        log.len() < WHISPERED_MAX || log.iter().any(|(_, user)| user == to)
    }

    fn has_whispered(&self, from: &str, to: &str) {
        let now = self.api.clock.now();
        let mut whispered = self
            .whispered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let log = whispered.entry(from.to_owned()).or_default();
        // Each person once, at their latest whisper.
        log.retain(|(_, user)| user != to);
        log.push_back((now, to.to_owned()));
    }

    async fn line(&self, order: &Order, who: Who<'_>) -> Result<Line, CarryError> {
        let named = match &order.mentions {
            Mentions::Anybody => Named::Anybody,
            Mentions::Nobody => Named::Only(Vec::new()),
            Mentions::Users(ids) if !order_mentions(order) || ids.is_empty() => {
                Named::Only(Vec::new())
            }
            Mentions::Users(ids) => Named::Only(self.api.logins(who, ids).await?),
        };
        line(&order.draft, &named).ok_or_else(|| refused("the message says nothing"))
    }

    async fn say(&self, order: &Order, task: Task<'_>, server: &str) -> Carried {
        let who = self.who(task);
        let line = self.line(order, who).await.map_err(Early)?;
        let speaker = self.api.settings.speaker(server);
        let build = |token: &str, client: &str| {
            let mut body = SendChatMessageBody::new(server, speaker, line.text.as_str());
            if let Some(parent) = &order.reply_to {
                body = body.reply_parent_message_id(parent.as_str());
            }
            SendChatMessageRequest::new().create_request(body, token, client)
        };
        self.api.own.saying(server, speaker, &line.text);
        let lanes = self.lanes(task);
        let reply = self.api.make(task.class(), &lanes, who, &build).await?;
        let said = SendChatMessageRequest::parse_response(None, &nowhere(), answer(&reply))
            .map_err(|_lost| not_understood())?
            .data;
        if !said.is_sent {
            return Err(dropped(said.drop_reason.as_ref().map(|reason| &reason.code)).into());
        }
        Ok(Receipt {
            message_id: said.message_id.map(|id| id.as_str().to_owned()),
            is_confirmed: true,
            was_cut: line.was_cut,
        })
    }

    async fn announce(&self, order: &Order, task: Task<'_>, server: &str) -> Carried {
        let who = self.who(task);
        let line = self.line(order, who).await.map_err(Early)?;
        let build = |token: &str, client: &str| {
            let request = SendChatAnnouncementRequest::new(server, server);
            let body = SendChatAnnouncementBody::new(line.text.clone(), AnnouncementColor::Primary);
            let Ok(body) = body;
            request.create_request(body, token, client)
        };
        let lanes = self.lanes(task);
        self.api.make(task.class(), &lanes, who, &build).await?;
        Ok(Receipt {
            message_id: None,
            is_confirmed: true,
            was_cut: line.was_cut,
        })
    }

    async fn whisper(&self, order: &Order, task: Task<'_>, server: &str, user: &str) -> Carried {
        let who = self.who(task);
        let line = self.line(order, who).await.map_err(Early)?;
        let from = self.api.settings.speaker(server);
        let build = |token: &str, client: &str| {
            let body = SendWhisperBody::new(line.text.as_str());
            SendWhisperRequest::new(from, user).create_request(body, token, client)
        };
        let lanes = self.lanes(task);
        self.api.make(task.class(), &lanes, who, &build).await?;
        self.has_whispered(from, user);
        Ok(Receipt {
            message_id: None,
            is_confirmed: false,
            was_cut: line.was_cut,
        })
    }

    async fn delete(&self, task: Task<'_>, server: &str, message: &str) -> Carried {
        let scope = "moderator:manage:chat_messages";
        let grant = self
            .api
            .grant(server)
            .await
            .map_err(|fault| Early(fault.into()))?;
        if !grant.scopes.iter().any(|given| given == scope) {
            let why =
                "the channel's connection does not allow taking messages away: connect it again";
            return Err(Early(refused(why)).into());
        }
        let build = |token: &str, client: &str| {
            DeleteChatMessagesRequest::new(server, server)
                .message_id(message)
                .create_request(token, client)
        };
        let lanes = self.lanes(task);
        let who = self.who(task);
        match self.api.make(task.class(), &lanes, who, &build).await {
            // Gone already, or older than six hours.
            Ok(_) | Err(Fault::Refused { status: 404, .. }) => Ok(Receipt {
                message_id: None,
                is_confirmed: true,
                was_cut: false,
            }),
            Err(fault) => Err(fault.into()),
        }
    }
}

/// How carrying ended; says whether the turn was given back to the gate already.
type Carried = Result<Receipt, Uncarried>;

struct Uncarried {
    error: CarryError,
    is_early: bool,
}

/// Failed before the request was made.
struct Early(CarryError);

impl From<Early> for Uncarried {
    fn from(Early(error): Early) -> Self {
        Self {
            error,
            is_early: true,
        }
    }
}

impl From<CarryError> for Uncarried {
    fn from(error: CarryError) -> Self {
        Self {
            error,
            is_early: false,
        }
    }
}

impl From<Fault> for Uncarried {
    fn from(fault: Fault) -> Self {
        CarryError::from(fault).into()
    }
}

/// Whether the text could mention somebody at all.
fn order_mentions(order: &Order) -> bool {
    let draft = &order.draft;
    let fields = draft.fields.iter();
    let mut texts = fields.flat_map(|field| [field.name.as_str(), field.value.as_str()]);
    texts.any(|text| text.contains('@'))
        || draft.body.contains('@')
        || draft
            .title
            .as_deref()
            .is_some_and(|title| title.contains('@'))
}

/// What to do about a message that Twitch took and did not say.
fn dropped(code: Option<&ChatMessageDropCode>) -> CarryError {
    let why = match code {
        Some(ChatMessageDropCode::MsgRatelimit | ChatMessageDropCode::MsgSlowmode) => {
            return CarryError::RateLimited { after: TOO_QUICK };
        }
        Some(ChatMessageDropCode::MsgDuplicate) => {
            "Twitch dropped the message: the same was said less than 30 seconds ago"
        }
        Some(ChatMessageDropCode::MsgRejected | ChatMessageDropCode::MsgRejectedMandatory) => {
            "Twitch dropped the message: the channel's AutoMod holds or forbids it"
        }
        Some(
            ChatMessageDropCode::MsgFollowersonly
            | ChatMessageDropCode::MsgFollowersonlyFollowed
            | ChatMessageDropCode::MsgFollowersonlyZero
            | ChatMessageDropCode::MsgSubsonly
            | ChatMessageDropCode::MsgEmoteonly
            | ChatMessageDropCode::MsgR9k,
        ) => "Twitch dropped the message: the chat's mode does not let us speak",
        Some(
            ChatMessageDropCode::MsgBanned
            | ChatMessageDropCode::MsgTimedout
            | ChatMessageDropCode::MsgSuspended,
        ) => "Twitch dropped the message: the account may not speak there",
        Some(
            ChatMessageDropCode::MsgRequiresVerifiedPhoneNumber
            | ChatMessageDropCode::MsgVerifiedEmail,
        ) => "Twitch dropped the message: the account must verify its phone number or e-mail",
        _ => "Twitch dropped the message",
    };
    refused(why)
}

#[async_trait]
impl Courier for TwitchCourier {
    fn medium(&self) -> Medium {
        Medium::Twitch
    }

    fn turn(&self, order: &Order, haste: Haste) -> Result<Turn, CarryError> {
        let task = Task::of(order)?;
        if let Task::Whisper { server, user } = task
            && !self.may_whisper(self.api.settings.speaker(server), user)
        {
            return Err(refused(
                "Twitch lets an account whisper to 40 people a day, and they are spent",
            ));
        }
        self.api.gate.turn(task.class(), &self.lanes(task), haste)
    }

    fn leave(&self, order: &Order) {
        if let Ok(task) = Task::of(order) {
            let lanes = self.lanes(task);
            self.api
                .gate
                .done(task.class(), &lanes, Ending::Dropped, None);
        }
    }

    fn knows_nonces(&self, _: &Order) -> bool {
        false
    }

    async fn carry(&self, order: &Order) -> Result<Receipt, CarryError> {
        let task = Task::of(order)?;
        let carried = match task {
            Task::Say { server } => self.say(order, task, server).await,
            Task::Announce { server } => self.announce(order, task, server).await,
            Task::Whisper { server, user } => self.whisper(order, task, server, user).await,
            Task::Delete { server, message } => self.delete(task, server, message).await,
        };
        carried.map_err(|uncarried| {
            if uncarried.is_early {
                self.leave(order);
            }
            uncarried.error
        })
    }
}
