//! Every function in every shape that the engine may call it with: columns and
//! constants, encodings of text, NULLs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;

use datafusion_common::ScalarValue;
use datafusion_common::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, LargeStringArray, StringArray, StringViewArray,
    new_null_array,
};
use datafusion_common::arrow::compute::cast;
use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::ColumnarValue;

use self::support::{call, functions, text_of};

/// A function, arguments for two rows, and its answers as text.
type Case = (&'static str, Vec<ArrayRef>, [Option<&'static str>; 2]);

fn texts(values: [&str; 2]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers(values: [i32; 2]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

fn cases(directory: &std::path::Path) -> Vec<Case> {
    let list = directory.join("list.csv");
    let list = texts([list.to_str().unwrap(); 2]);
    vec![
        (
            "cidr_contains",
            vec![texts(["10.0.0.0/8"; 2]), texts(["10.1.2.3", "2001:db8::1"])],
            [Some("true"), Some("false")],
        ),
        (
            "ip_family",
            vec![texts(["10.1.2.3", "2001:db8::1"])],
            [Some("4"), Some("6")],
        ),
        (
            "ip_prefix",
            vec![
                texts(["203.113.155.20", "2001:db8:1234::1"]),
                numbers([24, 48]),
            ],
            [Some("203.113.155.0/24"), Some("2001:db8:1234::/48")],
        ),
        (
            "is_private",
            vec![texts(["172.31.255.255", "172.32.0.0"])],
            [Some("true"), Some("false")],
        ),
        (
            "is_global",
            vec![texts(["100.64.0.1", "2600::1"])],
            [Some("false"), Some("true")],
        ),
        (
            "community_id",
            vec![
                texts(["128.232.110.120", "66.35.250.204"]),
                texts(["66.35.250.204", "128.232.110.120"]),
                numbers([34855, 80]),
                numbers([80, 34855]),
                numbers([6, 6]),
            ],
            [
                Some("1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
                Some("1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            ],
        ),
        (
            "has_tcp_flag",
            vec![numbers([18, 1]), texts(["SYN"; 2])],
            [Some("true"), Some("false")],
        ),
        (
            "percent_decode",
            vec![texts(["web%2Dserver", "%ff%zz"])],
            [Some("web-server"), Some("%ff%zz")],
        ),
        (
            "port_service",
            vec![numbers([443, 53])],
            [Some("https"), Some("domain")],
        ),
        (
            "protocol_name",
            vec![numbers([6, 17])],
            [Some("TCP"), Some("UDP")],
        ),
        (
            "server_port",
            vec![numbers([443, 51234]), numbers([51234, 443])],
            [Some("443"), Some("443")],
        ),
        (
            "tcp_flags_text",
            vec![numbers([18, 0])],
            [Some("SYN,ACK"), Some("none")],
        ),
        (
            "traffic_path_name",
            vec![numbers([1, 8])],
            [Some("same VPC"), Some("internet gateway")],
        ),
        (
            "aws_service",
            vec![texts(["52.95.128.179", "10.0.0.1"])],
            [Some("S3"), None],
        ),
        (
            "geo_country",
            vec![texts(["81.2.69.142", "10.0.0.1"])],
            [Some("GB"), None],
        ),
        (
            "geo_asn",
            vec![texts(["81.2.69.142", "10.0.0.1"])],
            [Some("20712"), None],
        ),
        (
            "network_of",
            vec![texts(["10.1.2.3", "192.0.2.1"]), list],
            [Some("10.1.0.0/16"), None],
        ),
    ]
}

#[test]
fn columns_and_constants_give_the_same() {
    let directory = support::files();
    let functions = functions(directory.path());
    for (name, columns, expected) in cases(directory.path()) {
        // A file is always a constant.
        let fixed = |index: usize| name == "network_of" && index == 1;
        for constants in 0..1_u32 << columns.len() {
            for (row, expected) in expected.iter().enumerate() {
                let arguments: Vec<_> = columns
                    .iter()
                    .enumerate()
                    .map(|(index, column)| {
                        if constants >> index & 1 == 1 || fixed(index) {
                            ColumnarValue::Scalar(ScalarValue::try_from_array(column, row).unwrap())
                        } else {
                            ColumnarValue::Array(Arc::clone(column))
                        }
                    })
                    .collect();
                let all = arguments
                    .iter()
                    .all(|value| matches!(value, ColumnarValue::Scalar(_)));
                let value = call(&functions, name, arguments, 2).unwrap();
                assert_eq!(matches!(value, ColumnarValue::Scalar(_)), all, "{name}");
                let array = value.into_array(2).unwrap();
                assert_eq!(
                    text_of(&array, row).as_deref(),
                    *expected,
                    "{name} {constants:b}"
                );
            }
        }
    }
}

#[test]
fn every_function_has_a_case_and_a_document() {
    let directory = support::files();
    let functions = functions(directory.path());
    let mut names: Vec<_> = cases(directory.path()).iter().map(|case| case.0).collect();
    let mut known: Vec<_> = functions.iter().map(|function| function.name()).collect();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    for function in &functions {
        let document = function.documentation().unwrap();
        assert!(document.syntax_example.starts_with(function.name()));
    }
}

#[test]
fn text_comes_in_every_encoding() {
    let directory = support::files();
    let functions = functions(directory.path());
    for (name, columns, expected) in cases(directory.path()) {
        for encoding in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
            let arguments = columns.iter().enumerate().map(|(index, column)| {
                if name == "network_of" && index == 1 {
                    return ColumnarValue::Scalar(ScalarValue::try_from_array(column, 0).unwrap());
                }
                let is_text = column.data_type() == &DataType::Utf8;
                let encoded = if is_text {
                    cast(column, &encoding).unwrap()
                } else {
                    Arc::clone(column)
                };
                ColumnarValue::Array(encoded)
            });
            let array = call(&functions, name, arguments.collect(), 2)
                .unwrap()
                .into_array(2)
                .unwrap();
            assert_eq!(
                text_of(&array, 0).as_deref(),
                expected[0],
                "{name} of {encoding}"
            );
        }
    }
}

#[test]
fn null_gives_null() {
    let directory = support::files();
    let functions = functions(directory.path());
    for (name, columns, expected) in cases(directory.path()) {
        for absent in 0..columns.len() {
            let whole = |constant: bool| {
                let arguments = columns.iter().enumerate().map(|(index, column)| {
                    if index == absent && (constant || name == "network_of") {
                        return ColumnarValue::Scalar(
                            ScalarValue::try_new_null(column.data_type()).unwrap(),
                        );
                    }
                    if index == absent {
                        return ColumnarValue::Array(new_null_array(column.data_type(), 2));
                    }
                    if name == "network_of" && index == 1 {
                        return ColumnarValue::Scalar(
                            ScalarValue::try_from_array(column, 0).unwrap(),
                        );
                    }
                    ColumnarValue::Array(Arc::clone(column))
                });
                call(&functions, name, arguments.collect(), 2)
                    .unwrap()
                    .into_array(2)
                    .unwrap()
            };
            for array in [whole(false), whole(true)] {
                assert_eq!(
                    array.logical_null_count(),
                    array.len(),
                    "{name}, argument {absent}: {expected:?}"
                );
            }
        }
        let none: Vec<_> = columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                if name == "network_of" && index == 1 {
                    return ColumnarValue::Scalar(ScalarValue::try_from_array(column, 0).unwrap());
                }
                ColumnarValue::Array(column.slice(0, 0))
            })
            .collect();
        let empty = call(&functions, name, none, 0).unwrap();
        assert_eq!(empty.into_array(0).unwrap().len(), 0, "{name} of no row");
    }
}

#[test]
fn what_is_no_address_is_of_no_kind() {
    let directory = support::files();
    let functions = functions(directory.path());
    for text in [
        "",
        "-",
        "10.0.0",
        "10.0.0.01",
        "10.evil",
        "fe80::1%eth0",
        "10.0.0.256",
        "::ffff:300.0.0.1",
    ] {
        let array: ArrayRef = Arc::new(StringViewArray::from(vec![text, text]));
        for (name, expected) in [
            ("is_private", Some("false")),
            ("is_global", Some("false")),
            ("ip_family", None),
            ("geo_asn", None),
            ("aws_service", None),
        ] {
            let found = call(
                &functions,
                name,
                vec![ColumnarValue::Array(Arc::clone(&array))],
                2,
            )
            .unwrap();
            assert_eq!(
                text_of(&found.into_array(2).unwrap(), 1).as_deref(),
                expected,
                "{name}({text})"
            );
        }
        let arguments = vec![
            ColumnarValue::Scalar("0.0.0.0/0, ::/0".into()),
            ColumnarValue::Array(array),
        ];
        let found = call(&functions, "cidr_contains", arguments, 2).unwrap();
        assert_eq!(
            text_of(&found.into_array(2).unwrap(), 0).as_deref(),
            Some("false"),
            "{text}"
        );
    }
}

#[test]
fn a_slice_of_a_column_with_nulls_keeps_its_rows() {
    let directory = support::files();
    let functions = functions(directory.path());
    let column = LargeStringArray::from(vec![
        Some("8.8.8.8"),
        None,
        Some("10.0.0.1"),
        Some("192.168.100.100"),
        None,
    ]);
    let slice: ArrayRef = Arc::new(column.slice(1, 3));
    let found = call(
        &functions,
        "is_private",
        vec![ColumnarValue::Array(slice)],
        3,
    )
    .unwrap();
    let found = found.into_array(3).unwrap();
    assert_eq!(
        found.as_boolean().iter().collect::<Vec<_>>(),
        [None, Some(true), Some(true)]
    );
}

#[test]
fn constants_that_make_no_sense_are_told_before_the_query_runs() {
    let directory = support::files();
    let functions = functions(directory.path());
    let told = |name: &str, arguments: Vec<ScalarValue>| {
        support::plan(&functions, name, &arguments)
            .unwrap_err()
            .strip_backtrace()
    };
    for (name, arguments, message) in [
        (
            "cidr_contains",
            vec!["10.0.0.0/8, 10.0.0.0/33".into(), "10.0.0.1".into()],
            "`10.0.0.0/33` is not a network: write it as `10.0.0.0/8` or `2001:db8::/32`",
        ),
        (
            "ip_prefix",
            vec!["10.0.0.1".into(), 129_i64.into()],
            "no prefix has 129 bits: 0 to 32 of IPv4, 0 to 128 of IPv6",
        ),
        (
            "has_tcp_flag",
            vec![18_i32.into(), "SIN".into()],
            "`SIN` is not a TCP flag: they are FIN, SYN, RST, PSH, ACK, URG, ECE, CWR",
        ),
    ] {
        assert_eq!(
            told(name, arguments),
            format!("Error during planning: {message}")
        );
    }
    let error = told(
        "network_of",
        vec!["10.0.0.1".into(), "/none/such.csv".into()],
    );
    assert!(
        error.contains("cannot read `/none/such.csv`: No such file"),
        "{error}"
    );
    let without = vpcflow_functions::Functions::new().scalar();
    for (name, flag) in [
        ("aws_service", "--ip-ranges"),
        ("geo_country", "--geo"),
        ("geo_asn", "--geo"),
    ] {
        let error = support::plan(&without, name, &["10.0.0.1".into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains(name) && error.contains(flag), "{error}");
    }
}

#[test]
fn files_of_other_kinds_are_told() {
    let directory = support::files();
    let mut functions = vpcflow_functions::Functions::new();
    let list = directory.path().join("list.csv");
    let error = functions.read_geo_database(&list).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("list.csv` is not a database in MaxMind's format (.mmdb)"),
        "{error}"
    );
    let error = functions.read_ip_ranges(&list).unwrap_err();
    assert!(
        error.to_string().contains("is not AWS's ip-ranges.json: "),
        "{error}"
    );
    let error = functions
        .read_geo_database(&directory.path().join("none"))
        .unwrap_err();
    assert!(error.to_string().starts_with("cannot read `"), "{error}");
}
