//! What surrounds every page: title, sidebar with the community switcher, breadcrumbs, user menu and
//! the notice after an action. Links that the viewer may not use are not there.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use bots::Waiting;
use identity::Community;
use kernel::Permission;

use crate::{
    display::{count, plural},
    error::PageError,
    router::Face,
    viewer::Viewer,
};

/// Which entry of the menu is the current page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Section {
    /// None of them.
    None,
    /// The list of communities.
    Communities,
    /// A community's health.
    Health,
    /// A community's members.
    Members,
    /// Which accounts of a community look like bots.
    Bots,
    /// A community's live chat.
    Chat,
    /// What was said in a community's name.
    Deliveries,
    /// A community's chat commands.
    Commands,
    /// A community's settings.
    Settings,
    /// Where a community's events go; below its settings.
    Webhooks,
    /// The instance's status.
    Status,
    /// Dead letters.
    Jobs,
    /// People who are merged.
    Merges,
    /// The models that judge who is a bot.
    Models,
    /// The mail outbox.
    Mail,
    /// How the API is used.
    Api,
    /// The API to read.
    Reference,
    /// The audit log.
    Audit,
}

/// One link of the menu.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Its words.
    pub(crate) label: &'static str,
    /// Where it leads.
    pub(crate) href: String,
    /// The letter after `g` that goes there.
    pub(crate) key: &'static str,
    /// Whether this is the page shown.
    pub(crate) is_current: bool,
    /// How much waits there, if anything does.
    pub(crate) waits: Option<Waits>,
}

/// What waits behind a link.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    /// How much, as a number.
    pub(crate) n: String,
    /// What it is, in words.
    pub(crate) words: String,
}

impl Waits {
    /// Likely bots and appeals together; `None` if nothing waits.
    fn of(waiting: &Waiting) -> Option<Self> {
        let n = waiting.likely.saturating_add(waiting.appeals);
        (n > 0).then(|| {
            let likely = (waiting.likely > 0).then(|| plural(waiting.likely, "likely bot"));
            let appeals = (waiting.appeals > 0).then(|| plural(waiting.appeals, "appeal"));
            let parts: Vec<String> = likely.into_iter().chain(appeals).collect();
            Self {
                n: count(n),
                words: format!("{} to look at", parts.join(" and ")),
            }
        })
    }
}

/// Links under one heading.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The heading.
    pub(crate) label: String,
    /// The links.
    pub(crate) items: Vec<Item>,
}

/// One step of the breadcrumbs.
#[derive(Clone, Debug)]
pub(crate) struct Crumb {
    /// Its words.
    pub(crate) label: String,
    /// Where it leads; `None` for the page itself.
    pub(crate) href: Option<String>,
}

/// An entry of the community switcher.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The community.
    pub(crate) name: String,
    /// Where it leads.
    pub(crate) href: String,
    /// Whether it is the one shown.
    pub(crate) is_current: bool,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// Shown name.
    pub(crate) name: String,
    /// The letter in the round badge.
    pub(crate) initial: String,
}

/// What every template gets as `shell`.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    /// The page's name, also its `<h1>` unless the template says otherwise.
    pub(crate) title: String,
    /// Whether only the part inside `<main>` is wanted.
    pub(crate) is_part: bool,
    /// Who is signed in.
    pub(crate) person: Option<Person>,
    /// The community shown, if any.
    pub(crate) community: Option<String>,
    /// The community switcher.
    pub(crate) choices: Vec<Choice>,
    /// The menu.
    pub(crate) groups: Vec<Group>,
    /// The breadcrumbs.
    pub(crate) trail: Vec<Crumb>,
    /// What the last action did.
    pub(crate) notice: Option<&'static str>,
}

/// The page to surround.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Its name.
    pub(crate) title: &'a str,
    /// Its entry in the menu.
    pub(crate) section: Section,
    /// The community it belongs to.
    pub(crate) community: Option<&'a Community>,
}

impl Shell {
    /// Builds what surrounds a page for a viewer.
    pub(crate) async fn new(
        face: &Face,
        viewer: &Viewer,
        place: Place<'_>,
    ) -> Result<Self, PageError> {
        let mut shell = Self::bare(place.title);
        shell.notice = notice(&viewer.address);
        shell.trail = trail(place);
        shell.community = place.community.map(|c| c.name.clone());
        if viewer.is_swap {
            // Only the inside of <main> is sent; what surrounds it stays as it is.
            shell.is_part = true;
            return Ok(shell);
        }
        if let Some((user, _)) = &viewer.signed_in {
            let initial = user.display_name.chars().next().unwrap_or('?');
            shell.person = Some(Person {
                name: user.display_name.clone(),
                initial: initial.to_uppercase().collect(),
            });
            let all = face.app.identity.communities(&viewer.actor).await?;
            shell.choices = all
                .into_iter()
                .map(|(community, _)| Choice {
                    href: format!("/c/{}/health", community.slug),
                    is_current: place.community.is_some_and(|c| c.id == community.id),
                    name: community.name,
                })
                .collect();
        }
        let waiting = match place.community {
            Some(community) if may(viewer, Permission::ViewMembers, community) => {
                let bots = &face.app.bots;
                Some(bots.waiting(&viewer.actor, community.id).await?)
            }
            _ => None,
        };
        shell.groups = groups(viewer, place, waiting.as_ref());
        Ok(shell)
    }

    /// Without a sidebar: for errors and for signing in.
    pub(crate) fn bare(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            is_part: false,
            person: None,
            community: None,
            choices: Vec::new(),
            groups: Vec::new(),
            trail: Vec::new(),
            notice: None,
        }
    }
}

fn may(viewer: &Viewer, permission: Permission, community: &Community) -> bool {
    viewer.actor.require(permission, community.id).is_ok()
}

fn groups(viewer: &Viewer, place: Place<'_>, waiting: Option<&Waiting>) -> Vec<Group> {
    let mut groups = Vec::new();
    let item = |label, href: String, key, section| Item {
        label,
        href,
        key,
        is_current: place.section == section,
        waits: None,
    };
    if let Some(community) = place.community {
        let base = format!("/c/{}", community.slug);
        let may = |permission| may(viewer, permission, community);
        let mut items = Vec::new();
        if may(Permission::ViewActivity) {
            items.push(item(
                "Health",
                format!("{base}/health"),
                "h",
                Section::Health,
            ));
        }
        if may(Permission::ViewMembers) {
            items.push(item(
                "Members",
                format!("{base}/members"),
                "m",
                Section::Members,
            ));
            items.push(Item {
                waits: waiting.and_then(Waits::of),
                ..item("Bots", format!("{base}/bots"), "b", Section::Bots)
            });
        }
        if may(Permission::ViewActivity) {
            items.push(item(
                "Live chat",
                format!("{base}/chat"),
                "c",
                Section::Chat,
            ));
        }
        if may(Permission::ManageCommands) {
            items.push(item(
                "Commands",
                format!("{base}/commands"),
                "o",
                Section::Commands,
            ));
        }
        if may(Permission::ViewDeliveries) {
            items.push(item(
                "Messages sent",
                format!("{base}/deliveries"),
                "d",
                Section::Deliveries,
            ));
        }
        if may(Permission::ManageCommunity) {
            let section = match place.section {
                Section::Webhooks => Section::Webhooks,
                _ => Section::Settings,
            };
            items.push(item("Settings", format!("{base}/settings"), "s", section));
        }
        groups.push(Group {
            label: community.name.clone(),
            items,
        });
    }
    if viewer.signed_in.is_some() {
        groups.push(Group {
            label: "You".to_owned(),
            items: vec![
                item("Communities", "/".to_owned(), "a", Section::Communities),
                item(
                    "API reference",
                    "/api/docs".to_owned(),
                    "r",
                    Section::Reference,
                ),
            ],
        });
    }
    if viewer.actor.is_instance_admin() {
        groups.push(instance(item));
    }
    groups
}

/// What only whoever runs the instance has.
fn instance(item: impl Fn(&'static str, String, &'static str, Section) -> Item) -> Group {
    Group {
        label: "Instance".to_owned(),
        items: vec![
            item("Status", "/admin".to_owned(), "i", Section::Status),
            item("Failed jobs", "/admin/jobs".to_owned(), "j", Section::Jobs),
            item("Merges", "/admin/merges".to_owned(), "g", Section::Merges),
            item("Models", "/admin/models".to_owned(), "k", Section::Models),
            item("Mail", "/admin/mail".to_owned(), "e", Section::Mail),
            item("API", "/admin/api".to_owned(), "q", Section::Api),
            item("Audit log", "/admin/audit".to_owned(), "l", Section::Audit),
        ],
    }
}

fn trail(place: Place<'_>) -> Vec<Crumb> {
    let mut trail = Vec::new();
    let link = |label: &str, href: &str| Crumb {
        label: label.to_owned(),
        href: Some(href.to_owned()),
    };
    if let Some(community) = place.community {
        trail.push(link("Communities", "/"));
        trail.push(link(
            &community.name,
            &format!("/c/{}/health", community.slug),
        ));
    }
    if matches!(
        place.section,
        Section::Jobs
            | Section::Merges
            | Section::Models
            | Section::Mail
            | Section::Api
            | Section::Audit
    ) {
        trail.push(link("Instance", "/admin"));
    }
    if let (Section::Bots, Some(community)) = (place.section, place.community)
        && place.title != "Bots"
    {
        let bots = format!("/c/{}/bots", community.slug);
        trail.push(link("Bots", &bots));
        if place.title == "Case" {
            trail.push(link("Review queue", &format!("{bots}/queue")));
        }
    }
    if place.section == Section::Models && place.title != "Models" {
        trail.push(link("Models", "/admin/models"));
    }
    if let (Section::Commands, Some(community)) = (place.section, place.community)
        && place.title != "Commands"
    {
        trail.push(link("Commands", &format!("/c/{}/commands", community.slug)));
    }
    if place.section == Section::Reference && place.title != "API reference" {
        trail.push(link("API reference", "/api/docs"));
    }
    // Pages below the settings.
    if let (Section::Settings, Some(community)) = (place.section, place.community)
        && place.title != "Settings"
    {
        let settings = format!("/c/{}/settings", community.slug);
        trail.push(link("Settings", &settings));
        if place.title != "Connections" {
            trail.push(link("Connections", &format!("{settings}/connections")));
        }
    }
    if let (Section::Webhooks, Some(community)) = (place.section, place.community) {
        let settings = format!("/c/{}/settings", community.slug);
        trail.push(link("Settings", &settings));
        if place.title != "Webhooks" {
            trail.push(link("Webhooks", &format!("{settings}/webhooks")));
        }
    }
    trail.push(Crumb {
        label: place.title.to_owned(),
        href: None,
    });
    trail
}

/// The words for `?done=…` after an action was carried out; unknown ones say nothing.
fn notice(address: &str) -> Option<&'static str> {
    let (_, query) = address.split_once('?')?;
    let done = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("done="))?;
    Some(match done {
        "saved" => "Saved.",
        "export" => "Your data is being put together. Look again in a moment.",
        "erasure" => "Your account will be erased in fourteen days. You can take that back here.",
        "erasure-cancelled" => "Your account stays.",
        "created" => "The community is there. Now connect or import some chat.",
        "command-added" => "The command is there. Try it in chat.",
        "command-deleted" => "The command was deleted.",
        "reputation" => "The score was changed. The change is in the audit log.",
        "weights" => "Saved. It counts for what happens from now on.",
        "role" => "The role was changed. The change is in the audit log.",
        "merge-asked" => "A merge was asked for. Nothing has moved yet.",
        "merge-confirmed" => "Confirmed. The other side still has to.",
        "merged" => "The two are one now. For thirty days it can be undone here.",
        "merge-rejected" => "The two stay as they are.",
        "unmerged" => "The two are as they were. What was said meanwhile went with its account.",
        "unlike" => "Not the same person: that is kept, and can be undone.",
        "not-me" => "Not you: that is kept, and can be undone.",
        "perhaps" => "They may be the same person again.",
        "dismissed" => "The flag was dismissed. That can be undone.",
        "confirmed" => "The flag was confirmed. Nobody was banned by it.",
        "bots-setting" => "Saved. It counts for what is scored from now on.",
        "bots-channel" => "Saved. A channel that is new was greeted: look whether the post came.",
        "list-used" => "The list counts here from now on.",
        "list-unused" => "The list does not count here any more.",
        "appealed" => "A moderator will read it and answer here.",
        "appeal-granted" => "Granted. The account counts as a person's again.",
        "appeal-refused" => "Refused. They can say it again in thirty days.",
        "reported" => "Thank you, the moderators can see it.",
        "model-promoted" => "It scores from now on.",
        "model-retired" => "It is used no more. It can be promoted again.",
        "model-rolled-back" => {
            "It was taken back. The one before scores again, or the one that ships."
        }
        "training-asked" => "It waits for its turn. Look again in a moment.",
        "rollout-started" => "The first communities get the new model.",
        "rollout-advanced" => "The next step was taken.",
        "rollout-halted" => "Halted. Everybody is back at the deployed model.",
        "experiment-started" => {
            "It goes on from now. Half of the communities have the rules, half the model."
        }
        "experiment-stopped" => "Stopped. Everybody is judged as before.",
        "alert-cleared" => "Seen to. It is raised again if it happens again.",
        "corrected" => "That is kept, whatever the next import of a list says.",
        "uncorrected" => "Taken back. What the lists say counts again.",
        "reopened" => "The flag is open again.",
        "looking" => "For five minutes others see that you are looking at it.",
        "called-bot" => {
            "Called a bot. Trainings learn from it if enough is known of the account; nobody was banned."
        }
        "called-service" => "It is a bot you use: left alone here from now on.",
        "called-human" => {
            "Called a person. Trainings learn from it if enough is known of the account."
        }
        "skipped" => "Left to others. It comes back to you when there is something new.",
        "verdict-undone" => "Taken back. The case is open again, and nothing is learned from it.",
        "linked" => "The account was linked. You can sign in with it from now on.",
        "roles-asked" => "It will be told within a moment.",
        "roles-stopped" => "It is stopped. What was told is taken back within a moment.",
        "unlinked" => "The account was unlinked. It does not sign you in any more.",
        "not-linked" => "You did not allow it, so nothing was linked.",
        "password" => "The password was changed. Your other sessions were signed out.",
        "key-revoked" => "The key was revoked. Programs that use it are refused from now on.",
        "again" => "Sign in again: the first step was too long ago.",
        "second-factor-off" => "The second factor is off.",
        "passkey-added" => "The passkey was added. You can sign in with it from now on.",
        "passkey-removed" => "The passkey was removed. It does not sign you in any more.",
        "code-sent" => "A code is on its way. Look into your mailbox.",
        "email" => "The address is verified.",
        "new-password" => "The new password is set. Sign in with it.",
        "registered" => "Welcome! You are signed in.",
        "revoked" => "The session was signed out.",
        "replayed" => "The job will run again.",
        "discarded" => "The job was discarded.",
        "retrying" => "The message will be sent again.",
        "cancelled" => "The message will not be sent.",
        "signed-out" => "You are signed out.",
        "connected" => "Connected. Choose a channel for announcements, then test the connection.",
        "declined" => "You did not allow it, so nothing was connected.",
        "channel" => "The channel was saved.",
        "disconnected" => "Disconnected. What was recorded stays.",
        "pinged" => "A ping is on its way. Look again in a moment.",
        "webhook-paused" => "Paused. What happens meanwhile waits.",
        "webhook-resumed" => "It goes on. What waited is sent.",
        "webhook-removed" => "The webhook was removed.",
        "sent-again" => "It is sent again.",
        "nothing-failed" => "Nothing failed in that time.",
        "welcome" => "Welcome! This instance is yours. Create a community to begin.",
        _ => return None,
    })
}

/// Renders a template as a page.
pub(crate) fn page(template: &impl Template) -> Result<Response, PageError> {
    let html = template.render().map_err(PageError::template)?;
    Ok(Html(html).into_response())
}

#[cfg(test)]
mod tests {
    use super::notice;

    #[test]
    fn a_notice_says_only_what_the_program_knows_to_say() {
        assert_eq!(notice("/me?a=b&done=saved"), Some("Saved."));
        assert_eq!(notice("/me?done=<script>"), None);
        assert_eq!(notice("/me"), None);
    }
}
