//! A session: the tables, and SQL over them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::{DataFrame, Expr, SessionConfig, SessionContext, col, lit};

use crate::error::{Error, SqlError};
use crate::sources::{ReadCounts, Sources};
use crate::table::{Kind, SourceTable};

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

/// Answers SQL over sources of flow logs: the tables `flows` and `rejects`.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use futures::TryStreamExt;
/// use vpcflow_ingest::{InputFile, Location, expand};
/// use vpcflow_query::{Parameters, Session, Sources, Window};
///
/// let mut sources = Sources::new();
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
    /// None that are known: the tables are new.
    pub async fn new(sources: Sources, window: Window) -> Result<Session, Error> {
        let mut config = SessionConfig::new().with_information_schema(true);
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        options.execution.time_zone = Some("UTC".to_owned());
        let context = SessionContext::new_with_config(config);
        let sources = Arc::new(sources);
        let table = |kind| Arc::new(SourceTable::new(kind, Arc::clone(&sources)));
        match window.filter() {
            None => {
                context.register_table("flows", table(Kind::Flows))?;
            }
            Some(filter) => {
                let frame = context.read_table(table(Kind::Flows))?.filter(filter)?;
                context.register_table("flows", frame.into_view())?;
            }
        }
        context.register_table("rejects", table(Kind::Rejects))?;
        Ok(Session { context, sources })
    }

    /// Runs one statement and streams its rows. Dropping the stream ends it.
    ///
    /// # Errors
    /// When the text cannot be planned, with the place; a failure while it runs
    /// is in the stream.
    pub async fn sql(
        &self,
        sql: &str,
        parameters: Parameters,
    ) -> Result<SendableRecordBatchStream, Error> {
        let frame = self.plan(sql, parameters).await;
        let frame = frame.map_err(|error| Box::new(SqlError::new(sql, &error)))?;
        Ok(frame.execute_stream().await?)
    }

    async fn plan(&self, sql: &str, parameters: Parameters) -> Result<DataFrame, DataFusionError> {
        let frame = self.context.sql(sql).await?;
        if parameters.is_empty() {
            return Ok(frame);
        }
        let parameters: Vec<(String, ScalarValue)> = parameters.into_iter().collect();
        frame.with_param_values(parameters)
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

    /// What was read so far.
    pub fn counts(&self) -> ReadCounts {
        self.sources.counts()
    }
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
