//! Stores in temporary folders, and the way to a server of the tests.

use aitrading_database_link::{Limits, SecretRef, ServerSettings, TlsFiles, Transport};
use aitrading_database_service::{Database, Settings};
use aitrading_env::Env;
use aitrading_testkit::servers::Server;
use anyhow::{Context, Result};
use std::{path::Path, time::Duration};
use tempfile::TempDir;

/// Patience on a loaded machine; nothing waits that long when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// The embedded stores in a folder of their own, which goes with this.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) database: Database,
    folder: TempDir,
}

impl World {
    pub(crate) async fn open() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("aitrading-bench-").tempdir().context("no temporary folder")?;
        let database = Database::open(&Env::real(), Settings::default(), folder.path()).await?;
        Ok(Self { database, folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Bytes of all tick files.
    pub(crate) async fn bytes(&self) -> Result<u64> {
        let files = self.database.tick_files().await?;
        let sizes = files.iter().map(|file| Ok(std::fs::metadata(self.folder().join(file))?.len()));
        sizes.sum()
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.database.close().await?;
        Ok(())
    }
}

/// The server as an operator would name it: with its own authority if it speaks TLS, and its password in a file.
pub(crate) fn settings(server: &Server) -> Result<ServerSettings> {
    let transport = match server.door() {
        aitrading_testkit::servers::Door::Tls => {
            Transport::Tls(TlsFiles { ca: server.ca_file().to_owned(), client: None })
        }
        _ => Transport::Plaintext,
    };
    let mut settings = ServerSettings::new("127.0.0.1", server.port(), transport);
    let file = server.folder().join("bench-password");
    // Not by std: what others may read is refused as a secret.
    let written = Env::real().fs.write_atomic(&file, server.password().as_bytes());
    written.context("the password's file cannot be written")?;
    let reference: SecretRef = format!("file:{}", file.display()).parse().ok().context("no reference to a file")?;
    aitrading_testkit::servers::USER.clone_into(&mut settings.user);
    settings.password = Some(reference);
    settings.limits = Limits { deadline: PATIENCE, connect: PATIENCE / 2, ..settings.limits };
    Ok(settings)
}
