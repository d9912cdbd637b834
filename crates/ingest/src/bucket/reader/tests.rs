use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::super::{Bucket, Times};
use super::*;
use crate::checkpoint::Checkpoint;

/// Keeps rows as a store does: those that a checkpoint covers.
#[derive(Debug, Default)]
struct Kept {
    waiting: Vec<i64>,
    rows: Vec<i64>,
    rejects: Vec<String>,
    checkpoint: Option<Checkpoint>,
    notices: Vec<String>,
    /// Asks to stop when so many rows wait.
    stop_at: Option<(usize, CancellationToken)>,
}

#[async_trait::async_trait]
impl Sink for Kept {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        let bytes = batch.rows.column_by_name("bytes").unwrap();
        let bytes = bytes
            .as_any()
            .downcast_ref::<arrow_array::Int64Array>()
            .unwrap();
        self.waiting.extend(bytes.values());
        let sources = batch.rejects.column_by_name("source").unwrap();
        let sources = sources
            .as_any()
            .downcast_ref::<arrow_array::StringViewArray>();
        self.rejects
            .extend(sources.unwrap().iter().flatten().map(ToOwned::to_owned));
        if let Some((rows, stop)) = &self.stop_at
            && self.waiting.len() >= *rows
        {
            stop.cancel();
        }
        Ok(())
    }

    async fn checkpoint(&mut self, _: u64, step: CheckpointDelta) -> Result<(), SinkError> {
        let checkpoint = self.checkpoint.get_or_insert_with(|| Checkpoint::of(&step));
        checkpoint.apply(&step)?;
        self.rows.append(&mut self.waiting);
        Ok(())
    }

    fn notice(&mut self, message: &str) {
        self.notices.push(message.to_owned());
    }
}

impl Kept {
    /// After a restart: what was durable is left.
    fn restarted(self) -> Kept {
        let json = serde_json::to_string(&self.checkpoint).unwrap();
        Kept {
            rows: self.rows,
            checkpoint: serde_json::from_str(&json).unwrap(),
            ..Kept::default()
        }
    }

    fn reader(&self) -> BucketReader {
        let checkpoint = match &self.checkpoint {
            Some(Checkpoint::Objects(checkpoint)) => checkpoint.clone(),
            _ => ObjectsCheckpoint::default(),
        };
        BucketReader::resume(None, Policy::Default, Arc::new(NoParquet), checkpoint)
    }
}

#[derive(Debug)]
struct NoParquet;

impl ParquetDecoder for NoParquet {
    fn decode(&self, file: InputFile) -> BoxStream<'static, Result<Decoded, SinkError>> {
        futures::stream::iter([Err(file.name.into())]).boxed()
    }
}

fn text(numbers: std::ops::Range<i64>) -> Vec<u8> {
    let mut text = "srcaddr bytes start\n".to_owned();
    for number in numbers {
        text.push_str(&format!("10.0.0.1 {number} 1795305600\n"));
    }
    text.into_bytes()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

struct Place {
    objects: Arc<InMemory>,
    bucket: Bucket,
}

impl Place {
    fn new() -> Place {
        let objects = Arc::new(InMemory::new());
        let shared: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&objects);
        Place {
            bucket: Bucket::new("flow-logs", shared),
            objects,
        }
    }

    async fn put(&self, key: &str, bytes: Vec<u8>) {
        self.objects
            .put(&Path::from(key), bytes.into())
            .await
            .unwrap();
    }

    async fn list(&self) -> Vec<InputFile> {
        self.bucket.list("", Times::default()).await.unwrap()
    }

    async fn read(&self, kept: &mut Kept) -> ObjectCounts {
        let mut reader = kept.reader();
        let stop = CancellationToken::new();
        reader.read(self.list().await, kept, &stop).await.unwrap();
        reader.counts()
    }
}

fn counts(read: u64, known: u64, gone: u64) -> ObjectCounts {
    ObjectCounts { read, known, gone }
}

#[tokio::test]
async fn each_object_is_read_once() {
    let place = Place::new();
    place.put("a/1.log.gz", gzip(&text(0..10_000))).await;
    place
        .put(
            "a/2.log",
            [text(10_000..20_000), b"no record\n".to_vec()].concat(),
        )
        .await;
    let mut kept = Kept::default();
    assert_eq!(place.read(&mut kept).await, counts(2, 0, 0));
    assert_eq!(kept.rows, (0..20_000).collect::<Vec<_>>());
    assert_eq!(kept.rejects, ["s3://flow-logs/a/2.log"]);

    // Late ones, and one that was written anew.
    place.put("a/0.log", text(20_000..20_010)).await;
    place.put("b/1.log.gz", gzip(&text(20_010..20_020))).await;
    let mut kept = kept.restarted();
    assert_eq!(place.read(&mut kept).await, counts(2, 2, 0));
    let mut kept = kept.restarted();
    assert_eq!(place.read(&mut kept).await, counts(0, 4, 0));
    assert_eq!(kept.rows, (0..20_020).collect::<Vec<_>>());
    place.put("a/0.log", text(20_020..20_030)).await;
    assert_eq!(place.read(&mut kept).await, counts(1, 3, 0));
    assert_eq!(kept.rows.len(), 20_030);
}

#[tokio::test]
async fn an_object_that_goes_before_its_turn_is_told() {
    let place = Place::new();
    for name in ["1.log", "2.log", "3.log"] {
        place.put(name, text(0..1)).await;
    }
    let listed = place.list().await;
    place.objects.delete(&Path::from("1.log")).await.unwrap();
    place.put("2.log", text(5..6)).await;
    let mut kept = Kept::default();
    let mut reader = kept.reader();
    let stop = CancellationToken::new();
    reader.read(listed, &mut kept, &stop).await.unwrap();
    assert_eq!(reader.counts(), counts(1, 0, 2));
    assert_eq!(
        kept.notices,
        [
            "`s3://flow-logs/1.log` is not there any more: it is left out",
            "`s3://flow-logs/2.log` was replaced since it was listed: it is left out",
        ]
    );
    let mut kept = kept.restarted();
    assert_eq!(place.read(&mut kept).await, counts(1, 1, 0));
    assert_eq!(kept.rows, [0, 5]);
}

#[tokio::test]
async fn nothing_of_half_an_object_is_kept() {
    let place = Place::new();
    place.put("1.log", text(0..10)).await;
    place.put("2.log", text(10..100_000)).await;
    place.put("3.log", text(100_000..100_010)).await;
    let stop = CancellationToken::new();
    let mut kept = Kept {
        stop_at: Some((20, stop.clone())),
        ..Kept::default()
    };
    let mut reader = kept.reader();
    reader
        .read(place.list().await, &mut kept, &stop)
        .await
        .unwrap();
    assert_eq!(reader.counts(), counts(1, 0, 0));
    assert!(!kept.waiting.is_empty());
    let mut kept = kept.restarted();
    assert_eq!(kept.rows.len(), 10);
    assert_eq!(place.read(&mut kept).await, counts(2, 1, 0));
    assert_eq!(kept.rows, (0..100_010).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_damaged_object_is_an_error_that_names_it() {
    let place = Place::new();
    let whole = gzip(&text(0..50_000));
    place.put("1.log", text(0..10)).await;
    place
        .put("2.log.gz", whole[..whole.len() / 2].to_vec())
        .await;
    let mut kept = Kept::default();
    let mut reader = kept.reader();
    let stop = CancellationToken::new();
    let error = reader
        .read(place.list().await, &mut kept, &stop)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("`s3://flow-logs/2.log.gz` ends early"),
        "{text}"
    );
    assert_eq!(kept.restarted().rows, (0..10).collect::<Vec<_>>());
}
