//! Domain events of activity. Payloads have ids and numbers only.

/// Somebody was seen in a community for the first time, in live chat. Payload:
/// `{"community": id, "user": id, "platform": name}`.
pub const MEMBER_JOINED: &str = "activity.member_joined";
/// A moderator changed somebody's reputation. Payload:
/// `{"community": id, "user": id, "points": number, "score": number}`.
pub const REPUTATION_ADJUSTED: &str = "activity.reputation_adjusted";
/// A suspicious pattern was found that was not there before. Payload:
/// `{"community": id, "suspicion": id, "pattern": name}`.
pub const SUSPICION_FLAGGED: &str = "activity.suspicion_flagged";
/// A moderator said what became of a flag. Payload:
/// `{"community": id, "suspicion": id, "state": name}`.
pub const SUSPICION_DECIDED: &str = "activity.suspicion_decided";
/// An import into a community came to its end. Payload: `{"community": id, "import": id, "recorded":
/// number, "duplicates": number, "rejected": number}`.
pub const IMPORT_FINISHED: &str = "activity.import_finished";
