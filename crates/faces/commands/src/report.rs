//! `!report @somebody why`: members say that an account looks like a bot. The reply names nobody and does
//! not tell whether anything follows: that is for the moderators.

use bots::{BotsError, Called};

use crate::{
    call::{Answer, Call, Problem},
    parse,
    reply::Reply,
};

pub(crate) fn run(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        let (word, reason) = parse::first_word(&call.line);
        let Some(who) = meant(word) else {
            return Problem::say(format!(
                "say whom: {} @somebody and why",
                call.typed("report")
            ));
        };
        let bots = &call.app.bots;
        let found = bots
            .called(&call.actor, call.community, call.platform, &who)
            .await?;
        let Some(account) = found else {
            return Err(BotsError::NotFound.into());
        };
        // On one line, however it was typed.
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        bots.report(&call.actor, call.community, account, &reason)
            .await?;
        Ok(Reply::line("thank you, the moderators can see it"))
    })
}

/// Whom a word means: a mention as Discord and Slack write it, or a name with or without an `@`.
fn meant(word: &str) -> Option<Called> {
    let mention = word
        .strip_prefix("<@")
        .and_then(|rest| rest.strip_suffix('>'));
    let (text, called): (&str, fn(String) -> Called) = match mention {
        Some(id) => (id.trim_start_matches('!'), Called::Id),
        None => (
            word.trim_start_matches('@').trim_end_matches([',', ':']),
            Called::Name,
        ),
    };
    (!text.is_empty()).then(|| called(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use bots::Called;

    use super::meant;

    #[test]
    fn a_mention_is_an_id_and_anything_else_a_name() {
        let id = |id: &str| Some(Called::Id(id.to_owned()));
        let name = |name: &str| Some(Called::Name(name.to_owned()));
        assert_eq!(meant("<@5>"), id("5"));
        assert_eq!(meant("<@!5>"), id("5"));
        assert_eq!(meant("<@U1>"), id("U1"));
        assert_eq!(meant("@Ann"), name("Ann"));
        assert_eq!(meant("ann:"), name("ann"));
        assert_eq!(meant("@ann,"), name("ann"));
        for nobody in ["", "@", "<@>", "<@!>"] {
            assert_eq!(meant(nobody), None, "{nobody}");
        }
    }
}
