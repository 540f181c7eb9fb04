//! `!botscore`: how free of bots the community is. Of one person it says nothing where others read: moderators are told
//! where to look.

use bots::CaseState;
use kernel::Permission;

use crate::{
    call::{Answer, Call, Problem},
    parse,
    reply::Reply,
};

pub(crate) fn run(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        let (who, _) = parse::first_word(&call.line);
        if !who.is_empty() {
            return Problem::say(match queue(call).await? {
                Some(queue) => format!("not where everybody reads: {queue}"),
                None => "what is known of one person is for the moderators".to_owned(),
            });
        }
        let bots = &call.app.bots;
        let found = bots.community_score(&call.actor, call.community).await?;
        let (Some(overall), Some(grade)) = (found.score.overall, found.score.grade) else {
            return Ok(Reply::line(
                "too little was said here to tell how free of bots it is",
            ));
        };
        let graded = format!(
            "this community is graded {}: {overall} of 100, where 100 is free of bots",
            grade.as_str()
        );
        let Some(queue) = queue(call).await? else {
            return Ok(Reply::line(graded));
        };
        let counts = bots.case_counts(&call.actor, call.community).await?;
        Ok(Reply::line(match counts.get(&CaseState::Open) {
            None | Some(0) => graded,
            Some(1) => format!("{graded}; 1 case waits: {queue}"),
            Some(n) => format!("{graded}; {n} cases wait: {queue}"),
        }))
    })
}

/// Where the cases are, for those who may see them.
async fn queue(call: &Call) -> Result<Option<String>, Problem> {
    let sees = call.actor.require(Permission::ViewMembers, call.community);
    if sees.is_err() {
        return Ok(None);
    }
    let identity = &call.app.identity;
    let community = identity.community(&call.actor, call.community).await?;
    Ok(community.map(|community| call.app.page_of(&community, "bots/queue")))
}
