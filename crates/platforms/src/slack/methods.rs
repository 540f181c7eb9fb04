//! Single methods that others use besides messages: scheduled messages with their limits, names,
//! joining a channel.

use std::time::Duration;

use kernel::{Draft, Mentions, Timestamp};
use serde::{Deserialize, Serialize};
use slack_morphism::{
    SlackBasicChannelInfo, SlackChannelId, SlackUser, SlackUserId,
    api::{
        SlackApiConversationsInfoRequest, SlackApiConversationsOpenRequest,
        SlackApiConversationsOpenResponse, SlackApiUsersInfoRequest, SlackApiUsersListRequest,
        SlackApiUsersListResponse,
    },
    blocks::SlackBlock,
};

use super::{
    Core, Slack,
    api::{AUTH_TEST, ApiError, METHODS, TIER2, TIER3, TIER4},
    render,
};

/// How far ahead a message may be scheduled (`time_too_far`).
pub(super) const AHEAD_MAX: Duration = Duration::from_secs(120 * 86_400);
/// How long a caller of a single method waits for its turn.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A message that waits for its time at Slack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scheduled {
    /// Slack's id of it.
    pub id: String,
    /// The channel.
    pub channel: String,
    /// When it will be said.
    pub post_at: Timestamp,
}

/// Why a message was not scheduled, listed or taken back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The time is not in the future.
    #[error("the time is not in the future")]
    InThePast,
    /// More than 120 days ahead.
    #[error("the time is more than 120 days ahead")]
    TooFar,
    /// More than 30 in five minutes of one channel, or another limit; try another time.
    #[error("Slack takes no more messages for that time")]
    TooMany,
    /// There is no such message, or it is about to be said.
    #[error("there is no such scheduled message")]
    NotThere,
    /// Slack did not do it; says why.
    #[error("{0}")]
    Failed(String),
}

impl From<ApiError> for ScheduleError {
    fn from(error: ApiError) -> Self {
        match &error {
            ApiError::Named(name) => match name.as_str() {
                "time_in_past" => Self::InThePast,
                "time_too_far" => Self::TooFar,
                "restricted_too_many" => Self::TooMany,
                "invalid_scheduled_message_id" => Self::NotThere,
                _ => Self::Failed(error.to_string()),
            },
            _ => Self::Failed(error.to_string()),
        }
    }
}

// Own requests: slack-morphism 2.31 names the id of a scheduled message wrongly when deleting
// (`scheduled_message`), and takes times in a type of a crate that we do not use.

#[derive(Serialize)]
struct ScheduleRequest<'a> {
    channel: &'a str,
    post_at: i64,
    text: String,
    blocks: Vec<SlackBlock>,
    unfurl_links: bool,
    unfurl_media: bool,
}

#[derive(Deserialize)]
struct ScheduleResponse {
    scheduled_message_id: String,
    post_at: i64,
}

#[derive(Serialize)]
struct ListRequest<'a> {
    channel: &'a str,
    limit: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct ListResponse {
    scheduled_messages: Vec<Listed>,
    response_metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    channel_id: String,
    post_at: i64,
}

#[derive(Deserialize)]
struct Metadata {
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct DeleteRequest<'a> {
    channel: &'a str,
    scheduled_message_id: &'a str,
}

#[derive(Serialize)]
struct ChannelRequest<'a> {
    channel: &'a str,
}

/// An answer of which nothing is needed.
#[derive(Deserialize)]
pub(super) struct Done {}

/// Pages of scheduled messages read at most.
const PAGES_MAX: usize = 20;

impl Slack {
    /// Has Slack say something later (`chat.scheduleMessage`); at most 120 days ahead, and at most
    /// 30 in five minutes of one channel.
    pub async fn schedule(
        &self,
        team: &str,
        channel: &str,
        draft: &Draft,
        post_at: Timestamp,
    ) -> Result<Scheduled, ScheduleError> {
        let now = self.core.clock.now();
        if post_at.secs() <= now.secs() {
            return Err(ScheduleError::InThePast);
        }
        if post_at.since(now) > AHEAD_MAX {
            return Err(ScheduleError::TooFar);
        }
        let rendered = render::render(draft, &Mentions::Nobody);
        let request = ScheduleRequest {
            channel,
            post_at: post_at.secs(),
            text: rendered.text,
            blocks: rendered.blocks,
            unfurl_links: false,
            unfurl_media: false,
        };
        let answer: ScheduleResponse = self
            .core
            .post(team, "chat.scheduleMessage", TIER3, &request)
            .await?;
        Ok(Scheduled {
            id: answer.scheduled_message_id,
            channel: channel.to_owned(),
            post_at: Timestamp::from_secs(answer.post_at),
        })
    }

    /// The scheduled messages of a channel (`chat.scheduledMessages.list`).
    pub async fn scheduled(
        &self,
        team: &str,
        channel: &str,
    ) -> Result<Vec<Scheduled>, ScheduleError> {
        let mut all = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let request = ListRequest {
                channel,
                limit: 100,
                cursor: cursor.take(),
            };
            let page: ListResponse = self
                .core
                .post(team, "chat.scheduledMessages.list", TIER3, &request)
                .await?;
            all.extend(page.scheduled_messages.into_iter().map(|one| Scheduled {
                id: one.id,
                channel: one.channel_id,
                post_at: Timestamp::from_secs(one.post_at),
            }));
            cursor = page
                .response_metadata
                .and_then(|metadata| metadata.next_cursor)
                .filter(|cursor| !cursor.is_empty());
            if cursor.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Takes a scheduled message back (`chat.deleteScheduledMessage`).
    pub async fn unschedule(
        &self,
        team: &str,
        channel: &str,
        id: &str,
    ) -> Result<(), ScheduleError> {
        let request = DeleteRequest {
            channel,
            scheduled_message_id: id,
        };
        let Done {} = self
            .core
            .post(team, "chat.deleteScheduledMessage", TIER3, &request)
            .await?;
        Ok(())
    }
}

impl Core {
    /// Posts a request of our own to a method.
    pub(super) async fn post<RQ, RS>(
        &self,
        team: &str,
        method: &'static str,
        per_minute: u32,
        request: &RQ,
    ) -> Result<RS, ApiError>
    where
        RQ: Serialize + Send + Sync,
        RS: for<'de> Deserialize<'de> + Send,
    {
        let token = self.token(team).await?;
        let lanes = self.api.begin(team, method, per_minute, PATIENCE).await?;
        let session = self.api.client.open_session(&token);
        let result = session
            .http_session_api
            .http_post(method, request, None)
            .await;
        self.api.end(METHODS, team, &lanes, result).await
    }

    /// Finds out our bot id in a workspace, and whether the token is any good (`auth.test`).
    pub(super) async fn who_are_we(&self, team: &str) -> Result<(), ApiError> {
        let token = self.token(team).await?;
        let lanes = self
            .api
            .begin(team, "auth.test", AUTH_TEST, PATIENCE)
            .await?;
        let session = self.api.client.open_session(&token);
        let result = session.auth_test().await;
        let answer = self.api.end(METHODS, team, &lanes, result).await?;
        if let Some(bot) = answer.bot_id {
            self.know_bot(bot.0);
        }
        Ok(())
    }

    /// `users.info`
    pub(super) async fn user(
        &self,
        team: &str,
        user: &str,
        patience: Duration,
    ) -> Result<SlackUser, ApiError> {
        let token = self.token(team).await?;
        let lanes = self.api.begin(team, "users.info", TIER4, patience).await?;
        let session = self.api.client.open_session(&token);
        let request = SlackApiUsersInfoRequest::new(SlackUserId(user.to_owned()));
        let result = session.users_info(&request).await;
        let answer = self.api.end(METHODS, team, &lanes, result).await?;
        Ok(answer.user)
    }

    /// A page of `users.list`.
    pub(super) async fn users(
        &self,
        team: &str,
        request: &SlackApiUsersListRequest,
        patience: Duration,
    ) -> Result<SlackApiUsersListResponse, ApiError> {
        let token = self.token(team).await?;
        let lanes = self.api.begin(team, "users.list", TIER2, patience).await?;
        let session = self.api.client.open_session(&token);
        let result = session.users_list(request).await;
        self.api.end(METHODS, team, &lanes, result).await
    }

    /// The name of a channel (`conversations.info`); empty if it has none.
    pub(super) async fn channel_name(
        &self,
        team: &str,
        channel: &str,
        patience: Duration,
    ) -> Result<String, ApiError> {
        let token = self.token(team).await?;
        let lanes = self
            .api
            .begin(team, "conversations.info", TIER3, patience)
            .await?;
        let session = self.api.client.open_session(&token);
        let request = SlackApiConversationsInfoRequest::new(SlackChannelId(channel.to_owned()));
        let result = session.conversations_info(&request).await;
        let answer = self.api.end(METHODS, team, &lanes, result).await?;
        Ok(answer.channel.name.unwrap_or_default())
    }

    /// The direct conversation with somebody (`conversations.open`). Does not wait for its turn: an
    /// order that must wait comes back.
    pub(super) async fn open(&self, team: &str, user: &str) -> Result<String, ApiError> {
        let token = self.token(team).await?;
        let lanes = self
            .api
            .begin(team, "conversations.open", TIER3, Duration::ZERO)
            .await?;
        let session = self.api.client.open_session(&token);
        let request =
            SlackApiConversationsOpenRequest::new().with_users(vec![SlackUserId(user.to_owned())]);
        let result = session.conversations_open(&request).await;
        let answer: SlackApiConversationsOpenResponse<SlackBasicChannelInfo> =
            self.api.end(METHODS, team, &lanes, result).await?;
        Ok(answer.channel.id.0)
    }

    /// `conversations.join`
    pub(super) async fn join(&self, team: &str, channel: &str) -> Result<(), ApiError> {
        let request = ChannelRequest { channel };
        let Done {} = self
            .post(team, "conversations.join", TIER3, &request)
            .await?;
        Ok(())
    }
}
