//! What somebody reported, given to somebody else when two people become one, and given back. What was found
//! out about an account stays with the account.

use ::store::{Db, StoreError, Work};
use async_trait::async_trait;
use identity::Follower;
use kernel::{CommunityId, UserId};
use serde_json::{Value, json};

use crate::store::report as table;

/// The rows of this domain that carry a person's id.
#[derive(Debug, Clone, Copy, Default)]
pub struct Followed;

#[async_trait]
impl Follower for Followed {
    fn domain(&self) -> &'static str {
        "bots"
    }

    async fn count(&self, db: &Db, user: UserId) -> Result<Vec<(&'static str, u64)>, StoreError> {
        let n = table::count_of(db.read(), user).await?;
        Ok((n > 0).then_some(("reports", n)).into_iter().collect())
    }

    /// Whoever reported somebody was seen where they did: activity knows it.
    async fn places(&self, _work: &Work, _user: UserId) -> Result<Vec<CommunityId>, StoreError> {
        Ok(Vec::new())
    }

    async fn follow(&self, work: &Work, from: UserId, to: UserId) -> Result<Value, StoreError> {
        let given = table::give_all(work.conn(), from, to).await?;
        Ok(json!({ "reports": given }))
    }

    async fn unfollow(
        &self,
        work: &Work,
        memento: &Value,
        from: UserId,
        to: UserId,
    ) -> Result<(), StoreError> {
        let broken = || StoreError::Data("the memento of bots does not read".to_owned());
        let list = memento.get("reports").and_then(Value::as_array);
        let id = |value: &Value| value.as_i64().and_then(|id| i32::try_from(id).ok());
        let ids: Option<Vec<i32>> = list.ok_or_else(broken)?.iter().map(id).collect();
        table::give_back(work.conn(), &ids.ok_or_else(broken)?, from, to).await
    }
}
