//! What is typed with a backslash: commands of the prompt itself.

use std::path::PathBuf;

use vpcflow_query::OutputFormat;

/// A command of the prompt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    Help,
    Quit,
    /// The tables, or the columns of one.
    Describe(Option<String>),
    /// The functions whose names have this in them.
    Functions(Option<String>),
    /// The queries of the library, or one of them with parameters.
    Query(Option<(String, Vec<(String, String)>)>),
    /// Statements of a file.
    Include(PathBuf),
    /// The next answer goes to a file, or not.
    Output(Option<PathBuf>),
    /// How rows look; `None` tells it.
    Format(Option<OutputFormat>),
    /// The values of `$name`s, one set or removed, or all told.
    Set(Option<(String, Option<String>)>),
    /// Whether what was read and how long it took is told.
    Timing(Option<bool>),
    /// Whether long answers go to a pager.
    Pager(Option<bool>),
    /// The sources are looked at anew.
    Refresh,
}

/// A command as it is written, and what it does.
pub(crate) struct Usage {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static str,
    pub(crate) summary: &'static str,
}

const fn usage(name: &'static str, arguments: &'static str, summary: &'static str) -> Usage {
    Usage {
        name,
        arguments,
        summary,
    }
}

/// Every command, in the order of the help.
pub(crate) const COMMANDS: [Usage; 12] = [
    usage("d", "[TABLE]", "the tables, or the columns of one"),
    usage("df", "[WORD]", "the functions with WORD in their names"),
    usage(
        "query",
        "[NAME [KEY=VALUE]…]",
        "the queries of the library, or the answer of one",
    ),
    usage("i", "FILE", "run the statements of a file"),
    usage(
        "o",
        "[FILE]",
        "write the next answer to a file; without one, do not",
    ),
    usage(
        "format",
        "[FORMAT]",
        "how rows look: table, json, ndjson, csv, tsv or markdown",
    ),
    usage("set", "[NAME [VALUE]]", "give `$NAME` a value, or none"),
    usage(
        "timing",
        "[on|off]",
        "tell what was read, and how long it took",
    ),
    usage("pager", "[on|off]", "show long answers in a pager"),
    usage("refresh", "", "look at the sources anew"),
    usage("?", "", "this help"),
    usage("q", "", "quit, as Ctrl-D does"),
];

/// Other words for some of them.
const ALIASES: [(&str, &str); 4] = [("h", "?"), ("help", "?"), ("quit", "q"), ("exit", "q")];

impl Command {
    /// Reads what is typed, which begins with a backslash.
    ///
    /// # Errors
    /// What is wrong with it, for the user.
    pub(crate) fn parse(line: &str) -> Result<Command, String> {
        let line = line.trim().trim_end_matches(';');
        let words = shlex::split(line.strip_prefix('\\').unwrap_or(line))
            .ok_or("a quote is never closed")?;
        let mut words = words.into_iter();
        let typed = words.next().unwrap_or_default();
        let alias = ALIASES.iter().find(|(alias, _)| *alias == typed);
        let name = alias.map_or(typed.as_str(), |(_, name)| name);
        let Some(usage) = COMMANDS.iter().find(|usage| usage.name == name) else {
            return Err(format!("there is no command `\\{typed}`"));
        };
        let words: Vec<String> = words.collect();
        Command::read(name, &words).map_err(|reason| {
            let form = format!("\\{} {}", usage.name, usage.arguments);
            format!("{reason}: `{}`", form.trim_end())
        })
    }

    fn read(name: &str, words: &[String]) -> Result<Command, String> {
        if name == "query" {
            return words.split_first().map_or(Ok(Command::Query(None)), query);
        }
        if name == "set"
            && let [key, value] = words
        {
            return Ok(Command::Set(Some((key.clone(), Some(value.clone())))));
        }
        let word = match words {
            [] => None,
            [word] => Some(word.clone()),
            _ => return Err("there is a word too many".to_owned()),
        };
        match (name, word) {
            ("d", table) => Ok(Command::Describe(table)),
            ("df", word) => Ok(Command::Functions(word)),
            ("i", Some(file)) => Ok(Command::Include(file.into())),
            ("i", None) => Err("name a file".to_owned()),
            ("o", file) => Ok(Command::Output(file.map(PathBuf::from))),
            ("format", format) => Ok(Command::Format(
                format.map(|format| format.parse()).transpose()?,
            )),
            ("set", key) => Ok(Command::Set(key.map(|key| (key, None)))),
            ("timing", switch) => Ok(Command::Timing(on_or_off(switch)?)),
            ("pager", switch) => Ok(Command::Pager(on_or_off(switch)?)),
            (_, Some(_)) => Err("it takes no word".to_owned()),
            ("refresh", None) => Ok(Command::Refresh),
            ("q", None) => Ok(Command::Quit),
            _ => Ok(Command::Help),
        }
    }
}

fn query((name, pairs): (&String, &[String])) -> Result<Command, String> {
    let mut parameters = Vec::new();
    for pair in pairs {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("`{pair}` is no KEY=VALUE"))?;
        parameters.push((key.to_owned(), value.to_owned()));
    }
    Ok(Command::Query(Some((name.clone(), parameters))))
}

fn on_or_off(word: Option<String>) -> Result<Option<bool>, String> {
    match word.as_deref() {
        None => Ok(None),
        Some("on") => Ok(Some(true)),
        Some("off") => Ok(Some(false)),
        Some(word) => Err(format!("`{word}` is neither on nor off")),
    }
}

/// What `\?` prints.
pub(crate) fn help() -> String {
    let forms = COMMANDS.map(|usage| format!("\\{} {}", usage.name, usage.arguments));
    let width = forms.iter().map(|form| form.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for (form, usage) in forms.iter().zip(&COMMANDS) {
        text.push_str(&format!("  {form:width$}  {}\n", usage.summary));
    }
    text.push_str(
        "\nA statement ends with `;` and may have many lines. Tab completes, ↑ and Ctrl-R find what\n\
         was typed before, Ctrl-C ends a statement that runs, Ctrl-D quits.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let read = |line| Command::parse(line).unwrap();
        assert_eq!(read(r"\q"), Command::Quit);
        assert_eq!(read(r"\quit;"), Command::Quit);
        assert_eq!(read(r"\?"), Command::Help);
        assert_eq!(read(r"\d"), Command::Describe(None));
        assert_eq!(read(r"\d flows;"), Command::Describe(Some("flows".into())));
        assert_eq!(
            read(r"\o 'my rows.csv'"),
            Command::Output(Some("my rows.csv".into()))
        );
        assert_eq!(
            read(r"\format csv"),
            Command::Format(Some(OutputFormat::Csv))
        );
        assert_eq!(read(r"\timing off"), Command::Timing(Some(false)));
        assert_eq!(
            read(r"\set port"),
            Command::Set(Some(("port".into(), None)))
        );
        let set = Command::Set(Some(("name".into(), Some("a b".into()))));
        assert_eq!(read(r#"\set name "a b""#), set);
        let parameters = vec![("limit".to_owned(), "3".to_owned())];
        let query = Command::Query(Some(("top-talkers".into(), parameters)));
        assert_eq!(read(r"\query top-talkers limit=3"), query);
    }

    #[test]
    fn mistakes_are_told() {
        for (line, told) in [
            (r"\w", r"there is no command `\w`"),
            (r"\d a b", r"there is a word too many: `\d [TABLE]`"),
            (r"\i", r"name a file: `\i FILE`"),
            (r"\q now", r"it takes no word: `\q`"),
            (
                r"\timing yes",
                r"`yes` is neither on nor off: `\timing [on|off]`",
            ),
            (
                r"\query a b",
                r"`b` is no KEY=VALUE: `\query [NAME [KEY=VALUE]…]`",
            ),
            (r"\o 'a", "a quote is never closed"),
        ] {
            assert_eq!(Command::parse(line).unwrap_err(), told);
        }
        let error = Command::parse(r"\format xml").unwrap_err();
        assert!(error.starts_with("the formats are table"), "{error}");
    }
}
