//! Follows links as a reader could: from page to page, inside the program only, and asks each address once. Bounded: of
//! addresses that differ only in ids, query or a long list, a few stand for all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use crate::tab::Tab;

/// Addresses asked in all.
const MOST: usize = 1_000;
/// Addresses of one kind.
const MOST_ALIKE: usize = 8;
/// Asked at the same time.
const AT_ONCE: usize = 4;

/// What a crawl found.
#[derive(Debug, Default)]
pub struct Crawl {
    /// Every address asked.
    pub visited: BTreeSet<String>,
    /// What is wrong: the status, the address, and the page that links there.
    pub faults: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    address: String,
    status: u16,
    links: Vec<String>,
    /// Links to a place in the same page that is not there.
    missing: Vec<String>,
}

/// Begins at `starts` and follows every link, style sheet, script and picture with the tab's cookies.
pub async fn crawl(tab: &Tab, starts: &[&str]) -> Result<Crawl> {
    let mut crawl = Crawl::default();
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    let mut from: BTreeMap<String, String> = BTreeMap::new();
    let mut waiting: VecDeque<String> = starts.iter().map(|start| (*start).to_owned()).collect();
    while !waiting.is_empty() && crawl.visited.len() < MOST {
        let round: Vec<String> = waiting.drain(..waiting.len().min(AT_ONCE)).collect();
        crawl.visited.extend(round.iter().cloned());
        for answer in ask(tab, &round).await? {
            let origin = from
                .get(&answer.address)
                .map_or("the start", String::as_str);
            if answer.status != 200 {
                let fault = format!("{} {} (from {origin})", answer.status, answer.address);
                crawl.faults.push(fault);
            }
            for place in answer.missing {
                crawl
                    .faults
                    .push(format!("{} has no {place}", answer.address));
            }
            for link in answer.links {
                if from.contains_key(&link) || crawl.visited.contains(&link) {
                    continue;
                }
                let n_alike = alike.entry(kind(&link)).or_default();
                *n_alike += 1;
                if *n_alike <= MOST_ALIKE {
                    from.insert(link.clone(), answer.address.clone());
                    waiting.push_back(link);
                }
            }
        }
    }
    Ok(crawl)
}

/// The address without query, ids left out.
fn kind(address: &str) -> String {
    address
        .split('?')
        .next()
        .unwrap_or_default()
        .split('/')
        .map(|part| {
            if part.starts_with(|first: char| first.is_ascii_digit()) {
                "#"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

async fn ask(tab: &Tab, addresses: &[String]) -> Result<Vec<Answer>> {
    tab.eval(&format!(
        "Promise.all({}.map(async (address) => {{
            const answer = await fetch(address);
            const isPage = (answer.headers.get('content-type') ?? '').startsWith('text/html');
            const page = new DOMParser().parseFromString(isPage ? await answer.text() : '', 'text/html');
            if (!isPage) await answer.arrayBuffer();
            const links = new Set();
            const missing = [];
            for (const element of page.querySelectorAll('[href], [src]')) {{
                const value = element.getAttribute('href') ?? element.getAttribute('src');
                if (value.startsWith('#')) {{
                    if (value.length > 1 && !page.getElementById(value.slice(1))) missing.push(value);
                    continue;
                }}
                const url = new URL(value, answer.url);
                if (url.origin === location.origin) links.add(url.pathname + url.search);
            }}
            return {{ address, status: answer.status, links: [...links], missing }};
        }}))",
        json!(addresses)
    ))
    .await
    .context("following links")
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn addresses_that_differ_in_ids_and_query_are_alike() {
        assert_eq!(
            kind("/c/pond/members/12/role?return_to=%2F"),
            kind("/c/pond/members/7/role")
        );
        assert_ne!(kind("/c/pond/members"), kind("/c/pond/health"));
    }
}
