//! Which operation a request is: the path templates of a contract. Never looks at bodies.

use url::form_urlencoded;

/// A path with names in braces.
#[derive(Debug)]
pub(crate) struct Template {
    /// As the contract writes it.
    pub(crate) path: String,
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Fixed(String),
    Value(String),
}

impl Template {
    pub(crate) fn new(path: &str) -> Self {
        let segment = |text: &str| {
            let name = text
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            name.map_or_else(
                || Segment::Fixed(text.to_owned()),
                |name| Segment::Value(name.to_owned()),
            )
        };
        Self {
            path: path.to_owned(),
            segments: path.split('/').map(segment).collect(),
        }
    }

    /// The values of the names, if the path fits.
    fn values(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let parts: Vec<&str> = path.split('/').collect();
        if parts.len() != self.segments.len() {
            return None;
        }
        let mut values = Vec::new();
        for (segment, part) in self.segments.iter().zip(parts) {
            match segment {
                Segment::Fixed(text) if text == part => {}
                Segment::Fixed(_) => return None,
                Segment::Value(name) => values.push((name.as_str(), decoded(part))),
            }
        }
        Some(values)
    }

    fn n_fixed(&self) -> usize {
        let is_fixed = |segment: &&Segment| matches!(segment, Segment::Fixed(_));
        self.segments.iter().filter(is_fixed).count()
    }
}

/// The template that fits best (`/users/@me` before `/users/{user_id}`), and the values in the path.
pub(crate) fn find<'t>(
    templates: &'t [Template],
    path: &str,
) -> Option<(&'t Template, Vec<(&'t str, String)>)> {
    templates
        .iter()
        .filter_map(|template| Some((template, template.values(path)?)))
        .max_by_key(|(template, _)| template.n_fixed())
}

/// Undoes percent-encoding; a plus sign in a path is a plus sign.
fn decoded(part: &str) -> String {
    let text = format!("v={}", part.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(text.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
