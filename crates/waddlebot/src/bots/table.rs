//! `waddlebot bots features`: the signals of the accounts of labelled chat as CSV, for whoever learns from them elsewhere.
//!
//! Must never write a text or a name: accounts and groups are numbers. Must never write into a file that is there already.

use std::{
    fs::OpenOptions,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use bots::{
    evaluate::{Case, replay},
    features::{SCHEMA, Vector},
};

use crate::console;

/// The columns before the signals.
const HEAD: &str = "schema_hash,source,group,account,label,is_latest";

pub(super) fn write(folders: &[PathBuf], out: &Path) -> anyhow::Result<()> {
    let writing = || format!("writing `{}`", out.display());
    let mut read = Vec::with_capacity(folders.len());
    for (source, folder) in folders.iter().enumerate() {
        read.push(
            replay(folder, source).with_context(|| format!("reading `{}`", folder.display()))?,
        );
    }
    let file = OpenOptions::new().write(true).create_new(true).open(out);
    let mut file = BufWriter::new(file.with_context(writing)?);
    writeln!(file, "{HEAD},{}", SCHEMA.names().join(",")).with_context(writing)?;
    let mut n_rows: u64 = 0;
    for case in read.iter().flat_map(|folder| &folder.cases) {
        let n = case.moments.len();
        for (place, moment) in (1..).zip(&case.moments) {
            writeln!(file, "{}", row(case, moment, place == n)).with_context(writing)?;
            n_rows += 1;
        }
    }
    file.flush().with_context(writing)?;
    console::say(format!(
        "{}: {} rows of {} signals, schema {}",
        out.display(),
        console::grouped(n_rows),
        SCHEMA.names().len(),
        SCHEMA.hash()
    ));
    Ok(())
}

/// A moment of an account: an empty cell is what nobody knows or what could not be measured.
fn row(case: &Case, moment: &Vector, is_latest: bool) -> String {
    let label = case
        .is_bot
        .map_or("", |is_bot| if is_bot { "1" } else { "0" });
    let mut row = format!(
        "{},{},{},{},{label},{}",
        SCHEMA.hash(),
        case.source,
        case.group,
        case.account,
        u8::from(is_latest)
    );
    for value in moment.values() {
        row.push(',');
        if value.is_finite() {
            row.push_str(&value.to_string());
        }
    }
    row
}
