//! Keyset pages: «the next `limit` rows after this cursor», never an offset, so that page 1,000
//! costs what page 1 costs and rows neither repeat nor vanish while others are written.

use std::fmt::Write;

/// The largest page anyone may ask for.
pub const MAX_LIMIT: u32 = 100;

/// An opaque place in a sorted list: the sort key and the id of the last row seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Cursor {
    /// The last row's sort key.
    pub key: String,
    /// The last row's id, which makes the order total.
    pub id: i64,
}

/// The text was not a cursor this program made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one this program made; start again from the first page")]
pub struct BadCursor;

impl Cursor {
    /// URL-safe text: hexadecimal of the key, a dot, the id.
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(self.key.len() * 2 + 12);
        for byte in self.key.bytes() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        let _ = write!(text, ".{}", self.id);
        text
    }

    /// Reads what [`Cursor::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, BadCursor> {
        let (hex, id) = text.split_once('.').ok_or(BadCursor)?;
        if hex.len() % 2 != 0 || hex.len() > 2_000 || !hex.is_ascii() {
            return Err(BadCursor);
        }
        let bytes = (0..hex.len())
            .step_by(2)
            .map(|i| {
                hex.get(i..i + 2)
                    .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            })
            .collect::<Option<Vec<u8>>>()
            .ok_or(BadCursor)?;
        let key = String::from_utf8(bytes).ok().ok_or(BadCursor)?;
        let id = id.parse().ok().ok_or(BadCursor)?;
        Ok(Self { key, id })
    }
}

/// Which page is asked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PageRequest {
    after: Option<Cursor>,
    limit: u32,
}

impl PageRequest {
    /// The first page; `limit` is clamped to 1..=[`MAX_LIMIT`].
    pub fn first(limit: u32) -> Self {
        Self {
            after: None,
            limit: limit.clamp(1, MAX_LIMIT),
        }
    }

    /// The page after a cursor; `limit` is clamped to 1..=[`MAX_LIMIT`].
    pub fn after(cursor: Cursor, limit: u32) -> Self {
        Self {
            after: Some(cursor),
            limit: limit.clamp(1, MAX_LIMIT),
        }
    }

    /// The cursor to continue from.
    pub const fn cursor(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }

    /// How many rows, 1..=[`MAX_LIMIT`].
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// How many rows to ask the database for: one more, which tells whether a next page exists.
    pub fn fetch(&self) -> u64 {
        u64::from(self.limit) + 1
    }
}

/// One page of rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The rows, at most the requested limit.
    pub items: Vec<T>,
    /// Where to continue; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Builds a page from up to [`PageRequest::fetch`] rows: the extra row is dropped and only says
    /// that there is a next page.
    pub fn from_rows(
        mut rows: Vec<T>,
        request: &PageRequest,
        cursor: impl Fn(&T) -> Cursor,
    ) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(cursor) } else { None };
        Self { items: rows, next }
    }

    /// The same page with each row changed.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Page, PageRequest};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(key in "\\PC{0,40}", id in any::<i64>()) {
            let cursor = Cursor { key, id };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn any_other_text_is_refused_without_panic(text in "\\PC{0,40}") {
            let _ = Cursor::decode(&text);
        }
    }

    #[test]
    fn the_extra_row_only_says_that_more_follow() {
        let request = PageRequest::first(2);
        let cursor = |n: &i64| Cursor {
            key: String::new(),
            id: *n,
        };
        assert_eq!(
            Page::from_rows(vec![1, 2, 3], &request, cursor).next,
            Some(cursor(&2))
        );
        assert_eq!(Page::from_rows(vec![1, 2], &request, cursor).next, None);
        assert_eq!(PageRequest::first(0).limit(), 1);
        assert_eq!(PageRequest::first(9_999).limit(), 100);
    }
}
