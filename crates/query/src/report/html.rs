//! HTML that is safe to open, whatever is in the records.

use std::borrow::Cow;

use crate::output::escape;

/// A text of HTML in the making.
///
/// Markup is `'static`: it comes from this program. All else goes through
/// [`Html::text`] or the value of an attribute, which escape it. There is no third
/// way in, so that text of a record cannot become markup.
#[derive(Debug, Default)]
pub(super) struct Html(String);

/// The attributes of an element: names of this program, and values that are escaped.
pub(super) type Attributes<'a> = &'a [(&'static str, Cow<'a, str>)];

/// Elements that have no content, and so no end.
const VOID: [&str; 3] = ["meta", "br", "hr"];

impl Html {
    pub(super) fn into_string(self) -> String {
        self.0
    }

    /// Markup of this program.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Html {
        self.0.push_str(markup);
        self
    }

    /// Text, escaped.
    pub(super) fn text(&mut self, text: impl AsRef<str>) -> &mut Html {
        escape_into(&mut self.0, text.as_ref());
        self
    }

    /// Text of several lines, escaped line by line.
    pub(super) fn lines(&mut self, text: &str) -> &mut Html {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.0.push('\n');
            }
            self.text(line);
        }
        self
    }

    /// An element with what `content` writes in it.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Html),
    ) -> &mut Html {
        self.0.push('<');
        self.0.push_str(name);
        for (attribute, value) in attributes {
            self.0.push(' ');
            self.0.push_str(attribute);
            self.0.push_str("=\"");
            escape_into(&mut self.0, value);
            self.0.push('"');
        }
        self.0.push('>');
        content(self);
        if !VOID.contains(&name) {
            self.0.push_str("</");
            self.0.push_str(name);
            self.0.push('>');
        }
        self
    }

    /// An element with text in it.
    pub(super) fn leaf(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        text: impl AsRef<str>,
    ) -> &mut Html {
        self.element(name, attributes, |leaf| {
            leaf.text(text);
        })
    }
}

/// Characters that would end a text or a value, or begin markup, as references;
/// those that would move, reorder or hide text as the escapes that a terminal gets.
fn escape_into(html: &mut String, text: &str) {
    for character in escape(text).chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // No characters of a document: a browser shows them as it likes.
            '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' => html.push('\u{fffd}'),
            _ => html.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(text: &str, value: &str) -> String {
        let mut html = Html::default();
        html.leaf("td", &[("title", Cow::from(value))], text);
        html.into_string()
    }

    #[test]
    fn text_and_values_cannot_become_markup() {
        assert_eq!(
            page("</td><script>alert(1)</script>", "\" onload='x()'"),
            "<td title=\"&quot; onload=&#39;x()&#39;\">&lt;/td&gt;&lt;script&gt;alert(1)\
             &lt;/script&gt;</td>"
        );
        assert_eq!(
            page("\u{202e}gpj\0", "&lt;"),
            "<td title=\"&amp;lt;\">\\u{202e}gpj\\u{0}</td>"
        );
    }

    #[test]
    fn lines_stay_lines() {
        let mut html = Html::default();
        html.lines("SELECT 1\r\n<b>");
        assert_eq!(html.into_string(), "SELECT 1\\r\n&lt;b&gt;");
    }

    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("<script>".to_owned()),
            Just("</td>".to_owned()),
            Just("&lt;".to_owned()),
            Just("-->".to_owned()),
            Just("]]>".to_owned()),
            Just("' onclick=\"".to_owned()),
            Just("\u{202e}\u{2066}\u{feff}".to_owned()),
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// The only markup is the element's own, and undoing the references gives
        /// the text as a terminal would get it.
        #[test]
        fn escaped_text_is_text(text in hostile(), value in hostile()) {
            let html = page(&text, &value);
            let inner = html.strip_prefix("<td title=\"").unwrap();
            let (attribute, content) = inner.split_once("\">").unwrap();
            let content = content.strip_suffix("</td>").unwrap();
            for (escaped, original) in [(attribute, &value), (content, &text)] {
                prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
                prop_assert!(!escaped.chars().any(char::is_control));
                let undone = escaped
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&quot;", "\"")
                    .replace("&#39;", "'")
                    .replace("&amp;", "&");
                let shown: String = escape(original)
                    .chars()
                    .map(|c| match c {
                        '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
                        c => c,
                    })
                    .collect();
                prop_assert_eq!(undone, shown);
            }
        }
    }
}
