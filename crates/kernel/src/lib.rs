//! The words every crate shares: typed ids, platforms, chat events, actors and their rights, time,
//! pages, secrets and stable error codes.
//!
//! Must never know: another crate of this workspace, an async runtime, or any input/output other
//! than reading the system clock (in [`clock`] only).

pub mod actor;
pub mod clock;
pub mod code;
pub mod event;
pub mod id;
pub mod page;
pub mod platform;
pub mod random;
pub mod secret;

pub use actor::{Actor, Denied, Permission, Role};
pub use clock::{Clock, Day, SystemClock, Timestamp};
pub use code::ErrorCode;
pub use event::{Account, ChatEvent, EventKind, Origin, Source};
pub use id::{AccountId, ChannelId, CommunityId, JobId, MessageId, ServerId, SessionId, UserId};
pub use page::{Cursor, Page, PageRequest};
pub use platform::Platform;
pub use random::Entropy;
pub use secret::Secret;
