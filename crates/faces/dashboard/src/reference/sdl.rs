//! The committed schema of GraphQL as pages show it. Reads the form in which it is written, a line for
//! each thing and a tab for each depth; it is no parser of the language.

use std::collections::HashSet;

/// A type.
pub(super) struct Definition {
    /// `type`, `input`, `enum` or `scalar`.
    pub(super) kind: String,
    /// Its name, which is its place on the page too.
    pub(super) name: String,
    /// What it is.
    pub(super) about: String,
    /// Its fields, or the values of an enum.
    pub(super) fields: Vec<Field>,
}

/// A field, or a value of an enum.
#[derive(Default)]
pub(super) struct Field {
    /// Its name.
    pub(super) name: String,
    /// What it answers; empty for values.
    pub(super) answer: Answer,
    /// What it is.
    pub(super) about: String,
    /// What it takes.
    pub(super) arguments: Vec<Argument>,
    /// What to use instead, if it goes.
    pub(super) deprecated: Option<String>,
}

/// A type in a field or an argument.
#[derive(Default)]
pub(super) struct Answer {
    /// As it is written, such as `[Server!]!`.
    pub(super) written: String,
    /// The type to look up, if it is on the page.
    pub(super) link: Option<String>,
}

/// An argument.
pub(super) struct Argument {
    /// Its name.
    pub(super) name: String,
    /// What it takes, with its default.
    pub(super) answer: Answer,
    /// What it is.
    pub(super) about: String,
}

const KINDS: [&str; 5] = ["type", "input", "enum", "scalar", "interface"];

/// Reads a schema.
pub(super) fn read(sdl: &str) -> Vec<Definition> {
    let mut all = Vec::new();
    let mut about = String::new();
    let mut is_about = false;
    let mut is_known = false;
    for line in sdl.lines() {
        let depth = line.len() - line.trim_start_matches('\t').len();
        let line = line.trim();
        if line == "\"\"\"" {
            is_about = !is_about;
            if is_about {
                about.clear();
            }
            continue;
        }
        if is_about {
            if !about.is_empty() {
                about.push(' ');
            }
            about.push_str(line);
            continue;
        }
        let told = |about: &mut String| std::mem::take(about);
        match depth {
            0 if line.is_empty() || line == "}" => {}
            0 => {
                let mut words = line.split([' ', '{']);
                let kind = words.next().unwrap_or_default();
                is_known = KINDS.contains(&kind);
                let about = told(&mut about);
                if is_known {
                    all.push(Definition {
                        kind: kind.to_owned(),
                        name: words.next().unwrap_or_default().to_owned(),
                        about,
                        fields: Vec::new(),
                    });
                }
            }
            _ if !is_known => {}
            1 => {
                let Some(definition) = all.last_mut() else {
                    continue;
                };
                if let Some(rest) = line.strip_prefix("):") {
                    if let Some(field) = definition.fields.last_mut() {
                        end(field, rest);
                    }
                    continue;
                }
                let mut field = Field {
                    about: told(&mut about),
                    ..Field::default()
                };
                match line.split_once(':') {
                    _ if line.ends_with('(') => {
                        line.trim_end_matches('(').clone_into(&mut field.name);
                    }
                    Some((name, rest)) => {
                        name.clone_into(&mut field.name);
                        end(&mut field, rest);
                    }
                    None => {
                        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
                        name.clone_into(&mut field.name);
                        end(&mut field, rest);
                        field.answer = Answer::default();
                    }
                }
                definition.fields.push(field);
            }
            _ => {
                let fields = all.last_mut().map(|definition| &mut definition.fields);
                let field = fields.and_then(|fields| fields.last_mut());
                if let (Some(field), Some((name, kind))) = (field, line.split_once(':')) {
                    field.arguments.push(Argument {
                        name: name.to_owned(),
                        answer: answer(kind.trim().trim_end_matches(',')),
                        about: told(&mut about),
                    });
                }
            }
        }
    }
    link(&mut all);
    // What one begins with stands first.
    let roots = ["Query", "Mutation", "Subscription"];
    all.sort_by_key(|one| {
        roots
            .iter()
            .position(|root| *root == one.name)
            .unwrap_or(roots.len())
    });
    all
}

/// What follows the name: the type and the directives.
fn end(field: &mut Field, rest: &str) {
    let (kind, directives) = rest.split_once('@').unwrap_or((rest, ""));
    field.answer = answer(kind.trim());
    if let Some((_, reason)) = directives.split_once("deprecated(reason: \"") {
        let reason = reason.split('"').next().unwrap_or_default();
        field.deprecated = Some(reason.to_owned());
    }
}

fn answer(written: &str) -> Answer {
    Answer {
        written: written.to_owned(),
        link: None,
    }
}

/// Gives each type that is on the page its link.
fn link(all: &mut [Definition]) {
    let known: HashSet<String> = all.iter().map(|one| one.name.clone()).collect();
    let place = |answer: &mut Answer| {
        let name = answer.written.split([' ', '=']).next().unwrap_or_default();
        let name = name.trim_matches(['[', ']', '!']);
        answer.link = known.get(name).cloned();
    };
    for field in all.iter_mut().flat_map(|one| &mut one.fields) {
        place(&mut field.answer);
        for argument in &mut field.arguments {
            place(&mut argument.answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    const SDL: &str = "\"\"\"\nA pond,\nwith ducks.\n\"\"\"\ntype Pond @cacheControl(maxAge: 5) {\n\t\"\"\"\n\tThe ducks.\n\t\"\"\"\n\tducks(\n\t\t\"\"\"\n\t\tHow many.\n\t\t\"\"\"\n\t\tfirst: Int! = 5,\n\t\tkind: Kind\n\t): [Pond!]! @deprecated(reason: \"use `geese`\")\n\tname: String\n}\n\nenum Kind {\n\t\"\"\"\n\tMallard.\n\t\"\"\"\n\tMALLARD\n}\n\ndirective @skip(if: Boolean!) on FIELD\nschema {\n\tquery: Pond\n}\n";

    #[test]
    fn types_fields_arguments_and_values_are_read_with_their_words() {
        let all = read(SDL);
        let [pond, kind] = &all[..] else {
            panic!("{} definitions", all.len());
        };
        assert_eq!(
            (pond.name.as_str(), pond.about.as_str()),
            ("Pond", "A pond, with ducks.")
        );
        let [ducks, name] = &pond.fields[..] else {
            panic!("{} fields", pond.fields.len());
        };
        assert_eq!(
            (ducks.name.as_str(), ducks.about.as_str()),
            ("ducks", "The ducks.")
        );
        assert_eq!(ducks.answer.written, "[Pond!]!");
        assert_eq!(ducks.answer.link.as_deref(), Some("Pond"));
        assert_eq!(ducks.deprecated.as_deref(), Some("use `geese`"));
        let arguments: Vec<_> = ducks
            .arguments
            .iter()
            .map(|one| {
                (
                    one.name.as_str(),
                    one.answer.written.as_str(),
                    one.about.as_str(),
                )
            })
            .collect();
        assert_eq!(
            arguments,
            [("first", "Int! = 5", "How many."), ("kind", "Kind", "")]
        );
        assert_eq!(ducks.arguments[1].answer.link.as_deref(), Some("Kind"));
        assert_eq!(
            (name.answer.written.as_str(), name.answer.link.as_deref()),
            ("String", None)
        );
        assert_eq!(
            (kind.fields[0].name.as_str(), kind.fields[0].about.as_str()),
            ("MALLARD", "Mallard.")
        );
    }
}
