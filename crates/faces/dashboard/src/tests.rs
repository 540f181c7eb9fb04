//! Whole pages over a real app on an embedded database: requests in, HTML out.

mod access;
mod accounts;
mod api_usage;
mod bots;
mod browser;
mod chat;
mod commands;
mod connections;
mod deliveries;
mod email;
mod forms;
mod health;
mod keys;
mod members;
mod merges;
mod passkeys;
mod privacy;
mod reference;
mod reputation;
mod second_factor;
mod sign_in;
mod suggestions;
mod suspicions;
mod walk;
mod webhooks;
