//! A store in a bucket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use support::*;
use url::Url;
use vpcflow_store::{Error, Location, Reader, SourceId, Store, StoreOptions, check};
use vpcflow_testkit::{Bucket, Moto};

const BUCKET: &str = "flow-logs";

fn location(moto: &Moto) -> Location {
    let objects = AmazonS3Builder::new()
        .with_endpoint(moto.endpoint_url())
        .with_allow_http(true)
        .with_region("eu-central-1")
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .with_bucket_name(BUCKET)
        .build()
        .unwrap();
    let url = Url::parse(&format!("s3://{BUCKET}/team/store")).unwrap();
    Location::objects(url, Arc::new(objects))
}

#[tokio::test]
async fn a_bucket_keeps_a_store_with_one_owner() {
    let Some(moto) = Moto::start() else { return };
    let _bucket = Bucket::create(&moto, BUCKET);
    let location = location(&moto);
    let missing = Reader::open(&location).await.unwrap_err();
    assert!(matches!(missing, Error::Missing { .. }), "{missing:?}");

    let source = SourceId::new("logs:123456789012:eu-central-1:/vpc/flow");
    let options = StoreOptions {
        maintain: false,
        ..options()
    };
    let mut store = Store::open(&location, options.clone(), clock())
        .await
        .unwrap();
    for n in 0..3 {
        store
            .append(
                &source,
                rows(&source, n * 100, n * 100 + 100),
                rejects(&source, 1),
            )
            .await
            .unwrap();
        store.checkpoint(&source, at(n * 100 + 100));
        store.commit().await.unwrap().unwrap();
    }
    // Another process takes over; the first one stops before it does any harm.
    let mut second = Store::open(&location, options, clock()).await.unwrap();
    assert_eq!(offset(&second, &source), 300);
    store
        .append(&source, rows(&source, 300, 400), no_rejects())
        .await
        .unwrap();
    store.checkpoint(&source, at(400));
    let stopped = store.commit().await.unwrap_err();
    assert!(matches!(stopped, Error::OtherOwner { .. }), "{stopped:?}");
    second
        .append(&source, rows(&source, 300, 310), no_rejects())
        .await
        .unwrap();
    second.checkpoint(&source, at(310));
    second.commit().await.unwrap().unwrap();
    second.compact().await.unwrap();
    second.close().await.unwrap();

    let mut reader = Reader::open(&location).await.unwrap();
    let snapshot = reader.snapshot().await.unwrap();
    assert!(snapshot.files().count() <= 3);
    assert_same(
        &records(&snapshot).await,
        &expected(&source, 310),
        "committed",
    );
    assert_eq!(reject_count(&snapshot).await, 3);
    assert_eq!(check(&mut reader).await.unwrap().findings, []);
}
