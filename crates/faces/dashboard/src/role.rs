//! Changing somebody's role in a community: a page of its own that names the person and asks before
//! anything happens.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Community, IdentityError};
use kernel::{Permission, Role, UserId};
use serde::Deserialize;

use crate::{
    community,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    return_to,
    router::Face,
    viewer::{SignedIn, Viewer},
};

#[derive(Template)]
#[template(path = "role.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    community: String,
    id: UserId,
    name: String,
    accounts: Vec<(&'static str, String)>,
    current: Option<Role>,
    choices: Vec<Choice>,
    return_to: String,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    explanation: &'static str,
    is_current: bool,
}

/// The form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    role: String,
    return_to: Option<String>,
}

/// Where the viewer came from.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Origin {
    return_to: Option<String>,
}

/// `GET /c/{slug}/members/{user}/role`
pub(crate) async fn form(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, user)): Path<(String, String)>,
    Query(from): Query<Origin>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageMembers).await?;
    let user = user.parse().ok().ok_or_else(PageError::not_found)?;
    let back = from.return_to.as_deref();
    show(&face, &viewer, &community, user, back, Mistakes::default()).await
}

/// `POST /c/{slug}/members/{user}/role`
pub(crate) async fn change(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, user)): Path<(String, String)>,
    Form(change): Form<Change>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageMembers).await?;
    let user: UserId = user.parse().ok().ok_or_else(PageError::not_found)?;
    let wanted =
        match change.role.as_str() {
            "" => None,
            name => Some(name.parse::<Role>().map_err(|error| {
                PageError::bad_input(crate::error::sentence(&error.to_string()))
            })?),
        };
    let back = change.return_to.as_deref();
    match face
        .app
        .identity
        .set_role(&viewer.actor, community.id, user, wanted)
        .await
    {
        Ok(()) => {
            let list = format!("/c/{}/members", community.slug);
            let to = return_to::with(return_to::checked(back, &list), "done", "role");
            Ok(Redirect::to(&to).into_response())
        }
        Err(IdentityError::Conflict(message)) => {
            let mistakes = Mistakes::one("role", &message);
            show(&face, &viewer, &community, user, back, mistakes).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    user: UserId,
    back: Option<&str>,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    let accounts = face
        .app
        .activity
        .accounts(&viewer.actor, community.id, &[user])
        .await?
        .remove(&user)
        .unwrap_or_default();
    let current = identity
        .roles(&viewer.actor, community.id, &[user])
        .await?
        .get(&user)
        .copied();
    if accounts.is_empty() && current.is_none() {
        return Err(PageError::not_found());
    }
    let name = accounts
        .first()
        .map_or_else(|| format!("user {user}"), |a| a.username.clone());
    let own = if viewer.actor.is_instance_admin() {
        None
    } else {
        viewer.actor.role_in(community.id)
    };
    let list = format!("/c/{}/members", community.slug);
    let place = Place {
        title: "Change role",
        section: Section::Members,
        community: Some(community),
    };
    let page = Page {
        shell: Shell::new(face, viewer, place).await?,
        mistakes,
        slug: community.slug.clone(),
        community: community.name.clone(),
        id: user,
        name,
        accounts: accounts
            .into_iter()
            .map(|a| (a.platform.label(), a.username))
            .collect(),
        current,
        choices: choices(own, current),
        return_to: return_to::checked(back, &list).to_owned(),
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

/// The roles that somebody with power `own` (`None` = instance administrator) can give. The service
/// decides; this only leaves out what it would refuse.
fn choices(own: Option<Role>, current: Option<Role>) -> Vec<Choice> {
    let may = |role: Role| own.is_none_or(|own| role < own || own == Role::Owner);
    let mut choices: Vec<Choice> = Role::ALL
        .into_iter()
        .rev()
        .filter(|role| may(*role) || current == Some(*role))
        .map(|role| Choice {
            value: role.as_str(),
            label: role.as_str(),
            explanation: explain(role),
            is_current: current == Some(role),
        })
        .collect();
    choices.push(Choice {
        value: "",
        label: "no role",
        explanation: "Is seen in chat, but cannot open this community's pages.",
        is_current: current.is_none(),
    });
    choices
}

const fn explain(role: Role) -> &'static str {
    match role {
        Role::Owner => "Everything, including naming other owners.",
        Role::Admin => "Runs the community: settings, connections, roles below admin.",
        Role::Moderator => "Sees the members' table and keeps order.",
        Role::Vip => "An honoured member; sees health and chat.",
        Role::Member => "Sees the community's health and chat.",
        Role::Banned => "Excluded: sees less than a stranger.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roles_that_can_be_given_are_offered() {
        let offered = |own, current| -> Vec<&str> {
            choices(own, current).into_iter().map(|c| c.value).collect()
        };
        assert_eq!(
            offered(Some(Role::Admin), None),
            ["moderator", "vip", "member", "banned", ""]
        );
        assert_eq!(
            offered(Some(Role::Admin), Some(Role::Owner)),
            ["owner", "moderator", "vip", "member", "banned", ""]
        );
        assert_eq!(offered(Some(Role::Owner), None).len(), 7);
        assert_eq!(offered(None, None).len(), 7);
    }
}
