//! Lookups in batches: a list of a hundred members asks the database once for their roles and once
//! for their accounts. One set of loaders per request, so that what one viewer may see is never in
//! another's cache.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use ::activity::{
    ActivityError, ChatMessage, MemberQuery, MessageQuery, OfSeats, Overview, Period,
    PersonReputation, PlatformActivity, Presence, Summary,
};
use ::bots::{BotScore, BotsError, Case, Probability};
use ::delivery::{AttemptView, DeliveryError};
use app::App;
use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use identity::{
    Community, Connection, Eyes, IdentityError, PlatformAccount, ProfileView, Score, Server,
};
use kernel::{Actor, CommunityId, DeliveryId, Denied, MessageId, Page, Role, UserId};

/// A person in a community.
pub(crate) type Seat = (CommunityId, UserId);

/// What is asked of a community, with the field's arguments.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ask<Q> {
    /// Where.
    pub(crate) community: CommunityId,
    /// What.
    pub(crate) query: Q,
}

/// The answer for one community, or why the viewer may not know it.
pub(crate) type Answer<T> = Result<Arc<T>, Denied>;

/// A profile as a key: the viewer's eyes are the same throughout a request.
#[derive(Clone, Debug)]
pub(crate) struct Seen(pub(crate) Arc<ProfileView>);

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        self.0.user == other.0.user
    }
}

impl Eq for Seen {}

impl Hash for Seen {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.user.hash(state);
    }
}

/// Most keys of one batch: what fits the parameters of a statement on every database.
const BATCH: usize = 500;
/// Most people of one batch: the statements list their accounts.
const PEOPLE: usize = 100;

/// The loaders of one request.
pub(crate) struct Loaders {
    /// Roles of members.
    pub(crate) roles: Cached<Roles>,
    /// Accounts of members.
    pub(crate) accounts: Cached<Accounts>,
    /// Scores of members.
    pub(crate) scores: Cached<Scores>,
    /// Summaries of communities.
    pub(crate) summaries: Cached<Summaries>,
    /// Servers of communities.
    pub(crate) servers: Cached<Servers>,
    /// Connections of communities.
    pub(crate) connections: Cached<Connections>,
    /// Pages of members.
    pub(crate) members: Cached<Members>,
    /// How many members there are.
    pub(crate) member_counts: Cached<MemberCounts>,
    /// Messages of communities.
    pub(crate) messages: Cached<Messages>,
    /// What happened in communities.
    pub(crate) overviews: Cached<Overviews>,
    /// People, as the viewer may see them.
    pub(crate) profiles: Cached<Profiles>,
    /// People's reputations.
    pub(crate) reputations: Cached<Reputations>,
    /// What people did.
    pub(crate) activities: Cached<Activities>,
    /// Communities.
    pub(crate) communities: Cached<Communities>,
    /// Members by where and who they are.
    pub(crate) seats: Cached<Seats>,
    /// Messages by their ids.
    pub(crate) messages_by_id: Cached<MessagesById>,
    /// The tries of deliveries.
    pub(crate) tries: Cached<Tries>,
    /// How free of bots communities are.
    pub(crate) bot_scores: Cached<BotScores>,
    /// Accounts of communities that look like bots.
    pub(crate) suspects: Cached<Suspects>,
}

/// A loader that remembers what it found.
pub(crate) type Cached<L> = DataLoader<L, HashMapCache>;

impl Loaders {
    pub(crate) fn new(app: &Arc<App>, actor: &Arc<Actor>) -> Self {
        let source = || Source {
            app: Arc::clone(app),
            actor: Arc::clone(actor),
        };
        Self {
            roles: loader(Roles(source()), BATCH),
            accounts: loader(Accounts(source()), BATCH),
            scores: loader(Scores(source()), BATCH),
            summaries: loader(Summaries(source()), BATCH),
            servers: loader(Servers(source()), BATCH),
            connections: loader(Connections(source()), BATCH),
            members: loader(Members(source()), BATCH),
            member_counts: loader(MemberCounts(source()), BATCH),
            messages: loader(Messages(source()), BATCH),
            overviews: loader(Overviews(source()), BATCH),
            profiles: loader(Profiles(source()), PEOPLE),
            reputations: loader(Reputations(source()), PEOPLE),
            activities: loader(Activities(source()), PEOPLE),
            communities: loader(Communities(source()), BATCH),
            seats: loader(Seats(source()), BATCH),
            messages_by_id: loader(MessagesById(source()), BATCH),
            tries: loader(Tries(source()), BATCH),
            bot_scores: loader(BotScores(source()), BATCH),
            suspects: loader(Suspects(source()), BATCH),
        }
    }
}

/// No delay: the fields of one list ask in the same turn of the runtime, and waiting a millisecond
/// for more would double the time of a small query.
fn loader<L>(loader: L, batch: usize) -> Cached<L> {
    DataLoader::with_cache(loader, tokio::spawn, HashMapCache::default())
        .delay(Duration::ZERO)
        .max_batch_size(batch)
}

/// Whom and with which rights to ask.
pub(crate) struct Source {
    app: Arc<App>,
    actor: Arc<Actor>,
}

/// The communities that are asked the same, for each thing asked.
fn by_query<Q: Clone + Eq + Hash>(asked: &[Ask<Q>]) -> HashMap<Q, Vec<CommunityId>> {
    let mut grouped: HashMap<Q, Vec<CommunityId>> = HashMap::new();
    for ask in asked {
        let communities = grouped.entry(ask.query.clone()).or_default();
        communities.push(ask.community);
    }
    grouped
}

/// The answers to one query, each with its key.
fn keyed<Q: Clone + Eq + Hash, T>(
    query: &Q,
    found: HashMap<CommunityId, Result<T, Denied>>,
) -> impl Iterator<Item = (Ask<Q>, Answer<T>)> {
    found.into_iter().map(|(community, answer)| {
        let query = query.clone();
        (Ask { community, query }, answer.map(Arc::new))
    })
}

/// Loads roles.
pub(crate) struct Roles(Source);

impl Loader<Seat> for Roles {
    type Value = Role;
    type Error = Arc<IdentityError>;

    async fn load(&self, seats: &[Seat]) -> Result<HashMap<Seat, Role>, Self::Error> {
        let Source { app, actor } = &self.0;
        Ok(app.identity.roles_of(actor, seats).await?)
    }
}

/// What was found of each.
fn by_presence<T>(seen: &[Presence], mut found: OfSeats<T>) -> HashMap<Presence, T> {
    let with = |seen: &Presence| Some((*seen, found.remove(&seen.seat())?));
    seen.iter().filter_map(with).collect()
}

/// Loads accounts.
pub(crate) struct Accounts(Source);

impl Loader<Presence> for Accounts {
    type Value = Vec<PlatformAccount>;
    type Error = Arc<ActivityError>;

    async fn load(&self, seen: &[Presence]) -> Result<HashMap<Presence, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let found = app.activity.accounts_of(actor, seen).await?;
        Ok(by_presence(seen, found))
    }
}

/// Loads scores.
pub(crate) struct Scores(Source);

impl Loader<Presence> for Scores {
    type Value = Score;
    type Error = Arc<ActivityError>;

    async fn load(&self, seen: &[Presence]) -> Result<HashMap<Presence, Score>, Self::Error> {
        let Source { app, actor } = &self.0;
        let found = app.activity.reputations_of(actor, seen).await?;
        Ok(by_presence(seen, found))
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

/// Loads connections.
pub(crate) struct Connections(Source);

impl Loader<CommunityId> for Connections {
    type Value = Answer<Vec<Connection>>;
    type Error = Arc<IdentityError>;

    async fn load(
        &self,
        communities: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let found = app.identity.connections_of(actor, communities).await?;
        Ok(found
            .into_iter()
            .map(|(community, answer)| (community, answer.map(Arc::new)))
            .collect())
    }
}

/// Loads how free of bots communities are.
pub(crate) struct BotScores(Source);

impl Loader<CommunityId> for BotScores {
    type Value = Answer<BotScore>;
    type Error = Arc<BotsError>;

    async fn load(
        &self,
        communities: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let found = app.bots.community_scores(actor, communities).await?;
        Ok(found
            .into_iter()
            .map(|(community, answer)| (community, answer.map(Arc::new)))
            .collect())
    }
}

/// Which suspects are asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Suspecting {
    /// How sure the program is of them at least, if that was asked for.
    pub(crate) least: Option<Probability>,
    /// How many.
    pub(crate) limit: u32,
}

/// Loads accounts that look like bots.
pub(crate) struct Suspects(Source);

impl Loader<Ask<Suspecting>> for Suspects {
    type Value = Answer<Vec<Case>>;
    type Error = Arc<BotsError>;

    async fn load(
        &self,
        asked: &[Ask<Suspecting>],
    ) -> Result<HashMap<Ask<Suspecting>, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let mut found = HashMap::with_capacity(asked.len());
        for (query, communities) in by_query(asked) {
            let (least, limit) = (query.least, query.limit);
            let bots = &app.bots;
            let suspects = bots.suspects_of(actor, &communities, least, limit).await?;
            found.extend(keyed(&query, suspects));
        }
        Ok(found)
    }
}

/// Loads pages of members.
pub(crate) struct Members(Source);

impl Loader<Ask<MemberQuery>> for Members {
    type Value = Answer<Page<::activity::Member>>;
    type Error = Arc<ActivityError>;

    async fn load(
        &self,
        asked: &[Ask<MemberQuery>],
    ) -> Result<HashMap<Ask<MemberQuery>, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let mut found = HashMap::with_capacity(asked.len());
        for (query, communities) in by_query(asked) {
            let pages = app.activity.members_of(actor, &communities, &query).await?;
            found.extend(keyed(&query, pages));
        }
        Ok(found)
    }
}

/// Counts members.
pub(crate) struct MemberCounts(Source);

impl Loader<Ask<MemberQuery>> for MemberCounts {
    type Value = Answer<u64>;
    type Error = Arc<ActivityError>;

    async fn load(
        &self,
        asked: &[Ask<MemberQuery>],
    ) -> Result<HashMap<Ask<MemberQuery>, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let mut found = HashMap::with_capacity(asked.len());
        for (query, communities) in by_query(asked) {
            let counts = app
                .activity
                .member_counts(actor, &communities, &query)
                .await?;
            found.extend(keyed(&query, counts));
        }
        Ok(found)
    }
}

/// Loads messages.
pub(crate) struct Messages(Source);

impl Loader<Ask<MessageQuery>> for Messages {
    type Value = Answer<Vec<ChatMessage>>;
    type Error = Arc<ActivityError>;

    async fn load(
        &self,
        asked: &[Ask<MessageQuery>],
    ) -> Result<HashMap<Ask<MessageQuery>, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let mut found = HashMap::with_capacity(asked.len());
        for (query, communities) in by_query(asked) {
            let messages = app
                .activity
                .recent_messages_of(actor, &communities, query)
                .await?;
            found.extend(keyed(&query, messages));
        }
        Ok(found)
    }
}

/// Loads what happened.
pub(crate) struct Overviews(Source);

impl Loader<Ask<Period>> for Overviews {
    type Value = Result<Arc<Overview>, Denied>;
    type Error = Arc<ActivityError>;

    async fn load(
        &self,
        asked: &[Ask<Period>],
    ) -> Result<HashMap<Ask<Period>, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let mut found = HashMap::with_capacity(asked.len());
        for (query, communities) in by_query(asked) {
            let overviews = app.activity.overviews(actor, &communities, query).await?;
            found.extend(
                overviews
                    .into_iter()
                    .map(|(community, answer)| (Ask { community, query }, answer)),
            );
        }
        Ok(found)
    }
}

/// Loads people.
pub(crate) struct Profiles(Source);

impl Loader<UserId> for Profiles {
    type Value = Arc<ProfileView>;
    type Error = Arc<IdentityError>;

    async fn load(&self, users: &[UserId]) -> Result<HashMap<UserId, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        let found = app.identity.profiles(actor, users, Eyes::Own).await?;
        Ok(found
            .into_iter()
            .map(|(user, view)| (user, Arc::new(view)))
            .collect())
    }
}

/// Loads people's reputations.
pub(crate) struct Reputations(Source);

impl Loader<Seen> for Reputations {
    type Value = PersonReputation;
    type Error = Arc<ActivityError>;

    async fn load(&self, seen: &[Seen]) -> Result<HashMap<Seen, Self::Value>, Self::Error> {
        let views: Vec<&ProfileView> = seen.iter().map(|seen| &*seen.0).collect();
        let mut found = self.0.app.activity.reputations_shown(&views).await?;
        Ok(seen
            .iter()
            .filter_map(|seen| Some((seen.clone(), found.remove(&seen.0.user)?)))
            .collect())
    }
}

/// Loads what people did.
pub(crate) struct Activities(Source);

impl Loader<Seen> for Activities {
    type Value = Vec<PlatformActivity>;
    type Error = Arc<ActivityError>;

    async fn load(&self, seen: &[Seen]) -> Result<HashMap<Seen, Self::Value>, Self::Error> {
        let views: Vec<&ProfileView> = seen.iter().map(|seen| &*seen.0).collect();
        let mut found = self.0.app.activity.activity_shown(&views).await?;
        Ok(seen
            .iter()
            .filter_map(|seen| Some((seen.clone(), found.remove(&seen.0.user)?)))
            .collect())
    }
}

/// Loads communities.
pub(crate) struct Communities(Source);

impl Loader<CommunityId> for Communities {
    type Value = Community;
    type Error = Arc<IdentityError>;

    async fn load(
        &self,
        ids: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        Ok(app.identity.communities_of(actor, ids).await?)
    }
}

/// Loads members by where and who they are.
pub(crate) struct Seats(Source);

impl Loader<Seat> for Seats {
    type Value = ::activity::Member;
    type Error = Arc<ActivityError>;

    async fn load(&self, seats: &[Seat]) -> Result<HashMap<Seat, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        Ok(app.activity.members_at(actor, seats).await?)
    }
}

/// Loads messages by their ids.
pub(crate) struct MessagesById(Source);

impl Loader<MessageId> for MessagesById {
    type Value = ChatMessage;
    type Error = Arc<ActivityError>;

    async fn load(
        &self,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        Ok(app.activity.messages_by_id(actor, ids).await?)
    }
}

/// Loads the tries of deliveries.
pub(crate) struct Tries(Source);

impl Loader<DeliveryId> for Tries {
    type Value = Vec<AttemptView>;
    type Error = Arc<DeliveryError>;

    async fn load(
        &self,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Self::Value>, Self::Error> {
        let Source { app, actor } = &self.0;
        Ok(app.deliveries.tries_of(actor, ids).await?)
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
            Ok(seats.iter().map(|seat| (*seat, seat.1.0)).collect())
        }
    }

    #[tokio::test]
    async fn a_list_of_a_hundred_asks_once_and_its_second_field_not_at_all() {
        let counting = loader(Counting::default(), 500);
        let seat = |user| (CommunityId(1), UserId(user));
        for _ in 0..2 {
            let found = join_all((0..100).map(|user| counting.load_one(seat(user)))).await;
            let expected: Vec<_> = (0..100).map(|user| Ok(Some(user))).collect();
            assert_eq!(found, expected);
        }
        assert_eq!(counting.loader().0.load(Ordering::Relaxed), 1);
    }
}
