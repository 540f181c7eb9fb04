//! One walk over the parsed document that counts what executing it would mean, with every fragment
//! written out where it is spread, and visits each fragment once. The engine's own depth and cost
//! visitors write fragments out for real: 27 fragments that each spread the next one twice would
//! keep them busy for hours, so they run only on what passed here.
//!
//! Must never visit a fragment twice or descend deeper than the nesting limit.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned,
    parser::types::{
        Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
    },
};

use super::refusal::Refusal;
use crate::settings::Limits;

/// Refuses a document that is over a limit.
pub(crate) fn walk(document: &ExecutableDocument, limits: &Limits) -> Result<(), Refusal> {
    if document.operations.iter().len() > limits.operations {
        return Err(Refusal::too_large(format!(
            "the document has more than {} operations",
            limits.operations
        )));
    }
    let mut walk = Walk {
        document,
        limits,
        fragments: HashMap::new(),
    };
    for (_, operation) in document.operations.iter() {
        let counts = walk.operation(&operation.node)?;
        within(&counts, limits)?;
    }
    // The engine would look into them to say the same.
    for (name, fragment) in &document.fragments {
        if !walk.fragments.contains_key(name.as_str()) {
            let message = format!("nothing uses fragment `{name}`");
            return Err(Refusal::validation(message).at(fragment.pos));
        }
    }
    Ok(())
}

/// The operation that a request means.
pub(crate) fn resolve<'a>(
    document: &'a ExecutableDocument,
    operation_name: Option<&str>,
) -> Result<&'a OperationDefinition, Refusal> {
    let mut operations = document.operations.iter();
    if let Some(wanted) = operation_name {
        return operations
            .find(|(name, _)| name.is_some_and(|name| name.as_str() == wanted))
            .map(|(_, operation)| &operation.node)
            .ok_or_else(|| {
                Refusal::operation("the document has no operation of that name".to_owned())
            });
    }
    match (operations.next(), operations.next()) {
        (Some((_, operation)), None) => Ok(&operation.node),
        _ => Err(Refusal::operation(
            "the document has several operations: say which one in `operationName`".to_owned(),
        )),
    }
}

/// What a selection set amounts to, fragments written out.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Counts {
    /// Fields of the set itself; at the root of an operation, the root fields.
    own_fields: usize,
    /// Fields in all, without introspection.
    fields: usize,
    /// Levels of fields, without introspection.
    depth: usize,
    /// Levels of selection sets, fragments included.
    nesting: usize,
    aliases: usize,
    directives: usize,
    /// Fields below `__schema` and `__type`.
    introspection_fields: usize,
    /// Levels of lists below `__schema` and `__type`.
    introspection_lists: usize,
    /// Levels of fields that would be lists if this were introspection.
    lists: usize,
}

impl Counts {
    /// Adds what stands beside.
    const fn beside(&mut self, other: Self) {
        self.own_fields = self.own_fields.saturating_add(other.own_fields);
        self.fields = self.fields.saturating_add(other.fields);
        self.depth = max(self.depth, other.depth);
        self.nesting = max(self.nesting, other.nesting);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.introspection_fields = self
            .introspection_fields
            .saturating_add(other.introspection_fields);
        self.introspection_lists = max(self.introspection_lists, other.introspection_lists);
        self.lists = max(self.lists, other.lists);
    }

    /// What a field with this below it amounts to.
    fn under(self, field: &Field) -> Self {
        let name = field.name.node.as_str();
        let introspection = matches!(name, "__schema" | "__type");
        let mut counts = Self {
            own_fields: 1,
            aliases: self
                .aliases
                .saturating_add(usize::from(field.alias.is_some())),
            directives: self.directives.saturating_add(field.directives.len()),
            ..self
        };
        if introspection {
            counts.fields = 1;
            counts.depth = 1;
            counts.introspection_fields = self.fields.saturating_add(self.introspection_fields);
            counts.introspection_lists = max(self.lists, self.introspection_lists);
            counts.lists = 0;
        } else {
            counts.fields = self.fields.saturating_add(1);
            counts.depth = self.depth.saturating_add(1);
            counts.lists = self.lists.saturating_add(usize::from(is_list(name)));
        }
        counts
    }
}

/// `Ord::max` is not const.
const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// The lists of the introspection schema: each multiplies what is below it.
fn is_list(name: &str) -> bool {
    matches!(
        name,
        "types"
            | "fields"
            | "args"
            | "inputFields"
            | "interfaces"
            | "possibleTypes"
            | "enumValues"
            | "directives"
    )
}

fn within(counts: &Counts, limits: &Limits) -> Result<(), Refusal> {
    let deep = |what: &str, limit: usize| {
        Err(Refusal::too_deep(format!(
            "{what} nest more than {limit} levels"
        )))
    };
    let many = |what: &str, limit: usize| {
        Err(Refusal::too_complex(format!(
            "the query has more than {limit} {what}, fragments written out"
        )))
    };
    if counts.depth > limits.depth {
        return deep("fields", limits.depth);
    }
    if counts.introspection_lists > limits.introspection_lists {
        return deep("lists of the schema", limits.introspection_lists);
    }
    for (count, limit, what) in [
        (counts.own_fields, limits.root_fields, "fields at its root"),
        (counts.fields, limits.fields, "fields"),
        (
            counts.introspection_fields,
            limits.introspection_fields,
            "fields of the schema",
        ),
        (counts.aliases, limits.aliases, "aliases"),
        (counts.directives, limits.directives, "directives"),
    ] {
        if count > limit {
            return many(what, limit);
        }
    }
    Ok(())
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    limits: &'a Limits,
    /// `None` while a fragment is being visited.
    fragments: HashMap<&'a str, Option<Counts>>,
}

impl<'a> Walk<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Counts, Refusal> {
        let mut counts = self.selection_set(&operation.selection_set.node, 0)?;
        let variables = operation
            .variable_definitions
            .iter()
            .map(|variable| variable.node.directives.len());
        counts.directives = variables
            .chain([operation.directives.len()])
            .fold(counts.directives, usize::saturating_add);
        Ok(counts)
    }

    /// `above` is how many selection sets are open.
    fn selection_set(&mut self, set: &'a SelectionSet, above: usize) -> Result<Counts, Refusal> {
        if above >= self.limits.nesting {
            return Err(Refusal::too_deep(format!(
                "selections and fragments nest more than {} levels",
                self.limits.nesting
            )));
        }
        let mut counts = Counts::default();
        for selection in &set.items {
            counts.beside(match &selection.node {
                Selection::Field(field) => {
                    let below = if field.node.selection_set.node.items.is_empty() {
                        Counts::default()
                    } else {
                        self.selection_set(&field.node.selection_set.node, above + 1)?
                    };
                    below.under(&field.node)
                }
                Selection::InlineFragment(inline) => {
                    let below = self.selection_set(&inline.node.selection_set.node, above + 1)?;
                    with_directives(below, &inline.node.directives)
                }
                Selection::FragmentSpread(spread) => {
                    let below = self.fragment(&spread.node.fragment_name.node, above + 1)?;
                    with_directives(below, &spread.node.directives)
                }
            });
        }
        counts.nesting = counts.nesting.saturating_add(1);
        Ok(counts)
    }

    fn fragment(&mut self, name: &'a Name, above: usize) -> Result<Counts, Refusal> {
        match self.fragments.get(name.as_str()) {
            Some(Some(counts)) if above.saturating_add(counts.nesting) > self.limits.nesting => {
                return Err(Refusal::too_deep(format!(
                    "selections and fragments nest more than {} levels",
                    self.limits.nesting
                )));
            }
            Some(Some(counts)) => return Ok(*counts),
            Some(None) => {
                return Err(Refusal::validation(format!(
                    "fragment `{name}` contains itself"
                )));
            }
            None => {}
        }
        // The engine's validation names a fragment that does not exist.
        let Some(definition) = self.document.fragments.get(name) else {
            return Ok(Counts::default());
        };
        self.fragments.insert(name.as_str(), None);
        let below = self.selection_set(&definition.node.selection_set.node, above)?;
        let counts = with_directives(below, &definition.node.directives);
        self.fragments.insert(name.as_str(), Some(counts));
        Ok(counts)
    }
}

const fn with_directives(mut counts: Counts, directives: &[Positioned<Directive>]) -> Counts {
    counts.directives = counts.directives.saturating_add(directives.len());
    counts
}

#[cfg(test)]
mod tests;
