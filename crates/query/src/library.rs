//! The query library: statements with descriptions, parameters and the fields
//! they need; those of the folder `queries`, and those of a user's own folder.
//!
//! A query is a file `<pack>/<name>.sql` that begins with comments:
//!
//! ```text
//! -- One line that says what the answer is.
//! --
//! -- More about it, if there is more to say.
//! -- param limit INT 10: rows to show
//! -- param address TEXT: an address; without a default it has to be given
//! -- param ports TEXT '22,3389': texts may be quoted
//! -- needs flow_direction
//! ```

mod parameter;
mod query;
mod shipped;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringViewArray};

use crate::error::{Error, similar};

pub use self::parameter::{Parameter, ParameterKind, infer_parameter};
pub use self::query::Query;

/// The pack of a user's queries that are in no folder of their own.
const OWN_PACK: &str = "own";

/// Queries by pack and name. No two have the same name.
#[derive(Debug, Clone, Default)]
pub struct Library {
    queries: Vec<Query>,
}

impl Library {
    /// The queries that are shipped.
    ///
    /// # Errors
    /// When the head of one cannot be read, which a test rules out.
    pub fn shipped() -> Result<Library, Error> {
        let mut library = Library::default();
        for (pack, name, text) in shipped::FILES {
            library.queries.push(Query::read(pack, name, text)?);
        }
        library.sort();
        Ok(library)
    }

    /// Adds the queries of a folder: `<pack>/<name>.sql`, or `<name>.sql` for
    /// the pack `own`. A query takes the place of a shipped one of its name.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, a head is wrong, or two files
    /// of the folder have one name.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), Error> {
        let mut added: Vec<(Query, PathBuf)> = Vec::new();
        for (pack, path) in query_files(folder)? {
            let text =
                fs::read_to_string(&path).map_err(|error| Error::query_file(&path, error))?;
            let name = path.file_stem().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| Error::query_file(&path, "its name is not text"))?;
            let query = Query::read(&pack, name, &text);
            let query = query.map_err(|error| Error::query_file(&path, error))?;
            if let Some((_, other)) = added.iter().find(|(known, _)| known.name == name) {
                let reason = format!("`{}` has the same name", other.display());
                return Err(Error::query_file(&path, reason));
            }
            added.push((query, path));
        }
        self.queries
            .retain(|query| added.iter().all(|(own, _)| own.name != query.name));
        self.queries
            .extend(added.into_iter().map(|(query, _)| query));
        self.sort();
        Ok(())
    }

    /// All queries, by pack and name.
    pub fn queries(&self) -> &[Query] {
        &self.queries
    }

    /// All queries as rows: pack, name, summary, parameters as in the head of a
    /// query, and needed columns, each list separated by commas.
    ///
    /// # Errors
    /// None that are known.
    pub fn rows(&self) -> Result<RecordBatch, Error> {
        let column = |text: &dyn Fn(&Query) -> String| -> ArrayRef {
            Arc::new(
                self.queries
                    .iter()
                    .map(|query| Some(text(query)))
                    .collect::<StringViewArray>(),
            )
        };
        let parameters = |query: &Query| {
            let all = query.parameters.iter().map(Parameter::declaration);
            all.collect::<Vec<_>>().join(", ")
        };
        Ok(RecordBatch::try_from_iter([
            ("pack", column(&|query| query.pack.clone())),
            ("name", column(&|query| query.name.clone())),
            ("summary", column(&|query| query.summary.clone())),
            ("parameters", column(&parameters)),
            ("needs", column(&|query| query.needs.join(", "))),
        ])?)
    }

    /// The query of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<&Query, Error> {
        let found = self.queries.iter().find(|query| query.name == name);
        found.ok_or_else(|| Error::UnknownQuery {
            name: name.to_owned(),
            similar: similar(name, self.queries.iter().map(|query| query.name.as_str())),
        })
    }

    fn sort(&mut self) {
        self.queries
            .sort_by(|left, right| (&left.pack, &left.name).cmp(&(&right.pack, &right.name)));
    }
}

/// The query files of a folder and of the folders in it, with their packs.
fn query_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            let name = path.file_name().unwrap_or_default();
            let pack = name.to_string_lossy().into_owned();
            let inner = entries(&path)?.into_iter().filter(|path| is_query(path));
            files.extend(inner.map(|path| (pack.clone(), path)));
        } else if is_query(&path) {
            files.push((OWN_PACK.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error: std::io::Error| Error::query_file(folder, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    Ok(paths)
}

fn is_query(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sql")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_the_library_and_has_its_tests() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../queries");
        let files = query_files(Path::new(root)).unwrap();
        for (_, path) in &files {
            assert!(
                path.with_extension("slt").exists(),
                "{} lacks its .slt",
                path.display()
            );
        }
        let mut files: Vec<_> = files
            .iter()
            .map(|(pack, path)| (pack.as_str(), path.file_stem().unwrap().to_str().unwrap()))
            .collect();
        files.sort_unstable();
        let library = Library::shipped().unwrap();
        let known: Vec<_> = library
            .queries()
            .iter()
            .map(|query| (query.pack.as_str(), query.name.as_str()))
            .collect();
        assert_eq!(known, files);
        for query in library.queries() {
            let sentence = query.summary.ends_with('.') && query.summary.len() < 90;
            assert!(sentence, "{}: {}", query.name, query.summary);
            for parameter in &query.parameters {
                assert!(
                    query.sql.contains(&format!("${}", parameter.name)),
                    "{}",
                    query.name
                );
            }
        }
    }

    #[test]
    fn a_folder_of_ones_own_joins() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("mine.sql", "-- Mine.\nSELECT 1");
        write("talkers/top-talkers.sql", "-- Better.\nSELECT 2;");
        write("notes.md", "no query");
        let mut library = Library::shipped().unwrap();
        let shipped = library.queries().len();
        library.add_folder(folder.path()).unwrap();
        assert_eq!(library.queries().len(), shipped + 1);
        assert_eq!(library.find("mine").unwrap().pack, "own");
        assert_eq!(library.find("top-talkers").unwrap().sql, "SELECT 2");

        write("web/mine.sql", "-- Again.\nSELECT 3");
        let error = library.add_folder(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("web/mine.sql`: `") && error.ends_with("has the same name"),
            "{error}"
        );
        write(
            "web/mine.sql",
            "-- Again.\n-- param n NUMBER 3: rows\nSELECT $n",
        );
        let error = library.add_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("`n NUMBER 3: rows`"), "{error}");
        let error = library
            .add_folder(&folder.path().join("none"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("none`: No such file"), "{error}");
    }
}
