//! Laying one table of settings over another. The default file names every key there is, so a key
//! it does not have is a mistake, and its value tells the type.

use anyhow::{Context, bail};
use toml::{Table, Value};

/// Short forms in the environment.
const ALIASES: [(&str, &str); 3] = [
    ("DATABASE_URL", "database.url"),
    ("REDIS_URL", "redis.url"),
    ("WADDLEBOT_DATA_DIR", "data_dir"),
];

/// The section whose keys are sections that the operator names.
const NAMED: &str = "oidc";

/// Variables with our prefix that are not settings.
fn is_setting(name: &str) -> bool {
    name.starts_with("WADDLEBOT_")
        && !name.starts_with("WADDLEBOT_TEST_")
        && name != "WADDLEBOT_CONFIG"
        && name != "WADDLEBOT_DATA_DIR"
}

/// Lays `over` over `base`. Every key of `over` must exist in `base`.
pub(super) fn merge(base: &mut Table, over: Table, source: &str) -> anyhow::Result<()> {
    for (key, value) in over {
        let Some(known) = base.get_mut(&key) else {
            bail!("`{key}` in {source} is not a setting{}", hint(base, &key));
        };
        match (known, value) {
            (Value::Table(section), Value::Table(values)) if key == NAMED => {
                for (name, value) in values {
                    add_named(section, &name, value, source)?;
                }
            }
            (Value::Table(section), Value::Table(values)) => {
                for (name, value) in values {
                    let Some(known) = section.get_mut(&name) else {
                        bail!(
                            "`{key}.{name}` in {source} is not a setting{}",
                            hint(section, &name)
                        );
                    };
                    *known = value;
                }
            }
            (Value::Table(_), _) => bail!("`{key}` in {source} is a section: write [{key}]"),
            (known, value) => *known = value,
        }
    }
    Ok(())
}

/// Adds what a source says of a section that the operator named; the reader of the sections knows
/// their keys.
fn add_named(section: &mut Table, name: &str, value: Value, source: &str) -> anyhow::Result<()> {
    let Value::Table(values) = value else {
        bail!("`{NAMED}.{name}` in {source} is a section: write [{NAMED}.{name}]");
    };
    let entry = section
        .entry(name)
        .or_insert_with(|| Value::Table(Table::new()));
    if let Some(known) = entry.as_table_mut() {
        known.extend(values);
    }
    Ok(())
}

/// The settings of the environment as a table, each parsed as the type its default has.
pub(super) fn from_environment(
    defaults: &Table,
    environment: &[(String, String)],
) -> anyhow::Result<Table> {
    let mut table = Table::new();
    for (name, value) in environment {
        let path = match ALIASES.iter().find(|(alias, _)| alias == name) {
            Some((_, path)) => (*path).to_owned(),
            None if is_setting(name) => name
                .trim_start_matches("WADDLEBOT_")
                .to_lowercase()
                .replace("__", "."),
            None => continue,
        };
        let (section, key) = match path.split_once('.') {
            Some((section, key)) => (Some(section), key),
            None => (None, path.as_str()),
        };
        if let (Some(NAMED), Some((named, key))) = (section, key.split_once('.')) {
            let value = match key {
                "scopes" => parse(&Value::Array(Vec::new()), value)?,
                _ => Value::String(value.clone()),
            };
            let section = table
                .entry(NAMED)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Some(section) = section.as_table_mut() {
                let one = Table::from_iter([(key.to_owned(), value)]);
                add_named(section, named, Value::Table(one), "the environment")?;
            }
            continue;
        }
        let holder = match section {
            Some(section) => defaults.get(section).and_then(Value::as_table),
            None => Some(defaults),
        };
        let default = holder.and_then(|holder| holder.get(key)).with_context(|| {
            format!("the environment variable {name} is not a setting (it would be `{path}`)")
        })?;
        let parsed = parse(default, value)
            .with_context(|| format!("reading the environment variable {name}"))?;
        match section {
            Some(section) => {
                let entry = table
                    .entry(section)
                    .or_insert_with(|| Value::Table(Table::new()));
                if let Some(values) = entry.as_table_mut() {
                    values.insert(key.to_owned(), parsed);
                }
            }
            None => {
                table.insert(key.to_owned(), parsed);
            }
        }
    }
    Ok(table)
}

fn parse(default: &Value, text: &str) -> anyhow::Result<Value> {
    Ok(match default {
        Value::Integer(_) => Value::Integer(text.parse().context("a whole number is needed")?),
        Value::Boolean(_) => Value::Boolean(text.parse().context("`true` or `false` is needed")?),
        Value::Array(_) => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(Value::from)
                .collect(),
        ),
        _ => Value::String(text.to_owned()),
    })
}

/// Names the key that was probably meant: the one with the same letters at both ends.
fn hint(known: &Table, wrong: &str) -> String {
    let shared = |key: &str| {
        let front = key
            .chars()
            .zip(wrong.chars())
            .take_while(|(a, b)| a == b)
            .count();
        let back = key
            .chars()
            .rev()
            .zip(wrong.chars().rev())
            .take_while(|(a, b)| a == b)
            .count();
        front + back
    };
    let best = known
        .keys()
        .max_by_key(|key| shared(key))
        .filter(|key| shared(key) >= 3);
    best.map_or_else(
        || {
            format!(
                ": known are {}",
                known.keys().cloned().collect::<Vec<_>>().join(", ")
            )
        },
        |key| format!(": did you mean `{key}`?"),
    )
}
