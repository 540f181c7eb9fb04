//! A form that came back with mistakes: which field, and what to do about it. Values typed are kept
//! by the page; secrets never are.

use axum::http::StatusCode;

/// The mistakes of a form, in the order of its fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mistakes(Vec<(&'static str, String)>);

impl Mistakes {
    /// One mistake; the empty field name means the form as a whole.
    pub(crate) fn one(field: &'static str, message: &str) -> Self {
        Self(vec![(field, crate::error::sentence(message))])
    }

    /// The same without the fields, for a form whose fields are not on the page that tells them.
    pub(crate) fn of_the_whole(mut self) -> Self {
        for (field, _) in &mut self.0 {
            *field = "";
        }
        self
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, message)| message.as_str())
    }

    /// All of them, for the summary.
    pub(crate) fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// 422 with mistakes, else 200.
    pub(crate) fn status(&self) -> StatusCode {
        if self.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}
