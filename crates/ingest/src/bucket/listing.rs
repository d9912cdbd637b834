//! Finding objects.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::error::{Access, BucketError};
use super::keys::Keys;
use super::layout::{Times, time_of_file, times_of_directory};
use super::object::Object;
use crate::input::{InputError, InputFile};

/// Directories that are listed at a time.
const LISTED_AT_ONCE: usize = 16;

/// A bucket of S3, or of what speaks its protocol.
#[derive(Clone)]
pub struct Bucket {
    name: Arc<str>,
    objects: Arc<dyn ObjectStore>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.name).finish()
    }
}

impl PartialEq for Bucket {
    fn eq(&self, other: &Bucket) -> bool {
        self.name == other.name
    }
}

impl Eq for Bucket {}

impl Bucket {
    /// The bucket of this name, whose objects these are.
    pub fn new(name: &str, objects: Arc<dyn ObjectStore>) -> Bucket {
        Bucket {
            name: name.into(),
            objects,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its objects.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// What messages and `rejects.source` call a key.
    pub(super) fn name_of(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// The objects that `keys` mean, in order of their keys: the object of that key,
    /// all logs below it, or what matches it. Those that, by their keys, have no
    /// record of these times are not among them, and directories of such are not
    /// listed. Empty objects are none.
    ///
    /// # Errors
    /// When the bucket cannot be listed, or there is nothing.
    pub async fn list(&self, keys: &str, times: Times) -> Result<Vec<InputFile>, InputError> {
        let meant = Keys::new(keys);
        let mut found = match self.single(&meant).await? {
            Some(object) => vec![object],
            None => self.below(&meant, times).await?,
        };
        found.retain(|object| object.size > 0);
        if found.is_empty() {
            return Err(BucketError::Nothing {
                location: self.name_of(keys),
                in_times: !times.is_all(),
            }
            .into());
        }
        found.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        let file = |object| InputFile::of_object(Object::new(self.clone(), object));
        Ok(found.into_iter().map(file).collect())
    }

    /// The object, if it is one that is named.
    async fn single(&self, keys: &Keys) -> Result<Option<ObjectMeta>, BucketError> {
        let Keys::Below(key) = keys else {
            return Ok(None);
        };
        // Directories seldom have a dot, objects seldom have none.
        let name = key.rsplit('/').next().unwrap_or_default();
        if !name.contains('.') {
            return Ok(None);
        }
        match self.objects.head(&self.path(key)?).await {
            Ok(object) => Ok(Some(object)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(Access::Read, key, &error)),
        }
    }

    /// The objects below a directory, a level of directories after the other.
    async fn below(&self, keys: &Keys, times: Times) -> Result<Vec<ObjectMeta>, BucketError> {
        let mut found = Vec::new();
        let mut level = vec![keys.base().to_owned()];
        while !level.is_empty() {
            let listings: Vec<BoxFuture<'_, _>> = level
                .iter()
                .map(|directory| self.listing(directory, keys, times).boxed())
                .collect();
            let listings = futures::stream::iter(listings).buffered(LISTED_AT_ONCE);
            let listed: Vec<(Vec<ObjectMeta>, Vec<String>)> = listings.try_collect().await?;
            level = Vec::new();
            for (objects, directories) in listed {
                found.extend(objects);
                level.extend(directories);
            }
        }
        Ok(found)
    }

    /// The objects to read of one directory, and the directories to list then.
    async fn listing(
        &self,
        directory: &str,
        keys: &Keys,
        times: Times,
    ) -> Result<(Vec<ObjectMeta>, Vec<String>), BucketError> {
        let path = self.path(directory)?;
        let is_meant = |object: &ObjectMeta| {
            let key = object.location.as_ref();
            let name = object.location.filename().unwrap_or_default();
            let time = time_of_file(name).map(|time| time..time);
            keys.matches(key) && time.is_none_or(|time| times.may_be_in(&time))
        };
        let all_times = times.is_all()
            || times_of_directory(directory).is_some_and(|found| times.may_be_in_all(&found));
        if all_times && keys.takes_all_below(directory) {
            let mut objects = Vec::new();
            let mut stream = self.objects.list(Some(&path));
            while let Some(object) = stream.next().await {
                let object =
                    object.map_err(|error| self.failed(Access::List, directory, &error))?;
                objects.extend(Some(object).filter(is_meant));
            }
            return Ok((objects, Vec::new()));
        }
        let listed = self.objects.list_with_delimiter(Some(&path)).await;
        let listed = listed.map_err(|error| self.failed(Access::List, directory, &error))?;
        let is_wanted = |directory: &String| {
            let found = times_of_directory(directory);
            keys.may_be_below(directory) && found.is_none_or(|found| times.may_be_in(&found))
        };
        let directories = listed.common_prefixes.into_iter().map(String::from);
        Ok((
            listed.objects.into_iter().filter(is_meant).collect(),
            directories.filter(is_wanted).collect(),
        ))
    }

    fn path(&self, key: &str) -> Result<Path, BucketError> {
        Path::parse(key).map_err(|error| self.failed(Access::List, key, &error.into()))
    }

    fn failed(&self, access: Access, key: &str, error: &object_store::Error) -> BucketError {
        BucketError::new(access, &self.name, &self.name_of(key), error)
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    const DAY: &str = "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/11";
    /// 2026-11-22T00:00:00Z.
    const NOV_22: i64 = 1_795_305_600_000;
    const HOUR_MS: i64 = 3_600_000;

    async fn bucket(keys: &[String]) -> Bucket {
        let objects = InMemory::new();
        for key in keys {
            let bytes: &'static [u8] = if key.ends_with("empty.log") {
                b""
            } else {
                b"x"
            };
            objects
                .put(&Path::parse(key).unwrap(), bytes.into())
                .await
                .unwrap();
        }
        Bucket::new("flow-logs", Arc::new(objects))
    }

    async fn names(bucket: &Bucket, keys: &str, times: Times) -> Vec<String> {
        let files = bucket.list(keys, times).await.unwrap();
        files.into_iter().map(|file| file.name).collect()
    }

    #[tokio::test]
    async fn a_prefix_a_pattern_and_a_key() {
        let keys = [
            "a/b/x.log.gz",
            "a/b.log",
            "a/b/c/000000",
            "a/b/page.html",
            "a/empty.log",
            "ab.log",
        ];
        let bucket = bucket(&keys.map(ToOwned::to_owned)).await;
        let all = Times::default();
        let found = [
            "s3://flow-logs/a/b.log",
            "s3://flow-logs/a/b/c/000000",
            "s3://flow-logs/a/b/x.log.gz",
        ];
        assert_eq!(names(&bucket, "a", all).await, found);
        assert_eq!(names(&bucket, "a/b", all).await, found[1..]);
        assert_eq!(names(&bucket, "a/b.log", all).await, found[..1]);
        assert_eq!(
            names(&bucket, "a*/**/*.log*", all).await,
            [found[0], found[2]]
        );
        assert_eq!(
            names(&bucket, "a*.log", all).await,
            ["s3://flow-logs/ab.log"]
        );
        assert_eq!(
            names(&bucket, "a/b/page.*", all).await,
            ["s3://flow-logs/a/b/page.html"]
        );
        let error = bucket.list("c", all).await.unwrap_err();
        assert_eq!(error.to_string(), "no object in `s3://flow-logs/c`");
        assert!(error.hint().unwrap().contains("`s3://flow-logs/c*`"));
    }

    #[tokio::test]
    async fn times_in_keys_leave_objects_out() {
        let mut keys = vec!["AWSLogs/notes.log".to_owned()];
        for day in 20..25 {
            for hour in [0, 10, 23] {
                let name =
                    format!("1_vpcflowlogs_eu-central-1_fl-1_202611{day}T{hour:02}00Z_0.log.gz");
                keys.push(format!("{DAY}/{day}/{name}"));
            }
        }
        let bucket = bucket(&keys).await;
        let times = Times {
            since_ms: Some(NOV_22),
            until_ms: Some(NOV_22 + 9 * HOUR_MS),
        };
        let found = names(&bucket, "AWSLogs", times).await;
        let found: Vec<_> = found
            .iter()
            .map(|name| name.rsplit('/').next().unwrap())
            .collect();
        // What cannot be placed is never left out.
        assert_eq!(
            found,
            [
                "1_vpcflowlogs_eu-central-1_fl-1_20261122T0000Z_0.log.gz",
                "1_vpcflowlogs_eu-central-1_fl-1_20261122T1000Z_0.log.gz",
                "notes.log",
            ]
        );
        let times = Times {
            since_ms: Some(NOV_22 + 300 * HOUR_MS),
            until_ms: None,
        };
        let error = bucket.list("AWSLogs/*/**", times).await.unwrap_err();
        assert!(
            error.to_string().ends_with("has records of these times"),
            "{error}"
        );
    }
}
