//! The detection of bots in a community: `/communities/{id}/bots/…`, what was decided about oneself, and the models of the
//! instance: `/bots/…`.
//! Nobody is banned, timed out or scored by anything here.

pub(crate) mod appeal;
pub(crate) mod case;
pub(crate) mod channel;
pub(crate) mod correction;
pub(crate) mod list;
pub(crate) mod model;
pub(crate) mod report;
pub(crate) mod score;
pub(crate) mod setting;
pub(crate) mod shadow;
pub(crate) mod trial;
mod view;
pub(crate) mod watch;
