//! The words every crate shares: typed ids, platforms, chat events, what goes out and comes in, actors
//! and their rights, time, pages, secrets and stable error codes.
//!
//! Must never know: another crate of this workspace, an async runtime, or any input/output other
//! than reading the system clock (in [`clock`] only).

pub mod actor;
pub mod clock;
pub mod code;
pub mod command;
pub mod draft;
pub mod event;
pub mod grant;
pub mod hook;
pub mod id;
pub mod incoming;
pub mod outgoing;
pub mod page;
pub mod platform;
pub mod random;
pub mod secret;
pub mod sign_in;
pub mod tracking;

pub use actor::{Actor, Denied, Permission, Role};
pub use clock::{Clock, Day, SystemClock, Timestamp};
pub use code::ErrorCode;
pub use command::{CommandOption, CommandSpec};
pub use draft::{Button, ButtonStyle, Colour, Draft, Field};
pub use event::{Account, ChatEvent, EventKind, Origin, Source};
pub use grant::{
    ChannelChoice, ConnectError, Connector, Grant, Grants, GrantsError, Installed, Returned,
};
pub use hook::{HookCall, HookCaller, HookError, HookReply};
pub use id::{
    AccountId, ApiKeyId, ChannelId, CommunityId, ConnectionId, DeliveryId, EventId, HookMessageId,
    JobId, LinkId, MergeId, MessageId, PasskeyId, ServerId, SessionId, UserId, WebhookId,
};
pub use incoming::{
    Deaf, Ear, Heard, Interaction, InteractionKind, ScheduleChange, ScheduleNotice,
};
pub use outgoing::{
    Act, Address, CarryError, Courier, Haste, Medium, Mentions, Order, Receipt, Turn,
};
pub use page::{Cursor, Page, PageRequest};
pub use platform::Platform;
pub use random::Entropy;
pub use secret::Secret;
pub use sign_in::{
    AuthorizeRequest, PersonalTokens, Proof, Provider, RoleMetadata, SignInReturn, TokenError,
};
pub use tracking::{TrackError, Tracked, TrackedFile, TrackedRun, TrackedState, Tracker};
