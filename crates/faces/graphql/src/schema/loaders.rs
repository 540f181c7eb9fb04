//! Lookups in batches: a list of a hundred members asks the database once for their roles and once
//! for their accounts. One set of loaders per request, so that what one viewer may see is never in
//! another's cache.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ::activity::{ActivityError, Summary};
use app::App;
use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use identity::{IdentityError, PlatformAccount, Score, Server};
use kernel::{Actor, CommunityId, Role, UserId};

/// A person in a community.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Seat {
    /// Where.
    pub(crate) community: CommunityId,
    /// Who.
    pub(crate) user: UserId,
}

/// Most keys of one batch: what fits the parameters of a statement on every database.
const BATCH: usize = 500;

/// The loaders of one request.
pub(crate) struct Loaders {
    /// Roles of members.
    pub(crate) roles: DataLoader<Roles, HashMapCache>,
    /// Accounts of members.
    pub(crate) accounts: DataLoader<Accounts, HashMapCache>,
    /// Scores of members.
    pub(crate) scores: DataLoader<Scores, HashMapCache>,
    /// Summaries of communities.
    pub(crate) summaries: DataLoader<Summaries, HashMapCache>,
    /// Servers of communities.
    pub(crate) servers: DataLoader<Servers, HashMapCache>,
}

impl Loaders {
    pub(crate) fn new(app: &Arc<App>, actor: &Arc<Actor>) -> Self {
        let source = || Source {
            app: Arc::clone(app),
            actor: Arc::clone(actor),
        };
        Self {
            roles: loader(Roles(source())),
            accounts: loader(Accounts(source())),
            scores: loader(Scores(source())),
            summaries: loader(Summaries(source())),
            servers: loader(Servers(source())),
        }
    }
}

/// No delay: the fields of one list ask in the same turn of the runtime, and waiting a millisecond
/// for more would double the time of a small query.
fn loader<L>(loader: L) -> DataLoader<L, HashMapCache> {
    DataLoader::with_cache(loader, tokio::spawn, HashMapCache::default())
        .delay(Duration::ZERO)
        .max_batch_size(BATCH)
}

/// Whom and with which rights to ask.
pub(crate) struct Source {
    app: Arc<App>,
    actor: Arc<Actor>,
}

fn by_community(seats: &[Seat]) -> HashMap<CommunityId, Vec<UserId>> {
    let mut grouped: HashMap<CommunityId, Vec<UserId>> = HashMap::new();
    for seat in seats {
        grouped.entry(seat.community).or_default().push(seat.user);
    }
    grouped
}

/// Loads roles.
pub(crate) struct Roles(Source);

impl Loader<Seat> for Roles {
    type Value = Role;
    type Error = Arc<IdentityError>;

    async fn load(&self, seats: &[Seat]) -> Result<HashMap<Seat, Role>, Self::Error> {
        let Source { app, actor } = &self.0;
        let mut found = HashMap::with_capacity(seats.len());
        for (community, users) in by_community(seats) {
            let roles = app.identity.roles(actor, community, &users).await?;
            found.extend(
                roles
                    .into_iter()
                    .map(|(user, role)| (Seat { community, user }, role)),
            );
        }
        Ok(found)
    }
}

/// Loads accounts.
pub(crate) struct Accounts(Source);

impl Loader<Seat> for Accounts {
    type Value = Vec<PlatformAccount>;
    type Error = Arc<ActivityError>;

    async fn load(&self, seats: &[Seat]) -> Result<HashMap<Seat, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let mut found = HashMap::with_capacity(seats.len());
        for (community, users) in by_community(seats) {
            let accounts = app.activity.accounts(actor, community, &users).await?;
            found.extend(
                accounts
                    .into_iter()
                    .map(|(user, list)| (Seat { community, user }, list)),
            );
        }
        Ok(found)
    }
}

/// Loads scores.
pub(crate) struct Scores(Source);

impl Loader<Seat> for Scores {
    type Value = Score;
    type Error = Arc<ActivityError>;

    async fn load(&self, seats: &[Seat]) -> Result<HashMap<Seat, Score>, Self::Error> {
        let Source { app, actor } = &self.0;
        let mut found = HashMap::with_capacity(seats.len());
        for (community, users) in by_community(seats) {
            let scores = app.activity.reputations(actor, community, &users).await?;
            found.extend(
                scores
                    .into_iter()
                    .map(|(user, score)| (Seat { community, user }, score)),
            );
        }
        Ok(found)
    }
}

/// Loads summaries.
pub(crate) struct Summaries(Source);

impl Loader<CommunityId> for Summaries {
    type Value = Arc<Summary>;
    type Error = Arc<ActivityError>;

    async fn load(
        &self,
        communities: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        Ok(app.activity.summaries(actor, communities).await?)
    }
}

/// Loads servers.
pub(crate) struct Servers(Source);

impl Loader<CommunityId> for Servers {
    type Value = Arc<Vec<Server>>;
    type Error = Arc<IdentityError>;

    async fn load(
        &self,
        communities: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let found = app.identity.servers_of(actor, communities).await?;
        let found = found.into_iter();
        Ok(found
            .map(|(community, servers)| (community, Arc::new(servers)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures_util::future::join_all;
    use kernel::{CommunityId, UserId};

    use super::{Loader, Seat, loader};

    /// Counts how often it is asked.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Loader<Seat> for Counting {
        type Value = i32;
        type Error = Infallible;

        async fn load(&self, seats: &[Seat]) -> Result<HashMap<Seat, i32>, Infallible> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(seats.iter().map(|seat| (*seat, seat.user.0)).collect())
        }
    }

    #[tokio::test]
    async fn a_list_of_a_hundred_asks_once_and_its_second_field_not_at_all() {
        let counting = loader(Counting::default());
        let seat = |user| Seat {
            community: CommunityId(1),
            user: UserId(user),
        };
        for _ in 0..2 {
            let found = join_all((0..100).map(|user| counting.load_one(seat(user)))).await;
            let expected: Vec<_> = (0..100).map(|user| Ok(Some(user))).collect();
            assert_eq!(found, expected);
        }
        assert_eq!(counting.loader().0.load(Ordering::Relaxed), 1);
    }
}
