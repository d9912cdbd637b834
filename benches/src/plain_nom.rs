//! A record as the nom tutorials would write it: values to a struct, no Arrow.

use nom::branch::alt;
use nom::bytes::complete::take_till1;
use nom::character::complete::{char, i32, i64, line_ending};
use nom::combinator::{map_res, value};
use nom::multi::fold_many0;
use nom::sequence::terminated;
use nom::{IResult, Parser};

use crate::sample::Answer;

/// What is in a text of the default format. Addresses are not checked, and no
/// column is built.
///
/// # Panics
/// When a line is malformed: the inputs are not.
#[must_use]
pub fn parse_with_nom(text: &[u8]) -> Answer {
    let line = terminated(bytes_of_record, line_ending);
    let count = |answer: Answer, bytes: Option<i64>| Answer {
        rows: answer.rows + 1,
        bytes: answer.bytes + bytes.unwrap_or(0),
    };
    let lines: IResult<_, _> = fold_many0(line, Answer::default, count).parse(text);
    let (rest, answer) = lines.expect("every line is a record");
    assert!(rest.is_empty(), "every line is a record");
    answer
}

fn bytes_of_record(line: &[u8]) -> IResult<&[u8], Option<i64>> {
    let network = (
        column(i32),
        column(text),
        column(text),
        column(text),
        column(text),
    );
    let flow = (
        column(i32),
        column(i32),
        column(i32),
        column(i64),
        column(i64),
    );
    let (rest, record) = (
        network,
        flow,
        column(i64),
        column(i64),
        column(text),
        value_or_null(text),
    )
        .parse(line)?;
    let (_, (.., bytes), ..) = std::hint::black_box(record);
    Ok((rest, bytes))
}

fn text(input: &[u8]) -> IResult<&[u8], &str> {
    let word = take_till1(|byte: u8| byte.is_ascii_whitespace());
    map_res(word, std::str::from_utf8).parse(input)
}

fn value_or_null<'a, T: Clone>(
    parse: impl Parser<&'a [u8], Output = T, Error = nom::error::Error<&'a [u8]>>,
) -> impl Parser<&'a [u8], Output = Option<T>, Error = nom::error::Error<&'a [u8]>> {
    alt((value(None, char('-')), parse.map(Some)))
}

fn column<'a, T: Clone>(
    parse: impl Parser<&'a [u8], Output = T, Error = nom::error::Error<&'a [u8]>>,
) -> impl Parser<&'a [u8], Output = Option<T>, Error = nom::error::Error<&'a [u8]>> {
    terminated(value_or_null(parse), char(' '))
}
