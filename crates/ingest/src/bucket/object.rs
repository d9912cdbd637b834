//! One object.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::ObjectMeta;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::download::Download;
use super::layout::{flow_log, starts_in_file};
use super::listing::Bucket;
use crate::input::InputFile;

/// Objects that are fetched before they are read.
pub const FETCHED_AHEAD: usize = 8;

/// An object of a bucket, as it was listed.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    bucket: Bucket,
    meta: Arc<ObjectMeta>,
    /// What was begun to be fetched.
    begun: Option<Arc<Mutex<Option<Download>>>>,
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.bucket == other.bucket && self.meta == other.meta
    }
}

impl Eq for Object {}

impl Object {
    pub(super) fn new(bucket: Bucket, meta: ObjectMeta) -> Object {
        Object {
            bucket,
            meta: Arc::new(meta),
            begun: None,
        }
    }

    pub(crate) fn name(&self) -> String {
        self.bucket.name_of(self.key())
    }

    pub(crate) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    pub(crate) fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn key(&self) -> &str {
        self.meta.location.as_ref()
    }

    /// The directory that it is in; empty: the bucket itself.
    pub(super) fn directory(&self) -> &str {
        self.key()
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory)
    }

    /// The flow log that it is of, if its key tells that.
    pub(crate) fn flow_log(&self) -> Option<&str> {
        flow_log(self.meta.location.filename()?)
    }

    /// The first and the last time that a record in it may have started, in milliseconds
    /// since the Unix epoch, if its key tells that.
    pub(crate) fn starts_ms(&self) -> Option<(i64, i64)> {
        starts_in_file(self.meta.location.filename()?)
    }

    /// What tells it from any other object that its key ever had: a 128-bit hash of
    /// the key, the entity tag and the size.
    pub(super) fn identity(&self) -> u128 {
        let mut hasher = SipHasher13::new();
        hasher.write(self.key().as_bytes());
        hasher.write_u8(0);
        hasher.write(self.meta.e_tag.as_deref().unwrap_or_default().as_bytes());
        hasher.write_u64(self.meta.size);
        hasher.finish128().as_u128()
    }

    /// The bytes of the object, to be read on a thread that may block.
    ///
    /// # Errors
    /// Outside of a runtime, which would fetch them.
    pub(crate) fn read(&self) -> io::Result<Download> {
        let begun = self.begun.as_ref().and_then(|begun| {
            let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
            begun.take()
        });
        match begun {
            Some(download) => Ok(download),
            None => Download::start(&self.bucket, &self.meta),
        }
    }

    /// Begins to fetch it: the first reading has some of it at once. Dropping all
    /// copies that were made from here on ends it.
    fn begin(&mut self) {
        if self.begun.is_none() {
            // Where it cannot be started, reading tells.
            let begun = Download::start(&self.bucket, &self.meta).ok();
            self.begun = Some(Arc::new(Mutex::new(begun)));
        }
    }
}

impl InputFile {
    /// Begins to fetch an object, as far as a bounded buffer takes it, for who reads
    /// this or a copy of it next. Nothing happens with other files, nor again.
    pub fn fetch_ahead(&mut self) {
        if let Some(object) = &mut self.object {
            object.begin();
        }
    }
}

/// Files, one after the other, while the objects among those that come next are being
/// fetched. What is not asked for any more is not fetched any more.
pub(super) fn read_ahead(
    files: impl IntoIterator<Item = InputFile>,
) -> impl Iterator<Item = InputFile> {
    let mut files = files.into_iter();
    let mut ahead = VecDeque::new();
    std::iter::from_fn(move || {
        while ahead.len() <= FETCHED_AHEAD
            && let Some(mut file) = files.next()
        {
            file.fetch_ahead();
            ahead.push_back(file);
        }
        ahead.pop_front()
    })
}
