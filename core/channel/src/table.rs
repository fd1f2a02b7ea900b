//! The server's memory of sessions that may come back.

use crate::{ChannelError, Resume, limits::MAX_RESUMES_PER_PEER};
use aitrading_security::PeerIdentity;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

type Key = (PeerIdentity, [u8; 16]);

/// Sessions by peer and name. Bounded altogether and per peer; what is disconnected longest gives way first, what is connected
/// never does. A peer finds only its own.
#[derive(Debug)]
pub struct ResumeTable {
    sessions: Mutex<BTreeMap<Key, Arc<Resume>>>,
    capacity: usize,
    keep_ns: u64,
}

impl ResumeTable {
    /// A table of at most `capacity` sessions, each kept for `keep` after its connection ended.
    #[must_use]
    pub fn new(capacity: usize, keep: Duration) -> Self {
        let keep_ns = u64::try_from(keep.as_nanos()).unwrap_or(u64::MAX);
        Self { sessions: Mutex::default(), capacity, keep_ns }
    }

    /// Sessions remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// None remembered?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets a session: its peer starts afresh. For applications that lost frames which they had taken.
    pub fn forget(&self, peer: &PeerIdentity, id: [u8; 16]) {
        self.lock().remove(&(peer.clone(), id));
    }

    /// The session of that name and whether it was there before.
    pub(crate) fn find(
        &self,
        now: u64,
        peer: &PeerIdentity,
        id: [u8; 16],
    ) -> Result<(Arc<Resume>, bool), ChannelError> {
        let mut sessions = self.lock();
        sessions.retain(|_, resume| {
            let state = resume.lock();
            state.is_connected() || now.saturating_sub(state.disconnected_at) <= self.keep_ns
        });
        let key = (peer.clone(), id);
        if let Some(resume) = sessions.get(&key) {
            resume.lock().claim();
            return Ok((Arc::clone(resume), true));
        }
        let of_peer = sessions.keys().filter(|(owner, _)| owner == peer).count();
        if of_peer >= MAX_RESUMES_PER_PEER {
            evict(&mut sessions, |owner| owner == peer)?;
        }
        if sessions.len() >= self.capacity {
            evict(&mut sessions, |_| true)?;
        }
        let resume = Resume::with_id(id);
        resume.lock().claim();
        sessions.insert(key, Arc::clone(&resume));
        Ok((resume, false))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Arc<Resume>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn evict(sessions: &mut BTreeMap<Key, Arc<Resume>>, of: impl Fn(&PeerIdentity) -> bool) -> Result<(), ChannelError> {
    let oldest = sessions
        .iter()
        .filter(|((owner, _), _)| of(owner))
        .filter_map(|(key, resume)| {
            let state = resume.lock();
            (!state.is_connected()).then_some((state.disconnected_at, key))
        })
        .min_by_key(|(at, _)| *at)
        .map(|(_, key)| key.clone());
    sessions.remove(&oldest.ok_or(ChannelError::Capacity)?);
    Ok(())
}
