//! Buckets of S3 as sources: asked, and read into a store, each object once. moto is
//! the bucket; a proxy before it remembers what is asked, and refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod buckets {
    pub(crate) mod aws;
}

use buckets::aws::{Aws, gzip, hive_key, key, name, parquet, text, time};
use serde_json::json;
use vpcflow_testkit::Failure;

const COUNT: &str = "SELECT count(*) AS n, sum(bytes) AS bytes, min(start) AS first FROM flows";

/// A gzip file of ten records every six hours of four days, of two for Hive.
fn deliver(aws: &Aws) {
    deliver_days(aws, 20..24);
}

fn deliver_days(aws: &Aws, days: std::ops::Range<u32>) {
    for (number, day) in (0..).zip(days) {
        for (quarter, hour) in (0..).zip([0, 6, 12, 18]) {
            let first = i64::from(number * 4 + quarter) * 10;
            let bytes = gzip(&text(time(day, hour), first..first + 10));
            let key = if day < 22 { key } else { hive_key };
            aws.bucket.put(&key(day, hour, "log.gz"), bytes);
        }
    }
}

#[test]
fn what_is_in_a_bucket_is_asked() {
    let Some(aws) = Aws::start() else { return };
    deliver(&aws);
    aws.bucket.put("AWSLogs/readme.html", "no records");
    let ask = |source: &str, more: &[&str]| {
        let arguments = [&["sql", COUNT, "-o", "ndjson", "--from", source], more].concat();
        aws.run(&arguments).success()
    };
    let all = || json!({"n": 160, "bytes": 159 * 80, "first": "2026-11-20T00:00:00Z"});
    let answer = ask("s3://flow-logs/AWSLogs/", &[]);
    assert_eq!(answer.rows(), [all()]);
    assert_eq!(answer.counts(), (160, 0));
    assert_eq!(ask("s3://flow-logs", &[]).rows(), [all()]);
    assert_eq!(ask("s3://flow-logs/**/*.log.gz", &[]).rows(), [all()]);
    let day = json!({"n": 40, "bytes": 59 * 20 + 20 * 20, "first": "2026-11-21T00:00:00Z"});
    let pattern = "s3://flow-logs/AWSLogs/*/vpcflowlogs/us-*/2026/11/21/*";
    assert_eq!(
        ask(pattern, &[]).rows(),
        [json!({"n": 40, "bytes": (40..80).sum::<i64>(), "first": day["first"]})]
    );
    let one = format!("s3://flow-logs/{}", key(20, 6, "log.gz"));
    let row = json!({"n": 10, "bytes": (10..20).sum::<i64>(), "first": "2026-11-20T06:00:00Z"});
    assert_eq!(ask(&one, &[]).rows(), [row]);
    // One that is named twice is read once.
    assert_eq!(
        ask(&one, &["--from", "s3://flow-logs/AWSLogs"]).counts(),
        (160, 0)
    );
}

#[test]
fn a_window_reads_the_objects_that_may_be_in_it() {
    let Some(aws) = Aws::start() else { return };
    deliver(&aws);
    let window = ["--since", "2026-11-22T05:00", "--until", "2026-11-22T13:00"];
    let arguments = [
        "sql",
        COUNT,
        "-o",
        "ndjson",
        "--from",
        "s3://flow-logs/AWSLogs",
    ];
    aws.proxy.reset();
    let answer = aws.run(&[&arguments[..], &window].concat()).success();
    let row = json!({"n": 20, "bytes": (90..110).sum::<i64>(), "first": "2026-11-22T06:00:00Z"});
    assert_eq!(answer.rows(), [row]);
    assert_eq!(
        aws.read_objects(),
        [name(22, 6, "log.gz"), name(22, 12, "log.gz")]
    );
    let listed: Vec<_> = aws
        .proxy
        .request_lines()
        .into_iter()
        .filter(|line| line.contains("list-type=2"))
        .collect();
    assert!(
        !listed
            .iter()
            .any(|line| line.contains("day%3D23") || line.contains("2026%2F11%2F20")),
        "{listed:#?}"
    );
    let arguments = [
        "sql",
        COUNT,
        "--from",
        "s3://flow-logs/AWSLogs",
        "--since",
        "2026-12-24",
    ];
    aws.run(&arguments).failure(1).tells(&[
        "error: no object in `s3://flow-logs/AWSLogs` has records of these times",
        "hint: `--since` and `--until` name others",
    ]);
}

#[test]
fn parquet_and_text_are_one_table() {
    let Some(aws) = Aws::start() else { return };
    aws.bucket
        .put(&key(22, 0, "log.gz"), gzip(&text(time(22, 0), 0..10)));
    aws.bucket
        .put(&key(22, 1, "log.parquet"), parquet(time(22, 1), 10..20));
    aws.bucket
        .put(&key(22, 9, "log.parquet"), parquet(time(22, 9), 20..30));
    let sql = "SELECT srcaddr, vpc_id, count(*) AS n, min(start) AS first, max(\"end\") AS last,
        sum(bytes) AS bytes FROM flows WHERE start >= '2026-11-22T00:00:05Z' GROUP BY 1, 2 ORDER BY 1";
    let arguments = ["sql", sql, "-o", "ndjson", "--from", "s3://flow-logs"];
    let answer = aws.run(&arguments).success();
    assert_eq!(
        answer.rows(),
        [
            json!({"srcaddr": "10.0.0.1", "vpc_id": "vpc-1", "n": 5, "bytes": 5 + 6 + 7 + 8 + 9,
                "first": "2026-11-22T00:00:05Z", "last": "2026-11-22T00:01:09Z"}),
            json!({"srcaddr": "10.0.0.2", "vpc_id": "vpc-2", "n": 20, "bytes": (10..30).sum::<i64>(),
                "first": "2026-11-22T01:00:00Z", "last": "2026-11-22T09:01:09Z"}),
        ]
    );
    aws.proxy.reset();
    let window = ["--since", "2026-11-22T07:30"];
    let answer = aws.run(&[&arguments[..], &window].concat()).success();
    assert_eq!(answer.rows()[0]["n"], 10);
    assert_eq!(aws.read_objects(), [name(22, 9, "log.parquet")]);

    // A condition leaves files out as well; the first one tells the columns.
    aws.proxy.reset();
    let sql = "SELECT count(*) AS n FROM flows WHERE start >= '2026-11-22T01:00:05Z' AND start < '2026-11-22T02:00:00Z'";
    let source = "s3://flow-logs/**/*.parquet";
    let answer = aws
        .run(&["sql", sql, "-o", "ndjson", "--from", source])
        .success();
    assert_eq!(answer.rows(), [json!({"n": 5})]);
    assert_eq!(aws.read_objects(), [name(22, 1, "log.parquet")]);
}

#[test]
fn a_statement_names_objects() {
    let Some(aws) = Aws::start() else { return };
    deliver(&aws);
    aws.bucket
        .put(&key(24, 1, "log.parquet"), parquet(time(24, 1), 10..20));
    let ask = |sql: &str, more: &[&str]| {
        let arguments = [&["sql", sql, "-o", "ndjson"], more].concat();
        aws.run(&arguments)
    };
    let sql = "SELECT count(*) AS n, count(*) FILTER (WHERE vpc_id = 'vpc-2') AS parquet
        FROM 's3://flow-logs/AWSLogs/'";
    let answer = ask(sql, &[]).success();
    assert_eq!(answer.rows(), [json!({"n": 170, "parquet": 10})]);
    assert_eq!(answer.counts(), (170, 0));
    // Beside the objects of `--from`, and only what may be in the window.
    aws.proxy.reset();
    let sql = "SELECT (SELECT count(*) FROM flows) AS flows,
        (SELECT count(*) FROM 's3://flow-logs/**/*.parquet') AS parquet";
    let window = ["--since", "2026-11-22T17:00", "--until", "2026-11-24T12:00"];
    let from = [
        "--from",
        "s3://flow-logs/AWSLogs/aws-account-id=123456789012",
    ];
    let answer = ask(sql, &[&from[..], &window].concat()).success();
    assert_eq!(answer.rows(), [json!({"flows": 50, "parquet": 10})]);
    assert!(!aws.read_objects().contains(&name(22, 6, "log.gz")));
    ask("SELECT * FROM 's3://flow-logs/AWSLog'", &[])
        .failure(1)
        .tells(&[
            "error: no object in `s3://flow-logs/AWSLog`",
            "`s3://flow-logs/AWSLog*` takes all that begins so",
        ]);
}

#[test]
fn a_report_of_a_bucket_tells_what_it_is_of() {
    let Some(aws) = Aws::start() else { return };
    deliver(&aws);
    let window = ["--since", "2026-11-20T06:00", "--until", "2026-11-21"];
    let source = ["report", "--from", "s3://flow-logs/AWSLogs"];
    let page = aws.run(&[&source[..], &window].concat()).success();
    assert!(page.stdout.contains("s3://flow-logs/AWSLogs"));
    // The last may have records of the hour before it.
    assert_eq!(page.counts(), (40, 0));
    let read = [(20, 6), (20, 12), (20, 18), (21, 0)];
    assert_eq!(
        aws.read_objects(),
        read.map(|(day, hour)| name(day, hour, "log.gz"))
    );
}

/// A public bucket is read by somebody who has no credentials.
#[test]
fn calls_are_not_signed_where_the_user_says_so() {
    let Some(aws) = Aws::start() else { return };
    deliver(&aws);
    let ask = |source: &str, more: &[&str]| {
        let arguments = [&["sql", COUNT, "-o", "ndjson", "--from", source], more].concat();
        let nobody = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
        aws.run_with(&arguments, &nobody)
    };
    ask("s3://flow-logs", &[])
        .failure(1)
        .tells(&["error: no AWS credentials"]);
    let ask_unsigned = || ask("s3://flow-logs", &["--no-sign-request"]);
    ask_unsigned()
        .failure(1)
        .tells(&["error: AWS refuses to read `s3://flow-logs/"]);
    aws.bucket.publish();
    assert_eq!(ask_unsigned().success().counts(), (160, 0));
    ask("logs:/vpc/flow", &["--no-sign-request"])
        .failure(2)
        .tells(&[
            "error: only buckets of S3 answer calls that are not signed",
            "hint: leave `--no-sign-request` out",
        ]);
}

#[test]
fn what_cannot_be_read_is_told_with_the_way_out() {
    let Some(aws) = Aws::start() else { return };
    deliver(&aws);
    let ask = |source: &str| aws.run(&["sql", COUNT, "--from", source]).failure(1);
    ask("s3://no-such-bucket/AWSLogs").tells(&[
        "error: there is no bucket `no-such-bucket`",
        "hint: its name may be misspelt",
    ]);
    ask("s3://flow-logs/AWSLog").tells(&[
        "error: no object in `s3://flow-logs/AWSLog`",
        "`s3://flow-logs/AWSLog*` takes all that begins so",
    ]);
    aws.proxy.reset();
    aws.deny("s3:ListObjectsV2", 1);
    ask("s3://flow-logs/AWSLogs").tells(&[
        "error: AWS refuses to list `s3://flow-logs/AWSLogs`: User: arn:aws:iam::",
        "hint: the caller, and the bucket's policy, must allow s3:ListBucket on arn:aws:s3:::flow-logs;",
    ]);
    aws.proxy.reset();
    aws.deny("s3:GetObject", 3);
    let denied = format!(
        "error: AWS refuses to read `s3://flow-logs/{}`",
        key(20, 0, "log.gz")
    );
    ask("s3://flow-logs/AWSLogs").tells(&[
        &denied,
        "must allow s3:GetObject on arn:aws:s3:::flow-logs/*",
    ]);
    aws.proxy.reset();
    let whole = gzip(&text(time(24, 0), 0..50_000));
    aws.bucket
        .put(&key(24, 0, "log.gz"), &whole[..whole.len() / 2]);
    let cut = format!("`s3://flow-logs/{}` ends early", key(24, 0, "log.gz"));
    ask("s3://flow-logs/AWSLogs").tells(&[&cut]);
    aws.bucket.put(&key(24, 0, "log.gz"), b"PAR1 and so on");
    ask("s3://flow-logs/AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24").tells(&[
        "is a Parquet file, not flow log text",
        "hint: Parquet files are known by their names",
    ]);
    aws.bucket.put("damaged.log.parquet", b"PAR1 and so on");
    ask("s3://flow-logs/damaged.log.parquet")
        .tells(&["error: `s3://flow-logs/damaged.log.parquet` is damaged: its Parquet data"]);
}

#[test]
fn a_failure_that_passes_is_not_seen() {
    let Some(aws) = Aws::start() else { return };
    deliver(&aws);
    for failure in [
        Failure::InternalError,
        Failure::Throttled,
        Failure::ConnectionLost,
    ] {
        aws.proxy.reset();
        for action in ["s3:ListObjectsV2", "s3:GetObject"] {
            aws.proxy.fail(action, 1, failure);
            aws.proxy.fail(action, 3, failure);
        }
        let answer = aws
            .run(&["sql", COUNT, "--from", "s3://flow-logs"])
            .success();
        assert_eq!(answer.counts(), (160, 0));
    }
}

#[test]
fn each_object_is_ingested_once() {
    let Some(aws) = Aws::start() else { return };
    deliver(&aws);
    let ingest = |more: &[&str]| {
        let arguments = ["ingest", "s3://flow-logs/AWSLogs", "--store", "store"];
        aws.run(&[&arguments[..], more].concat())
    };
    let stored = |n: i64, bytes: i64| {
        let sql = "SELECT count(*) AS n, sum(bytes) AS bytes, count(DISTINCT bytes) AS distinct FROM flows";
        let answer = aws
            .run(&["sql", sql, "-o", "ndjson", "--store", "store"])
            .success();
        assert_eq!(
            answer.rows(),
            [json!({"n": n, "bytes": bytes, "distinct": n})]
        );
    };
    // A window is of objects: those that may have such records, as a whole.
    ingest(&["--until", "2026-11-21"])
        .success()
        .tells(&["note: 5 objects read, 0 were stored before"]);
    stored(50, (0..50).sum());
    ingest(&[])
        .success()
        .tells(&["note: 11 objects read, 5 were stored before"]);
    stored(160, (0..160).sum());
    aws.proxy.reset();
    ingest(&[]).success().tells(&[
        "note: 0 objects read, 16 were stored before",
        "the store has all of it already",
    ]);
    assert_eq!(aws.read_objects(), [""; 0]);

    // One that comes late, in Parquet, and one under another prefix.
    aws.bucket
        .put(&key(20, 3, "log.parquet"), parquet(time(20, 3), 160..170));
    aws.bucket
        .put("copies/more.log", text(time(20, 3), 170..180));
    ingest(&["s3://flow-logs/copies/*.log"])
        .success()
        .tells(&["note: 2 objects read, 16 were stored before"]);
    stored(180, (0..180).sum());
    let outcome = aws.run(&["store", "check", "store"]);
    outcome.success();
}

#[test]
fn a_refused_object_ends_the_run_and_the_next_goes_on() {
    let Some(aws) = Aws::start() else { return };
    deliver(&aws);
    let ingest = || aws.run(&["ingest", "s3://flow-logs", "--store", "store"]);
    for number in 16..40 {
        aws.proxy
            .fail("s3:GetObject", number, Failure::AccessDenied);
    }
    ingest().ends_with(1).tells(&[
        "error: AWS refuses to read `s3://flow-logs/AWSLogs/",
        "s3:GetObject",
    ]);
    aws.proxy.reset();
    let outcome = ingest().success();
    assert!(outcome.counts().0 < 160, "what was read before is kept");
    let answer = aws
        .run(&["sql", COUNT, "-o", "ndjson", "--store", "store"])
        .success();
    assert_eq!(answer.rows()[0]["n"], 160);
    assert_eq!(answer.rows()[0]["bytes"], (0..160).sum::<i64>());
}

/// Killed at each step of each commit, and run again until it ends.
#[test]
fn a_killed_ingest_keeps_each_object_once() {
    let Some(aws) = Aws::start() else { return };
    deliver_days(&aws, 21..23);
    let points = [
        "store-data-files-written",
        "store-cursor-written",
        "store-entry-written",
    ];
    for point in points {
        let store = format!("store-{point}");
        let arguments = [
            "ingest",
            "s3://flow-logs",
            "--store",
            &store,
            "--commit-every",
            "1ms",
        ];
        let mut kills = 0;
        loop {
            let at = format!("{point}:{}", kills % 3 + 1);
            let outcome = aws.run_with(&arguments, &[("VPCFLOW_ABORT_AT", &at)]);
            if outcome.status == 0 {
                break;
            }
            assert!(outcome.status < 0, "{}", outcome.stderr);
            kills += 1;
            assert!(kills < 60, "it gets no further");
        }
        assert!(kills > 0, "{point} was never reached");
        let answer = aws
            .run(&["sql", COUNT, "-o", "ndjson", "--store", &store])
            .success();
        let row = json!({"n": 80, "bytes": (0..80).sum::<i64>(), "first": "2026-11-21T00:00:00Z"});
        assert_eq!(answer.rows(), [row], "{point}");
        aws.run(&["store", "check", &store]).success();
    }
}
