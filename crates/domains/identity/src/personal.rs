//! What this domain keeps about people, and who somebody is by everything their rows are found by.

use ::store::{
    StoreError,
    personal::{By, Declared, Subject},
};
use kernel::UserId;
use sea_orm::ConnectionTrait;

use crate::store::{self as tables};

/// Its tables.
pub const PERSONAL: &[Declared] = &[
    Declared::exported("users", By::User("id"), &["password_hash", "email_folded"]),
    Declared::exported("platform_account", By::User("user_id"), &[]),
    Declared::exported("membership", By::User("user_id"), &[]),
    Declared::exported("session", By::User("user_id"), &["token_hash"]),
    Declared::exported("api_key", By::User("user_id"), &["key_hash"]),
    Declared::exported(
        "identity_link",
        By::User("user_id"),
        &["access_sealed", "refresh_sealed"],
    ),
    Declared::exported(
        "connection",
        By::User("installed_by"),
        &["account", "access_sealed", "refresh_sealed"],
    ),
    Declared::exported("profile", By::User("user_id"), &[]),
    Declared::exported("visibility", By::User("user_id"), &[]),
    Declared::exported("consent", By::User("user_id"), &[]),
    Declared::exported("data_export", By::User("user_id"), &["blob"]),
    Declared::exported("erasure", By::User("user_id"), &[]),
    Declared::exported("reputation", By::Account("account_id"), &[]),
    Declared::exported(
        "reputation_event",
        By::Account("account_id"),
        &["moderator_id", "idem_key"],
    ),
    Declared::left_out("community", "about a community"),
    Declared::left_out("community_server", "about a community"),
    Declared::left_out(
        "one_time_token",
        "a secret's hash, good for an hour at most",
    ),
    Declared::left_out(
        "repeatable",
        "answers to requests of one's own programs, sent again for a day",
    ),
    Declared::left_out(
        "sign_in_throttle",
        "counted failures, forgotten within the hour",
    ),
    Declared::left_out("sign_in_state", "a sign-in under way, good for ten minutes"),
    Declared::left_out(
        "install_state",
        "an install under way, good for ten minutes",
    ),
    Declared::left_out("email_code", "a code under way, good for an hour at most"),
    Declared::exported("totp", By::User("user_id"), &["secret_sealed"]),
    Declared::exported("recovery_code", By::User("user_id"), &["code_hash"]),
    Declared::exported(
        "passkey",
        By::User("user_id"),
        &["handle", "credential_id", "credential", "sign_count"],
    ),
    Declared::left_out(
        "passkey_ceremony",
        "a question to a browser, good for five minutes",
    ),
    Declared::left_out("session_confirmation", "five minutes of a session"),
    Declared::exported("verification_attempt", By::User("user_id"), &[]),
    Declared::exported("verified_email", By::User("user_id"), &["address_folded"]),
    Declared::exported("merge_request", By::User("kept_id"), &[]),
    Declared::left_out(
        "merge_memento",
        "what undoing a merge needs, for 30 days; what it tells of is in the other tables",
    ),
    Declared::exported("account_name", By::Account("account_id"), &[]),
    Declared::left_out(
        "merge_suggestion",
        "guesses of the program about two accounts, which say as much about the other one's owner",
    ),
    Declared::left_out(
        "suggestion_dismissal",
        "that such a guess is wrong, by whom it was said",
    ),
    Declared::exported(
        "linked_role",
        By::Account("account_id"),
        &["wanted_hash", "told_hash"],
    ),
    Declared::exported("primary_link", By::User("user_id"), &[]),
    Declared::left_out(
        "link_refresh",
        "the refreshing of tokens under way, and whether it was refused",
    ),
    Declared::left_out(
        "notice",
        "letters that were mailed to them, forgotten two days later",
    ),
    Declared::left_out("tombstone", "of people who are not here any more"),
];

/// Who somebody is by everything their rows are found by; `None` if there is nobody.
pub(crate) async fn subject(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Option<Subject>, StoreError> {
    let Some(person) = tables::user::by_id(conn, user).await? else {
        return Ok(None);
    };
    let known = tables::erasure::accounts(conn, user).await?;
    let mut names: Vec<String> = vec![person.display_name];
    names.extend(known.iter().map(|account| account.username.clone()));
    Ok(Some(Subject {
        user,
        accounts: known.iter().map(|account| account.id).collect(),
        platform_ids: known
            .into_iter()
            .map(|account| (account.platform, account.platform_user_id))
            .collect(),
        names,
        email: person.email.map(|email| email.to_lowercase()),
    }))
}
