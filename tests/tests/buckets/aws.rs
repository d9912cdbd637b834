//! A bucket as AWS fills it, behind a proxy that remembers what is asked.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use vpcflow_testkit::{Bucket, Failure, FaultProxy, Moto};
use vpcflow_tests::{Outcome, Place, vpcflow_at};

const ACCOUNT: &str = "123456789012";
/// 2026-11-22T00:00:00Z.
pub(crate) const NOV_22_S: i64 = 1_795_305_600;

pub(crate) struct Aws {
    _moto: Moto,
    pub(crate) bucket: Bucket,
    pub(crate) proxy: FaultProxy,
    pub(crate) place: Place,
}

impl Aws {
    /// `None` where there is no emulator.
    pub(crate) fn start() -> Option<Aws> {
        let moto = Moto::start()?;
        Some(Aws {
            bucket: Bucket::create(&moto, "flow-logs"),
            proxy: FaultProxy::start(moto.port()),
            _moto: moto,
            place: Place::default(),
        })
    }

    /// Runs the binary.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[])
    }

    /// Runs the binary with more in its environment.
    #[track_caller]
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = vpcflow_at(&self.proxy.endpoint_url());
        command
            .current_dir(self.place.path())
            .envs(variables.iter().copied())
            .args(arguments);
        Outcome::of(&mut command)
    }

    /// Lets a call of S3 fail, whoever makes it and however often it is tried.
    pub(crate) fn deny(&self, action: &str, calls: usize) {
        for number in 1..=calls {
            self.proxy.fail(action, number, Failure::AccessDenied);
        }
    }

    /// The names of the objects that were read since the proxy was reset, each once.
    pub(crate) fn read_objects(&self) -> Vec<String> {
        let lines = self.proxy.request_lines();
        let path = |line: &String| {
            let target = line.strip_prefix("GET ")?.split(' ').next()?;
            let key = target.strip_prefix("/flow-logs/")?;
            (!key.contains('?')).then(|| key.rsplit('/').next().unwrap_or(key).to_owned())
        };
        let mut names: Vec<_> = lines.iter().filter_map(path).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// The key of a file that AWS delivers at an hour of 2026-11-`day`.
pub(crate) fn key(day: u32, hour: u32, ending: &str) -> String {
    let name = name(day, hour, ending);
    format!("AWSLogs/{ACCOUNT}/vpcflowlogs/us-east-1/2026/11/{day:02}/{name}")
}

/// The same under the layout for Hive, with the hour.
pub(crate) fn hive_key(day: u32, hour: u32, ending: &str) -> String {
    let name = name(day, hour, ending);
    format!(
        "AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/\
         month=11/day={day:02}/hour={hour:02}/{name}"
    )
}

pub(crate) fn name(day: u32, hour: u32, ending: &str) -> String {
    format!("{ACCOUNT}_vpcflowlogs_us-east-1_fl-0a1b_202611{day:02}T{hour:02}00Z_1234abcd.{ending}")
}

/// Seconds since the Unix epoch of an hour of 2026-11-`day`.
pub(crate) fn time(day: u32, hour: u32) -> i64 {
    NOV_22_S + (i64::from(day) - 22) * 86_400 + i64::from(hour) * 3_600
}

/// Records from a time on, a second apart, with these numbers as bytes.
pub(crate) fn text(start: i64, numbers: std::ops::Range<i64>) -> String {
    let mut text = "version account-id interface-id srcaddr bytes start end vpc-id\n".to_owned();
    for (second, number) in (start..).zip(numbers) {
        let end = second + 60;
        text.push_str(&format!(
            "3 {ACCOUNT} eni-0a 10.0.0.1 {number} {second} {end} vpc-1\n"
        ));
    }
    text
}

pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The same as AWS writes it in Parquet: names with underscores, times in seconds.
pub(crate) fn parquet(start: i64, numbers: std::ops::Range<i64>) -> Vec<u8> {
    let count = usize::try_from(numbers.end - numbers.start).unwrap();
    let words = |word: &str| -> ArrayRef { Arc::new(StringArray::from(vec![word; count])) };
    let seconds =
        |first: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values((first..).take(count))) };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("version", Arc::new(Int32Array::from(vec![3; count]))),
        ("account_id", words(ACCOUNT)),
        ("interface_id", words("eni-0a")),
        ("srcaddr", words("10.0.0.2")),
        ("bytes", Arc::new(Int64Array::from_iter_values(numbers))),
        ("start", seconds(start)),
        ("end", seconds(start + 60)),
        ("vpc_id", words("vpc-2")),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}
