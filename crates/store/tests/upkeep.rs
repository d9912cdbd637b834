//! Compaction, retention, clean-up, and readers that meet them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;

use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use support::*;
use vpcflow_ingest::Clock;
use vpcflow_store::{Checkpoint, Reader, SourceId, Store, StoreOptions};

fn source() -> SourceId {
    SourceId::new("logs:123456789012:eu-central-1:/vpc/flow")
}

#[tokio::test]
async fn compaction_leaves_few_files_and_the_same_rows() {
    let location = memory();
    let mut store = Store::open(
        &location,
        StoreOptions {
            maintain: false,
            ..options()
        },
        clock(),
    )
    .await
    .unwrap();
    for n in 0..40 {
        store
            .append(
                &source(),
                rows(&source(), n * 10, n * 10 + 10),
                rejects(&source(), 1),
            )
            .await
            .unwrap();
        store.checkpoint(&source(), at(n * 10 + 10));
        store.commit().await.unwrap().unwrap();
    }
    let files = store.snapshot().files().count();
    let done = store.compact().await.unwrap();
    assert!(done.compacted_files >= files, "{done:?}");
    let snapshot = store.snapshot();
    // Two days, and rows without a time.
    assert!(
        snapshot.files().count() <= 3,
        "{files}: {:?}",
        snapshot.files().collect::<Vec<_>>()
    );
    assert_eq!(records(&snapshot).await, expected(&source(), 400));
    assert_eq!(reject_count(&snapshot).await, 40);
    assert!(snapshot.rejects_files().count() < 40);
    assert_eq!(committed(&location).await, expected(&source(), 400));
    drop(store);
    drop(open(&location).await);
    assert_sound(&location).await;
}

#[tokio::test]
async fn the_writer_compacts_and_cleans_up_unasked() {
    let location = memory();
    let mut store = open(&location).await;
    for n in 0..250 {
        store
            .append(&source(), rows(&source(), n * 4, n * 4 + 4), no_rejects())
            .await
            .unwrap();
        store.checkpoint(&source(), Checkpoint::delta(n.into()));
        store.commit().await.unwrap().unwrap();
        // Compaction runs beside.
        tokio::task::yield_now().await;
    }
    store.maintain().await.unwrap();
    assert!(store.take_failures().is_empty());
    let snapshot = store.snapshot();
    assert!(
        snapshot.files().count() < 60,
        "{}",
        snapshot.files().count()
    );
    assert_eq!(records(&snapshot).await, expected(&source(), 1000));
    let log = location.store().list(Some(&"_delta_log".into()));
    let log: Vec<ObjectMeta> = log.try_collect().await.unwrap();
    assert!(
        log.iter()
            .any(|meta| meta.location.as_ref().ends_with(".checkpoint.parquet")),
        "{log:?}"
    );
    drop(store);
    let store = open(&location).await;
    assert_eq!(records(&store.snapshot()).await, expected(&source(), 1000));
    let cursors = &store.source(&source()).unwrap().cursors;
    assert_eq!(cursors.len(), 250);
    drop(store);
    assert_sound(&location).await;
}

#[tokio::test]
async fn old_days_are_dropped_and_their_files_removed_later() {
    let location = memory();
    let clock = clock();
    let options = StoreOptions {
        maintain: false,
        ..options()
    };
    let mut store = Store::open(&location, options, Arc::clone(&clock) as _)
        .await
        .unwrap();
    store
        .append(&source(), rows(&source(), 0, 200), rejects(&source(), 2))
        .await
        .unwrap();
    store.checkpoint(&source(), at(200));
    store.commit().await.unwrap().unwrap();
    let before = store.snapshot();
    let yesterday: u64 = before
        .files()
        .filter(|f| f.date.is_some_and(|d| d.to_string() == "2026-11-21"))
        .map(|f| f.rows)
        .sum();
    assert!(yesterday > 0);

    let done = store.expire(1).await.unwrap();
    assert_eq!(
        (done.expired_rows, done.expired_rejects_files),
        (yesterday, 0)
    );
    assert_eq!(
        records(&store.snapshot()).await.len() as u64,
        200 - yesterday
    );
    // Whoever reads the version before still can.
    assert_eq!(records(&before).await.len(), 200);

    clock.sleep_until_ms(TODAY_MS + 3 * DAY_MS).await;
    let done = store.expire(1).await.unwrap();
    assert_eq!(done.expired_rejects_files, 1);
    assert_eq!(records(&store.snapshot()).await, []);
    assert_eq!(reject_count(&store.snapshot()).await, 0);
    clock.sleep_until_ms(TODAY_MS + 4 * DAY_MS).await;
    store.maintain().await.unwrap();
    let path = before.files().next().unwrap().path.clone();
    assert!(location.store().head(&path).await.is_err());
    assert_eq!(offset(&store, &source()), 200);
}

/// A reader that slept while the entries that it needs were removed.
#[tokio::test]
async fn a_reader_catches_up_from_a_checkpoint() {
    // Long after any time that the store's objects can have.
    let clock = Arc::new(vpcflow_ingest::SimulatedClock::new(4_102_444_800_000));
    let location = memory();
    let mut store = Store::open(&location, options(), clock).await.unwrap();
    let mut reader = Reader::open(&location).await.unwrap();
    for n in 0..130 {
        store
            .append(&source(), rows(&source(), n, n + 1), no_rejects())
            .await
            .unwrap();
        store.checkpoint(&source(), at(n + 1));
        store.commit().await.unwrap();
    }
    let entry = "_delta_log/00000000000000000005.json".into();
    assert!(
        location.store().head(&entry).await.is_err(),
        "the log is cleaned up"
    );
    let snapshot = reader.snapshot().await.unwrap();
    assert_eq!(snapshot.version(), store.snapshot().version());
    assert_same(&records(&snapshot).await, &expected(&source(), 130), "read");
    let commits = snapshot.commits().await.unwrap();
    assert_eq!((commits.len(), commits[0].seq), (64, 130));
}
