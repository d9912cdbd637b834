//! Text from a log on its way to a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character acts on a terminal, or reorders or hides text, instead
/// of being shown.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// Writes the characters of `text` that a terminal would act on as escapes, so
/// that a record can neither move the cursor nor hide itself.
///
/// ```
/// use vpcflow_query::escape;
///
/// assert_eq!(escape("eni-1"), "eni-1");
/// assert_eq!(escape("\u{1b}[2J\ttab"), r"\u{1b}[2J\ttab");
/// ```
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if acts(character) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "{}", character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// As [`escape`], but line feeds stay: for messages of several lines.
pub fn escape_lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}
