//! What the hub starts: a named future with needs, and the handle through which it says that it is ready.

use crate::{
    Shutdown,
    health::{Board, Part, PartsFn},
};
use aitrading_env::BoxFuture;
use aitrading_error::Fault;
use std::{fmt, future::Future, sync::Arc};
use tokio::sync::oneshot;

pub(crate) type RunFn = Box<dyn FnOnce(ReadyHandle, Shutdown) -> BoxFuture<'static, Result<(), Fault>> + Send>;

/// One part of the process with a life of its own.
pub struct Component {
    pub(crate) name: String,
    pub(crate) needs: Vec<String>,
    pub(crate) once: bool,
    pub(crate) parts: Option<PartsFn>,
    pub(crate) run: RunFn,
}

impl Component {
    /// Describes a component. `run` starts it, calls [`ReadyHandle::up`] when it can serve, goes on until
    /// [`Shutdown::begun`], drains, and returns. An error at any time fails the whole process in good order.
    pub fn new<F, Fut>(name: impl Into<String>, run: F) -> Self
    where
        F: FnOnce(ReadyHandle, Shutdown) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let run: RunFn = Box::new(move |ready, shutdown| Box::pin(async move { run(ready, shutdown).await }));
        Self { name: name.into(), needs: Vec::new(), once: false, parts: None, run }
    }

    /// Names the components that must be ready before this one starts, and that are drained after it.
    #[must_use]
    pub fn needs(mut self, names: &[&str]) -> Self {
        self.needs.extend(names.iter().map(|n| (*n).to_owned()));
        self
    }

    /// Marks work that is done once ready (a migration, say): ending early is then no failure.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Registers the health parts. The callback is asked at every probe: it must be cheap and must not block.
    #[must_use]
    pub fn parts(mut self, parts: impl Fn() -> Vec<Part> + Send + Sync + 'static) -> Self {
        self.parts = Some(Arc::new(parts));
        self
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").field("name", &self.name).field("needs", &self.needs).finish_non_exhaustive()
    }
}

/// The right to say "ready", once. Dropping it unsaid means that the start failed.
pub struct ReadyHandle {
    pub(crate) tell: oneshot::Sender<()>,
    pub(crate) board: Arc<Board>,
    pub(crate) index: usize,
}

impl ReadyHandle {
    /// This component serves from now on; what needs it may start.
    pub fn up(self) {
        // The hub may be gone already: then nobody is left to be told.
        self.tell.send(()).unwrap_or(());
    }

    /// As [`ReadyHandle::up`], and registers health parts that only exist since the start.
    pub fn up_with(self, parts: impl Fn() -> Vec<Part> + Send + Sync + 'static) {
        self.board.set_parts(self.index, Arc::new(parts));
        self.up();
    }
}

impl fmt::Debug for ReadyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyHandle").finish_non_exhaustive()
    }
}
