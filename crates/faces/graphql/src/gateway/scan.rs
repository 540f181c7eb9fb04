//! A look at the bytes of a document before the parser sees them. The parser descends once for
//! every bracket, so 3 KB of `[` would overflow its stack and take the whole process with it.
//!
//! Must never allocate, recurse or accept what it cannot read: a string without an end is refused,
//! because guessing where it ends would let brackets hide in it.

use crate::settings::Limits;

use super::refusal::Refusal;

/// Refuses a document that is too long, too deep or has too many tokens.
pub(crate) fn scan(document: &str, limits: &Limits) -> Result<(), Refusal> {
    if document.len() > limits.document_bytes {
        return Err(Refusal::too_large(format!(
            "the document is longer than {} bytes",
            limits.document_bytes
        )));
    }
    let mut scanner = Scanner {
        rest: document.as_bytes(),
    };
    let (mut depth, mut tokens) = (0_usize, 0_usize);
    while let Some(token) = scanner.next()? {
        tokens += 1;
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Other => {}
        }
        if depth > limits.brackets {
            return Err(Refusal::too_deep(format!(
                "the document nests more than {} brackets",
                limits.brackets
            )));
        }
        if tokens > limits.tokens {
            return Err(Refusal::too_large(format!(
                "the document has more than {} tokens",
                limits.tokens
            )));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Other,
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl Scanner<'_> {
    fn next(&mut self) -> Result<Option<Token>, Refusal> {
        loop {
            let Some((&byte, rest)) = self.rest.split_first() else {
                return Ok(None);
            };
            match byte {
                b'#' => self.skip_while(|b| b != b'\n' && b != b'\r'),
                b'"' => {
                    self.string()?;
                    return Ok(Some(Token::Other));
                }
                b'{' | b'[' | b'(' => {
                    self.rest = rest;
                    return Ok(Some(Token::Open));
                }
                b'}' | b']' | b')' => {
                    self.rest = rest;
                    return Ok(Some(Token::Close));
                }
                b' ' | b'\t' | b'\r' | b'\n' | b',' => self.rest = rest,
                _ if is_word(byte) => {
                    self.skip_while(is_word);
                    return Ok(Some(Token::Other));
                }
                _ => {
                    self.rest = rest;
                    return Ok(Some(Token::Other));
                }
            }
        }
    }

    fn skip_while(&mut self, mut wanted: impl FnMut(u8) -> bool) {
        let end = self.rest.iter().position(|&byte| !wanted(byte));
        self.advance(end.unwrap_or(self.rest.len()));
    }

    fn advance(&mut self, n_bytes: usize) {
        self.rest = self.rest.get(n_bytes..).unwrap_or_default();
    }

    fn string(&mut self) -> Result<(), Refusal> {
        let unterminated = || Refusal::parse("a string in the document has no end".to_owned());
        if self.rest.starts_with(br#"""""#) {
            self.advance(3);
            while !self.rest.is_empty() {
                if self.rest.starts_with(br#"""""#) {
                    self.advance(3);
                    return Ok(());
                }
                self.advance(if self.rest.starts_with(br#"\""""#) {
                    4
                } else {
                    1
                });
            }
            return Err(unterminated());
        }
        self.advance(1);
        loop {
            match self.rest.first() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(());
                }
                Some(b'\\') => self.advance(2),
                Some(b'\n' | b'\r') | None => return Err(unterminated()),
                Some(_) => self.advance(1),
            }
        }
    }
}

/// Bytes that make names and whole numbers. Signs and anything outside ASCII count byte by byte:
/// `1-1-1` is three numbers.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use async_graphql::{Value, parser::parse_query, parser::types::Selection};
    use proptest::prelude::*;

    use super::{Limits, scan};

    fn code(document: &str) -> Option<&'static str> {
        scan(document, &Limits::default()).err().map(|r| r.code)
    }

    #[test]
    fn sixteen_hundred_nested_lists_are_refused_before_the_parser_sees_them() {
        let bomb = format!("{{ f(a: {}", "[".repeat(1_600));
        assert_eq!(code(&bomb), Some("QUERY_TOO_DEEP"));
        assert_eq!(code(&"{a".repeat(1_600)), Some("QUERY_TOO_DEEP"));
        assert_eq!(
            code(&format!("query($x: {}", "[".repeat(100))),
            Some("QUERY_TOO_DEEP")
        );
    }

    #[test]
    fn the_deepest_nesting_allowed_is_parsed_on_half_a_workers_stack() {
        let brackets = Limits::default().brackets;
        let document = format!(
            "{{ f(a: {}1{}) }}",
            "[".repeat(brackets - 2),
            "]".repeat(brackets - 2)
        );
        assert_eq!(code(&document), None);
        let objects = format!("{}a{}", "{a".repeat(brackets), "}".repeat(brackets));
        assert_eq!(code(&objects), None);
        let parsed = std::thread::Builder::new()
            .stack_size(1024 * 1024)
            .spawn(move || parse_query(&document).is_ok() && parse_query(&objects).is_ok())
            .unwrap()
            .join();
        assert_eq!(parsed.ok(), Some(true));
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let many = "{".repeat(200);
        assert_eq!(code(&format!("{{ f(a: \"{many}\") }}")), None);
        assert_eq!(
            code(&format!("{{ f(a: \"\"\"{many}\\\"\"\"{many}\"\"\") }}")),
            None
        );
        assert_eq!(code(&format!("{{ # {many}\n f }}")), None);
    }

    #[test]
    fn a_string_without_an_end_is_refused() {
        for document in [
            "{ f(a: \"x) }",
            "{ f(a: \"\"\"x\"\") }",
            "{ f(a: \"x\\\") }",
            "{ f(a: \"x\n\") }",
            "\"",
            "\"\\",
        ] {
            assert_eq!(code(document), Some("GRAPHQL_PARSE_FAILED"), "{document}");
        }
    }

    #[test]
    fn long_documents_and_many_tokens_are_refused() {
        assert_eq!(code(&" ".repeat(70_000)), Some("QUERY_TOO_LARGE"));
        assert_eq!(
            code(&format!("{{ {} }}", "a ".repeat(3_000))),
            Some("QUERY_TOO_LARGE")
        );
    }

    /// The deepest list in the arguments of the document's first field, as the parser sees it.
    fn parsed_depth(document: &str) -> Option<usize> {
        fn depth(value: &Value) -> usize {
            match value {
                Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
                Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
                _ => 0,
            }
        }
        let parsed = parse_query(document).ok()?;
        let (_, operation) = parsed.operations.iter().next()?;
        let selection = operation.node.selection_set.node.items.first()?;
        let Selection::Field(field) = &selection.node else {
            return None;
        };
        let (_, argument) = field.node.arguments.first()?;
        argument
            .clone()
            .node
            .into_const()
            .map(|value| depth(&value))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        // If the two ever read a quote, a comment or an escape differently, a bracket could hide
        // from the scan and not from the parser.
        #[test]
        fn no_bracket_that_the_parser_sees_hides_from_the_scan(
            middle in r#"([\[\]{}"\\#nu1 \n\r]|""|"""|\\"""|#"|"x"|\{a:|\[\[|\]\]){0,24}"#,
        ) {
            let document = format!("{{ f(a: [{middle}]) }}");
            if let Some(seen) = parsed_depth(&document) {
                // Two brackets are the selection set's and the arguments'.
                let mut limits = Limits { brackets: seen + 1, ..Limits::default() };
                prop_assert!(scan(&document, &limits).is_err(), "{:?}", document);
                limits.brackets = seen + 2;
                // The parser reads `"""x"` as two strings; the specification has a block string
                // without an end there, and so have we.
                let refused = scan(&document, &limits).err().map(|refusal| refusal.code);
                let fine = refused.is_none() || refused == Some("GRAPHQL_PARSE_FAILED");
                prop_assert!(fine, "{:?}", document);
            }
        }
    }
}
