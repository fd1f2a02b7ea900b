//! Where an answer goes: the standard output, or a file that appears when it is whole.

use crate::exit::{Exit, Failure};
use aitrading_env::{Env, File, OpenMode};
use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// Takes an answer piece by piece.
pub(super) enum Sink<'a> {
    Output {
        out: &'a mut dyn Write,
        /// Something has left already.
        begun: bool,
    },
    File(Whole<'a>),
}

/// A file that is being written under another name. Dropped before its end, it leaves nothing.
pub(super) struct Whole<'a> {
    env: &'a Env,
    path: PathBuf,
    partial: PathBuf,
    file: Box<dyn File>,
    at: u64,
    done: bool,
}

impl<'a> Sink<'a> {
    pub(super) fn open(env: &'a Env, out: &'a mut dyn Write, path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::Output { out, begun: false }) };
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let failed = |e: std::io::Error| Failure::io("cannot write", path, &e);
        let file = env.fs.open(&partial, OpenMode::Create).map_err(|e| match e.kind() {
            // Not an input that is missing, but a folder for the output.
            ErrorKind::NotFound => Failure::new(
                Exit::CannotCreate,
                format!("cannot write {}: {e}; choose a file in a directory that you may write", path.display()),
            ),
            _ => failed(e),
        })?;
        file.set_len(0).map_err(failed)?;
        Ok(Self::File(Whole { env, path: path.to_owned(), partial, file, at: 0, done: false }))
    }

    /// Takes a piece. False: nobody reads any more, as after `| head`.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        match self {
            Self::Output { out, begun } => {
                *begun = true;
                match out.write_all(bytes).and_then(|()| out.flush()) {
                    Ok(()) => Ok(true),
                    Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
                    Err(e) => Err(Failure::new(Exit::Io, format!("cannot write to the output: {e}"))),
                }
            }
            Self::File(whole) => {
                let written = whole.file.write_all_at(bytes, whole.at);
                written.map_err(|e| Failure::io("cannot write", &whole.partial, &e))?;
                whole.at = whole.at.saturating_add(bytes.len() as u64);
                Ok(true)
            }
        }
    }

    /// Takes back what was put. False: it has left already.
    pub(super) fn take_back(&mut self) -> Result<bool, Failure> {
        match self {
            Self::Output { begun, .. } => Ok(!*begun),
            Self::File(whole) => {
                whole.file.set_len(0).map_err(|e| Failure::io("cannot write", &whole.partial, &e))?;
                whole.at = 0;
                Ok(true)
            }
        }
    }

    /// The answer is whole.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Self::File(mut whole) = self else { return Ok(()) };
        let kept = whole.file.sync_data().and_then(|()| whole.env.fs.rename(&whole.partial, &whole.path));
        kept.map_err(|e| Failure::io("cannot write", &whole.path, &e))?;
        whole.done = true;
        Ok(())
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if !self.done {
            // What cannot be removed stays under its partial name, and is never taken for an answer.
            self.env.fs.remove_file(&self.partial).unwrap_or_default();
        }
    }
}
