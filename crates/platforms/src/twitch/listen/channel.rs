//! One channel: keeps its connection, its subscriptions and its token, and tells what it hears.
//!
//! Everything that is read from a connection is told before the next frame is read: so that Twitch
//! feels when we are slow, and a pong means that what came before it was heard.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};
use kernel::{Deaf, Ear, Entropy, Secret, random};
use tokio_util::sync::CancellationToken;
use twitch_api::eventsub::{Event, EventsubWebsocketData, PayloadParseError, Transport};

use super::super::{
    api::{Api, Fault, Who},
    interest,
    seen::Seen,
    socket::{Broken, Frame, Kind, Socket},
    token::TokenError,
    translate::{Meaning, Stamp, translate},
};

/// How often a token is validated («Validating tokens»: hourly).
const VALIDATE: Duration = Duration::from_secs(3_600);
/// How soon it is tried again if Twitch did not answer.
const VALIDATE_AGAIN: Duration = Duration::from_secs(60);
/// The longest pause before another connection.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A connection that lived this long was a good one: the next is tried at once.
const GOOD: Duration = Duration::from_secs(10);

/// A channel that is heard.
pub(super) struct Channel {
    pub(super) api: Arc<Api>,
    pub(super) ear: Arc<dyn Ear>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) server: String,
}

/// Why a channel is heard no more.
pub(super) enum End {
    /// We were told to stop.
    Stopped,
    /// With this access token nothing can be heard; a person was told.
    Useless(Secret<String>),
}

/// Why a connection ended.
enum Over {
    Stopped,
    Useless(Secret<String>),
    /// Connect again.
    Again {
        /// Whether it was subscribed to everything.
        was_ready: bool,
        why: String,
    },
}

/// What a frame asks for beyond telling.
enum Next {
    Go,
    Move(String),
    Useless,
}

impl Channel {
    /// Hears the channel until told to stop, or until it is useless.
    pub(super) async fn run(self, stop: CancellationToken) -> End {
        tokio::select! {
            () = stop.cancelled() => End::Stopped,
            end = self.look_after() => end,
            end = self.hear() => end,
        }
    }

    /// Validates the token now and every hour; returns only if it is worth nothing.
    async fn look_after(&self) -> End {
        loop {
            let pause = match self.api.keeper.validate(&self.server).await {
                Ok(_) => VALIDATE,
                Err(TokenError::Unavailable(_)) => VALIDATE_AGAIN,
                Err(TokenError::Missing) => return End::Stopped,
                Err(TokenError::Refused(_)) => return self.useless().await,
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn useless(&self) -> End {
        match self.api.keeper.current(&self.server).await {
            Ok(grant) => End::Useless(grant.access),
            Err(_) => End::Stopped,
        }
    }

    async fn hear(&self) -> End {
        if self.api.settings.is_bot(&self.server) {
            // The bot account has a token to look after, and no channel to hear.
            return std::future::pending().await;
        }
        let mut seen = Seen::default();
        let mut failures = 0_u32;
        loop {
            let began = self.api.clock.now();
            let (was_ready, why) = match self.connection(&mut seen).await {
                Over::Stopped => return End::Stopped,
                Over::Useless(access) => return End::Useless(access),
                Over::Again { was_ready, why } => (was_ready, why),
            };
            let lived = self.api.clock.now().since(began);
            failures = match (was_ready, lived >= GOOD) {
                (true, true) => 0,
                (true, false) => 1,
                (false, _) => failures.saturating_add(1),
            };
            tracing::info!(
                platform = "twitch",
                server = self.server,
                why,
                "a channel's connection ended and is made again"
            );
            metrics::counter!("waddlebot_platform_reconnects_total", "platform" => "twitch")
                .increment(1);
            tokio::time::sleep(self.pause(failures)).await;
        }
    }

    /// Nothing at first, then a random part of ½ s, 1 s, 2 s … a minute.
    fn pause(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let most = Duration::from_millis(500) * 2_u32.saturating_pow(doublings.min(10));
        most.min(PAUSE_MAX)
            .mul_f64(random::unit(self.entropy.as_ref()))
    }

    async fn connection(&self, seen: &mut Seen) -> Over {
        let again = |why: String| Over::Again {
            was_ready: false,
            why,
        };
        let mut socket = match Socket::open(&self.api.settings.eventsub_url).await {
            Ok(socket) => socket,
            Err(broken) => return again(broken.to_string()),
        };
        match self.subscribe(&socket.session).await {
            Ok(()) => self.api.keeper.report(&self.server, None).await,
            Err(Unsubscribed::Again(why)) => return again(why),
            Err(Unsubscribed::Useless(access)) => return Over::Useless(access),
            Err(Unsubscribed::Stopped) => return Over::Stopped,
        }
        let mut moving: Option<BoxFuture<'static, Result<Socket, Broken>>> = None;
        loop {
            let frame = tokio::select! {
                biased;
                moved = arrival(&mut moving), if moving.is_some() => {
                    moving = None;
                    match moved {
                        Ok(new) => {
                            let old = std::mem::replace(&mut socket, new);
                            for frame in old.farewell().await {
                                if let Err(over) = self.step(frame, seen, &mut moving).await {
                                    return over;
                                }
                            }
                        }
                        // The old one goes on until Twitch closes it.
                        Err(broken) => tracing::info!(
                            platform = "twitch",
                            server = self.server,
                            why = %broken,
                            "a channel's connection could not be moved"
                        ),
                    }
                    continue;
                }
                frame = socket.next() => frame,
            };
            match frame {
                Ok(frame) => {
                    if let Err(over) = self.step(frame, seen, &mut moving).await {
                        return over;
                    }
                }
                Err(broken) => {
                    // If we are moving, what comes next is there already.
                    if let Some(moved) = moving.take()
                        && let Ok(new) = moved.await
                    {
                        socket = new;
                        continue;
                    }
                    return Over::Again {
                        was_ready: true,
                        why: broken.to_string(),
                    };
                }
            }
        }
    }

    async fn step(
        &self,
        frame: Frame,
        seen: &mut Seen,
        moving: &mut Option<BoxFuture<'static, Result<Socket, Broken>>>,
    ) -> Result<(), Over> {
        match self.take(&frame, seen).await {
            Ok(Next::Go) => Ok(()),
            Ok(Next::Move(url)) => {
                *moving = Some(Box::pin(async move { Socket::open(&url).await }));
                Ok(())
            }
            Ok(Next::Useless) => match self.useless().await {
                End::Useless(access) => Err(Over::Useless(access)),
                End::Stopped => Err(Over::Stopped),
            },
            Err(Deaf) => Err(Over::Stopped),
        }
    }

    /// Takes a frame: tells what it means.
    async fn take(&self, frame: &Frame, seen: &mut Seen) -> Result<Next, Deaf> {
        match &frame.kind {
            Kind::Welcome { .. } | Kind::Keepalive => Ok(Next::Go),
            Kind::Unknown => {
                ignored("unknown_frame");
                Ok(Next::Go)
            }
            Kind::Reconnect { url } => Ok(Next::Move(url.clone())),
            Kind::Revocation { status } => Ok(self.revoked(status).await),
            Kind::Notification => {
                self.notified(frame, seen).await?;
                Ok(Next::Go)
            }
        }
    }

    async fn notified(&self, frame: &Frame, seen: &mut Seen) -> Result<(), Deaf> {
        let now = self.api.clock.now();
        if !seen.is_new(now, &frame.id) {
            ignored("repeated");
            return Ok(());
        }
        let event = match Event::parse_websocket(&frame.text) {
            Ok(EventsubWebsocketData::Notification { payload, .. }) => payload,
            Ok(_) => return Ok(()),
            Err(error) => {
                ignored(unread(&error));
                return Ok(());
            }
        };
        let stamp = Stamp {
            id: &frame.id,
            at: frame.at.unwrap_or(now),
        };
        match translate(&event, stamp, &self.api.own) {
            Meaning::Heard(heard) => self.ear.hear(*heard).await,
            Meaning::Nothing(why) => {
                ignored(why);
                Ok(())
            }
        }
    }

    async fn revoked(&self, status: &str) -> Next {
        let (why, next) = match status {
            "authorization_revoked" => (
                "the broadcaster took back what they had allowed: connect the channel again",
                Next::Useless,
            ),
            "user_removed" => ("the channel is no more on Twitch", Next::Useless),
            "version_removed" => (
                "Twitch does not tell some events any more in the way we understand: update WaddleBot",
                Next::Go,
            ),
            _ => ("Twitch ended a subscription", Next::Go),
        };
        tracing::warn!(
            platform = "twitch",
            server = self.server,
            "a subscription was revoked: {why}"
        );
        self.api.keeper.report(&self.server, Some(why)).await;
        next
    }

    /// Subscribes to everything the grant allows. Must be quick: a connection without subscriptions
    /// is closed after ten seconds.
    async fn subscribe(&self, session: &str) -> Result<(), Unsubscribed> {
        let grant = match self.api.keeper.current(&self.server).await {
            Ok(grant) => grant,
            Err(TokenError::Unavailable(why)) => return Err(Unsubscribed::Again(why)),
            Err(TokenError::Missing) => return Err(Unsubscribed::Stopped),
            Err(TokenError::Refused(_)) => {
                return Err(match self.useless().await {
                    End::Useless(access) => Unsubscribed::Useless(access),
                    End::Stopped => Unsubscribed::Stopped,
                });
            }
        };
        let interests = interest::allowed(&self.server, &grant.scopes);
        let asked = interests.iter().map(|interest| async move {
            let build = |token: &str, client: &str| {
                interest.request(Transport::websocket(session), token, client)
            };
            let answer = self.api.ask(Who::Channel(&self.server), &build).await;
            (interest.kind, answer)
        });
        for (kind, answer) in join_all(asked).await {
            match answer {
                // 409: there is one already.
                Ok(_) | Err(Fault::Refused { status: 409, .. }) => {}
                Err(Fault::Refused { status: 403, .. }) => {
                    tracing::warn!(
                        platform = "twitch",
                        server = self.server,
                        kind = %kind,
                        "Twitch does not let us hear this"
                    );
                    ignored("not_allowed");
                }
                Err(fault) => return Err(Unsubscribed::Again(fault.to_string())),
            }
        }
        Ok(())
    }
}

/// Why nothing was subscribed to.
enum Unsubscribed {
    Again(String),
    Useless(Secret<String>),
    Stopped,
}

async fn arrival(
    moving: &mut Option<BoxFuture<'static, Result<Socket, Broken>>>,
) -> Result<Socket, Broken> {
    match moving {
        Some(moving) => moving.await,
        None => std::future::pending().await,
    }
}

/// Why a notification could not be read.
pub(in crate::twitch) const fn unread(error: &PayloadParseError) -> &'static str {
    match error {
        PayloadParseError::UnimplementedEvent { .. }
        | PayloadParseError::UnknownEventType(_)
        | PayloadParseError::UnknownMessageType(_) => "unknown_type",
        _ => "unreadable",
    }
}

/// Counts what was heard and not told.
pub(in crate::twitch) fn ignored(why: &'static str) {
    metrics::counter!("waddlebot_platform_ignored_total", "platform" => "twitch", "why" => why)
        .increment(1);
}
