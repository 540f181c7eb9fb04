//! The web dashboard: pages rendered on the server (askama), parts of them swapped by htmx, live chat
//! over server-sent events. Each handler parses the request, calls one service as the viewer's actor,
//! builds the values that its template shows, and renders it.
//!
//! Every read and every form works without JavaScript; the address is the state. Must never know SQL,
//! the engines, or another face.

mod accounts;
mod admin;
mod api_usage;
mod assets;
mod auth;
mod bots;
mod charts;
mod chat;
mod commands;
mod community;
mod confirm;
mod connections;
mod cookie;
mod csv;
mod data;
mod deliveries;
mod display;
mod email;
mod error;
mod follow;
mod form;
mod guard;
mod health;
mod keys;
mod layout;
mod login;
mod me;
mod members;
mod merges;
mod paging;
mod passkeys;
mod privacy;
mod profile;
mod reference;
mod register;
mod reputation;
mod return_to;
mod role;
mod router;
mod second_factor;
mod security;
mod settings;
mod setup;
mod suggestions;
mod suspicions;
mod verification;
mod viewer;
mod webhooks;
mod weights;

pub use router::{Settings, router};

#[cfg(test)]
mod tests;
