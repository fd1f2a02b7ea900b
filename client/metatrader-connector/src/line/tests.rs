//! Frames under way, and lines that come and go.

use super::*;

#[test]
fn an_acknowledgement_counts_for_its_own_line_only() {
    let flight = Flight::default();
    flight.restart(1);
    assert_eq!(flight.sent(1, 1, "a"), None);
    assert_eq!(flight.sent(1, 3, "c"), None, "senders may note their frames in any order");
    assert_eq!(flight.sent(1, 2, "b"), None);
    assert_eq!(flight.acked(2), ["a", "b"]);
    assert_eq!(flight.sent(1, 2, "late"), Some("late"), "acknowledged before it was noted");
    flight.restart(2);
    assert!(flight.is_empty());
    assert_eq!(flight.sent(1, 4, "of the old line"), None);
    assert!(flight.acked(9).is_empty(), "a frame of the old line is not under way on the new one");
}

#[derive(Debug)]
struct Fails(ChannelError);

#[async_trait::async_trait]
impl Outlet for Fails {
    async fn put(&self, _: u16, _: u8, body: Bytes) -> Result<u64, ChannelError> {
        match self.0 {
            ChannelError::FrameTooLarge { limit, .. } => Err(ChannelError::FrameTooLarge { len: body.len(), limit }),
            _ => Err(ChannelError::Truncated),
        }
    }
}

async fn put_on(outlet: ChannelError, next: Option<Line>) -> Option<u64> {
    let outlet: Arc<dyn Outlet> = Arc::new(Fails(outlet));
    let (lines, mut receiver) = watch::channel(Some(Line { number: 1, outlet }));
    let body = Bytes::new();
    let sending = put(&mut receiver, 1, 2, 1, &body);
    let changing = async move {
        tokio::task::yield_now().await;
        lines.send_replace(next);
    };
    tokio::join!(sending, changing).0
}

#[tokio::test]
async fn nothing_is_put_on_a_line_of_another_number() {
    let outlet: Arc<dyn Outlet> = Arc::new(Fails(ChannelError::Truncated));
    assert_eq!(put_on(ChannelError::Truncated, Some(Line { number: 2, outlet })).await, None);
    assert_eq!(put_on(ChannelError::Truncated, None).await, None, "and nobody is left who could open one");
    assert_eq!(put_on(ChannelError::FrameTooLarge { len: 0, limit: 0 }, None).await, None, "no line would take it");
}
