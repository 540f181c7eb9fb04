//! What people are told by mail about their account: written down in the unit of work of the change
//! itself, so that a change that was taken back tells nobody, and sent by a job, so that one that
//! happened tells once. It goes to the address that was verified when it happened: somebody who gets
//! in and puts in another address does not get the letter instead.
//!
//! Must never hold a code, a token, a password, or words that somebody else chose; what a letter says
//! is the program's.

use std::time::Duration;

use ::store::{StoreError, Work, job::NewJob};
use kernel::{PasskeyId, Timestamp, UserId};

use crate::{
    Identity, IdentityError,
    store::{self as tables, notice as table},
    throttle::Subject,
};

/// The kind of job that sends one. Payload: `{"notice": id}`.
pub const NOTICE_JOB: &str = "identity.notice";
/// How long it is remembered that something was told once; the days of [`tell_once_a_day`] end before.
const KEEP_SENT: Duration = Duration::from_secs(2 * 86_400);
/// How long a letter that could not be sent is kept, in case somebody has it tried again.
const KEEP: Duration = Duration::from_secs(7 * 86_400);

/// What somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A merge of them with somebody was asked for.
    MergeAsked,
    /// Somebody became part of them; it can be undone until then.
    MergeKept(Timestamp),
    /// They became part of somebody; it can be undone until then.
    MergeMerged(Timestamp),
    /// A merge of them was undone.
    MergeUndone,
    /// So many wrong codes of the second factor were typed that none is taken for a while.
    CodesBlocked,
    /// An account of this provider was linked.
    Linked(String),
    /// An account of this provider was unlinked.
    Unlinked(String),
    /// They changed their password.
    PasswordChanged,
    /// A new password was set by a link that was mailed.
    PasswordReset,
    /// An operator set a new password.
    PasswordSet,
    /// An API key was made.
    KeyMade,
    /// An API key was put in the place of another one.
    KeyRenewed,
    /// They switched their second factor on.
    SecondFactorOn,
    /// They switched their second factor off.
    SecondFactorOff,
    /// An administrator took their second factor and their passkeys away.
    SecondFactorReset,
    /// They made fresh recovery codes.
    RecoveryCodesMade,
    /// They added a passkey.
    PasskeyAdded,
    /// They removed the passkey that was added then.
    PasskeyRemoved(Timestamp),
    /// The passkey that was added then was refused, because somebody may have a copy of it.
    PasskeyCopied(Timestamp),
    /// They asked for a file with their data.
    ExportAsked,
    /// They asked to be erased, which is done then.
    ErasureAsked(Timestamp),
    /// They took their wish to be erased back.
    ErasureTakenBack,
    /// Another address is theirs now; for the mailbox of the one before.
    EmailChanged,
    /// Something went wrong with the detection of bots; for whoever runs the instance.
    DetectionAlert,
}

impl Notice {
    /// The number stored in the database. Never renumber.
    const fn code(&self) -> i16 {
        match self {
            Self::MergeAsked => 1,
            Self::MergeKept(_) => 2,
            Self::MergeMerged(_) => 3,
            Self::MergeUndone => 4,
            Self::CodesBlocked => 5,
            Self::Linked(_) => 6,
            Self::Unlinked(_) => 7,
            Self::PasswordChanged => 8,
            Self::PasswordReset => 9,
            Self::PasswordSet => 10,
            Self::KeyMade => 11,
            Self::KeyRenewed => 12,
            Self::SecondFactorOn => 13,
            Self::SecondFactorOff => 14,
            Self::SecondFactorReset => 15,
            Self::RecoveryCodesMade => 16,
            Self::PasskeyAdded => 17,
            Self::PasskeyRemoved(_) => 18,
            Self::PasskeyCopied(_) => 19,
            Self::ExportAsked => 20,
            Self::ErasureAsked(_) => 21,
            Self::ErasureTakenBack => 22,
            Self::EmailChanged => 23,
            Self::DetectionAlert => 24,
        }
    }

    /// What is stored beside the number.
    fn detail(&self) -> String {
        match self {
            Self::MergeKept(at)
            | Self::MergeMerged(at)
            | Self::PasskeyRemoved(at)
            | Self::PasskeyCopied(at)
            | Self::ErasureAsked(at) => at.0.to_string(),
            Self::Linked(provider) | Self::Unlinked(provider) => provider.clone(),
            _ => String::new(),
        }
    }

    fn from_stored(code: i16, detail: String) -> Option<Self> {
        let instant = || detail.parse().ok().map(Timestamp);
        Some(match code {
            1 => Self::MergeAsked,
            2 => Self::MergeKept(instant()?),
            3 => Self::MergeMerged(instant()?),
            4 => Self::MergeUndone,
            5 => Self::CodesBlocked,
            6 => Self::Linked(detail),
            7 => Self::Unlinked(detail),
            8 => Self::PasswordChanged,
            9 => Self::PasswordReset,
            10 => Self::PasswordSet,
            11 => Self::KeyMade,
            12 => Self::KeyRenewed,
            13 => Self::SecondFactorOn,
            14 => Self::SecondFactorOff,
            15 => Self::SecondFactorReset,
            16 => Self::RecoveryCodesMade,
            17 => Self::PasskeyAdded,
            18 => Self::PasskeyRemoved(instant()?),
            19 => Self::PasskeyCopied(instant()?),
            20 => Self::ExportAsked,
            21 => Self::ErasureAsked(instant()?),
            22 => Self::ErasureTakenBack,
            23 => Self::EmailChanged,
            24 => Self::DetectionAlert,
            _ => return None,
        })
    }
}

/// The most administrators who are told of something.
const ADMINS_TOLD: i64 = 50;

/// A letter that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeLetter {
    /// The receiver's address.
    pub to: String,
    /// What it says.
    pub notice: Notice,
}

/// Tells somebody, if they have a verified address.
pub(crate) async fn tell(work: &mut Work, user: UserId, notice: &Notice) -> Result<(), StoreError> {
    match tables::email::verified_address(work.conn(), user).await? {
        Some(address) => tell_at(work, user, &address, notice).await,
        None => Ok(()),
    }
}

/// Tells the mailbox of an address that was verified.
pub(crate) async fn tell_at(
    work: &mut Work,
    user: UserId,
    address: &str,
    notice: &Notice,
) -> Result<(), StoreError> {
    write(work, user, address, notice, None).await
}

/// Tells somebody whose second factor takes no codes for a while, at most once a day; whoever knows
/// the password could otherwise fill their mailbox.
pub(crate) async fn tell_blocked(work: &mut Work, user: UserId) -> Result<(), StoreError> {
    let subject = Subject::second_factor(user);
    if !subject.is_blocked(work).await? {
        return Ok(());
    }
    tell_once_a_day(work, user, &Notice::CodesBlocked, "codes-blocked").await
}

/// Tells somebody that a passkey of theirs may exist twice, at most once a day; whoever has the copy
/// could otherwise fill their mailbox.
pub(crate) async fn tell_copied(
    work: &mut Work,
    user: UserId,
    passkey: PasskeyId,
    added: Timestamp,
) -> Result<(), StoreError> {
    let what = format!("passkey-copied:{passkey}");
    tell_once_a_day(work, user, &Notice::PasskeyCopied(added), &what).await
}

/// Tells everybody who runs the instance, each at most once a day of the same.
pub async fn tell_admins(work: &mut Work, notice: &Notice, what: &str) -> Result<(), StoreError> {
    for admin in tables::holder::admins(work.conn(), ADMINS_TOLD).await? {
        tell_once_a_day(work, admin, notice, what).await?;
    }
    Ok(())
}

async fn tell_once_a_day(
    work: &mut Work,
    user: UserId,
    notice: &Notice,
    what: &str,
) -> Result<(), StoreError> {
    let Some(address) = tables::email::verified_address(work.conn(), user).await? else {
        return Ok(());
    };
    let once = format!("{what}:{}", work.now().day());
    write(work, user, &address, notice, Some(&once)).await
}

async fn write(
    work: &mut Work,
    user: UserId,
    address: &str,
    notice: &Notice,
    once: Option<&str>,
) -> Result<(), StoreError> {
    let new = table::New {
        user,
        address,
        kind: notice.code(),
        detail: &notice.detail(),
        once,
    };
    let Some(id) = table::insert(work.conn(), &new, work.now()).await? else {
        return Ok(());
    };
    let job = NewJob::new(NOTICE_JOB, serde_json::json!({ "notice": id }));
    work.enqueue(job).await?;
    Ok(())
}

impl Identity {
    /// A letter that is to be sent; `None` if it was sent, or its receiver is not here any more. For
    /// the job.
    pub async fn notice_to_send(&self, id: i64) -> Result<Option<NoticeLetter>, IdentityError> {
        let Some(row) = table::waiting(self.db.read(), id).await? else {
            return Ok(None);
        };
        let unknown = || StoreError::Data(format!("a notice of the unknown kind {}", row.kind));
        let notice = Notice::from_stored(row.kind, row.detail.clone()).ok_or_else(unknown)?;
        Ok(Some(NoticeLetter {
            to: row.address,
            notice,
        }))
    }

    /// A letter was sent: its address is forgotten. For the job, in its own unit of work.
    pub async fn notice_sent(&self, work: &Work, id: i64) -> Result<(), IdentityError> {
        Ok(table::sent(work.conn(), id, work.now()).await?)
    }

    pub(crate) async fn sweep_notices(work: &Work) -> Result<u64, StoreError> {
        let now = work.now();
        table::sweep(work.conn(), now.minus(KEEP_SENT), now.minus(KEEP)).await
    }
}

#[cfg(test)]
mod tests {
    use super::Notice;
    use kernel::Timestamp;

    #[test]
    fn what_is_stored_of_a_notice_is_read_back() {
        let all = [
            Notice::MergeAsked,
            Notice::MergeKept(Timestamp(7)),
            Notice::MergeMerged(Timestamp(-7)),
            Notice::MergeUndone,
            Notice::CodesBlocked,
            Notice::Linked("discord".to_owned()),
            Notice::Unlinked("campus".to_owned()),
            Notice::PasswordChanged,
            Notice::PasswordReset,
            Notice::PasswordSet,
            Notice::KeyMade,
            Notice::KeyRenewed,
            Notice::SecondFactorOn,
            Notice::SecondFactorOff,
            Notice::SecondFactorReset,
            Notice::RecoveryCodesMade,
            Notice::PasskeyAdded,
            Notice::PasskeyRemoved(Timestamp(8)),
            Notice::PasskeyCopied(Timestamp(9)),
            Notice::ExportAsked,
            Notice::ErasureAsked(Timestamp(10)),
            Notice::ErasureTakenBack,
            Notice::EmailChanged,
            Notice::DetectionAlert,
        ];
        for notice in all {
            let read = Notice::from_stored(notice.code(), notice.detail());
            assert_eq!(read, Some(notice));
        }
        assert_eq!(Notice::from_stored(2, "soon".to_owned()), None);
        assert_eq!(Notice::from_stored(99, String::new()), None);
    }
}
