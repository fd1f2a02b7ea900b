//! Caps on connections, in total and per address, held by the stream itself so that an upgraded connection still counts.

use aitrading_env::{BoxFuture, BoxStream, Clock};
use std::{
    collections::BTreeMap,
    fmt, io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Counts open connections.
#[derive(Debug, Clone)]
pub(crate) struct Slots(Arc<Mutex<Counts>>);

#[derive(Debug)]
struct Counts {
    total: usize,
    per_address: BTreeMap<IpAddr, usize>,
    total_max: usize,
    per_address_max: usize,
}

/// One open connection; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Slots,
    address: IpAddr,
}

impl Slots {
    pub(crate) fn new(total_max: usize, per_address_max: usize) -> Self {
        let counts = Counts { total: 0, per_address: BTreeMap::new(), total_max, per_address_max };
        Self(Arc::new(Mutex::new(counts)))
    }

    /// Takes a place, or says which cap is reached.
    pub(crate) fn take(&self, address: IpAddr) -> Result<Slot, &'static str> {
        // A dual-stack socket shows IPv4 peers as mapped addresses; both forms are one peer.
        let address = address.to_canonical();
        let mut counts = self.counts();
        if counts.total >= counts.total_max {
            return Err("total");
        }
        let max = counts.per_address_max;
        let of_address = counts.per_address.entry(address).or_insert(0);
        if *of_address >= max {
            return Err("address");
        }
        *of_address += 1;
        counts.total += 1;
        Ok(Slot { slots: self.clone(), address })
    }

    pub(crate) fn open(&self) -> usize {
        self.counts().total
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.slots.counts();
        counts.total = counts.total.saturating_sub(1);
        if let Some(of_address) = counts.per_address.get_mut(&self.address) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                counts.per_address.remove(&self.address);
            }
        }
    }
}

/// A stream that holds its place, and that breaks when its peer takes nothing off our hands for too long.
pub(crate) struct HeldStream {
    inner: BoxStream,
    clock: Arc<dyn Clock>,
    stall_limit: Duration,
    /// Runs while a write waits for the peer.
    stalled: Option<BoxFuture<'static, ()>>,
    _slot: Slot,
}

impl HeldStream {
    pub(crate) fn new(inner: BoxStream, slot: Slot, clock: Arc<dyn Clock>, stall_limit: Duration) -> Self {
        Self { inner, clock, stall_limit, stalled: None, _slot: slot }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let (clock, limit) = (&self.clock, self.stall_limit);
        let stalled = self.stalled.get_or_insert_with(|| clock.sleep(limit));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer stopped reading")))
    }
}

impl fmt::Debug for HeldStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldStream").finish_non_exhaustive()
    }
}

impl AsyncRead for HeldStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for HeldStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watch(cx, polled)
    }
}
