//! Work that blocks, off the tasks' threads.

use crate::BridgeError;
use aitrading_env::Env;
use tokio::sync::oneshot;

/// Runs `body` on a thread of its own and waits for its result.
pub(crate) async fn blocking<T: Send + 'static>(
    env: &Env,
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BridgeError> {
    let (tell, told) = oneshot::channel();
    // The asker may have given up.
    let run = Box::new(move || tell.send(body()).map_or((), |()| ()));
    env.spawn.thread(name, run).map_err(|_| BridgeError::Background)?;
    told.await.map_err(|_| BridgeError::Background)
}
