//! Tick files that nobody lists: what a crash left, or what is left when the catalogue is not the one that they belong to. Which
//! of the two it is cannot be seen from here, so they are moved and never removed.

use super::{Shelf, lock};
use crate::sqlite::Doing;
use aitrading_model::Source;
use aitrading_store::StoreError;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

const LOOKING: &str = "looking for tick files that nobody lists";

/// What lies on the shelf and is not listed.
#[derive(Debug, Default)]
struct Unlisted {
    files: Vec<PathBuf>,
    /// Remains of writes that were cut short: no file that ever counted has such a name.
    remains: Vec<PathBuf>,
}

impl Shelf {
    /// How many tick files lie here.
    pub(crate) fn lying(&self) -> Result<u64, StoreError> {
        Ok(self.unlisted(&BTreeSet::new())?.files.len() as u64)
    }

    /// Moves every file that `listed` does not name to `aside`, in folders of the same names, and says how many those were.
    pub(crate) fn set_leftovers_aside(&self, listed: &[(Source, String)], aside: &Path) -> Result<u64, StoreError> {
        let mut known: BTreeSet<PathBuf> = listed.iter().map(|(source, name)| self.path_of(source, name)).collect();
        // What was replaced and is still being read goes when its readers have.
        known.extend(lock(&self.retired).waiting.iter().flat_map(|(_, paths)| paths).cloned());
        let Unlisted { files, remains } = self.unlisted(&known)?;
        let doing = "setting aside tick files that nobody lists";
        for path in remains {
            self.env.fs.remove_file(&path).doing(doing)?;
        }
        for path in &files {
            let to = aside.join(path.strip_prefix(&self.root).unwrap_or(path));
            self.env.fs.create_dir_all(to.parent().unwrap_or(aside)).doing(doing)?;
            self.env.fs.rename(path, &to).doing(doing)?;
        }
        Ok(files.len() as u64)
    }

    fn unlisted(&self, listed: &BTreeSet<PathBuf>) -> Result<Unlisted, StoreError> {
        let (mut found, mut dirs) = (Unlisted::default(), vec![self.root.clone()]);
        while let Some(dir) = dirs.pop() {
            if self.env.fs.metadata(&dir).doing(LOOKING)?.is_none() {
                continue;
            }
            for entry in self.env.fs.list(&dir).doing(LOOKING)? {
                let path = dir.join(&entry.name);
                if entry.is_dir {
                    dirs.push(path);
                } else if entry.name.ends_with(".parquet.tmp") {
                    found.remains.push(path);
                } else if entry.name.ends_with(".parquet") && !listed.contains(&path) {
                    found.files.push(path);
                }
            }
        }
        Ok(found)
    }
}
