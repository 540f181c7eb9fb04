//! Erasing people from the tables of bot detection.

use ::store::{StoreError, sql};
use kernel::{AccountId, Platform, UserId};
use sea_orm::ConnectionTrait;

/// Takes an account's name off the lists of its platform, and forgets what was said about it.
pub(crate) async fn forget_name(
    conn: &impl ConnectionTrait,
    platform: Platform,
    name: &str,
) -> Result<(), StoreError> {
    for query in [
        "DELETE FROM bot_list_entry WHERE value = $2 AND list_id IN \
         (SELECT id FROM bot_list WHERE platform = $1)",
        "DELETE FROM bot_list_correction WHERE platform = $1 AND value = $2",
    ] {
        sql::execute(conn, query, vec![platform.code().into(), name.into()]).await?;
    }
    Ok(())
}

/// Everything that was found out and said about an account.
pub(crate) async fn forget_account(
    conn: &impl ConnectionTrait,
    account: AccountId,
) -> Result<(), StoreError> {
    super::scene::turn(conn, account).await?;
    for query in [
        "DELETE FROM bot_list_correction WHERE account_id = $1",
        "DELETE FROM bot_label WHERE account_id = $1",
        "DELETE FROM bot_appeal WHERE account_id = $1",
        "DELETE FROM bot_report WHERE account_id = $1",
        "DELETE FROM bot_review WHERE account_id = $1",
        "DELETE FROM bot_case_viewer WHERE case_id IN (SELECT id FROM bot_case WHERE account_id = $1)",
        "DELETE FROM bot_case WHERE account_id = $1",
        "DELETE FROM bot_prediction WHERE account_id = $1",
        "DELETE FROM bot_score WHERE account_id = $1",
        "DELETE FROM bot_link WHERE account_id = $1",
        "DELETE FROM bot_state WHERE account_id = $1",
    ] {
        sql::execute(conn, query, vec![account.0.into()]).await?;
    }
    Ok(())
}

/// What somebody decided stays decided, by nobody.
pub(crate) async fn forget_judge(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    for query in [
        "UPDATE bot_list SET imported_by = NULL WHERE imported_by = $1",
        "UPDATE bot_list_choice SET decided_by = NULL WHERE decided_by = $1",
        "UPDATE bot_list_correction SET decided_by = NULL WHERE decided_by = $1",
        "UPDATE bot_model SET added_by = NULL WHERE added_by = $1",
        "UPDATE bot_training SET asked_by = NULL WHERE asked_by = $1",
        "UPDATE bot_rollout SET started_by = NULL WHERE started_by = $1",
        "UPDATE bot_experiment SET started_by = NULL WHERE started_by = $1",
        "UPDATE bot_alert SET cleared_by = NULL WHERE cleared_by = $1",
        "DELETE FROM bot_case_viewer WHERE user_id = $1",
        "UPDATE bot_case SET decided_by = NULL WHERE decided_by = $1",
        "UPDATE bot_review SET reviewer_id = NULL, reason = '' WHERE reviewer_id = $1",
        "UPDATE bot_review SET undone_by = NULL WHERE undone_by = $1",
        "UPDATE bot_report SET reporter_id = NULL, reason = '' WHERE reporter_id = $1",
        "UPDATE bot_appeal SET answered_by = NULL, answer = '' WHERE answered_by = $1",
    ] {
        sql::execute(conn, query, vec![user.0.into()]).await?;
    }
    Ok(())
}
