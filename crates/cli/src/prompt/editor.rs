//! The line that is typed: edited, completed, coloured and remembered.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reedline::{
    Color, DefaultHinter, Emacs, FileBackedHistory, IdeMenu, KeyCode, KeyModifiers, MenuBuilder,
    Prompt, PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus, Reedline,
    ReedlineEvent, ReedlineMenu, Signal, ValidationResult, Validator, default_emacs_keybindings,
};
use tempfile::TempDir;
use vpcflow_query::is_whole;

use super::Words;
use super::complete::Completions;
use super::highlight::Colours;
use crate::failure::Failure;

/// Statements that are remembered.
const REMEMBERED: usize = 10_000;
/// The name of the menu of completions.
const MENU: &str = "completions";
/// Completions that are seen at once, and how wide what is said of them is.
const MENU_HEIGHT: u16 = 10;
const MENU_TEXT_WIDTH: u16 = 56;

/// Reads what the user types.
pub(super) struct Editor {
    /// Away while it reads, on a thread that it blocks.
    line: Option<Reedline>,
    stop: Arc<AtomicBool>,
    /// Where a statement is while it is in the user's own editor.
    _scratch: Option<TempDir>,
}

/// What came of reading.
pub(super) enum Typed {
    /// A statement or command, perhaps blank.
    Text(String),
    /// The user gave up what was typed.
    Nothing,
    /// There is no more.
    End,
}

impl Editor {
    /// With the history of earlier prompts, and a reason if there is none.
    pub(super) fn new(words: &Words) -> (Editor, Option<String>) {
        let stop = Arc::new(AtomicBool::new(false));
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let menu = IdeMenu::default()
            .with_name(MENU)
            .with_max_completion_height(MENU_HEIGHT)
            .with_max_description_width(MENU_TEXT_WIDTH)
            .with_default_border();
        let mut line = Reedline::create()
            .with_validator(Box::new(Whole))
            .with_completer(Box::new(Completions(words.clone())))
            .with_partial_completions(true)
            .with_quick_completions(true)
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
            .with_edit_mode(Box::new(Emacs::new(keys())))
            .with_history_exclusion_prefix(Some(" ".to_owned()))
            .with_ansi_colors(colours)
            .use_bracketed_paste(true)
            .with_break_signal(Arc::clone(&stop));
        if colours {
            line = line
                .with_highlighter(Box::new(Colours(words.clone())))
                .with_hinter(Box::new(
                    DefaultHinter::default().with_style(Color::DarkGray.normal()),
                ));
        }
        let mut told = None;
        if let Some(file) = history_file() {
            let history = FileBackedHistory::with_file(REMEMBERED, file.clone());
            match history {
                Ok(history) => line = line.with_history(Box::new(history)),
                Err(error) => {
                    told = Some(format!(
                        "note: what is typed is not remembered: `{}`: {error}",
                        file.display()
                    ));
                }
            }
        }
        let scratch = tempfile::tempdir().ok();
        if let (Some(program), Some(scratch)) = (user_editor(), &scratch) {
            let mut command = Command::new("sh");
            let file = scratch.path().join("statement.sql");
            command
                .args(["-c", &format!("{program} \"$1\""), "sh"])
                .arg(&file);
            line = line.with_buffer_editor(command, file);
        }
        let editor = Editor {
            line: Some(line),
            stop,
            _scratch: scratch,
        };
        (editor, told)
    }

    /// Waits for a whole statement or a command.
    pub(super) async fn read(&mut self) -> Result<Typed, Failure> {
        let Some(mut line) = self.line.take() else {
            return Ok(Typed::End);
        };
        let read = tokio::task::spawn_blocking(move || {
            let signal = line.read_line(&Marks);
            // What others would look for after a crash.
            let _ = line.sync_history();
            (line, signal)
        });
        let (line, signal) = read
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        self.line = Some(line);
        match signal {
            Ok(Signal::Success(text)) => Ok(Typed::Text(text)),
            Ok(Signal::CtrlC) => Ok(Typed::Nothing),
            Ok(_) => Ok(Typed::End),
            Err(error) => Err(Failure::new(format!("cannot read what is typed: {error}"))),
        }
    }

    /// Something to switch that makes [`Editor::read`] return.
    pub(super) fn stop(&self) -> impl Fn() + Send + 'static {
        let stop = Arc::clone(&self.stop);
        move || stop.store(true, Ordering::Relaxed)
    }

    /// Whether there is somebody to type, and a terminal to show it on.
    pub(super) fn is_possible() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}

fn keys() -> reedline::Keybindings {
    let mut keys = default_emacs_keybindings();
    let complete = ReedlineEvent::UntilFound(vec![
        ReedlineEvent::Menu(MENU.to_owned()),
        ReedlineEvent::MenuNext,
    ]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
    keys.add_binding(
        KeyModifiers::SHIFT,
        KeyCode::BackTab,
        ReedlineEvent::MenuPrevious,
    );
    keys
}

/// Where what was typed is kept: it outlives the process, and is of one machine.
fn history_file() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(file) = set("VPCFLOW_HISTORY") {
        return Some(PathBuf::from(file));
    }
    let state = set("XDG_STATE_HOME").map(PathBuf::from);
    let home = || set("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let state = state.filter(|state| state.is_absolute()).or_else(home)?;
    Some(state.join("vpcflow").join("history"))
}

/// The program in which the user edits files, for a shell.
fn user_editor() -> Option<String> {
    let set = |name: &&str| std::env::var(name).ok();
    let named = ["VISUAL", "EDITOR"].iter().find_map(set);
    named.filter(|program| !program.trim().is_empty())
}

/// Enter ends a statement that has its `;`, a command, and a blank line.
struct Whole;

impl Validator for Whole {
    fn validate(&self, line: &str) -> ValidationResult {
        if line.starts_with('\\') || is_whole(line) {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

/// What stands before the lines.
struct Marks;

impl Prompt for Marks {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "vpcflow".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "     -> ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = match search.status {
            PromptHistorySearchStatus::Passing => "",
            PromptHistorySearchStatus::Failing => "no ",
        };
        format!(" ({failing}earlier `{}`) ", search.term).into()
    }

    fn get_prompt_color(&self) -> Color {
        Color::Default
    }

    fn get_prompt_multiline_color(&self) -> Color {
        Color::Default
    }

    fn get_indicator_color(&self) -> Color {
        Color::Default
    }
}
