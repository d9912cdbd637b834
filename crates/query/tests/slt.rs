//! Runs the `.slt` files of `queries/` and of `tests/slt` with sqllogictest.
//!
//! Beside SQL, a file may say
//!
//! * `@from FILE`: the tables stand on this file, named from the `.slt` file;
//! * `@store`: and on a new store, which `@append FILE`, `@commit` and `@compact`
//!   change;
//! * `@rows SQL`: they stand on the rows of this statement from now on;
//! * `@query NAME [key=value]…`: a query of the library.
//!
//! Columns are compared as text, as the engine prints them. `UPDATE_SLT=1` writes
//! the answers as they are now.

mod support;

use std::env;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use sqllogictest::{
    AsyncDB, DBOutput, DefaultColumnType, Runner, default_column_validator, default_normalizer,
    default_validator,
};
use support::{Failure, answer, append_file, files, new_store};
use vpcflow_ingest::Collected;
use vpcflow_query::{Functions, Library, Limits, Parameters, Session, SessionOptions, Sources};
use vpcflow_record::Policy;
use vpcflow_store::Store;

const UPDATE_VARIABLE: &str = "UPDATE_SLT";

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
    files: Vec<PathBuf>,
    store: Option<Store>,
    session: Session,
}

impl Database {
    async fn open(file: &Path) -> Result<Database, Failure> {
        let directory = file.parent().ok_or("a file has a folder")?.to_owned();
        let session = session(Sources::new(Policy::Default)).await?;
        Ok(Database {
            directory,
            files: Vec::new(),
            store: None,
            session,
        })
    }

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
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
        if let Some(directive) = sql.strip_prefix('@')
            && !directive.starts_with("query ")
        {
            self.arrange(directive).await?;
            return Ok(DBOutput::StatementComplete(0));
        }
        let (sql, parameters) = match sql.strip_prefix("@query ") {
            Some(call) => library_query(call)?,
            None => (sql.to_owned(), Parameters::new()),
        };
        let (columns, mut rows) = answer(&self.session, &sql, parameters).await?;
        if columns == 0 {
            return Ok(DBOutput::StatementComplete(0));
        }
        if sql.starts_with("EXPLAIN ") {
            rows = physical_plan(&rows);
        }
        let columns = rows.first().map_or(columns, Vec::len);
        Ok(DBOutput::Rows {
            types: vec![DefaultColumnType::Any; columns],
            rows,
        })
    }

    /// Does what the tables stand on.
    async fn arrange(&mut self, directive: &str) -> Result<(), Failure> {
        let (directive, path) = directive.split_once(' ').unwrap_or((directive, ""));
        let path = self.directory.join(path.trim());
        match (directive, &mut self.store) {
            ("from", _) => self.files = vec![path],
            ("store", _) => {
                self.files.clear();
                self.store = Some(new_store().await?);
            }
            ("append", Some(store)) => {
                for file in files(&path)? {
                    append_file(store, &file).await?;
                }
            }
            ("commit", Some(store)) => {
                store.commit().await?.ok_or("there is nothing to commit")?;
            }
            ("compact", Some(store)) => {
                store.compact().await?;
            }
            _ => return Err(format!("`@{directive}` makes no sense here").into()),
        }
        let mut sources = Sources::new(Policy::Default);
        for file in &self.files {
            for file in files(file)? {
                sources.add_file(file, None)?;
            }
        }
        if let Some(store) = &self.store {
            sources.add_store(store.snapshot())?;
        }
        self.session = session(sources).await?;
        Ok(())
    }
}

/// A session whose functions know the files of the tests.
async fn session(sources: Sources) -> Result<Session, Failure> {
    let mut functions = Functions::new();
    functions.read_ip_ranges(Path::new("tests/slt/data/ip-ranges.json"))?;
    let options = SessionOptions {
        functions,
        limits: Limits {
            // Plans are the same on every machine.
            threads: NonZero::new(2).ok_or("no thread")?,
            ..Limits::default()
        },
        ..SessionOptions::default()
    };
    Ok(Session::with_options(sources, &options).await?)
}

/// The steps of a plan, a row each, with a dash for every step that they are
/// below.
fn physical_plan(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let plans = rows.iter().filter(|row| row[0] == "physical_plan");
    let lines = plans.flat_map(|row| row[1].lines());
    let steps = lines.map(|line| {
        let step = line.trim_start();
        let depth = (line.len() - step.len()) / 2;
        vec![format!("{}{step}", "-".repeat(depth))]
    });
    steps.collect()
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
