//! The terminal of a live ranking, and the thread that draws on it.

use std::io::{self, Stdout};
use std::panic;
use std::process::{self, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vpcflow_ingest::SourceProgress;
use vpcflow_query::Look;

use super::draw::draw;
use super::keys::{Action, Choice};
use super::sink::Intake;
use super::view::Viewer;
use crate::failure::Failure;

/// How often the screen is drawn, unless somebody presses a key.
const REDRAW: Duration = Duration::from_millis(500);
/// How soon the end is seen.
const GLANCE: Duration = Duration::from_millis(100);

/// Whether the terminal is in the state that is drawn in.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back as it was, if it was taken. Any thread may do so at any
/// time, more than once.
pub(crate) fn restore() {
    if IS_OURS.swap(false, Ordering::SeqCst) {
        // Nobody is left to tell when the terminal is gone.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Takes the terminal.
fn take() -> io::Result<()> {
    enable_raw_mode()?;
    IS_OURS.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, Hide)
}

/// What a panic says goes to a terminal that is as it was.
fn restore_before_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            told(panic);
        }));
    });
}

/// What is shown, and how.
pub(super) struct Shown {
    /// What the user called the sources.
    pub(super) sources: String,
    pub(super) progress: Vec<watch::Receiver<SourceProgress>>,
    pub(super) window_s: i64,
    pub(super) look: Look,
}

/// The thread that draws. It gives the terminal back when it ends.
pub(super) struct Screen {
    thread: JoinHandle<io::Result<()>>,
    ended: Arc<AtomicBool>,
}

impl Screen {
    /// Takes the terminal and draws on it until `stop` is cancelled, which `q` does.
    pub(super) fn start(
        shown: Shown,
        intake: Arc<Mutex<Intake>>,
        stop: CancellationToken,
    ) -> Result<Screen, Failure> {
        restore_before_panics();
        take().inspect_err(|_| restore())?;
        let ended = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ended);
        let thread = thread::Builder::new()
            .name("vpcflow-screen".to_owned())
            .spawn(move || {
                // The sources end with it, also after a panic.
                let _ending = stop.clone().drop_guard();
                let drawn = show(shown, &intake, &stop, &is_over);
                restore();
                drawn
            });
        let thread = thread.inspect_err(|_| restore())?;
        Ok(Screen { thread, ended })
    }

    /// All that the sources had was read.
    pub(super) fn ended(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Waits for the thread, which `stop` has told to end.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self.thread.join() {
            Ok(drawn) => Ok(drawn?),
            Err(_) => Err(Failure::new("internal error: the screen is gone")),
        }
    }
}

type Canvas = Terminal<CrosstermBackend<Stdout>>;

fn show(
    shown: Shown,
    intake: &Mutex<Intake>,
    stop: &CancellationToken,
    ended: &AtomicBool,
) -> io::Result<()> {
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let look = shown.look;
    let mut viewer = Viewer::new(shown);
    let mut choice = Choice::default();
    while !stop.is_cancelled() {
        let size = terminal.size()?;
        let view = viewer.view(
            intake,
            &choice,
            (size.width, size.height),
            ended.load(Ordering::Relaxed),
        )?;
        terminal.draw(|frame| draw(frame, view, &choice, &look))?;
        fail::fail_point!("screen-drawn");
        let next = Instant::now() + REDRAW;
        match wait(next, stop, &mut choice, viewer.rankings())? {
            Action::None => {}
            Action::Quit => break,
            Action::Suspend => suspend(&mut terminal)?,
        }
    }
    Ok(())
}

/// Waits for the next time to draw: when it has come, or a key was pressed.
fn wait(
    next: Instant,
    stop: &CancellationToken,
    choice: &mut Choice,
    rankings: usize,
) -> io::Result<Action> {
    loop {
        let left = next.saturating_duration_since(Instant::now());
        if left.is_zero() || stop.is_cancelled() {
            return Ok(Action::None);
        }
        if !event::poll(left.min(GLANCE))? {
            continue;
        }
        let mut action = Action::None;
        // Keys that came together are drawn together.
        loop {
            if let Event::Key(key) = event::read()? {
                action = choice.press(key, rankings);
            }
            if action != Action::None || !event::poll(Duration::ZERO)? {
                return Ok(action);
            }
        }
    }
}

/// Gives the terminal back and stops, as Ctrl-Z does elsewhere; goes on when the shell
/// says so.
fn suspend(terminal: &mut Canvas) -> io::Result<()> {
    restore();
    // The whole job, as the terminal would: what writes to a pipe of ours as well.
    let stopped = Command::new("sh").args(["-c", "kill -TSTP 0"]).status();
    if stopped.is_err() {
        let _ = Command::new("kill")
            .args(["-TSTP", &process::id().to_string()])
            .status();
    }
    take()?;
    terminal.clear()
}
