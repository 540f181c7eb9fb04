//! What people did, given to somebody else: when an account seen in chat turns out to belong to a
//! person who has others, and when two people become one; and given back.

use std::collections::{BTreeMap, HashMap};

use ::store::{Db, StoreError, Work};
use async_trait::async_trait;
use identity::{Follower, PlatformAccount};
use kernel::{CommunityId, UserId};
use serde_json::{Value, json};

use crate::store::{
    self,
    follow::{Row, Seen},
};

/// The rows of this domain that carry a person's id.
#[derive(Debug, Clone, Copy, Default)]
pub struct Followed;

/// How many messages an account had in a community.
type Counts = HashMap<(i32, i64), i64>;

#[async_trait]
impl Follower for Followed {
    fn domain(&self) -> &'static str {
        "activity"
    }

    async fn count(&self, db: &Db, user: UserId) -> Result<Vec<(&'static str, u64)>, StoreError> {
        let rows = store::follow::of_user(db.read(), user).await?;
        let messages: i64 = rows.iter().map(|row| row.messages).sum();
        Ok(vec![("messages", store::count(messages))])
    }

    async fn places(&self, work: &Work, user: UserId) -> Result<Vec<CommunityId>, StoreError> {
        let found = store::member::places(work.conn(), &[user]).await?;
        Ok(found.into_values().flatten().collect())
    }

    async fn follow(&self, work: &Work, from: UserId, to: UserId) -> Result<Value, StoreError> {
        let conn = work.conn();
        let accounts = identity::accounts_of(conn, &[from, to]).await?;
        let ids: Vec<i64> = accounts.values().flatten().map(|a| a.id.0).collect();
        let counts = store::follow::counts(conn, &ids).await?;
        let counts: Vec<Value> = counts
            .into_iter()
            .map(|((community, account), n)| json!([community, account, n]))
            .collect();
        let theirs = store::follow::of_user(conn, from).await?;
        let own = store::follow::of_user(conn, to).await?;
        let write = |rows: &[Row]| rows.iter().map(Row::to_json).collect::<Vec<_>>();
        let memento = json!({ "from": write(&theirs), "to": write(&own), "counts": counts });
        store::follow::days(conn, from, to).await?;
        store::follow::members(conn, from, to).await?;
        store::follow::count_days(conn, to).await?;
        Ok(memento)
    }

    async fn unfollow(
        &self,
        work: &Work,
        memento: &Value,
        from: UserId,
        to: UserId,
    ) -> Result<(), StoreError> {
        let conn = work.conn();
        let accounts = identity::accounts_of(conn, &[from, to]).await?;
        let of = |user: UserId| accounts.get(&user).map_or(&[][..], Vec::as_slice);
        let ids: Vec<i64> = of(from).iter().map(|account| account.id.0).collect();
        store::follow::days_of(conn, &ids, to, from).await?;
        let counts = read_counts(memento)?;
        for (user, key) in [(from, "from"), (to, "to")] {
            let mut rows = BTreeMap::new();
            let list = memento.get(key).and_then(Value::as_array);
            for row in list.ok_or_else(broken)? {
                let row = Row::from_json(row).ok_or_else(broken)?;
                rows.insert(row.community_id, row);
            }
            let own = of(user);
            let ids: Vec<i64> = own.iter().map(|account| account.id.0).collect();
            for seen in store::follow::seen(conn, &ids).await? {
                let before = counts.get(&(seen.community_id, seen.account_id));
                let name = name(own, &seen);
                let row = rows
                    .entry(seen.community_id)
                    .or_insert_with(|| Row::first(&seen, name));
                row.add(&seen, name, before.copied().unwrap_or(0));
            }
            store::follow::replace(conn, user, rows.into_values()).await?;
            store::follow::count_days(conn, user).await?;
        }
        Ok(())
    }
}

fn broken() -> StoreError {
    StoreError::Data("the memento of activity does not read".to_owned())
}

fn read_counts(memento: &Value) -> Result<Counts, StoreError> {
    let read = |entry: &Value| {
        let n = |index: usize| entry.get(index).and_then(Value::as_i64);
        Some(((i32::try_from(n(0)?).ok()?, n(1)?), n(2)?))
    };
    let list = memento.get("counts").and_then(Value::as_array);
    let all = list.ok_or_else(broken)?.iter().map(read);
    all.collect::<Option<_>>().ok_or_else(broken)
}

fn name<'a>(accounts: &'a [PlatformAccount], seen: &Seen) -> &'a str {
    let account = accounts.iter().find(|a| a.id.0 == seen.account_id);
    account.map_or("", |account| account.username.as_str())
}

impl Row {
    fn to_json(&self) -> Value {
        json!({
            "community": self.community_id, "name": self.name, "folded": self.name_folded,
            "platforms": self.platforms, "first_at": self.first_at, "last_at": self.last_at,
            "first_message_day": self.first_message_day, "messages": self.messages,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let number = |key: &str| value.get(key).and_then(Value::as_i64);
        let small = |key: &str| number(key).and_then(|n| i32::try_from(n).ok());
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            community_id: small("community")?,
            name: text("name")?,
            name_folded: text("folded")?,
            platforms: small("platforms")?,
            first_at: number("first_at")?,
            last_at: number("last_at")?,
            first_message_day: small("first_message_day"),
            messages: number("messages")?,
        })
    }

    /// The row of somebody who was not seen in the community before the merge.
    fn first(seen: &Seen, name: &str) -> Self {
        Self {
            community_id: seen.community_id,
            name: name.to_owned(),
            name_folded: name.to_lowercase(),
            platforms: 0,
            first_at: seen.first_at,
            last_at: seen.last_at,
            first_message_day: None,
            messages: 0,
        }
    }

    /// Adds what an account did since it had `before` messages. What it did before is in the row
    /// already and changes nothing.
    fn add(&mut self, seen: &Seen, name: &str, before: i64) {
        if seen.last_at > self.last_at {
            name.clone_into(&mut self.name);
            self.name_folded = name.to_lowercase();
        }
        self.platforms |= 1_i32 << seen.platform;
        self.first_at = self.first_at.min(seen.first_at);
        self.last_at = self.last_at.max(seen.last_at);
        self.first_message_day = match (self.first_message_day, seen.first_day) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
        self.messages += seen.messages - before;
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Seen};

    #[test]
    fn what_an_account_did_before_changes_nothing_and_what_it_did_since_is_added() {
        let seen = |messages, last_at| Seen {
            community_id: 1,
            account_id: 7,
            platform: 2,
            messages,
            first_at: 10,
            last_at,
            first_day: Some(3),
        };
        let mut row = Row::first(&seen(4, 20), "Ann");
        row.add(&seen(4, 20), "Ann", 0);
        let before = row.to_json();
        row.add(&seen(4, 20), "Anna", 4);
        assert_eq!(row.to_json(), before);
        row.add(&seen(6, 30), "Anna", 4);
        assert_eq!(
            (row.messages, row.last_at, row.name.as_str()),
            (6, 30, "Anna")
        );
        assert_eq!(
            Row::from_json(&row.to_json()).unwrap().to_json(),
            row.to_json()
        );
    }
}
