//! A session: the tables, and SQL over them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{DFSchema, ScalarValue, plan_err};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{DataFrame, Expr, SessionConfig, SessionContext, col, lit};
use vpcflow_functions::Functions;
use vpcflow_ingest::Times;

use crate::count::count;
use crate::error::{Error, SqlError, is_of_source};
use crate::groups::GroupsOfNumbers;
use crate::joins::FewGroupsForAll;
use crate::keys::NumberedKeys;
use crate::limits::Limits;
use crate::narrow::NarrowFirst;
use crate::networks::Networks;
use crate::once;
use crate::reach::Reach;
use crate::sources::{ReadCounts, Sources};
use crate::store::OrderForSorts;
use crate::tables::register_tables;
use crate::totals::TotalsBesideRanking;
use crate::utc::date_trunc;

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

    /// The columns of `flows`.
    ///
    /// # Errors
    /// None that are known: the table is always there.
    pub(crate) async fn flows_schema(&self) -> Result<SchemaRef, Error> {
        Ok(self.context.table_provider("flows").await?.schema())
    }

    /// Whether there is text to read, or rows decoded from it.
    pub(crate) fn has_text(&self) -> bool {
        self.sources.has_text()
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

    /// Counts what is read anew from here on, as for the next of several statements.
    pub fn forget_counts(&self) {
        self.sources.forget_counts();
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
    let environment = limits.environment()?;
    let pool = Arc::clone(&environment.memory_pool);
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = vec![
        Arc::new(OrderForSorts),
        Arc::new(NumberedKeys { pool }),
        Arc::new(FewGroupsForAll),
        Arc::new(TotalsBesideRanking),
    ];
    rules.extend(PhysicalOptimizer::default().rules);
    rules.push(Arc::new(NarrowFirst));
    rules.push(Arc::new(GroupsOfNumbers));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(environment)
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    let context = SessionContext::new_with_state(state);
    for function in functions.scalar() {
        context.register_udf(function);
    }
    context.register_udf(date_trunc());
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
    /// The same in milliseconds, none of it left out.
    pub(crate) fn times(self) -> Times {
        Times {
            since_ms: self.since_us.map(|us| us.div_euclid(1_000)),
            until_ms: self
                .until_us
                .map(|us| us.div_euclid(1_000).saturating_add(1)),
        }
    }

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
