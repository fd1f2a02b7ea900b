//! Tick files that were found damaged: named, left out of further answers in SQL, and looked at again until they are restored.

use super::shelf::{FileRow, Shelf};
use aitrading_sql_engine::ListedFile;
use std::{
    collections::BTreeMap,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// So many are remembered; what is damaged beyond them stops each query anew.
const FILES_MAX: usize = 256;
/// So many are named by health.
const NAMED_MAX: usize = 5;

/// The damaged files. They are forgotten with the process: the next one finds them by itself.
#[derive(Debug, Default)]
pub(crate) struct SetAside(Mutex<Damaged>);

#[derive(Debug, Default)]
struct Damaged {
    files: BTreeMap<PathBuf, ListedFile>,
    /// The one that was looked at last.
    looked_at: PathBuf,
}

impl SetAside {
    fn damaged(&self) -> MutexGuard<'_, Damaged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the file out from now on; is that news?
    pub(crate) fn add(&self, file: &ListedFile) -> bool {
        let files = &mut self.damaged().files;
        files.len() < FILES_MAX && files.insert(file.path.clone(), file.clone()).is_none()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.damaged().files.is_empty()
    }

    /// A file that is whole again counts again.
    pub(super) fn forget(&self, path: &Path) {
        if let Some(file) = self.damaged().files.remove(path) {
            tracing::info!(file = file.shown(), "a damaged tick file is whole again");
        }
    }

    /// Which files health names; `None` if all is well.
    pub(crate) fn named(&self) -> Option<String> {
        let damaged = self.damaged();
        let mut names: Vec<String> = damaged.files.values().take(NAMED_MAX).map(ListedFile::shown).collect();
        let more = damaged.files.len().saturating_sub(names.len());
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Looks at the next of them, so that one which is restored counts again although nobody asks for it.
    pub(super) async fn look_again(&self, shelf: &Arc<Shelf>) {
        let next = {
            let damaged = self.damaged();
            let behind = (Bound::Excluded(damaged.looked_at.clone()), Bound::Unbounded);
            let next = damaged.files.range(behind).next().or_else(|| damaged.files.iter().next());
            next.map(|(path, file)| (path.clone(), file.clone()))
        };
        let Some((path, file)) = next else { return };
        self.damaged().looked_at.clone_from(&path);
        if let Ok(true) = shelf.blocking(move |shelf| Ok(is_whole(shelf, &file))).await {
            self.forget(&path);
        }
    }

    /// Moves what is set aside out of `listed`, and returns it. A file that is whole again counts again.
    pub(super) async fn split(&self, shelf: &Arc<Shelf>, listed: &mut Vec<ListedFile>) -> Vec<ListedFile> {
        let suspects: Vec<ListedFile> = {
            let damaged = self.damaged();
            listed.iter().filter(|file| damaged.files.contains_key(&file.path)).cloned().collect()
        };
        if suspects.is_empty() {
            return suspects;
        }
        let look = move |shelf: &Shelf| Ok(suspects.into_iter().partition(|file| is_whole(shelf, file)));
        let (whole, damaged): (Vec<ListedFile>, Vec<ListedFile>) = match shelf.blocking(look).await {
            Ok(found) => found,
            // Without a thread nothing can be looked at, and the query itself will say so.
            Err(_) => return Vec::new(),
        };
        whole.iter().for_each(|file| self.forget(&file.path));
        listed.retain(|file| !damaged.iter().any(|other| other.path == file.path));
        damaged
    }
}

fn is_whole(shelf: &Shelf, file: &ListedFile) -> bool {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (min_ms, max_ms) = (file.min.0, file.max.0);
    let row = FileRow { name, ticks: file.ticks, bytes: file.bytes, crc: file.crc, min_ms, max_ms };
    shelf.read(&file.source, &row).is_ok()
}
