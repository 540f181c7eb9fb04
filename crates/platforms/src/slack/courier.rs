//! Carries orders to Slack: messages, edits, deletions, direct messages, answers.

use std::{sync::PoisonError, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Act, Address, CarryError, Courier, Haste, Medium, Order, Receipt, Turn};
use reqwest::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use slack_morphism::{
    SlackChannelId, SlackMessageContent, SlackTs,
    api::{SlackApiChatDeleteRequest, SlackApiChatPostMessageRequest, SlackApiChatUpdateRequest},
};

use super::{
    Core, Slack,
    api::{self, ApiError, MESSAGES, TIER3},
    render::{self, Rendered},
    wire,
};
use crate::{gate::Lane, http::Call};

/// Direct conversations remembered; beyond that all are forgotten and asked for again.
const DIRECTS_MAX: usize = 20_000;
/// How long Slack may take for an answer at a response address.
const ANSWER: Duration = Duration::from_secs(10);

/// What of an answer is needed: less than slack-morphism's models demand, so that a message that was
/// posted is never taken for one that was not.
#[derive(Deserialize)]
struct Posted {
    channel: Option<String>,
    ts: Option<String>,
    message: Option<PostedAs>,
}

#[derive(Deserialize)]
struct PostedAs {
    bot_id: Option<String>,
}

/// Where an order goes, in Slack's words.
enum Place<'a> {
    Channel { team: &'a str, channel: &'a str },
    Direct { team: &'a str, user: &'a str },
    Answer { interaction: &'a str, url: &'a str },
}

fn place(order: &Order) -> Result<Place<'_>, CarryError> {
    let refused = |why: &str| Err(CarryError::Refused(why.to_owned()));
    if order.medium != Medium::Slack {
        return refused("the order is not for Slack");
    }
    if !matches!(order.act, Act::Delete { .. }) && order.draft.is_empty() {
        return refused("there is nothing to say");
    }
    match &order.address {
        Address::Channel { server, channel } => Ok(Place::Channel {
            team: server,
            channel,
        }),
        Address::Direct { server, user } => Ok(Place::Direct { team: server, user }),
        Address::Answer {
            interaction, token, ..
        } => Ok(Place::Answer {
            interaction,
            url: token,
        }),
        Address::Mailbox { .. } => refused("Slack carries no mail"),
    }
}

/// The limits an order falls under.
fn lanes(order: &Order) -> Result<Vec<Lane>, CarryError> {
    let place = place(order)?;
    Ok(match (&place, &order.act) {
        (Place::Answer { interaction, .. }, _) => vec![api::answer_lane(interaction)],
        (Place::Channel { team, .. } | Place::Direct { team, .. }, Act::Edit { .. }) => {
            vec![api::method_lane(team, "chat.update", TIER3)]
        }
        (Place::Channel { team, .. } | Place::Direct { team, .. }, Act::Delete { .. }) => {
            vec![api::method_lane(team, "chat.delete", TIER3)]
        }
        (Place::Channel { team, channel }, Act::Post | Act::Announce) => {
            api::message_lanes(team, channel)
        }
        (Place::Direct { team, user }, Act::Post | Act::Announce) => api::message_lanes(team, user),
    })
}

/// Channel, if it says so, and time stamp of a message's id: `team:channel:ts`, or `ts` alone.
pub(super) fn parts(message_id: &str) -> (Option<&str>, &str) {
    match message_id.rsplit_once(':') {
        Some((place, ts)) => {
            let channel = place.rsplit(':').next();
            (channel.filter(|channel| !channel.is_empty()), ts)
        }
        None => (None, message_id),
    }
}

/// A message's id outside this folder.
pub(super) fn message_id(team: &str, channel: &str, ts: &str) -> String {
    format!("{team}:{channel}:{ts}")
}

#[async_trait]
impl Courier for Slack {
    fn medium(&self) -> Medium {
        Medium::Slack
    }

    fn turn(&self, order: &Order, haste: Haste) -> Result<Turn, CarryError> {
        self.core.api.gate.turn(MESSAGES, &lanes(order)?, haste)
    }

    fn leave(&self, order: &Order) {
        if let Ok(lanes) = lanes(order) {
            let dropped = crate::gate::Ending::Dropped;
            self.core.api.gate.done(MESSAGES, &lanes, dropped, None);
        }
    }

    /// Slack's `client_msg_id` promises nothing.
    fn knows_nonces(&self, _order: &Order) -> bool {
        false
    }

    async fn carry(&self, order: &Order) -> Result<Receipt, CarryError> {
        let lanes = lanes(order)?;
        let core = &self.core;
        let carried = match place(order)? {
            Place::Answer { url, .. } => core.answer(order, url, &lanes).await,
            Place::Channel { team, channel } => core.say(order, team, channel, &lanes).await,
            Place::Direct { team, user } => match core.direct(team, user).await {
                Ok(channel) => core.say(order, team, &channel, &lanes).await,
                Err(error) => {
                    self.leave(order);
                    Err(error)
                }
            },
        };
        carried.map_err(ApiError::carry)
    }
}

impl Core {
    /// The direct conversation with somebody, opened once.
    async fn direct(&self, team: &str, user: &str) -> Result<String, ApiError> {
        let key = (team.to_owned(), user.to_owned());
        let known = {
            let directs = self.directs.lock().unwrap_or_else(PoisonError::into_inner);
            directs.get(&key).cloned()
        };
        if let Some(channel) = known {
            return Ok(channel);
        }
        let channel = self.open(team, user).await?;
        let mut directs = self.directs.lock().unwrap_or_else(PoisonError::into_inner);
        if directs.len() >= DIRECTS_MAX {
            directs.clear();
        }
        directs.insert(key, channel.clone());
        Ok(channel)
    }

    /// The time stamp of the message under which an answer hangs.
    fn thread(&self, order: &Order) -> Option<String> {
        let answered = order.reply_to.as_deref()?;
        let (_, ts) = parts(answered);
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        Some(
            threads
                .parents
                .get(answered)
                .cloned()
                .unwrap_or_else(|| ts.to_owned()),
        )
    }

    async fn say(
        &self,
        order: &Order,
        team: &str,
        channel: &str,
        lanes: &[Lane],
    ) -> Result<Receipt, ApiError> {
        let token = match self.token(team).await {
            Ok(token) => token,
            Err(error) => {
                let dropped = crate::gate::Ending::Dropped;
                self.api.gate.done(MESSAGES, lanes, dropped, None);
                return Err(error);
            }
        };
        let session = self.api.client.open_session(&token);
        let http = &session.http_session_api;
        let mut thread = None;
        let (result, was_cut) = match &order.act {
            Act::Post | Act::Announce => {
                thread = self.thread(order);
                let rendered = render::render(&order.draft, &order.mentions);
                let was_cut = rendered.was_cut;
                let request = SlackApiChatPostMessageRequest::new(
                    SlackChannelId(channel.to_owned()),
                    content(rendered),
                )
                .opt_thread_ts(thread.clone().map(SlackTs))
                .with_link_names(false)
                .with_parse("none".to_owned())
                .with_unfurl_links(false)
                .with_unfurl_media(false);
                let result: slack_morphism::ClientResult<Posted> =
                    http.http_post("chat.postMessage", &request, None).await;
                (result, was_cut)
            }
            Act::Edit { message_id } => {
                let (said_in, ts) = parts(message_id);
                let rendered = render::render(&order.draft, &order.mentions);
                let was_cut = rendered.was_cut;
                let request = SlackApiChatUpdateRequest::new(
                    SlackChannelId(said_in.unwrap_or(channel).to_owned()),
                    content(rendered),
                    SlackTs(ts.to_owned()),
                )
                .with_link_names(false)
                .with_parse("none".to_owned());
                (http.http_post("chat.update", &request, None).await, was_cut)
            }
            Act::Delete { message_id } => {
                let (said_in, ts) = parts(message_id);
                let request = SlackApiChatDeleteRequest::new(
                    SlackChannelId(said_in.unwrap_or(channel).to_owned()),
                    SlackTs(ts.to_owned()),
                );
                (http.http_post("chat.delete", &request, None).await, false)
            }
        };
        let posted = self.api.end(MESSAGES, team, lanes, result).await;
        let is_deletion = matches!(order.act, Act::Delete { .. });
        if let Ok(Posted {
            message: Some(PostedAs { bot_id: Some(bot) }),
            ..
        }) = &posted
        {
            self.know_bot(bot.clone());
        }
        match posted {
            Ok(posted) => {
                let id = posted.ts.filter(|_| !is_deletion).map(|ts| {
                    let channel = posted.channel.as_deref().unwrap_or(channel);
                    message_id(team, channel, &ts)
                });
                if let (Some(id), Some(thread)) = (&id, &thread) {
                    let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                    threads.remember(id, thread);
                }
                Ok(Receipt {
                    message_id: id,
                    is_confirmed: true,
                    was_cut,
                })
            }
            // What is gone is gone.
            Err(ApiError::Named(name)) if is_deletion && name == "message_not_found" => {
                Ok(Receipt {
                    is_confirmed: true,
                    ..Receipt::default()
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Answers at the address that came with a slash command or a press.
    async fn answer(&self, order: &Order, url: &str, lanes: &[Lane]) -> Result<Receipt, ApiError> {
        let mut was_cut = false;
        let body = if matches!(order.act, Act::Delete { .. }) {
            json!({"delete_original": true})
        } else {
            let rendered = render::render(&order.draft, &order.mentions);
            was_cut = rendered.was_cut;
            json!({
                "response_type": "in_channel",
                "replace_original": matches!(order.act, Act::Edit { .. }),
                "text": rendered.text,
                "blocks": rendered.blocks,
                "unfurl_links": false,
                "unfurl_media": false,
            })
        };
        let result = self.post_answer(url, body.to_string()).await;
        let result = result.map_err(wire::hand_through);
        self.api.end(MESSAGES, "", lanes, result).await?;
        Ok(Receipt {
            // The answer does not say which message it became.
            message_id: None,
            is_confirmed: true,
            was_cut,
        })
    }

    async fn post_answer(&self, url: &str, body: String) -> Result<(), ApiError> {
        if !self.settings.answers_at(url) {
            return Err(ApiError::Named("response_url_is_not_slacks".to_owned()));
        }
        let mut call = Call::new(Method::POST, url);
        call.timeout = ANSWER;
        call.body = Bytes::from(body);
        call.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let reply = self.api.http.call(call).await?;
        let said: Option<Answered> = reply.json();
        if let Some(name) = said.as_ref().and_then(|said| said.error.as_deref()) {
            return Err(ApiError::Named(wire::printable(name)));
        }
        match reply.status {
            StatusCode::TOO_MANY_REQUESTS => Err(ApiError::RateLimited {
                after: wire::retry_after(&reply),
            }),
            StatusCode::OK => {
                let is_ok = said.is_some_and(|said| said.ok)
                    || matches!(reply.body.trim_ascii(), b"" | b"ok");
                if is_ok {
                    Ok(())
                } else {
                    Err(ApiError::Garbled)
                }
            }
            other => Err(ApiError::Status(other.as_u16())),
        }
    }
}

/// What a response address says when it does not say `ok`.
#[derive(Deserialize, Serialize)]
struct Answered {
    #[serde(default)]
    ok: bool,
    error: Option<String>,
}

fn content(rendered: Rendered) -> SlackMessageContent {
    SlackMessageContent::new()
        .with_text(rendered.text)
        .with_blocks(rendered.blocks)
}
