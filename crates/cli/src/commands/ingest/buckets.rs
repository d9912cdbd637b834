//! Buckets of S3 into a store.

use std::collections::BTreeMap;
use std::sync::Arc;

use vpcflow_ingest::{BucketReader, Clock, InputFile, Location, ObjectCounts, SystemClock, Times};
use vpcflow_query::ParquetRecords;
use vpcflow_store::SourceId;

use super::{Counted, Ingest};
use crate::bucket::Buckets;
use crate::commands::objects_checkpoint;
use crate::failure::Failure;
use crate::print::{Notes, counted};

/// What became of the objects of buckets, if any were listed.
pub(super) fn tell(objects: ObjectCounts, notes: Notes) {
    let ObjectCounts { read, known, gone } = objects;
    if read + known + gone == 0 {
        return;
    }
    let mut text = format!(
        "note: {} read, {known} were stored before",
        counted(read, "object")
    );
    if gone > 0 {
        text.push_str(&format!(", {gone} went before they were read"));
    }
    notes.say(&text);
}

impl Ingest<'_> {
    /// Each bucket is a source of its own, whichever of its keys are named.
    pub(super) async fn buckets(&mut self) -> Result<(), Failure> {
        let now_ms = SystemClock.now_ms();
        let times = Times {
            since_ms: self.args.since.map(|since| since.to_ms(now_ms)),
            until_ms: self.args.until.map(|until| until.to_ms(now_ms)),
        };
        if let (Some(since_ms), Some(until_ms)) = (times.since_ms, times.until_ms)
            && since_ms >= until_ms
        {
            return Err(Failure::usage(
                "`--since` is not before `--until`: no record is between",
            ));
        }
        let mut buckets = Buckets::default();
        let mut found: BTreeMap<&String, Vec<InputFile>> = BTreeMap::new();
        for location in &self.args.sources {
            if let Location::S3 { bucket, keys } = location {
                let listed = buckets.list(bucket, keys, times, &self.args.aws).await?;
                found.entry(bucket).or_default().extend(listed);
            }
        }
        for (bucket, objects) in found {
            if !self.stop.is_cancelled() {
                self.bucket(bucket, objects).await?;
            }
        }
        Ok(())
    }

    async fn bucket(&mut self, name: &str, objects: Vec<InputFile>) -> Result<(), Failure> {
        let source = SourceId::new(format!("s3://{name}"));
        let checkpoint = self.store.checkpoint(&source).await?;
        let stand = objects_checkpoint(checkpoint.as_ref());
        let declared = self.args.decode.log_format.clone();
        let policy = self.args.decode.policy;
        let parquet = Arc::new(ParquetRecords::new()?);
        let mut reader = BucketReader::resume(declared, policy, parquet, stand);
        let sink = self.sink(source, checkpoint, None).await;
        let mut sink = Counted {
            sink,
            counts: &mut self.counts,
            reading: None,
        };
        let read = reader.read(objects, &mut sink, &self.stop).await;
        let ObjectCounts {
            read: new,
            known,
            gone,
        } = reader.counts();
        self.objects.read += new;
        self.objects.known += known;
        self.objects.gone += gone;
        Ok(read?)
    }
}
