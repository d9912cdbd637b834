//! Rankings are what plain statements over the same records say, whatever is asked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write;
use std::io::Write as _;
use std::num::NonZero;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vpcflow_ingest::{Location, expand};
use vpcflow_query::{
    Compared, Limits, Line, Measure, Parameters, Ranked, Ranking, Session, SessionOptions, Sources,
    Stat, Top,
};
use vpcflow_record::Policy;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// 2026-11-22T00:00:00Z.
const START_S: i64 = 1_795_305_600;

/// A record of version 2, of few values, so that there are ties.
fn line() -> impl Strategy<Value = String> {
    let address = prop_oneof![
        4 => (0..3_u8, 0..3_u8).prop_map(|(c, d)| format!("10.0.{c}.{d}")),
        1 => (0..3_u8).prop_map(|d| format!("2001:db8:0:{d}::1")),
        1 => Just("-".to_owned()),
    ];
    let port = prop_oneof![Just(443), Just(53), Just(50_000), Just(40_000), Just(0)];
    let protocol = prop_oneof![4 => Just(6), 1 => Just(17), 1 => Just(1)];
    let amount =
        prop_oneof![6 => (0..50_u64).prop_map(|n| n.to_string()), 1 => Just("-".to_owned())];
    let status = prop_oneof![8 => Just("OK"), 1 => Just("NODATA"), 1 => Just("SKIPDATA")];
    (
        (address.clone(), address, port.clone(), port, protocol),
        (amount.clone(), amount, 0..4_000_i64, 0..120_i64, any::<bool>(), status),
    )
        .prop_map(|((from, to, source, target, protocol), rest)| {
            let (packets, bytes, after, lasts, is_accepted, status) = rest;
            let (start, action) = (START_S + after, if is_accepted { "ACCEPT" } else { "REJECT" });
            let end = start + lasts;
            format!(
                "2 1 eni-1 {from} {to} {source} {target} {protocol} {packets} {bytes} {start} {end} \
                 {action} {status}"
            )
        })
}

/// A ranking, the SQL of its keys, and the names of their columns.
type Asked = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const RANKINGS: [Asked; 6] = [
    ("srcaddr", &["srcaddr"], &["srcaddr"]),
    ("dstport", &["dstport"], &["dstport"]),
    (
        "srcaddr/24,protocol",
        &["ip_prefix(srcaddr, 24, 64)", "protocol"],
        &["srcaddr_24", "protocol"],
    ),
    (
        "srcaddr/64",
        &["ip_prefix(srcaddr, 32, 64)"],
        &["srcaddr_64"],
    ),
    (
        "dstaddr,srcaddr,action",
        &["dstaddr", "srcaddr", "action"],
        &["dstaddr", "srcaddr", "action"],
    ),
    ("log-status", &["log_status"], &["log_status"]),
];

/// Of the conversations, as the query `conversations` tells their ends apart, where
/// ports do.
const ENDS: Asked = (
    "client,server,server_port",
    &[
        "CASE WHEN is_request THEN srcaddr ELSE dstaddr END",
        "CASE WHEN is_request THEN dstaddr ELSE srcaddr END",
        "CASE WHEN is_request THEN dstport ELSE srcport END",
    ],
    &["client", "server", "server_port"],
);

const IS_REQUEST: &str = "CASE WHEN srcport = dstport OR srcport IS NULL OR dstport IS NULL \
    THEN srcaddr <= dstaddr ELSE dstport = server_port(srcport, dstport) END";

const CONDITIONS: [&str; 3] = ["action = 'REJECT'", "bytes > 10", "dstport = 443 -- or not"];

struct Data {
    session: Session,
    _directory: TempDir,
}

async fn data(lines: &[String], limits: Limits) -> Result<Data, Failure> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("flows.log");
    let mut file = std::fs::File::create(&path)?;
    for line in lines {
        writeln!(file, "{line}")?;
    }
    let mut sources = Sources::new(Policy::Default);
    for file in expand(&Location::Path(path))? {
        sources.add_file(file, None)?;
    }
    let options = SessionOptions {
        limits,
        ..SessionOptions::default()
    };
    Ok(Data {
        session: Session::with_options(sources, &options).await?,
        _directory: directory,
    })
}

/// The rows of a statement as text.
async fn ask(session: &Session, sql: &str) -> Result<Vec<String>, Failure> {
    let rows = session.sql(sql, Parameters::new()).await?;
    let batches: Vec<RecordBatch> = rows.try_collect().await?;
    Ok(batches.iter().flat_map(texts).collect())
}

fn texts(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("-");
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect::<Vec<_>>();
    let cell = |row: usize| {
        columns
            .iter()
            .map(move |column| column.value(row).to_string())
    };
    (0..batch.num_rows())
        .map(|row| cell(row).collect::<Vec<_>>().join(" "))
        .collect()
}

/// What is asked of the records.
#[derive(Debug, Clone)]
struct Question {
    rankings: Vec<(usize, Measure)>,
    limit: usize,
    condition: Option<&'static str>,
    bidirectional: bool,
    compare: bool,
}

fn question() -> impl Strategy<Value = Question> {
    let measure = prop_oneof![
        Just(Measure::Bytes),
        Just(Measure::Packets),
        Just(Measure::Flows)
    ];
    (
        proptest::collection::vec((0..RANKINGS.len(), measure), 1..4),
        1..8_usize,
        proptest::option::of(proptest::sample::select(&CONDITIONS[..])),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(rankings, limit, condition, bidirectional, compare)| Question {
                rankings,
                limit,
                condition,
                bidirectional,
                compare,
            },
        )
}

/// The period before, and the one that is ranked: seconds 2000 to 4000 against 0 to 1000.
const COMPARED: Compared = Compared {
    since_us: START_S * 1_000_000,
    until_us: (START_S + 1_000) * 1_000_000,
    now_us: (START_S + 2_000) * 1_000_000,
};

/// A time in SQL.
fn time(us: i64) -> String {
    format!("arrow_cast({us}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
}

impl Question {
    fn asked(&self, index: usize) -> Asked {
        match self.bidirectional {
            true => ENDS,
            false => RANKINGS[index],
        }
    }

    fn top(&self) -> Top {
        let stats = self.rankings.iter().map(|(index, by)| {
            let (name, ..) = self.asked(*index);
            Stat::parse(name, *by).unwrap()
        });
        Top {
            stats: stats.collect(),
            limit: self.limit,
            condition: self.condition.map(str::to_owned),
            bidirectional: self.bidirectional,
            once: false,
            compare: self.compare.then_some(COMPARED),
            trends: true,
        }
    }

    /// The records that count, in SQL.
    fn source(&self, before: bool) -> String {
        let mut source = format!(
            "(SELECT *, {IS_REQUEST} AS is_request FROM flows \
             WHERE coalesce(log_status, '') NOT IN ('NODATA', 'SKIPDATA')"
        );
        if let Some(condition) = self.condition {
            let _ = write!(source, " AND (\n{condition}\n)");
        }
        if before {
            let (since, until) = (time(COMPARED.since_us), time(COMPARED.until_us));
            let _ = write!(source, " AND start >= {since} AND start < {until}");
        } else if self.compare {
            let _ = write!(source, " AND start >= {}", time(COMPARED.now_us));
        }
        source + ")"
    }

    /// A ranking by a statement of its own, with the columns of [`Ranked::rows`].
    fn sql(&self, index: usize, by: Measure) -> String {
        let (_, keys, _) = self.asked(index);
        let named = keys.iter().enumerate();
        let named: Vec<_> = named.map(|(n, key)| format!("{key} AS k{n}")).collect();
        let names: Vec<_> = (0..keys.len()).map(|n| format!("k{n}")).collect();
        let same: Vec<_> = names
            .iter()
            .map(|name| format!("(now.{name} IS NOT DISTINCT FROM before.{name})"))
            .collect();
        let (named, names, same) = (named.join(", "), names.join(", "), same.join(" AND "));
        let sums = |source: String| {
            format!(
                "SELECT {names}, count(*) AS flows, sum(packets) AS packets, sum(bytes) AS bytes, \
                 coalesce(sum(bytes) FILTER (WHERE is_request), 0) AS up, \
                 min(start) AS first_seen, max(\"end\") AS last_seen \
                 FROM (SELECT *, {named} FROM {source}) GROUP BY {names}"
            )
        };
        let names = names.split(", ").map(|name| format!("now.{name}"));
        let names = names.collect::<Vec<_>>().join(", ");
        let order = format!("now.{by} DESC NULLS LAST, {names}");
        let seconds =
            "greatest(date_part('epoch', now.last_seen) - date_part('epoch', now.first_seen), 1)";
        let mut columns = format!(
            "{names}, now.flows, now.packets, now.bytes, \
             round(100.0 * now.{by} / nullif(sum(now.{by}) OVER (), 0), 1), \
             round(100.0 * coalesce(sum(now.{by}) OVER (ORDER BY {order} \
                 ROWS UNBOUNDED PRECEDING), 0) / nullif(sum(now.{by}) OVER (), 0), 1), \
             round(8 * now.bytes / {seconds}, 1), round(now.packets / {seconds}, 1), \
             now.first_seen, now.last_seen"
        );
        if self.bidirectional {
            columns += ", now.up, coalesce(now.bytes, 0) - now.up";
        }
        let mut source = format!("({}) AS now", sums(self.source(false)));
        if self.compare {
            let _ = write!(
                columns,
                ", coalesce(before.{by}, 0), round(100.0 * (coalesce(now.{by}, 0) \
                - before.{by}) / nullif(before.{by}, 0), 1)"
            );
            let _ = write!(
                source,
                " LEFT JOIN ({}) AS before ON {same}",
                sums(self.source(true))
            );
        }
        format!(
            "SELECT {columns} FROM {source} ORDER BY {order} LIMIT {}",
            self.limit
        )
    }
}

/// The columns of one ranking's rows: of its keys, and all but its rank.
fn rows(ranked: &Ranked, ranking: &Ranking, names: &[&str]) -> (Vec<String>, Vec<String>) {
    let one = Ranked {
        rankings: vec![ranking.clone()],
        ..ranked.clone()
    };
    let rows = one.rows().unwrap();
    let schema = rows.schema();
    let own = schema.fields().iter().map(|field| field.name().as_str());
    let own: Vec<&str> = own.collect();
    assert_eq!(own[0], "rank");
    assert_eq!(&own[1..=names.len()], names);
    let columns = |last: usize| {
        let columns: Vec<usize> = (1..last).collect();
        texts(&rows.project(&columns).unwrap())
    };
    (columns(names.len() + 1), columns(own.len()))
}

async fn check(data: &Data, question: &Question) -> Result<(), Failure> {
    let session = &data.session;
    let ranked = question.top().rank(session).await?;
    let source = question.source(false);
    for (ranking, (index, by)) in ranked.rankings.iter().zip(&question.rankings) {
        let (_, keys, names) = question.asked(*index);
        let sql = question.sql(*index, *by);
        let (own_keys, own) = rows(&ranked, ranking, names);
        assert_eq!(own, ask(session, &sql).await?, "{sql}");

        let keys = keys.join(", ");
        let groups = format!("SELECT count(*) FROM (SELECT DISTINCT {keys} FROM {source})");
        assert_eq!(ask(session, &groups).await?, [ranking.groups.to_string()]);
        let total = format!(
            "SELECT count(*), sum(packets), sum(bytes), CAST(min(start) AS BIGINT), \
             CAST(max(\"end\") AS BIGINT) FROM {source}"
        );
        assert_eq!(ask(session, &total).await?, [told(&ranking.total)]);

        let steps = steps(ranking, &own_keys);
        let Some((width, own)) = steps else { continue };
        let amount = match by {
            Measure::Flows => "count(*)".to_owned(),
            by => format!("coalesce(sum({by}), 0)"),
        };
        let sql = format!(
            "SELECT {keys}, CAST(floor(date_part('epoch', start) / {width}) AS BIGINT), {amount} \
             FROM {source} GROUP BY ALL"
        );
        let all = ask(session, &sql).await?;
        for step in &own {
            assert!(all.contains(step), "{step} of {all:?}");
        }
        let is_own = |row: &&String| {
            let (row, amount) = row.rsplit_once(' ').unwrap();
            let (keys, _) = row.rsplit_once(' ').unwrap();
            amount != "0" && own_keys.iter().any(|own| own == keys)
        };
        assert_eq!(
            own.len(),
            all.iter().filter(is_own).count(),
            "{own:?} of {all:?}"
        );
    }
    let since = match question.compare {
        true => format!(" WHERE start >= {}", time(COMPARED.now_us)),
        false => String::new(),
    };
    let gaps = format!(
        "SELECT count(*) FILTER (WHERE log_status = 'NODATA'), \
         count(*) FILTER (WHERE log_status = 'SKIPDATA') FROM flows{since}"
    );
    let expected = format!("{} {}", ranked.nodata, ranked.skipdata);
    assert_eq!(ask(session, &gaps).await?, [expected]);
    Ok(())
}

/// Sums and times as a statement tells them.
fn told(line: &Line) -> String {
    let sum = |sum: Option<i128>| sum.map_or("-".to_owned(), |sum| sum.to_string());
    let time = |us: Option<i64>| us.map_or("-".to_owned(), |us| us.to_string());
    let totals = &line.totals;
    format!(
        "{} {} {} {} {}",
        totals.flows,
        sum(totals.packets),
        sum(totals.bytes),
        time(line.first_us),
        time(line.last_us)
    )
}

/// The width of a step, and each step in which a line has something: its keys, the
/// step's number, the amount.
fn steps(ranking: &Ranking, keys: &[String]) -> Option<(i64, Vec<String>)> {
    let second = |us: i64| us.div_euclid(1_000_000);
    let first = second(ranking.total.first_us?);
    let last = second(ranking.total.last_us?);
    let mut steps = Vec::new();
    let mut width = 0;
    for (line, keys) in ranking.lines.iter().zip(keys) {
        let (cells, seconds) = line.trend.over(first, last, 32);
        width = seconds;
        for (index, amount) in cells.iter().enumerate().filter(|(_, amount)| **amount != 0) {
            let step = first.div_euclid(width) + index as i64;
            steps.push(format!("{keys} {step} {amount}"));
        }
    }
    Some((width, steps))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Rows, totals, gaps and courses over time.
    #[test]
    fn numbers_are_those_of_plain_statements(
        lines in proptest::collection::vec(line(), 0..80),
        question in question(),
    ) {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let data = data(&lines, Limits::default()).await.unwrap();
            check(&data, &question).await.unwrap();
        });
    }
}

/// Many keys, in less memory than they need.
#[tokio::test]
async fn keys_that_memory_does_not_hold_are_ranked_exactly() -> Result<(), Failure> {
    let lines: Vec<String> = (0..90_000_u32)
        .map(|number| {
            let [_, b, c, d] = (number % 60_000).to_be_bytes();
            let start = START_S + i64::from(number % 3_000);
            format!(
                "2 1 eni-1 10.{b}.{c}.{d} 10.9.9.9 50000 443 6 1 {} {start} {} ACCEPT OK",
                number % 977,
                start + 1
            )
        })
        .collect();
    let small = Limits {
        memory_bytes: 8_000_000,
        threads: NonZero::<usize>::MIN,
        ..Limits::default()
    };
    let none = Limits {
        spill_directory: None,
        ..small.clone()
    };
    let [amply, scarcely, too_scarcely] = [
        data(&lines, Limits::default()).await?,
        data(&lines, small).await?,
        data(&lines, none).await?,
    ];
    for rankings in [
        vec![(0, Measure::Bytes)],
        vec![(0, Measure::Bytes), (1, Measure::Flows)],
    ] {
        let question = Question {
            rankings,
            limit: 5,
            condition: None,
            bidirectional: false,
            compare: false,
        };
        check(&amply, &question).await?;
        let top = question.top();
        let error = top.rank(&too_scarcely.session).await.unwrap_err();
        assert!(error.to_string().contains("more memory"), "{error}");
        let ranked = top.rank(&scarcely.session).await?;
        assert_eq!(top.rank(&amply.session).await?, ranked);
    }
    Ok(())
}

/// A sum that wrapped around would be a number that nobody can tell from a right one.
#[tokio::test]
async fn a_sum_that_does_not_fit_is_told() -> Result<(), Failure> {
    let line = format!(
        "2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 {} {START_S} {START_S} ACCEPT OK",
        i64::MAX
    );
    let data = data(&[line.clone(), line], Limits::default()).await?;
    let top = Top {
        stats: vec![Stat::parse("srcaddr", Measure::Flows)?],
        limit: 1,
        condition: None,
        bidirectional: false,
        once: false,
        compare: None,
        trends: false,
    };
    let error = top.rank(&data.session).await.unwrap_err().to_string();
    assert!(
        error.contains("a sum of bytes does not fit in 64 bits"),
        "{error}"
    );
    Ok(())
}
