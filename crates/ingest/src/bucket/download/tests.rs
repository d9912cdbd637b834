use std::sync::Mutex;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;

/// A bucket whose answers break off after some bytes.
#[derive(Debug)]
struct Breaking {
    objects: InMemory,
    after_bytes: usize,
    /// The object is replaced before this request is answered.
    replaced_at: Option<usize>,
    ranges: Mutex<Vec<Option<GetRange>>>,
}

impl std::fmt::Display for Breaking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.objects.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Breaking {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let number = {
            let mut ranges = self.ranges.lock().unwrap();
            ranges.push(options.range.clone());
            ranges.len()
        };
        if self.replaced_at == Some(number) {
            self.objects.put(location, "other".into()).await?;
        }
        let found = self.objects.get_opts(location, options).await?;
        let (meta, range) = (found.meta.clone(), found.range.clone());
        let attributes = found.attributes.clone();
        let bytes = found.bytes().await?;
        let given = bytes.slice(..bytes.len().min(self.after_bytes));
        let broken = (given.len() < bytes.len()).then(|| {
            Err(object_store::Error::Generic {
                store: "S3",
                source: "connection reset".into(),
            })
        });
        let pieces = Some(Ok(given)).into_iter().chain(broken);
        Ok(GetResult {
            payload: GetResultPayload::Stream(futures::stream::iter(pieces).boxed()),
            meta,
            range,
            attributes,
        })
    }

    async fn put_opts(&self, at: &Path, bytes: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.objects.put_opts(at, bytes, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(at, how).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, how).await
    }
}

fn bytes() -> Vec<u8> {
    (0..1_000_u32).map(|number| (number % 251) as u8).collect()
}

fn breaking(after_bytes: usize, replaced_at: Option<usize>) -> Arc<Breaking> {
    Arc::new(Breaking {
        objects: InMemory::new(),
        after_bytes,
        replaced_at,
        ranges: Mutex::default(),
    })
}

async fn start(objects: &Arc<Breaking>) -> Download {
    let path = Path::from("a.log");
    objects.put(&path, bytes().into()).await.unwrap();
    let meta = objects.head(&path).await.unwrap();
    objects.ranges.lock().unwrap().clear();
    let shared: Arc<dyn ObjectStore> = Arc::<Breaking>::clone(objects);
    Download::start(&Bucket::new("logs", shared), &Arc::new(meta)).unwrap()
}

async fn read(mut download: Download) -> (Vec<u8>, Option<String>) {
    let reading = tokio::task::spawn_blocking(move || {
        let mut read = Vec::new();
        let error = download.read_to_end(&mut read).err();
        (read, error.map(|error| error.to_string()))
    });
    reading.await.unwrap()
}

#[tokio::test]
async fn a_body_that_breaks_off_is_taken_up_where_it_stopped() {
    let objects = breaking(300, None);
    let download = start(&objects).await;
    assert_eq!(read(download).await, (bytes(), None));
    let ranges = objects.ranges.lock().unwrap().clone();
    let from = |start: u64| Some(GetRange::from(start..1_000));
    assert_eq!(ranges, [None, from(300), from(600), from(900)]);
}

#[tokio::test]
async fn what_gets_no_further_is_an_error() {
    let objects = breaking(0, None);
    let download = start(&objects).await;
    let (read, error) = read(download).await;
    assert!(read.is_empty());
    assert_eq!(
        error.unwrap(),
        "cannot read `s3://logs/a.log`: connection reset"
    );
}

#[tokio::test]
async fn another_object_is_not_taken_for_the_rest() {
    let objects = breaking(300, Some(2));
    let download = start(&objects).await;
    let (read, error) = read(download).await;
    assert_eq!(read, bytes()[..300]);
    assert_eq!(
        error.unwrap(),
        "`s3://logs/a.log` was replaced since it was listed"
    );
}

#[tokio::test]
async fn nothing_is_fetched_for_nobody() {
    let objects = breaking(10, None);
    let download = start(&objects).await;
    // The task has the bucket, and waits for a reader.
    while objects.ranges.lock().unwrap().len() < PIECES_AHEAD {
        tokio::task::yield_now().await;
    }
    drop(download);
    while Arc::strong_count(&objects) > 1 {
        tokio::task::yield_now().await;
    }
    assert!(objects.ranges.lock().unwrap().len() < 100);
}
