//! The form of a transcript.
//!
//! `ann> !ping` says, `ann/ ping` picks a slash command, `ann* commands:page:2` presses a button;
//! what follows is everything that is answered: `bot< pong`, only on some platforms
//! `bot@twitch< …`, `bot@cards< …` (Discord and Slack), or one of several `bot| a | b`. `@ …` is a
//! directive, `#` a comment.

use kernel::Platform;

/// Somebody does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Say(String),
    Pick { name: String, arguments: String },
    Press(String),
}

/// A step of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Directive(Vec<String>),
    Does {
        who: String,
        act: Act,
        /// Each answer with the texts it may have.
        answers: Vec<Vec<String>>,
    },
}

/// The steps of a transcript on a platform, with the number of the line each begins on.
pub(crate) fn steps(text: &str, platform: Platform) -> Vec<(usize, Step)> {
    let mut steps: Vec<(usize, Step)> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(directive) = line.strip_prefix("@ ") {
            let words = directive.split_whitespace().map(str::to_owned).collect();
            steps.push((n + 1, Step::Directive(words)));
            continue;
        }
        let (who, rest) = line
            .split_once(' ')
            .expect("a line has a speaker and a text");
        let answer = match who {
            "bot<" => Some(vec![rest.to_owned()]),
            "bot|" => Some(rest.split('|').map(|text| text.trim().to_owned()).collect()),
            _ if who.starts_with("bot@") => {
                let place = who.trim_start_matches("bot@").trim_end_matches('<');
                let is_here = match place {
                    "cards" => platform != Platform::Twitch,
                    name => name.parse() == Ok(platform),
                };
                if !is_here {
                    continue;
                }
                Some(vec![rest.to_owned()])
            }
            _ => None,
        };
        if let Some(answer) = answer {
            match steps.last_mut() {
                Some((_, Step::Does { answers, .. })) => answers.push(answer),
                _ => panic!("line {}: an answer to nothing", n + 1),
            }
            continue;
        }
        let act = match who.chars().last() {
            Some('>') => Act::Say(rest.to_owned()),
            Some('*') => Act::Press(rest.to_owned()),
            Some('/') => {
                let (name, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
                Act::Pick {
                    name: name.to_owned(),
                    arguments: arguments.to_owned(),
                }
            }
            _ => panic!("line {}: `{line}` is no line of a transcript", n + 1),
        };
        let who = who.trim_end_matches(['>', '/', '*']).to_owned();
        let answers = Vec::new();
        steps.push((n + 1, Step::Does { who, act, answers }));
    }
    steps
}

#[test]
fn a_transcript_is_read_for_its_platform() {
    let text = "# x\n@ clock +3\nann> !a  b\nbot< c\nbot@twitch< t\nbot@cards< d\nbot| e | f\n\nann/ p q r\n";
    let say = |answers: &[&[&str]]| Step::Does {
        who: "ann".into(),
        act: Act::Say("!a  b".into()),
        answers: answers
            .iter()
            .map(|texts| texts.iter().map(|t| (*t).to_owned()).collect())
            .collect(),
    };
    let pick = Step::Does {
        who: "ann".into(),
        act: Act::Pick {
            name: "p".into(),
            arguments: "q r".into(),
        },
        answers: vec![],
    };
    let clock = Step::Directive(vec!["clock".into(), "+3".into()]);
    assert_eq!(
        steps(text, Platform::Slack),
        [
            (2, clock.clone()),
            (3, say(&[&["c"], &["d"], &["e", "f"]])),
            (9, pick.clone())
        ]
    );
    assert_eq!(
        steps(text, Platform::Twitch),
        [
            (2, clock),
            (3, say(&[&["c"], &["t"], &["e", "f"]])),
            (9, pick)
        ]
    );
}
