//! What this domain keeps about people, and how they are erased from it: what they said and did goes
//! with its words; numbers of days stay, by ids that lead to nobody.

use ::store::{
    StoreError, Work,
    personal::{By, Declared, Keeper, Subject},
};
use async_trait::async_trait;

use crate::store::{personal as tables, suspicion};

/// Its tables.
pub const PERSONAL: &[Declared] = &[
    Declared::exported("message", By::Account("account_id"), &[]),
    Declared::exported("chat_event", By::Account("account_id"), &[]),
    Declared::exported("activity_day", By::Account("account_id"), &[]),
    Declared::exported("member", By::User("user_id"), &["name_folded"]),
    Declared::left_out(
        "suspicion",
        "what moderators look into; it says as much about the other accounts",
    ),
    Declared::left_out(
        "suspicion_account",
        "what moderators look into; it says as much about the other accounts",
    ),
    Declared::left_out("channel", "about a community"),
    Declared::left_out("import_run", "about a community"),
    Declared::left_out(
        "quarantine",
        "events that could not be stored, so that nobody knows whose they are",
    ),
];

/// The rows of this domain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept;

#[async_trait]
impl Keeper for Kept {
    async fn erase(&self, work: &Work, subject: &Subject) -> Result<(), StoreError> {
        for account in &subject.accounts {
            tables::delete_said(work.conn(), *account).await?;
            suspicion::forget_account(work.conn(), *account).await?;
        }
        suspicion::forget_judge(work.conn(), subject.user).await?;
        tables::delete_member(work.conn(), subject.user).await?;
        for (platform, id) in &subject.platform_ids {
            tables::delete_aside(work.conn(), *platform, id).await?;
        }
        Ok(())
    }
}
