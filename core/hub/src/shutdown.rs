//! The order to stop: first *begin*, then *force* at the deadline. Returning is *complete*.

use std::future::Future;
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Running,
    Begin,
    Force,
}

/// Tells one component when to stop. Cheap to clone; if the hub is gone, both orders count as given.
#[derive(Debug, Clone)]
pub struct Shutdown(pub(crate) watch::Receiver<Stage>);

/// Gives the orders by hand, for tests and for parts that are run outside a hub.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<Stage>);

impl Shutdown {
    /// A shutdown that is triggered by hand. Dropping the trigger forces.
    #[must_use]
    pub fn manual() -> (ShutdownTrigger, Self) {
        let (tell, told) = watch::channel(Stage::Running);
        (ShutdownTrigger(tell), Self(told))
    }

    /// Completes when the component should accept no new work, finish what it has, and return.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + 'static {
        self.reached(Stage::Begin)
    }

    /// Completes when the drain's time is over: drop what is left, and return.
    pub fn forced(&self) -> impl Future<Output = ()> + Send + 'static {
        self.reached(Stage::Force)
    }

    /// Was *begin* given?
    #[must_use]
    pub fn is_begun(&self) -> bool {
        *self.0.borrow() >= Stage::Begin || self.0.has_changed().is_err()
    }

    fn reached(&self, stage: Stage) -> impl Future<Output = ()> + Send + 'static {
        let mut told = self.0.clone();
        async move {
            // An error means that the sender is gone, and with it everyone who could ever give the order.
            drop(told.wait_for(|now| *now >= stage).await);
        }
    }
}

impl ShutdownTrigger {
    /// Orders the drain.
    pub fn begin(&self) {
        self.raise(Stage::Begin);
    }

    /// Ends the drain's time.
    pub fn force(&self) {
        self.raise(Stage::Force);
    }

    fn raise(&self, stage: Stage) {
        self.0.send_if_modified(|now| {
            let higher = *now < stage;
            *now = stage.max(*now);
            higher
        });
    }
}
