//! Where a store is: a directory, or a prefix of a bucket.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::prefix::PrefixStore;
use url::Url;

use crate::durable::DurableFiles;
use crate::error::{Error, Result};

/// The place of a store and the way to its objects.
#[derive(Debug, Clone)]
pub struct Location {
    name: String,
    url: Url,
    /// From the root of the bucket or file system, which Delta's log wants.
    root: Arc<dyn ObjectStore>,
    /// From the store.
    objects: Arc<dyn ObjectStore>,
    directory: Option<PathBuf>,
}

impl Location {
    /// A directory of this machine, which need not exist yet. What is written
    /// there is on the disk when a write returns, not only in its cache.
    ///
    /// # Errors
    /// When the path names something else than a directory.
    pub fn directory(path: impl AsRef<Path>) -> Result<Location> {
        Location::directory_through(path, |files| files)
    }

    /// As [`Location::directory`], with something between the store and its
    /// files: a layer that counts, slows or fails calls.
    ///
    /// # Errors
    /// As [`Location::directory`].
    pub fn directory_through(
        path: impl AsRef<Path>,
        wrap: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>,
    ) -> Result<Location> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let unfit = |reason: String| Error::Location {
            store: name.clone(),
            reason,
        };
        if path.exists() && !path.is_dir() {
            return Err(unfit("it is a file".to_owned()));
        }
        let absolute = absolute(path).map_err(|error| unfit(error.to_string()))?;
        let url = Url::from_directory_path(&absolute)
            .map_err(|()| unfit("the path has no URL".to_owned()))?;
        let root = wrap(Arc::new(DurableFiles::new()));
        let mut location = Location::objects(url, root);
        location.name = name;
        location.directory = Some(absolute);
        Ok(location)
    }

    /// A prefix of an object store: `url` names it, `s3://bucket/prefix`, and
    /// `root` is the whole bucket. The bucket must support conditional writes
    /// (`If-None-Match`), as S3 does.
    pub fn objects(mut url: Url, root: Arc<dyn ObjectStore>) -> Location {
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let prefix = object_store::path::Path::from_url_path(url.path()).unwrap_or_default();
        Location {
            name: url.as_str().trim_end_matches('/').to_owned(),
            url,
            objects: Arc::new(PrefixStore::new(Arc::clone(&root), prefix)),
            root,
            directory: None,
        }
    }

    /// As the user named it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL, with a slash at its end.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// All objects of the bucket or file system: those of the store are below the
    /// path of [`Location::url`].
    pub fn root(&self) -> &Arc<dyn ObjectStore> {
        &self.root
    }

    /// The store's own objects: paths here are relative to the store.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// The directory, of a store on this machine.
    pub fn as_directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }
}

/// The path without `.`, `..` and links, as far as it exists.
fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut missing = Vec::new();
    let mut existing = path.as_path();
    loop {
        match existing.canonicalize() {
            Ok(mut found) => {
                found.extend(missing.iter().rev());
                return Ok(found);
            }
            Err(error) => match (existing.parent(), existing.file_name()) {
                (Some(parent), Some(name)) => {
                    missing.push(name.to_owned());
                    existing = parent;
                }
                _ => return Err(error),
            },
        }
    }
}
