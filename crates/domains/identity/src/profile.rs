//! What a person says about themselves, and what others get to see of it. A profile that may not be
//! seen answers like one that does not exist.
//!
//! Must never show an e-mail address, a provider's id or a token, and decides about every platform
//! with [`may_see`] only.

use std::collections::HashMap;

use kernel::{Actor, CommunityId, Permission, Platform, Role, Timestamp, UserId};
use store::{StoreError, audit::Entry};

use crate::{
    Community, Facet, Identity, IdentityError, Link, Owner, PlatformAccount, User, Visibility,
    linked_role, may_see,
    store::{self as tables, profile as table, visibility},
    user::check_name,
};

/// Longest description of oneself, in characters.
const BIO_MAX: usize = 500;
/// Longest website, in bytes.
const WEBSITE_MAX: usize = 200;
/// Longest place, in characters.
const LOCATION_MAX: usize = 80;
/// Most communities shown with a profile.
const COMMUNITIES_MAX: usize = 50;

/// Handles that look like a part of the program or like somebody who speaks for it.
const RESERVED: &[&str] = &[
    "abuse",
    "account",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "assets",
    "auth",
    "bot",
    "communities",
    "community",
    "deleted",
    "everyone",
    "graphql",
    "help",
    "here",
    "hooks",
    "info",
    "login",
    "logout",
    "mail",
    "moderator",
    "nobody",
    "null",
    "official",
    "owner",
    "postmaster",
    "privacy",
    "root",
    "security",
    "settings",
    "setup",
    "staff",
    "support",
    "system",
    "undefined",
    "waddlebot",
    "webmaster",
    "you",
];

/// What a person says about themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// What their page is found by, `a-z0-9_-`; `None` as long as they have no page.
    pub handle: Option<String>,
    /// A few words.
    pub bio: String,
    /// `https://…` or empty.
    pub website: String,
    /// Where they say they are.
    pub location: String,
}

/// What is to be changed; all of it at once, as a form sends it.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// The name shown.
    pub display_name: String,
    /// Upper case is folded; empty for none.
    pub handle: String,
    /// At most 500 characters.
    pub bio: String,
    /// Empty, or an address that begins with `https://` or `http://`.
    pub website: String,
    /// At most 80 characters.
    pub location: String,
}

/// Whose profile is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// By handle, in any case.
    Handle(&'a str),
    /// By id.
    User(UserId),
}

/// Whose eyes are used; anything but one's own has an effect only on one's own profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Eyes {
    /// The viewer's own.
    #[default]
    Own,
    /// Those of somebody in one of one's communities.
    Community,
    /// Those of a stranger.
    Everyone,
}

/// A profile as one viewer may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileView {
    /// Whose it is.
    pub user: UserId,
    /// The name shown.
    pub display_name: String,
    /// What they say about themselves.
    pub profile: Profile,
    /// Here since.
    pub since: Timestamp,
    /// Their accounts on the platforms whose profile may be seen, that which stands for them first.
    pub accounts: Vec<PlatformAccount>,
    /// The proofs of these accounts, in the same way; one's own view has all one's links.
    pub links: Vec<Link>,
    /// Their communities that may be seen and that the viewer knows.
    pub communities: Vec<(Community, Role)>,
    /// The platforms whose activity may be seen.
    pub activity: Vec<Platform>,
    /// The platforms whose reputation may be seen.
    pub reputation: Vec<Platform>,
    /// Whether the viewer looks at their own, with their own eyes.
    pub is_own: bool,
}

/// The handle as it is stored.
fn check_handle(typed: &str) -> Result<Option<String>, IdentityError> {
    let handle = typed.trim().to_ascii_lowercase();
    if handle.is_empty() {
        return Ok(None);
    }
    let fits = (3..=30).contains(&handle.len())
        && handle
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
        && handle.bytes().any(|b| b.is_ascii_alphanumeric());
    if !fits {
        return Err(IdentityError::invalid(
            "handle",
            "use 3 to 30 of a-z, 0-9, `_` and `-`",
        ));
    }
    if RESERVED.contains(&handle.as_str()) {
        return Err(taken(&handle));
    }
    Ok(Some(handle))
}

fn taken(handle: &str) -> IdentityError {
    IdentityError::invalid("handle", format!("`{handle}` is taken: choose another"))
}

fn check_text(
    field: &'static str,
    typed: &str,
    most: usize,
    lines: bool,
) -> Result<String, IdentityError> {
    let text = typed.replace("\r\n", "\n").trim().to_owned();
    let strange = |c: char| c.is_control() && !(lines && c == '\n');
    if text.chars().count() > most || text.chars().any(strange) {
        return Err(IdentityError::invalid(
            field,
            format!("use at most {most} characters"),
        ));
    }
    Ok(text)
}

fn check_website(typed: &str) -> Result<String, IdentityError> {
    let text = typed.trim();
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let fits = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && text.len() <= WEBSITE_MAX
        && !text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || "\"'<>\\`".contains(c));
    if text.is_empty() || fits {
        return Ok(text.to_owned());
    }
    Err(IdentityError::invalid(
        "website",
        format!("enter an address that begins with https://, at most {WEBSITE_MAX} bytes"),
    ))
}

impl Identity {
    /// What one says about oneself.
    pub async fn own_profile(&self, actor: &Actor) -> Result<Profile, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        Ok(table::of_user(self.db.read(), user)
            .await?
            .unwrap_or_default())
    }

    /// Changes what one says about oneself. The audit log names the fields, not what is in them.
    pub async fn change_profile(
        &self,
        actor: &Actor,
        change: &ProfileChange,
    ) -> Result<Profile, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let name = check_name(&change.display_name)?;
        let after = Profile {
            handle: check_handle(&change.handle)?,
            bio: check_text("bio", &change.bio, BIO_MAX, true)?,
            website: check_website(&change.website)?,
            location: check_text("location", &change.location, LOCATION_MAX, false)?,
        };
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let person = tables::user::by_id(work.conn(), user)
            .await?
            .ok_or(IdentityError::NotFound)?;
        let before = table::of_user(work.conn(), user).await?.unwrap_or_default();
        let changed: Vec<&str> = [
            ("display_name", person.display_name != name),
            ("handle", before.handle != after.handle),
            ("bio", before.bio != after.bio),
            ("website", before.website != after.website),
            ("location", before.location != after.location),
        ]
        .into_iter()
        .filter_map(|(field, is_changed)| is_changed.then_some(field))
        .collect();
        if changed.is_empty() {
            return Ok(after);
        }
        tables::user::rename(work.conn(), user, &name).await?;
        match table::put(work.conn(), user, &after, work.now()).await {
            Err(StoreError::Duplicate(_)) => {
                return Err(taken(after.handle.as_deref().unwrap_or("")));
            }
            stored => stored?,
        }
        linked_role::nudge(&mut work, user).await?;
        work.audit(Entry {
            action: "profile.change",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "changed": changed }),
        });
        work.commit().await?;
        Ok(after)
    }

    /// A person's profile as the actor may see it; `None` if there is none or nothing of it may be
    /// seen, which is the same to the asker.
    pub async fn profile(
        &self,
        actor: &Actor,
        who: Who<'_>,
        eyes: Eyes,
    ) -> Result<Option<ProfileView>, IdentityError> {
        let user = match who {
            Who::User(user) => Some(user),
            Who::Handle(typed) => match check_handle(typed).ok().flatten() {
                Some(handle) => table::by_handle(self.db.read(), &handle).await?,
                None => None,
            },
        };
        let Some(user) = user else { return Ok(None) };
        Ok(self.profiles(actor, &[user], eyes).await?.remove(&user))
    }

    /// The profiles of several people as the actor may see them, asked for at once; those that do not
    /// exist and those of which nothing may be seen are left out.
    pub async fn profiles(
        &self,
        actor: &Actor,
        users: &[UserId],
        eyes: Eyes,
    ) -> Result<HashMap<UserId, ProfileView>, IdentityError> {
        let mut people = tables::user::by_ids(self.db.read(), users).await?;
        people.retain(|person| person.claimed);
        if people.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
        let mut known = self.known(&ids).await?;
        let mut seen = Vec::with_capacity(people.len());
        for person in people {
            let known = known.remove(&person.id).unwrap_or_default();
            seen.extend(look(actor, eyes, person, known));
        }
        self.with_communities(actor, seen).await
    }

    /// All that profiles are made of, of some people.
    async fn known(&self, ids: &[UserId]) -> Result<HashMap<UserId, Known>, IdentityError> {
        let conn = self.db.read();
        let mut known: HashMap<UserId, Known> = HashMap::with_capacity(ids.len());
        for (user, visibility) in visibility::of_users(conn, ids).await? {
            known.entry(user).or_default().visibility = visibility;
        }
        for (user, mut roles) in tables::community::roles_of_each(conn, ids).await? {
            roles.retain(|(_, role)| *role >= Role::Member);
            known.entry(user).or_default().roles = roles;
        }
        for account in tables::account::of_users(conn, ids).await? {
            let accounts = &mut known.entry(account.user).or_default().accounts;
            accounts.push(account);
        }
        for link in tables::link::of_users(conn, ids).await? {
            known.entry(link.user).or_default().links.push(link);
        }
        for (user, profile) in table::of_users(conn, ids).await? {
            known.entry(user).or_default().profile = profile;
        }
        Ok(known)
    }

    /// Adds to each the communities that are on platforms where they show them, or on none while they show
    /// them everywhere, and that the viewer knows.
    async fn with_communities(
        &self,
        actor: &Actor,
        seen: Vec<Seen>,
    ) -> Result<HashMap<UserId, ProfileView>, IdentityError> {
        let mut ids: Vec<CommunityId> = seen.iter().flat_map(Seen::communities).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| actor.require(Permission::ViewCommunity, *id).is_ok());
        let places = self.servers_of(actor, &ids).await?;
        let found = tables::community::by_ids(self.db.read(), &ids).await?;
        let found: HashMap<_, _> = found.into_iter().map(|it| (it.id, it)).collect();
        let views = seen.into_iter().map(|seen| {
            let is_shown = |id: &CommunityId| match places.get(id) {
                None => seen.where_shown.len() == Platform::ALL.len(),
                Some(places) => places
                    .iter()
                    .any(|place| seen.where_shown.contains(&place.platform)),
            };
            let shown = seen.roles.iter().take(COMMUNITIES_MAX);
            let communities = shown
                .filter(|(id, _)| is_shown(id))
                .filter_map(|(id, role)| Some((found.get(id)?.clone(), *role)))
                .collect();
            let view = ProfileView {
                communities,
                ..seen.view
            };
            (view.user, view)
        });
        Ok(views.collect())
    }
}

/// What a profile is made of.
#[derive(Default)]
struct Known {
    visibility: Visibility,
    /// Of a member or more.
    roles: Vec<(CommunityId, Role)>,
    accounts: Vec<PlatformAccount>,
    links: Vec<Link>,
    profile: Profile,
}

/// A profile that may be seen, its communities not yet looked up.
struct Seen {
    view: ProfileView,
    roles: Vec<(CommunityId, Role)>,
    where_shown: Vec<Platform>,
}

impl Seen {
    fn communities(&self) -> impl Iterator<Item = CommunityId> {
        self.roles.iter().take(COMMUNITIES_MAX).map(|(id, _)| *id)
    }
}

/// What of a person may be seen; `None` if nothing may.
fn look(actor: &Actor, eyes: Eyes, person: User, known: Known) -> Option<Seen> {
    let Known {
        visibility,
        roles,
        accounts,
        mut links,
        profile,
    } = known;
    let is_owner = actor.user_id() == Some(person.id);
    let owner = Owner {
        user: person.id,
        visibility: &visibility,
    };
    // Whom the preview pretends to be.
    let (viewer, shares) = match (is_owner, eyes) {
        (true, Eyes::Community) => (Some(UserId(0)), true),
        (true, Eyes::Everyone) => (None, false),
        _ => {
            let with = |role: Option<Role>| role.is_some_and(|role| role >= Role::Member);
            let shares = roles.iter().any(|(id, _)| with(actor.role_in(*id)));
            (actor.user_id(), shares)
        }
    };
    let shown = |facet| -> Vec<Platform> {
        let may = |platform: &Platform| may_see(viewer, owner, facet, *platform, shares);
        Platform::ALL.into_iter().filter(may).collect()
    };
    let profile_on = shown(Facet::Profile);
    let has_accounts = !accounts.is_empty();
    let mut visible: Vec<PlatformAccount> = accounts
        .into_iter()
        .filter(|account| profile_on.contains(&account.platform))
        .collect();
    // Who has accounts decides with their platforms; who has none, with any.
    let is_visible = if has_accounts {
        !visible.is_empty()
    } else {
        !profile_on.is_empty()
    };
    let is_own = is_owner && eyes == Eyes::Own;
    if !is_visible && !is_own {
        return None;
    }
    let is_shown = |id| visible.iter().any(|account| account.id == id);
    links.retain(|link| is_own || link.account.is_some_and(is_shown));
    // Of one that may not be seen nobody learns that it was chosen.
    links.sort_by_key(|link| !link.is_primary);
    let first = links.iter().find(|link| link.is_primary);
    let first = first.and_then(|link| link.account);
    visible.sort_by_key(|account| Some(account.id) != first);
    Some(Seen {
        roles,
        where_shown: shown(Facet::Communities),
        view: ProfileView {
            user: person.id,
            display_name: person.display_name,
            profile,
            since: person.created_at,
            accounts: visible,
            links,
            communities: Vec::new(),
            activity: shown(Facet::Activity),
            reputation: shown(Facet::Reputation),
            is_own,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_folded_short_and_nobodys_office() {
        assert_eq!(
            check_handle(" Ann_the-1 ").unwrap().as_deref(),
            Some("ann_the-1")
        );
        assert_eq!(check_handle("").unwrap(), None);
        for bad in [
            "ab",
            &"a".repeat(31),
            "a b",
            "änn",
            "a.b",
            "---",
            "Admin",
            "waddlebot",
        ] {
            assert!(check_handle(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_website_is_one_that_a_browser_opens_and_nothing_else() {
        for good in ["", "https://example.org/ann?a=1", "http://example.org"] {
            assert_eq!(check_website(good).unwrap(), good);
        }
        for bad in [
            "javascript:alert(1)",
            "//example.org",
            "https://",
            "https:///x",
            "example.org",
            "https://a b",
            "https://a\"b",
        ] {
            assert!(check_website(bad).is_err(), "{bad}");
        }
    }
}
