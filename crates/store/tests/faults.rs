//! Writes that fail: what is said, what is kept, and that it goes on afterwards.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;

use object_store::memory::InMemory;
use support::faults::{Fault, FaultKind, Faulty};
use support::*;
use vpcflow_store::{Error, Location, Reader, SourceId, Store, StoreOptions, check};

fn source() -> SourceId {
    SourceId::new("file:/flow.log")
}

const NEVER: Fault = Fault {
    write: usize::MAX,
    kind: FaultKind::Before,
};

/// Every write of a commit with rows, rejects and a cursor, failing in every way.
#[tokio::test]
async fn a_commit_that_failed_succeeds_when_tried_again() {
    for write in 0..8 {
        for kind in [
            FaultKind::Before,
            FaultKind::After,
            FaultKind::AlreadyExists,
            FaultKind::Unsynchronised,
        ] {
            let faulty = Faulty::new(Arc::new(InMemory::new()));
            let location = over(Arc::new(faulty.clone()));
            let mut store = open(&location).await;
            store
                .append(&source(), rows(&source(), 0, 30), rejects(&source(), 2))
                .await
                .unwrap();
            store.checkpoint(&source(), at(30));
            faulty.set(Fault { write, kind });
            let first = store.commit().await;
            faulty.set(NEVER);
            if let Err(error) = &first {
                assert!(error.is_transient(), "{error:?}");
                assert_eq!(records(&store.snapshot()).await, expected(&source(), 30));
                assert!(store.commit_due_ms().is_some());
                let commit = store.commit().await.unwrap().unwrap();
                assert_eq!((commit.rows, commit.rejects), (30, 2));
            }
            assert_eq!(store.commit().await.unwrap(), None);
            assert_eq!(
                committed(&location).await,
                expected(&source(), 30),
                "{write} {kind:?}"
            );
            assert_eq!(reject_count(&store.snapshot()).await, 2);
            drop(store);
            faulty.lose_power().await;
            let store = open(&location).await;
            assert_eq!(offset(&store, &source()), 30);
            let mut reader = Reader::open(&location).await.unwrap();
            let check = check(&mut reader).await.unwrap();
            assert_eq!(
                (check.findings, check.orphans),
                (vec![], vec![]),
                "{write} {kind:?}"
            );
        }
    }
}

/// The first entry of a log, written beside the first rows, failing in every way: the
/// commit writes it.
#[tokio::test]
async fn a_table_that_could_not_be_made_is_made_by_the_commit() {
    for kind in [
        FaultKind::Before,
        FaultKind::After,
        FaultKind::AlreadyExists,
        FaultKind::Unsynchronised,
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut disk = None;
        let location = Location::directory_through(directory.path(), |files| {
            let faulty = Faulty::new(files);
            disk = Some(faulty.clone());
            Arc::new(faulty)
        })
        .unwrap();
        disk.unwrap().set(Fault { write: 0, kind });
        let mut store = open(&location).await;
        store
            .append(&source(), rows(&source(), 0, 30), rejects(&source(), 2))
            .await
            .unwrap();
        store.checkpoint(&source(), at(30));
        let commit = store.commit().await.unwrap().unwrap();
        assert_eq!((commit.version, commit.rows), (1, 30), "{kind:?}");
        store.close().await.unwrap();
        assert_eq!(committed(&location).await, expected(&source(), 30));
        assert_sound(&location).await;
    }
}

/// More may come while it is unknown whether a commit arrived.
#[tokio::test]
async fn a_commit_in_doubt_is_not_mixed_with_what_follows() {
    let faulty = Faulty::new(Arc::new(InMemory::new()));
    let location = over(Arc::new(faulty.clone()));
    let mut store = open(&location).await;
    store
        .append(&source(), rows(&source(), 0, 10), no_rejects())
        .await
        .unwrap();
    store.checkpoint(&source(), at(10));
    faulty.set(NEVER);
    store.commit().await.unwrap();
    // The last write of a commit is the entry of the log.
    let entry = faulty.writes() - 1;
    store
        .append(&source(), rows(&source(), 10, 20), no_rejects())
        .await
        .unwrap();
    store.checkpoint(&source(), at(20));
    faulty.set(Fault {
        write: entry,
        kind: FaultKind::After,
    });
    store.commit().await.unwrap_err();
    assert_eq!(committed(&location).await, expected(&source(), 20));
    store
        .append(&source(), rows(&source(), 20, 30), no_rejects())
        .await
        .unwrap();
    store.checkpoint(&source(), at(30));
    assert_eq!(records(&store.snapshot()).await, expected(&source(), 30));
    let commit = store.commit().await.unwrap().unwrap();
    assert_eq!((commit.version, commit.rows), (4, 20));
    assert_eq!(committed(&location).await, expected(&source(), 30));
    assert_eq!(store.source(&source()).unwrap().totals.rows, 30);
}

/// Rows that a commit in doubt has taken are in its files; when more come, only
/// those may be written ahead.
#[tokio::test]
async fn rows_of_a_commit_in_doubt_get_into_no_other_file() {
    let faulty = Faulty::new(Arc::new(InMemory::new()));
    let location = over(Arc::new(faulty.clone()));
    let mut store = open(&location).await;
    store
        .append(&source(), rows(&source(), 0, 40), no_rejects())
        .await
        .unwrap();
    store.checkpoint(&source(), at(40));
    // Files of two days, a cursor, the entry of the log.
    let entry = 3;
    faulty.set(Fault {
        write: entry,
        kind: FaultKind::After,
    });
    let error = store.commit().await.unwrap_err().to_string();
    assert!(error.contains("_delta_log"), "{error}");
    for n in 4..20 {
        store
            .append(
                &source(),
                rows(&source(), n * 10, n * 10 + 10),
                no_rejects(),
            )
            .await
            .unwrap();
        assert_same(
            &records(&store.snapshot()).await,
            &expected(&source(), n * 10 + 10),
            "live",
        );
    }
    store.checkpoint(&source(), at(200));
    store.commit().await.unwrap();
    assert_same(
        &records(&store.snapshot()).await,
        &expected(&source(), 200),
        "live",
    );
    assert_same(
        &committed(&location).await,
        &expected(&source(), 200),
        "committed",
    );
}

#[tokio::test]
async fn a_full_disk_stops_the_source_and_costs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = None;
    let location = Location::directory_through(directory.path(), |files| {
        let faulty = Faulty::new(files);
        disk = Some(faulty.clone());
        Arc::new(faulty)
    })
    .unwrap();
    let disk = disk.unwrap();
    let mut store = open(&location).await;
    disk.fill(true);
    let mut taken = 0;
    let refused = loop {
        match store
            .append(&source(), rows(&source(), taken, taken + 20), no_rejects())
            .await
        {
            Ok(()) => taken += 20,
            Err(error) => break error,
        }
        assert!(taken < 2_000, "memory has no bound");
    };
    assert!(refused.is_transient());
    store.checkpoint(&source(), at(taken));
    assert!(store.commit().await.unwrap_err().is_transient());
    assert_eq!(records(&store.snapshot()).await, expected(&source(), taken));
    disk.fill(false);
    store
        .append(&source(), rows(&source(), taken, taken + 20), no_rejects())
        .await
        .unwrap();
    store.checkpoint(&source(), at(taken + 20));
    store.commit().await.unwrap().unwrap();
    assert_eq!(committed(&location).await, expected(&source(), taken + 20));
}

#[tokio::test]
async fn a_torn_list_removes_nothing() {
    let faulty = Faulty::new(Arc::new(InMemory::new()));
    let location = over(Arc::new(faulty.clone()));
    let mut store = open(&location).await;
    for n in 0..5 {
        store
            .append(
                &source(),
                rows(&source(), n * 10, n * 10 + 10),
                rejects(&source(), 1),
            )
            .await
            .unwrap();
        store.checkpoint(&source(), at(n * 10 + 10));
        store.commit().await.unwrap();
    }
    drop(store);
    faulty.tear_lists(true);
    let torn = Store::open(&location, options(), clock())
        .await
        .unwrap_err();
    assert!(torn.is_transient(), "{torn:?}");
    faulty.tear_lists(false);
    let store = open(&location).await;
    assert_eq!(records(&store.snapshot()).await, expected(&source(), 50));
    assert_eq!(reject_count(&store.snapshot()).await, 5);
}

/// Files, cursors and listings that are answered in another order than they were
/// asked in, while more comes and compaction runs.
#[tokio::test]
async fn a_slow_store_mixes_nothing_up() {
    for seed in 1..=12 {
        let faulty = Faulty::new(Arc::new(InMemory::new()));
        let location = over(Arc::new(faulty.clone()));
        faulty.slow_down(seed);
        let mut store = open(&location).await;
        let second = SourceId::new("file:/second.log");
        for n in 0..12 {
            for source in [&source(), &second] {
                store
                    .append(source, rows(source, n * 40, n * 40 + 40), no_rejects())
                    .await
                    .unwrap();
                store.checkpoint(source, at(n * 40 + 40));
            }
            if n % 3 == 2 {
                store.commit().await.unwrap();
            }
            let snapshot = store.snapshot();
            let all = [&source(), &second].map(|source| expected(source, n * 40 + 40));
            assert_same(&records(&snapshot).await, &all.concat(), &format!("{seed}"));
        }
        store.compact().await.unwrap();
        store.close().await.unwrap();
        let all = [&source(), &second].map(|source| expected(source, 480));
        assert_same(
            &committed(&location).await,
            &all.concat(),
            &format!("{seed}"),
        );
        let mut reader = Reader::open(&location).await.unwrap();
        let check = check(&mut reader).await.unwrap();
        assert_eq!(check.findings, [], "{seed}");
    }
}

/// Upkeep that fails costs nothing, and is tried again.
#[tokio::test]
async fn compaction_survives_failures() {
    for write in 0..4 {
        for kind in [FaultKind::Before, FaultKind::After] {
            let faulty = Faulty::new(Arc::new(InMemory::new()));
            let location = over(Arc::new(faulty.clone()));
            let options = StoreOptions {
                maintain: false,
                ..options()
            };
            let mut store = Store::open(&location, options, clock()).await.unwrap();
            for n in 0..6 {
                store
                    .append(
                        &source(),
                        rows(&source(), n * 10, n * 10 + 10),
                        no_rejects(),
                    )
                    .await
                    .unwrap();
                store.checkpoint(&source(), at(n * 10 + 10));
                store.commit().await.unwrap();
            }
            faulty.set(Fault { write, kind });
            // It may be met by the checkpoint of the log, or not at all.
            let _ = store.compact().await;
            faulty.set(NEVER);
            assert_eq!(records(&store.snapshot()).await, expected(&source(), 60));
            store.compact().await.unwrap();
            assert_eq!(committed(&location).await, expected(&source(), 60));
            drop(store);
            drop(open(&location).await);
            let mut reader = Reader::open(&location).await.unwrap();
            let check = check(&mut reader).await.unwrap();
            assert_eq!(
                (check.findings, check.orphans),
                (vec![], vec![]),
                "{write} {kind:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = Location::directory(&file).unwrap_err();
    assert!(matches!(refused, Error::Location { .. }));
    let below = Location::directory(file.join("store"));
    let refused = match below {
        Ok(location) => Store::open(&location, options(), clock())
            .await
            .unwrap_err(),
        Err(error) => error,
    };
    assert!(refused.to_string().contains("file"), "{refused}");
}
