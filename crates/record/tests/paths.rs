//! The block decoder says of every input exactly what the grammar says, record
//! by record: values, nulls, rejects and counts.

#![expect(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

mod support;

use arrow_schema::DataType;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use vpcflow_record::{
    CpuLevel, DecodeOptions, Field, FieldType, Format, FormatField, Only, Policy, flows_schema,
};

use support::{Decoded, Feed, decode};

/// Formats of any fields in any order, those that are common more often.
fn formats() -> impl Strategy<Value = Format> {
    let some = prop::sample::subsequence(Field::ALL, 1..20).prop_shuffle();
    let custom = (some, prop::bool::weighted(0.2)).prop_map(|(fields, unknown)| {
        let mut names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
        if unknown {
            names.insert(names.len() / 2, "field-of-tomorrow");
        }
        Format::parse(&names.join(" ")).unwrap()
    });
    prop_oneof![
        3 => Just(Format::default()),
        1 => Just(Format::up_to_version(5)),
        1 => Just(Format::up_to_version(11)),
        3 => custom,
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..70_000_u64).prop_map(|number| number.to_string()),
        (0..u64::MAX / 2, 1..20_u32)
            .prop_map(|(number, digits)| (number % 10_u64.saturating_pow(digits)).to_string()),
        Just("1418530010".to_owned()),
        Just("1512564058000".to_owned()),
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => any::<[u8; 4]>().prop_map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
        1 => any::<[u8; 16]>().prop_map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
    ]
}

/// A value that the field takes.
fn valid_value(field_type: FieldType) -> BoxedStrategy<String> {
    let value = match field_type {
        FieldType::Int32 => (0..i32::MAX)
            .prop_map(|number| (number >> (number % 31)).to_string())
            .boxed(),
        FieldType::Int64 => (0..9_999_999_999_999_999_u64, 0..50_u32)
            .prop_map(|(number, shift)| (number >> shift).to_string())
            .boxed(),
        FieldType::Timestamp => prop_oneof![
            (0..99_999_999_999_u64).prop_map(|seconds| seconds.to_string()),
            (100_000_000_000..900_000_000_000_000_u64).prop_map(|millis| millis.to_string()),
        ]
        .boxed(),
        FieldType::Address => address().boxed(),
        FieldType::Text => "[!-~]{1,30}".boxed(),
    };
    prop_oneof![7 => value, 1 => Just("-".to_owned())].boxed()
}

fn valid_line(format: &Format) -> BoxedStrategy<Vec<u8>> {
    let values: Vec<_> = format
        .fields()
        .iter()
        .map(|field| valid_value(field.field_type()))
        .collect();
    values
        .prop_map(|values| values.join(" ").into_bytes())
        .boxed()
}

/// Words that belong in some column, or in none.
fn odd_word() -> impl Strategy<Value = Vec<u8>> {
    const FIXED: &[&str] = &[
        "-",
        "--",
        "-1",
        "0-",
        "-00000000",
        "-12345678",
        "12345678-",
        "+1",
        "1.0",
        "NaN",
        "0",
        "00000000000000000001",
        "2147483647",
        "2147483648",
        "99999999",
        "100000000",
        "9999999999999999",
        "10000000000000000",
        "9223372036854775807",
        "9223372036854775808",
        "9223372036854775",
        "9223372036854776",
        "99999999999",
        "100000000000",
        "#",
        "#2",
        "1.2.3.4",
        "01.2.3.4",
        "1.2.3.256",
        "1.2.3",
        "1.2.3.4.",
        ".1.2.3",
        "1..2.3",
        "1.2.3.4.5",
        "1.2.3.0004",
        "10.0.x.x",
        "::",
        "::1",
        "1::2::3",
        "fe80::1%eth0",
        "::ffff:1.2.3.4",
        "su\u{431}net",
        "\u{2028}",
        "2024-12-14T16:25:12.000Z",
        "2024-12-14",
        "version",
        "srcaddr",
        "\u{1}",
        "a\u{b}b",
        "1\u{0}",
        "\u{7f}",
        "twelve-bytes",
        "thirteen-byte",
    ];
    prop_oneof![
        6 => select(FIXED).prop_map(|word| word.as_bytes().to_vec()),
        2 => number().prop_map(String::into_bytes),
        1 => address().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>().prop_filter("no line feed", |byte| *byte != b'\n'), 0..12),
    ]
}

/// What may go wrong with a line.
#[derive(Debug, Clone)]
enum Mutation {
    Replace(Index, Vec<u8>),
    Insert(Index, Vec<u8>),
    Remove(Index),
    Separator(Index, &'static str),
    Around(&'static str, &'static str),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = || any::<Index>();
    prop_oneof![
        6 => (at(), odd_word()).prop_map(|(at, word)| Mutation::Replace(at, word)),
        1 => (at(), odd_word()).prop_map(|(at, word)| Mutation::Insert(at, word)),
        1 => at().prop_map(Mutation::Remove),
        2 => (at(), select(&["  ", "\t", " \r", "\n", "\u{b}", "\u{a0}", ","][..]))
            .prop_map(|(at, separator)| Mutation::Separator(at, separator)),
        2 => (select(&["", " ", "#", "\t", "2024-12-14T16:25:12.000Z "][..]), select(&["", " ", "\r", " #x"][..]))
            .prop_map(|(before, after)| Mutation::Around(before, after)),
    ]
}

fn mutate(line: &[u8], mutation: &Mutation) -> Vec<u8> {
    let mut words: Vec<Vec<u8>> = line
        .split(|byte| *byte == b' ')
        .map(<[u8]>::to_vec)
        .collect();
    let mut separator_at = None;
    let mut around = ("", "");
    match mutation {
        Mutation::Replace(at, word) => {
            let at = at.index(words.len());
            words[at].clone_from(word);
        }
        Mutation::Insert(at, word) => words.insert(at.index(words.len()), word.clone()),
        Mutation::Remove(at) => {
            words.remove(at.index(words.len()));
        }
        Mutation::Separator(at, separator) => {
            separator_at = Some((at.index(words.len()), *separator))
        }
        Mutation::Around(before, after) => around = (*before, *after),
    }
    let mut line = around.0.as_bytes().to_vec();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            let separator = separator_at.filter(|(at, _)| *at == index);
            line.extend_from_slice(separator.map_or(" ", |(_, separator)| separator).as_bytes());
        }
        line.extend_from_slice(word);
    }
    line.extend_from_slice(around.1.as_bytes());
    line
}

/// A line of the format, a damaged one, or one that is no record.
fn line(format: &Format, health: u32) -> BoxedStrategy<Vec<u8>> {
    let header = format.to_string().into_bytes();
    let damaged =
        (valid_line(format), mutation()).prop_map(|(line, change)| mutate(&line, &change));
    let other = prop_oneof![
        Just(Vec::new()),
        Just(b"   ".to_vec()),
        Just(b"# a comment of several words".to_vec()),
        Just(header),
        Just(b"version srcaddr dstaddr bytes".to_vec()),
        Just(b"srcaddr vpc-id a-field-nobody-has".to_vec()),
        prop::collection::vec(any::<u8>(), 0..80),
    ];
    prop_oneof![
        health => valid_line(format),
        2 => damaged,
        1 => other,
    ]
    .boxed()
}

/// A text of up to some hundreds of lines, few of them odd or many.
fn texts() -> impl Strategy<Value = (Format, Vec<u8>)> {
    (
        formats(),
        select(&[1_u32, 20, 300][..]),
        prop::bool::weighted(0.1),
    )
        .prop_flat_map(|(format, health, exported)| {
            let lines = prop::collection::vec(line(&format, health), 0..600);
            (Just(format), lines, any::<bool>()).prop_map(move |(format, lines, last_line_feed)| {
                let mut text = Vec::new();
                for line in lines {
                    if exported {
                        text.extend_from_slice(b"2024-12-14T16:25:12.000Z ");
                    }
                    text.extend_from_slice(&line);
                    text.push(b'\n');
                }
                if !last_line_feed {
                    text.pop();
                }
                (format, text)
            })
        })
}

fn feeds() -> impl Strategy<Value = Feed> {
    let ends = prop::collection::vec(any::<usize>(), 0..6);
    prop_oneof![
        ends.clone().prop_map(Feed::Slices),
        ends.prop_map(Feed::Buffers),
    ]
}

/// Few cases, since each is a text of hundreds of lines that is read in ten
/// ways; `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig {
            cases: 48,
            ..config
        },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_way_gives_what_the_grammar_gives(
        (format, text) in texts(),
        feed in feeds(),
        batch_rows in select(&[1_usize, 7, 100, 256, 8192][..]),
        headers in any::<bool>(),
        policy in select(&Policy::ALL[..]),
    ) {
        let options = DecodeOptions { batch_rows, headers, policy, ..DecodeOptions::default() };
        let by_grammar = DecodeOptions { cpu: CpuLevel::GRAMMAR, batch_rows: 8192, ..options.clone() };
        let expected = decode(&text, &format, &by_grammar, &Feed::Slices(Vec::new()));
        for cpu in CpuLevel::supported() {
            let options = DecodeOptions { cpu, ..options.clone() };
            let found = decode(&text, &format, &options, &feed);
            prop_assert_eq!(&found, &expected, "{}", cpu);
        }
    }

    /// The columns that are not asked for are checked all the same.
    #[test]
    fn a_projection_changes_nothing_but_the_columns(
        (format, text) in texts(),
        feed in feeds(),
        kept in prop::collection::vec(any::<Index>(), 0..4),
    ) {
        let table = flows_schema([&format]);
        let mut kept: Vec<usize> = kept.iter().map(|index| index.index(table.fields().len())).collect();
        kept.sort_unstable();
        kept.dedup();
        let whole = DecodeOptions { cpu: CpuLevel::GRAMMAR, ..DecodeOptions::default() };
        let whole = decode(&text, &format, &whole, &feed);
        for cpu in CpuLevel::supported() {
            let options = DecodeOptions { projection: Some(kept.clone()), cpu, ..DecodeOptions::default() };
            let Decoded { rows, rejects, counts, .. } = decode(&text, &format, &options, &feed);
            prop_assert_eq!(rejects, whole.rejects.clone());
            prop_assert_eq!(counts, whole.counts);
            for (row, whole) in rows.iter().zip(&whole.rows) {
                let expected: Vec<_> = kept.iter().map(|column| whole[*column].clone()).collect();
                prop_assert_eq!(row, &expected);
            }
        }
    }

    /// The rows that are left out are read and counted all the same.
    #[test]
    fn only_some_records_become_rows(
        (format, text) in texts(),
        feed in feeds(),
        batch_rows in select(&[1_usize, 7, 256, 8192][..]),
        column in any::<Index>(),
        row in any::<Index>(),
        asked in prop::collection::vec(any::<Index>(), 0..4),
    ) {
        let table = flows_schema([&format]);
        let texts: Vec<usize> = table.fields().iter().enumerate()
            .filter(|(_, field)| *field.data_type() == DataType::Utf8View)
            .map(|(index, _)| index)
            .collect();
        prop_assume!(!texts.is_empty());
        let column = texts[column.index(texts.len())];
        let whole = DecodeOptions { cpu: CpuLevel::GRAMMAR, ..DecodeOptions::default() };
        let whole = decode(&text, &format, &whole, &feed);
        let some = whole.rows.get(row.index(whole.rows.len().max(1)));
        let value = some.map_or(Some("REJECT".to_owned()), |row| row[column].clone());
        // NULL is no text, though it is written as one.
        let is_kept = |row: &&Vec<Option<String>>| value.is_some() && row[column] == value;
        let mut asked: Vec<usize> = asked.iter().map(|index| index.index(table.fields().len())).collect();
        asked.sort_unstable();
        asked.dedup();
        let of_row = |row: &Vec<Option<String>>| -> Vec<_> {
            asked.iter().map(|column| row[*column].clone()).collect()
        };
        let expected: Vec<_> = whole.rows.iter().filter(is_kept).map(of_row).collect();
        let only = Only::new(table.field(column).name(), value.as_deref().unwrap_or("-"));
        for cpu in CpuLevel::supported() {
            let options = DecodeOptions {
                only: Some(only.clone()),
                projection: Some(asked.clone()),
                batch_rows,
                cpu,
                ..DecodeOptions::default()
            };
            let found = decode(&text, &format, &options, &feed);
            prop_assert_eq!(&found.rows, &expected, "{}", cpu);
            prop_assert_eq!(&found.rejects, &whole.rejects);
            prop_assert_eq!(found.counts, whole.counts);
        }
    }

    /// What is printed from the columns is what was read.
    #[test]
    fn print_then_parse_gives_the_record_back(
        (format, lines) in formats().prop_flat_map(|format| {
            let lines = prop::collection::vec(valid_line(&format), 1..300);
            (Just(format), lines)
        }),
    ) {
        let table = flows_schema([&format]);
        let column = |field: &FormatField| table.index_of(&field.column()).unwrap();
        let columns: Vec<usize> = format.fields().iter().map(column).collect();
        let read = |text: &[u8]| {
            let options = DecodeOptions { headers: false, ..DecodeOptions::default() };
            decode(text, &format, &options, &Feed::Slices(Vec::new())).rows
        };
        let print = |row: &Vec<Option<String>>| {
            let values = format.fields().iter().zip(&columns).map(|(field, column)| {
                match (&row[*column], field.field_type()) {
                    (None, _) => "-".to_owned(),
                    // Whole seconds, or milliseconds with as many digits.
                    (Some(micros), FieldType::Timestamp) => match micros.strip_suffix("000000") {
                        Some("") => "0".to_owned(),
                        Some(seconds) if seconds.len() < 12 => seconds.to_owned(),
                        _ => micros.strip_suffix("000").unwrap_or("0").to_owned(),
                    },
                    (Some(value), _) => value.clone(),
                }
            });
            values.collect::<Vec<_>>().join(" ")
        };
        let rows = read(&lines.join(&b'\n'));
        let printed: Vec<String> = rows.iter().map(print).collect();
        prop_assert_eq!(read(printed.join("\n").as_bytes()), rows);
    }
}
