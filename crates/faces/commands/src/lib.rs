//! The chat face: commands that people type (`!ping`), pick (`/ping`) or press (buttons), and the
//! replies to them. Each command parses what was typed, calls one service as who typed it, and says
//! what came of it in one line, or in a card where the platform has room.
//!
//! Must never know SQL, the engines, a platform's wire format, or another face; must never hold up
//! who hears chat.

mod botscore;
mod call;
mod commands;
mod cooldown;
mod custom;
mod dispatch;
mod help;
mod link;
mod mydata;
mod parse;
mod ping;
mod rate;
mod reference;
mod registry;
mod reply;
mod report;
mod reputation;
mod uptime;
mod words;

pub use dispatch::{Commands, Settings};
pub use reference::reference;
pub use registry::specs;
