//! `docs/reference/functions.md` is written from the functions and never lags
//! behind them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::fmt::Write;
use std::fs;

use vpcflow_functions::Functions;

const DOCUMENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/reference/functions.md"
);

const HEAD: &str = "# SQL functions

<!-- Written from the functions by `UPDATE_DOCS=1 cargo test -p vpcflow-functions`. -->

What `vpcflow` adds to the [functions of DataFusion]. Addresses are text, as in the columns; an IPv4
address and its IPv6-mapped form are two addresses. NULL gives NULL. Text that is no address is in no
network and of no kind: predicates are false for it, other functions NULL. A constant that makes no
sense, such as a network that does not parse, is an error before the query runs.

[functions of DataFusion]: https://datafusion.apache.org/user-guide/sql/scalar_functions.html
";

const TAIL: &str = "
The table function `networks(file)` has a row for each line of a list of networks: `network`, and what
else the lines have. A list is CSV with a header, one of whose columns is called `network`, `cidr`,
`cidr_block`, `prefix`, `subnet`, `ip_prefix`, `address` or `ip` (else the first is taken), or nothing
but a network a line. Empty lines and lines that begin with `#` or `;` count for nothing.
";

#[test]
fn the_document_is_that_of_the_functions() {
    let expected = document();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(DOCUMENT, &expected).unwrap();
    }
    let found = fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        found == expected,
        "docs/reference/functions.md is stale: run `UPDATE_DOCS=1 cargo test -p vpcflow-functions`"
    );
}

fn document() -> String {
    let mut functions = Functions::new().scalar();
    functions.sort_by(|left, right| left.name().cmp(right.name()));
    let mut text = HEAD.to_owned();
    for function in &functions {
        let document = function.documentation().unwrap();
        let example = document.sql_example.as_deref().unwrap();
        write!(
            text,
            "\n## `{}`\n\n{}\n\n```sql\n{example}\n```\n",
            document.syntax_example, document.description
        )
        .unwrap();
    }
    text + TAIL
}
