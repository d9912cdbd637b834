//! HTTP around the operations.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::api::Service;
use super::faults::Carriage;
use super::lock;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const TARGET_PREFIX: &str = "Logs_20140328.";
/// A full `PutLogEvents` batch is 1 MB of messages, more with JSON's escapes.
const MAX_REQUEST_BYTES: usize = 8 * 1_048_576;

/// Serves on a loopback port until the returned task is aborted.
pub(super) async fn start(service: Arc<Mutex<Service>>, port: u16) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .expect("a loopback port can be bound");
    let address = listener.local_addr().expect("a bound port has an address");
    // Nagle's algorithm and delayed acknowledgements would cost 40 ms a call.
    // Without the option the server is slower, not wrong.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));

    let router = Router::new()
        .fallback(answer)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(service);
    let server = tokio::spawn(async move {
        // It never ends by itself.
        drop(axum::serve(listener, router).await);
    });
    (address, server)
}

async fn answer(
    State(service): State<Arc<Mutex<Service>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.strip_prefix(TARGET_PREFIX))
        .unwrap_or_default();
    let (answer, carriage) = {
        let mut service = lock(&service);
        let answer = service.call(operation, access_key(&headers), &body);
        (answer, service.carriage(operation))
    };
    let (status, body) = match answer {
        Ok(answer) => (StatusCode::OK, answer.write()),
        Err(error) => (
            StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            error.body().into_bytes(),
        ),
    };
    let body = match carriage {
        Carriage::Whole => Body::from(body),
        Carriage::Slow(pause) => {
            tokio::time::sleep(pause).await;
            Body::from(body)
        }
        Carriage::Broken => {
            let half = body[..body.len() / 2].to_vec();
            Body::from_stream(futures::stream::iter([
                Ok(half),
                Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            ]))
        }
    };
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}

/// The access key that a call was signed with; empty if it was not
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html>).
fn access_key(headers: &HeaderMap) -> &str {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let credential = authorization.and_then(|text| text.split_once("Credential="));
    let key = credential.and_then(|(_, credential)| credential.split('/').next());
    key.unwrap_or_default()
}
