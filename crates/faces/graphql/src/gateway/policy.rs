//! How long an answer may be kept, and for whom: what the hints `@cacheControl` of the schema say of the
//! fields that a document selects.
//!
//! Must never let an answer be kept of which nothing says that it may: a field of the root, or one with
//! fields of its own, that has no hint keeps nothing.

use std::{collections::HashMap, time::Duration};

use async_graphql::{
    Positioned, Value,
    parser::{
        parse_schema,
        types::{
            BaseType, ConstDirective, ExecutableDocument, OperationDefinition, OperationType,
            Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
        },
    },
};

/// How long an answer may be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Policy {
    /// From when it was made.
    pub(crate) max_age: Duration,
    /// For everybody, or for one viewer with their rights.
    pub(crate) is_public: bool,
}

/// What a hint says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hint {
    Kept { secs: u64, is_public: bool },
    Inherited,
}

/// A field of a type.
struct Field {
    hint: Option<Hint>,
    /// The type it answers, if that has fields.
    below: Option<String>,
}

/// The hints of the schema.
pub(crate) struct Hints(HashMap<String, HashMap<String, Field>>);

impl Hints {
    /// Reads them from the schema.
    pub(crate) fn read(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let mut objects = HashMap::new();
        let mut of_types = HashMap::new();
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            if let TypeKind::Object(object) = definition.node.kind {
                let name = definition.node.name.node.to_string();
                of_types.insert(name.clone(), hint(&definition.node.directives));
                objects.insert(name, object);
            }
        }
        let fields = objects.into_iter().map(|(name, object)| {
            let fields = object.fields.into_iter().map(|field| {
                let field = field.node;
                let below = named(&field.ty.node).filter(|name| of_types.contains_key(*name));
                let of_type = below.and_then(|name| of_types.get(name).copied().flatten());
                let hint = hint(&field.directives).or(of_type);
                let below = below.map(str::to_owned);
                (field.name.node.to_string(), Field { hint, below })
            });
            (name, fields.collect())
        });
        Ok(Self(fields.collect()))
    }

    /// What they say of a query; `None` if its answer is not to be kept.
    pub(crate) fn policy(
        &self,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
    ) -> Option<Policy> {
        if operation.ty != OperationType::Query {
            return None;
        }
        let mut least = Least {
            secs: None,
            is_public: true,
        };
        self.look(
            document,
            &operation.selection_set.node,
            ("Query", true),
            &mut least,
        )?;
        Some(Policy {
            max_age: Duration::from_secs(least.secs.filter(|secs| *secs > 0)?),
            is_public: least.is_public,
        })
    }

    /// `None` as soon as something is not to be kept. The document passed the walk, so that what fragments
    /// amount to is bounded.
    fn look(
        &self,
        document: &ExecutableDocument,
        set: &SelectionSet,
        (on, is_root): (&str, bool),
        least: &mut Least,
    ) -> Option<()> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(selected) => {
                    let name = selected.node.name.node.as_str();
                    if name == "__typename" {
                        continue;
                    }
                    let field = self.0.get(on)?.get(name)?;
                    match field.hint {
                        Some(Hint::Kept { secs, is_public }) => least.take(secs, is_public),
                        Some(Hint::Inherited) if !is_root => {}
                        None if !is_root && field.below.is_none() => {}
                        Some(Hint::Inherited) | None => return None,
                    }
                    if let Some(below) = &field.below {
                        let set = &selected.node.selection_set.node;
                        self.look(document, set, (below, false), least)?;
                    }
                }
                Selection::InlineFragment(inline) => {
                    let set = &inline.node.selection_set.node;
                    self.look(document, set, (on, is_root), least)?;
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = document.fragments.get(&spread.node.fragment_name.node)?;
                    let set = &fragment.node.selection_set.node;
                    self.look(document, set, (on, is_root), least)?;
                }
            }
        }
        Some(())
    }
}

/// What was found so far.
struct Least {
    secs: Option<u64>,
    is_public: bool,
}

impl Least {
    fn take(&mut self, secs: u64, is_public: bool) {
        self.secs = Some(self.secs.map_or(secs, |least| least.min(secs)));
        self.is_public &= is_public;
    }
}

/// The name of a type without its lists.
fn named(ty: &Type) -> Option<&str> {
    match &ty.base {
        BaseType::Named(name) => Some(name.as_str()),
        BaseType::List(item) => named(item),
    }
}

fn hint(directives: &[Positioned<ConstDirective>]) -> Option<Hint> {
    let directive = directives
        .iter()
        .find(|directive| directive.node.name.node == "cacheControl")?;
    let argument = |name: &str| Some(&directive.node.get_argument(name)?.node);
    if argument("inheritMaxAge") == Some(&Value::Boolean(true)) {
        return Some(Hint::Inherited);
    }
    let secs = match argument("maxAge") {
        Some(Value::Number(secs)) => secs.as_u64().unwrap_or(0),
        _ => 0,
    };
    // Unless it says that it is for everybody it is not.
    let is_public =
        matches!(argument("scope"), Some(Value::Enum(scope)) if scope.as_str() == "PUBLIC");
    Some(Hint::Kept { secs, is_public })
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::Hints;

    const SCHEMA: &str = r"
        directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT
        enum CacheControlScope { PUBLIC PRIVATE }
        type Query {
            pond: Pond @cacheControl(maxAge: 60)
            weather: Weather @cacheControl(maxAge: 300, scope: PUBLIC)
            hour: Int @cacheControl(maxAge: 100, scope: PUBLIC)
            now: Int
            me: Me
            reed: Reed
            never: Int @cacheControl(maxAge: 0)
        }
        type Pond { name: String ducks: [Duck!]! @cacheControl(maxAge: 5) reeds: [[Reed!]!]! secret: Me weather: Weather }
        type Duck { name: String pond: Pond reed: Reed }
        type Reed @cacheControl(inheritMaxAge: true) { height: Int }
        type Weather @cacheControl(maxAge: 20, scope: PUBLIC) { rain: Int }
        type Me { name: String }
        type Mutation { pond: Pond @cacheControl(maxAge: 60) }
        schema { query: Query mutation: Mutation }
    ";

    fn policy(document: &str) -> Option<(u64, bool)> {
        let hints = Hints::read(SCHEMA).unwrap();
        let document = parse_query(document).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let policy = hints.policy(&document, &operation.node);
        policy.map(|policy| (policy.max_age.as_secs(), policy.is_public))
    }

    #[test]
    fn the_least_of_the_fields_counts() {
        assert_eq!(policy("{ pond { name __typename } }"), Some((60, false)));
        assert_eq!(policy("{ pond { name ducks { name } } }"), Some((5, false)));
        assert_eq!(policy("{ pond { reeds { height } } }"), Some((60, false)));
        assert_eq!(policy("{ hour weather { rain } }"), Some((100, true)));
        assert_eq!(
            policy("{ hour pond { name } }"),
            Some((60, false)),
            "private wins"
        );
        assert_eq!(
            policy("{ pond { weather { rain } } }"),
            Some((20, false)),
            "of its type"
        );
        assert_eq!(
            policy(
                "{ pond { ...A ... on Pond { ...B } } } fragment A on Pond { name } fragment B on Pond { ducks { reed { height } } }"
            ),
            Some((5, false))
        );
    }

    #[test]
    fn what_has_no_hint_keeps_nothing() {
        for document in [
            "{ now }",
            "{ never }",
            "{ hour never }",
            "{ me { name } }",
            "{ reed { height } }",
            "{ __typename }",
            "{ __schema { queryType { name } } }",
            "{ hour __schema { queryType { name } } }",
            "{ pond { secret { name } } }",
            "{ pond { ducks { pond { name } } } }",
            "{ pond { ...A } } fragment A on Pond { secret { name } }",
            "{ ...A } fragment A on Query { hour now }",
            "{ hour ... @include(if: false) { now } }",
            "{ pond { absent } }",
            "{ absent }",
            "mutation { pond { name } }",
            "subscription { pond { name } }",
        ] {
            assert_eq!(policy(document), None, "{document}");
        }
    }
}
