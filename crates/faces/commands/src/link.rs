//! `!link`, `!unlink`, `!verify`: the way to one's linked accounts, and the code for platforms whose
//! sign-in is not set up. What is secret is never said in chat: the page asks who comes.

use crate::{
    call::{Answer, Call, Problem},
    reply::Reply,
};

/// `!link`
pub(crate) fn begin(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        Ok(Reply::line(format!(
            "link your accounts here: {}",
            call.app.link_page()
        )))
    })
}

/// `!unlink`
pub(crate) fn end(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        Ok(Reply::line(format!(
            "see and unlink your accounts here: {}",
            call.app.link_page()
        )))
    })
}

/// `!verify`
pub(crate) fn verify(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        if call.line.is_empty() {
            return Problem::say(format!(
                "type the code from {} after {}",
                call.app.link_page(),
                call.typed("verify")
            ));
        }
        let linked = call.app.redeem_chat_code(&call.account, &call.line).await;
        let name = linked.map_err(|error| match error {
            app::AppError::Identity(error) => Problem::from(error),
            other => Problem::Fault(Box::new(other)),
        })?;
        Ok(Reply::line(format!(
            "this account is linked to {name} now; if that is not you, unlink it: {}",
            call.app.link_page()
        )))
    })
}
