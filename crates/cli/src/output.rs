//! Rows to standard output, or to a file.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tempfile::NamedTempFile;
use vpcflow_ingest::system_message;
use vpcflow_query::{Error, OutputFormat, Printer};

use crate::args::OutputArgs;
use crate::failure::Failure;
use crate::pager::Pager;
use crate::progress::Progress;

/// Memory that the rows of an unfinished answer may take.
const HELD_BYTES: usize = 64 * 1024 * 1024;

/// Where the rows of a command go, and how they look.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) format: OutputFormat,
    /// Whether they go to a terminal.
    terminal: bool,
    /// Of the terminal that they go to.
    width: Option<usize>,
    /// The lines of the terminal, if what is longer goes to a pager.
    paged: Option<usize>,
    file: Option<PathBuf>,
}

impl Output {
    /// A table on a terminal, else CSV, unless the user or the name of the file
    /// says otherwise.
    pub(crate) fn new(args: &OutputArgs) -> Result<Output, Failure> {
        let by_name = match &args.out {
            None => None,
            Some(path) => Some(OutputFormat::of_file(path).or(args.output).ok_or_else(|| {
                Failure::usage(format!("the name `{}` tells no format", path.display()))
                    .hint("name one with `-o FORMAT`")
            })?),
        };
        let terminal = args.out.is_none() && io::stdout().is_terminal();
        let default = if terminal {
            OutputFormat::Table
        } else {
            OutputFormat::Csv
        };
        let format = args.output.or(by_name).or(args.usual_output);
        let format = format.unwrap_or(default);
        if terminal && format.is_binary() {
            return Err(
                Failure::usage(format!("`{format}` is no text for a terminal"))
                    .hint("write it to a file with `--out FILE`"),
            );
        }
        Ok(Output {
            format,
            terminal,
            width: terminal.then(terminal_width).flatten(),
            paged: None,
            file: args.out.clone(),
        })
    }

    /// The same, with a pager for text that is longer than the terminal.
    pub(crate) fn paged(self) -> Output {
        let height = terminal_size::terminal_size_of(io::stdout())
            .map(|(_, height)| usize::from(height.0))
            .filter(|_| self.file.is_none() && Pager::is_wanted());
        Output {
            paged: height,
            ..self
        }
    }

    /// A table on standard output.
    pub(crate) fn table() -> Output {
        Output {
            format: OutputFormat::Table,
            terminal: io::stdout().is_terminal(),
            width: terminal_width(),
            paged: None,
            file: None,
        }
    }

    /// Whether rows go to a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The columns of the terminal that rows go to, if they go to one.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Whether one answer is all that fits: a file, or a format that has an end.
    pub(crate) fn takes_one_answer(&self) -> bool {
        self.file.is_some() || self.format.is_binary()
    }

    /// Whether answers that follow each other on standard output make sense.
    pub(crate) fn takes_answers_in_turn(&self) -> bool {
        self.file.is_some() || !self.format.is_binary()
    }

    /// A printer of rows of this schema as they come. A file is written from the
    /// start on.
    pub(crate) fn printer(&self, schema: SchemaRef) -> Result<RowPrinter, Failure> {
        let output: Box<dyn Write + Send> = match &self.file {
            None => Box::new(io::stdout()),
            Some(path) => Box::new(File::create(path).map_err(|error| cannot_write(path, &error))?),
        };
        Ok(Printer::new(
            BufWriter::new(output),
            self.format,
            schema,
            self.width,
        ))
    }

    /// A writer of one answer, which takes the place of the file when it is whole.
    pub(crate) fn answer(&self, schema: SchemaRef) -> Result<Answer, Error> {
        let (output, file) = self.target()?;
        let printer = Printer::new(BufWriter::new(output), self.format, schema, self.width);
        Ok(Answer { printer, file })
    }

    /// Where an answer is written, and the file whose place it takes when it is whole.
    fn target(&self) -> io::Result<(Box<dyn Write + Send>, Option<Unfinished>)> {
        Ok(match &self.file {
            None => match self.paged {
                Some(height) => (Box::new(Pager::new(height)), None),
                None => (Box::new(io::stdout()), None),
            },
            Some(path) => {
                let file = Unfinished::new(path)?;
                (Box::new(file.file.reopen()?), Some(file))
            }
        })
    }

    /// Prints an answer that is text already.
    pub(crate) fn print_text(&self, text: &str) -> Result<(), Failure> {
        let print = || -> Result<(), Error> {
            let (mut output, file) = self.target()?;
            output.write_all(text.as_bytes())?;
            output.flush()?;
            Ok(file.map_or(Ok(()), Unfinished::finish)?)
        };
        print().map_err(|error| self.told(error))
    }

    /// Prints an answer whose rows are all there.
    pub(crate) fn print_rows(&self, rows: &RecordBatch) -> Result<(), Failure> {
        let print = || -> Result<(), Error> {
            let mut answer = self.answer(rows.schema())?;
            answer.write(rows)?;
            answer.finish()
        };
        print().map_err(|error| self.told(error))
    }

    /// Prints the rows of an answer. They are held back until there is no more
    /// of them, so that a query that fails leaves no half of an answer; an
    /// answer larger than [`HELD_BYTES`] is printed as it comes from there on.
    /// Progress is shown until the first of them is printed.
    pub(crate) async fn print(
        &self,
        mut rows: SendableRecordBatchStream,
        mut progress: Progress<'_>,
    ) -> Result<(), Failure> {
        let mut answer = self
            .answer(rows.schema())
            .map_err(|error| self.told(error))?;
        let mut held = Vec::new();
        let mut held_bytes = 0;
        while let Some(batch) = progress.beside(rows.next()).await {
            let batch = batch.map_err(Error::from)?;
            held_bytes += batch.get_array_memory_size();
            held.push(batch);
            if held_bytes > HELD_BYTES {
                progress.end();
                for batch in held.drain(..) {
                    answer.write(&batch)?;
                }
            }
        }
        progress.end();
        for batch in held {
            answer.write(&batch)?;
        }
        answer.finish().map_err(|error| self.told(error))
    }

    /// A failure to write, with the file's name.
    fn told(&self, error: Error) -> Failure {
        match (&self.file, error) {
            (Some(path), Error::Output(error)) => cannot_write(path, &error),
            (_, error) => error.into(),
        }
    }
}

/// A printer to standard output or a file.
pub(crate) type RowPrinter = Printer<BufWriter<Box<dyn Write + Send>>>;

/// An answer in the making.
pub(crate) struct Answer {
    printer: RowPrinter,
    file: Option<Unfinished>,
}

impl Answer {
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.printer.write(batch)
    }

    pub(crate) fn finish(self) -> Result<(), Error> {
        self.printer.finish()?;
        Ok(self.file.map_or(Ok(()), Unfinished::finish)?)
    }
}

/// A file that is being written, and takes the place of another when it is whole.
pub(crate) struct Unfinished {
    file: NamedTempFile,
    path: PathBuf,
}

impl Unfinished {
    /// A file that is to have this name.
    pub(crate) fn new(path: &Path) -> io::Result<Unfinished> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder);
        // What is wrong with the folder, rather than with a name that nobody has given.
        let file = file.map_err(|error| fs::read_dir(folder).err().unwrap_or(error))?;
        let path = path.to_owned();
        Ok(Unfinished { file, path })
    }

    /// The file with all that is to be in it.
    pub(crate) fn fill(mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.finish()
    }

    fn finish(self) -> io::Result<()> {
        self.file.persist(self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let message = system_message(error);
    Failure::new(format!("cannot write `{}`: {message}", path.display()))
}

/// The columns of the terminal that standard output is, if it is one.
fn terminal_width() -> Option<usize> {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map(|(width, _)| usize::from(width.0))
}
