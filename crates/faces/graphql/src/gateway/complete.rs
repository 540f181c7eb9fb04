//! Makes the engine's data the data that the specification describes. The engine leaves a failed
//! field out, turns an object whose fields all failed into null, lets a failed non-null field pass,
//! and writes fields in the order in which they happened to be ready. Here every selected field is
//! there, in the order of the query, and a null where none may be moves up to where one may.
//!
//! What a fragment on one of several types asks for is there only if the engine answered it, or failed to:
//! then the object is of that type. Must never look at anything but shapes.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
};

use async_graphql::{
    Name, PathSegment, Positioned, Response, ServerError, Value, Variables,
    parser::{
        parse_schema,
        types::{
            BaseType, Directive, ExecutableDocument, OperationDefinition, OperationType, Selection,
            SelectionSet, Type, TypeKind, TypeSystemDefinition,
        },
    },
};

/// The types of the schema's fields.
pub(crate) struct Types {
    fields: HashMap<String, HashMap<String, Type>>,
    /// Types that objects of several types are of.
    interfaces: HashSet<String>,
}

impl Types {
    /// Reads the schema.
    pub(crate) fn read(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let (mut types, mut interfaces) = (HashMap::new(), HashSet::new());
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => {
                    interfaces.insert(name.clone());
                    interface.fields
                }
                _ => continue,
            };
            let fields = fields.into_iter().map(|field| field.node);
            let fields = fields.map(|field| (field.name.node.to_string(), field.ty.node));
            types.insert(name, fields.collect());
        }
        Ok(Self {
            fields: types,
            interfaces,
        })
    }

    fn field(&self, on: Option<&str>, name: &str) -> Option<&Type> {
        self.fields.get(on?)?.get(name)
    }

    /// Where a fragment is: on the type it names if that is one of several, else on the type it is spread on.
    fn narrowed<'a>(&self, place: Place<'a>, condition: Option<&'a str>) -> Place<'a> {
        let is_one_of_several = place.on.is_some_and(|on| self.interfaces.contains(on));
        match condition {
            Some(condition) if is_one_of_several && place.on != Some(condition) => Place {
                on: Some(condition),
                is_certain: false,
            },
            _ => place,
        }
    }
}

/// Where a selection stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// On which type, as far as is known.
    on: Option<&'a str>,
    /// Whether it applies to every object that comes there.
    is_certain: bool,
}

/// What an answer must have, in order.
#[derive(Default, Debug)]
pub(crate) struct Plan {
    fields: Vec<(Name, Planned)>,
}

#[derive(Default, Debug)]
struct Planned {
    /// Unknown below `__schema` and `__type`, where nothing fails.
    ty: Option<Type>,
    below: Plan,
    /// Whether every object that comes here has it.
    is_certain: bool,
}

impl Plan {
    /// Plans the answer to an operation whose document passed the walk.
    pub(crate) fn new(
        types: &Types,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        variables: &Variables,
    ) -> Self {
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let planner = Planner {
            types,
            document,
            variables,
        };
        let mut plan = Self::default();
        let place = Place {
            on: Some(root),
            is_certain: true,
        };
        planner.add(&mut plan, &operation.selection_set.node, place);
        plan
    }

    /// Completes an answer that was executed. What was refused has no data to complete.
    pub(crate) fn complete(&self, response: &mut Response) {
        let failed = Failed::new(&response.errors);
        let fields = match std::mem::take(&mut response.data) {
            Value::Object(fields) => Value::Object(fields),
            Value::Null if failed.any => Value::Object([].into_iter().collect()),
            other => {
                response.data = other;
                return;
            }
        };
        let mut path = String::new();
        response.data = self.object(fields, &mut path, &failed).unwrap_or_default();
    }

    fn object(&self, value: Value, path: &mut String, failed: &Failed) -> Option<Value> {
        let Value::Object(mut given) = value else {
            return Some(value);
        };
        if given.keys().eq(self.fields.iter().map(|(key, _)| key)) {
            // As it should be, as nearly always: nothing has to be looked for.
            for ((key, planned), value) in self.fields.iter().zip(given.values_mut()) {
                let above = path.len();
                failed.step(path, key);
                let ty = planned.ty.as_ref();
                let completed = planned.below.typed(std::mem::take(value), ty, path, failed);
                path.truncate(above);
                *value = completed?;
            }
            return Some(Value::Object(given));
        }
        let mut fields = Vec::with_capacity(self.fields.len());
        for (key, planned) in &self.fields {
            let value = given.swap_remove(key);
            let above = path.len();
            failed.step(path, key);
            if value.is_none() && !planned.is_certain && !failed.is_at(path) {
                path.truncate(above);
                continue;
            }
            let (value, ty) = (value.unwrap_or_default(), planned.ty.as_ref());
            let value = planned.below.typed(value, ty, path, failed);
            path.truncate(above);
            fields.push((key.clone(), value?));
        }
        Some(Value::Object(fields.into_iter().collect()))
    }

    /// `None` if a null has to move further up.
    fn typed(
        &self,
        value: Value,
        ty: Option<&Type>,
        path: &mut String,
        failed: &Failed,
    ) -> Option<Value> {
        let completed = match value {
            Value::Null if !self.fields.is_empty() && failed.below.contains(path.as_str()) => {
                self.object(Value::Object([].into_iter().collect()), path, failed)
            }
            Value::Null => None,
            Value::List(items) => self.list(items, ty, path, failed),
            Value::Object(_) if !self.fields.is_empty() => self.object(value, path, failed),
            other => Some(other),
        };
        match completed {
            None if ty.is_none_or(|ty| ty.nullable) => Some(Value::Null),
            completed => completed,
        }
    }

    fn list(
        &self,
        items: Vec<Value>,
        ty: Option<&Type>,
        path: &mut String,
        failed: &Failed,
    ) -> Option<Value> {
        let item_type = match ty.map(|ty| &ty.base) {
            Some(BaseType::List(item)) => Some(item.as_ref()),
            Some(BaseType::Named(_)) | None => None,
        };
        let mut completed = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let above = path.len();
            failed.step(path, index);
            let item = self.typed(item, item_type, path, failed);
            path.truncate(above);
            completed.push(item?);
        }
        Some(Value::List(completed))
    }
}

/// Where something failed.
struct Failed {
    any: bool,
    /// Every path that leads to a failure, without the failures' own.
    below: HashSet<String>,
    /// The failures' own paths.
    at: HashSet<String>,
}

impl Failed {
    fn new(errors: &[ServerError]) -> Self {
        let (mut below, mut at) = (HashSet::new(), HashSet::new());
        for error in errors {
            let mut path = String::new();
            for segment in &error.path {
                below.insert(path.clone());
                match segment {
                    PathSegment::Field(name) => step(&mut path, name),
                    PathSegment::Index(index) => step(&mut path, index),
                }
            }
            at.insert(path);
        }
        Self {
            any: errors.iter().any(|error| !error.path.is_empty()),
            below,
            at,
        }
    }

    /// Whether something failed there or below.
    fn is_at(&self, path: &str) -> bool {
        self.any && (self.at.contains(path) || self.below.contains(path))
    }

    /// Paths are only written while there is something to compare them with.
    fn step(&self, path: &mut String, segment: impl std::fmt::Display) {
        if self.any {
            step(path, segment);
        }
    }
}

fn step(path: &mut String, segment: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(path, "/{segment}");
}

struct Planner<'a> {
    types: &'a Types,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
}

impl Planner<'_> {
    fn add(&self, plan: &mut Plan, set: &SelectionSet, place: Place<'_>) {
        for selection in &set.items {
            if self.is_left_out(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let key = &field.node.response_key().node;
                    let ty = self.types.field(place.on, &field.node.name.node);
                    let below = plan.entry(key, ty, place.is_certain);
                    let below_it = Place {
                        on: ty.map(|ty| base(&ty.base).as_str()),
                        ..place
                    };
                    self.add(below, &field.node.selection_set.node, below_it);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let condition = condition.map(|condition| condition.node.on.node.as_str());
                    let place = self.types.narrowed(place, condition);
                    self.add(plan, &inline.node.selection_set.node, place);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let condition = fragment.node.type_condition.node.on.node.as_str();
                        let place = self.types.narrowed(place, Some(condition));
                        self.add(plan, &fragment.node.selection_set.node, place);
                    }
                }
            }
        }
    }

    fn is_left_out(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let wanted = match directive.node.name.node.as_str() {
                "include" => true,
                "skip" => false,
                _ => return false,
            };
            let condition = directive.node.get_argument("if").cloned();
            let condition = condition.and_then(|condition| {
                let read = |name| self.variables.get(&name).cloned().ok_or(());
                condition.node.into_const_with(read).ok()
            });
            (condition == Some(Value::Boolean(true))) != wanted
        })
    }
}

impl Plan {
    fn entry(&mut self, key: &Name, ty: Option<&Type>, is_certain: bool) -> &mut Self {
        let place = self.fields.iter().position(|(known, _)| known == key);
        let place = place.unwrap_or_else(|| {
            let planned = Planned {
                ty: ty.cloned(),
                below: Self::default(),
                is_certain,
            };
            self.fields.push((key.clone(), planned));
            self.fields.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was just found or made")]
        let planned = &mut self.fields[place].1;
        planned.is_certain |= is_certain;
        &mut planned.below
    }
}

fn base(ty: &BaseType) -> &Name {
    match ty {
        BaseType::Named(name) => name,
        BaseType::List(item) => base(&item.base),
    }
}

#[cfg(test)]
mod tests;
