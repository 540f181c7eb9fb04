//! `!mydata`: the way to one's own data. Nothing of anybody is ever said in chat.

use crate::{
    call::{Answer, Call},
    reply::Reply,
};

pub(crate) fn run(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        Ok(Reply::line(format!(
            "get a copy of your data, or erase it, where only you see it: {}",
            call.app.data_page()
        )))
    })
}
