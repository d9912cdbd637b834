//! A proxy before an emulator of AWS, for the failures that it never has.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

mod failure;
mod message;

pub use failure::Failure;
use message::{PATIENCE, Request};

/// Passes calls on to a server on loopback, remembers them, and lets those
/// fail that a test names: as AWS fails them, in the wire protocol of each
/// service.
///
/// The attempts of one call are told apart from calls of their own by the
/// `amz-sdk-invocation-id` that every SDK sends along.
///
/// ```no_run
/// use vpcflow_testkit::{Failure, FaultProxy, Moto};
///
/// let Some(moto) = Moto::start() else { return };
/// let proxy = FaultProxy::start(moto.port());
/// proxy.fail("iam:CreateRole", 1, Failure::AccessDenied);
/// println!("{}", proxy.endpoint_url());
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    shared: Arc<Shared>,
    port: u16,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    state: Mutex<State>,
    /// Wakes those that wait for a change of the state.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    /// The action of each call and its number among those of the same action,
    /// in the order of arrival.
    calls: Vec<(String, usize)>,
    numbers: HashMap<String, usize>,
    /// The request lines, each attempt.
    lines: Vec<String>,
    /// The numbers of calls whose attempts may still come.
    invocations: HashMap<String, usize>,
    /// How often all this was forgotten.
    resets: u64,
    is_stopped: bool,
}

/// What fails, and for how many attempts.
#[derive(Debug)]
struct Rule {
    action: String,
    number: usize,
    failure: Failure,
    attempts_left: Option<usize>,
    is_used: bool,
}

impl FaultProxy {
    /// Starts before the server at this port.
    ///
    /// # Panics
    ///
    /// When no port can be bound.
    #[must_use]
    pub fn start(upstream_port: u16) -> FaultProxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port can be bound");
        let port = listener
            .local_addr()
            .expect("a bound port has an address")
            .port();
        let shared = Arc::new(Shared {
            upstream: (Ipv4Addr::LOCALHOST, upstream_port).into(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener)
        });
        FaultProxy {
            shared,
            port,
            acceptor: Some(acceptor),
        }
    }

    /// The URL to give to an AWS client, for every service.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets every attempt of the `number`-th call of an action (such as
    /// `iam:CreateRole`, from 1) fail.
    pub fn fail(&self, action: &str, number: usize, failure: Failure) {
        self.add_rule(action, number, failure, None);
    }

    /// Lets the first attempt of a call fail, and none of its repetitions.
    pub fn fail_once(&self, action: &str, number: usize, failure: Failure) {
        self.add_rule(action, number, failure, Some(1));
    }

    fn add_rule(
        &self,
        action: &str,
        number: usize,
        failure: Failure,
        attempts_left: Option<usize>,
    ) {
        self.shared.state().rules.push(Rule {
            action: action.to_owned(),
            number,
            failure,
            attempts_left,
            is_used: false,
        });
    }

    /// The calls so far, as action and number among those of the same action,
    /// each once however often it was tried.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, usize)> {
        self.shared.state().calls.clone()
    }

    /// The request lines so far, such as `GET /bucket/key HTTP/1.1`, of every attempt.
    #[must_use]
    pub fn request_lines(&self) -> Vec<String> {
        self.shared.state().lines.clone()
    }

    /// The calls that were to fail but did not come.
    #[must_use]
    pub fn unused(&self) -> Vec<(String, usize)> {
        let state = self.shared.state();
        let unused = state.rules.iter().filter(|rule| !rule.is_used);
        unused
            .map(|rule| (rule.action.clone(), rule.number))
            .collect()
    }

    /// Waits until a call has come.
    ///
    /// # Panics
    ///
    /// When it does not come.
    pub fn wait_for_call(&self, action: &str, number: usize) {
        let is_missing = |state: &mut State| {
            let mut calls = state.calls.iter();
            !calls.any(|(known, of_action)| known == action && *of_action == number)
        };
        let waited =
            self.shared
                .changed
                .wait_timeout_while(self.shared.state(), PATIENCE, is_missing);
        let (state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(state);
        assert!(
            !waited.timed_out(),
            "call {number} of {action} did not come"
        );
    }

    /// Forgets the calls and what was to fail; answers that were held back go.
    pub fn reset(&self) {
        let mut state = self.shared.state();
        *state = State {
            resets: state.resets + 1,
            ..State::default()
        };
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.state().is_stopped = true;
        self.shared.changed.notify_all();
        // Wakes the acceptor, which then sees that it is to end.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(acceptor) = self.acceptor.take() {
            // It panics only when a test has already failed.
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves each connection on a thread of its own until stopped.
    fn accept(self: &Arc<Shared>, listener: &TcpListener) {
        thread::scope(|scope| {
            for connection in listener.incoming() {
                if self.state().is_stopped {
                    return;
                }
                let Ok(connection) = connection else { continue };
                // A client that goes away in the middle is none of our trouble.
                scope.spawn(move || drop(self.serve(connection)));
            }
        });
    }

    /// One request; the answer closes the connection.
    fn serve(&self, mut connection: TcpStream) -> io::Result<()> {
        connection.set_nodelay(true)?;
        let Some(request) = Request::read(&mut connection)? else {
            return Ok(());
        };
        match self.failure_of(&request) {
            None => request.forward(self.upstream, &mut connection)?,
            Some(Failure::ConnectionLost) => {}
            Some(Failure::AnswerLost) => request.forward(self.upstream, &mut io::sink())?,
            Some(Failure::NoAnswer) => self.hold_back(),
            Some(failure) => failure.write_to(&mut connection, &request.action)?,
        }
        connection.shutdown(Shutdown::Both)
    }

    /// Notes the call, and tells what is to become of this attempt.
    fn failure_of(&self, request: &Request) -> Option<Failure> {
        let mut state = self.state();
        let number = state.number_of(request);
        state.lines.push(request.line().to_owned());
        self.changed.notify_all();
        let rule = state.rules.iter_mut().find(|rule| {
            rule.action == request.action && rule.number == number && rule.attempts_left != Some(0)
        })?;
        rule.is_used = true;
        if let Some(attempts_left) = &mut rule.attempts_left {
            *attempts_left -= 1;
        }
        Some(rule.failure)
    }

    /// Waits until the test resets or drops the proxy, or for longer than any
    /// client does.
    fn hold_back(&self) {
        let held = self.state();
        let resets = held.resets;
        let goes_on = |state: &mut State| !state.is_stopped && state.resets == resets;
        drop(self.changed.wait_timeout_while(held, PATIENCE, goes_on));
    }
}

impl State {
    fn number_of(&mut self, request: &Request) -> usize {
        if let Some(number) = self.invocations.get(&request.invocation) {
            return *number;
        }
        let number = self.numbers.entry(request.action.clone()).or_default();
        *number += 1;
        let number = *number;
        self.calls.push((request.action.clone(), number));
        if !request.invocation.is_empty() {
            self.invocations.insert(request.invocation.clone(), number);
        }
        number
    }
}

#[cfg(test)]
mod tests;
