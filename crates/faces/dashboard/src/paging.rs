//! Which part of a list a page shows, and the address of the next part. What a list is of is the page's.

use kernel::{Cursor, PageRequest};

use crate::{
    error::{PageError, sentence},
    return_to,
};

/// The part that an address asks for, by the value of its `after`; the first one if it has none.
pub(crate) fn asked(after: Option<&str>, rows: u32) -> Result<PageRequest, PageError> {
    match after.filter(|after| !after.is_empty()) {
        None => Ok(PageRequest::first(rows)),
        Some(text) => Cursor::decode(text)
            .map(|cursor| PageRequest::after(cursor, rows))
            .map_err(|error| PageError::bad_input(sentence(&error.to_string()))),
    }
}

/// The address of the next part, if there is one.
pub(crate) fn next_href(base: &str, next: Option<&Cursor>) -> Option<String> {
    next.map(|cursor| return_to::with(base, "after", &cursor.encode()))
}
