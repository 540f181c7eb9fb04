//! What the name of a log tells: network, channel and, for daily logs, the date.

use std::path::Path;

use kernel::Day;

use crate::format::time::iso_day;

/// What was found in a path. The channel is empty if nothing tells it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Place {
    pub(super) server: String,
    pub(super) channel: String,
    pub(super) day: Option<Day>,
}

/// Reads `irclogs/network/#channel.log` (irssi), `irc.network.#channel.weechatlog` (WeeChat),
/// `network/#channel/2004-11-27.log` and `user_network_#channel_20041127.log` (ZNC), and
/// `2004/11/27/#channel.txt`.
pub(super) fn of(path: &Path) -> Place {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut stem = name.as_str();
    for ending in [".gz", ".log", ".txt", ".weechatlog"] {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    let (day, stem) = cut_date(stem);
    let mut folders: Vec<String> = path
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let day = day.or_else(|| folder_date(&mut folders));

    if let Some(at) = stem.find(['#', '&']) {
        let (before, channel) = stem.split_at_checked(at).unwrap_or(("", stem));
        let before = before.strip_prefix("irc.").unwrap_or(before);
        return Place {
            server: before.trim_end_matches(['.', '_', '-']).to_owned(),
            channel: channel.to_owned(),
            day,
        };
    }
    let channel = if stem.is_empty() {
        folders.pop().unwrap_or_default()
    } else {
        stem.to_owned()
    };
    Place {
        server: String::new(),
        channel,
        day,
    }
}

/// Takes a date out of the end of a name, with the separator before it.
fn cut_date(stem: &str) -> (Option<Day>, &str) {
    let dashed = stem.len().checked_sub(10);
    if let Some((rest, date)) = dashed.and_then(|at| stem.split_at_checked(at))
        && let Some(day) = iso_day(date)
    {
        return (Some(day), rest.trim_end_matches(['.', '_', '-']));
    }
    let plain = stem.len().checked_sub(8);
    if let Some((rest, date)) = plain.and_then(|at| stem.split_at_checked(at))
        && let Some(day) = compact_day(date)
        && !rest.ends_with(|c: char| c.is_ascii_digit())
    {
        return (Some(day), rest.trim_end_matches(['.', '_', '-']));
    }
    (None, stem)
}

fn compact_day(text: &str) -> Option<Day> {
    let (year, rest) = text.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    iso_day(&format!("{year}-{month}-{day}"))
}

/// `…/2004/11/27`: takes the three folders away.
fn folder_date(folders: &mut Vec<String>) -> Option<Day> {
    let at = folders.len().checked_sub(3)?;
    let date = folders.get(at..)?.join("-");
    let day = iso_day(&date)?;
    folders.truncate(at);
    Some(day)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kernel::Day;

    use super::{Place, of};

    fn check(path: &str, server: &str, channel: &str, date: Option<&str>) {
        let expected = Place {
            server: server.to_owned(),
            channel: channel.to_owned(),
            day: date.map(|date| date.parse::<Day>().unwrap()),
        };
        assert_eq!(of(Path::new(path)), expected, "{path}");
    }

    #[test]
    fn the_names_the_programs_give_are_understood() {
        let date = Some("2004-11-27");
        check("irclogs/Pond/#ducks.log", "", "#ducks", None);
        check("#ducks.2004-11-27.log.gz", "", "#ducks", date);
        check("irc.pond.#ducks.weechatlog", "pond", "#ducks", None);
        check("irc.pond.##c++.weechatlog", "pond", "##c++", None);
        check("log/pond/#ducks/2004-11-27.log", "", "#ducks", date);
        check("ann_pond_#ducks_20041127.log", "ann_pond", "#ducks", date);
        check("#ducks_20041127.log", "", "#ducks", date);
        check("logs/2004/11/27/#ducks.txt", "", "#ducks", date);
        check("ducks.txt", "", "ducks", None);
        check("2004-11-27.log", "", "", date);
    }

    #[test]
    fn numbers_that_are_no_date_belong_to_the_name() {
        check("#room12345678.log", "", "#room12345678", None);
        check("#r-2004-13-27.log", "", "#r-2004-13-27", None);
        check("#120041127.log", "", "#120041127", None);
    }
}
