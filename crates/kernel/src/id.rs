//! Typed ids. Users and communities are 32-bit sequential integers, because the API passes them as
//! GraphQL `Int!`; rows that grow with chat have 64-bit ids. An id never carries meaning of its own.

use std::{fmt, num::ParseIntError, str::FromStr};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }

        impl From<$name> for $inner {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

id!(
    /// A person. Every chat account belongs to exactly one user, claimed or not.
    UserId(i32)
);
id!(
    /// A community: WaddleBot's own object, which owns servers and channels on platforms.
    CommunityId(i32)
);
id!(
    /// A server, workspace or channel on a platform that is connected to a community.
    ServerId(i32)
);
id!(
    /// The right to act on a connected server, with its tokens.
    ConnectionId(i32)
);
id!(
    /// An account elsewhere that somebody signs in with.
    LinkId(i32)
);
id!(
    /// A request to make one person of two.
    MergeId(i32)
);
id!(
    /// An account on one platform.
    AccountId(i64)
);
id!(
    /// A channel in which something was said.
    ChannelId(i64)
);
id!(
    /// A stored chat message; ascending in order of recording.
    MessageId(i64)
);
id!(
    /// A stored event that is no message; ascending in order of recording.
    EventId(i64)
);
id!(
    /// A row of the job queue.
    JobId(i64)
);
id!(
    /// A message on its way out.
    DeliveryId(i64)
);
id!(
    /// A key with which somebody's programs use the API.
    ApiKeyId(i32)
);
id!(
    /// A passkey that somebody signs in with.
    PasskeyId(i32)
);
id!(
    /// A signed-in browser.
    SessionId(i64)
);
id!(
    /// An address that a community's events are sent to.
    WebhookId(i32)
);
id!(
    /// An event on its way to one such address.
    HookMessageId(i64)
);
