//! Links to domains that a list calls dangerous or suspicious: which a message has, and what is known of who posted them.
//!
//! The text is at hand only while a message is heard: what is kept is the listed domain, how often and when last
//! ([`crate::store::link`]). Whether a list still says so is asked each time, so that a correction, a list that is left
//! out here and an entry that faded take it back.
//!
//! Must never keep an address or a text, and is a reason to look, never a verdict and never a label.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::store::StoreError;
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::ConnectionTrait;

use crate::{
    Cause, Known, ListKind, Listable, Listed, Ruling, correction, list,
    rules::Rule,
    store::{link, state::Seat},
};

/// How long a link counts after the last one to the same domain.
pub(crate) const COUNTS: std::time::Duration = std::time::Duration::from_secs(90 * 86_400);
/// Links of one message that are looked at.
const LINKS_MAX: usize = 16;
/// Domains above a host, with itself, that are looked for.
const ABOVE_MAX: usize = 10;
/// How many domains a sentence names.
const NAMED: usize = 3;

/// The hosts that a text links to, each once, in the order of the text.
pub(crate) fn hosts(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let schemes = text.match_indices("://").filter_map(|(place, _)| {
        let before = text.as_bytes().get(..place)?;
        let ends = |scheme: &[u8]| {
            let begin = before.len().checked_sub(scheme.len());
            let end = begin.and_then(|begin| before.get(begin..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(scheme))
        };
        (ends(b"http") || ends(b"https")).then_some(place + 3)
    });
    let bare = text.match_indices("www.").filter_map(|(place, _)| {
        let before = text.get(..place)?.chars().next_back();
        let begins =
            before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '/' | '.' | '-' | '@'));
        begins.then_some(place)
    });
    let mut places: Vec<usize> = schemes.chain(bare).take(LINKS_MAX).collect();
    places.sort_unstable();
    for place in places {
        let rest = text.get(place..).unwrap_or_default();
        if let Some(host) = host(rest).filter(|host| !found.contains(host)) {
            found.push(host);
        }
    }
    found
}

/// The host at the beginning of a text, without who is to log in there, port and `www.`; `None` if it is no domain.
fn host(text: &str) -> Option<String> {
    let is_end = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '/' | '\\' | '?' | '#' | '>' | '<' | ')' | ']' | '"' | '\'' | '|' | ','
            )
    };
    let end = text.find(is_end).unwrap_or(text.len());
    let authority = text.get(..end)?;
    let authority = authority.rsplit('@').next()?;
    let host = list::domain(authority.split(':').next()?)?;
    Some(host.strip_prefix("www.").map(str::to_owned).unwrap_or(host))
}

/// A host and the domains above it, the nearest first.
fn above(host: &str) -> Vec<&str> {
    let mut found = vec![host];
    let mut rest = host;
    while let Some((_, up)) = rest.split_once('.') {
        if up.contains('.') {
            found.push(up);
        }
        rest = up;
    }
    // Of a host of very many parts the highest count, by which lists go.
    let surplus = found.len().saturating_sub(ABOVE_MAX);
    found.drain(1..=surplus.min(found.len() - 1));
    found
}

/// The domain because of which a host counts, with what is said of it. What people said of it or of a domain above comes
/// before all lists, and of either what is nearest to the host.
fn judge<'a>(
    host: &'a str,
    said: &'a HashMap<Listable, Listed>,
    now: Timestamp,
) -> Option<(&'a str, &'a Listed)> {
    let known: Vec<(&str, &Listed)> = above(host)
        .into_iter()
        .filter_map(|domain| Some((domain, said.get(&Listable::Domain(domain.to_owned()))?)))
        .collect();
    let corrected = known.iter().find(|(_, listed)| listed.correction.is_some());
    if let Some((domain, listed)) = corrected {
        let is_right = listed
            .correction
            .as_ref()
            .is_some_and(|said| said.ruling == Ruling::Right);
        return is_right.then_some((domain, listed));
    }
    known
        .into_iter()
        .find(|(_, listed)| matches!(listed.known(now), Some(Known::Unwanted(_))))
}

/// Which hosts count in a community, and why.
async fn counting(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    hosts: &BTreeSet<&str>,
    now: Timestamp,
) -> Result<HashMap<String, (String, Listed)>, StoreError> {
    let domains: BTreeSet<&str> = hosts.iter().flat_map(|host| above(host)).collect();
    let domains: Vec<Listable> = domains
        .into_iter()
        .map(|domain| Listable::Domain(domain.to_owned()))
        .collect();
    let said = correction::listed(conn, community, &domains).await?;
    let counts = |host: &&str| {
        let (domain, listed) = judge(host, &said, now)?;
        Some(((*host).to_owned(), (domain.to_owned(), listed.clone())))
    };
    Ok(hosts.iter().filter_map(counts).collect())
}

/// The listed domain of each host that counts in a community, of all that some messages link to.
#[derive(Debug, Default)]
pub(crate) struct Listening(HashMap<CommunityId, HashMap<String, String>>);

impl Listening {
    /// Looks up what texts link to. Nothing is asked where there are no links, and no community's lists where none of
    /// the hosts is on any.
    pub(crate) async fn of<'a>(
        conn: &impl ConnectionTrait,
        texts: impl Iterator<Item = (CommunityId, &'a str)>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut linked: BTreeMap<CommunityId, BTreeSet<String>> = BTreeMap::new();
        for (community, text) in texts {
            let hosts = hosts(text);
            if !hosts.is_empty() {
                linked.entry(community).or_default().extend(hosts);
            }
        }
        let all: BTreeSet<&str> = linked
            .values()
            .flatten()
            .flat_map(|host| above(host))
            .collect();
        let all: Vec<&str> = all.into_iter().collect();
        let mentioned = link::mentioned(conn, &all).await?;
        let mut found = Self::default();
        for (community, hosts) in &linked {
            let is_mentioned = |host: &&str| above(host).iter().any(|up| mentioned.contains(*up));
            let hosts: BTreeSet<&str> = hosts
                .iter()
                .map(String::as_str)
                .filter(is_mentioned)
                .collect();
            if hosts.is_empty() {
                continue;
            }
            let counts = counting(conn, *community, &hosts, now).await?;
            let counts = counts.into_iter().map(|(host, (domain, _))| (host, domain));
            found.0.insert(*community, counts.collect());
        }
        Ok(found)
    }

    /// The listed domains that a text links to, each once.
    pub(crate) fn domains(&self, community: CommunityId, text: &str) -> BTreeSet<&str> {
        let Some(counting) = self
            .0
            .get(&community)
            .filter(|counting| !counting.is_empty())
        else {
            return BTreeSet::new();
        };
        let domain = |host: String| counting.get(&host).map(String::as_str);
        hosts(text).into_iter().filter_map(domain).collect()
    }
}

/// What is known of an account that linked to listed domains.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Links {
    /// Messages that led to dangerous ones, and to those that are only suspicious.
    pub(crate) n: [u32; 2],
    domains: BTreeSet<String>,
    /// The lists that have them; none where only a correction says so.
    lists: BTreeSet<String>,
}

impl Links {
    fn add(&mut self, domain: &str, n: u32, listed: &Listed, now: Timestamp) {
        let counts = |one: &&crate::Listing| one.weight(now) >= list::FADED;
        let is_dangerous = listed.correction.is_some()
            || listed
                .listings
                .iter()
                .filter(counts)
                .any(|one| one.kind == ListKind::Dangerous);
        let [dangerous, suspicious] = &mut self.n;
        let sum = if is_dangerous { dangerous } else { suspicious };
        *sum = sum.saturating_add(n);
        self.domains.insert(domain.to_owned());
        let lists = listed.listings.iter().filter(counts);
        self.lists.extend(lists.map(|one| one.list.clone()));
    }

    /// The sentence for moderators. A domain is written so that nobody can click on it.
    fn sentence(&self) -> String {
        let [dangerous, suspicious] = self.n;
        let (n, what) = if dangerous > 0 {
            (dangerous.saturating_add(suspicious), "phishing")
        } else {
            (suspicious, "suspicious")
        };
        let times = if n == 1 {
            "once".to_owned()
        } else {
            format!("{n} times")
        };
        let mut names: Vec<String> = self
            .domains
            .iter()
            .map(|one| one.replace('.', "[.]"))
            .collect();
        if names.len() > NAMED {
            let more = names.len() - NAMED;
            names.truncate(NAMED);
            names.push(format!("{more} more"));
        }
        let by = if self.lists.is_empty() {
            "a moderator".to_owned()
        } else {
            self.lists.iter().cloned().collect::<Vec<_>>().join(", ")
        };
        format!(
            "linked to a {what} domain {times} ({}), listed by {by}",
            names.join(", ")
        )
    }

    /// Says it among the causes of an answer: where the rules found it in their words' place, and else, because the model
    /// does not know of it, with no share in the answer.
    pub(crate) fn tell(&self, why: &mut Vec<Cause>) {
        let name = Rule::Phishing.as_str();
        if let Some(said) = why.iter_mut().find(|cause| cause.signal == name) {
            said.sentence = self.sentence();
            return;
        }
        let [dangerous, suspicious] = self.n;
        why.push(Cause {
            signal: name.to_owned(),
            value: Some(f64::from(dangerous) + f64::from(suspicious)),
            median: None,
            share: 0.0,
            sentence: self.sentence(),
        });
    }
}

/// What accounts linked to lately that still counts in their communities; nothing of those of whom nothing counts any more.
pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<HashMap<Seat, Links>, StoreError> {
    let rows = link::of(conn, communities, accounts).await?;
    let since = now.minus(COUNTS);
    let mut domains: BTreeMap<CommunityId, BTreeSet<&str>> = BTreeMap::new();
    for (seat, rows) in &rows {
        let here = domains.entry(seat.0).or_default();
        here.extend(rows.iter().map(|row| row.domain.as_str()));
    }
    let mut found: HashMap<Seat, Links> = HashMap::new();
    for (community, domains) in &domains {
        let counting = counting(conn, *community, domains, now).await?;
        for (seat, rows) in rows.iter().filter(|(seat, _)| seat.0 == *community) {
            let links = found.entry(*seat).or_default();
            for row in rows.iter().filter(|row| row.last_at >= since) {
                if let Some((domain, listed)) = counting.get(&row.domain) {
                    links.add(domain, row.n, listed, now);
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
