//! Communities and the servers and channels connected to them.

use std::collections::HashMap;

use kernel::{Actor, CommunityId, Permission, Platform, Role, ServerId, Timestamp};
use store::{DomainEvent, StoreError, Work, audit::Entry};

use crate::{
    COMMUNITY_CREATED, COMMUNITY_UPDATED, Identity, IdentityError, SERVER_CONNECTED, Weights,
    events::ROUTES, store as tables,
};

/// A community.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Community {
    /// Its id.
    pub id: CommunityId,
    /// Its name in URLs: 2 to 50 of `a-z`, `0-9`, `-`; unique; never changes.
    pub slug: String,
    /// Its name for people, 1 to 100 characters.
    pub name: String,
    /// What it is about, at most 1,000 characters.
    pub description: String,
    /// How many days raw live messages are kept, 1 to 3,650. Imported history is not touched.
    pub retention_days: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A community to make.
#[derive(Debug, Clone, Default)]
pub struct NewCommunity {
    /// Wanted slug; made from the name if absent.
    pub slug: Option<String>,
    /// Name.
    pub name: String,
    /// Description; may be empty.
    pub description: String,
}

/// New values for a community's settings.
#[derive(Debug, Clone)]
pub struct CommunityChange {
    /// Name.
    pub name: String,
    /// Description.
    pub description: String,
    /// Days to keep raw live messages.
    pub retention_days: u32,
}

/// A server, workspace or channel connected to a community.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Where it is.
    pub platform: Platform,
    /// The platform's id of it.
    pub platform_server_id: String,
    /// Its name.
    pub name: String,
    /// Whether it is the community's main place on that platform.
    pub is_primary: bool,
}

/// A server to connect.
#[derive(Debug, Clone)]
pub struct NewServer {
    /// Where it is.
    pub platform: Platform,
    /// The platform's id of it, 1 to 200 bytes.
    pub platform_server_id: String,
    /// Its name.
    pub name: String,
}

/// How long raw messages are kept unless a community says otherwise, in days.
pub(crate) const RETENTION_DAYS: u32 = 90;

/// A slug from a name: ASCII letters and digits, everything else a hyphen; never empty.
fn slugify(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() >= 50 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.len() < 2 {
        format!("community-{slug}").trim_end_matches('-').to_owned()
    } else {
        slug.to_owned()
    }
}

/// How many communities may have names that give one slug.
const SLUGS_MAX: u32 = 100;

/// The n-th slug made of one: `ducks`, `ducks-2`, `ducks-3`, …
fn numbered(slug: &str, n: u32) -> String {
    if n <= 1 {
        return slug.to_owned();
    }
    let end = format!("-{n}");
    let kept: String = slug.chars().take(50 - end.len()).collect();
    format!("{}{end}", kept.trim_end_matches('-'))
}

/// Whether a community found by the slug of a name is the one that is meant: not if its own name
/// gives the same slug and is yet another.
fn is_same(found: &Community, name: &str) -> bool {
    let renamed = !found.slug.starts_with(&slugify(&found.name));
    renamed || found.slug == name || found.name.to_lowercase() == name.to_lowercase()
}

fn taken(slug: &str) -> IdentityError {
    IdentityError::invalid("slug", format!("`{slug}` is taken: choose another"))
}

fn check_slug(slug: &str) -> Result<(), IdentityError> {
    let fits = (2..=50).contains(&slug.len())
        && slug
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    if fits {
        return Ok(());
    }
    Err(IdentityError::invalid(
        "slug",
        "use 2 to 50 of a-z, 0-9 and hyphens, not at the ends",
    ))
}

fn check_text(name: &str, description: &str) -> Result<(String, String), IdentityError> {
    let (name, description) = (name.trim(), description.trim());
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(IdentityError::invalid(
            "name",
            "enter a name of at most 100 characters",
        ));
    }
    if description.chars().count() > 1_000 || description.contains('\0') {
        return Err(IdentityError::invalid(
            "description",
            "use at most 1,000 characters",
        ));
    }
    Ok((name.to_owned(), description.to_owned()))
}

impl Identity {
    /// The communities the actor may see, by name, with the actor's role. Instance administrators
    /// see all.
    pub async fn communities(
        &self,
        actor: &Actor,
    ) -> Result<Vec<(Community, Option<Role>)>, IdentityError> {
        let visible = match actor {
            Actor::User {
                is_instance_admin: false,
                roles,
                ..
            } => {
                let ids: Vec<CommunityId> = roles.keys().copied().collect();
                tables::community::by_ids(self.db.read(), &ids).await?
            }
            Actor::Anonymous => Vec::new(),
            Actor::User { .. } | Actor::System(_) => tables::community::all(self.db.read()).await?,
        };
        Ok(visible
            .into_iter()
            .filter(|community| {
                actor
                    .require(Permission::ViewCommunity, community.id)
                    .is_ok()
            })
            .map(|community| {
                let role = actor.role_in(community.id);
                (community, role)
            })
            .collect())
    }

    /// A community by id; `None` if absent or not to be known of.
    pub async fn community(
        &self,
        actor: &Actor,
        id: CommunityId,
    ) -> Result<Option<Community>, IdentityError> {
        if actor.require(Permission::ViewCommunity, id).is_err() {
            return Ok(None);
        }
        Ok(tables::community::by_id(self.db.read(), id).await?)
    }

    /// Several communities by id; those that are absent or not to be known of are left out.
    pub async fn communities_of(
        &self,
        actor: &Actor,
        ids: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Community>, IdentityError> {
        let (known, _) = actor.sort_out(Permission::ViewCommunity, ids);
        let found = tables::community::by_ids(self.db.read(), &known).await?;
        Ok(found
            .into_iter()
            .map(|community| (community.id, community))
            .collect())
    }

    /// A community by slug; `None` if absent or not to be known of.
    pub async fn community_by_slug(
        &self,
        actor: &Actor,
        slug: &str,
    ) -> Result<Option<Community>, IdentityError> {
        // What cannot be a slug is nobody's; PostgreSQL would even refuse to look for U+0000.
        if check_slug(slug).is_err() {
            return Ok(None);
        }
        let found = tables::community::by_slug(self.db.read(), slug).await?;
        Ok(found.filter(|community| {
            actor
                .require(Permission::ViewCommunity, community.id)
                .is_ok()
        }))
    }

    /// Makes a community; a person who makes one becomes its owner.
    pub async fn create_community(
        &self,
        actor: &Actor,
        new: &NewCommunity,
    ) -> Result<Community, IdentityError> {
        actor.require_instance(Permission::CreateCommunity)?;
        let (name, description) = check_text(&new.name, &new.description)?;
        let slug = new
            .slug
            .clone()
            .filter(|s| !s.is_empty())
            .unwrap_or_else(|| slugify(&name));
        check_slug(&slug)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let inserted =
            tables::community::insert(work.conn(), &slug, &name, &description, work.now()).await;
        let community = match inserted {
            Err(StoreError::Duplicate(_)) => return Err(taken(&slug)),
            other => other?,
        };
        if let Some(owner) = actor.user_id() {
            tables::community::put_role(work.conn(), community.id, owner, Role::Owner, work.now())
                .await?;
        }
        work.audit(Entry {
            action: "community.create",
            object: format!("community:{}", community.id),
            community: Some(community.id),
            detail: serde_json::json!({ "slug": slug, "name": name }),
        });
        let payload = serde_json::json!({ "community": community.id.0 });
        work.emit(
            DomainEvent {
                kind: COMMUNITY_CREATED,
                community: Some(community.id),
                payload,
            },
            ROUTES,
        )
        .await?;
        work.commit().await?;
        Ok(community)
    }

    /// The community that has this slug or this name, made if there is none. For imports, which know
    /// names only: one that was renamed since is found by the slug its old name gave it; another
    /// name that would give the same slug (`C#` after `C++`) is another community and gets a number.
    pub async fn find_or_create_community(
        &self,
        actor: &Actor,
        new: &NewCommunity,
    ) -> Result<Community, IdentityError> {
        actor.require_instance(Permission::CreateCommunity)?;
        let (name, _) = check_text(&new.name, &new.description)?;
        let wanted = new.slug.clone().filter(|s| !s.is_empty());
        let derived = wanted.clone().unwrap_or_else(|| slugify(&name));
        check_slug(&derived)?;
        for n in 1..=SLUGS_MAX {
            let slug = numbered(&derived, n);
            let named = match wanted {
                Some(_) => None,
                None => tables::community::by_name(self.db.read(), &name).await?,
            };
            if let Some(community) = named {
                return Ok(community);
            }
            match tables::community::by_slug(self.db.read(), &slug).await? {
                Some(found) if wanted.is_some() || is_same(&found, &name) => return Ok(found),
                Some(_) => {}
                None => {
                    let made = NewCommunity {
                        slug: Some(slug),
                        ..new.clone()
                    };
                    match self.create_community(actor, &made).await {
                        // Somebody made it at the same moment: look again.
                        Err(IdentityError::Invalid { field: "slug", .. }) => {}
                        made => return made,
                    }
                }
            }
        }
        Err(taken(&derived))
    }

    /// Changes a community's settings.
    pub async fn update_community(
        &self,
        actor: &Actor,
        id: CommunityId,
        change: &CommunityChange,
    ) -> Result<Community, IdentityError> {
        actor.require(Permission::ManageCommunity, id)?;
        let (name, description) = check_text(&change.name, &change.description)?;
        if !(1..=3_650).contains(&change.retention_days) {
            return Err(IdentityError::invalid(
                "retention_days",
                "use 1 to 3,650 days",
            ));
        }
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Community(id));
        let before = tables::community::by_id(work.conn(), id)
            .await?
            .ok_or(IdentityError::NotFound)?;
        let after = Community {
            name,
            description,
            retention_days: change.retention_days,
            ..before.clone()
        };
        tables::community::update(work.conn(), &after).await?;
        work.audit(Entry {
            action: "community.update",
            object: format!("community:{id}"),
            community: Some(id),
            detail: serde_json::json!({
                "before": { "name": before.name, "description": before.description, "retention_days": before.retention_days },
                "after": { "name": after.name, "description": after.description, "retention_days": after.retention_days },
            }),
        });
        let payload = serde_json::json!({
            "community": id.0, "slug": after.slug, "name": after.name,
            "description": after.description, "retention_days": after.retention_days,
        });
        work.emit(
            DomainEvent {
                kind: COMMUNITY_UPDATED,
                community: Some(id),
                payload,
            },
            ROUTES,
        )
        .await?;
        work.commit().await?;
        Ok(after)
    }

    /// The connected servers, by platform and name.
    pub async fn servers(
        &self,
        actor: &Actor,
        id: CommunityId,
    ) -> Result<Vec<Server>, IdentityError> {
        actor.require(Permission::ViewCommunity, id)?;
        Ok(tables::community::servers(self.db.read(), id).await?)
    }

    /// The servers of several communities, asked for at once; those without any are left out.
    pub async fn servers_of(
        &self,
        actor: &Actor,
        ids: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Vec<Server>>, IdentityError> {
        for id in ids {
            actor.require(Permission::ViewCommunity, *id)?;
        }
        let mut found: HashMap<CommunityId, Vec<Server>> = HashMap::new();
        if !ids.is_empty() {
            for (id, server) in tables::community::servers_of(self.db.read(), ids).await? {
                found.entry(id).or_default().push(server);
            }
        }
        Ok(found)
    }

    /// Connects a server. Connecting the same one again changes only its name; one that belongs to
    /// another community is refused.
    pub async fn connect_server(
        &self,
        actor: &Actor,
        id: CommunityId,
        new: &NewServer,
    ) -> Result<Server, IdentityError> {
        actor.require(Permission::ManageCommunity, id)?;
        let new = checked_server(new)?;
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Community(id));
        let server = connect(&mut work, id, &new).await?;
        work.commit().await?;
        Ok(server)
    }

    /// The community that owns a server or channel of a platform: where its chat belongs. For the
    /// ingest pipeline; needs no actor because it tells nothing about people.
    pub async fn community_of(
        &self,
        platform: Platform,
        server: &str,
    ) -> Result<Option<CommunityId>, IdentityError> {
        Ok(tables::community::server_owner(self.db.read(), platform, server).await?)
    }
}

/// A server to connect, if it has the form of one.
pub(crate) fn checked_server(new: &NewServer) -> Result<NewServer, IdentityError> {
    if new.platform_server_id.is_empty() || new.platform_server_id.len() > 200 {
        return Err(IdentityError::invalid(
            "platform_server_id",
            "use 1 to 200 bytes",
        ));
    }
    let printable = |text: &str| !text.chars().any(char::is_control);
    if !printable(&new.platform_server_id)
        || !printable(&new.name)
        || new.name.chars().count() > 100
    {
        return Err(IdentityError::invalid(
            "name",
            "use at most 100 characters and no line breaks",
        ));
    }
    Ok(new.clone())
}

/// Connects a server in a unit of work, with its audit entry.
pub(crate) async fn connect(
    work: &mut Work,
    id: CommunityId,
    new: &NewServer,
) -> Result<Server, IdentityError> {
    let owner =
        tables::community::server_owner(work.conn(), new.platform, &new.platform_server_id).await?;
    let server = tables::community::put_server(work.conn(), id, new, work.now()).await?;
    let Some(server) = server else {
        return Err(IdentityError::Conflict(
            "this server is connected to another community".to_owned(),
        ));
    };
    if owner.is_none() {
        work.audit(Entry {
            action: "community.server.connect",
            object: format!("server:{}", server.id),
            community: Some(id),
            detail: serde_json::json!({ "platform": new.platform.as_str(), "server": new.platform_server_id }),
        });
        let payload = serde_json::json!({
            "community": id.0, "server": server.id.0, "platform": new.platform.as_str(), "name": new.name,
        });
        work.emit(
            DomainEvent {
                kind: SERVER_CONNECTED,
                community: Some(id),
                payload,
            },
            ROUTES,
        )
        .await?;
    }
    Ok(server)
}

/// What the recording of live chat needs to know of a community.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRules {
    /// How many days live messages are kept.
    pub retention_days: u32,
    /// What events are worth there.
    pub weights: Weights,
}

/// What the recording of live chat needs to know of communities: one statement for each batch. For the
/// domains above, which were told where chat belongs.
pub async fn live_rules(
    conn: &impl sea_orm::ConnectionTrait,
    communities: &[CommunityId],
) -> Result<HashMap<CommunityId, LiveRules>, store::StoreError> {
    tables::community::live_rules(conn, communities).await
}

#[cfg(test)]
mod tests {
    use super::{check_slug, slugify};

    #[test]
    fn a_slug_is_made_from_any_name() {
        for (name, slug) in [
            ("Pond & Friends", "pond-friends"),
            ("  Ünïcode Ducks!  ", "n-code-ducks"),
            ("🦆", "community"),
            ("x", "community-x"),
            (
                &"ab ".repeat(40),
                "ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab",
            ),
        ] {
            assert_eq!(slugify(name), slug);
            assert!(check_slug(&slugify(name)).is_ok());
        }
        for bad in ["", "a", "-ab", "ab-", "Ab", "a_b", &"a".repeat(51)] {
            assert!(check_slug(bad).is_err(), "{bad}");
        }
    }
}
