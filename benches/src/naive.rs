//! The way everybody would try first: split each line, parse each word.

use std::str::FromStr;

use crate::sample::Answer;

/// The 14 columns of the default format, typed, in plain vectors.
///
/// Kinder to itself than the decoder is: text is borrowed instead of copied,
/// and addresses are not checked.
#[derive(Debug, Default)]
pub struct NaiveColumns<'a> {
    version: Vec<Option<i32>>,
    account_id: Vec<Option<&'a str>>,
    interface_id: Vec<Option<&'a str>>,
    srcaddr: Vec<Option<&'a str>>,
    dstaddr: Vec<Option<&'a str>>,
    srcport: Vec<Option<i32>>,
    dstport: Vec<Option<i32>>,
    protocol: Vec<Option<i32>>,
    packets: Vec<Option<i64>>,
    bytes: Vec<Option<i64>>,
    start: Vec<Option<i64>>,
    end: Vec<Option<i64>>,
    action: Vec<Option<&'a str>>,
    log_status: Vec<Option<&'a str>>,
}

impl<'a> NaiveColumns<'a> {
    /// Parses a text of the default format.
    ///
    /// # Panics
    /// When the text is not UTF-8 or a line is malformed: the inputs are not.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Self {
        let text = std::str::from_utf8(text).expect("the input is UTF-8");
        let mut columns = Self::default();
        for line in text.lines() {
            columns
                .push(line)
                .unwrap_or_else(|| panic!("malformed line `{line}`"));
        }
        columns
    }

    /// `None` if the line is malformed.
    fn push(&mut self, line: &'a str) -> Option<()> {
        let mut words = line.split_whitespace();
        self.version.push(number(words.next()?)?);
        self.account_id.push(text(words.next()?));
        self.interface_id.push(text(words.next()?));
        self.srcaddr.push(text(words.next()?));
        self.dstaddr.push(text(words.next()?));
        self.srcport.push(number(words.next()?)?);
        self.dstport.push(number(words.next()?)?);
        self.protocol.push(number(words.next()?)?);
        self.packets.push(number(words.next()?)?);
        self.bytes.push(number(words.next()?)?);
        self.start.push(number(words.next()?)?);
        self.end.push(number(words.next()?)?);
        self.action.push(text(words.next()?));
        self.log_status.push(text(words.next()?));
        words.next().is_none().then_some(())
    }

    /// What was found.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer {
            rows: self.bytes.len() as u64,
            bytes: self.bytes.iter().flatten().sum(),
        }
    }
}

fn text(word: &str) -> Option<&str> {
    (word != "-").then_some(word)
}

/// The outer `None` is for a word that is no number.
fn number<Number: FromStr>(word: &str) -> Option<Option<Number>> {
    match text(word) {
        None => Some(None),
        Some(word) => word.parse().ok().map(Some),
    }
}
