//! Parquet files as sources, beside text: names, types and times of the table, and
//! what a scan leaves unread.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use futures::TryStreamExt;
use vpcflow_ingest::{Location, expand};
use vpcflow_query::{Parameters, Session, Sources, Window};
use vpcflow_record::Policy;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// 2026-11-22T00:00:00Z.
const START_S: i64 = 1_795_305_600;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) -> Result<(), Failure> {
    let batch = RecordBatch::try_from_iter(columns)?;
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1_000))
        .build();
    let file = std::fs::File::create(path)?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

/// As AWS delivers: a record a second.
fn aws(path: &Path, numbers: std::ops::Range<i64>) -> Result<(), Failure> {
    let seconds = |by: i64| numbers.clone().map(move |n| START_S + n + by);
    let flags = numbers.clone().map(|n| i32::try_from(n % 20));
    write(
        path,
        vec![
            (
                "bytes",
                Arc::new(Int64Array::from_iter_values(numbers.clone())),
            ),
            ("start", Arc::new(Int64Array::from_iter_values(seconds(0)))),
            ("end", Arc::new(Int64Array::from_iter_values(seconds(60)))),
            (
                "tcp_flags",
                Arc::new(Int32Array::from(flags.collect::<Result<Vec<_>, _>>()?)),
            ),
        ],
    )
}

async fn session(paths: &[&Path]) -> Result<Session, Failure> {
    let mut sources = Sources::new(Policy::Default);
    for path in paths {
        for file in expand(&Location::Path(path.to_path_buf()))? {
            sources.add_file(file, None)?;
        }
    }
    Ok(Session::new(sources, Window::default()).await?)
}

/// The rows of an answer, their values as text.
async fn rows(session: &Session, sql: &str) -> Result<Vec<String>, Failure> {
    let stream = session.sql(sql, Parameters::new()).await?;
    let stream = stream.map_err(vpcflow_query::Error::from);
    let batches: Vec<RecordBatch> = stream.try_collect().await?;
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns = batch.columns().iter();
        let columns = columns.map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|column| column.value(row).to_string());
            rows.push(values.collect::<Vec<_>>().join(" "));
        }
    }
    Ok(rows)
}

#[tokio::test]
async fn a_statement_names_files_of_all_kinds() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let at = |name: &str| directory.path().join(name);
    aws(&at("aws.parquet"), 0..3_000)?;
    aws(&at("more.parquet"), 0..10)?;
    let line = format!("2 1 eni-1 10.0.0.1 10.0.0.2 1 22 6 1 7 {START_S} {START_S} ACCEPT OK\n");
    std::fs::write(at("text.log"), line)?;
    let asked = async |since_us, sql: &str| {
        let mut sources = Sources::new(Policy::Default);
        sources.allow_paths(None, None);
        let window = Window {
            since_us,
            until_us: None,
        };
        let session = Session::new(sources, window).await?;
        let folder = directory.path().display().to_string();
        let rows = rows(&session, &sql.replace("FOLDER", &folder)).await?;
        assert!(session.has_named_paths());
        Ok::<_, Failure>((rows.join(","), session.counts().records))
    };
    let sql = "SELECT count(*), count(tcp_flags), sum(bytes) FROM 'FOLDER/*.parquet'";
    let expected = ("3010 3010 4498545".to_owned(), 3_010);
    assert_eq!(asked(None, sql).await?, expected);
    let sql = "SELECT count(*), count(tcp_flags), max(dstport) FROM 'FOLDER'";
    let expected = ("3011 3010 22".to_owned(), 3_011);
    assert_eq!(asked(None, sql).await?, expected);
    // Cut to the window, and counted once.
    let sql = "SELECT count(*) FROM 'FOLDER/aws.parquet' AS a
        JOIN 'FOLDER/aws.parquet' AS b ON a.bytes = b.bytes";
    let since_us = Some((START_S + 2_999) * 1_000_000);
    let (rows, records) = asked(since_us, sql).await?;
    assert_eq!(rows, "1");
    assert!(records <= 1_000, "{records}");

    let mut sources = Sources::new(Policy::Default);
    sources.allow_paths(None, None);
    let session = Session::new(sources, Window::default()).await?;
    let asked = async |name: &str| {
        let sql = format!("SELECT * FROM '{name}'");
        let answer = session.sql(&sql, Parameters::new()).await;
        answer.err().map(|error| (error.to_string(), error.hint()))
    };
    std::fs::write(at("none.parquet"), "no Parquet")?;
    let none = at("none.parquet").display().to_string();
    let (text, _) = asked(&none).await.ok_or("that is no Parquet")?;
    assert!(text.starts_with(&format!("`{none}` is damaged")), "{text}");
    // Nobody finds objects here.
    let (text, hint) = asked("s3://bucket/a").await.ok_or("that cannot be read")?;
    assert_eq!(
        text,
        "`s3://bucket/a` cannot be read from within a statement"
    );
    assert!(hint.is_some());
    Ok(())
}

#[tokio::test]
async fn files_of_all_kinds_are_united_by_name() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let at = |name: &str| directory.path().join(name);
    aws(&at("aws.parquet"), 0..3)?;
    write(
        &at("others.parquet"),
        vec![
            (
                "account-id",
                Arc::new(StringArray::from(vec!["007", "008"])) as ArrayRef,
            ),
            ("protocol", Arc::new(Int64Array::from(vec![6, 17]))),
            (
                "start",
                Arc::new(TimestampNanosecondArray::from(vec![
                    START_S * 1_000_000_000,
                    (START_S + 1) * 1_000_000_000,
                ])),
            ),
            (
                "team",
                Arc::new(StringArray::from(vec![Some("blue"), None])),
            ),
            ("cost", Arc::new(Int64Array::from(vec![12, 13]))),
        ],
    )?;
    std::fs::write(
        at("text.log"),
        format!("srcaddr bytes start\n10.0.0.1 9 {START_S}\n"),
    )?;
    let session = session(&[directory.path()]).await?;
    let sql = "SELECT start, \"end\", bytes, tcp_flags, account_id, protocol, team, cost, srcaddr
        FROM flows ORDER BY start, bytes NULLS FIRST";
    assert_eq!(
        rows(&session, sql).await?,
        [
            "2026-11-22T00:00:00Z NULL NULL NULL 007 6 blue 12 NULL",
            "2026-11-22T00:00:00Z 2026-11-22T00:01:00Z 0 0 NULL NULL NULL NULL NULL",
            "2026-11-22T00:00:00Z NULL 9 NULL NULL NULL NULL NULL 10.0.0.1",
            "2026-11-22T00:00:01Z NULL NULL NULL 008 17 NULL 13 NULL",
            "2026-11-22T00:00:01Z 2026-11-22T00:01:01Z 1 1 NULL NULL NULL NULL NULL",
            "2026-11-22T00:00:02Z 2026-11-22T00:01:02Z 2 2 NULL NULL NULL NULL NULL",
        ]
    );
    assert_eq!(session.counts().records, 6);
    let types = "SELECT arrow_typeof(protocol), arrow_typeof(start), arrow_typeof(cost),
        arrow_typeof(team) FROM flows LIMIT 1";
    assert_eq!(
        rows(&session, types).await?,
        ["Int32 Timestamp(µs, \"UTC\") Int64 Utf8View"]
    );
    assert_eq!(rows(&session, "SELECT count(*) FROM rejects").await?, ["0"]);
    let sql = "SELECT count(*) FROM flows WHERE account_id = '007' AND protocol = 6";
    assert_eq!(rows(&session, sql).await?, ["1"]);
    Ok(())
}

#[tokio::test]
async fn conditions_on_times_leave_row_groups_unread() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("aws.parquet");
    aws(&path, 0..10_000)?;
    // Where 2,500 seconds have passed.
    for (condition, found, read) in [
        (
            "start >= '2026-11-22T00:41:40Z' AND start < '2026-11-22T00:41:50Z'",
            10,
            1_000,
        ),
        ("start = '2026-11-22T00:41:40Z'", 1, 1_000),
        ("start < '2026-11-22T00:00:00.5Z'", 1, 1_000),
        ("'2026-11-22T02:30:00Z' <= start", 1_000, 1_000),
        ("\"end\" > '2026-11-22T02:45:39Z'", 120, 1_000),
        ("start < '2020-01-01'", 0, 0),
        ("bytes = 2500", 1, 1_000),
        (
            "date_trunc('hour', start) = '2026-11-22T02:00:00Z'",
            2_800,
            10_000,
        ),
    ] {
        let session = session(&[&path]).await?;
        let sql =
            format!("SELECT count(*), min(start) > '2026-01-01' FROM flows WHERE {condition}");
        let answer = rows(&session, &sql).await?;
        assert_eq!(
            answer[0].split(' ').next(),
            Some(found.to_string().as_str()),
            "{condition}"
        );
        assert_eq!(session.counts().records, read, "{condition}");
    }
    Ok(())
}

#[tokio::test]
async fn the_newest_are_found_without_a_sort_of_all() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("aws.parquet");
    aws(&path, 0..10_000)?;
    let session = session(&[&path]).await?;
    let sql = "SELECT bytes, start FROM flows ORDER BY start DESC LIMIT 2";
    assert_eq!(
        rows(&session, sql).await?,
        ["9999 2026-11-22T02:46:39Z", "9998 2026-11-22T02:46:38Z"]
    );
    Ok(())
}

#[tokio::test]
async fn numbers_of_twelve_digits_are_milliseconds() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("aws.parquet");
    let starts = vec![Some(START_S), Some(START_S * 1_000 + 250), None];
    write(
        &path,
        vec![("start", Arc::new(Int64Array::from(starts)) as ArrayRef)],
    )?;
    let session = session(&[&path]).await?;
    assert_eq!(
        rows(&session, "SELECT start FROM flows ORDER BY start").await?,
        ["2026-11-22T00:00:00Z", "2026-11-22T00:00:00.250Z", "NULL"]
    );
    let sql = "SELECT count(*) FROM flows WHERE start > '2026-11-22T00:00:00Z'";
    assert_eq!(rows(&session, sql).await?, ["1"]);
    let sql = "SELECT count(*) FROM flows WHERE NOT start = '2026-11-22T00:00:00.100Z'";
    assert_eq!(rows(&session, sql).await?, ["2"]);
    Ok(())
}

#[tokio::test]
async fn what_is_no_parquet_is_told() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("flows.parquet");
    std::fs::write(&path, "srcaddr bytes\n10.0.0.1 9\n")?;
    let error = session(&[&path]).await.expect_err("it is text").to_string();
    assert!(
        error.starts_with(&format!(
            "`{}` is damaged: its Parquet data cannot be read",
            path.display()
        )),
        "{error}"
    );
    std::fs::remove_file(&path)?;
    aws(&path, 0..3)?;
    let session = session(&[&path]).await?;
    std::fs::remove_file(&path)?;
    let error = rows(&session, "SELECT sum(bytes) FROM flows")
        .await
        .expect_err("it is gone");
    let error = error.to_string();
    assert!(
        error.ends_with("flows.parquet`: no such file or directory"),
        "{error}"
    );
    Ok(())
}
