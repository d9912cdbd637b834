//! A text of SQL as its statements and tokens.

use std::ops::Range;

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{
    Location, Token as SqlToken, TokenWithSpan, Tokenizer, TokenizerError, Whitespace,
};

use crate::error::{Error, SqlError};

/// The statements of a text, each ended by `;`, as they stand in it.
///
/// # Errors
/// When the text cannot be read as SQL, with the place.
pub fn split_statements(text: &str) -> Result<Vec<String>, Error> {
    let (tokens, error) = tokenize(text);
    if let Some(error) = error {
        let error = DataFusionError::from(ParserError::from(error));
        return Err(Box::new(SqlError::new(text, &error)).into());
    }
    let mut statements = Vec::new();
    let mut start = 0;
    // Comments and spaces alone are no statement.
    let mut blank = true;
    for token in tokens {
        match token.kind {
            TokenKind::End => {
                if !std::mem::replace(&mut blank, true) {
                    statements.push(text[start..token.range.start].trim().to_owned());
                }
                start = token.range.end;
            }
            TokenKind::Space | TokenKind::Comment => {}
            _ => blank = false,
        }
    }
    if !blank {
        statements.push(text[start..].trim().to_owned());
    }
    Ok(statements)
}

/// What a part of a text of SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or a name.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A text in quotes.
    Text,
    /// A number.
    Number,
    /// A `$name`.
    Parameter,
    /// A comment, to the end of the line or in `/* */`.
    Comment,
    /// Spaces and line ends.
    Space,
    /// The `;` that ends a statement.
    End,
    /// Any other sign.
    Sign,
    /// The rest of the text, from a quote or the begin of a comment on that is never
    /// closed, or from a sign on that SQL does not have.
    Open,
}

/// A part of a text of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes in the text.
    pub range: Range<usize>,
}

/// The tokens of a text of SQL that need not be finished, in order and without gaps.
///
/// ```
/// use vpcflow_query::{TokenKind, tokens};
///
/// let kinds: Vec<_> = tokens("SELECT 'op").iter().map(|token| token.kind).collect();
/// assert_eq!(kinds, [TokenKind::Word, TokenKind::Space, TokenKind::Open]);
/// ```
pub fn tokens(text: &str) -> Vec<Token> {
    tokenize(text).0
}

/// Whether nothing is missing from a text of SQL that is being written: it is blank, or
/// its last statement has its `;`. A text that cannot be read for another reason than
/// an open quote or comment is whole as well, to be told of.
///
/// ```
/// use vpcflow_query::is_whole;
///
/// assert!(is_whole("SELECT 1; -- done"));
/// assert!(!is_whole("SELECT 1"));
/// assert!(!is_whole("SELECT ';"));
/// ```
pub fn is_whole(text: &str) -> bool {
    let (tokens, error) = tokenize(text);
    match error {
        Some(error) => {
            let is_open = ["nterminated", "EOF"]
                .iter()
                .any(|words| error.message.contains(words));
            !is_open && text.trim_end().ends_with(';')
        }
        None => tokens
            .iter()
            .rev()
            .find(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
            .is_none_or(|last| last.kind == TokenKind::End),
    }
}

/// The tokens of a text, and what ended them early.
fn tokenize(text: &str) -> (Vec<Token>, Option<TokenizerError>) {
    let dialect = GenericDialect {};
    let mut read: Vec<TokenWithSpan> = Vec::new();
    let result = Tokenizer::new(&dialect, text).tokenize_with_location_into_buf(&mut read);
    let mut tokens: Vec<Token> = Vec::new();
    let mut places = Places::new(text);
    let mut end = 0;
    // Each reaches to the begin of the next.
    for next in read {
        let start = places.offset(next.span.start);
        if let Some(last) = tokens.last_mut() {
            last.range.end = start;
        }
        tokens.push(Token {
            kind: kind(&next.token),
            range: start..text.len(),
        });
        end = places.offset(next.span.end);
    }
    if result.is_err() {
        if let Some(last) = tokens.last_mut() {
            last.range.end = end;
        }
        tokens.push(Token {
            kind: TokenKind::Open,
            range: end..text.len(),
        });
    }
    (tokens, result.err())
}

fn kind(token: &SqlToken) -> TokenKind {
    match token {
        SqlToken::Word(word) if word.quote_style.is_some() => TokenKind::Quoted,
        SqlToken::Word(_) => TokenKind::Word,
        SqlToken::Number(..) => TokenKind::Number,
        SqlToken::Placeholder(_) => TokenKind::Parameter,
        SqlToken::SemiColon => TokenKind::End,
        SqlToken::Whitespace(
            Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_),
        ) => TokenKind::Comment,
        SqlToken::Whitespace(_) => TokenKind::Space,
        SqlToken::SingleQuotedString(_)
        | SqlToken::DollarQuotedString(_)
        | SqlToken::EscapedStringLiteral(_)
        | SqlToken::UnicodeStringLiteral(_)
        | SqlToken::NationalStringLiteral(_)
        | SqlToken::HexStringLiteral(_) => TokenKind::Text,
        _ => TokenKind::Sign,
    }
}

/// Finds places that are given by line and column, both from 1, one after the other.
struct Places<'a> {
    text: &'a str,
    line: u64,
    column: u64,
    offset: usize,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Places<'a> {
        Places {
            text,
            line: 1,
            column: 1,
            offset: 0,
        }
    }

    /// The byte offset of a place that is not before the last one.
    fn offset(&mut self, place: Location) -> usize {
        for char in self.text[self.offset..].chars() {
            if (self.line, self.column) >= (place.line, place.column) {
                break;
            }
            self.offset += char.len_utf8();
            if char == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statements_are_split_at_semicolons_outside_of_texts() {
        let text = "SELECT ';é' -- one; two\n  AS x; ;\n/* ; */ SELECT 2;\n-- the end\n";
        let statements = split_statements(text).unwrap();
        assert_eq!(
            statements,
            ["SELECT ';é' -- one; two\n  AS x", "/* ; */ SELECT 2"]
        );
        assert_eq!(split_statements("SELECT 1").unwrap(), ["SELECT 1"]);
        assert!(split_statements(" -- nothing\n;").unwrap().is_empty());
        let error = split_statements("SELECT 'open").unwrap_err();
        assert!(
            error.to_string().contains("Unterminated string literal"),
            "{error}"
        );
    }

    #[test]
    fn tokens_have_kinds_and_places() {
        use TokenKind::{Comment, End, Number, Open, Parameter, Quoted, Sign, Space, Text, Word};
        let text = "SELECT \"end\",'é;'\n FROM t -- c\nWHERE x>=$port+1.5; /* open";
        let found: Vec<_> = tokens(text)
            .into_iter()
            .filter(|token| token.kind != Space)
            .map(|token| (token.kind, &text[token.range]))
            .collect();
        let expected = [
            (Word, "SELECT"),
            (Quoted, "\"end\""),
            (Sign, ","),
            (Text, "'é;'"),
            (Word, "FROM"),
            (Word, "t"),
            (Comment, "-- c\n"),
            (Word, "WHERE"),
            (Word, "x"),
            (Sign, ">="),
            (Parameter, "$port"),
            (Sign, "+"),
            (Number, "1.5"),
            (End, ";"),
            (Open, "/* open"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_text_is_whole_with_its_semicolon() {
        for whole in ["", " -- only this\n", "SELECT 1;", "SELECT 1; \n/* c */ "] {
            assert!(is_whole(whole), "{whole}");
        }
        for part in [
            "SELECT",
            "SELECT 1; SELECT",
            "SELECT ';",
            "a; /* ;",
            "\"a;",
            "$$;",
        ] {
            assert!(!is_whole(part), "{part}");
        }
        // Nothing that is typed after it would make it SQL.
        assert!(is_whole("SELECT X'zz' || U&'\\zzzz';"));
    }

    proptest! {
        /// Whatever is typed, the tokens are the text, and what is whole is split
        /// without a rest.
        #[test]
        fn tokens_are_the_text(text in r#"([a-z$é]|[0-9.]|['";]|--|/\*|\*/|[ \n]|[-+<=(),\\]){0,24}"#) {
            let tokens = tokens(&text);
            let mut end = 0;
            for token in &tokens {
                prop_assert_eq!(token.range.start, end);
                end = token.range.end;
            }
            prop_assert_eq!(end, text.len());
            if is_whole(&text) && let Ok(statements) = split_statements(&text) {
                let ends = tokens.iter().filter(|token| token.kind == TokenKind::End);
                prop_assert!(statements.len() <= ends.count());
            }
        }
    }
}
