//! Which media type a request has and which one its answer gets, by the GraphQL-over-HTTP
//! specification.
//!
//! Must never guess: `text/plain` and forms are what a foreign page can send without asking, so
//! they are not read as JSON.

/// The media types of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Media {
    /// `application/json`: a document that fails still answers 200.
    Json,
    /// `application/graphql-response+json`: the status says whether there is data.
    GraphQl,
}

impl Media {
    /// The header's value.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
        }
    }

    const fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphQl => "application/graphql-response+json",
        }
    }
}

/// What a client takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Accepted {
    /// The best type of a single answer.
    pub(crate) media: Option<Media>,
    /// Whether it also, or only, takes server-sent events: never by a wildcard, whose sender does not
    /// expect a stream.
    pub(crate) events: bool,
}

/// What an `Accept` header asks for; `None` if nothing we have is wanted.
pub(crate) fn negotiate(accept: Option<&str>) -> Option<Accepted> {
    let Some(accept) = accept.filter(|text| !text.trim().is_empty()) else {
        let media = Some(Media::Json);
        return Some(Accepted {
            media,
            events: false,
        });
    };
    let ranges: Vec<Range<'_>> = accept.split(',').filter_map(Range::parse).collect();
    let media = single(&ranges);
    let events = ranges
        .iter()
        .any(|range| range.quality > 0 && range.essence.eq_ignore_ascii_case("text/event-stream"));
    (events || media.is_some()).then_some(Accepted { media, events })
}

/// The best type of a single answer. Between equals an exact name wins over a wildcard; a client that
/// names both types knows the newer one, and a client that names neither is an old one.
fn single(ranges: &[Range<'_>]) -> Option<Media> {
    let wanted = |media: Media| {
        let by_precision = ranges
            .iter()
            .filter_map(|range| Some((range.precision(media)?, range.quality)));
        let (precision, quality) = by_precision.max_by_key(|(precision, _)| *precision)?;
        (quality > 0).then_some((quality, precision))
    };
    match (wanted(Media::GraphQl), wanted(Media::Json)) {
        (None, None) => None,
        (Some(_), None) => Some(Media::GraphQl),
        (None, Some(_)) => Some(Media::Json),
        (Some(graphql), Some(json)) => {
            let newer = graphql > json || (graphql == json && graphql.1 == EXACT);
            Some(if newer { Media::GraphQl } else { Media::Json })
        }
    }
}

/// Whether a request body of this type is read.
pub(crate) fn is_json(content_type: Option<&str>) -> bool {
    let Some(range) = content_type.and_then(Range::parse) else {
        return false;
    };
    range.precision(Media::Json) == Some(EXACT)
}

const EXACT: u8 = 2;

struct Range<'a> {
    essence: &'a str,
    /// Thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    /// `None` if we cannot satisfy it whatever the type: we write UTF-8 only.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next()?;
        let mut quality = 1_000;
        for part in parts {
            let Some((name, value)) = part.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("q") {
                quality = thousandths(value)?;
            } else if name.trim().eq_ignore_ascii_case("charset")
                && !value.eq_ignore_ascii_case("utf-8")
                && !value.eq_ignore_ascii_case("utf8")
            {
                return None;
            }
        }
        Some(Self { essence, quality })
    }

    fn precision(&self, media: Media) -> Option<u8> {
        if self.essence.eq_ignore_ascii_case(media.essence()) {
            Some(EXACT)
        } else if self.essence.eq_ignore_ascii_case("application/*") {
            Some(1)
        } else {
            (self.essence == "*/*").then_some(0)
        }
    }
}

/// `0.25` as 250; RFC 9110 allows three digits.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "1" => Some(1_000),
        "0" => Some(fraction),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Accepted, Media, is_json, negotiate};

    #[test]
    fn accept_is_negotiated_with_quality_and_precision() {
        let json = Some(Media::Json);
        let graphql = Some(Media::GraphQl);
        for (accept, expected) in [
            ("", json),
            ("*/*", json),
            ("application/*", json),
            ("application/json", json),
            ("application/graphql-response+json", graphql),
            (
                "application/graphql-response+json, application/json",
                graphql,
            ),
            (
                "application/json, application/graphql-response+json",
                graphql,
            ),
            (
                "application/graphql-response+json;q=0.5, application/json;q=0.9",
                json,
            ),
            (
                "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
                graphql,
            ),
            ("application/json, */*;q=0.1", json),
            ("application/graphql-response+json;q=0, */*", json),
            ("text/html,application/xhtml+xml,*/*;q=0.8", json),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json; charset=iso-8859-1", None),
            ("application/json;q=2", None),
            (";;;,,,q", None),
        ] {
            let media = negotiate(Some(accept)).and_then(|accepted| accepted.media);
            assert_eq!(media, expected, "{accept}");
        }
        assert_eq!(negotiate(None).and_then(|accepted| accepted.media), json);
    }

    #[test]
    fn events_are_sent_to_who_names_them() {
        let accepted = |media, events| Some(Accepted { media, events });
        for (accept, expected) in [
            ("text/event-stream", accepted(None, true)),
            ("Text/Event-Stream; charset=utf-8", accepted(None, true)),
            (
                "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
                accepted(Some(Media::GraphQl), true),
            ),
            ("*/*", accepted(Some(Media::Json), false)),
            ("text/*", None),
            ("text/event-stream;q=0", None),
        ] {
            assert_eq!(negotiate(Some(accept)), expected, "{accept}");
        }
    }

    #[test]
    fn only_json_is_read() {
        assert!(is_json(Some("application/json")));
        assert!(is_json(Some("Application/JSON; charset=UTF-8")));
        for other in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/graphql"),
            Some("application/json; charset=utf-16"),
            Some("application/*"),
        ] {
            assert!(!is_json(other), "{other:?}");
        }
    }
}
