use super::*;
use crate::Field;

fn values<'a>(line: &'a str, format: &'a Format) -> Result<Vec<Value<'a>>, RecordError> {
    let record = parse_record(line.as_bytes(), format)?;
    Ok(record.values().map(|(_, value)| value).collect())
}

fn one(field: Field, word: &str) -> Result<String, Reason> {
    let format = Format::from_fields(&[field]).unwrap();
    let result = values(word, &format).map(|values| format!("{:?}", values[0]));
    result.map_err(|error| error.reason)
}

#[test]
fn numbers_are_digits_that_fit() {
    assert_eq!(one(Field::Srcport, "65543").unwrap(), "Int32(65543)");
    assert_eq!(
        one(Field::Srcport, "2147483647").unwrap(),
        "Int32(2147483647)"
    );
    assert_eq!(one(Field::Srcport, "2147483648"), Err(Reason::OutOfRange));
    assert_eq!(
        one(Field::Bytes, "9223372036854775807").unwrap(),
        "Int64(9223372036854775807)"
    );
    assert_eq!(
        one(Field::Bytes, "9223372036854775808"),
        Err(Reason::OutOfRange)
    );
    assert_eq!(
        one(Field::Bytes, "99999999999999999999x"),
        Err(Reason::NotANumber)
    );
    for word in ["NaN", "+1", "-1", "1.0", "0x10", "1e3", "١"] {
        assert_eq!(one(Field::Bytes, word), Err(Reason::NotANumber), "{word}");
    }
    assert_eq!(one(Field::Bytes, "-").unwrap(), "Null");
}

#[test]
fn times_are_seconds_or_from_twelve_digits_milliseconds() {
    assert_eq!(
        one(Field::Start, "1418530010").unwrap(),
        "Timestamp(1418530010000000)"
    );
    assert_eq!(
        one(Field::Start, "1512564058000").unwrap(),
        "Timestamp(1512564058000000)"
    );
    assert_eq!(one(Field::End, "0").unwrap(), "Timestamp(0)");
    assert_eq!(
        one(Field::End, "9223372036854775807"),
        Err(Reason::OutOfRange)
    );
}

#[test]
fn addresses_are_checked_and_kept_as_written() {
    for word in [
        "10.0.0.1",
        "2001:db8::1",
        "2001:DB8:0:0::1",
        "::ffff:10.0.0.1",
        "::",
    ] {
        assert_eq!(
            one(Field::Srcaddr, word).unwrap(),
            format!("Text({word:?})")
        );
    }
    for word in [
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1.2",
        "host",
        "10.0.0.1/8",
        "2001:db8::g",
    ] {
        assert_eq!(
            one(Field::Srcaddr, word),
            Err(Reason::NotAnAddress),
            "{word}"
        );
    }
}

#[test]
fn spaces_may_run_and_stand_at_both_ends() {
    let format = Format::parse("srcport dstport action").unwrap();
    let expected = [Value::Int32(1), Value::Int32(2), Value::Text("ACCEPT")];
    for line in [
        "1 2 ACCEPT",
        "  1  2\tACCEPT ",
        "1 2 ACCEPT\r",
        "\t1\t\t2 ACCEPT \r",
    ] {
        assert_eq!(values(line, &format).unwrap(), expected, "{line:?}");
    }
}

#[test]
fn the_number_of_values_is_told_first() {
    let format = Format::parse("srcport dstport action").unwrap();
    let reason = |line| values(line, &format).unwrap_err().reason;
    assert_eq!(
        reason("x 2"),
        Reason::FieldCount {
            expected: 3,
            found: 2
        }
    );
    assert_eq!(
        reason("x 2 ACCEPT OK"),
        Reason::FieldCount {
            expected: 3,
            found: 4
        }
    );
    assert_eq!(
        reason(""),
        Reason::FieldCount {
            expected: 3,
            found: 0
        }
    );
    let error = values(" 1 x OK", &format).unwrap_err();
    assert_eq!(
        error,
        RecordError {
            field: Some(1),
            offset: 3,
            reason: Reason::NotANumber
        }
    );
    assert_eq!(error.to_string(), "not a number in field 2 at byte 3");
}

#[test]
fn the_time_of_an_export_is_skipped() {
    let format = Format::parse("version action").unwrap();
    let expected = [Value::Int32(2), Value::Text("ACCEPT")];
    assert_eq!(
        values("2024-12-14T16:25:12.000Z 2 ACCEPT", &format).unwrap(),
        expected
    );
    assert_eq!(
        values("2024-12-14T16:25:12Z 2 ACCEPT", &format).unwrap(),
        expected
    );
    assert!(values("2024-12-14 2 ACCEPT", &format).is_err());
    // A field of the user's own may hold a time.
    let format = Format::parse("event-time action").unwrap();
    let time = "2024-12-14T16:25:12.000Z";
    assert_eq!(
        values(&format!("{time} ACCEPT"), &format).unwrap(),
        [Value::Text(time), Value::Text("ACCEPT")]
    );
}

#[test]
fn text_is_any_utf8() {
    assert_eq!(
        one(Field::SubnetId, "su\u{431}net").unwrap(),
        "Text(\"su\u{431}net\")"
    );
    assert_eq!(one(Field::Action, "SUCCESS").unwrap(), "Text(\"SUCCESS\")");
    let format = Format::parse("action").unwrap();
    assert_eq!(
        parse_record(b"\xff\xfe", &format).unwrap_err().reason,
        Reason::NotUtf8
    );
}
