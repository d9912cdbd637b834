//! The statement behind rankings.

use std::collections::HashMap;
use std::fmt::Write;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::logical_expr::AggregateUDF;
use futures::TryStreamExt;

use super::choose::{Chooser, Layout};
use super::key::Key;
use super::tally::{NAME, Tally, Wishes};
use super::{Compared, Top};
use crate::error::Error;
use crate::session::{Parameters, Session};

/// Keys that a statement takes: as many as the number that tells rankings apart has
/// bits.
const MAX_KEYS: usize = 31;

/// Whether the packets of a record went from the client to the server. The server is
/// at the port that `server_port` finds. Where ports tell nothing, being the same or
/// none, the end whose address sorts first stands as the client.
pub(super) const IS_REQUEST: &str = "\
CASE WHEN srcport <> dstport THEN dstport = server_port(srcport, dstport) \
ELSE srcaddr <= dstaddr END";

/// What there is beside the records' own columns where directions are merged.
const ENDS: [(&str, &str, DataType); 4] = [
    (
        "client",
        "CASE WHEN is_request THEN srcaddr ELSE dstaddr END",
        DataType::Utf8View,
    ),
    (
        "client_port",
        "CASE WHEN is_request THEN srcport ELSE dstport END",
        DataType::Int32,
    ),
    (
        "server",
        "CASE WHEN is_request THEN dstaddr ELSE srcaddr END",
        DataType::Utf8View,
    ),
    (
        "server_port",
        "CASE WHEN is_request THEN dstport ELSE srcport END",
        DataType::Int32,
    ),
];

/// Records that tell of gaps rather than of traffic.
const GAPS: &str = "log_status IN ('NODATA', 'SKIPDATA')";

/// A statement, and where its columns are.
#[derive(Debug)]
pub(super) struct Statement {
    sql: String,
    layout: Layout,
    counts_gaps: bool,
}

impl Statement {
    pub(super) async fn new(top: &Top, session: &Session) -> Result<Statement, Error> {
        let records = session.flows_schema().await?;
        let columns = with_ends(&records, top.bidirectional);
        let keys = distinct_keys(top)?;
        let expressions = keys
            .iter()
            .map(|key| key.sql(&columns))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(condition) = &top.condition {
            // Told with its own place, rather than that in the whole statement.
            session.check_condition(condition).await?;
        }
        let mut wishes = Wishes {
            since_us: top.compare.map(|compare| compare.now_us),
            directions: top.bidirectional,
            ..Wishes::default()
        };
        for stat in &top.stats {
            wishes.trends[stat.by.index()] = top.trends;
        }
        let function = AggregateUDF::from(Tally::new(wishes));
        session.context().register_udaf(function);
        let layout = Layout::new(top, &keys, wishes);
        // A condition on files of columns leaves whole parts of them out, which it
        // would not with the gaps beside it; of text every line is read anyhow.
        let counts_gaps = top.condition.is_none() || session.has_text();
        Ok(Statement {
            sql: sql(top, &expressions, &layout, counts_gaps),
            layout,
            counts_gaps,
        })
    }

    /// Whether its answer counts the records of gaps as well.
    pub(super) fn counts_gaps(&self) -> bool {
        self.counts_gaps
    }

    pub(super) async fn run(&self, session: &Session) -> Result<Chooser<'_>, Error> {
        let mut groups = session.sql(&self.sql, Parameters::new()).await?;
        let mut chooser = Chooser::new(&self.layout);
        while let Some(batch) = groups.try_next().await? {
            chooser.take(&batch)?;
        }
        Ok(chooser)
    }
}

/// The columns of records, and those of the ends of a conversation.
pub(super) fn with_ends(records: &Schema, bidirectional: bool) -> Schema {
    let fields = records.fields().iter();
    let mut columns: Vec<Field> = fields.map(|field| (**field).clone()).collect();
    if bidirectional {
        for (name, _, data_type) in ENDS {
            columns.retain(|field| field.name() != name);
            columns.push(Field::new(name, data_type, true));
        }
    }
    Schema::new(columns)
}

/// A key in SQL over the records' own columns.
pub(super) fn key_sql(key: &Key, columns: &Schema, bidirectional: bool) -> Result<String, Error> {
    let mut sql = key.sql(columns)?;
    if bidirectional {
        for (name, end, _) in ENDS {
            let end = end.replace("is_request", &format!("({IS_REQUEST})"));
            sql = sql.replace(&format!("\"{name}\""), &format!("({end})"));
        }
    }
    Ok(sql)
}

/// The keys of all rankings, each once.
fn distinct_keys(top: &Top) -> Result<Vec<Key>, Error> {
    let mut keys: Vec<Key> = Vec::new();
    for key in top.stats.iter().flat_map(|stat| &stat.keys) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    if keys.len() > MAX_KEYS {
        let message = format!(
            "rankings of {} keys were asked together, and {MAX_KEYS} is the most",
            keys.len()
        );
        return Err(Error::Parameter(message));
    }
    Ok(keys)
}

fn sql(top: &Top, keys: &[String], layout: &Layout, counts_gaps: bool) -> String {
    let mut conditions = Vec::new();
    if let Some(condition) = &top.condition {
        // On lines of its own, so that a comment in it ends there.
        conditions.push(match counts_gaps {
            true => format!("((\n{condition}\n) OR {GAPS})"),
            false => format!("(\n{condition}\n)"),
        });
    }
    conditions.extend(top.compare.and_then(gap_left_out));
    let mut source = if top.once { "flows_once" } else { "flows" }.to_owned();
    if !conditions.is_empty() {
        source = format!(
            "(SELECT * FROM {source} WHERE {})",
            conditions.join(" AND ")
        );
    }
    let mut arguments = "start, \"end\", packets, bytes, log_status".to_owned();
    if top.bidirectional {
        let ends: Vec<String> = ENDS
            .iter()
            .map(|(name, sql, _)| format!("{sql} AS {name}"))
            .collect();
        source = format!(
            "(SELECT *, {} FROM (SELECT *, {IS_REQUEST} AS is_request FROM {source}))",
            ends.join(", ")
        );
        arguments.push_str(", is_request");
    }
    let mut named = String::new();
    let mut names = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(named, "{key} AS k{index}, ");
        names.push(format!("k{index}"));
    }
    let names = names.join(", ");
    let (set, grouping) = match layout.sets() {
        [_] => (String::new(), names.clone()),
        sets => {
            let sets = sets.iter().map(|set| {
                let keys = (0..keys.len()).filter(|index| set.has(*index));
                let keys: Vec<_> = keys.map(|index| format!("k{index}")).collect();
                format!("({})", keys.join(", "))
            });
            let sets: Vec<_> = sets.collect();
            (
                format!(", grouping({names}) AS left_out"),
                format!("GROUPING SETS ({})", sets.join(", ")),
            )
        }
    };
    format!(
        "SELECT {names}, {NAME}({arguments}) AS tally{set} \
         FROM (SELECT {named}{arguments} FROM {source}) GROUP BY {grouping}"
    )
}

/// What leaves out the records between the two periods, if there is time between.
fn gap_left_out(compare: Compared) -> Option<String> {
    let Compared {
        until_us, now_us, ..
    } = compare;
    (until_us < now_us).then(|| {
        format!(
            "(start < {} OR start >= {})",
            time_sql(until_us),
            time_sql(now_us)
        )
    })
}

/// A time in SQL, of microseconds since 1970.
fn time_sql(us: i64) -> String {
    format!("arrow_cast({us}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
}

/// Counts the records of gaps: those without data, and those of skipped data.
pub(super) async fn gaps(
    session: &Session,
    compare: Option<Compared>,
) -> Result<(u64, u64), Error> {
    let since = match compare {
        Some(compare) => format!(" AND start >= {}", time_sql(compare.now_us)),
        None => String::new(),
    };
    let sql = format!("SELECT log_status, count(*) FROM flows WHERE {GAPS}{since} GROUP BY 1");
    let rows = session.sql(&sql, Parameters::new()).await?;
    let batches: Vec<_> = rows.try_collect().await?;
    let mut counts: HashMap<String, u64> = HashMap::new();
    for batch in &batches {
        let statuses = datafusion::arrow::compute::cast(batch.column(0), &DataType::Utf8View)?;
        let numbers = batch.column(1).as_primitive::<Int64Type>();
        for (status, count) in statuses.as_string_view().iter().zip(numbers.values()) {
            let count = u64::try_from(*count).unwrap_or_default();
            *counts
                .entry(status.unwrap_or_default().to_owned())
                .or_default() += count;
        }
    }
    let count = |status: &str| counts.get(status).copied().unwrap_or(0);
    Ok((count("NODATA"), count("SKIPDATA")))
}

/// A grouping set: which keys it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set(Vec<bool>);

impl Set {
    pub(super) fn new(keys: &[Key], of: &[Key]) -> Set {
        Set(keys.iter().map(|key| of.contains(key)).collect())
    }

    fn has(&self, key: usize) -> bool {
        self.0[key]
    }

    /// What `grouping` says of it: a bit for each key that it has not, the first key
    /// the highest.
    pub(super) fn left_out(&self) -> i64 {
        self.0
            .iter()
            .fold(0, |bits, has| bits << 1 | i64::from(!*has))
    }
}
