//! Who may see what of a person, for each platform and each side of them; and the log of what they
//! agreed to when.
//!
//! Must never know pages or what the sides hold: it decides, others show.

use std::collections::BTreeMap;

use kernel::{Actor, Platform, Timestamp, UserId};
use store::audit::Entry;

use crate::{ClientInfo, Identity, IdentityError, linked_role, store::visibility as table};

/// A side of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// That they are here, their name, handle, words about themselves, and the account's name.
    Profile,
    /// How much and when they wrote.
    Activity,
    /// What others think of them.
    Reputation,
    /// Where they belong.
    Communities,
}

impl Facet {
    /// Every facet, in the order of the page.
    pub const ALL: [Self; 4] = [
        Self::Profile,
        Self::Activity,
        Self::Reputation,
        Self::Communities,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Activity => "activity",
            Self::Reputation => "reputation",
            Self::Communities => "communities",
        }
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Profile => 1,
            Self::Activity => 2,
            Self::Reputation => 3,
            Self::Communities => 4,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|facet| facet.code() == code)
    }

    /// Who sees it as long as its owner says nothing.
    const fn default_audience(self) -> Audience {
        match self {
            Self::Profile | Self::Activity => Audience::Community,
            Self::Reputation | Self::Communities => Audience::Nobody,
        }
    }
}

/// Who may see something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Its owner only.
    Nobody,
    /// Who belongs to a community that its owner belongs to as well.
    Community,
    /// Everybody, also without signing in.
    Everyone,
}

impl Audience {
    /// Every audience, smallest first.
    pub const ALL: [Self; 3] = [Self::Nobody, Self::Community, Self::Everyone];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Community => "community",
            Self::Everyone => "everyone",
        }
    }

    /// The audience of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|audience| audience.as_str() == name)
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Nobody => 0,
            Self::Community => 1,
            Self::Everyone => 2,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|audience| audience.code() == code)
    }
}

/// What a person decided; what they did not decide has the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visibility(BTreeMap<(Platform, Facet), Audience>);

impl Visibility {
    /// Who may see a facet of a platform.
    pub fn audience(&self, platform: Platform, facet: Facet) -> Audience {
        self.decided(platform, facet)
            .unwrap_or_else(|| facet.default_audience())
    }

    /// What its owner said about one cell.
    pub(crate) fn decided(&self, platform: Platform, facet: Facet) -> Option<Audience> {
        self.0.get(&(platform, facet)).copied()
    }

    /// Decides about one cell.
    pub fn set(&mut self, platform: Platform, facet: Facet, audience: Audience) {
        self.0.insert((platform, facet), audience);
    }
}

/// Whose facets are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The person.
    pub user: UserId,
    /// What they decided.
    pub visibility: &'a Visibility,
}

/// Whether somebody may see a facet of somebody's on a platform. `viewer` is `None` for strangers;
/// the owner sees everything. Administrators of the instance are no exception.
pub fn may_see(
    viewer: Option<UserId>,
    owner: Owner<'_>,
    facet: Facet,
    platform: Platform,
    shares_community: bool,
) -> bool {
    if viewer == Some(owner.user) {
        return true;
    }
    match owner.visibility.audience(platform, facet) {
        Audience::Nobody => false,
        Audience::Community => viewer.is_some() && shares_community,
        Audience::Everyone => true,
    }
}

/// One line of the log of consents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// About what: `discord.profile`.
    pub subject: String,
    /// Who could see it before.
    pub before: String,
    /// Who can see it since.
    pub after: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The network it was decided from; empty if unknown.
    pub address_prefix: String,
}

impl Identity {
    /// What one decided about who may see what.
    pub async fn visibility(&self, actor: &Actor) -> Result<Visibility, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        Ok(table::of_user(self.db.read(), user).await?)
    }

    /// Decides who may see what. Each cell that changes is a line in the log of consents.
    pub async fn change_visibility(
        &self,
        actor: &Actor,
        wanted: &Visibility,
        client: &ClientInfo,
    ) -> Result<(), IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        if !crate::store::user::lock(work.conn(), user).await? {
            return Err(IdentityError::NotFound);
        }
        let held = table::of_user(work.conn(), user).await?;
        let mut changed = Vec::new();
        for platform in Platform::ALL {
            for facet in Facet::ALL {
                let (before, after) = (
                    held.audience(platform, facet),
                    wanted.audience(platform, facet),
                );
                if before == after {
                    continue;
                }
                table::put(work.conn(), user, (platform, facet), after).await?;
                let consent = Consent {
                    subject: format!("{}.{}", platform.as_str(), facet.as_str()),
                    before: before.as_str().to_owned(),
                    after: after.as_str().to_owned(),
                    at: work.now(),
                    address_prefix: client.network(),
                };
                table::log(work.conn(), user, &consent).await?;
                changed.push(consent.subject);
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        linked_role::nudge(&mut work, user).await?;
        work.audit(Entry {
            action: "visibility.change",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "changed": changed }),
        });
        Ok(work.commit().await?)
    }

    /// What one agreed to, newest first, at most 100 lines.
    pub async fn consents(&self, actor: &Actor) -> Result<Vec<Consent>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        Ok(table::consents(self.db.read(), user).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);

    #[test]
    fn every_audience_sees_exactly_what_is_meant_for_it() {
        for audience in Audience::ALL {
            let mut visibility = Visibility::default();
            visibility.set(Platform::Discord, Facet::Profile, audience);
            let owner = Owner {
                user: ANN,
                visibility: &visibility,
            };
            let sees =
                |viewer, shares| may_see(viewer, owner, Facet::Profile, Platform::Discord, shares);
            let shared = audience != Audience::Nobody;
            let open = audience == Audience::Everyone;
            assert!(sees(Some(ANN), false), "the owner always sees it");
            assert_eq!(sees(Some(BOB), true), shared, "{audience:?}");
            assert_eq!(sees(Some(BOB), false), open, "{audience:?}");
            assert_eq!(sees(None, false), open, "{audience:?}");
            assert_eq!(sees(None, true), open, "a stranger belongs nowhere");
        }
    }

    #[test]
    fn without_a_decision_members_see_profile_and_activity_and_others_nothing() {
        let visibility = Visibility::default();
        let owner = Owner {
            user: ANN,
            visibility: &visibility,
        };
        for platform in Platform::ALL {
            for facet in Facet::ALL {
                let shown = matches!(facet, Facet::Profile | Facet::Activity);
                assert_eq!(may_see(Some(BOB), owner, facet, platform, true), shown);
                assert!(!may_see(Some(BOB), owner, facet, platform, false));
                assert!(!may_see(None, owner, facet, platform, false));
            }
        }
    }
}
