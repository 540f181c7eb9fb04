//! The committed schema file.

use std::path::Path;

/// `UPDATE=1 cargo test -p graphql schema_file` writes the file.
#[test]
fn schema_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/schema.graphql");
    let current = crate::sdl();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/reference/schema.graphql is not the schema any more: run UPDATE=1 cargo test -p graphql"
    );
}

#[test]
fn everything_in_the_schema_is_described() {
    let sdl = crate::sdl();
    let mut described = false;
    for line in sdl.lines() {
        let text = line.trim();
        let is_definition = text.starts_with("type ")
            || text.starts_with("scalar ")
            || text.starts_with("enum ")
            || (line.starts_with('\t')
                && text.contains(": ")
                && !text.starts_with(')')
                && !text.starts_with("query:"))
            || (line.starts_with('\t')
                && text
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()));
        let is_schema = text.starts_with("subscription:") || text.starts_with("mutation:");
        assert!(
            !is_definition || described || is_schema || text.is_empty(),
            "no description: {text}"
        );
        described = text.ends_with("\"\"\"");
    }
}
