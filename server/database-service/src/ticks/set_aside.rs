//! Tick files that queries found damaged: named, left out of further answers, and looked at again until they are restored.

use super::shelf::{FileRow, Shelf};
use aitrading_sql_engine::ListedFile;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// So many are remembered; what is damaged beyond them stops each query anew.
const FILES_MAX: usize = 256;
/// So many are named by health.
const NAMED_MAX: usize = 5;

/// The damaged files. They are forgotten with the process: the next one finds them by itself.
#[derive(Debug, Default)]
pub(crate) struct SetAside(Mutex<BTreeMap<PathBuf, ListedFile>>);

impl SetAside {
    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, ListedFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the file out from now on.
    pub(crate) fn add(&self, file: &ListedFile) {
        let mut files = self.files();
        if files.len() < FILES_MAX {
            files.insert(file.path.clone(), file.clone());
        }
    }

    /// Which files health names; `None` if all is well.
    pub(crate) fn named(&self) -> Option<String> {
        let files = self.files();
        let mut names: Vec<String> = files.values().take(NAMED_MAX).map(ListedFile::shown).collect();
        let more = files.len().saturating_sub(names.len());
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Moves what is set aside out of `listed`, and returns it. A file that is whole again counts again.
    pub(super) async fn split(&self, shelf: &Arc<Shelf>, listed: &mut Vec<ListedFile>) -> Vec<ListedFile> {
        let suspects: Vec<ListedFile> = {
            let files = self.files();
            listed.iter().filter(|file| files.contains_key(&file.path)).cloned().collect()
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
        let mut files = self.files();
        for file in whole {
            tracing::info!(file = file.shown(), "a damaged tick file is whole again");
            files.remove(&file.path);
        }
        drop(files);
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
