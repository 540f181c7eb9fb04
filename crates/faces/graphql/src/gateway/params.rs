//! The parameters of one request, however they came: JSON body, query string or WebSocket message.
//!
//! Must never accept a parameter of the wrong shape: a client with a mistake should hear of it.

use async_graphql::Variables;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// What a document is called instead of sending it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum DocumentId {
    /// The SHA-256 of its text.
    Sha256([u8; 32]),
    /// A name that the operator, or a client's build, gave it.
    Name(String),
}

/// Longest name of a document, in bytes.
const NAME_MAX: usize = 200;

impl DocumentId {
    /// Reads the `documentId` of GraphQL over HTTP: `sha256:…`, `x-…:…` or a name.
    fn parse(text: &str) -> Option<Self> {
        let fits = (1..=NAME_MAX).contains(&text.len());
        let unreserved = |part: &str| {
            part.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
        };
        let (prefix, rest) = text.split_once(':').unwrap_or(("", text));
        let is_named = prefix.is_empty() && !text.starts_with(':') || prefix.starts_with("x-");
        match prefix {
            "sha256" => sha256(rest).map(Self::Sha256),
            _ if is_named && fits && unreserved(prefix) && unreserved(rest) => {
                Some(Self::Name(text.to_owned()))
            }
            _ => None,
        }
    }

    /// Reads `extensions.persistedQuery`.
    fn persisted(value: &Value) -> Result<Self, &'static str> {
        if value.get("version").and_then(Value::as_u64) != Some(1) {
            return Err("`extensions.persistedQuery.version` must be 1");
        }
        value
            .get("sha256Hash")
            .and_then(Value::as_str)
            .and_then(sha256)
            .map(Self::Sha256)
            .ok_or("`extensions.persistedQuery.sha256Hash` must be 64 hexadecimal digits")
    }
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in digest.iter_mut().enumerate() {
        let pair = text.get(place * 2..place * 2 + 2)?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(digest)
}

/// What to execute.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Params {
    /// The document's text; if it is not there, `document` says which one.
    pub(crate) query: Option<String>,
    /// The document's name.
    pub(crate) document: Option<DocumentId>,
    /// Which of its operations.
    pub(crate) operation_name: Option<String>,
    /// Whether the answer is to say what it cost.
    pub(crate) tells_cost: bool,
    variables: Map<String, Value>,
}

impl Params {
    /// Reads the parameters of a URL.
    pub(crate) fn from_url(pairs: Vec<(String, String)>) -> Result<Self, Refusal> {
        let mut object = Map::new();
        for (name, text) in pairs {
            let value = match name.as_str() {
                "query" | "operationName" | "documentId" => Value::String(text),
                "variables" | "extensions" => serde_json::from_str(&text).map_err(|error| {
                    Refusal::http(400, format!("`{name}` is not JSON: {error}"))
                })?,
                _ => continue,
            };
            if object.insert(name.clone(), value).is_some() {
                return Err(Refusal::http(400, format!("`{name}` is there twice")));
            }
        }
        Self::from_object(object)
    }

    /// Reads a JSON object: a body, an entry of a batch, or the payload of a WebSocket message.
    pub(crate) fn from_object(mut object: Map<String, Value>) -> Result<Self, Refusal> {
        let wrong = |name: &str, wanted: &str| {
            Err(Refusal::http(400, format!("`{name}` must be {wanted}")))
        };
        let query = match object.remove("query") {
            Some(Value::String(query)) => Some(query),
            None | Some(Value::Null) => None,
            Some(_) => return wrong("query", "a string"),
        };
        let operation_name = match object.remove("operationName") {
            // Some clients send an empty name for «the only one».
            Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
            None | Some(Value::Null) => None,
            Some(_) => return wrong("operationName", "a string"),
        };
        let variables = match object.remove("variables") {
            Some(Value::Object(variables)) => variables,
            None | Some(Value::Null) => Map::new(),
            Some(_) => return wrong("variables", "an object"),
        };
        let mut extensions = match object.remove("extensions") {
            Some(Value::Object(extensions)) => extensions,
            Some(Value::Null) | None => Map::new(),
            Some(_) => return wrong("extensions", "an object"),
        };
        let tells_cost = match extensions.remove("cost") {
            Some(Value::Bool(tells)) => tells,
            None | Some(Value::Null) => false,
            Some(_) => return wrong("extensions.cost", "true or false"),
        };
        let wrong_id = "`sha256:` and 64 hexadecimal digits, or a name";
        let document = match object.remove("documentId") {
            Some(Value::String(text)) => match DocumentId::parse(&text) {
                None => return wrong("documentId", wrong_id),
                id => id,
            },
            None | Some(Value::Null) => None,
            Some(_) => return wrong("documentId", wrong_id),
        };
        let persisted = extensions.remove("persistedQuery");
        let persisted = match persisted.filter(|persisted| !persisted.is_null()) {
            Some(value) => match DocumentId::persisted(&value) {
                Ok(id) => Some(id),
                Err(message) => return Err(Refusal::http(400, message)),
            },
            None => None,
        };
        if query.is_none() && document.is_none() && persisted.is_none() {
            return wrong("query", "there");
        }
        Ok(Self {
            query,
            document: document.or(persisted),
            operation_name,
            tells_cost,
            variables,
        })
    }

    /// The variables, for the engine.
    pub(crate) fn variables(&mut self) -> Variables {
        Variables::from_json(Value::Object(std::mem::take(&mut self.variables)))
    }
}

#[cfg(test)]
mod tests {
    use super::{DocumentId, Params};

    fn read(object: &str) -> Result<Params, String> {
        let object = serde_json::from_str(object).unwrap();
        Params::from_object(object).map_err(|refusal| refusal.message)
    }

    #[test]
    fn a_request_needs_a_query_and_nothing_else() {
        let params = read(r#"{"query":"{a}","operationName":null}"#).unwrap();
        assert_eq!(
            (params.query.as_deref(), params.operation_name),
            (Some("{a}"), None)
        );
        let named = read(
            r#"{"query":"{a}","operationName":"A","variables":{"x":1},"extensions":{},"more":1}"#,
        );
        assert_eq!(named.unwrap().operation_name.as_deref(), Some("A"));
    }

    #[test]
    fn every_wrong_shape_is_told() {
        let refused = |object: &str| read(object).unwrap_err();
        assert_eq!(refused("{}"), "`query` must be there");
        assert_eq!(refused(r#"{"query":1}"#), "`query` must be a string");
        assert_eq!(
            refused(r#"{"query":"","operationName":1}"#),
            "`operationName` must be a string"
        );
        assert_eq!(
            refused(r#"{"query":"","variables":[]}"#),
            "`variables` must be an object"
        );
        assert_eq!(
            refused(r#"{"query":"","extensions":1}"#),
            "`extensions` must be an object"
        );
    }

    #[test]
    fn a_url_carries_the_same_parameters() {
        let url = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
            Params::from_url(owned.collect())
        };
        assert!(
            url(&[
                ("query", "{a}"),
                ("variables", r#"{"x":1}"#),
                ("other", "1")
            ])
            .is_ok()
        );
        assert!(url(&[("query", "{a}"), ("variables", "{")]).is_err());
        assert!(url(&[("query", "{a}"), ("query", "{b}")]).is_err());
        assert!(url(&[]).is_err());
    }

    #[test]
    fn a_document_may_be_named_instead_of_sent() {
        let hash = "7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e";
        let read = |id: &str| read(&format!(r#"{{"documentId":"{id}"}}"#)).map(|p| p.document);
        let digest = super::sha256(hash);
        assert_eq!(digest.unwrap()[..2], [0x7d, 0xba]);
        assert_eq!(
            read(&format!("sha256:{hash}")).unwrap(),
            digest.map(DocumentId::Sha256)
        );
        for name in [
            "Month",
            "a-b.c_d~9",
            "x-md5:d41d8cd98f00b204e9800998ecf8427e",
            hash,
        ] {
            let expected = Some(DocumentId::Name(name.to_owned()));
            assert_eq!(read(name).unwrap(), expected);
        }
        let long = "a".repeat(201);
        let short = format!("sha256:{}", &hash[1..]);
        for wrong in [
            "", ":", "md5:1", "sha256:", "a b", "ü", "x-a:b:c", "../x/y", &long, &short,
        ] {
            assert!(
                read(wrong).unwrap_err().starts_with("`documentId` must be"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn an_automatic_persisted_query_has_a_version_and_a_hash() {
        let ask = |persisted: &str| {
            read(&format!(
                r#"{{"extensions":{{"persistedQuery":{persisted}}}}}"#
            ))
        };
        let hash = "0".repeat(64);
        let params = ask(&format!(r#"{{"version":1,"sha256Hash":"{hash}"}}"#)).unwrap();
        assert_eq!(params.document, Some(DocumentId::Sha256([0; 32])));
        assert_eq!(ask("null").unwrap_err(), "`query` must be there");
        for (wrong, about) in [
            (
                format!(r#"{{"version":2,"sha256Hash":"{hash}"}}"#),
                "version",
            ),
            (format!(r#"{{"sha256Hash":"{hash}"}}"#), "version"),
            (r#"{"version":1}"#.to_owned(), "sha256Hash"),
            (r#"{"version":1,"sha256Hash":7}"#.to_owned(), "sha256Hash"),
            (
                r#"{"version":1,"sha256Hash":"abc"}"#.to_owned(),
                "sha256Hash",
            ),
            (
                format!(r#"{{"version":1,"sha256Hash":"{}"}}"#, "é".repeat(32)),
                "sha256Hash",
            ),
            ("1".to_owned(), "version"),
        ] {
            assert!(ask(&wrong).unwrap_err().contains(about), "{wrong}");
        }
    }
}
