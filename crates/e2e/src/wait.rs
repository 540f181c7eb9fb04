//! Waiting for a condition, with a deadline. Never waits for a fixed time.

use std::time::Duration;

use anyhow::{Error, Result, bail};

/// Long enough for a busy machine; a condition that holds is seen at once.
const DEADLINE: Duration = Duration::from_secs(90);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Looks until there is something. A look that fails counts as «not yet», because a page that is being replaced cannot be
/// asked; the last failure is told when time is up.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let mut last: Option<Error> = None;
    let found = tokio::time::timeout(DEADLINE, async {
        loop {
            match look().await {
                Ok(Some(found)) => return found,
                Ok(None) => last = None,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
    .await;
    match (found, last) {
        (Ok(found), _) => Ok(found),
        (Err(_), Some(error)) => Err(error.context(format!("waited in vain: {what}"))),
        (Err(_), None) => bail!("waited in vain: {what}"),
    }
}
