//! Files that a statement names in place of a table: `FROM 'logs/*.gz'`.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::SessionContext;
use vpcflow_ingest::{InputError, InputFile, Location, LocationError, expand};
use vpcflow_record::{Format, Policy};

use crate::session::Window;
use crate::sources::{FileCounts, ReadCounts, SourceFile, Sources};
use crate::table::{Kind, SourceTable, external};

/// The files that statements have named so far.
#[derive(Debug)]
pub(crate) struct Paths {
    policy: Policy,
    declared: Option<Format>,
    /// What was read of files that are counted elsewhere, by canonical paths.
    known: HashMap<PathBuf, Arc<FileCounts>>,
    /// What was read of the others.
    named: Mutex<HashMap<PathBuf, Arc<FileCounts>>>,
}

/// Why a name in a statement is no table of files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PathError {
    /// It could not be read twice.
    #[error("`{0}` cannot be read from within a statement")]
    Outside(String),
    #[error(transparent)]
    Location(#[from] LocationError),
    #[error(transparent)]
    Input(#[from] InputError),
}

impl PathError {
    /// The way out, where there is one to name.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            PathError::Outside(name) => Some(format!(
                "name it with `--from {name}`, and ask the table `flows`"
            )),
            PathError::Location(_) => None,
            PathError::Input(error) => error.hint(),
        }
    }
}

impl Paths {
    /// Files of the declared format or those of their headers. The records of
    /// `known` are counted elsewhere.
    pub(crate) fn new(policy: Policy, declared: Option<Format>, known: &[SourceFile]) -> Paths {
        let counts = |file: &SourceFile| (canonical(&file.file), Arc::clone(&file.counts));
        Paths {
            policy,
            declared,
            known: known.iter().map(counts).collect(),
            named: Mutex::default(),
        }
    }

    /// Whether a statement has named any.
    pub(crate) fn is_empty(&self) -> bool {
        self.named().is_empty()
    }

    /// Adds what was read of them.
    pub(crate) fn add_to(&self, counts: &mut ReadCounts) {
        for file in self.named().values() {
            file.add_to(counts);
        }
    }

    /// Counts anew from here on.
    pub(crate) fn forget_counts(&self) {
        self.named().clear();
    }

    fn named(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<FileCounts>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files of a name, each looked at anew: statements come one after the
    /// other, and files change.
    fn sources(&self, name: &str) -> Result<Sources, PathError> {
        let mut sources = Sources::new(self.policy);
        let location = match name.parse::<Location>()? {
            location @ (Location::Path(_) | Location::Glob(_)) => location,
            _ => return Err(PathError::Outside(name.to_owned())),
        };
        for file in expand(&location)? {
            sources.files.push(self.file(file)?);
        }
        Ok(sources)
    }

    fn file(&self, file: InputFile) -> Result<SourceFile, PathError> {
        if file.path.exists() && !file.path.is_file() {
            return Err(PathError::Outside(file.name));
        }
        let path = canonical(&file);
        let file = SourceFile::new(file, self.declared.as_ref(), false)?;
        // Counted once, however often it is read.
        let counts = match self.known.get(&path) {
            Some(counts) => Arc::clone(counts),
            None => Arc::clone(self.named().entry(path).or_default()),
        };
        Ok(file.counted_in(counts))
    }
}

fn canonical(file: &InputFile) -> PathBuf {
    let path = &file.path;
    path.canonicalize().unwrap_or_else(|_| path.clone())
}

/// Makes tables of the names that no table has.
struct PathTables {
    paths: Arc<Paths>,
    window: Window,
}

impl fmt::Debug for PathTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.paths.fmt(f)
    }
}

/// Lets statements name files, their records cut to the window.
pub(crate) fn register(context: &SessionContext, paths: &Arc<Paths>, window: Window) {
    let tables = PathTables {
        paths: Arc::clone(paths),
        window,
    };
    let known = Arc::clone(context.state().catalog_list());
    context.register_catalog_list(Arc::new(DynamicFileCatalog::new(known, Arc::new(tables))));
}

#[async_trait]
impl UrlTableFactory for PathTables {
    async fn try_new(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if !is_path(name) {
            return Ok(None);
        }
        let sources = self.paths.sources(name).map_err(external)?;
        let table: Arc<dyn TableProvider> =
            Arc::new(SourceTable::new(Kind::Flows, Arc::new(sources)));
        let Some(filter) = self.window.filter() else {
            return Ok(Some(table));
        };
        let scan = LogicalPlanBuilder::scan("files", provider_as_source(table), None)?;
        let plan = scan.filter(filter)?.build()?;
        Ok(Some(Arc::new(ViewTable::new(plan, None))))
    }
}

/// Whether a name is meant to be one of files: no other table is called so.
fn is_path(name: &str) -> bool {
    name == "-" || name.contains(['/', '.', '*', '?', '[', ':']) || Path::new(name).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_no_paths() {
        assert!(
            ["a.log", "logs/", "*", "-", "logs:/vpc", "src"]
                .iter()
                .all(|name| is_path(name))
        );
        assert!(
            ["flows", "flowz", "missing-folder"]
                .iter()
                .all(|name| !is_path(name))
        );
    }
}
