//! The writer thread: one write and one sync per group, then everybody of the group is answered.

use crate::{
    JournalError, Position, Settings,
    format::{SEGMENT_HEADER, SegmentHeader, framed_len, put_record},
    handle::{Append, Message, Shared},
    segment::{SPARE, file_name, write_zeros},
};
use aitrading_env::{Env, File, Fs, OpenMode, RngExt};
use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering, mpsc as std_mpsc},
};
use tokio::sync::mpsc;

pub(crate) struct Writer {
    pub(crate) env: Env,
    pub(crate) dir: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) file: Box<dyn File>,
    pub(crate) seed: u32,
    /// Where the next record goes.
    pub(crate) tail: Position,
    pub(crate) next_seq: u64,
    pub(crate) spare: Option<std_mpsc::Receiver<Option<Box<dyn File>>>>,
    pub(crate) buffer: Vec<u8>,
}

/// How a write ended badly.
enum Failure {
    /// No space, nothing kept: later groups may succeed.
    Full,
    /// What is on the medium is unknown: nothing may be written any more.
    Broken(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if is_full(&error) { Self::Full } else { Self::Broken(error) }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Writer {
    /// Serves the queue until it is closed or a stop arrives.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut waiting = VecDeque::new();
        let mut incoming = Vec::with_capacity(self.settings.queue);
        while queue.blocking_recv_many(&mut incoming, self.settings.queue) > 0 {
            for message in incoming.drain(..) {
                match message {
                    Message::Append(append) => waiting.push_back(append),
                    // Senders get an error from now on; what was accepted before is still written.
                    Message::Stop => queue.close(),
                }
            }
            while !waiting.is_empty() {
                let group = self.take_group(&mut waiting);
                self.commit(group);
            }
            self.prepare_spare();
        }
        if let Some(spare) = self.spare.take() {
            // The helper must not touch files after the end of the journal. It may also have died: nothing to wait for.
            drop(spare.recv());
        }
    }

    fn take_group(&self, waiting: &mut VecDeque<Append>) -> Vec<Append> {
        let limit = self.settings.room().min(self.settings.max_group_bytes as u64);
        let mut bytes = 0;
        let count = waiting
            .iter()
            .take_while(|append| {
                bytes += framed_len(append.record.len());
                bytes <= limit
            })
            .count();
        // A single record always fits: the settings were checked for it.
        waiting.drain(..count.max(1)).collect()
    }

    fn commit(&mut self, group: Vec<Append>) {
        let outcome = match self.shared.halted.get() {
            Some(source) => Err(JournalError::Halted { source: Arc::clone(source) }),
            None => self.write(&group).map_err(|failure| self.judge(failure)),
        };
        self.shared.full.store(matches!(outcome, Err(JournalError::Full)), Ordering::Relaxed);
        let mut end = match outcome {
            Ok(start) => start,
            Err(error) => return group.into_iter().for_each(|append| append.done.call(Err(error.clone()))),
        };
        self.shared.durable.send_replace(self.tail);
        for append in group {
            end.offset += framed_len(append.record.len());
            append.done.call(Ok(end));
        }
    }

    fn judge(&self, failure: Failure) -> JournalError {
        match failure {
            Failure::Full => JournalError::Full,
            Failure::Broken(error) => {
                let source = Arc::clone(self.shared.halted.get_or_init(|| Arc::new(error)));
                // Those who wait for progress shall see that there will be none.
                self.shared.durable.send_modify(|_| ());
                JournalError::Halted { source }
            }
        }
    }

    /// Makes a group durable; returns where it starts.
    fn write(&mut self, group: &[Append]) -> Result<Position, Failure> {
        let bytes: u64 = group.iter().map(|append| framed_len(append.record.len())).sum();
        if self.tail.offset + bytes > self.settings.segment_bytes && self.tail.offset > SEGMENT_HEADER {
            self.rotate()?;
        }
        self.buffer.clear();
        let mut seq = self.next_seq;
        for (back, append) in (0..).zip(group) {
            put_record(&mut self.buffer, self.seed, seq, back, &append.record);
            seq += 1;
        }
        if let Err(error) = self.file.write_all_at(&self.buffer, self.tail.offset) {
            return Err(self.undo(error));
        }
        self.file.sync_data().map_err(Failure::Broken)?;
        let start = self.tail;
        self.tail.offset += bytes;
        self.next_seq = seq;
        Ok(start)
    }

    /// Takes back a write that failed half way, so that a refused record can never appear at the next start.
    fn undo(&self, error: io::Error) -> Failure {
        if !is_full(&error) {
            return Failure::Broken(error);
        }
        match self.file.set_len(self.tail.offset).and_then(|()| self.file.sync_data()) {
            Ok(()) => Failure::Full,
            Err(error) => Failure::Broken(error),
        }
    }

    /// Goes on in a new segment.
    fn rotate(&mut self) -> Result<(), Failure> {
        let prepared = self.spare.take().and_then(|spare| spare.recv().ok()).flatten();
        let header = new_header(&self.env, &self.settings, self.tail.segment + 1, self.next_seq);
        self.file = activate(self.env.fs.as_ref(), &self.dir, prepared, &header)?;
        self.seed = header.seed();
        self.tail = Position { segment: header.number, offset: SEGMENT_HEADER };
        Ok(())
    }

    /// Has the next segment filled with zeros in the background once the current one is half full.
    fn prepare_spare(&mut self) {
        if !self.settings.preallocate || self.spare.is_some() || self.tail.offset < self.settings.segment_bytes / 2 {
            return;
        }
        let (ready, spare) = std_mpsc::sync_channel(1);
        let (fs, dir, bytes) = (Arc::clone(&self.env.fs), self.dir.clone(), self.settings.segment_bytes);
        let body = move || {
            // Without a spare the writer makes do with a plain file, so an error is no more than slower syncs.
            let file = make_spare(fs.as_ref(), &dir, bytes).ok();
            // Nobody waits any more if the writer ended.
            ready.send(file).unwrap_or(());
        };
        if self.env.spawn.thread("journal-spare", Box::new(body)).is_ok() {
            self.spare = Some(spare);
        }
    }
}

/// Header of a new segment, with an id that no other has.
pub(crate) fn new_header(env: &Env, settings: &Settings, number: u64, first_seq: u64) -> SegmentHeader {
    SegmentHeader { purpose: settings.magic, number, first_seq, id: env.rng.bytes() }
}

/// Builds a file of `bytes` zeros under the spare's name; leaves none behind on error.
pub(crate) fn make_spare(fs: &dyn Fs, dir: &Path, bytes: u64) -> io::Result<Box<dyn File>> {
    let path = dir.join(SPARE);
    let file = fs.open(&path, OpenMode::CreateNew)?;
    match write_zeros(file.as_ref(), 0, bytes).and_then(|()| file.sync_data()) {
        Ok(()) => Ok(file),
        Err(error) => {
            drop(file);
            fs.remove_file(&path)?;
            Err(error)
        }
    }
}

/// Gives a spare its header and its name, durably. Without a prepared one an empty file is made.
pub(crate) fn activate(
    fs: &dyn Fs,
    dir: &Path,
    prepared: Option<Box<dyn File>>,
    header: &SegmentHeader,
) -> io::Result<Box<dyn File>> {
    let spare = dir.join(SPARE);
    let name = dir.join(file_name(header.number));
    let file = match prepared {
        Some(file) => file,
        None => fs.open(&spare, OpenMode::CreateNew)?,
    };
    if let Err(error) = file.write_all_at(&header.encode(), 0) {
        drop(file);
        fs.remove_file(&spare)?;
        return Err(error);
    }
    // From here an error is no matter of space: the caller must not go on. A sync that says "full" is just as broken.
    let broken = |error: io::Error| io::Error::other(error);
    file.sync_data().map_err(broken)?;
    fs.rename(&spare, &name).map_err(broken)?;
    fs.sync_dir(dir).map_err(broken)?;
    Ok(file)
}
