//! Thin helpers over SeaORM for SQL that is one text on both engines: `$1` placeholders work on
//! SQLite and PostgreSQL alike. Must never be used to look inside a table of another crate.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult, Statement, Value};

use crate::{Engine, StoreError, columns};

/// The target of the trace that says which statements run, without their values: for tests that count
/// them and for whoever looks for a slow one.
pub const TRACE: &str = "store::statement";

fn statement(conn: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Statement {
    tracing::trace!(target: TRACE, sql, "statement");
    let backend = conn.get_database_backend();
    if backend == DbBackend::Sqlite
        && values.len() > NAMED_MAX
        && let Some(sql) = by_place(sql, values.len())
    {
        return Statement::from_sql_and_values(backend, sql, values);
    }
    Statement::from_sql_and_values(backend, sql, values)
}

/// So many values are bound by name on SQLite, where a numbered placeholder is one: binding searches all names for each
/// value, which many of them make slow.
const NAMED_MAX: usize = 32;

/// The statement with `?` for `$1, $2, …, $n`, if it has each of them once, in this order.
fn by_place(sql: &str, n: usize) -> Option<String> {
    if sql.contains('?') {
        return None;
    }
    let mut text = String::with_capacity(sql.len());
    let mut parts = sql.split('$');
    text.push_str(parts.next()?);
    let mut n_found = 0;
    for part in parts {
        let behind = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = part.strip_suffix(behind)?;
        n_found += 1;
        if number.parse() != Ok(n_found) {
            return None;
        }
        text.push('?');
        text.push_str(behind);
    }
    (n_found == n).then_some(text)
}

/// What ends a query whose rows are then held until the transaction ends, so that whoever changes them at the same time waits.
/// SQLite has one writer.
pub const fn for_update(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "",
        Engine::Postgres => " FOR UPDATE",
    }
}

/// The same, and rows that somebody else holds are passed over instead of waited for.
pub const fn skip_locked(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "",
        Engine::Postgres => " FOR UPDATE SKIP LOCKED",
    }
}

/// Runs a statement; answers the number of rows it changed.
pub async fn execute(
    conn: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<u64, StoreError> {
    Ok(conn
        .execute_raw(statement(conn, sql, values))
        .await?
        .rows_affected())
}

/// All rows of a query, each decoded by column name.
pub async fn all<T: FromQueryResult>(
    conn: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, StoreError> {
    let rows = conn.query_all_raw(statement(conn, sql, values)).await?;
    Ok(rows
        .iter()
        .map(|row| T::from_query_result(row, ""))
        .collect::<Result<_, DbErr>>()?)
}

/// The first row of a query, if any.
pub async fn one<T: FromQueryResult>(
    conn: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<T>, StoreError> {
    let row = conn.query_one_raw(statement(conn, sql, values)).await?;
    Ok(row.map(|row| T::from_query_result(&row, "")).transpose()?)
}

/// All rows of a query, undecoded: for hot paths that read by position.
pub async fn rows(
    conn: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, StoreError> {
    Ok(conn.query_all_raw(statement(conn, sql, values)).await?)
}

/// The first row of a query, if any, undecoded.
pub async fn row(
    conn: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<QueryResult>, StoreError> {
    Ok(conn.query_one_raw(statement(conn, sql, values)).await?)
}

/// The single value in the first column of the first row. The query must answer a row, as
/// aggregates and `RETURNING` do.
pub async fn scalar<T: sea_orm::TryGetable>(
    conn: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<T, StoreError> {
    optional(conn, sql, values)
        .await?
        .ok_or_else(|| StoreError::Data("a query that always answers gave no row".to_owned()))
}

/// The single value in the first column of the first row, if there is a row.
pub async fn optional<T: sea_orm::TryGetable>(
    conn: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<T>, StoreError> {
    let row = conn.query_one_raw(statement(conn, sql, values)).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

/// Row counts of the multi-row inserts, largest first. Fixed sizes keep the number of different
/// statement texts, and so of prepared statements, small, and each statement costs a way to the database and
/// back; 512 rows of up to 32 columns stay below SQLite's 32,766 bound values.
const CHUNKS: [usize; 10] = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];

/// `head` + `VALUES (…), (…)` + `tail`, run for all rows in chunks; answers the rows of any `RETURNING`. On PostgreSQL many rows
/// are one `SELECT` over an array for each column instead: `tail` sees no difference, and values have the type of their column or one that
/// the database makes into it by itself. Neither `head` nor `tail` has placeholders.
///
/// Invariant: every row has the same number of values.
pub async fn insert_returning(
    conn: &impl ConnectionTrait,
    head: &str,
    rows: Vec<Vec<Value>>,
    tail: &str,
) -> Result<Vec<QueryResult>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(conn.get_database_backend(), head, rows, tail) {
        found.extend(conn.query_all_raw(chunk).await?);
    }
    Ok(found)
}

/// Like [`insert_returning`] for statements that return nothing.
pub async fn insert(
    conn: &impl ConnectionTrait,
    head: &str,
    rows: Vec<Vec<Value>>,
    tail: &str,
) -> Result<(), StoreError> {
    for chunk in chunks(conn.get_database_backend(), head, rows, tail) {
        conn.execute_raw(chunk).await?;
    }
    Ok(())
}

/// Changes many rows in few statements: like [`insert`] with a head that ends in `FROM (` and a tail that begins with
/// `) AS v`, where the values of a row are `v.column1`, `v.column2` and so on, as both engines call them.
pub async fn update(
    conn: &impl ConnectionTrait,
    head: &str,
    rows: Vec<Vec<Value>>,
    tail: &str,
) -> Result<(), StoreError> {
    insert(conn, head, rows, tail).await
}

fn chunks(
    backend: DbBackend,
    head: &str,
    rows: Vec<Vec<Value>>,
    tail: &str,
) -> impl Iterator<Item = Statement> {
    let width = rows.first().map_or(0, Vec::len);
    let mut rows = rows.into_iter();
    let statement = move |rows: &str, values: Vec<Value>| {
        let sql = format!("{head} {rows}{tail}");
        tracing::trace!(target: TRACE, sql, "statement");
        Statement::from_sql_and_values(backend, sql, values)
    };
    // What arrays do not carry.
    let mut left: std::vec::IntoIter<Vec<Value>> = Vec::new().into_iter();
    std::iter::from_fn(move || {
        if left.len() == 0 {
            let size = columns::how_many(rows.len()).filter(|_| backend == DbBackend::Postgres);
            let n = size.unwrap_or(rows.len());
            let part = rows.by_ref().take(n).collect();
            let columns = if size.is_some() {
                columns::of(part)
            } else {
                Err(part)
            };
            left = match columns {
                Ok(columns) => return Some(statement(&columns.select, columns.arrays)),
                Err(part) => part.into_iter(),
            };
        }
        let size = CHUNKS.into_iter().find(|size| *size <= left.len())?;
        let list = format!("VALUES {}", placeholders(backend, size, width));
        let values: Vec<Value> = left.by_ref().take(size).flatten().collect();
        Some(statement(&list, values))
    })
}

/// The first rows of each of some things as one statement: `branch` is the statement for one of them, which
/// is told its number in the list, from 1 on. Each branch finds its rows by an index, however many others
/// there are.
pub fn union(n: usize, branch: impl Fn(usize) -> String) -> String {
    (1..=n)
        .map(|i| format!("SELECT * FROM ({}) AS part", branch(i)))
        .collect::<Vec<_>>()
        .join(" UNION ALL ")
}

/// `($first,$first+1),($first+2,$first+3),…` for a VALUES list of `n` pairs.
pub fn pairs(first: usize, n: usize) -> String {
    let mut list = String::with_capacity(n * 16);
    for i in 0..n {
        let comma = if i == 0 { "" } else { "," };
        let at = first + 2 * i;
        // Writing into a string never fails.
        let _ = write!(list, "{comma}(${at},${})", at + 1);
    }
    list
}

/// Like [`insert`] for rows of which most columns are the same: `head` ends in `SELECT …` with the placeholders of `shared`, `$1` to `$n` in
/// this order, and `v.column1` and `v.column2` for the two values of a pair. `tail` begins behind ` WHERE true`, which SQLite wants
/// between the rows and an `ON CONFLICT`. Neither has other placeholders.
pub async fn insert_pairs(
    conn: &impl ConnectionTrait,
    head: &str,
    shared: &[Value],
    pairs: &[[Value; 2]],
    tail: &str,
) -> Result<(), StoreError> {
    let mut left = pairs;
    while let Some(size) = CHUNKS.into_iter().find(|size| *size <= left.len()) {
        let (part, rest) = left.split_at(size);
        left = rest;
        let list = self::pairs(shared.len() + 1, size);
        let sql = format!("{head} FROM (VALUES {list}) AS v WHERE true{tail}");
        let values = shared.iter().chain(part.as_flattened()).cloned();
        execute(conn, &sql, values.collect()).await?;
    }
    Ok(())
}

/// `$first, $first+1, …` for an IN list of `n` values.
pub fn in_list(first: usize, n: usize) -> String {
    (first..first + n)
        .map(|i| format!("${i}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// The parts of a long list for an `IN`, as few statement texts as there are powers of two up to `most`:
/// each part is filled up with its last value, which changes nothing in an `IN`. Statements of many
/// different lengths would each be read anew by the database.
pub fn parts<T: Clone>(values: &[T], most: usize) -> impl Iterator<Item = Vec<T>> {
    values.chunks(most.max(1)).map(move |part| {
        let mut part = part.to_vec();
        let size = part.len().next_power_of_two().min(most.max(1));
        if let Some(last) = part.last().cloned() {
            part.resize(size.max(part.len()), last);
        }
        part
    })
}

/// `$first,$first+1,…` on PostgreSQL, `?,?,…` on SQLite, for long lists (see the note at the row lists of
/// inserts). A statement has either these alone, in the order of its values, or none of them.
pub fn marks(conn: &impl ConnectionTrait, first: usize, n: usize) -> String {
    if conn.get_database_backend() == DbBackend::Sqlite {
        return vec!["?"; n].join(",");
    }
    in_list(first, n)
}

/// `($1,$2), ($3,$4)` on PostgreSQL, `(?,?), (?,?)` on SQLite: there a numbered placeholder is a
/// name, and binding searches all names for each value, which makes thousands of them slow.
fn placeholders(backend: DbBackend, rows: usize, width: usize) -> String {
    let mut text = String::with_capacity(rows * width * 6);
    let mut n = 0;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            n += 1;
            if column > 0 {
                text.push(',');
            }
            if backend == DbBackend::Sqlite {
                text.push('?');
            } else {
                text.push('$');
                text.push_str(&n.to_string());
            }
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{by_place, parts};

    #[test]
    fn a_list_comes_in_parts_of_few_sizes_and_nothing_is_added_or_lost() {
        let numbers: Vec<u32> = (0..300).collect();
        let found: Vec<Vec<u32>> = parts(&numbers, 128).collect();
        let sizes: Vec<usize> = found.iter().map(Vec::len).collect();
        assert_eq!(sizes, [128, 128, 64], "44 are filled up");
        let mut all = found.concat();
        all.dedup();
        assert_eq!(all, numbers);
        assert_eq!(parts::<u32>(&[], 8).count(), 0);
        assert_eq!(
            parts(&[7; 9], 12).next().map(|part| part.len()),
            Some(12),
            "never above the most"
        );
    }

    #[test]
    fn values_are_bound_by_place_where_each_is_named_once_and_in_order() {
        let found = by_place("SELECT 1 WHERE a IN ($1,$2) AND b = $3", 3);
        assert_eq!(found.unwrap(), "SELECT 1 WHERE a IN (?,?) AND b = ?");
        for other in [
            "a = $1 OR b = $1",
            "a = $2 AND b = $1",
            "a = $1 AND b = '$' AND c = $2",
            "a = $1 AND b ? $2",
            "a = $1",
        ] {
            assert_eq!(by_place(other, 2), None, "{other}");
        }
    }
}
