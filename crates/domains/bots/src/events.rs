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
/// name, "newcomers": number, "usual": number}`; a crowd is `newcomers`, `follows`, `joins` or `raid`.
pub const BURST: &str = "bots.burst";
/// A model came of a training. Payload: `{"community": id, "training": id, "model": id}`. Of a training, a model or a rollout
/// for everybody it is told once, without a community.
pub const TRAINING_FINISHED: &str = "bots.training_finished";
/// A training failed; the alert says why. Payload: `{"community": id, "training": id}`.
pub const TRAINING_FAILED: &str = "bots.training_failed";
/// A model scores from now on. Payload: `{"community": id, "model": id, "name": text, "version": number}`.
pub const MODEL_PROMOTED: &str = "bots.model_promoted";
/// A model is used no more: it was replaced, taken back or put away. Payload: as when it was promoted.
pub const MODEL_RETIRED: &str = "bots.model_retired";
/// A rollout came to a step. Payload: `{"rollout": id, "model": id, "step": percent}`, once for all and once for each community
/// that is judged by the new model from then on, with `"community": id` there.
pub const ROLLOUT_ADVANCED: &str = "bots.rollout_advanced";
/// A rollout was halted. Payload as of its step, once for all and once for each community that is back at the model before.
pub const ROLLOUT_HALTED: &str = "bots.rollout_halted";
