//! A prompt for SQL: statements and commands, answered one after the other over the
//! same sources.

mod command;
mod complete;
mod describe;
mod editor;
mod highlight;
mod vocabulary;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use vpcflow_ingest::{Location, system_message};
use vpcflow_query::{Library, Limits, OutputFormat, Parameters, infer_parameter, split_statements};

use self::command::Command;
use self::editor::{Editor, Typed};
use self::vocabulary::Vocabulary;
use crate::args::{OutputArgs, SqlArgs};
use crate::failure::Failure;
use crate::open::{Opened, open};
use crate::output::Output;
use crate::print::{Notes, out};
use crate::progress::Progress;
use crate::run::too_long;

/// The vocabulary, which changes when the sources are looked at anew.
#[derive(Clone, Default)]
struct Words(Arc<RwLock<Arc<Vocabulary>>>);

impl Words {
    fn get(&self) -> Arc<Vocabulary> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, words: Vocabulary) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(words);
    }
}

/// Whether `sql` without a statement has somebody to ask for one.
pub(crate) fn is_possible() -> bool {
    Editor::is_possible()
}

/// Reads and answers until the user quits. A statement that fails is told of, and the
/// next one is asked for.
pub(crate) async fn run(args: SqlArgs, limits: Limits) -> Result<(), Failure> {
    if args.from.from.contains(&Location::Stdin) {
        return Err(
            Failure::usage("standard input cannot be the records and the statements")
                .hint("give the statement too, as in `vpcflow sql 'SELECT …' --from -`"),
        );
    }
    // Whoever ends it early ends a statement, not the prompt.
    let signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
    };
    let words = Words::default();
    let prompt = Box::pin(Prompt::new(args, limits, words.clone())).await?;
    let (editor, told) = Editor::new(&words);
    prompt.greet();
    if let Some(told) = told {
        prompt.notes().say(&told);
    }
    Box::pin(prompt.serve(editor, signals)).await
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

struct Prompt {
    args: SqlArgs,
    limits: Limits,
    library: Library,
    opened: Opened,
    words: Words,
    /// Values for the `$name`s of statements, as they were typed.
    parameters: Vec<(String, String)>,
    format: Option<OutputFormat>,
    /// Where the next answer goes.
    file: Option<PathBuf>,
    timing: bool,
    paging: bool,
}

/// Whether there is more to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Read,
    Quit,
}

impl Prompt {
    async fn new(args: SqlArgs, limits: Limits, words: Words) -> Result<Prompt, Failure> {
        let notes = Notes::new(args.from.decode.quiet);
        let opened = open(&args.from, &args.aws, limits.clone(), notes).await?;
        let mut library = Library::shipped()?;
        if let Some(folder) = std::env::var_os("VPCFLOW_LIBRARY") {
            library.add_folder(folder.as_ref())?;
        }
        words.set(Vocabulary::of(&opened.session, &library).await?);
        Ok(Prompt {
            limits,
            library,
            opened,
            words,
            parameters: args.param.clone(),
            format: args.output.output.or(args.output.usual_output),
            file: args.output.out.clone(),
            timing: true,
            paging: true,
            args,
        })
    }

    fn notes(&self) -> Notes {
        Notes::new(self.args.from.decode.quiet)
    }

    fn greet(&self) {
        let version = env!("CARGO_PKG_VERSION");
        let tables = "`flows`, `flows_once`, `rejects`, `enis`, `ingest_log`";
        let notes = self.notes();
        notes.say(&format!(
            "vpcflow {version}: SQL over {tables} and files in quotes. `\\?` helps, `\\q` quits."
        ));
        if self.args.from.is_empty() {
            notes.say(
                "note: no source was named, so `flows` is empty: name one with `--from` or \
                 `--store`, or in a statement, as in FROM 'logs/*.gz'",
            );
        }
    }

    async fn serve(mut self, mut editor: Editor, mut signals: Signals) -> Result<(), Failure> {
        loop {
            let stop = editor.stop();
            let typed = {
                let read = editor.read();
                tokio::pin!(read);
                tokio::select! {
                    typed = &mut read => typed?,
                    _ = signals.terminate.recv() => {
                        // The terminal is as it was before when it has returned.
                        stop();
                        let _ = read.await;
                        return Ok(());
                    }
                }
            };
            let text = match typed {
                Typed::Text(text) => text,
                Typed::Nothing => continue,
                Typed::End => return Ok(()),
            };
            // What was meant for the pager of the last answer, say.
            while signals.interrupt.recv().now_or_never().is_some() {}
            let next = tokio::select! {
                biased;
                _ = signals.terminate.recv() => return Ok(()),
                _ = signals.interrupt.recv() => Err(Failure::interrupted()),
                next = self.take(&text) => next,
            };
            match next {
                Ok(Next::Quit) => return Ok(()),
                Ok(Next::Read) => {}
                // The status is for the end of a process.
                Err(failure) => drop(failure.report()),
            }
        }
    }

    /// Does what was typed.
    async fn take(&mut self, text: &str) -> Result<Next, Failure> {
        if !text.starts_with('\\') {
            self.answer_all(text).await?;
            return Ok(Next::Read);
        }
        let command = Command::parse(text)
            .map_err(|message| Failure::new(message).hint("`\\?` tells the commands"))?;
        if command == Command::Quit {
            return Ok(Next::Quit);
        }
        Box::pin(self.obey(command)).await?;
        Ok(Next::Read)
    }

    async fn obey(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Quit => Ok(()),
            Command::Help => out(&command::help()),
            Command::Describe(None) => out(&describe::tables(&self.words.get())),
            Command::Describe(Some(name)) => {
                self.print(&describe::columns(&self.words.get(), &name)?)
            }
            Command::Functions(word) => {
                self.print(&describe::functions(&self.words.get(), word.as_deref())?)
            }
            Command::Query(None) => self.print(&describe::queries(&self.library)?),
            Command::Query(Some((name, given))) => {
                let query = self.library.find(&name)?.clone();
                let parameters = query.bind(&given)?;
                query.check_fields(&self.opened.session.flows_columns().await?)?;
                self.answer(&query.sql, parameters).await
            }
            Command::Include(file) => {
                let text = fs::read_to_string(&file).map_err(|error| {
                    let message = system_message(&error);
                    Failure::new(format!("cannot read `{}`: {message}", file.display()))
                })?;
                self.answer_all(&text).await
            }
            Command::Output(file) => {
                // A name that tells no format is told of now.
                if file.is_some() {
                    self.output(file.clone())?;
                }
                self.file = file;
                Ok(())
            }
            Command::Format(None) => {
                let format = self.output(None)?.format;
                out(&format!("{format}\n"))
            }
            Command::Format(Some(format)) => {
                let earlier = self.format.replace(format);
                if let Err(failure) = self.output(None) {
                    self.format = earlier;
                    return Err(failure);
                }
                Ok(())
            }
            Command::Set(change) => self.set(change),
            Command::Timing(switch) => switched(&mut self.timing, switch, "timing"),
            Command::Pager(switch) => switched(&mut self.paging, switch, "pager"),
            Command::Refresh => self.refresh().await,
        }
    }

    fn set(&mut self, change: Option<(String, Option<String>)>) -> Result<(), Failure> {
        let Some((key, value)) = change else {
            let mut text = String::new();
            for (key, value) in &self.parameters {
                text.push_str(&format!("${key} = {value}\n"));
            }
            return out(&text);
        };
        self.parameters.retain(|(known, _)| *known != key);
        if let Some(value) = value {
            self.parameters.push((key, value));
        }
        Ok(())
    }

    async fn refresh(&mut self) -> Result<(), Failure> {
        let limits = self.limits.clone();
        self.opened = open(&self.args.from, &self.args.aws, limits, self.notes()).await?;
        let words = Vocabulary::of(&self.opened.session, &self.library).await?;
        self.words.set(words);
        Ok(())
    }

    /// Where rows go, and how they look.
    fn output(&self, file: Option<PathBuf>) -> Result<Output, Failure> {
        let named = file.is_some();
        let output = Output::new(&OutputArgs {
            // The name of a file tells more than what the terminal has.
            output: self.format.filter(|_| !named),
            out: file,
            usual_output: self.format,
        })?;
        Ok(if self.paging { output.paged() } else { output })
    }

    /// Rows that are no answer of a statement.
    fn print(&self, rows: &datafusion::arrow::array::RecordBatch) -> Result<(), Failure> {
        self.output(None)?.print_rows(rows)
    }

    async fn answer_all(&mut self, text: &str) -> Result<(), Failure> {
        for statement in split_statements(text)? {
            // Those that the statement does not name do no harm.
            let parameters = self.parameters.iter();
            let parameters: Parameters = parameters
                .map(|(key, text)| (key.clone(), infer_parameter(text)))
                .collect();
            self.answer(&statement, parameters).await?;
        }
        Ok(())
    }

    /// Prints the answer of a statement, and tells what was read for it.
    async fn answer(&mut self, sql: &str, parameters: Parameters) -> Result<(), Failure> {
        let file = self.file.take();
        let output = self.output(file)?;
        let notes = self.notes();
        let session = &self.opened.session;
        session.forget_counts();
        let answered = async {
            let rows = session.sql(sql, parameters).await?;
            output.print(rows, Progress::new(session, notes)).await
        };
        let answered = match self.args.from.timeout.timeout {
            None => answered.await,
            Some(limit) => within(limit, answered).await,
        };
        let counts = session.counts();
        if self.timing && (answered.is_ok() || counts.records + counts.rejects > 0) {
            notes.summary(counts);
        }
        match answered {
            // The user has left the pager.
            Err(failure) if failure.is_silent() => Ok(()),
            answered => answered,
        }
    }
}

async fn within(
    limit: Duration,
    answered: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let answered = tokio::time::timeout(limit, answered).await;
    answered.unwrap_or_else(|_| Err(too_long(limit)))
}

/// Switches, to the other side unless the user says which, and tells where it is then.
fn switched(state: &mut bool, switch: Option<bool>, name: &str) -> Result<(), Failure> {
    *state = switch.unwrap_or(!*state);
    let word = if *state { "on" } else { "off" };
    out(&format!("{name} is {word}\n"))
}
