//! `waddlebot codegen`: writes the reference documents that are made from code. Tests check that the
//! committed ones are current.

use std::path::Path;

use anyhow::Context;

pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let place = root.join("docs/reference");
    for (name, text) in [
        ("schema.graphql", graphql::sdl()),
        ("openapi.json", rest::document()),
        ("operations.md", app::operations::reference()),
        ("features.md", bots::features::reference()),
        ("commands.md", commands::reference()),
        ("webhooks.md", webhook::catalogue::reference()),
        ("webhooks.schema.json", webhook::catalogue::schema_text()),
    ] {
        let path = place.join(name);
        std::fs::write(&path, text).with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(())
}
