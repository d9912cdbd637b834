//! Runs the `.slt` files of `queries/` and of `tests/slt` with sqllogictest.
//!
//! Beside SQL, a file may say
//!
//! * `@from FILE`: the tables stand on this file, named from the `.slt` file;
//! * `@rows SQL`: they stand on the rows of this statement from now on;
//! * `@query NAME [key=value]…`: a query of the library.
//!
//! Columns are compared as text, as the engine prints them. `UPDATE_SLT=1` writes
//! the answers as they are now.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use sqllogictest::{
    AsyncDB, DBOutput, DefaultColumnType, Runner, default_column_validator, default_normalizer,
    default_validator,
};
use vpcflow_ingest::{Collected, Location, expand};
use vpcflow_query::{Functions, Library, Parameters, Session, Sources, Window};
use vpcflow_record::Policy;

const UPDATE_VARIABLE: &str = "UPDATE_SLT";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An error as sqllogictest wants it: `Error` and `Send`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Error(String);

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error(failure.to_string())
    }
}

struct Database {
    directory: PathBuf,
    session: Session,
}

impl Database {
    async fn open(file: &Path) -> Result<Database, Failure> {
        let directory = file.parent().ok_or("a file has a folder")?.to_owned();
        let session = session(Sources::new(Policy::Default)).await?;
        Ok(Database { directory, session })
    }

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        if let Some(path) = sql.strip_prefix("@from ") {
            let location = Location::Path(self.directory.join(path.trim()));
            let mut sources = Sources::new(Policy::Default);
            for file in expand(&location)? {
                sources.add_file(file, None)?;
            }
            self.session = session(sources).await?;
            return Ok(DBOutput::StatementComplete(0));
        }
        if let Some(statement) = sql.strip_prefix("@rows ") {
            let stream = self.session.sql(statement, Parameters::new()).await?;
            let schema = stream.schema();
            let rows = stream
                .map_err(vpcflow_query::Error::from)
                .try_collect()
                .await?;
            let mut sources = Sources::new(Policy::Default);
            let collected = Collected {
                rows,
                ..Collected::default()
            };
            sources.add_collected(schema, collected);
            self.session = session(sources).await?;
            return Ok(DBOutput::StatementComplete(0));
        }
        let (sql, parameters) = match sql.strip_prefix("@query ") {
            Some(call) => library_query(call)?,
            None => (sql.to_owned(), Parameters::new()),
        };
        let stream = self.session.sql(&sql, parameters).await?;
        let columns = stream.schema().fields().len();
        let stream = stream.map_err(vpcflow_query::Error::from);
        let batches: Vec<RecordBatch> = stream.try_collect().await?;
        let mut rows = Vec::new();
        for batch in &batches {
            rows.extend(text_rows(batch)?);
        }
        if columns == 0 {
            return Ok(DBOutput::StatementComplete(0));
        }
        Ok(DBOutput::Rows {
            types: vec![DefaultColumnType::Any; columns],
            rows,
        })
    }
}

/// A session whose functions know the files of the tests.
async fn session(sources: Sources) -> Result<Session, Failure> {
    let mut functions = Functions::new();
    functions.read_ip_ranges(Path::new("tests/slt/data/ip-ranges.json"))?;
    Ok(Session::with_functions(sources, Window::default(), &functions).await?)
}

fn library_query(call: &str) -> Result<(String, Parameters), Failure> {
    let mut words = call.split_whitespace();
    let library = Library::shipped()?;
    let query = library.find(words.next().ok_or("`@query` names a query")?)?;
    let given = words.map(|word| {
        let (key, value) = word.split_once('=').ok_or("a parameter is `key=value`")?;
        Ok::<_, Failure>((key.to_owned(), value.to_owned()))
    });
    let parameters = query.bind(&given.collect::<Result<Vec<_>, _>>()?)?;
    Ok((query.sql.to_owned(), parameters))
}

fn text_rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>, Failure> {
    let options = FormatOptions::default().with_null("NULL");
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref() as &dyn Array, &options))
        .collect::<Result<Vec<_>, _>>()?;
    (0..batch.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|column| Ok(column.value(row).try_to_string()?))
                .collect()
        })
        .collect()
}

#[async_trait]
impl AsyncDB for Database {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        Ok(self.run(sql).await?)
    }

    async fn shutdown(&mut self) {}
}

#[expect(clippy::unwrap_used, reason = "the folders of the tests are there")]
fn slt_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            slt_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

#[tokio::test]
async fn the_answers_are_those_of_the_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    slt_files(&root.join("../../queries"), &mut files);
    slt_files(&root.join("tests/slt"), &mut files);
    files.sort();
    assert!(!files.is_empty());
    let mut failures = Vec::new();
    for file in files {
        let path = Arc::new(file.clone());
        let mut runner = Runner::new(move || {
            let path = Arc::clone(&path);
            async move { Ok(Database::open(&path).await?) }
        });
        let outcome = if env::var_os(UPDATE_VARIABLE).is_some() {
            let updated = runner.update_test_file(
                &file,
                " ",
                default_validator,
                default_normalizer,
                default_column_validator,
            );
            updated.await.map_err(|error| error.to_string())
        } else {
            runner
                .run_file_async(&file)
                .await
                .map_err(|error| error.to_string())
        };
        failures.extend(outcome.err());
    }
    assert!(
        failures.is_empty(),
        "{}\n({UPDATE_VARIABLE}=1 writes the answers as they are: check them by hand)",
        failures.join("\n\n")
    );
}
