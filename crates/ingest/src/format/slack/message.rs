//! One message of an export, and the events in it.

use kernel::{Account, ChatEvent, EventKind, Origin, Platform, Source, Timestamp, event::Message};
use serde::Deserialize;

use super::lists::{Lists, Profile};
use crate::format::{
    RejectReason,
    documents::element,
    loose::{Count, Id, list},
};

/// The lists, and the channel whose day is being read.
pub(super) struct Context {
    lists: Lists,
    origin: Origin,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "type")]
    kind: Option<String>,
    subtype: Option<String>,
    ts: Option<String>,
    user: Option<Id>,
    bot_id: Option<Id>,
    username: Option<String>,
    user_profile: Option<Profile>,
    text: Option<String>,
    thread_ts: Option<String>,
    #[serde(default)]
    files: Count,
    #[serde(default)]
    attachments: Count,
    #[serde(default, deserialize_with = "list")]
    reactions: Vec<Reaction>,
}

#[derive(Deserialize)]
struct Reaction {
    name: Option<String>,
    #[serde(default, deserialize_with = "list")]
    users: Vec<Id>,
}

impl Context {
    pub(super) fn new(lists: Lists) -> Self {
        let origin = Origin {
            server: lists.team.clone(),
            ..Origin::default()
        };
        Self { lists, origin }
    }

    /// From here on messages are those of this folder.
    pub(super) fn enter(&mut self, folder: &str) {
        self.lists
            .channel(folder)
            .unwrap_or_default()
            .clone_into(&mut self.origin.channel);
        folder.clone_into(&mut self.origin.channel_name);
    }

    pub(super) fn parse(
        &self,
        json: &str,
        events: &mut Vec<ChatEvent>,
    ) -> Result<(), RejectReason> {
        let row: Row = element(json)?;
        if row.kind.as_deref().is_some_and(|kind| kind != "message") {
            return Ok(());
        }
        let is_join = match row.subtype.as_deref() {
            None | Some("" | "bot_message" | "me_message" | "thread_broadcast" | "file_share") => {
                false
            }
            Some("channel_join" | "group_join") => true,
            // Someone left, renamed, pinned, archived, deleted …
            Some(_) => return Ok(()),
        };
        let missing = |field| RejectReason::Missing { field };
        let ts = row.ts.ok_or(missing("ts"))?;
        let sent_at = micros(&ts)
            .ok_or_else(|| RejectReason::value("ts", &ts, "a time like 1355517523.000005"))?;
        let channel = &self.origin.channel;
        let id = |ts: &str| format!("{channel}:{ts}");
        let event_id = id(&ts);

        let is_from_bot = row.bot_id.is_some();
        let user = row.user.filter(|user| !user.0.is_empty());
        let user_id = user.or(row.bot_id).ok_or(missing("user"))?.0;
        let name = row.username.or(row.user_profile.and_then(Profile::best));
        let mut account = self.account(user_id, name);
        account.is_bot |= is_from_bot;

        let kind = if is_join {
            EventKind::Join
        } else {
            let text = row.text.unwrap_or_default();
            EventKind::Message(Message {
                is_ours: false,
                n_mentions: mentions(&text),
                text: unescape(&text),
                n_embeds: row.files.0.saturating_add(row.attachments.0),
                reply_to: row
                    .thread_ts
                    .filter(|thread| *thread != ts)
                    .map(|ts| id(&ts)),
            })
        };
        let base = ChatEvent {
            platform: Platform::Slack,
            event_id: event_id.clone(),
            origin: self.origin.clone(),
            account,
            sent_at,
            source: Source::Import,
            kind,
        };
        events.push(base.clone());
        for reaction in row.reactions {
            let emoji = reaction.name.unwrap_or_default();
            for user in reaction.users {
                events.push(ChatEvent {
                    event_id: format!("{event_id}:{emoji}:{}", user.0),
                    account: self.account(user.0, None),
                    kind: EventKind::Reaction {
                        emoji: emoji.clone(),
                        message_id: event_id.clone(),
                    },
                    ..base.clone()
                });
            }
        }
        Ok(())
    }

    /// The account as the user list has it; `given` is the name the message itself carries.
    fn account(&self, id: String, given: Option<String>) -> Account {
        let known = self.lists.user(&id);
        let username = known
            .map(|user| user.name.clone())
            .filter(|name| !name.is_empty())
            .or(given)
            .unwrap_or_default();
        Account {
            standing: None,
            username,
            created_at: None,
            is_bot: known.is_some_and(|user| user.is_bot),
            platform_user_id: id,
        }
    }
}

/// `1355517523.000005` in microseconds.
fn micros(ts: &str) -> Option<Timestamp> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    let micros = seconds.checked_mul(1_000_000)?.checked_add(fraction)?;
    Some(Timestamp(micros))
}

/// How many times `<@U123>` occurs.
fn mentions(text: &str) -> u32 {
    u32::try_from(text.matches("<@").count()).unwrap_or(u32::MAX)
}

/// Slack escapes exactly these three characters.
fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::{mentions, micros, unescape};
    use kernel::Timestamp;

    #[test]
    fn slack_times_are_microseconds() {
        let at = |micros| Some(Timestamp(micros));
        assert_eq!(micros("1355517523.000005"), at(1_355_517_523_000_005));
        assert_eq!(micros("1355517523.5"), at(1_355_517_523_500_000));
        assert_eq!(micros("1355517523"), at(1_355_517_523_000_000));
        for bad in [
            "",
            ".",
            "1.",
            "1.0000001",
            "-1.0",
            "1e9",
            "99999999999999999999.0",
        ] {
            assert_eq!(micros(bad), None, "{bad}");
        }
    }

    #[test]
    fn escapes_are_undone_once_and_mentions_counted() {
        assert_eq!(unescape("a &lt; b &amp;&amp; c &gt; d"), "a < b && c > d");
        assert_eq!(unescape("&amp;lt;"), "&lt;");
        assert_eq!(mentions("<@U1> and <@U2|bo>: see <#C1|ducks>"), 2);
    }
}
