//! Who asks, and what they may do. Every service operation takes an [`Actor`] first and asks it for
//! a [`Permission`] before it reads anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use crate::{CommunityId, UserId};

/// A role in one community, weakest first: comparing two roles compares their power.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Excluded: has fewer rights than a stranger.
    Banned,
    /// Belongs to the community.
    Member,
    /// A member the community honours.
    Vip,
    /// Keeps order.
    Moderator,
    /// Runs the community.
    Admin,
    /// Owns the community; there is always at least one.
    Owner,
}

/// The text was not the name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role: use owner, admin, moderator, vip, member or banned")]
pub struct UnknownRole(pub String);

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Self; 6] = [
        Self::Banned,
        Self::Member,
        Self::Vip,
        Self::Moderator,
        Self::Admin,
        Self::Owner,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::Member => "member",
            Self::Vip => "vip",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The number stored in the database. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Banned => 0,
            Self::Member => 10,
            Self::Vip => 20,
            Self::Moderator => 30,
            Self::Admin => 40,
            Self::Owner => 50,
        }
    }

    /// The role of a stored number; `None` if a newer program wrote it.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    /// Accepts the canonical names and the aliases of earlier versions
    /// (`community-owner`, `community-admin`, `streamer`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "community-owner" => Ok(Self::Owner),
            "community-admin" => Ok(Self::Admin),
            "streamer" => Ok(Self::Vip),
            name => Self::ALL
                .into_iter()
                .find(|r| r.as_str() == name)
                .ok_or_else(|| UnknownRole(text.to_owned())),
        }
    }
}

/// What an operation needs. Community permissions name the weakest role that has them; instance
/// permissions belong to instance administrators only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Permission {
    /// See that the community exists, its name and description.
    ViewCommunity,
    /// See activity, health and live chat.
    ViewActivity,
    /// See the members' table with names and last-seen times.
    ViewMembers,
    /// Judge members: change their reputation.
    ModerateMembers,
    /// Make, change and remove chat commands, and decide who may use which.
    ManageCommands,
    /// Change roles below one's own.
    ManageMembers,
    /// Change the community's name, connections and settings.
    ManageCommunity,
    /// Feed events into the community (imports, replays).
    ImportHistory,
    /// Let the program say something in the community's name.
    SendMessages,
    /// See what the program said or is about to say, and what became of it.
    ViewDeliveries,
    /// Make a new community.
    CreateCommunity,
    /// See and repair the instance: jobs, mail outbox, quarantine, audit log.
    OperateInstance,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 12] = [
        Self::ViewCommunity,
        Self::ViewActivity,
        Self::ViewMembers,
        Self::ModerateMembers,
        Self::ManageCommands,
        Self::ManageMembers,
        Self::ManageCommunity,
        Self::ImportHistory,
        Self::SendMessages,
        Self::ViewDeliveries,
        Self::CreateCommunity,
        Self::OperateInstance,
    ];

    /// The weakest community role that has this permission; `None` if only an instance
    /// administrator has it.
    pub const fn minimum_role(self) -> Option<Role> {
        match self {
            Self::ViewCommunity | Self::ViewActivity => Some(Role::Member),
            Self::ViewMembers
            | Self::ModerateMembers
            | Self::SendMessages
            | Self::ViewDeliveries
            | Self::ManageCommands => Some(Role::Moderator),
            Self::ManageMembers | Self::ManageCommunity | Self::ImportHistory => Some(Role::Admin),
            Self::CreateCommunity | Self::OperateInstance => None,
        }
    }
}

/// The actor lacks the permission. Faces show this as «not found» unless the actor may know that
/// the thing exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not allowed")]
pub struct Denied {
    /// What was missing.
    pub permission: Permission,
    /// Whether nobody is signed in, so that signing in may help.
    pub anonymous: bool,
}

/// Who asks. Built by the identity service from a session, or by the program for its own work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// Nobody signed in.
    Anonymous,
    /// A signed-in person with their roles at the time of asking.
    User {
        /// The person.
        id: UserId,
        /// Whether they run this instance.
        is_instance_admin: bool,
        /// Their role in each community they belong to.
        roles: BTreeMap<CommunityId, Role>,
        /// The one community in which they may do anything now; `None` = no such limit. Set for API
        /// keys that are good for one community.
        only: Option<CommunityId>,
    },
    /// The program itself: jobs, the command line over the local database.
    System(&'static str),
}

impl Actor {
    /// The person behind the actor.
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Anonymous | Self::System(_) => None,
        }
    }

    /// The role in a community; `None` if the actor does not belong to it, or is limited to another.
    pub fn role_in(&self, community: CommunityId) -> Option<Role> {
        match self {
            Self::User { roles, .. } if self.reaches(community) => roles.get(&community).copied(),
            Self::User { .. } | Self::Anonymous | Self::System(_) => None,
        }
    }

    /// Whether no limit keeps the actor out of a community.
    fn reaches(&self, community: CommunityId) -> bool {
        self.limit().is_none_or(|only| only == community)
    }

    /// The one community that the actor is limited to, if any.
    pub const fn limit(&self) -> Option<CommunityId> {
        match self {
            Self::User { only, .. } => *only,
            Self::Anonymous | Self::System(_) => None,
        }
    }

    /// The same person with what they may in one community and nothing else, neither next door nor
    /// for the instance.
    #[must_use]
    pub const fn within(mut self, community: CommunityId) -> Self {
        if let Self::User { only, .. } = &mut self {
            *only = Some(community);
        }
        self
    }

    /// The same person with at least this role in a community, for one act in a place where a
    /// platform vouches for them ([`crate::Account::standing`]). The banned stay banned.
    #[must_use]
    pub fn at_least(mut self, community: CommunityId, role: Role) -> Self {
        if let Self::User { roles, .. } = &mut self {
            let own = roles.entry(community).or_insert(role);
            if *own != Role::Banned {
                *own = role.max(*own);
            }
        }
        self
    }

    /// Whether the actor runs the instance (the program itself does); not while they are limited to
    /// a community.
    pub const fn is_instance_admin(&self) -> bool {
        self.runs_instance() && self.limit().is_none()
    }

    const fn runs_instance(&self) -> bool {
        match self {
            Self::User {
                is_instance_admin, ..
            } => *is_instance_admin,
            Self::System(_) => true,
            Self::Anonymous => false,
        }
    }

    /// Asks for a permission in a community.
    pub fn require(&self, permission: Permission, community: CommunityId) -> Result<(), Denied> {
        let by_role = permission
            .minimum_role()
            .is_some_and(|needed| self.role_in(community).is_some_and(|has| has >= needed));
        let by_instance = self.runs_instance() && self.reaches(community);
        self.decide(by_role || by_instance, permission)
    }

    /// Asks for a permission in several communities: where the actor has it, each community once, and why
    /// not in the others.
    pub fn sort_out(
        &self,
        permission: Permission,
        communities: &[CommunityId],
    ) -> (Vec<CommunityId>, Vec<(CommunityId, Denied)>) {
        let (mut allowed, mut denied) = (Vec::new(), Vec::new());
        let each: BTreeSet<CommunityId> = communities.iter().copied().collect();
        for community in each {
            match self.require(permission, community) {
                Ok(()) => allowed.push(community),
                Err(why) => denied.push((community, why)),
            }
        }
        (allowed, denied)
    }

    /// Asks for a permission that belongs to the whole instance.
    pub fn require_instance(&self, permission: Permission) -> Result<(), Denied> {
        self.decide(self.is_instance_admin(), permission)
    }

    fn decide(&self, allowed: bool, permission: Permission) -> Result<(), Denied> {
        if allowed {
            return Ok(());
        }
        Err(Denied {
            permission,
            anonymous: *self == Self::Anonymous,
        })
    }

    /// Everything that decides what the actor may do, as a text: two actors with the same rights have the
    /// same, and nobody else has.
    pub fn rights(&self) -> String {
        match self {
            Self::User {
                id,
                is_instance_admin,
                roles,
                only,
            } => {
                let mut text = format!("user:{id} admin:{is_instance_admin}");
                if let Some(only) = only {
                    text = format!("{text} only:{only}");
                }
                roles.iter().fold(text, |text, (community, role)| {
                    format!("{text} {community}={role}")
                })
            }
            Self::System(_) | Self::Anonymous => self.label(),
        }
    }

    /// A short name for logs and the audit trail: `user:7`, `system:retention`, `anonymous`.
    pub fn label(&self) -> String {
        match self {
            Self::User { id, .. } => format!("user:{id}"),
            Self::System(name) => format!("system:{name}"),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Actor, Permission, Role};
    use crate::{CommunityId, UserId};

    #[test]
    fn every_difference_in_rights_is_a_difference_in_their_text() {
        let roles = [
            BTreeMap::new(),
            BTreeMap::from([(CommunityId(1), Role::Member)]),
            BTreeMap::from([(CommunityId(1), Role::Owner)]),
            BTreeMap::from([(CommunityId(11), Role::Member)]),
            BTreeMap::from([(CommunityId(1), Role::Member), (CommunityId(2), Role::Vip)]),
        ];
        let mut actors = vec![Actor::Anonymous, Actor::System("jobs")];
        for roles in &roles {
            for (id, is_instance_admin, only) in [
                (1, false, None),
                (11, false, None),
                (1, true, None),
                (1, false, Some(1)),
                (1, true, Some(1)),
                (1, false, Some(2)),
            ] {
                actors.push(Actor::User {
                    id: UserId(id),
                    is_instance_admin,
                    roles: roles.clone(),
                    only: only.map(CommunityId),
                });
            }
        }
        let texts: BTreeSet<String> = actors.iter().map(Actor::rights).collect();
        assert_eq!(texts.len(), actors.len());
    }

    fn user(role: Option<Role>) -> Actor {
        let roles = role.map(|r| (CommunityId(1), r)).into_iter().collect();
        Actor::User {
            id: UserId(1),
            is_instance_admin: false,
            roles,
            only: None,
        }
    }

    #[test]
    fn a_role_has_what_weaker_roles_have_and_nothing_next_door() {
        for permission in Permission::ALL {
            for role in Role::ALL {
                let expected = permission
                    .minimum_role()
                    .is_some_and(|needed| role >= needed);
                assert_eq!(
                    user(Some(role)).require(permission, CommunityId(1)).is_ok(),
                    expected
                );
                assert!(
                    user(Some(role))
                        .require(permission, CommunityId(2))
                        .is_err()
                );
            }
            assert!(user(None).require(permission, CommunityId(1)).is_err());
            assert!(
                Actor::Anonymous
                    .require(permission, CommunityId(1))
                    .is_err_and(|d| d.anonymous)
            );
        }
    }

    #[test]
    fn the_banned_have_no_permission_at_all() {
        for permission in Permission::ALL {
            assert!(
                user(Some(Role::Banned))
                    .require(permission, CommunityId(1))
                    .is_err()
            );
        }
    }

    #[test]
    fn a_vouched_role_raises_and_never_lowers_or_pardons() {
        let in_pond = |role, vouched| {
            user(role)
                .at_least(CommunityId(1), vouched)
                .role_in(CommunityId(1))
        };
        assert_eq!(in_pond(None, Role::Member), Some(Role::Member));
        assert_eq!(
            in_pond(Some(Role::Member), Role::Moderator),
            Some(Role::Moderator)
        );
        assert_eq!(
            in_pond(Some(Role::Owner), Role::Moderator),
            Some(Role::Owner)
        );
        assert_eq!(
            in_pond(Some(Role::Banned), Role::Moderator),
            Some(Role::Banned)
        );
        assert_eq!(
            Actor::Anonymous.at_least(CommunityId(1), Role::Owner),
            Actor::Anonymous
        );
    }

    #[test]
    fn who_is_limited_to_a_community_has_nothing_next_door_nor_for_the_instance() {
        let (pond, lake) = (CommunityId(1), CommunityId(2));
        let root = Actor::User {
            id: UserId(1),
            is_instance_admin: true,
            roles: BTreeMap::from([(lake, Role::Owner)]),
            only: None,
        };
        let limited = root.clone().within(pond);
        for permission in Permission::ALL {
            assert_eq!(
                limited.require(permission, pond),
                root.require(permission, pond)
            );
            assert!(limited.require(permission, lake).is_err());
            assert!(limited.require_instance(permission).is_err());
        }
        assert!(!limited.is_instance_admin());
        assert_eq!(limited.role_in(lake), None);
        let owner = user(Some(Role::Owner));
        assert_eq!(owner.clone().within(pond).role_in(pond), Some(Role::Owner));
        assert_eq!(owner.within(lake).role_in(pond), None);
    }

    #[test]
    fn old_names_of_roles_are_understood() {
        assert_eq!("community-owner".parse(), Ok(Role::Owner));
        assert_eq!("Streamer".parse(), Ok(Role::Vip));
        assert!("king".parse::<Role>().is_err());
    }
}
