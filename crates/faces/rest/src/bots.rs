//! The detection of bots in a community: `/communities/{id}/bots/…`, and what was decided about oneself.
//! Nobody is banned, timed out or scored by anything here.

pub(crate) mod appeal;
pub(crate) mod case;
pub(crate) mod list;
pub(crate) mod report;
pub(crate) mod setting;
mod view;
