//! `docs/queries.md` is written from the library, with the answers that its
//! queries give to the data of their tests, and never lags behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt;
use vpcflow_ingest::{Location, expand};
use vpcflow_query::{Library, OutputFormat, Printer, Query, Session, Sources, Window};
use vpcflow_record::Policy;

const UPDATE_VARIABLE: &str = "UPDATE_DOCS";
/// Rows of an answer that are shown.
const SHOWN_ROWS: usize = 5;

const HEAD: &str = "# The query library

<!-- Written from the folder `queries` by `UPDATE_DOCS=1 cargo test --workspace --test queries_document`. -->

Questions that people ask their flow logs, ready to run:

```sh
vpcflow query                                        # lists them
vpcflow query port-scan --explain                    # what it means, its parameters and its SQL
vpcflow query port-scan --from logs --param min_ports=50
```

Each runs on any source and prints in any format. A query that needs more than the fields of version 2
says so, and tells which field the data lacks. Below each query stands the beginning of what it answers
to the small data of its test.

A folder of your own joins the library with `--library DIR` or the environment variable
VPCFLOW_LIBRARY: `PACK/NAME.sql`, or `NAME.sql` for the pack `own`. A file is a statement with a head,
and takes the place of a shipped query of its name:

```sql
-- Sources of one network, ranked by bytes.
--
-- More about it, as many lines as it takes.
-- param network TEXT: the network; without a default it has to be given
-- param limit INT 10: rows to show
-- needs flow_direction
SELECT srcaddr, sum(bytes) AS bytes
FROM flows
WHERE flow_direction = 'egress' AND cidr_contains($network, srcaddr)
GROUP BY 1
ORDER BY bytes DESC
LIMIT $limit
```

Parameters are `INT`, `DOUBLE` or `TEXT`; `needs` names the columns beyond those of version 2.
";

#[tokio::test]
async fn the_document_is_that_of_the_library() {
    let path = root().join("docs/queries.md");
    let expected = document().await;
    if env::var_os(UPDATE_VARIABLE).is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == expected,
        "docs/queries.md is stale: {UPDATE_VARIABLE}=1 writes it"
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

async fn document() -> String {
    let mut text = HEAD.to_owned();
    let library = Library::shipped().unwrap();
    let mut pack = "";
    for query in library.queries() {
        if query.pack != pack {
            pack = &query.pack;
            write!(text, "\n## {pack}\n").unwrap();
        }
        write!(text, "\n### {}\n\n{}\n", query.name, query.description).unwrap();
        if !query.needs.is_empty() {
            let needs: Vec<_> = query.needs.iter().map(|name| format!("`{name}`")).collect();
            write!(text, "\nNeeds {}.\n", needs.join(", ")).unwrap();
        }
        if !query.parameters.is_empty() {
            text.push('\n');
        }
        for parameter in &query.parameters {
            let default = match &parameter.default {
                Some(default) if default.to_string().is_empty() => " (empty)".to_owned(),
                Some(default) => format!(" ({default})"),
                None => String::new(),
            };
            writeln!(
                text,
                "- `{}`{default}: {}",
                parameter.name, parameter.description
            )
            .unwrap();
        }
        write!(text, "\n{}", answer(query).await).unwrap();
    }
    text
}

/// The call that the test of a query makes first, and the rows of its answer.
async fn answer(query: &Query) -> String {
    let folder = root().join("queries").join(&query.pack);
    let test = fs::read_to_string(folder.join(format!("{}.slt", query.name))).unwrap();
    let line = |prefix| {
        test.lines()
            .find_map(|line| line.strip_prefix(prefix))
            .unwrap()
    };
    let words: Vec<_> = line("@query ").split(' ').skip(1).collect();
    let parameters = words.iter().map(|word| word.split_once('=').unwrap());
    let parameters: Vec<_> = parameters
        .map(|(key, value)| (key.into(), value.into()))
        .collect();

    let mut sources = Sources::new(Policy::Default);
    for file in expand(&Location::Path(folder.join(line("@from ")))).unwrap() {
        sources.add_file(file, None).unwrap();
    }
    let session = Session::new(sources, Window::default()).await.unwrap();
    if query
        .check_fields(&session.flows_columns().await.unwrap())
        .is_err()
    {
        return "Asked of a log group.\n".to_owned();
    }
    let rows = session
        .sql(&query.sql, query.bind(&parameters).unwrap())
        .await
        .unwrap();
    let mut table = Vec::new();
    let mut printer = Printer::new(&mut table, OutputFormat::Markdown, rows.schema(), None);
    let batches: Vec<RecordBatch> = rows.try_collect().await.unwrap();
    let mut left = SHOWN_ROWS;
    for batch in &batches {
        let shown = batch.slice(0, left.min(batch.num_rows()));
        left -= shown.num_rows();
        printer.write(&shown).unwrap();
    }
    printer.finish().unwrap();
    let parameters: Vec<_> = words
        .iter()
        .map(|word| format!(" --param {word}"))
        .collect();
    let table = String::from_utf8(table).unwrap();
    // The test runs elsewhere than a reader does.
    let call = format!("vpcflow query {}{}", query.name, parameters.concat()).replace("../../", "");
    format!("`{call}`:\n\n{table}")
}
