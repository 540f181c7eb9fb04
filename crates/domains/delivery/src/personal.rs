//! What this domain keeps about people, and how they are erased from it: messages to them go, words
//! in which they are named go, and who asked for a message stays an id.

use ::store::{
    StoreError, Work,
    personal::{By, Declared, Keeper, Subject},
};
use async_trait::async_trait;

use crate::store::personal as tables;

/// Its tables.
pub const PERSONAL: &[Declared] = &[
    // What was sent is the community's, and may be about others.
    Declared::exported(
        "delivery",
        By::Label("requested_by"),
        &["address", "body", "last_error", "idem_key"],
    ),
    Declared::left_out(
        "delivery_attempt",
        "when a message was tried, without any names",
    ),
];

/// Names shorter than this are found in too many texts.
const NAME_MIN: usize = 4;

/// The rows of this domain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept;

#[async_trait]
impl Keeper for Kept {
    async fn erase(&self, work: &Work, subject: &Subject) -> Result<(), StoreError> {
        let ids = subject.platform_ids.iter().map(|(_, id)| id);
        for address in subject.email.iter().chain(ids) {
            tables::delete_to(work.conn(), address).await?;
        }
        let ids = subject.platform_ids.iter().map(|(_, id)| id);
        let names = subject
            .names
            .iter()
            .filter(|name| name.chars().count() >= NAME_MIN);
        for text in subject.email.iter().chain(ids).chain(names) {
            tables::forget_words(work.conn(), text).await?;
        }
        Ok(())
    }
}
