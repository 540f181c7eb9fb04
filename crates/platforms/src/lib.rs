//! Chat comes in, messages go out: one folder for each platform, each with the same file names, all
//! behind the traits of `kernel` ([`kernel::Courier`], [`kernel::Connector`]) and of this crate
//! ([`Listener`], [`Webhook`]).
//!
//! In each folder: `api.rs` calls, `courier.rs` carries orders, `render.rs` turns a draft into the
//! platform's form, `listen.rs` hears, `translate.rs` turns what was heard into our words,
//! `webhook.rs` takes requests, `connect.rs` installs, `settings.rs` says where everything is.
//!
//! Must never know: the database, the faces, or when to try again.

pub mod discord;
pub mod gate;
pub mod hook;
pub mod http;
pub mod mlflow;
pub mod oidc;
pub mod slack;
pub mod text;
pub mod twitch;
pub mod webhook;

mod adapter;
mod identity;

pub use adapter::{Hopeless, Listener};
pub use webhook::Webhook;
