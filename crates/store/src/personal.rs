//! What is stored about one person: each table with a column that is personal or leads to a person
//! is declared by its owner, as handed out in an export or as left out for a reason. Reading follows
//! the description of the table, so that a column added later is exported without further ado.
//!
//! Must never read a table that its owner did not declare, nor hand out what is hidden.

use async_trait::async_trait;
use kernel::{AccountId, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, QueryResult, Value as SqlValue};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::{
    StoreError, Work, migration,
    schema::{Column, Kind, Table},
    sql,
};

/// Rows read at once.
const PART: usize = 2_000;
/// Most rows of a table without an id of its own.
const ROWS_MAX: usize = 200_000;

/// How the rows of a person are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A column holds the person's id.
    User(&'static str),
    /// A column holds the id of one of their accounts.
    Account(&'static str),
    /// A column holds the person as text, `user:7`.
    Label(&'static str),
}

/// What an export does with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// It hands the person's rows out, without the columns that are hidden.
    Exported {
        /// How they are found.
        by: By,
        /// Secrets, and what is about others.
        hidden: &'static [&'static str],
    },
    /// It leaves them out, for this reason.
    LeftOut(&'static str),
}

/// A table and what an export does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// The table.
    pub table: &'static str,
    /// What happens with it.
    pub handling: Handling,
}

impl Declared {
    /// Handed out.
    pub const fn exported(table: &'static str, by: By, hidden: &'static [&'static str]) -> Self {
        Self {
            table,
            handling: Handling::Exported { by, hidden },
        }
    }

    /// Left out.
    pub const fn left_out(table: &'static str, reason: &'static str) -> Self {
        Self {
            table,
            handling: Handling::LeftOut(reason),
        }
    }
}

/// The tables of this crate.
pub const DECLARED: &[Declared] = &[
    Declared::left_out("job", "work of the program; names people by id for a week"),
    Declared::left_out(
        "domain_event",
        "what the parts of the program tell each other; ids only",
    ),
    Declared::exported("audit", By::Label("object"), &["actor", "hash"]),
];

/// A person, by everything their rows are found by.
#[derive(Clone)]
pub struct Subject {
    /// Their id.
    pub user: UserId,
    /// Their accounts on platforms.
    pub accounts: Vec<AccountId>,
    /// The platforms' ids of these accounts.
    pub platform_ids: Vec<(Platform, String)>,
    /// Names they went by.
    pub names: Vec<String>,
    /// Their e-mail address, as compared.
    pub email: Option<String>,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A domain that keeps rows about people.
#[async_trait]
pub trait Keeper: Send + Sync {
    /// Erases a person from the domain's tables, in the caller's unit of work: what is theirs goes,
    /// what others need keeps ids that lead to nobody. Doing it again changes nothing.
    async fn erase(&self, work: &Work, subject: &Subject) -> Result<(), StoreError>;
}

/// The tables with a column that is personal or leads to a person.
pub fn tables() -> Vec<Table> {
    let says = |table: &Table| {
        let of_people = |column: &Column| column.personal != crate::schema::Personal::None;
        table.columns().iter().any(of_people)
    };
    migration::tables().into_iter().filter(says).collect()
}

/// Rows of a table, as JSON objects; all of a part have the same fields.
pub type Part = Vec<Map<String, Value>>;

/// Hands the rows of a person in a declared table over, in parts of at most 2,000; stops early if
/// nobody takes them any more.
pub async fn read<T: From<Part>>(
    conn: &impl ConnectionTrait,
    declared: &Declared,
    subject: &Subject,
    parts: &mpsc::Sender<T>,
) -> Result<(), StoreError> {
    let Handling::Exported { by, hidden } = declared.handling else {
        return Ok(());
    };
    let found = migration::tables()
        .into_iter()
        .find(|table| table.name == declared.table);
    let table = found.ok_or_else(|| StoreError::Data(format!("no table {}", declared.table)))?;
    let columns: Vec<Column> = table
        .columns()
        .iter()
        .filter(|column| !hidden.contains(&column.name))
        .copied()
        .collect();
    let has_id = table.columns().iter().any(|column| column.name == "id");
    let keys: Vec<(&str, SqlValue)> = match by {
        By::User(column) => vec![(column, subject.user.0.into())],
        By::Label(column) => vec![(column, format!("user:{}", subject.user).into())],
        By::Account(column) => {
            let keys = subject.accounts.iter();
            keys.map(|account| (column, account.0.into())).collect()
        }
    };
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    for (column, key) in keys {
        let mut last = i64::MIN;
        loop {
            let query = format!(
                "SELECT {} FROM {} WHERE {column} = $1 {}",
                names.join(", "),
                table.name,
                if has_id {
                    format!("AND id > $2 ORDER BY id LIMIT {PART}")
                } else {
                    format!("LIMIT {ROWS_MAX}")
                }
            );
            let mut values = vec![key.clone()];
            if has_id {
                values.push(last.into());
            }
            let rows = sql::rows(conn, &query, values).await?;
            let n = rows.len();
            for rows in rows.chunks(PART) {
                let part = part(rows, &columns)?;
                let newest = part.last().and_then(|object| object.get("id")?.as_i64());
                last = newest.unwrap_or(last);
                if parts.send(part.into()).await.is_err() {
                    return Ok(());
                }
            }
            if !has_id || n < PART {
                break;
            }
        }
    }
    Ok(())
}

fn part(rows: &[QueryResult], columns: &[Column]) -> Result<Part, StoreError> {
    let mut objects = Vec::with_capacity(rows.len());
    for row in rows {
        let mut object = Map::new();
        for column in columns {
            object.insert(column.name.to_owned(), value(row, *column)?);
        }
        objects.push(object);
    }
    Ok(objects)
}

/// A column of a row; instants as people and programs read them.
fn value(row: &QueryResult, column: Column) -> Result<Value, StoreError> {
    let name = column.name;
    Ok(match column.kind {
        Kind::Small => row.try_get::<Option<i16>>("", name)?.into(),
        Kind::Int => row.try_get::<Option<i32>>("", name)?.into(),
        Kind::Text => row.try_get::<Option<String>>("", name)?.into(),
        Kind::Bool => row.try_get::<Option<bool>>("", name)?.into(),
        Kind::Bytes => {
            let bytes = row.try_get::<Option<Vec<u8>>>("", name)?;
            bytes.map(|bytes| kernel::random::hex(&bytes)).into()
        }
        Kind::Big => {
            let number = row.try_get::<Option<i64>>("", name)?;
            match number {
                Some(at) if name == "at" || name.ends_with("_at") => {
                    Timestamp(at).to_string().into()
                }
                number => number.into(),
            }
        }
    })
}

/// A pattern for `LIKE … ESCAPE '\'` that finds a text anywhere.
pub fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
