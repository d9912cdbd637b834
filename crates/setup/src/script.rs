//! For tests: an endpoint that answers from a script, for the answers of AWS
//! that no emulator gives.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Provisioner;
use crate::backoff::Backoff;

/// The answers still to give, as status and body, and the bodies received.
#[derive(Default)]
struct Exchange {
    answers: VecDeque<(u16, String)>,
    requests: Vec<String>,
}

pub(crate) struct Script {
    exchange: Arc<Mutex<Exchange>>,
    endpoint_url: String,
    server: JoinHandle<()>,
}

impl Script {
    /// Gives these answers, whatever it is asked. One request too many is
    /// answered with an error that names the script.
    pub(crate) async fn start(answers: impl IntoIterator<Item = (u16, String)>) -> Script {
        let answers = answers.into_iter().collect();
        let exchange = Arc::new(Mutex::new(Exchange {
            answers,
            requests: Vec::new(),
        }));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint_url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&exchange));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Script {
            exchange,
            endpoint_url,
            server,
        }
    }

    /// A provisioner that asks the script, hardly waits, and sends no request
    /// twice by itself.
    pub(crate) fn provisioner(&self) -> Provisioner {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let provider = SharedCredentialsProvider::new(credentials);
        let mut provisioner = Provisioner::new(&config(&self.endpoint_url, provider)).unwrap();
        provisioner.new_role_backoff = Backoff {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(2),
            total: Duration::from_millis(5),
        };
        provisioner
    }

    /// The bodies of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.exchange.lock().unwrap().requests.clone()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn config(endpoint_url: &str, provider: SharedCredentialsProvider) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(endpoint_url)
        .retry_config(RetryConfig::disabled())
        .credentials_provider(provider)
        .build()
}

async fn answer(
    State(exchange): State<Arc<Mutex<Exchange>>>,
    body: String,
) -> (StatusCode, String) {
    let mut exchange = exchange.lock().unwrap();
    exchange.requests.push(body);
    let beyond = || ec2_error("EndOfScript", "the script has no answer left");
    let (status, body) = exchange.answers.pop_front().unwrap_or_else(beyond);
    (StatusCode::from_u16(status).unwrap(), body)
}

/// An error as EC2 answers it.
pub(crate) fn ec2_error(code: &str, message: &str) -> (u16, String) {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (
        400,
        format!("<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"),
    )
}

/// A success as EC2 answers it, with this content.
pub(crate) fn ec2_answer(action: &str, content: &str) -> (u16, String) {
    let namespace = "http://ec2.amazonaws.com/doc/2016-11-15/";
    (
        200,
        format!("<{action}Response xmlns=\"{namespace}\">{content}</{action}Response>"),
    )
}
