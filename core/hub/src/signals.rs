//! The operating system's wish that the process ends.

use std::io;

/// Waits for SIGINT or SIGTERM (Ctrl-C elsewhere than on Unix) and returns its name.
///
/// # Errors
/// If the system lets no handler be installed.
pub async fn signals() -> io::Result<&'static str> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => Ok("SIGTERM"),
            _ = interrupt.recv() => Ok("SIGINT"),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map(|()| "Ctrl-C")
}
