//! What this domain keeps about people, and how they are erased from it: whatever is kept of a
//! message or an answer with a name of theirs in it goes, also if it is still to be sent. Ids stay, as
//! in the audit log: they lead to nobody. What receivers were sent before is theirs; they are told that
//! somebody was erased.

use ::store::{
    StoreError, Work,
    personal::{By, Declared, Keeper, Subject},
};
use async_trait::async_trait;

use crate::store::personal as tables;

/// Its tables.
pub const PERSONAL: &[Declared] = &[
    Declared::exported(
        "webhook",
        By::User("created_by"),
        &["url", SEALED, OLD_SEALED],
    ),
    Declared::left_out(
        "webhook_message",
        "what happened in a community, on its way to the community's own programs; kept for 30 days",
    ),
    Declared::left_out(
        "webhook_attempt",
        "what a community's own programs answered",
    ),
];

const SEALED: &str = crate::change::SECRET;
const OLD_SEALED: &str = crate::change::OLD_SECRET;

/// Names shorter than this are found in too many texts.
const NAME_MIN: usize = 4;

/// The rows of this domain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept;

#[async_trait]
impl Keeper for Kept {
    async fn erase(&self, work: &Work, subject: &Subject) -> Result<(), StoreError> {
        let mut traces = Vec::new();
        let names = subject.names.iter();
        let texts = subject
            .email
            .iter()
            .chain(subject.platform_ids.iter().map(|(_, id)| id))
            .chain(names.filter(|name| name.chars().count() >= NAME_MIN));
        for text in texts.map(|text| text.to_lowercase()) {
            // As it stands in JSON, and as a receiver may have written it.
            let quoted = serde_json::Value::from(text.as_str()).to_string();
            let inner = quoted.trim_matches('"').to_owned();
            if inner != text {
                traces.push(inner);
            }
            traces.push(text);
        }
        for trace in traces {
            tables::forget(work.conn(), &trace).await?;
        }
        Ok(())
    }
}
