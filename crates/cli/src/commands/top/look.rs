//! What the terminal can show.

use std::env;

use vpcflow_query::Look;

use crate::output::Output;

/// How a ranking looks where it goes: for people on a terminal, else plain.
pub(in crate::commands) fn look(output: &Output) -> Look {
    match output.is_terminal() {
        true => Look {
            width: output.width(),
            human: true,
            ..terminal()
        },
        false => Look::default(),
    }
}

/// What a terminal shows, by its name and the locale.
pub(super) fn terminal() -> Look {
    let is_dumb = is_dumb();
    // The first that is set decides, as for the C library.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable);
    Look {
        ascii: is_dumb || !locale.is_some_and(|locale| is_utf8(&locale)),
        color: !is_dumb && variable("NO_COLOR").is_none(),
        ..Look::default()
    }
}

/// Whether the terminal says that it cannot move its cursor.
pub(super) fn is_dumb() -> bool {
    variable("TERM").is_some_and(|term| term == "dumb")
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_tell_their_encoding() {
        for (locale, expected) in [
            ("en_US.UTF-8", true),
            ("C.utf8", true),
            ("de_DE.ISO-8859-1", false),
            ("C", false),
            ("POSIX", false),
        ] {
            assert_eq!(is_utf8(locale), expected, "{locale}");
        }
    }
}
