//! The parameters of one request, however they came: JSON body, query string or WebSocket message.
//!
//! Must never accept a parameter of the wrong shape: a client with a mistake should hear of it.

use async_graphql::Variables;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// What to execute.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Params {
    /// The document.
    pub(crate) query: String,
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
                "query" | "operationName" => Value::String(text),
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
            Some(Value::String(query)) => query,
            None | Some(Value::Null) => return wrong("query", "there"),
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
        Ok(Self {
            query,
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
    use super::Params;

    fn read(object: &str) -> Result<Params, String> {
        let object = serde_json::from_str(object).unwrap();
        Params::from_object(object).map_err(|refusal| refusal.message)
    }

    #[test]
    fn a_request_needs_a_query_and_nothing_else() {
        let params = read(r#"{"query":"{a}","operationName":null}"#).unwrap();
        assert_eq!(
            (params.query.as_str(), params.operation_name),
            ("{a}", None)
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
}
