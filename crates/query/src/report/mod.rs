//! A report: one page of HTML about the traffic, to send to a colleague.
//!
//! * `statements` are what is asked, as the page shows them: [`answer_together`] asks
//!   them by one scan.
//! * `rows`, `timeline`, `ranking`, `matrix` and `completeness` are the answers.
//! * `html` is text that is safe to open, `page` and `chart` write the page with it,
//!   and `figures` are numbers as people read them.

mod chart;
mod completeness;
mod figures;
mod html;
mod matrix;
mod page;
mod ranking;
mod rows;
mod statements;
mod timeline;

use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt;

use self::completeness::Completeness;
use self::matrix::Matrix;
use self::ranking::Ranking;
use self::rows::Rows;
use self::statements::Scope;
use self::timeline::Timeline;
use crate::error::Error;
use crate::session::{Parameters, Session, Window};
use crate::shared::answer_together;
use crate::top::Measure;

/// What a report is about, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportOptions {
    /// Its headline.
    pub title: String,
    /// What was read, in the user's words.
    pub sources: Vec<String>,
    /// The window of the session, which the statements of the page repeat.
    pub window: Window,
    /// A condition in SQL on the records of traffic.
    pub condition: Option<String>,
    /// What rankings are by, except those of rejected traffic, which are by flows.
    pub by: Measure,
    /// Rows of a ranking at most.
    pub limit: usize,
    /// Length of the IPv4 networks of the matrix, from 1 to 32, which means addresses;
    /// IPv6 networks have 64 bits.
    pub network_bits: u8,
    /// When it is made, in microseconds since the Unix epoch.
    pub made_us: i64,
}

/// A report with its figures.
///
/// Everything is exact, and the answer to a statement that the page shows. NODATA and
/// SKIPDATA records describe no traffic: they are in the part about completeness, which
/// the condition does not touch, and in no other.
#[derive(Debug)]
pub struct Report {
    options: ReportOptions,
    figures: Rows,
    figures_sql: String,
    completeness: Completeness,
    /// Charts, or why there is none.
    timeline: Chart<Timeline>,
    timeline_sql: String,
    rankings: Vec<(&'static ranking::Spec, Chart<Ranking>)>,
    matrix: Chart<Matrix>,
}

/// A chart, or a sentence that says why it is left out.
type Chart<T> = Result<T, String>;

impl Report {
    /// Asks a session all that a report tells.
    ///
    /// The sources are read once, and once more for the part about completeness if
    /// there is a condition; lines that were refused are asked for apart if there were
    /// any. Where the limit of memory does not hold the groups of all statements, they
    /// are asked one after the other.
    ///
    /// # Errors
    /// When the condition cannot be read, with its place, and when reading or a
    /// statement fails.
    pub async fn new(session: &Session, options: ReportOptions) -> Result<Report, Error> {
        if let Some(condition) = &options.condition {
            // Told with its own place, rather than that in a statement.
            session.check_condition(condition).await?;
        }
        let scope = Scope::new(
            options.window,
            options.condition.as_deref(),
            options.by,
            options.limit,
        );
        let size = matrix::size(options.limit);
        let health = [scope.statuses(), scope.interfaces(), scope.gaps()];
        let figures_sql = scope.figures();
        let matrix_sql = scope.matrix(options.network_bits, size);
        let rankings_sql = ranking::ALL.map(|spec| scope.ranking(spec));
        let base = scope.timeline(timeline::BASE);
        let mut traffic = vec![&figures_sql, &base, &matrix_sql];
        traffic.extend(&rankings_sql);

        let mut answers = Vec::new();
        if options.condition.is_none() {
            let all: Vec<&String> = health.iter().chain(traffic).collect();
            answers.extend(answers_to(session, &all).await?);
        } else {
            // Together they would read all columns of the records that the condition
            // leaves out.
            let health: Vec<&String> = health.iter().collect();
            answers.extend(answers_to(session, &health).await?);
            answers.extend(answers_to(session, &traffic).await?);
        }
        let answers = answers.iter().map(|batches| Rows::new(batches));
        let mut answers = answers.collect::<Result<Vec<_>, _>>()?.into_iter();
        let mut next = || answers.next().unwrap_or_else(Rows::none);

        let [statuses, interfaces, gaps] = health;
        let mut completeness =
            Completeness::new((statuses, &next()), (interfaces, &next()), (gaps, &next()))?;
        if session.counts().rejects > 0 {
            let rows = ask(session, statements::REJECTS).await?;
            let lines = rows
                .numbers("lines")?
                .into_iter()
                .map(Option::unwrap_or_default);
            completeness.rejects = rows.texts("reason")?.into_iter().zip(lines).collect();
        }
        if session.has_complete_groups() {
            let rows = ask(session, statements::COMPLETE_TO).await?;
            let times = rows.numbers("complete_to")?;
            completeness.complete_to = rows.texts("source")?.into_iter().zip(times).collect();
        }

        let (figures, timeline, matrix) = (next(), next(), next());
        let missing = |needs: &[&str], of_rejected: bool| missing(&figures, needs, of_rejected);
        let timeline_of = match missing(&["start"], false)? {
            None => Ok(Timeline::new(&timeline)?),
            Some(note) => Err(note),
        };
        let matrix_of = match missing(&["srcaddr", "dstaddr"], false)? {
            None => Ok(Matrix::new(matrix_sql, options.by, size, &matrix)?),
            Some(note) => Err(note),
        };
        let mut rankings = Vec::new();
        for (spec, sql) in ranking::ALL.into_iter().zip(rankings_sql) {
            let rows = next();
            let chart = match missing(spec.needs, spec.of_rejected)? {
                None => {
                    let by = options.by.name();
                    Ok(Ranking::new(spec, sql, by, &rows, &figures)?)
                }
                Some(note) => Err(note),
            };
            rankings.push((spec, chart));
        }
        let interval = timeline_of.as_ref().map_or(timeline::BASE, |t| &t.interval);
        Ok(Report {
            figures_sql,
            completeness,
            timeline_sql: scope.timeline(interval),
            timeline: timeline_of,
            rankings,
            matrix: matrix_of,
            figures,
            options,
        })
    }

    /// The page: one text of HTML that needs no other file, runs no script and asks
    /// nothing of a network. The same report gives the same text.
    ///
    /// # Errors
    /// None that are known: the figures are numbers.
    pub fn to_html(&self) -> Result<String, Error> {
        page::page(self)
    }
}

/// Why a chart is left out: the data has none of a field that it needs, or nothing was
/// rejected.
fn missing(figures: &Rows, needs: &[&str], of_rejected: bool) -> Result<Option<String>, Error> {
    if figures.number("flows")?.unwrap_or_default() == 0 {
        return Ok(Some("There are no records of traffic.".to_owned()));
    }
    for field in needs {
        let with = figures.number(&format!("with_{field}"))?;
        if with.unwrap_or_default() == 0 {
            return Ok(Some(format!(
                "Left out: no record has a value for {}.",
                field.replace('_', "-")
            )));
        }
    }
    let rejected = figures.number("rejected")?.unwrap_or_default();
    if of_rejected && rejected == 0 {
        return Ok(Some("No record was rejected.".to_owned()));
    }
    Ok(None)
}

/// The answers by one scan; one after the other where the limit of memory does not hold
/// the groups of all at the same time.
async fn answers_to(
    session: &Session,
    statements: &[&String],
) -> Result<Vec<Vec<RecordBatch>>, Error> {
    match answer_together(session.context(), statements).await {
        Err(error) if error.is_short_of_memory() => {
            let mut answers = Vec::with_capacity(statements.len());
            for sql in statements {
                answers.push(answer(session, sql).await?);
            }
            Ok(answers)
        }
        answered => answered,
    }
}

async fn answer(session: &Session, sql: &str) -> Result<Vec<RecordBatch>, Error> {
    let rows = session.sql(sql, Parameters::new()).await?;
    Ok(rows.try_collect().await?)
}

async fn ask(session: &Session, sql: &str) -> Result<Rows, Error> {
    Rows::new(&answer(session, sql).await?)
}
