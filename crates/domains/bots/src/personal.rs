//! What this domain keeps about people, and how they are erased from it: what was found out about their
//! accounts goes, and their names go from lists; what they decided about others stays, without them.

use ::store::{
    StoreError, Work,
    personal::{By, Declared, Keeper, Subject},
};
use async_trait::async_trait;

use crate::store::{personal as tables, scene};

/// Its tables.
pub const PERSONAL: &[Declared] = &[
    Declared::exported("bot_list", By::User("imported_by"), &[]),
    Declared::left_out(
        "bot_list_entry",
        "names on lists that others publish; whoever asks is told of the list by its source",
    ),
    Declared::left_out("bot_list_choice", "about a community"),
    Declared::left_out(
        "bot_list_correction",
        "what moderators say about names on lists",
    ),
    Declared::exported("bot_prediction", By::Account("account_id"), &[]),
    Declared::exported("bot_case", By::Account("account_id"), &["decided_by"]),
    Declared::exported("bot_case_viewer", By::User("user_id"), &[]),
    Declared::exported(
        "bot_review",
        By::Account("account_id"),
        &["reviewer_id", "undone_by"],
    ),
    Declared::exported(
        "bot_report",
        By::User("reporter_id"),
        &["outcome", "review_id"],
    ),
    Declared::exported("bot_appeal", By::Account("account_id"), &["answered_by"]),
    Declared::exported(
        "bot_model",
        By::User("added_by"),
        &["blob", "metrics", "card"],
    ),
    Declared::exported(
        "bot_training",
        By::User("asked_by"),
        &["snapshot", "log", "error"],
    ),
    Declared::exported("bot_rollout", By::User("started_by"), &["halted_why"]),
    Declared::exported(
        "bot_experiment",
        By::User("started_by"),
        &["hypothesis", "ended_why", "p_ppm"],
    ),
    Declared::exported("bot_alert", By::User("cleared_by"), &["words", "numbers"]),
    Declared::exported("bot_state", By::Account("account_id"), &[]),
    Declared::exported("bot_score", By::Account("account_id"), &[]),
    Declared::exported("bot_link", By::Account("account_id"), &[]),
    Declared::left_out(
        "bot_scene",
        "hashes of who spoke last and of words that are usual, of a whole community; they are overwritten as people talk",
    ),
    Declared::exported("bot_label", By::Account("account_id"), &["review_id"]),
];

/// The rows of this domain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept;

#[async_trait]
impl Keeper for Kept {
    async fn erase(&self, work: &Work, subject: &Subject) -> Result<(), StoreError> {
        // Whoever goes through messages, scores or makes anew ends before or begins after, so that nothing is written again that is erased here.
        scene::hold_progress(work.conn()).await?;
        let accounts = identity::accounts_by_id(work.conn(), &subject.accounts).await?;
        for account in accounts.values() {
            let name = account.username.to_lowercase();
            // One that was emptied already has a name that says nothing.
            if subject
                .names
                .iter()
                .any(|known| known.to_lowercase() == name)
            {
                tables::forget_name(work.conn(), account.platform, &name).await?;
            }
        }
        for account in &subject.accounts {
            tables::forget_account(work.conn(), *account).await?;
        }
        tables::forget_judge(work.conn(), subject.user).await
    }
}
