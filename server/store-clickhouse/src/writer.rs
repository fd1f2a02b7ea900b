//! Who writes, and what is known of earlier attempts.

use crate::{
    door::{Door, Insert},
    marks::{Commit, Visible},
    rows::{MarkRow, Stamp, WriterRow},
};
use aitrading_env::{Env, RngExt};
use aitrading_store::StoreError;

const REGISTERING: &str = "taking over the tick store's writing";
/// Registrations that may collide with another instance's before one gives up.
const REGISTRATIONS: u32 = 8;
/// Bits of a rank that count a writer's attempts; the others are the writer's number, so that a later writer's attempts
/// always rank higher.
const ATTEMPT_BITS: u32 = 40;

/// A writer's number and its attempts.
#[derive(Debug)]
pub(crate) struct Writer {
    id: u64,
    attempts: u64,
}

impl Writer {
    /// Registers above all writers so far. Acknowledged before anything else is written, so no two writers share a number.
    pub(crate) async fn register(door: &Door, env: &Env) -> Result<Self, StoreError> {
        let nonce = env.rng.next_u64();
        for round in 0..REGISTRATIONS {
            // Instances that meet go on from different numbers.
            let step = if round == 0 { 1 } else { env.rng.next_u64() % 16 + 1 };
            let writer = highest(door).await?.saturating_add(step);
            door.insert::<WriterRow, _>(
                REGISTERING,
                "writers",
                Insert::AtOnce,
                std::iter::once(WriterRow { writer, nonce }),
            )
            .await?;
            let others = door.fetch::<u64>(REGISTERING, |client| {
                let sql = "SELECT count() AS n FROM writers WHERE writer = {writer:UInt64} AND nonce != {nonce:UInt64}";
                client.query(sql).param("writer", writer).param("nonce", nonce)
            });
            if others.await?.first() == Some(&0) {
                tracing::info!(writer, "this instance writes the tick store");
                return Ok(Self { id: writer, attempts: 0 });
            }
        }
        Err(StoreError::Conflict { what: "other instances begin to write the ticks at the same moment" })
    }

    /// A rank above all earlier ones.
    pub(crate) fn next_rank(&mut self) -> Result<u64, StoreError> {
        self.attempts = self.attempts.saturating_add(1);
        let fits = self.attempts < 1 << ATTEMPT_BITS && self.id < 1 << (u64::BITS - ATTEMPT_BITS);
        if fits { Ok(self.id << ATTEMPT_BITS | self.attempts) } else { Err(StoreError::UsedUp) }
    }

    /// Has nobody registered since?
    pub(crate) async fn check(&self, door: &Door) -> Result<(), StoreError> {
        if highest(door).await? == self.id {
            return Ok(());
        }
        Err(StoreError::Conflict { what: "another instance has taken over the writing of ticks" })
    }
}

async fn highest(door: &Door) -> Result<u64, StoreError> {
    let query = |client: &clickhouse::Client| client.query("SELECT max(writer) AS writer FROM writers");
    Ok(door.fetch::<u64>(REGISTERING, query).await?.first().copied().unwrap_or_default())
}

/// What this instance knows about its own writing. One commit at a time holds it.
#[derive(Debug)]
pub(crate) struct Pen {
    writer: Option<Writer>,
    /// The newest commit that the caller knows of: what it hands over next continues from there.
    told: Option<Commit>,
    /// The newest commit that counts, as far as known.
    newest: Commit,
    /// An earlier attempt's rows may still arrive.
    unsettled: bool,
    /// An earlier attempt may have left rows under the next number.
    contested: bool,
}

/// What an attempt may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leave {
    pub(crate) stamp: Stamp,
    pub(crate) contested: bool,
}

impl Default for Pen {
    /// The process before this one may have left an attempt behind.
    fn default() -> Self {
        Self { writer: None, told: None, newest: Commit::default(), unsettled: true, contested: true }
    }
}

impl Pen {
    /// Registers this instance if it has not yet, and settles what earlier attempts left.
    pub(crate) async fn take_up(&mut self, door: &Door, env: &Env) -> Result<(), StoreError> {
        if self.writer.is_none() {
            self.writer = Some(Writer::register(door, env).await?);
        }
        if self.unsettled {
            self.settle(door).await?;
        }
        Ok(())
    }

    /// The newest commit, told to the caller. Reading alone makes nobody a writer: a tool that looks must not take over.
    pub(crate) async fn tell(&mut self, door: &Door) -> Result<Commit, StoreError> {
        if self.unsettled && self.writer.is_some() {
            self.settle(door).await?;
        } else {
            self.newest = Visible::read(door).await?.newest;
        }
        self.told = Some(self.newest);
        Ok(self.newest)
    }

    /// Claims what counts now, with a rank above all earlier attempts: whatever of theirs arrives later counts for nothing.
    async fn settle(&mut self, door: &Door) -> Result<(), StoreError> {
        self.contested = true;
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.check(door).await?;
        let newest = Visible::read(door).await?.newest;
        let rank = writer.next_rank()?;
        let stands = (newest.number > 0).then(|| newest.claim(rank, true));
        claim(door, stands.into_iter().chain([newest.nothing_after(rank)])).await?;
        (self.newest, self.unsettled) = (newest, false);
        Ok(())
    }

    /// May a commit up to `mark` begin, and under which number and rank?
    pub(crate) fn begin(&mut self, mark: aitrading_store::JournalMark) -> Result<Leave, StoreError> {
        let told = self.known();
        if mark <= told.mark {
            return Err(StoreError::AlreadyDone { stored: told.mark });
        }
        if self.newest.number > told.number && mark == self.newest.mark {
            // An attempt went through whose answer was lost.
            self.told = Some(self.newest);
            return Err(StoreError::AlreadyDone { stored: mark });
        }
        let number = told.number.saturating_add(1);
        if self.newest.number > number {
            return Err(StoreError::Conflict { what: "another instance has written ticks meanwhile" });
        }
        self.leave(number)
    }

    /// A commit that does not move the journal on. Says the mark that stays. While the journal's owner does not know of its
    /// newest commit it could replace that one, and what follows it: so nothing may follow.
    pub(crate) fn begin_beside(&mut self) -> Result<(Leave, aitrading_store::JournalMark), StoreError> {
        let told = self.known();
        if told.number < self.newest.number {
            return Err(StoreError::Conflict {
                what: "the answer to a commit of the journal was lost: ask for the mark first",
            });
        }
        Ok((self.leave(told.number.saturating_add(1))?, told.mark))
    }

    /// The newest commit that the caller knows of. Commits that left the mark where it was are none of the journal's, and its
    /// owner need not be told of them: they are never replaced.
    fn known(&mut self) -> Commit {
        let told = self.told.get_or_insert(self.newest);
        if told.mark == self.newest.mark {
            *told = self.newest;
        }
        *told
    }

    /// Settles what an earlier attempt of this instance left, so that what is read now stays true.
    pub(crate) async fn still(&mut self, door: &Door) -> Result<(), StoreError> {
        if self.unsettled && self.writer.is_some() { self.settle(door).await } else { Ok(()) }
    }

    fn leave(&mut self, number: u64) -> Result<Leave, StoreError> {
        let Some(writer) = &mut self.writer else { return Err(StoreError::Conflict { what: "nobody writes" }) };
        let stamp = Stamp { number, rank: writer.next_rank()? };
        let leave = Leave { stamp, contested: self.contested };
        // Until it is known to have succeeded; that also holds if the caller goes away in the middle.
        (self.unsettled, self.contested) = (true, true);
        Ok(leave)
    }

    /// Makes the attempt's rows count.
    pub(crate) async fn finish(
        &mut self,
        door: &Door,
        leave: Leave,
        mark: aitrading_store::JournalMark,
    ) -> Result<(), StoreError> {
        if let Some(writer) = &self.writer {
            writer.check(door).await?;
        }
        let Stamp { number, rank } = leave.stamp;
        let commit = Commit { number, content: rank, mark };
        claim(door, std::iter::once(commit.claim(rank, leave.contested))).await?;
        (self.told, self.newest) = (Some(commit), commit);
        (self.unsettled, self.contested) = (false, false);
        Ok(())
    }
}

async fn claim(door: &Door, rows: impl Iterator<Item = MarkRow> + Clone + Send + Sync) -> Result<(), StoreError> {
    door.insert::<MarkRow, _>("making a commit of ticks count", "marks", Insert::AtOnce, rows).await
}
