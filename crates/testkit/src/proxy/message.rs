//! One HTTP request, as far as the proxy looks into it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any client waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A request, and which call of AWS it is.
pub(super) struct Request {
    /// The request line and the headers, without those about the connection.
    head: Vec<String>,
    body: Vec<u8>,
    /// Service and operation, such as `iam:CreateRole`.
    pub(super) action: String,
    /// The same for all attempts of one call; empty when the client does not
    /// say.
    pub(super) invocation: String,
}

impl Request {
    /// `None` when the client has closed the connection.
    pub(super) fn read(connection: &mut TcpStream) -> io::Result<Option<Request>> {
        connection.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(connection);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if !line.to_lowercase().starts_with("connection:") {
                head.push(line.to_owned());
            }
        }
        let length = header(&head, "content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        reader.read_exact(&mut body)?;
        Ok(Some(Request {
            action: action(&head, &body),
            invocation: header(&head, "amz-sdk-invocation-id")
                .unwrap_or_default()
                .to_owned(),
            head,
            body,
        }))
    }

    /// The request line, such as `GET /bucket/key HTTP/1.1`.
    pub(super) fn line(&self) -> &str {
        self.head.first().map_or("", |line| line)
    }

    /// Has the server carry the call out, and copies its answer.
    pub(super) fn forward(&self, server: SocketAddr, answer: &mut impl Write) -> io::Result<()> {
        let mut connection = TcpStream::connect(server)?;
        connection.set_nodelay(true)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        let mut message = self.head.join("\r\n").into_bytes();
        message.extend_from_slice(b"\r\nConnection: close\r\n\r\n");
        message.extend_from_slice(&self.body);
        connection.write_all(&message)?;
        io::copy(&mut connection, answer)?;
        Ok(())
    }
}

/// The service is in the scope of the signature; the operation in a header or,
/// for the query protocols, in the form that is the body. S3 has neither: there it is
/// what is done to which path.
fn action(head: &[String], body: &[u8]) -> String {
    let authorization = header(head, "authorization").unwrap_or_default();
    let scope = authorization
        .split("Credential=")
        .nth(1)
        .unwrap_or_default();
    let service = scope.split('/').nth(3).unwrap_or_default();
    if service == "s3" {
        return format!("s3:{}", s3_operation(head.first().map_or("", |line| line)));
    }
    let operation = match header(head, "x-amz-target") {
        Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        None => {
            let form = String::from_utf8_lossy(body);
            let action = form
                .split('&')
                .find_map(|field| field.strip_prefix("Action="));
            action.unwrap_or_default().to_owned()
        }
    };
    format!("{service}:{operation}")
}

/// The operation of a request line, by the path of a bucket.
fn s3_operation(line: &str) -> &'static str {
    let mut words = line.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let is_object = path.trim_matches('/').contains('/');
    match (method, is_object) {
        (Some("GET"), true) => "GetObject",
        (Some("GET"), false) => "ListObjectsV2",
        (Some("HEAD"), true) => "HeadObject",
        (Some("PUT"), true) => "PutObject",
        (Some("DELETE"), true) => "DeleteObject",
        _ => "Other",
    }
}

fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    head.iter().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
