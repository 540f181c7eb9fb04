//! The queries of identity's tables. Nothing else may touch them.

pub(crate) mod account;
pub(crate) mod api_key;
pub(crate) mod community;
pub(crate) mod connection;
pub(crate) mod email;
pub(crate) mod erasure;
pub(crate) mod export;
pub(crate) mod grave_key;
pub(crate) mod holder;
pub(crate) mod link;
pub(crate) mod link_refresh;
pub(crate) mod linked_role;
pub(crate) mod merge;
pub(crate) mod moving;
pub(crate) mod notice;
pub(crate) mod oauth_state;
pub(crate) mod passkey;
pub(crate) mod primary_link;
pub(crate) mod profile;
pub(crate) mod repeat;
pub(crate) mod reputation;
pub(crate) mod reputation_weight;
pub(crate) mod session;
pub(crate) mod suggestion;
pub(crate) mod throttle;
pub(crate) mod totp;
pub(crate) mod user;
pub(crate) mod verification;
pub(crate) mod visibility;

pub(crate) use ::store::sql::in_list as placeholders;

/// How many values one IN list may hold; longer lists are asked for in parts.
pub(crate) const IN_MAX: usize = 500;
