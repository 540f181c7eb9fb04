//! Many rows as one array for each column, for PostgreSQL: a list of thousands of values, each with a placeholder of its own, takes it longer to
//! read than to store, and comes in several statements, of as many lengths.
//!
//! Must never change what a row says: what arrays do not carry goes the other way.

use std::fmt::Write as _;

use sea_orm::{Value, sea_query::ArrayType};

/// Fewer rows are as quick without.
const LEAST: usize = 4;
/// Most rows in one statement: some megabytes.
const MOST: usize = 2_048;

/// What stands for nothing in an array of numbers, which the driver does not let have gaps. Not the least of all, which PostgreSQL reads
/// as a number of the next type without its sign.
const NO_SMALL: i16 = i16::MIN + 1;
const NO_INT: i32 = i32::MIN + 1;
const NO_BIG: i64 = i64::MIN + 1;

/// Rows of one statement.
#[derive(Debug, PartialEq)]
pub(crate) struct Columns {
    /// `SELECT … FROM unnest($1, $2, …)` with columns called `column1`, `column2` and so on, as those of `VALUES` are.
    pub(crate) select: String,
    /// An array for each column.
    pub(crate) arrays: Vec<Value>,
}

/// How many of so many rows go into the next statement; `None` if they are too few.
pub(crate) fn how_many(rows: usize) -> Option<usize> {
    (rows >= LEAST).then_some(rows.min(MOST))
}

/// The rows by columns; gives them back if arrays do not carry what they say.
pub(crate) fn of(rows: Vec<Vec<Value>>) -> Result<Columns, Vec<Vec<Value>>> {
    let Some(types) = types(&rows) else {
        return Err(rows);
    };
    let mut columns: Vec<Vec<Value>> = types
        .iter()
        .map(|_| Vec::with_capacity(rows.len()))
        .collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(without_gap(value));
        }
    }
    let select = select(&types);
    let arrays = types.into_iter().zip(columns);
    let arrays = arrays.map(|(of, column)| Value::Array(of, Some(Box::new(column))));
    Ok(Columns {
        select,
        arrays: arrays.collect(),
    })
}

/// Of what type each column is; `None` if some value is of another one, or none that an array has.
fn types(rows: &[Vec<Value>]) -> Option<Vec<ArrayType>> {
    let first = rows.first()?;
    let types: Vec<ArrayType> = first.iter().map(of_value).collect::<Option<_>>()?;
    let fits = |row: &Vec<Value>| {
        row.len() == types.len()
            && row
                .iter()
                .zip(&types)
                .all(|(value, of)| of_value(value).as_ref() == Some(of))
    };
    rows.iter().all(fits).then_some(types)
}

fn of_value(value: &Value) -> Option<ArrayType> {
    match value {
        Value::Bool(Some(_)) => Some(ArrayType::Bool),
        Value::SmallInt(n) if *n != Some(NO_SMALL) => Some(ArrayType::SmallInt),
        Value::Int(n) if *n != Some(NO_INT) => Some(ArrayType::Int),
        Value::BigInt(n) if *n != Some(NO_BIG) => Some(ArrayType::BigInt),
        Value::String(Some(_)) => Some(ArrayType::String),
        Value::Bytes(Some(_)) => Some(ArrayType::Bytes),
        _ => None,
    }
}

fn without_gap(value: Value) -> Value {
    match value {
        Value::SmallInt(None) => NO_SMALL.into(),
        Value::Int(None) => NO_INT.into(),
        Value::BigInt(None) => NO_BIG.into(),
        whole => whole,
    }
}

fn select(types: &[ArrayType]) -> String {
    let (mut list, mut arrays, mut names) = (String::new(), String::new(), String::new());
    for (n, of) in (1..).zip(types) {
        let comma = if n == 1 { "" } else { ", " };
        // Writing into a string never fails.
        let _ = match of {
            ArrayType::SmallInt => {
                write!(list, "{comma}NULLIF(column{n}, {NO_SMALL}) AS column{n}")
            }
            ArrayType::Int => write!(list, "{comma}NULLIF(column{n}, {NO_INT}) AS column{n}"),
            ArrayType::BigInt => write!(list, "{comma}NULLIF(column{n}, {NO_BIG}) AS column{n}"),
            _ => write!(list, "{comma}column{n}"),
        };
        let _ = write!(arrays, "{comma}${n}");
        let _ = write!(names, "{comma}column{n}");
    }
    format!("SELECT {list} FROM unnest({arrays}) AS u ({names})")
}

#[cfg(test)]
mod tests {
    use super::{NO_INT, of};
    use sea_orm::{Value, sea_query::ArrayType};

    #[test]
    fn rows_become_an_array_for_each_column_and_a_gap_in_numbers_has_a_stand_in() {
        let rows = vec![
            vec![7_i64.into(), None::<i32>.into(), "a".into()],
            vec![8_i64.into(), 5_i32.into(), "b".into()],
        ];
        let found = of(rows).unwrap();
        assert_eq!(
            found.select,
            "SELECT NULLIF(column1, -9223372036854775807) AS column1, NULLIF(column2, -2147483647) AS column2, column3 \
             FROM unnest($1, $2, $3) AS u (column1, column2, column3)"
        );
        let array = |of, values: [Value; 2]| Value::Array(of, Some(Box::new(values.to_vec())));
        let expected = [
            array(ArrayType::BigInt, [7_i64.into(), 8_i64.into()]),
            array(ArrayType::Int, [NO_INT.into(), 5_i32.into()]),
            array(ArrayType::String, ["a".into(), "b".into()]),
        ];
        assert_eq!(found.arrays, expected);
    }

    #[test]
    fn what_arrays_do_not_carry_is_given_back() {
        let one: Value = 1_i32.into();
        for other in [
            NO_INT.into(),
            1_i64.into(),
            "1".into(),
            None::<String>.into(),
            None::<Vec<u8>>.into(),
            None::<bool>.into(),
            1.5_f64.into(),
        ] {
            let rows = vec![vec![other], vec![one.clone()]];
            assert_eq!(of(rows.clone()).unwrap_err(), rows);
        }
        let uneven = vec![vec![one.clone()], vec![one.clone(), one]];
        assert_eq!(of(uneven.clone()).unwrap_err(), uneven);
        assert_eq!(of(Vec::new()).unwrap_err(), Vec::<Vec<Value>>::new());
    }
}
