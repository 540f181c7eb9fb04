//! What people did, given to somebody else: when an account seen in chat turns out to belong to a
//! person who has others.

use ::store::{StoreError, Work};
use async_trait::async_trait;
use identity::Follower;
use kernel::UserId;

use crate::store;

/// The rows of this domain that carry a person's id.
#[derive(Debug, Clone, Copy, Default)]
pub struct Followed;

#[async_trait]
impl Follower for Followed {
    async fn follow(&self, work: &Work, from: UserId, to: UserId) -> Result<(), StoreError> {
        store::follow::days(work.conn(), from, to).await?;
        store::follow::members(work.conn(), from, to).await
    }
}
