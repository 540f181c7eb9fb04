//! Domain events of bot detection. Payloads have ids, numbers and words of the program only. In a dry run
//! nothing is told.

/// Somebody looks like a bot, who did not before. Payload: `{"community": id, "case": id, "user": id,
/// "level": name, "confidence": number}`.
pub const CASE_OPENED: &str = "bots.case_opened";
/// A moderator said what somebody is, or took that back. Payload: `{"community": id, "case": id, "user":
/// id, "state": name}`.
pub const CASE_DECIDED: &str = "bots.case_decided";
/// Somebody who was called a bot disagrees. Payload: `{"community": id, "case": id, "appeal": id}`.
pub const APPEAL_MADE: &str = "bots.appeal_made";
/// A moderator answered that. Payload: `{"community": id, "case": id, "appeal": id, "state": name}`.
pub const APPEAL_ANSWERED: &str = "bots.appeal_answered";
/// Many newcomers came at once; they are looked at after fewer messages for an hour. Payload: `{"community": id, "crowd":
/// name, "newcomers": number, "usual": number}`; a crowd is `newcomers`, `follows` or `raid`.
pub const BURST: &str = "bots.burst";
