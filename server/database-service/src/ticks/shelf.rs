//! Where tick files lie, how they are written and read, and when a replaced one may be removed.

mod leftovers;

use super::{format, rows::Rows};
use crate::sqlite::Doing;
use aitrading_env::{Env, OpenMode, RngExt};
use aitrading_model::{MarketTime, Source};
use aitrading_sql_engine::layout::FILE_BYTES_MAX;
use aitrading_store::StoreError;
use bytes::Bytes;
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// What is read first of a file's end to find its footer.
const FOOTER_GUESS: u64 = 8 << 10;
const MS_PER_DAY: i64 = 86_400_000;

/// A file as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileRow {
    pub(crate) name: String,
    pub(crate) ticks: u64,
    pub(crate) bytes: u64,
    pub(crate) crc: u32,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
}

/// The folder of tick files.
#[derive(Debug)]
pub(crate) struct Shelf {
    env: Env,
    root: PathBuf,
    known_dirs: Mutex<BTreeSet<PathBuf>>,
    retired: Mutex<Retired>,
}

/// Replaced files, each batch with the generation of readers that may still want them.
#[derive(Debug, Default)]
struct Retired {
    generation: Arc<()>,
    waiting: Vec<(Arc<()>, Vec<PathBuf>)>,
}

/// While one lives, no file that was listed when it was made is removed.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    _generation: Arc<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Percent-encodes what a file system may not take in a name.
fn escaped(symbol: &str) -> String {
    let mut out = String::with_capacity(symbol.len());
    for byte in symbol.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'@' | b'+');
        let dot_inside = byte == b'.' && !out.is_empty();
        if plain || dot_inside {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(out, "%{byte:02X}").unwrap_or_default();
        }
    }
    out
}

/// Where a file lies below the root.
pub(crate) fn place_of(source: &Source, name: &str) -> PathBuf {
    folder_of(source).join(name)
}

fn folder_of(source: &Source) -> PathBuf {
    let folder = |name: &str, value: &dyn std::fmt::Display| format!("{name}={value}");
    PathBuf::from(folder("tenant", &source.tenant))
        .join(folder("account", &source.account))
        .join(folder("symbol", &escaped(source.symbol.as_str())))
}

/// Does trying again not help, as long as nobody mends this very file?
fn is_of_the_file(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    // An unreadable sector has no kind of its own: EIO on Unix, ERROR_CRC and ERROR_IO_DEVICE on Windows.
    let sector: &[i32] = if cfg!(windows) { &[23, 1117] } else { &[5] };
    let kinds = [K::NotFound, K::UnexpectedEof, K::FileTooLarge, K::PermissionDenied];
    kinds.contains(&error.kind()) || error.raw_os_error().is_some_and(|code| sector.contains(&code))
}

impl Shelf {
    pub(crate) fn new(env: &Env, root: PathBuf) -> Self {
        Self { env: env.clone(), root, known_dirs: Mutex::default(), retired: Mutex::default() }
    }

    pub(crate) const fn env(&self) -> &Env {
        &self.env
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Runs `body` on a thread of its own: it blocks.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        body: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let doing = "working on tick files";
        let (tell, told) = oneshot::channel();
        let shelf = Arc::clone(self);
        let run = move || drop(tell.send(body(&shelf)));
        drop(self.env.spawn.thread("tick-files", Box::new(run)).doing(doing)?);
        told.await.map_err(|source| StoreError::Unavailable { doing, source: source.into() })?
    }

    fn dir_of(&self, source: &Source) -> PathBuf {
        self.root.join(folder_of(source))
    }

    pub(crate) fn path_of(&self, source: &Source, name: &str) -> PathBuf {
        self.dir_of(source).join(name)
    }

    /// Creates the folder of a source; every new name on the way there is durable afterwards.
    fn make_dir(&self, dir: &Path) -> Result<(), StoreError> {
        if lock(&self.known_dirs).contains(dir) {
            return Ok(());
        }
        let doing = "creating a folder for tick files";
        self.env.fs.create_dir_all(dir).doing(doing)?;
        let inside = dir.ancestors().skip(1).take_while(|above| above.starts_with(&self.root));
        let above_root = self.root.parent().into_iter();
        inside.chain(above_root).try_for_each(|above| self.env.fs.sync_dir(above).doing(doing))?;
        lock(&self.known_dirs).insert(dir.to_owned());
        Ok(())
    }

    /// Writes a file that nobody knows of yet; it is durable when this returns.
    pub(crate) fn write(&self, source: &Source, day: i64, digits: u8, rows: &Rows) -> Result<FileRow, StoreError> {
        let unreadable = |e: parquet::errors::ParquetError| StoreError::Unavailable {
            doing: "packing ticks into a file",
            source: e.into(),
        };
        let bytes = format::encode(source, digits, rows).map_err(unreadable)?;
        let (year, month, of_month) = MarketTime(day.saturating_mul(MS_PER_DAY)).civil_date();
        let name = format!("{year:04}-{month:02}-{of_month:02}-{:016x}.parquet", self.env.rng.next_u64());
        let dir = self.dir_of(source);
        self.make_dir(&dir)?;
        let path = dir.join(&name);
        if let Err(error) = self.env.fs.write_atomic(&path, &bytes) {
            self.remove_remains(&path);
            return Err(error).doing("writing a tick file");
        }
        let times = || rows.ticks.iter().map(|tick| tick.time.0);
        Ok(FileRow {
            name,
            ticks: rows.len() as u64,
            bytes: bytes.len() as u64,
            crc: crc32c::crc32c(&bytes),
            min_ms: times().min().unwrap_or_default(),
            max_ms: times().max().unwrap_or_default(),
        })
    }

    /// A write that failed for lack of space must not use up more of it with every attempt.
    fn remove_remains(&self, path: &Path) {
        for path in [path.to_owned(), path.with_extension("parquet.tmp")] {
            if let Ok(Some(_)) = self.env.fs.metadata(&path) {
                // What cannot be removed now is set aside by the next start.
                self.env.fs.remove_file(&path).unwrap_or_default();
            }
        }
    }

    /// The ticks of a file, if it is byte for byte what was written.
    pub(crate) fn read(&self, source: &Source, file: &FileRow) -> Result<Rows, StoreError> {
        let path = self.path_of(source, &file.name);
        let damaged = || format!("tick file {}", path.display());
        let bytes = match self.env.fs.read(&path, FILE_BYTES_MAX) {
            Err(error) if is_of_the_file(&error) => {
                return Err(StoreError::Corrupt { what: damaged(), source: Some(error.into()) });
            }
            read => read.doing("reading a tick file")?,
        };
        if bytes.len() as u64 != file.bytes || crc32c::crc32c(&bytes) != file.crc {
            return Err(StoreError::Corrupt { what: damaged(), source: None });
        }
        let rows = format::decode(source, Bytes::from(bytes))
            .map_err(|e| StoreError::Corrupt { what: damaged(), source: Some(e.into()) })?;
        if rows.len() as u64 == file.ticks { Ok(rows) } else { Err(StoreError::corrupt(damaged())) }
    }

    /// How many ticks a file holds by its own footer.
    pub(crate) fn count(&self, source: &Source, name: &str) -> Result<u64, StoreError> {
        let path = self.path_of(source, name);
        let doing = "reading a tick file's footer";
        let file = self.env.fs.open(&path, OpenMode::Read).doing(doing)?;
        let len = file.len().doing(doing)?.min(FILE_BYTES_MAX);
        let tail = |want: u64| {
            let want = want.min(len);
            let mut buf = vec![0; usize::try_from(want).unwrap_or_default()];
            let n = file.read_at(&mut buf, len.saturating_sub(want)).doing(doing)?;
            buf.truncate(n);
            format::rows_in_footer(&buf).map_err(|e| StoreError::Corrupt {
                what: format!("tick file {}", path.display()),
                source: Some(e.into()),
            })
        };
        let found = match tail(FOOTER_GUESS)? {
            Some(rows) => Some(rows),
            None => tail(len)?,
        };
        found.ok_or_else(|| StoreError::corrupt(format!("tick file {}", path.display())))
    }

    /// Holds the files of this moment. Take it before asking the catalogue.
    pub(crate) fn pin(&self) -> Pin {
        Pin { _generation: Arc::clone(&lock(&self.retired).generation) }
    }

    /// Removes files that the catalogue no longer lists as soon as nobody reads them.
    pub(crate) fn retire(&self, source: &Source, names: &[String]) {
        let paths = names.iter().map(|name| self.path_of(source, name)).collect();
        let mut retired = lock(&self.retired);
        let old = std::mem::take(&mut retired.generation);
        retired.waiting.push((old, paths));
        drop(retired);
        self.sweep();
    }

    /// Removes what waits and is no longer read. A file that cannot be removed is one more leftover for the next start.
    pub(crate) fn sweep(&self) {
        let free = {
            let mut retired = lock(&self.retired);
            let unread = retired.waiting.iter().take_while(|(generation, _)| Arc::strong_count(generation) == 1);
            let n = unread.count();
            retired.waiting.drain(..n).flat_map(|(_, paths)| paths).collect::<Vec<_>>()
        };
        for path in free {
            if let Err(error) = self.env.fs.remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a replaced tick file could not be removed");
            }
        }
    }

    /// Removes files that were written but never listed, by a source that is known: left by a crash.
    pub(crate) fn discard(&self, source: &Source, names: &[String]) {
        for name in names {
            if let Err(error) = self.env.fs.remove_file(&self.path_of(source, name)) {
                tracing::warn!(name, %error, "an unlisted tick file could not be removed");
            }
        }
    }
}
