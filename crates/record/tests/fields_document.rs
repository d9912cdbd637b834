//! `docs/reference/fields.md` is written from the registry and never lags
//! behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::fmt::Write;
use std::fs;

use vpcflow_record::Field;

const DOCUMENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/reference/fields.md"
);

const HEAD: &str = r#"# Fields of a flow log record

<!-- Written from the field registry by `UPDATE_DOCS=1 cargo test -p vpcflow-record`. -->

Every field that AWS documents, by the version of flow logs that brought it. The
*field* is AWS's name, as in a log format or in the header of a file; the
*column* is its name in SQL. AWS's own words are at [VPC flow log records] and
[Transit Gateway flow log records].

[VPC flow log records]: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
[Transit Gateway flow log records]: https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html

The default format is the fields of version 2, in this order. A field that is
not here is no error: it becomes a column of text.

- `-` is NULL in every column, whatever its type. The last column of the tables
  says when AWS writes it.
- `INT` and `BIGINT` are unsigned decimals that fit into 32 and 64 signed bits.
  A record with any other value there is rejected.
- `TIMESTAMP` is in UTC. AWS writes whole Unix seconds; 12 or more digits are
  milliseconds, as some SKIPDATA records have them.
- `TEXT` is kept as it was written, addresses too: `srcaddr = '10.0.0.1'` works,
  and an account keeps its leading zeros. Actions and statuses that nobody has
  documented are kept as well; a record with an address that is none is rejected.
- `end` is a keyword of SQL: write `"end"`.
"#;

#[test]
fn the_document_is_that_of_the_registry() {
    let expected = document();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(DOCUMENT, &expected).unwrap();
    }
    let found = fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        found == expected,
        "docs/reference/fields.md is stale: run `UPDATE_DOCS=1 cargo test -p vpcflow-record`"
    );
}

fn document() -> String {
    let mut document = HEAD.to_owned();
    let mut version = 0;
    for field in Field::ALL {
        if field.version() != version {
            version = field.version();
            document += &heading(version);
        }
        let cells = [
            format!("`{}`", field.name()),
            format!("`{}`", field.column()),
            field.field_type().sql_name().to_owned(),
            field.description().to_owned(),
            field.null_when().to_owned(),
        ];
        let cells = cells.map(|cell| cell.replace('|', r"\|"));
        writeln!(document, "| {} |", cells.join(" | ")).unwrap();
    }
    document
}

fn heading(version: u8) -> String {
    let subject = if version == 6 {
        ": Transit Gateway"
    } else {
        ""
    };
    format!(
        "\n## Version {version}{subject}\n\n\
         | field | column | type | meaning | `-` when |\n|---|---|---|---|---|\n"
    )
}
