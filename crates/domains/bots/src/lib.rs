//! Is this account a bot: features of what it does, rules, a model that explains itself, the review by people, and the
//! rollout of what was learned.
//!
//! Invariants: nobody is banned automatically; a label says what an account is, an action what was done about it, and the
//! one is never taken for the other; what was predicted is kept with the feature values it was predicted from.
//!
//! Must never know: HTTP, GraphQL or a platform's wire format, another domain's tables. No text of a message is kept.

pub mod features;
