//! `!reputation` and `!whoami`: one's own score, and who one is here.

use crate::{
    call::{Answer, Call},
    reply::Reply,
};

/// `!reputation`
pub(crate) fn run(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        let own = call.app.activity.own_reputation(&call.actor).await?;
        let here = own
            .communities
            .iter()
            .find(|(community, ..)| *community == call.community)
            .map_or_else(Default::default, |(_, score, _)| *score);
        Ok(Reply::line(format!(
            "your reputation here is {here} of 850 ({}); everywhere it is {} ({})",
            here.tier().label().to_lowercase(),
            own.global,
            own.global.tier().label().to_lowercase()
        )))
    })
}

/// `!whoami`
pub(crate) fn who(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        Ok(Reply::line(format!(
            "you are {}, here as {}; see and link your accounts: {}",
            call.user,
            call.role.as_str(),
            call.app.link_page()
        )))
    })
}
