//! The one place that decides whether an event may enter the program. Every reader passes every
//! event through [`check`], so that nothing behind it has to ask again.

use kernel::{ChatEvent, EventKind, Timestamp};
use memchr::memchr;

use super::{Limits, Options, RejectReason};

/// The oldest time accepted: 1988-08-01, the month in which IRC was first run.
pub const EARLIEST: Timestamp = Timestamp::from_secs(586_396_800);

const DAY_MICROS: i64 = 86_400_000_000;
/// Largest number accepted for viewers, bits, months, mentions, …: fits every database's integer.
const COUNT_MAX: u32 = 0x7fff_ffff;

/// Checks an event and makes it storable: U+0000 is removed from texts and names (PostgreSQL
/// cannot store it), an empty name becomes the user id, an impossible account age becomes unknown.
pub(super) fn check(event: &mut ChatEvent, options: &Options) -> Result<(), RejectReason> {
    let limits = &options.limits;
    time(event.sent_at, options.now)?;
    id("message_id", &event.event_id, limits)?;
    id("channel", &event.origin.channel, limits)?;
    optional_id("server", &event.origin.server, limits)?;
    id("user_id", &event.account.platform_user_id, limits)?;

    strip_nul(&mut event.origin.channel_name);
    text(
        "channel_name",
        &event.origin.channel_name,
        limits.name_chars_max,
    )?;
    strip_nul(&mut event.account.username);
    if event.account.username.trim().is_empty() {
        event
            .account
            .username
            .clone_from(&event.account.platform_user_id);
    }
    text("username", &event.account.username, limits.name_chars_max)?;
    event.account.created_at = event
        .account
        .created_at
        .filter(|at| time(*at, options.now).is_ok());
    kind(&mut event.kind, limits)
}

/// Checks the name of a community as the input gives it; an empty one is none.
pub(super) fn community(
    name: Option<String>,
    limits: &Limits,
) -> Result<Option<String>, RejectReason> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    id("community", &name, limits)?;
    Ok(Some(name))
}

fn kind(kind: &mut EventKind, limits: &Limits) -> Result<(), RejectReason> {
    match kind {
        EventKind::Message(message) => {
            strip_nul(&mut message.text);
            text("text", &message.text, limits.text_chars_max)?;
            count("mentions", message.n_mentions)?;
            count("embeds", message.n_embeds)?;
            if let Some(reply_to) = &message.reply_to {
                id("reply_to", reply_to, limits)?;
            }
        }
        EventKind::Join | EventKind::Follow | EventKind::StreamOffline => {}
        EventKind::Subscription { tier, months } => {
            check_tier(*tier)?;
            count("months", months.unwrap_or(0))?;
        }
        EventKind::Gift { count: n, tier } => {
            check_tier(*tier)?;
            count("count", *n)?;
        }
        EventKind::Cheer { bits } => count("bits", *bits)?,
        EventKind::Raid { viewers } => count("viewers", *viewers)?,
        EventKind::Donation {
            amount_minor,
            currency,
        } => {
            if i64::try_from(*amount_minor).is_err() {
                let value = amount_minor.to_string();
                return Err(RejectReason::value(
                    "amount_minor",
                    &value,
                    "at most 9223372036854775807",
                ));
            }
            if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
                return Err(RejectReason::value(
                    "currency",
                    currency,
                    "three capital letters (ISO 4217)",
                ));
            }
        }
        EventKind::Reaction { emoji, message_id } => {
            id("emoji", emoji, limits)?;
            id("target_message_id", message_id, limits)?;
        }
        EventKind::Moderation(moderation) => {
            strip_nul(&mut moderation.reason);
            text("reason", &moderation.reason, limits.text_chars_max)?;
            if let Some(moderator) = &moderation.moderator {
                id("moderator", moderator, limits)?;
            }
            if let Some(secs) = moderation.duration_secs
                && i64::try_from(secs).is_err()
            {
                let value = secs.to_string();
                return Err(RejectReason::value(
                    "duration_secs",
                    &value,
                    "at most 9223372036854775807",
                ));
            }
        }
        EventKind::StreamOnline { title } => {
            strip_nul(title);
            text("title", title, limits.text_chars_max)?;
        }
    }
    Ok(())
}

fn time(at: Timestamp, now: Timestamp) -> Result<(), RejectReason> {
    if at < EARLIEST {
        return Err(RejectReason::TooEarly { at });
    }
    if at.0 > now.0.saturating_add(DAY_MICROS) {
        return Err(RejectReason::InFuture { at });
    }
    Ok(())
}

fn id(field: &'static str, value: &str, limits: &Limits) -> Result<(), RejectReason> {
    if value.is_empty() {
        return Err(RejectReason::Empty { field });
    }
    optional_id(field, value, limits)
}

fn optional_id(field: &'static str, value: &str, limits: &Limits) -> Result<(), RejectReason> {
    if value.len() > limits.id_bytes_max {
        return Err(too_long(field, value.len(), "bytes", limits.id_bytes_max));
    }
    if memchr(0, value.as_bytes()).is_some() {
        return Err(RejectReason::NulInId { field });
    }
    Ok(())
}

fn text(field: &'static str, value: &str, limit: usize) -> Result<(), RejectReason> {
    // A text of that many bytes cannot have more characters; counting is for the rare long one.
    if value.len() <= limit {
        return Ok(());
    }
    let length = value.chars().count();
    if length > limit {
        return Err(too_long(field, length, "characters", limit));
    }
    Ok(())
}

fn too_long(field: &'static str, length: usize, unit: &'static str, limit: usize) -> RejectReason {
    RejectReason::FieldTooLong {
        field,
        length: u64::try_from(length).unwrap_or(u64::MAX),
        unit,
        limit: u64::try_from(limit).unwrap_or(u64::MAX),
    }
}

fn count(field: &'static str, value: u32) -> Result<(), RejectReason> {
    if value > COUNT_MAX {
        let expected = format!("at most {COUNT_MAX}");
        return Err(RejectReason::value(field, &value.to_string(), expected));
    }
    Ok(())
}

fn check_tier(tier: u8) -> Result<(), RejectReason> {
    if (1..=3).contains(&tier) {
        return Ok(());
    }
    Err(RejectReason::value("tier", &tier.to_string(), "1, 2 or 3"))
}

fn strip_nul(text: &mut String) {
    if memchr(0, text.as_bytes()).is_some() {
        text.retain(|character| character != '\0');
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Account, ChatEvent, Day, EventKind, Origin, Platform, Source, Timestamp, event};

    use super::{EARLIEST, check};
    use crate::format::{Options, RejectReason};

    fn options() -> Options {
        Options::new(Day::from_civil(2026, 11, 23).unwrap().start())
    }

    fn event() -> ChatEvent {
        ChatEvent {
            platform: Platform::Import,
            event_id: "m1".to_owned(),
            origin: Origin {
                server: String::new(),
                channel: "c".to_owned(),
                channel_name: "c".to_owned(),
            },
            account: Account {
                standing: None,
                platform_user_id: "u1".to_owned(),
                username: "ann".to_owned(),
                created_at: None,
                is_bot: false,
            },
            sent_at: options().now,
            source: Source::Import,
            kind: EventKind::Message(event::Message {
                text: "hi".to_owned(),
                ..event::Message::default()
            }),
        }
    }

    fn verdict(change: impl FnOnce(&mut ChatEvent)) -> Result<ChatEvent, String> {
        let mut event = event();
        change(&mut event);
        check(&mut event, &options())
            .map(|()| event)
            .map_err(|reason| reason.to_string())
    }

    #[test]
    fn the_earliest_time_is_the_first_of_august_1988() {
        assert_eq!(EARLIEST, Day::from_civil(1988, 8, 1).unwrap().start());
        assert!(verdict(|e| e.sent_at = EARLIEST).is_ok());
        assert_eq!(
            verdict(|e| e.sent_at = Timestamp(EARLIEST.0 - 1)).unwrap_err(),
            "sent_at 1988-07-31T23:59:59.999Z is before 1988-08-01, when IRC began"
        );
        assert_eq!(
            verdict(|e| e.sent_at = Timestamp(0)).unwrap_err(),
            "sent_at 1970-01-01T00:00:00.000Z is before 1988-08-01, when IRC began"
        );
    }

    #[test]
    fn a_clock_may_be_a_day_fast_but_not_more() {
        let tomorrow = Day::from_civil(2026, 11, 24).unwrap().start();
        assert!(verdict(|e| e.sent_at = tomorrow).is_ok());
        assert_eq!(
            verdict(|e| e.sent_at = Timestamp(tomorrow.0 + 1_000)).unwrap_err(),
            "sent_at 2026-11-24T00:00:00.001Z lies in the future"
        );
        let mut far = event();
        far.sent_at = Timestamp(i64::MAX);
        assert!(matches!(
            check(&mut far, &options()),
            Err(RejectReason::InFuture { .. })
        ));
    }

    #[test]
    fn ids_are_neither_empty_nor_huge_nor_unstorable() {
        assert_eq!(
            verdict(|e| e.event_id.clear()).unwrap_err(),
            "field `message_id` is empty"
        );
        assert_eq!(
            verdict(|e| e.account.platform_user_id = "x".repeat(201)).unwrap_err(),
            "field `user_id` has 201 bytes, the limit is 200"
        );
        assert_eq!(
            verdict(|e| e.origin.channel = "a\0b".to_owned()).unwrap_err(),
            "field `channel` contains the character U+0000"
        );
        assert!(verdict(|e| e.origin.server.clear()).is_ok());
    }

    #[test]
    fn texts_lose_the_character_postgresql_cannot_store() {
        let stored = verdict(|e| {
            e.account.username = "a\0nn".to_owned();
            e.kind = EventKind::StreamOnline {
                title: "\0live\0".to_owned(),
            };
        })
        .unwrap();
        assert_eq!(stored.account.username, "ann");
        assert_eq!(
            stored.kind,
            EventKind::StreamOnline {
                title: "live".to_owned()
            }
        );
    }

    #[test]
    fn an_empty_name_becomes_the_user_id_and_an_impossible_age_unknown() {
        let stored = verdict(|e| {
            e.account.username = " \0".to_owned();
            e.account.created_at = Some(Timestamp(-62_135_596_800_000_000));
        })
        .unwrap();
        assert_eq!(stored.account.username, "u1");
        assert_eq!(stored.account.created_at, None);
    }

    #[test]
    fn text_is_counted_in_characters() {
        let message = |text: String| {
            EventKind::Message(event::Message {
                text,
                ..event::Message::default()
            })
        };
        assert!(verdict(|e| e.kind = message("ü".repeat(20_000))).is_ok());
        assert_eq!(
            verdict(|e| e.kind = message("ü".repeat(20_001))).unwrap_err(),
            "field `text` has 20001 characters, the limit is 20000"
        );
    }

    #[test]
    fn amounts_are_in_range() {
        for (kind, reason) in [
            (
                EventKind::Subscription {
                    tier: 4,
                    months: None,
                },
                "field `tier` is `4`, expected 1, 2 or 3",
            ),
            (
                EventKind::Donation {
                    amount_minor: 5,
                    currency: "eur".to_owned(),
                },
                "field `currency` is `eur`, expected three capital letters (ISO 4217)",
            ),
            (
                EventKind::Cheer { bits: u32::MAX },
                "field `bits` is `4294967295`, expected at most 2147483647",
            ),
        ] {
            assert_eq!(verdict(|e| e.kind = kind).unwrap_err(), reason);
        }
    }
}
