//! Generations: how often something changed that a kept answer may show. Whoever keeps an answer reads
//! the generation before it reads anything else and keeps the answer under it: after the next change
//! nobody asks for that generation any more, in whatever process the change was made.
//!
//! Must never miss a change: a unit of work that says nothing has changed everything.

use std::{collections::BTreeSet, fmt::Write};

use kernel::CommunityId;
use sea_orm::{ConnectionTrait, Value};

use crate::{Db, StoreError, sql};

/// The row of what concerns more than one community.
const EVERYTHING: i32 = 0;
/// Beyond so many communities all of them are looked at.
const COMMUNITIES_MAX: usize = 200;

/// What a unit of work changes of what answers show that somebody may keep for a while (see the hints
/// `@cacheControl` of the GraphQL schema).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing, or only what may be shown late: sessions, tokens, queues, and messages with what is counted
    /// of them.
    Nothing,
    /// Something of one community that is shown to nobody but those who have a role in it, and those
    /// who run the instance.
    Community(CommunityId),
    /// Anything.
    Everything,
}

/// The reach of a unit of work: the widest that was said, everything if nothing was.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    was_said: bool,
    everything: bool,
    communities: BTreeSet<CommunityId>,
}

impl Reached {
    pub(crate) fn say(&mut self, reach: Reach) {
        self.was_said = true;
        match reach {
            Reach::Nothing => {}
            Reach::Community(community) => {
                self.communities.insert(community);
            }
            Reach::Everything => self.everything = true,
        }
    }

    /// Raises what was reached. The last rows that a unit of work writes, and in order: two of them wait
    /// for each other, never both.
    pub(crate) async fn raise(&self, conn: &impl ConnectionTrait) -> Result<(), StoreError> {
        let everything = self.everything || !self.was_said;
        let communities = self.communities.iter().map(|community| community.0);
        let rows = if everything {
            vec![EVERYTHING]
        } else {
            communities.collect()
        };
        for row in rows {
            sql::execute(
                conn,
                "INSERT INTO generation (scope, n) VALUES ($1, 1)
                 ON CONFLICT (scope) DO UPDATE SET n = generation.n + 1",
                vec![row.into()],
            )
            .await?;
        }
        Ok(())
    }
}

/// What an answer may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    /// Anything.
    Everything,
    /// Of communities, only these.
    Communities(&'a [CommunityId]),
}

impl Db {
    /// The generation of what an answer may show: a number that grows with every change of it.
    pub async fn generation(&self, shown: Shown<'_>) -> Result<i64, StoreError> {
        let mut query = "SELECT CAST(COALESCE(SUM(n), 0) AS bigint) FROM generation".to_owned();
        let mut values: Vec<Value> = Vec::new();
        if let Shown::Communities(communities) = shown
            && communities.len() <= COMMUNITIES_MAX
        {
            query.push_str(" WHERE scope IN ($1");
            values.push(EVERYTHING.into());
            for community in communities {
                values.push(community.0.into());
                let _ = write!(query, ", ${}", values.len());
            }
            query.push(')');
        }
        sql::scalar(self.read(), &query, values).await
    }
}
