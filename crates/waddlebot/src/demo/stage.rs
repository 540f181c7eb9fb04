//! The demo's stage: speaks as members of the simulated communities.

use std::{collections::HashMap, sync::Arc};

use app::{Company, Player, Room, Stage};
use async_trait::async_trait;
use kernel::{CommunityId, Day};
use simulator::{CastMember, CastPart, CommunityPlan, Theatre, cast, theatre};

use super::SEED;

/// The rooms and people of each community.
pub(super) struct Boards {
    theatre: Arc<Theatre>,
    plays: HashMap<CommunityId, (CommunityPlan, Vec<CastMember>)>,
}

impl Boards {
    /// The people of today, for as long as the program runs.
    pub(super) fn new(
        communities: Vec<(CommunityId, CommunityPlan)>,
        theatre: Arc<Theatre>,
        today: Day,
    ) -> Self {
        let plays = communities.into_iter().map(|(community, plan)| {
            let members = cast(SEED, &plan, today);
            (community, (plan, members))
        });
        Self {
            plays: plays.collect(),
            theatre,
        }
    }
}

const fn part(part: CastPart) -> &'static str {
    match part {
        CastPart::Broadcaster => "the channel",
        CastPart::Moderator => "moderator",
        CastPart::Regular => "",
        CastPart::Newcomer => "new here",
    }
}

#[async_trait]
impl Stage for Boards {
    fn company(&self, community: CommunityId) -> Company {
        let Some((plan, members)) = self.plays.get(&community) else {
            return Company::default();
        };
        let places = plan.places();
        let rooms = theatre::rooms(plan)
            .into_iter()
            .filter_map(|(key, (p, c))| {
                let place = places.get(p)?;
                Some(Room {
                    key,
                    platform: place.platform,
                    server: place.name.to_owned(),
                    channel: place.channels.get(c)?.name.to_owned(),
                })
            });
        let players = members.iter().enumerate().map(|(at, member)| Player {
            key: at.to_string(),
            name: member.name().to_owned(),
            part: part(member.part).to_owned(),
        });
        Company {
            rooms: rooms.collect(),
            players: players.collect(),
        }
    }

    async fn speak(&self, community: CommunityId, room: &str, player: &str, text: &str) -> bool {
        let Some((plan, members)) = self.plays.get(&community) else {
            return false;
        };
        let place = theatre::rooms(plan)
            .get(room)
            .and_then(|(p, c)| Some((*p, plan.places().get(*p)?, *c)));
        let member = player.parse().ok().and_then(|at: usize| members.get(at));
        let (Some((p, place, c)), Some(member)) = (place, member) else {
            return false;
        };
        // Somebody who has no account there comes with one of the same name.
        let account = match member.accounts.get(p) {
            Some(Some(account)) => account.clone(),
            _ => match member.accounts.iter().flatten().next() {
                Some(account) => account.clone(),
                None => return false,
            },
        };
        let Some(channel) = place.channels.get(c) else {
            return false;
        };
        self.theatre
            .speak(place, &channel.id, &account, text)
            .is_ok()
    }
}
