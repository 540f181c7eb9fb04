//! The members' table: search, platform filter, sort and keyset pages, all in the address; a CSV of
//! the filtered table; and changing somebody's role on a page of its own that names the person.

use std::sync::Arc;

use activity::{Member, MemberQuery, MemberSort};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use kernel::{PageRequest, Permission, Platform, Role, UserId};
use serde::Deserialize;

use crate::{
    community,
    csv::Csv,
    display,
    error::PageError,
    layout::{self, Place, Section, Shell},
    paging, return_to,
    router::Face,
    viewer::SignedIn,
};

/// Rows on a page.
const ROWS: u32 = 50;
/// Most rows of the CSV.
const DOWNLOAD_MAX: usize = 10_000;
/// Where the service stops counting.
const COUNT_MAX: u64 = 10_000;

/// The address's query: which rows, in which order.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    platform: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    dir: String,
    after: Option<String>,
    /// How many rows were on the pages before: for display only.
    #[serde(default)]
    n: u64,
}

/// The table's columns that sort it: the name in the address, and whether the largest comes first
/// when it is chosen.
const SORTS: [(MemberSort, &str, &str, bool); 4] = [
    (MemberSort::Name, "name", "Name", false),
    (MemberSort::FirstSeen, "first", "First seen", true),
    (MemberSort::LastSeen, "last", "Last seen", true),
    (MemberSort::Messages, "messages", "Messages", true),
];

#[derive(Template)]
#[template(path = "members.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a template asks yes-or-no questions"
)]
struct Page {
    shell: Shell,
    slug: String,
    search: String,
    sort: &'static str,
    dir: &'static str,
    platforms: Vec<PlatformOption>,
    is_filtered: bool,
    is_on_platform: bool,
    is_later: bool,
    name: Heading,
    first: Heading,
    last: Heading,
    messages: Heading,
    rows: Vec<Row>,
    range: String,
    csv: String,
    first_href: String,
    next_href: Option<String>,
    here: String,
    may_manage: bool,
    may_import: bool,
}

struct PlatformOption {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

struct Heading {
    label: &'static str,
    href: String,
    /// For `aria-sort`.
    order: &'static str,
    /// ▲ or ▼ beside the column in use.
    mark: &'static str,
}

struct Row {
    id: UserId,
    name: String,
    platforms: Vec<Platform>,
    role: Option<Role>,
    first: String,
    first_at: String,
    last: String,
    last_at: String,
    messages: String,
    active_days: String,
}

/// `GET /c/{slug}/members`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let query = wanted.query(ROWS)?;
    let activity = &face.app.activity;
    let page = activity
        .members(&viewer.actor, community.id, &query)
        .await?;
    let total = activity
        .member_count(&viewer.actor, community.id, &query)
        .await?;
    let users: Vec<UserId> = page.items.iter().map(|m| m.user_id).collect();
    let roles = face
        .app
        .identity
        .roles(&viewer.actor, community.id, &users)
        .await?;
    let now = face.app.clock.now();
    let n_rows = u64::try_from(page.items.len()).unwrap_or(0);
    let base = format!("/c/{}/members", community.slug);
    let next_href = page.next.as_ref().map(|cursor| {
        let link = wanted.href(&base, query.sort, query.descending);
        let link = return_to::with(&link, "after", &cursor.encode());
        return_to::with(&link, "n", &wanted.n.saturating_add(n_rows).to_string())
    });
    let place = Place {
        title: "Members",
        section: Section::Members,
        community: Some(&community),
    };
    let may = |permission| viewer.actor.require(permission, community.id).is_ok();
    let heading = |column| wanted.heading(&base, column, &query);
    let table = Page {
        shell: Shell::new(&face, &viewer, place).await?,
        search: wanted.q.clone(),
        sort: sort_name(query.sort),
        dir: direction(query.descending),
        platforms: platform_options(query.platform),
        is_filtered: !query.search.is_empty() || query.platform.is_some(),
        is_on_platform: query.platform.is_some(),
        is_later: query.page.cursor().is_some(),
        name: heading(MemberSort::Name),
        first: heading(MemberSort::FirstSeen),
        last: heading(MemberSort::LastSeen),
        messages: heading(MemberSort::Messages),
        range: range(wanted.n, n_rows, total),
        csv: wanted.href(&format!("{base}.csv"), query.sort, query.descending),
        first_href: wanted.href(&base, query.sort, query.descending),
        next_href,
        here: return_to::encode(&viewer.address),
        may_manage: may(Permission::ManageMembers),
        may_import: may(Permission::ImportHistory),
        rows: page
            .items
            .into_iter()
            .map(|member| Row {
                id: member.user_id,
                role: roles.get(&member.user_id).copied(),
                first: display::date(member.first_at.day()),
                first_at: member.first_at.to_string(),
                last: display::ago(now, member.last_at),
                last_at: member.last_at.to_string(),
                messages: display::count(member.messages),
                active_days: display::count(member.active_days.into()),
                platforms: member.platforms,
                name: member.name,
            })
            .collect(),
        slug: community.slug,
    };
    layout::page(&table)
}

/// `GET /c/{slug}/members.csv`: the filtered table, at most 10,000 rows.
pub(crate) async fn download(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let mut csv = Csv::new([
        "user_id",
        "name",
        "platforms",
        "role",
        "first_seen",
        "last_seen",
        "messages",
        "active_days",
    ]);
    let mut query = Wanted {
        after: None,
        ..wanted
    }
    .query(kernel::page::MAX_LIMIT)?;
    let mut n_rows = 0;
    loop {
        let page = face
            .app
            .activity
            .members(&viewer.actor, community.id, &query)
            .await?;
        let users: Vec<UserId> = page.items.iter().map(|m| m.user_id).collect();
        let roles = face
            .app
            .identity
            .roles(&viewer.actor, community.id, &users)
            .await?;
        n_rows += page.items.len();
        for member in page.items {
            let role = roles.get(&member.user_id).copied();
            push(&mut csv, member, role);
        }
        match page.next {
            Some(cursor) if n_rows < DOWNLOAD_MAX => {
                query.page = PageRequest::after(cursor, kernel::page::MAX_LIMIT);
            }
            _ => return Ok(csv.download(&format!("{}-members", community.slug))),
        }
    }
}

fn push(csv: &mut Csv, member: Member, role: Option<Role>) {
    let platforms: Vec<&str> = member.platforms.iter().map(|p| p.as_str()).collect();
    csv.row([
        i64::from(member.user_id.0).into(),
        member.name.into(),
        platforms.join(" ").into(),
        role.map_or("", Role::as_str).into(),
        member.first_at.to_string().into(),
        member.last_at.to_string().into(),
        member.messages.into(),
        u64::from(member.active_days).into(),
    ]);
}

impl Wanted {
    fn query(&self, limit: u32) -> Result<MemberQuery, PageError> {
        let platform = match self.platform.as_str() {
            "" => None,
            name => Some(name.parse::<Platform>().map_err(|error| {
                PageError::bad_input(crate::error::sentence(&error.to_string()))
            })?),
        };
        let (sort, _, _, largest_first) = SORTS
            .into_iter()
            .find(|(_, name, _, _)| *name == self.sort)
            .unwrap_or((MemberSort::LastSeen, "last", "Last seen", true));
        let descending = match self.dir.as_str() {
            "asc" => false,
            "desc" => true,
            _ => largest_first,
        };
        let page = paging::asked(self.after.as_deref(), limit)?;
        Ok(MemberQuery {
            search: self.q.trim().to_owned(),
            platform,
            sort,
            descending,
            page,
        })
    }

    /// The same rows from the first page on, in an order.
    fn href(&self, base: &str, sort: MemberSort, descending: bool) -> String {
        let mut link = base.to_owned();
        if !self.q.is_empty() {
            link = return_to::with(&link, "q", &self.q);
        }
        if !self.platform.is_empty() {
            link = return_to::with(&link, "platform", &self.platform);
        }
        link = return_to::with(&link, "sort", sort_name(sort));
        return_to::with(&link, "dir", direction(descending))
    }

    fn heading(&self, base: &str, column: MemberSort, query: &MemberQuery) -> Heading {
        let (_, _, label, largest_first) = SORTS
            .into_iter()
            .find(|(sort, ..)| *sort == column)
            .unwrap_or((column, "", "", true));
        let is_used = query.sort == column;
        let descending = if is_used {
            !query.descending
        } else {
            largest_first
        };
        let (order, mark) = match (is_used, query.descending) {
            (false, _) => ("none", ""),
            (true, true) => ("descending", "▼"),
            (true, false) => ("ascending", "▲"),
        };
        Heading {
            label,
            href: self.href(base, column, descending),
            order,
            mark,
        }
    }
}

fn sort_name(sort: MemberSort) -> &'static str {
    SORTS
        .into_iter()
        .find(|(known, ..)| *known == sort)
        .map_or("last", |(_, name, _, _)| name)
}

const fn direction(descending: bool) -> &'static str {
    if descending { "desc" } else { "asc" }
}

fn platform_options(chosen: Option<Platform>) -> Vec<PlatformOption> {
    Platform::ALL
        .into_iter()
        .map(|platform| PlatformOption {
            value: platform.as_str(),
            label: platform.label(),
            is_chosen: chosen == Some(platform),
        })
        .collect()
}

/// `51–100 of about 1,204 members`.
fn range(before: u64, n_rows: u64, total: u64) -> String {
    let all = if total >= COUNT_MAX {
        format!("{}+ members", display::count(COUNT_MAX))
    } else {
        display::plural(total, "member")
    };
    if n_rows == 0 {
        return if total == 0 {
            "no members".to_owned()
        } else {
            all
        };
    }
    let before = before.min(total.max(n_rows) - n_rows).min(u64::MAX / 2);
    if before == 0 && n_rows == total {
        return all;
    }
    let about = if total >= COUNT_MAX { "" } else { "about " };
    format!(
        "{}–{} of {about}{all}",
        display::count(before + 1),
        display::count(before + n_rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_says_where_one_is_without_promising_more_than_is_known() {
        assert_eq!(range(0, 0, 0), "no members");
        assert_eq!(range(0, 1, 1), "1 member");
        assert_eq!(range(0, 50, 1_204), "1–50 of about 1,204 members");
        assert_eq!(range(50, 50, 1_204), "51–100 of about 1,204 members");
        assert_eq!(range(0, 50, 10_000), "1–50 of 10,000+ members");
        // A number from the address can lie; it cannot break the page.
        assert_eq!(range(u64::MAX, 4, 54), "51–54 of about 54 members");
        assert_eq!(range(9, 5, 0), "1–5 of about 0 members");
    }

    #[test]
    fn the_address_is_the_query() {
        let wanted = Wanted {
            q: " duck ".to_owned(),
            platform: "twitch".to_owned(),
            sort: "messages".to_owned(),
            ..Wanted::default()
        };
        let query = wanted.query(50).unwrap();
        assert_eq!(
            (query.search.as_str(), query.platform),
            ("duck", Some(Platform::Twitch))
        );
        assert_eq!((query.sort, query.descending), (MemberSort::Messages, true));
        let bad = Wanted {
            platform: "myspace".to_owned(),
            ..Wanted::default()
        };
        assert!(bad.query(50).is_err());
        let bad = Wanted {
            after: Some("zz".to_owned()),
            ..Wanted::default()
        };
        assert!(bad.query(50).is_err());
    }

    #[test]
    fn choosing_the_column_in_use_turns_the_order() {
        let wanted = Wanted {
            sort: "name".to_owned(),
            q: "a&b".to_owned(),
            ..Wanted::default()
        };
        let query = wanted.query(50).unwrap();
        let name = wanted.heading("/m", MemberSort::Name, &query);
        assert_eq!(
            (name.order, name.href.as_str()),
            ("ascending", "/m?q=a%26b&sort=name&dir=desc")
        );
        let last = wanted.heading("/m", MemberSort::LastSeen, &query);
        assert_eq!(
            (last.order, last.href.as_str()),
            ("none", "/m?q=a%26b&sort=last&dir=desc")
        );
    }
}
