//! Files and objects that a statement names in place of a table: `FROM 'logs/*.gz'`.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{DynamicFileCatalog, TableProvider, UrlTableFactory};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::SessionContext;
use vpcflow_ingest::{
    InputError, InputFile, Location, LocationError, Times, expand, resolve_formats,
};
use vpcflow_record::{Format, Policy};

use crate::error::Error;
use crate::parquet::ParquetTable;
use crate::session::Window;
use crate::sources::{FileCounts, ReadCounts, SourceFile, Sources};
use crate::table::{Kind, SourceTable, external};

/// Finds the objects of S3 that a statement names: whoever opens a session knows how
/// to reach them.
#[async_trait]
pub trait ObjectFinder: fmt::Debug + Send + Sync {
    /// The objects that `keys` mean in a bucket, without those that by their keys have
    /// no record of these times.
    ///
    /// # Errors
    /// When the bucket cannot be listed, or has none.
    async fn find(
        &self,
        bucket: &str,
        keys: &str,
        times: Times,
    ) -> Result<Vec<InputFile>, ObjectsError>;
}

/// Why objects are not found, in the user's words.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ObjectsError {
    /// What is wrong.
    pub message: String,
    /// The way out, where there is one to name.
    pub hint: Option<String>,
}

/// The files that statements have named so far.
#[derive(Debug)]
pub(crate) struct Paths {
    policy: Policy,
    declared: Option<Format>,
    /// Without one, statements name no objects.
    objects: Option<Arc<dyn ObjectFinder>>,
    /// What was read of files that are counted elsewhere, by canonical paths.
    known: HashMap<PathBuf, Arc<FileCounts>>,
    named: Mutex<Named>,
}

/// What was read of files that are not counted elsewhere.
#[derive(Debug, Default)]
struct Named {
    text: HashMap<PathBuf, Arc<FileCounts>>,
    /// By what the statement calls them.
    parquet: HashMap<String, Vec<Arc<ParquetTable>>>,
}

/// Why a name in a statement is no table of files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PathError {
    /// It could not be read twice, or not from here.
    #[error("`{0}` cannot be read from within a statement")]
    Outside(String),
    #[error(transparent)]
    Location(#[from] LocationError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Objects(#[from] ObjectsError),
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
            PathError::Objects(error) => error.hint.clone(),
        }
    }
}

impl Paths {
    /// Files of the declared format or those of their headers. The records of
    /// `known` are counted elsewhere.
    pub(crate) fn new(
        policy: Policy,
        declared: Option<Format>,
        objects: Option<Arc<dyn ObjectFinder>>,
        known: &[SourceFile],
    ) -> Paths {
        let counts = |file: &SourceFile| (canonical(&file.file), Arc::clone(&file.counts));
        Paths {
            policy,
            declared,
            objects,
            known: known.iter().map(counts).collect(),
            named: Mutex::default(),
        }
    }

    /// Whether a statement has named any.
    pub(crate) fn is_empty(&self) -> bool {
        let named = self.named();
        named.text.is_empty() && named.parquet.is_empty()
    }

    /// Adds what was read of them.
    pub(crate) fn add_to(&self, counts: &mut ReadCounts) {
        let named = self.named();
        for file in named.text.values() {
            file.add_to(counts);
        }
        for table in named.parquet.values().flatten() {
            table.add_to(counts);
        }
    }

    /// Counts anew from here on.
    pub(crate) fn forget_counts(&self) {
        *self.named() = Named::default();
    }

    fn named(&self) -> MutexGuard<'_, Named> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tables of a name, its files looked at anew: statements come one after the
    /// other, and files change.
    async fn tables(
        &self,
        environment: &Arc<RuntimeEnv>,
        name: &str,
        times: Times,
    ) -> Result<Vec<Arc<dyn TableProvider>>, DataFusionError> {
        let files = self.files(name, times).await.map_err(external)?;
        let (parquet, text): (Vec<_>, Vec<_>) = files.into_iter().partition(InputFile::is_parquet);
        let mut tables: Vec<Arc<dyn TableProvider>> = Vec::new();
        if !text.is_empty() || parquet.is_empty() {
            let sources = self.sources(text).await.map_err(external)?;
            tables.push(Arc::new(SourceTable::new(Kind::Flows, Arc::new(sources))));
        }
        if !parquet.is_empty() {
            let opened = ParquetTable::open(environment, parquet).await;
            let opened = opened.map_err(|error| match error {
                Error::Input(error) => external(PathError::Input(error)),
                error => external(error),
            })?;
            tables.extend(opened.iter().map(|table| Arc::clone(table) as _));
            // Counted once, however often they are read.
            self.named().parquet.insert(name.to_owned(), opened);
        }
        Ok(tables)
    }

    async fn files(&self, name: &str, times: Times) -> Result<Vec<InputFile>, PathError> {
        match (name.parse::<Location>()?, &self.objects) {
            (location @ (Location::Path(_) | Location::Glob(_)), _) => Ok(expand(&location)?),
            (Location::S3 { bucket, keys }, Some(objects)) => {
                Ok(objects.find(&bucket, &keys, times).await?)
            }
            _ => Err(PathError::Outside(name.to_owned())),
        }
    }

    /// Files of text. Objects are opened together, on threads that may block.
    async fn sources(&self, files: Vec<InputFile>) -> Result<Sources, PathError> {
        let mut sources = Sources::new(self.policy);
        let declared = self.declared.as_ref();
        let is_object = |file: &InputFile| file.object().is_some();
        let (objects, files): (Vec<_>, Vec<_>) = files.into_iter().partition(is_object);
        for (file, format) in resolve_formats(objects, declared).await? {
            sources.add_file_of(format, file);
        }
        for file in files {
            if file.path.exists() && !file.path.is_file() {
                return Err(PathError::Outside(file.name));
            }
            sources.files.push(SourceFile::new(file, declared, false)?);
        }
        for file in &mut sources.files {
            // Counted once, however often it is read.
            let path = canonical(&file.file);
            file.counts = match self.known.get(&path) {
                Some(counts) => Arc::clone(counts),
                None => Arc::clone(self.named().text.entry(path).or_default()),
            };
        }
        Ok(sources)
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
    environment: Arc<RuntimeEnv>,
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
        environment: context.runtime_env(),
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
        let times = self.window.times();
        let tables = self.paths.tables(&self.environment, name, times).await?;
        if let ([only], None) = (tables.as_slice(), self.window.filter()) {
            return Ok(Some(Arc::clone(only)));
        }
        let mut united: Option<LogicalPlanBuilder> = None;
        for table in tables {
            let scan = LogicalPlanBuilder::scan("files", provider_as_source(table), None)?;
            united = Some(match united {
                Some(united) => united.union_by_name(scan.build()?)?,
                None => scan,
            });
        }
        let Some(mut plan) = united else {
            return Ok(None);
        };
        if let Some(filter) = self.window.filter() {
            plan = plan.filter(filter)?;
        }
        Ok(Some(Arc::new(ViewTable::new(plan.build()?, None))))
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
