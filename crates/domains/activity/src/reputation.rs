//! The reputation of a community's members: what recorded events do to it, and who may see and
//! change it. The rules are identity's. Only what happens live counts, and automated accounts earn
//! nothing.

use std::collections::{HashMap, HashSet};

use identity::{
    Adjustment, Badge, Eyes, History, IdentityError, LiveRules, PlatformAccount, ProfileView,
    ReputationChange, Resolved, Score, Standing, Who,
};
use kernel::{
    Actor, CommunityId, Day, Page, PageRequest, Permission, Platform, Source, Timestamp, UserId,
};

use crate::{
    Activity, ActivityError, Doubt, Incoming, OfSeats, Presence, REPUTATION_ADJUSTED, feed::flat,
    store as tables,
};

/// How far back badges look, in days.
const BADGE_DAYS: i32 = 30;

/// A member as moderators see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberCard {
    /// Who.
    pub user: UserId,
    /// The name they went by last.
    pub name: String,
    /// Their accounts, by platform.
    pub accounts: Vec<PlatformAccount>,
    /// Their score in the community.
    pub score: Score,
    /// Their badges there.
    pub badges: Vec<Badge>,
    /// Whether they are in doubt: then they are not called trusted.
    pub doubt: Option<Doubt>,
}

/// One's own scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnReputation {
    /// Over all communities and linked accounts.
    pub global: Score,
    /// In each community that one may see and has done something in.
    pub communities: Vec<(CommunityId, Score, Vec<Badge>)>,
}

/// Somebody's reputation over all communities, as one viewer may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonReputation {
    /// Over the accounts whose reputation may be seen.
    pub score: Score,
    /// Their messages.
    pub messages: u64,
    /// When they last wrote.
    pub last_active: Option<Timestamp>,
}

/// A person's place in a list of scores, as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// Who, and their score.
    pub standing: Standing,
    /// Whether they are in doubt.
    pub doubt: Option<Doubt>,
}

/// A community's scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standings {
    /// The highest, at most 100.
    pub leaders: Vec<Ranked>,
    /// Those at 500 or below, the lowest first, at most 100; then the others who are in doubt, those of whom it is
    /// surest first, at most 100.
    pub at_risk: Vec<Ranked>,
}

/// What a recorded event does to a score, where live chat has these rules.
pub(crate) fn change(
    incoming: &Incoming,
    who: Resolved,
    rules: &HashMap<CommunityId, LiveRules>,
) -> Option<ReputationChange> {
    let event = &incoming.event;
    if event.source != Source::Live || event.account.is_bot {
        return None;
    }
    Some(ReputationChange {
        community: incoming.community,
        account: who.account,
        effect: identity::effect(&event.kind, &rules.get(&incoming.community)?.weights)?,
        at: event.sent_at,
    })
}

impl Activity {
    async fn badges(
        &self,
        community: CommunityId,
        user: UserId,
    ) -> Result<(Score, Vec<Badge>, Option<Doubt>), ActivityError> {
        let now = self.clock.now();
        let since = Day(now.day().0 - BADGE_DAYS);
        let conn = self.db.read();
        let mut facts = identity::facts(conn, community, user, now).await?;
        facts.active_days = tables::reputation::active_days(conn, community, user, since).await?;
        let doubt = self.doubt(community, user).await?;
        facts.is_doubted = doubt.is_some();
        Ok((facts.score, identity::badges(&facts), doubt))
    }

    /// One's own reputation.
    pub async fn own_reputation(&self, actor: &Actor) -> Result<OwnReputation, ActivityError> {
        let user = actor.user_id().ok_or(ActivityError::NotFound)?;
        let global = identity::global(self.db.read(), user, |_| true, self.clock.now()).await?;
        let mut communities = Vec::new();
        for community in identity::of_person(self.db.read(), user).await?.into_keys() {
            if actor.require(Permission::ViewCommunity, community).is_ok() {
                let (score, badges, _) = self.badges(community, user).await?;
                communities.push((community, score, badges));
            }
        }
        Ok(OwnReputation {
            global,
            communities,
        })
    }

    /// Somebody's reputation over all communities, from the platforms where the actor may see it;
    /// `None` if there is no such person, or no account whose reputation may be seen.
    pub async fn reputation_of(
        &self,
        actor: &Actor,
        user: UserId,
        eyes: Eyes,
    ) -> Result<Option<PersonReputation>, ActivityError> {
        let seen = self.identity.profile(actor, Who::User(user), eyes).await?;
        let Some(seen) = seen else { return Ok(None) };
        Ok(self.reputations_shown(&[&seen]).await?.remove(&user))
    }

    /// The reputations that people's profiles show to whom the profiles were read for; who shows none is
    /// left out.
    pub async fn reputations_shown(
        &self,
        seen: &[&ProfileView],
    ) -> Result<HashMap<UserId, PersonReputation>, ActivityError> {
        let conn = self.db.read();
        let ids = self.accounts_shown(seen, |view| &view.reputation).await?;
        let shown: Vec<&ProfileView> = seen
            .iter()
            .copied()
            .filter(|view| view.is_own || ids.contains_key(&view.user))
            .collect();
        let users: Vec<UserId> = shown.iter().map(|view| view.user).collect();
        let counts = |user, platform: Platform| {
            let of = |view: &&ProfileView| view.user == user && view.reputation.contains(&platform);
            shown.iter().any(of)
        };
        let scores = identity::globals(conn, &users, counts, self.clock.now()).await?;
        let spoken = tables::feed::by_platform(conn, &flat(&ids), i32::MIN).await?;
        Ok(shown
            .iter()
            .map(|view| {
                let spoken = spoken.get(&view.user).map_or(&[][..], Vec::as_slice);
                let reputation = PersonReputation {
                    score: scores.get(&view.user).copied().unwrap_or_default(),
                    messages: spoken.iter().map(|on| on.messages).sum(),
                    last_active: spoken.iter().map(|on| on.last).max(),
                };
                (view.user, reputation)
            })
            .collect())
    }

    /// The scores of some members. People who were never seen in the community are left out.
    pub async fn reputations(
        &self,
        actor: &Actor,
        community: CommunityId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Score>, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        let seats: Vec<_> = users.iter().map(|user| (community, *user)).collect();
        let seen = tables::member::among(self.db.read(), &seats).await?;
        let found = self.reputations_of(actor, &seen).await?;
        Ok(found
            .into_iter()
            .map(|((_, user), score)| (user, score))
            .collect())
    }

    /// The same for people who were seen in several communities.
    pub async fn reputations_of(
        &self,
        actor: &Actor,
        seen: &[Presence],
    ) -> Result<OfSeats<Score>, ActivityError> {
        Self::require_seats(actor, Permission::ViewMembers, seen)?;
        let seats: Vec<_> = seen.iter().map(|seen| seen.seat()).collect();
        Ok(identity::scores_of(self.db.read(), &seats).await?)
    }

    /// A member; `None` if this person was never seen in the community.
    pub async fn member_card(
        &self,
        actor: &Actor,
        community: CommunityId,
        user: UserId,
    ) -> Result<Option<MemberCard>, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        let name = tables::reputation::name(self.db.read(), community, user).await?;
        let Some(name) = name else { return Ok(None) };
        let mut accounts = identity::accounts_of(self.db.read(), &[user]).await?;
        let (score, badges, doubt) = self.badges(community, user).await?;
        Ok(Some(MemberCard {
            user,
            name,
            accounts: accounts.remove(&user).unwrap_or_default(),
            score,
            badges,
            doubt,
        }))
    }

    /// What changed a member's score, the newest first, without messages and commands.
    pub async fn reputation_history(
        &self,
        actor: &Actor,
        community: CommunityId,
        user: UserId,
        page: &PageRequest,
    ) -> Result<Page<History>, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        Ok(identity::history(self.db.read(), community, user, page).await?)
    }

    /// Who has the highest scores, and who is at risk.
    pub async fn standings(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Standings, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        let conn = self.db.read();
        let leaders = identity::leaders(conn, community).await?;
        let at_risk = identity::at_risk(conn, community).await?;
        let doubted = self.doubted(community).await?;
        let known: HashMap<UserId, Doubt> = doubted.iter().copied().collect();
        let ranked = |standing: Standing| Ranked {
            doubt: known.get(&standing.user).copied(),
            standing,
        };
        let low: HashSet<UserId> = at_risk.iter().map(|standing| standing.user).collect();
        let others = doubted.iter().map(|(user, _)| *user);
        let others: Vec<UserId> = others.filter(|user| !low.contains(user)).collect();
        let others = self.standings_of(community, &others).await?;
        Ok(Standings {
            leaders: leaders.into_iter().map(ranked).collect(),
            at_risk: at_risk.into_iter().chain(others).map(ranked).collect(),
        })
    }

    /// The places of some members, in their order; who was never seen is left out.
    async fn standings_of(
        &self,
        community: CommunityId,
        users: &[UserId],
    ) -> Result<Vec<Standing>, ActivityError> {
        let conn = self.db.read();
        let seats: Vec<_> = users.iter().map(|user| (community, *user)).collect();
        let members = tables::member::at(conn, &seats).await?;
        let name = |row: tables::member::Row| {
            let member = row.into_member();
            (member.presence.seat().1, member.name)
        };
        let mut names: HashMap<UserId, String> = members.into_iter().map(name).collect();
        let scores = identity::scores_of(conn, &seats).await?;
        let standing = |seat: &(CommunityId, UserId)| {
            Some(Standing {
                user: seat.1,
                name: names.remove(&seat.1)?,
                score: scores.get(seat).copied().unwrap_or_default(),
            })
        };
        Ok(seats.iter().filter_map(standing).collect())
    }

    /// Changes a member's score by hand, once for each key; answers the score after it.
    ///
    /// # Errors
    /// [`ActivityError::NotFound`] for people who were never seen in the community; what identity
    /// refuses, such as changing one's own score.
    pub async fn adjust_reputation(
        &self,
        actor: &Actor,
        community: CommunityId,
        user: UserId,
        adjustment: &Adjustment,
    ) -> Result<Score, ActivityError> {
        Self::require(actor, Permission::ModerateMembers, community)?;
        let begun = self.db.begin(actor, self.clock.now()).await;
        let mut work = begun?;
        let seen = tables::member::among(work.conn(), &[(community, user)]).await?;
        if seen.is_empty() {
            return Err(ActivityError::NotFound);
        }
        let by = actor.user_id();
        let after = identity::adjust(&mut work, community, user, by, adjustment).await;
        let after = after.map_err(|error| match error {
            IdentityError::Storage(error) => error.into(),
            other => ActivityError::from(other),
        })?;
        let payload = serde_json::json!({
            "community": community.0, "user": user.0, "points": adjustment.points,
            "score": after.points(),
        });
        let event = store::DomainEvent {
            kind: REPUTATION_ADJUSTED,
            community: Some(community),
            payload,
        };
        work.emit(event, &[]).await?;
        work.commit().await?;
        Ok(after)
    }
}
