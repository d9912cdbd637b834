//! A session: the tables, and SQL over them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchema, ScalarValue, plan_err};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{DataFrame, Expr, SessionConfig, SessionContext, col, lit};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
use vpcflow_functions::Functions;

use crate::count::count;
use crate::error::{Error, SqlError, is_of_source};
use crate::limits::Limits;
use crate::networks::Networks;
use crate::once;
use crate::reach::Reach;
use crate::sources::{ReadCounts, Sources};
use crate::tables::register_tables;

/// Values for the `$name` placeholders of a statement.
pub type Parameters = HashMap<String, ScalarValue>;

/// A window of record start times, in microseconds since the Unix epoch, the
/// end not included. Records without a start are in no window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The first start time.
    pub since_us: Option<i64>,
    /// The first start time after the window.
    pub until_us: Option<i64>,
}

/// What a session is over, and what it may take.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// The records that are in `flows`.
    pub window: Window,
    /// The functions of SQL, with the files that they look addresses up in.
    pub functions: Functions,
    /// Memory, threads and disk for its queries.
    pub limits: Limits,
}

/// Answers SQL over sources of flow logs: the tables `flows`, `rejects`, `enis` and
/// `ingest_log`, and the view `flows_once`, which has flows that two interfaces saw
/// once.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use futures::TryStreamExt;
/// use vpcflow_ingest::{InputFile, Location, expand};
/// use vpcflow_query::{Parameters, Session, Sources, Window};
/// use vpcflow_record::Policy;
///
/// let mut sources = Sources::new(Policy::Default);
/// for file in expand(&"logs/*.log.gz".parse::<Location>()?)? {
///     sources.add_file(file, None)?;
/// }
/// let session = Session::new(sources, Window::default()).await?;
/// let sql = "SELECT srcaddr, count(*) FROM flows WHERE action = 'REJECT' GROUP BY 1";
/// let rows: Vec<_> = session.sql(sql, Parameters::new()).await?.try_collect().await?;
/// # Ok(())
/// # }
/// ```
pub struct Session {
    context: SessionContext,
    sources: Arc<Sources>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session over these sources, `flows` cut to the window.
    ///
    /// # Errors
    /// When a Parquet file cannot be read as one, or a column has types in two sources
    /// that do not go together.
    pub async fn new(sources: Sources, window: Window) -> Result<Session, Error> {
        let options = SessionOptions {
            window,
            ..SessionOptions::default()
        };
        Session::with_options(sources, &options).await
    }

    /// As [`Session::new`], with functions that look addresses up in files, and
    /// with limits.
    ///
    /// # Errors
    /// As [`Session::new`], and when no file can be made in the directory of
    /// [`Limits::spill_directory`].
    pub async fn with_options(
        mut sources: Sources,
        options: &SessionOptions,
    ) -> Result<Session, Error> {
        let context = new_context(&options.functions, &options.limits)?;
        sources.open_parquet(&context).await?;
        let sources = Arc::new(sources);
        register_tables(&context, &sources, options.window).await?;
        once::register(&context).await?;
        Ok(Session { context, sources })
    }

    /// Runs one statement that reads, and streams its rows. Dropping the stream
    /// ends it. Statements that would write a file, or make or drop a table, are
    /// refused.
    ///
    /// # Errors
    /// When the text cannot be planned, with the place; a failure while it runs
    /// is in the stream.
    pub async fn sql(
        &self,
        sql: &str,
        parameters: Parameters,
    ) -> Result<SendableRecordBatchStream, Error> {
        let told = |error| match is_of_source(&error) {
            true => Error::from(error),
            false => Error::from(Box::new(SqlError::new(sql, &error))),
        };
        let frame = self.plan(sql, parameters).await.map_err(told)?;
        frame.execute_stream().await.map_err(told)
    }

    async fn plan(&self, sql: &str, parameters: Parameters) -> Result<DataFrame, DataFusionError> {
        let options = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let frame = self.context.sql_with_options(sql, options).await?;
        if frame.schema().fields().is_empty() {
            return plan_err!("the statement asks for no column");
        }
        if parameters.is_empty() {
            return Ok(frame);
        }
        let parameters: Vec<(String, ScalarValue)> = parameters.into_iter().collect();
        frame.with_param_values(parameters)
    }

    /// Checks a condition on the records of `flows`.
    ///
    /// # Errors
    /// When it cannot be read, with the place in it.
    pub async fn check_condition(&self, condition: &str) -> Result<(), Error> {
        let table = self.context.table_provider("flows").await?;
        let columns = DFSchema::try_from(table.schema())?;
        parse_condition(&self.context, condition, &columns)?;
        Ok(())
    }

    /// The names of the columns of `flows`, in order.
    ///
    /// # Errors
    /// None that are known: the table is always there.
    pub async fn flows_columns(&self) -> Result<Vec<String>, Error> {
        let table = self.context.table_provider("flows").await?;
        Ok(table
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect())
    }

    /// The engine's context, for what this type does not offer.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Whether a statement has named files of its own.
    pub fn has_named_paths(&self) -> bool {
        let paths = self.sources.paths.as_ref();
        paths.is_some_and(|paths| !paths.is_empty())
    }

    /// Whether a store knows up to when a log group is complete.
    pub(crate) fn has_complete_groups(&self) -> bool {
        let snapshots = self.sources.stores.iter().map(|store| &store.snapshot);
        snapshots
            .flat_map(|snapshot| snapshot.sources())
            .any(|state| state.complete_to_ms.is_some())
    }

    /// What was read so far.
    pub fn counts(&self) -> ReadCounts {
        self.sources.counts()
    }

    /// The names of files of which every line that was read was refused.
    pub fn refused_files(&self) -> Vec<&str> {
        self.sources.refused_files()
    }

    /// How far the reading of what the queries scan has come.
    pub fn reach(&self) -> Reach {
        self.sources.reach()
    }
}

/// The engine as every statement and condition meets it: times in UTC, errors
/// with their places, functions that know networks.
///
/// # Errors
/// When no file can be made in the directory for temporary files.
pub(crate) fn new_context(functions: &Functions, limits: &Limits) -> Result<SessionContext, Error> {
    let config = SessionConfig::new().with_information_schema(true);
    let mut config = limits.configure(config);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    options.execution.time_zone = Some("UTC".to_owned());
    let context = SessionContext::new_with_config_rt(config, limits.environment()?);
    for function in functions.scalar() {
        context.register_udf(function);
    }
    context.register_udaf(count());
    context.register_udtf("networks", Arc::new(Networks(functions.clone())));
    Ok(context)
}

/// Reads a condition on rows of these columns.
pub(crate) fn parse_condition(
    context: &SessionContext,
    sql: &str,
    columns: &DFSchema,
) -> Result<Expr, Error> {
    let parsed = context.parse_sql_expr(sql, columns);
    Ok(parsed.map_err(|error| Box::new(SqlError::new(sql, &error)))?)
}

impl Window {
    /// The condition on `start`, or `None` for all of time.
    pub fn filter(&self) -> Option<Expr> {
        let time = |us: i64| {
            lit(ScalarValue::TimestampMicrosecond(
                Some(us),
                Some("UTC".into()),
            ))
        };
        let since = self.since_us.map(|us| col("start").gt_eq(time(us)));
        let until = self.until_us.map(|us| col("start").lt(time(us)));
        since.into_iter().chain(until).reduce(Expr::and)
    }
}

/// The statements of a text, each ended by `;`, as they stand in it.
///
/// # Errors
/// When the text cannot be read as SQL, with the place.
pub fn split_statements(text: &str) -> Result<Vec<String>, Error> {
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| {
        let error = DataFusionError::from(ParserError::from(error));
        Box::new(SqlError::new(text, &error))
    })?;
    let mut statements = Vec::new();
    let mut start = 0;
    // Comments and spaces alone are no statement.
    let mut blank = true;
    for token in tokens {
        match token.token {
            Token::SemiColon => {
                let end = offset_of(text, token.span.start);
                if !std::mem::replace(&mut blank, true) {
                    statements.push(text[start..end].trim().to_owned());
                }
                start = end + 1;
            }
            Token::Whitespace(_) => {}
            _ => blank = false,
        }
    }
    if !blank {
        statements.push(text[start..].trim().to_owned());
    }
    Ok(statements)
}

/// The byte offset of a place given by line and column, both from 1.
fn offset_of(text: &str, place: Location) -> usize {
    let index = |number: u64| {
        usize::try_from(number)
            .unwrap_or(usize::MAX)
            .saturating_sub(1)
    };
    let lines = text.split_inclusive('\n');
    let before: usize = lines.clone().take(index(place.line)).map(str::len).sum();
    let line = lines.clone().nth(index(place.line)).unwrap_or_default();
    let within: usize = line
        .chars()
        .take(index(place.column))
        .map(char::len_utf8)
        .sum();
    before + within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_split_at_semicolons_outside_of_texts() {
        let text = "SELECT ';é' -- one; two\n  AS x; ;\n/* ; */ SELECT 2;\n-- the end\n";
        let statements = split_statements(text).unwrap();
        assert_eq!(
            statements,
            ["SELECT ';é' -- one; two\n  AS x", "/* ; */ SELECT 2"]
        );
        assert_eq!(split_statements("SELECT 1").unwrap(), ["SELECT 1"]);
        assert!(split_statements(" -- nothing\n;").unwrap().is_empty());
        let error = split_statements("SELECT 'open").unwrap_err();
        assert!(
            error.to_string().contains("Unterminated string literal"),
            "{error}"
        );
    }
}
