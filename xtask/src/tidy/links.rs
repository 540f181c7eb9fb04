//! Relative links in the documentation lead to files that exist. Never follows a link out of the machine.

use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::Problem;
use crate::repo::Repo;

/// Checks every `.md` file.
pub(super) fn check(repo: &Repo, files: &[PathBuf]) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "md"))
    {
        for link in links(&repo.read(file)?) {
            let Some(target) = target(file, &link) else {
                continue;
            };
            if !repo.root().join(&target).exists() {
                let advice = format!(
                    "correct the link `{link}`: there is no `{}`",
                    target.display()
                );
                problems.push(Problem::new(file.display(), advice));
            }
        }
    }
    Ok(problems)
}

/// The destinations of links and pictures; code does not count.
fn links(text: &str) -> Vec<String> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some(dest_url.into_string())
            }
            _ => None,
        })
        .collect()
}

/// The file a link means, relative to the root; none for links to the web, to mail and into the same page.
fn target(file: &Path, link: &str) -> Option<PathBuf> {
    let path = link.split(['#', '?']).next().unwrap_or_default();
    let is_elsewhere = path.is_empty() || path.starts_with("//") || has_scheme(path);
    if is_elsewhere {
        return None;
    }
    let joined = match path.strip_prefix('/') {
        Some(from_root) => PathBuf::from(from_root),
        None => file.parent().unwrap_or(Path::new("")).join(path),
    };
    Some(normal(&joined))
}

fn has_scheme(link: &str) -> bool {
    let Some((scheme, _)) = link.split_once(':') else {
        return false;
    };
    !scheme.is_empty()
        && scheme
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it))
}

/// The path without `.` and `..`; steps above the root stay, so that they are not found.
fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if parts.file_name().is_some() => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_do_not_count() {
        let text = "[a](b.md) `[c](d.md)`\n\n```\n[e](f.md)\n```\n\n![g](h.png)\n\n| [i](j.md) |\n|---|\n\n[k][l]\n\n[l]: m.md\n";
        assert_eq!(links(text), ["b.md", "h.png", "j.md", "m.md"]);
    }

    #[test]
    fn a_relative_link_starts_at_its_file() {
        let file = Path::new("docs/guide/start.md");
        assert_eq!(
            target(file, "import.md#formats"),
            Some(PathBuf::from("docs/guide/import.md"))
        );
        assert_eq!(
            target(file, "../decisions/"),
            Some(PathBuf::from("docs/decisions"))
        );
        assert_eq!(target(file, "/README.md"), Some(PathBuf::from("README.md")));
    }

    #[test]
    fn links_elsewhere_are_left_alone() {
        let file = Path::new("README.md");
        for link in [
            "https://example.org/a",
            "mailto:a@example.org",
            "#top",
            "//example.org",
        ] {
            assert_eq!(target(file, link), None, "{link}");
        }
    }
}
