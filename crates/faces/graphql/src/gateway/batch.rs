//! What a body asks: one request, or an array of a few, which is answered by an array in the same order.
//!
//! Must never let an array be a way around a limit: each of its requests has the limits of one, and
//! all of them together have the time of one.

use axum::http::{Method, request::Parts};
use kernel::ErrorCode;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{Gateway, execute::Answer, params::Params, refusal::Refusal};

/// Most requests in one body.
const BATCH_MAX: usize = 5;

/// What a body asks.
#[derive(PartialEq, Debug)]
pub(crate) enum Asked {
    /// One request.
    One(Params),
    /// An array of them.
    Several(Vec<Params>),
}

impl Asked {
    /// Reads a JSON body.
    pub(crate) fn from_body(body: &[u8]) -> Result<Self, Refusal> {
        let value = serde_json::from_slice(body)
            .map_err(|error| Refusal::http(400, format!("the body is not JSON: {error}")))?;
        let requests = match value {
            Value::Object(object) => return Params::from_object(object).map(Self::One),
            Value::Array(requests) => requests,
            _ => return Err(Refusal::http(400, "the body must be a JSON object")),
        };
        if !(1..=BATCH_MAX).contains(&requests.len()) {
            let message = format!("a batch is an array of 1 to {BATCH_MAX} requests");
            return Err(Refusal::http(400, message));
        }
        let requests = requests.into_iter().map(|request| match request {
            Value::Object(object) => Params::from_object(object),
            _ => Err(Refusal::http(400, "a batch is an array of JSON objects")),
        });
        requests.collect::<Result<_, _>>().map(Self::Several)
    }
}

impl Gateway {
    /// Answers a batch: one request after another, so that a batch of mutations does what it says in
    /// that order. What finds no time any more is refused.
    pub(crate) async fn answer_batch(&self, batch: Vec<Params>, parts: &Parts) -> Vec<Answer> {
        let deadline = self.settings.limits.deadline;
        let end = Instant::now() + deadline;
        let mut answers = Vec::with_capacity(batch.len());
        for params in batch {
            let answer = timeout_at(end, self.answer(params, parts, &Method::POST)).await;
            answers.push(answer.unwrap_or_else(|_elapsed| {
                let secs = deadline.as_secs();
                let message = format!("the batch took longer than {secs} s: send fewer at a time");
                Refusal::not_now(ErrorCode::Unavailable, message).into()
            }));
        }
        answers
    }
}

/// The status of an array of answers: the one that all of them have, or 200.
pub(crate) fn status(statuses: &[u16]) -> u16 {
    match statuses {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => *first,
        _ => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, status};

    fn refused(body: &str) -> String {
        Asked::from_body(body.as_bytes()).unwrap_err().message
    }

    fn batch(n: usize) -> String {
        format!("[{}]", vec![r#"{"query":"{a}"}"#; n].join(","))
    }

    #[test]
    fn a_body_is_one_request_or_an_array_of_a_few() {
        let one = Asked::from_body(br#"{"query":"{a}"}"#).unwrap();
        let Asked::One(params) = &one else {
            panic!("{one:?}")
        };
        assert_eq!(params.query.as_deref(), Some("{a}"));
        for n in [1, 5] {
            let several = Asked::from_body(batch(n).as_bytes()).unwrap();
            assert!(matches!(&several, Asked::Several(list) if list.len() == n));
        }
    }

    #[test]
    fn every_wrong_shape_is_told() {
        assert!(refused("{").starts_with("the body is not JSON"));
        assert_eq!(refused("1"), "the body must be a JSON object");
        assert_eq!(refused("{}"), "`query` must be there");
        for wrong in ["[]", &batch(6), "[[[]],1,2,3,4,5]"] {
            assert_eq!(refused(wrong), "a batch is an array of 1 to 5 requests");
        }
        assert_eq!(
            refused(r#"[{"query":"{a}"},1]"#),
            "a batch is an array of JSON objects"
        );
        assert_eq!(
            refused(r#"[{"query":"{a}"},[{"query":"{a}"}]]"#),
            "a batch is an array of JSON objects"
        );
        assert_eq!(
            refused(r#"[{"query":"{a}"},{"query":1}]"#),
            "`query` must be a string"
        );
    }

    #[test]
    fn json_nested_deep_enough_to_hurt_is_refused() {
        let bomb = format!(r#"{{"query":"","variables":{{"a":{}"#, "[".repeat(100_000));
        assert!(refused(&bomb).contains("recursion limit"));
        assert!(refused(&"[".repeat(100_000)).contains("recursion limit"));
    }

    #[test]
    fn a_status_that_all_share_is_the_status_of_the_batch() {
        assert_eq!(status(&[401, 401]), 401);
        assert_eq!(status(&[200, 400]), 200);
        assert_eq!(status(&[400]), 400);
    }
}
