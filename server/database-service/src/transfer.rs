//! Moving what the embedded stores keep to the servers that the operator named: copied, read back, compared, and only then
//! believed. The embedded stores are never changed, but for a note that says where everything went.

mod compare;
mod digest;
mod forget;
mod line;
mod note;
mod rows;
mod tables;
mod ticks;

pub use forget::{Forgotten, forgotten};
pub(crate) use tables::table_names;

use crate::{Database, OpenError, Servers};
use aitrading_database_link::{LinkError, Role, Secrets, ServerSettings};
use aitrading_env::Env;
use aitrading_error::{Category, Coded, Dna, FaultSide};
use aitrading_store::{StoreError, Stores};
use serde::Serialize;

/// Why a move was not made, or is not believed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A store, on either side.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings of a server.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The server holds something else already.
    #[error(
        "the {role} database at {at} holds other data already ({what}); nothing was changed: empty that database, or name \
         another one, then run this again"
    )]
    NotEmpty {
        /// Which part.
        role: Role,
        /// The server.
        at: String,
        /// Where it shows.
        what: String,
    },
    /// What was read back is not what was sent.
    #[error(
        "what the {role} database at {at} gives back differs from what it was given ({what}); do not start the server with it: \
         the embedded stores are unchanged and go on to be the ones that count"
    )]
    Differs {
        /// Which part.
        role: Role,
        /// The server.
        at: String,
        /// Where it shows.
        what: String,
    },
}

impl Coded for TransferError {
    fn dna(&self) -> Dna {
        match self {
            Self::Store(error) => error.dna(),
            Self::Link(error) => error.dna(),
            Self::NotEmpty { .. } => {
                Dna::new("database-service", "TRANSFER_NOT_EMPTY", Category::Input).side(FaultSide::Caller)
            }
            Self::Differs { .. } => {
                Dna::new("database-service", "TRANSFER_DIFFERS", Category::Storage).side(FaultSide::Dependency)
            }
        }
    }
}

/// A set of records that was compared: by number and by content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// A table, or a source with the kind of its records.
    pub name: String,
    /// Records, the same on both sides.
    pub records: u64,
    /// SHA-256 over all of them in order, in hexadecimal, the same on both sides.
    pub sha256: String,
}

/// A part that lies on its server now, compared record by record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transferred {
    /// Which part.
    pub role: Role,
    /// The server.
    pub at: String,
    /// An earlier run had brought all of it there.
    pub already: bool,
    /// What was compared.
    pub compared: Vec<Compared>,
}

impl Transferred {
    /// All records.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.compared.iter().map(|one| one.records).sum()
    }
}

/// Hears how far a move is: what is being done, and how many records of it are done.
pub type Hear<'a> = dyn FnMut(&str, u64) + Send + 'a;

/// The fact that every start of a server leaves among the rows.
pub const DEPLOYMENT: &str = "deployment";

/// Parts that can be moved. The others hold nothing that outlives the process.
pub const TRANSFERABLE: [Role; 2] = [Role::Relational, Role::Ticks];

/// Where a server is, for people.
pub(crate) fn at(settings: &ServerSettings) -> String {
    format!("{}:{}/{}", settings.host, settings.port, settings.database)
}

/// Copies one part of `from` to the server that `servers` names for it, reads it back, and notes that it was moved. `None`: no
/// server is named, or the part cannot be moved.
///
/// A run that is broken off leaves nothing behind that counts; the next one begins anew. If all is there already, it is
/// compared and nothing is written.
///
/// # Errors
/// [`TransferError`].
pub async fn transfer(
    env: &Env,
    from: &Database,
    role: Role,
    servers: &Servers,
    secrets: &Secrets,
    hear: &mut Hear<'_>,
) -> Result<Option<Transferred>, TransferError> {
    let (settings, done) = match role {
        Role::Relational => {
            let Some(settings) = &servers.relational else { return Ok(None) };
            (settings, Box::pin(rows::transfer(env, from, settings, secrets, hear)).await?)
        }
        Role::Ticks => {
            let Some(settings) = &servers.ticks else { return Ok(None) };
            (settings, Box::pin(ticks::transfer(env, from, settings, secrets, hear)).await?)
        }
        _ => return Ok(None),
    };
    note::write(from, role, &at(settings)).await?;
    Ok(Some(done))
}

/// Takes back the notes of earlier moves: the embedded stores, as old as they are, are the ones that count again. Says which
/// parts those are.
///
/// # Errors
/// As the medium says.
pub async fn take_back(from: &Database) -> Result<Vec<Role>, StoreError> {
    let mut taken = Vec::new();
    for role in TRANSFERABLE {
        if note::erase(from, role).await? {
            taken.push(role);
        }
    }
    Ok(taken)
}

/// Notes that a part goes on with the server that `servers` names for it, without what is embedded. `None`: no server is named,
/// or the part cannot be moved.
///
/// # Errors
/// As the medium says.
pub async fn leave_behind(from: &Database, role: Role, servers: &Servers) -> Result<Option<String>, StoreError> {
    let settings = match role {
        Role::Relational => &servers.relational,
        Role::Ticks => &servers.ticks,
        _ => &None,
    };
    let Some(settings) = settings else { return Ok(None) };
    note::write(from, role, &at(settings)).await?;
    Ok(Some(at(settings)))
}

/// Refuses an empty server where the embedded part holds something that was not moved: a new life would begin beside the old
/// one, with numbers that were given out already, and who was enrolled here would be unknown there.
pub(crate) async fn refuse_unmoved(
    from: &Database,
    role: Role,
    there: &Stores,
    settings: &ServerSettings,
) -> Result<(), OpenError> {
    let here = from.stores();
    let left = match role {
        // A device may be enrolled before the first start leaves its fact.
        Role::Relational => rows::any(from).await? && there.meta.get(DEPLOYMENT).await?.is_none(),
        _ if here.ticks.cursors().await?.is_empty() || note::moved(from, role).await?.is_some() => false,
        // Whether a server that does not answer is empty is not known.
        _ => there.ticks.cursors().await.map_err(|source| OpenError::server(role, settings, source))?.is_empty(),
    };
    if left && note::moved(from, role).await?.is_none() {
        return Err(OpenError::NotMoved { role, to: at(settings) });
    }
    Ok(())
}

/// Refuses an embedded part that was moved: it is older than what stands on the server, and numbers that were given out since
/// are not known to it.
pub(crate) async fn refuse_moved(from: &Database, servers: &Servers) -> Result<(), OpenError> {
    let embedded = [(Role::Relational, servers.relational.is_none()), (Role::Ticks, servers.ticks.is_none())];
    for (role, embedded) in embedded {
        if embedded && let Some(to) = note::moved(from, role).await? {
            return Err(OpenError::Moved { role, to });
        }
    }
    Ok(())
}
