//! A statement in colours, while it is typed.

use reedline::{Color, Highlighter, StyledText};
use vpcflow_query::{TokenKind, tokens};

use super::Words;
use super::vocabulary::Vocabulary;

/// Colours words by what they are.
pub(super) struct Colours(pub(super) Words);

impl Highlighter for Colours {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        if line.starts_with('\\') {
            let end = line.find(char::is_whitespace).unwrap_or(line.len());
            styled.push((Color::Default.bold(), line[..end].to_owned()));
            styled.push((Color::Default.normal(), line[end..].to_owned()));
            return styled;
        }
        let words = self.0.get();
        let tokens = tokens(line);
        for (index, token) in tokens.iter().enumerate() {
            let text = &line[token.range.clone()];
            let followed_by = tokens.get(index + 1).map(|next| &line[next.range.clone()]);
            let style = match token.kind {
                // `count` and `left` are both.
                TokenKind::Word if followed_by == Some("(") && words.is_function(text) => {
                    Color::Cyan.normal()
                }
                TokenKind::Word if Vocabulary::is_keyword(text) => Color::Blue.bold(),
                TokenKind::Text | TokenKind::Open => Color::Green.normal(),
                TokenKind::Number => Color::Magenta.normal(),
                TokenKind::Parameter => Color::Yellow.normal(),
                TokenKind::Comment => Color::DarkGray.normal(),
                _ => Color::Default.normal(),
            };
            styled.push((style, text.to_owned()));
        }
        styled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_colours_of_what_they_are() {
        let styled = Colours(Words::default()).highlight("SELECT srcaddr, 'a;b' FROM t -- x", 0);
        let found: Vec<_> = styled.buffer.iter().collect();
        assert_eq!(found[0], &(Color::Blue.bold(), "SELECT".to_owned()));
        assert!(found.contains(&&(Color::Default.normal(), "srcaddr".to_owned())));
        assert!(found.contains(&&(Color::Green.normal(), "'a;b'".to_owned())));
        assert!(found.contains(&&(Color::DarkGray.normal(), "-- x".to_owned())));
        let text: String = styled.buffer.into_iter().map(|(_, text)| text).collect();
        assert_eq!(text, "SELECT srcaddr, 'a;b' FROM t -- x");
    }

    #[test]
    fn commands_stand_out() {
        let styled = Colours(Words::default()).highlight(r"\d flows", 0);
        assert_eq!(styled.buffer[0], (Color::Default.bold(), r"\d".to_owned()));
    }
}
