//! What a store promises, step by step.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;

use arrow_array::RecordBatch;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use support::*;
use vpcflow_store::{
    Checkpoint, Error, Location, Reader, SourceId, Store, StoreOptions, check, info,
};

fn source() -> SourceId {
    SourceId::new("logs:123456789012:eu-central-1:/vpc/flow")
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let location = memory();
    let mut store = open(&location).await;
    store
        .append(&source(), rows(&source(), 0, 120), rejects(&source(), 3))
        .await
        .unwrap();
    store
        .append(&source(), rows(&source(), 120, 130), no_rejects())
        .await
        .unwrap();
    store.checkpoint(&source(), at(130));
    store
        .append(&source(), rows(&source(), 130, 140), rejects(&source(), 1))
        .await
        .unwrap();
    assert_eq!(records(&store.snapshot()).await, expected(&source(), 140));
    assert_eq!(reject_count(&store.snapshot()).await, 4);

    let commit = store.commit().await.unwrap().unwrap();
    assert_eq!((commit.rows, commit.rejects), (130, 3));
    assert_eq!(committed(&location).await, expected(&source(), 130));
    // The rest is still seen here, and by nobody else.
    assert_eq!(records(&store.snapshot()).await, expected(&source(), 140));
    assert_eq!(reject_count(&store.snapshot()).await, 4);
    drop(store);

    let store = open(&location).await;
    assert_eq!(offset(&store, &source()), 130);
    assert_eq!(records(&store.snapshot()).await, expected(&source(), 130));
    assert_eq!(reject_count(&store.snapshot()).await, 3);
    assert_sound(&location).await;
}

#[tokio::test]
async fn nothing_is_committed_without_a_checkpoint() {
    let location = memory();
    let mut store = open(&location).await;
    store
        .append(&source(), rows(&source(), 0, 500), no_rejects())
        .await
        .unwrap();
    assert_eq!(store.commit_due_ms(), None);
    assert_eq!(store.commit().await.unwrap(), None);
    assert_eq!(committed(&location).await, []);
    // Files were written ahead; a restart removes them.
    drop(store);
    drop(open(&location).await);
    assert_sound(&location).await;
}

#[tokio::test]
async fn rows_after_a_checkpoint_wait_for_the_next() {
    let location = memory();
    let mut store = open(&location).await;
    for n in 0..20 {
        store
            .append(
                &source(),
                rows(&source(), n * 20, n * 20 + 20),
                no_rejects(),
            )
            .await
            .unwrap();
        if n == 6 {
            store.checkpoint(&source(), at(140));
        }
    }
    store.commit().await.unwrap().unwrap();
    assert_eq!(committed(&location).await, expected(&source(), 140));
    assert_eq!(records(&store.snapshot()).await, expected(&source(), 400));
    store.checkpoint(&source(), at(400));
    store.commit().await.unwrap().unwrap();
    assert_eq!(committed(&location).await, expected(&source(), 400));
    assert_sound(&location).await;
}

#[tokio::test]
async fn several_sources_share_a_commit_and_its_files() {
    let location = memory();
    let mut store = open(&location).await;
    let sources: Vec<_> = (0..5)
        .map(|n| SourceId::new(format!("file:/{n}")))
        .collect();
    for source in &sources {
        store
            .append(source, rows(source, 0, 5), no_rejects())
            .await
            .unwrap();
        store.checkpoint(source, at(5));
    }
    let commit = store.commit().await.unwrap().unwrap();
    assert_eq!(commit.sources.len(), 5);
    // One a day, not one a source.
    assert!(commit.files <= 2, "{commit:?}");
    let all: Vec<_> = sources
        .iter()
        .flat_map(|source| expected(source, 5))
        .collect();
    assert_eq!(committed(&location).await, all);
    drop(store);
    let store = open(&location).await;
    for source in &sources {
        assert_eq!(offset(&store, source), 5);
    }
}

#[tokio::test]
async fn changes_of_a_cursor_are_read_back_in_order() {
    let location = memory();
    let mut store = open(&location).await;
    assert!(store.wants_full_checkpoint(&source()));
    store.checkpoint(&source(), Checkpoint::full("a".into()));
    store.commit().await.unwrap().unwrap();
    assert!(!store.wants_full_checkpoint(&source()));
    store.checkpoint(&source(), Checkpoint::delta("b".into()));
    store.checkpoint(&source(), Checkpoint::delta("c".into()));
    store.commit().await.unwrap().unwrap();
    store.checkpoint(&source(), Checkpoint::delta("d".into()));
    store.commit().await.unwrap().unwrap();
    drop(store);
    let mut store = open(&location).await;
    assert_eq!(
        store.source(&source()).unwrap().cursors,
        ["a", "b", "c", "d"]
    );
    store.checkpoint(&source(), Checkpoint::full("e".into()));
    store.checkpoint(&source(), Checkpoint::delta("f".into()));
    store.commit().await.unwrap().unwrap();
    drop(store);
    let store = open(&location).await;
    assert_eq!(store.source(&source()).unwrap().cursors, ["e", "f"]);
}

#[tokio::test]
async fn unknown_fields_become_columns() {
    let location = memory();
    let mut store = open(&location).await;
    let batch = rows(&source(), 0, 10);
    let text = arrow_array::StringViewArray::from(vec!["x"; 10]);
    let mut columns: Vec<_> = batch
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .zip(batch.columns().to_vec())
        .collect();
    columns.push(("my_field".to_owned(), Arc::new(text)));
    let wider = RecordBatch::try_from_iter(columns).unwrap();
    store.append(&source(), batch, no_rejects()).await.unwrap();
    store.append(&source(), wider, no_rejects()).await.unwrap();
    store.checkpoint(&source(), at(20));
    store.commit().await.unwrap().unwrap();
    drop(store);
    let store = open(&location).await;
    assert!(store.snapshot().schema().index_of("my_field").is_ok());
    assert_eq!(records(&store.snapshot()).await.len(), 20);
}

#[tokio::test]
async fn a_second_owner_stops_the_first() {
    let location = memory();
    let mut first = open(&location).await;
    first
        .append(&source(), rows(&source(), 0, 10), no_rejects())
        .await
        .unwrap();
    first.checkpoint(&source(), at(10));
    let mut second = open(&location).await;
    assert!(matches!(
        first.commit().await,
        Err(Error::OtherOwner { .. })
    ));
    assert!(matches!(first.commit().await, Err(Error::Closed { .. })));
    second
        .append(&source(), rows(&source(), 0, 10), no_rejects())
        .await
        .unwrap();
    second.checkpoint(&source(), at(10));
    second.commit().await.unwrap().unwrap();
    assert_eq!(committed(&location).await, expected(&source(), 10));
}

#[tokio::test]
async fn a_directory_has_one_writer_and_many_readers() {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::directory(directory.path().join("new/store")).unwrap();
    assert!(matches!(
        Reader::open(&location).await,
        Err(Error::Missing { .. })
    ));
    let refused = Store::open(
        &location,
        StoreOptions {
            create: false,
            ..options()
        },
        clock(),
    )
    .await;
    assert!(matches!(refused, Err(Error::Missing { .. })));
    let mut store = open(&location).await;
    let other = Store::open(&location, options(), clock()).await;
    assert!(matches!(other, Err(Error::Locked { .. })));
    // The table may still be on its way; a commit waits for it.
    assert_eq!(store.commit().await.unwrap(), None);
    let mut reader = Reader::open(&location).await.unwrap();
    store
        .append(&source(), rows(&source(), 0, 300), rejects(&source(), 1))
        .await
        .unwrap();
    store.checkpoint(&source(), at(300));
    store.commit().await.unwrap().unwrap();
    assert_eq!(
        records(&reader.snapshot().await.unwrap()).await,
        expected(&source(), 300)
    );
    store.compact().await.unwrap();
    assert_eq!(
        records(&reader.snapshot().await.unwrap()).await,
        expected(&source(), 300)
    );
    store.close().await.unwrap();
    assert_sound(&location).await;
    let mut reader = Reader::open(&location).await.unwrap();
    let info = info(&mut reader).await.unwrap();
    assert_eq!((info.rows, info.rejects, info.commits.len()), (300, 1, 1));
}

#[tokio::test]
async fn damage_is_found() {
    let location = memory();
    let mut store = open(&location).await;
    store
        .append(&source(), rows(&source(), 0, 40), rejects(&source(), 1))
        .await
        .unwrap();
    // The same events once more: a source that repeats itself.
    store
        .append(&source(), rows(&source(), 0, 1), no_rejects())
        .await
        .unwrap();
    store.checkpoint(&source(), at(40));
    store.commit().await.unwrap().unwrap();
    let snapshot = store.snapshot();
    drop(store);
    let problems = async || {
        let mut reader = Reader::open(&location).await.unwrap();
        let check = check(&mut reader).await.unwrap();
        check
            .findings
            .into_iter()
            .map(|f| f.problem)
            .collect::<Vec<_>>()
    };
    assert_eq!(problems().await, ["1 events are in the table twice"]);
    let files: Vec<_> = snapshot.files().cloned().collect();
    let (a, b) = (&files[0].path, &files[1].path);
    location.store().copy(a, b).await.unwrap();
    let rejects = snapshot.rejects_files().next().unwrap();
    location
        .store()
        .delete(&rejects.path.as_str().into())
        .await
        .unwrap();
    location
        .store()
        .put(&"date=2026-11-22/theirs.parquet".into(), "x".into())
        .await
        .unwrap();
    let left = "date=2026-11-22/part-3f2b7d53-2c3f-4dd6-a8a5-5b2a0c1e9f10.parquet";
    location
        .store()
        .put(&left.into(), "x".into())
        .await
        .unwrap();
    let found = problems().await.join("\n");
    assert!(found.contains("bytes, not"), "{found}");
    assert!(
        found.contains("rows are of another day") || found.contains("cannot read"),
        "{found}"
    );
    assert!(found.contains("cannot read `_rejects"), "{found}");
    let mut reader = Reader::open(&location).await.unwrap();
    let orphans = check(&mut reader).await.unwrap().orphans;
    let orphans: Vec<_> = orphans.iter().map(|orphan| orphan.path.as_ref()).collect();
    assert_eq!(orphans, [left]);
}

/// A store that is made where another tool has its files by day leaves them alone.
#[tokio::test]
async fn files_of_others_stay() {
    let directory = tempfile::tempdir().unwrap();
    let day = directory.path().join("date=2026-11-22");
    std::fs::create_dir(&day).unwrap();
    std::fs::write(day.join("flows.parquet"), "theirs").unwrap();
    let location = Location::directory(directory.path()).unwrap();
    for records in [10, 20] {
        let mut store = open(&location).await;
        let from = offset(&store, &source());
        let new = rows(&source(), from, records);
        store.append(&source(), new, no_rejects()).await.unwrap();
        store.checkpoint(&source(), at(records));
        store.close().await.unwrap();
    }
    assert_eq!(std::fs::read(day.join("flows.parquet")).unwrap(), b"theirs");
    assert_eq!(committed(&location).await, expected(&source(), 20));
}

#[tokio::test]
async fn other_tables_are_left_alone() {
    let objects = Arc::new(InMemory::new());
    let location = over(objects);
    let mut entry = String::new();
    for action in [
        r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
        r#"{"metaData":{"id":"5fba94ed-9794-4965-ba6e-6ee3c0d22af9","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":[],"configuration":{},"createdTime":1}}"#,
    ] {
        entry.push_str(action);
        entry.push('\n');
    }
    location
        .store()
        .put(&"_delta_log/00000000000000000000.json".into(), entry.into())
        .await
        .unwrap();
    let foreign = Store::open(&location, options(), clock())
        .await
        .unwrap_err();
    assert!(matches!(foreign, Error::Foreign { .. }), "{foreign:?}");
}

/// The writer runs in tasks of the caller.
#[tokio::test]
async fn the_writer_can_be_sent() {
    let task = tokio::spawn(async {
        let location = memory();
        let mut store = open(&location).await;
        store
            .append(&source(), rows(&source(), 0, 500), no_rejects())
            .await
            .unwrap();
        store.checkpoint(&source(), at(500));
        store.commit().await.unwrap();
        store.maintain().await.unwrap();
        store.compact().await.unwrap();
        store.expire(1).await.unwrap();
        let mut reader = Reader::open(&location).await.unwrap();
        check(&mut reader).await.unwrap();
        store.close().await.unwrap();
    });
    task.await.unwrap();
}

#[tokio::test]
async fn event_ids_of_late_rows_are_found_again() {
    let location = memory();
    let mut store = open(&location).await;
    let other = SourceId::new("logs:other");
    for source in [&source(), &other] {
        store
            .append(source, rows(source, 0, 200), no_rejects())
            .await
            .unwrap();
        store.checkpoint(source, at(200));
    }
    store.commit().await.unwrap().unwrap();
    store
        .append(&source(), rows(&source(), 200, 210), no_rejects())
        .await
        .unwrap();
    let ids = async |since_ms| {
        let mut ids = Vec::new();
        let snapshot = store.snapshot();
        snapshot
            .event_ids(source().as_str(), since_ms..i64::MAX, |_, id| {
                ids.push(id.to_owned())
            })
            .await
            .unwrap();
        ids.sort();
        ids
    };
    let all: Vec<_> = (0..210).map(|n| format!("{n:020}")).collect();
    assert_eq!(ids(0).await, all);
    let today = ids(TODAY_MS).await;
    assert!(today.len() > 50 && today.len() < 150, "{}", today.len());
    // Every row without a time is among them.
    assert!(
        (0..210)
            .filter(|n| n % 50 == 49)
            .all(|n| today.contains(&format!("{n:020}")))
    );
}
