//! Slowing down guesses: attempts are counted per account and per network address in the database,
//! so that every process sees them. After the free ones the wait doubles from one second up to
//! [`WAIT_MAX`]; a success or an hour of quiet forgets them.
//!
//! An attempt counts as failed from its beginning until it succeeds: otherwise many guesses made at
//! the same moment would all pass before the first of them is counted.

use std::time::Duration;

use ::store::StoreError;
use kernel::Timestamp;

use crate::{ClientInfo, Identity, IdentityError, SeenAccount, store};

/// Failures of one account that cost no wait.
const ACCOUNT_FREE: i32 = 5;
/// Failures from one network that cost no wait: many people may share one.
const NETWORK_FREE: i32 = 50;
/// The first wait.
const FIRST: Duration = Duration::from_secs(1);
/// Wrong codes of a second factor that cost no wait: after the fifth it is a quarter of an hour.
const CODE_FREE: i32 = 4;
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_mins(15);
/// Quiet time after which failures are forgotten.
const FORGET: Duration = Duration::from_hours(1);

/// What attempts are counted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    key: String,
    /// Failures that cost no wait.
    free: i32,
    /// The wait after the first that costs one; it doubles.
    first: Duration,
}

impl Subject {
    /// An address as it is compared.
    pub(crate) fn email(folded: &str) -> Self {
        Self {
            key: format!("email:{folded}"),
            free: ACCOUNT_FREE,
            first: FIRST,
        }
    }

    /// A person who is signed in.
    pub(crate) fn user(id: kernel::UserId) -> Self {
        Self {
            key: format!("user:{id}"),
            free: ACCOUNT_FREE,
            first: FIRST,
        }
    }

    /// The second factor of a person.
    pub(crate) fn second_factor(id: kernel::UserId) -> Self {
        Self {
            key: format!("second-factor:{id}"),
            free: CODE_FREE,
            first: WAIT_MAX,
        }
    }

    /// An account that types codes in chat.
    pub(crate) fn account(seen: &SeenAccount) -> Self {
        Self {
            key: format!(
                "account:{}:{}",
                seen.platform.as_str(),
                seen.platform_user_id
            ),
            free: ACCOUNT_FREE,
            first: FIRST,
        }
    }

    /// Letters that a browser's network asks for; `None` if it is unknown.
    pub(crate) fn letters(client: &ClientInfo) -> Option<Self> {
        Self::network(client).map(|network| Self {
            key: format!("letters:{}", network.key),
            ..network
        })
    }

    /// Whether so many attempts failed that the next one has to wait.
    pub(crate) async fn is_blocked(&self, work: &::store::Work) -> Result<bool, StoreError> {
        let state = store::throttle::state(work.conn(), &self.key).await?;
        Ok(state.is_some_and(|(failures, blocked_until)| {
            failures > self.free && Timestamp(blocked_until) > work.now()
        }))
    }

    /// A browser's network; `None` if it is unknown.
    pub(crate) fn network(client: &ClientInfo) -> Option<Self> {
        let prefix = client.network();
        (!prefix.is_empty()).then(|| Self {
            key: format!("network:{prefix}"),
            free: NETWORK_FREE,
            first: FIRST,
        })
    }
}

/// The wait after the n-th failure in a row, of which some are free.
fn wait_after(failures: i32, free: i32, first: Duration) -> Duration {
    let over = u32::try_from(failures.saturating_sub(free)).unwrap_or(0);
    if over == 0 {
        return Duration::ZERO;
    }
    let times = 1_u32.checked_shl(over - 1).unwrap_or(u32::MAX);
    first.saturating_mul(times).min(WAIT_MAX)
}

impl Identity {
    /// Counts an attempt of the subjects as failed; refuses, and counts nothing, while one of them
    /// is blocked.
    pub(crate) async fn begin_attempt(&self, subjects: &[Subject]) -> Result<(), IdentityError> {
        let now = self.clock.now();
        let work = self
            .db
            .begin(&kernel::Actor::System("sign-in"), now)
            .await?
            .reaching(::store::Reach::Nothing);
        for Subject { key, free, first } in subjects {
            let (failures, blocked_until) =
                store::throttle::count(work.conn(), key, now, now.minus(FORGET)).await?;
            if Timestamp(blocked_until) > now {
                return Err(IdentityError::Throttled {
                    retry_after: Timestamp(blocked_until).since(now),
                });
            }
            store::throttle::block(
                work.conn(),
                key,
                now.plus(wait_after(failures, *free, *first)),
            )
            .await?;
        }
        Ok(work.commit().await?)
    }

    /// The attempt succeeded: an account's failures are forgotten, a network loses only this one, so
    /// that somebody with an account cannot buy free guesses at others.
    pub(crate) async fn attempt_succeeded(
        work: &::store::Work,
        subjects: &[Subject],
    ) -> Result<(), IdentityError> {
        for Subject { key, free, .. } in subjects {
            if *free == NETWORK_FREE {
                store::throttle::take_back(work.conn(), key).await?;
            } else {
                store::throttle::forget(work.conn(), key).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{CODE_FREE, FIRST, WAIT_MAX, wait_after};

    #[test]
    fn the_wait_doubles_after_five_failures_up_to_a_quarter_of_an_hour() {
        let secs: Vec<u64> = [0, 5, 6, 7, 8, 16, 40, 200, i32::MAX]
            .map(|n| wait_after(n, 5, FIRST).as_secs())
            .to_vec();
        assert_eq!(secs, [0, 0, 1, 2, 4, 900, 900, 900, 900]);
    }

    #[test]
    fn five_wrong_codes_cost_a_quarter_of_an_hour() {
        let secs: Vec<u64> = [4, 5, 6, 90]
            .map(|n| wait_after(n, CODE_FREE, WAIT_MAX).as_secs())
            .to_vec();
        assert_eq!(secs, [0, 900, 900, 900]);
    }
}
