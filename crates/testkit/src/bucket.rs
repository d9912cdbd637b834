//! A bucket in an emulator of S3.

use crate::{Moto, http};

/// The scope tells the emulator which service is meant; signatures are not checked.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, \
                             SignedHeaders=host, Signature=0";

/// A bucket that a test fills.
#[derive(Debug, Clone)]
pub struct Bucket {
    port: u16,
    name: String,
}

impl Bucket {
    /// Makes a bucket.
    ///
    /// # Panics
    ///
    /// When the emulator does not.
    #[must_use]
    pub fn create(moto: &Moto, name: &str) -> Bucket {
        let bucket = Bucket {
            port: moto.port(),
            name: name.to_owned(),
        };
        bucket.request("PUT", &format!("/{name}"), b"");
        bucket
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts an object, or another one in its place.
    ///
    /// # Panics
    ///
    /// When the emulator does not take it.
    pub fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        self.request("PUT", &format!("/{}/{key}", self.name), bytes.as_ref());
    }

    /// Lets everybody list and read the bucket, without credentials too.
    ///
    /// # Panics
    ///
    /// When the emulator does not.
    pub fn publish(&self) {
        let name = &self.name;
        let policy = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": "*",
                "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": ["arn:aws:s3:::{name}", "arn:aws:s3:::{name}/*"]}}]}}"#
        );
        self.request("PUT", &format!("/{name}?policy"), policy.as_bytes());
    }

    /// Deletes an object.
    ///
    /// # Panics
    ///
    /// When the emulator does not.
    pub fn delete(&self, key: &str) {
        self.request("DELETE", &format!("/{}/{key}", self.name), b"");
    }

    fn request(&self, method: &str, path: &str, body: &[u8]) {
        let headers = [("Authorization", AUTHORIZATION)];
        match http::request(self.port, method, path, &headers, body) {
            Ok((200..300, _)) => {}
            answer => panic!("{method} {path}: {answer:?}"),
        }
    }
}
