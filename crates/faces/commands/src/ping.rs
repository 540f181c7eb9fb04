//! `!ping`: whether we listen.

use crate::{
    call::{Answer, Call},
    reply::Reply,
};

pub(crate) fn run(_: &Call) -> Answer<'_> {
    Box::pin(async { Ok(Reply::line("pong")) })
}
