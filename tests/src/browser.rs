//! A browser without a window, for pages that the binary writes.
//!
//! Chromium is told what to do, and tells what it does, in messages over a pair of
//! pipes: the DevTools protocol. No port is opened.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Names a browser to use, in place of those in `PATH`.
const VARIABLE: &str = "VPCFLOW_CHROMIUM";
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];

/// What the browser may do without being asked, and what a container does not let it.
const FLAGS: [&str; 9] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
];

/// How long an answer may take: a browser that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(240);

/// Colours that a user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    orders: ChildStdin,
    messages: Receiver<Value>,
    last_id: u64,
    session: Option<String>,
    /// What it told unasked, of the page.
    events: Vec<Value>,
    /// Its profile, and what it says on standard error.
    directory: TempDir,
}

impl Browser {
    /// Starts it. `None` when there is none: that is on standard error, and the test
    /// should go on without.
    ///
    /// # Panics
    ///
    /// When there is one that does not start.
    #[must_use]
    pub fn start() -> Option<Browser> {
        let Some(program) = find() else {
            skip();
            return None;
        };
        let directory = tempfile::tempdir().expect("there is a place for a profile");
        let log = File::create(directory.path().join("log")).expect("the profile is writable");
        let profile = format!("--user-data-dir={}", directory.path().display());
        // It reads from descriptor 3 and writes to 4.
        let script = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null";
        let mut process = Command::new("sh")
            .args(["-c", script])
            .arg(&program)
            .args(FLAGS)
            .arg(profile)
            .env("HOME", directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("there is a shell");
        let orders = process.stdin.take().expect("the pipe was asked for");
        let output = process.stdout.take().expect("the pipe was asked for");
        let (sender, messages) = channel();
        thread::spawn(move || {
            // Messages end with a zero.
            for message in BufReader::new(output).split(0) {
                let message = message
                    .ok()
                    .and_then(|text| serde_json::from_slice(&text).ok());
                if message.is_none_or(|message| sender.send(message).is_err()) {
                    break;
                }
            }
        });
        let mut browser = Browser {
            process,
            orders,
            messages,
            last_id: 0,
            session: None,
            events: Vec::new(),
            directory,
        };
        let target = browser.ask("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.ask("Target.attachToTarget", &attach);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Asks it to do something, and waits for its answer.
    ///
    /// # Panics
    ///
    /// When it cannot, or does not answer.
    pub fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.last_id += 1;
        let mut order = json!({"id": self.last_id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        let sent = self.orders.write_all(format!("{order}\0").as_bytes());
        sent.unwrap_or_else(|error| panic!("{method}: {error}\n{}", self.log()));
        loop {
            let mut message = self.next(method);
            if message["id"] != self.last_id {
                self.events.push(message);
                continue;
            }
            assert!(message["error"].is_null(), "{method}: {}", message["error"]);
            return message["result"].take();
        }
    }

    fn next(&self, awaited: &str) -> Value {
        let message = self.messages.recv_timeout(PATIENCE);
        message.unwrap_or_else(|error| panic!("{awaited}: {error}\n{}", self.log()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// How the page is to be seen.
    pub fn look(&mut self, scheme: Scheme, width: u32, height: u32) {
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.ask("Emulation.setEmulatedMedia", &json!({"features": features}));
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Opens a file, and waits until it is there. What was told of pages before is
    /// forgotten.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub fn open(&mut self, file: &Path) {
        self.events.clear();
        let url = format!("file://{}", file.display());
        let answer = self.ask("Page.navigate", &json!({"url": url}));
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
        while !self
            .events
            .iter()
            .any(|event| event["method"] == "Page.loadEventFired")
        {
            let event = self.next("Page.loadEventFired");
            self.events.push(event);
        }
    }

    /// The value of an expression in JavaScript.
    ///
    /// # Panics
    ///
    /// When it throws.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true});
        let mut answer = self.ask("Runtime.evaluate", &parameters);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        answer["result"]["value"].take()
    }

    /// All that the console has of the page.
    #[must_use]
    pub fn console(&self) -> Vec<String> {
        let told = [
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Log.entryAdded",
        ];
        let of_console = |event: &&Value| told.iter().any(|method| event["method"] == *method);
        let events = self.events.iter().filter(of_console);
        events.map(|event| event["params"].to_string()).collect()
    }

    /// The addresses that the page asked for, its own too.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let is_request = |event: &&Value| event["method"] == "Network.requestWillBeSent";
        let requests = self.events.iter().filter(is_request);
        let url = |event: &Value| {
            event["params"]["request"]["url"]
                .as_str()
                .map(str::to_owned)
        };
        requests.filter_map(url).collect()
    }

    /// The page as a picture in PNG: from there on, as wide as it is looked at, and so
    /// high.
    pub fn picture(&mut self, y: f64, height: u32) -> Vec<u8> {
        let width = self.evaluate("innerWidth");
        let clip = json!({"x": 0, "y": y, "width": width, "height": height, "scale": 1});
        let parameters = json!({"format": "png", "clip": clip, "captureBeyondViewport": true});
        self.data("Page.captureScreenshot", &parameters)
    }

    /// The page as it is printed, in PDF.
    pub fn print(&mut self) -> Vec<u8> {
        let parameters = json!({"printBackground": true, "paperWidth": 8.27, "paperHeight": 11.69});
        self.data("Page.printToPDF", &parameters)
    }

    fn data(&mut self, method: &str, parameters: &Value) -> Vec<u8> {
        let answer = self.ask(method, parameters);
        let data = answer["data"].as_str().unwrap_or_default();
        STANDARD.decode(data).expect("what it sends is base64")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It is gone, or goes: there is nothing to be done about an error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn find() -> Option<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let places = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|program| program.is_file())
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip() {
    eprintln!("skipped: there is no Chromium; {VARIABLE} names one");
}
