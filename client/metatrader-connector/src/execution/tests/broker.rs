//! A terminal in memory: it executes what it is told, remembers by request number, and can be made to lose answers.

use crate::{
    ea_link::{EaLinkError, LinkPhase, LinkStatus, OrderLinkError, TickFrom},
    port::{Feed, Terminal},
};
use aitrading_model::*;
use aitrading_wire::ea::{FeedMode, LookupResult, OrderInfo, OrderRequest, OrderResult, OrderState, Reason};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

/// What happens to the next order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Fill,
    /// Filled, and the answer is lost.
    FillSilently,
    /// Lost on the way there.
    LoseBefore,
    /// Surely not sent.
    NotSent,
    /// Refused with a code and a row in the history.
    Refuse(Retcode),
    /// Refused by code, and executed all the same.
    RefuseYetFill(Retcode),
    /// Accepted by code, and executed only when `Broker::fill_late` says so.
    FillLater,
}

#[derive(Debug, Default)]
struct Books {
    fates: VecDeque<Fate>,
    requests: Vec<OrderRequest>,
    orders: Vec<(u64, OrderInfo)>,
    deals: Vec<Deal>,
    late: Vec<OrderRequest>,
    blind: bool,
}

#[derive(Debug)]
pub(super) struct Broker {
    books: Mutex<Books>,
    status: watch::Sender<LinkStatus>,
    accounts: watch::Sender<Option<Arc<AccountState>>>,
    specs: watch::Sender<Arc<[SymbolSpec]>>,
}

impl Broker {
    pub(super) fn new(state: AccountState, spec: SymbolSpec) -> Arc<Self> {
        Arc::new(Self {
            books: Mutex::default(),
            status: watch::Sender::new(LinkStatus { phase: LinkPhase::Ready, roles: 62 }),
            accounts: watch::Sender::new(Some(Arc::new(state))),
            specs: watch::Sender::new(Arc::from([spec])),
        })
    }

    pub(super) fn fate(&self, fates: &[Fate]) {
        self.books.lock().unwrap().fates.extend(fates);
    }

    /// Lookups go unanswered.
    pub(super) fn blind(&self, blind: bool) {
        self.books.lock().unwrap().blind = blind;
    }

    pub(super) fn fill_late(&self) {
        let mut books = self.books.lock().unwrap();
        for request in std::mem::take(&mut books.late) {
            books.fill(&request);
        }
    }

    pub(super) fn deals(&self, magic: u64) -> usize {
        self.books.lock().unwrap().deals.iter().filter(|deal| deal.magic == magic).count()
    }

    pub(super) fn requests(&self) -> Vec<OrderRequest> {
        self.books.lock().unwrap().requests.clone()
    }
}

impl Books {
    fn fill(&mut self, request: &OrderRequest) {
        let ticket = Ticket(self.orders.len() as u64 + 1);
        self.record(request, ticket, OrderState::Filled, Retcode::DONE);
        self.deals.push(Deal {
            ticket: DealTicket(self.deals.len() as u64 + 1),
            order: ticket,
            position: PositionTicket(ticket.0),
            side: request.side,
            entry: DealEntry::In,
            volume: request.volume,
            price: "86.71".parse().unwrap(),
            profit: Money::ZERO,
            time: MarketTime(77),
            magic: request.magic,
        });
    }

    fn record(&mut self, request: &OrderRequest, ticket: Ticket, state: OrderState, retcode: Retcode) {
        let info = OrderInfo {
            ticket,
            symbol: request.symbol,
            side: request.side,
            state,
            reason: Reason::Expert,
            volume: request.volume,
            price: Price::ZERO,
            position: PositionTicket(0),
            time: MarketTime(77),
            retcode,
            comment: request.comment.clone(),
        };
        self.orders.push((request.magic, info));
    }
}

fn answer(request: &OrderRequest, retcode: Retcode) -> OrderResult {
    OrderResult {
        request_id: request.request_id,
        retcode,
        deal: DealTicket(0),
        order: Ticket(0),
        volume: Volume::ZERO,
        price: Price::ZERO,
        bid: "86.700".parse().unwrap(),
        ask: "86.710".parse().unwrap(),
        comment: String::new(),
        market_time: MarketTime(77),
        order_send_ns: 0,
    }
}

#[async_trait::async_trait]
impl Terminal for Broker {
    fn status(&self) -> watch::Receiver<LinkStatus> {
        self.status.subscribe()
    }

    fn accounts(&self) -> watch::Receiver<Option<Arc<AccountState>>> {
        self.accounts.subscribe()
    }

    fn specs(&self) -> watch::Receiver<Arc<[SymbolSpec]>> {
        self.specs.subscribe()
    }

    fn permissions(&self) -> Permissions {
        Permissions::ALL
    }

    async fn order(&self, request: OrderRequest, _timeout: Duration) -> Result<OrderResult, OrderLinkError> {
        let mut books = self.books.lock().unwrap();
        let fate = books.fates.pop_front().unwrap_or(Fate::Fill);
        if fate == Fate::NotSent {
            return Err(OrderLinkError::NotSent("test"));
        }
        books.requests.push(request.clone());
        let ticket = Ticket(books.orders.len() as u64 + 1);
        match fate {
            Fate::Fill => {
                books.fill(&request);
                Ok(answer(&request, Retcode::DONE))
            }
            Fate::FillSilently => {
                books.fill(&request);
                Err(OrderLinkError::Unknown("test"))
            }
            Fate::LoseBefore | Fate::NotSent => Err(OrderLinkError::Unknown("test")),
            Fate::Refuse(code) => {
                books.record(&request, ticket, OrderState::Rejected, code);
                Ok(answer(&request, code))
            }
            Fate::RefuseYetFill(code) => {
                books.fill(&request);
                Ok(answer(&request, code))
            }
            Fate::FillLater => {
                books.late.push(request.clone());
                Ok(answer(&request, Retcode::PLACED))
            }
        }
    }

    async fn lookup(&self, magic: u64, _timeout: Duration) -> Result<LookupResult, EaLinkError> {
        let books = self.books.lock().unwrap();
        if books.blind {
            return Err(EaLinkError::Timeout);
        }
        let orders = books.orders.iter().filter(|(of, _)| *of == magic).map(|(_, order)| order.clone()).collect();
        let deals = books.deals.iter().filter(|deal| deal.magic == magic).copied().collect();
        Ok(LookupResult { lookup_id: 1, magic, more: false, positions: Vec::new(), orders, deals })
    }

    async fn subscribe(&self, _: Symbol, _: TickFrom, _: FeedMode) -> Result<Box<dyn Feed>, EaLinkError> {
        Err(EaLinkError::NotConnected)
    }

    async fn continue_feed(&self, _: Symbol) {}

    async fn history(
        &self,
        _: Symbol,
        _: (aitrading_model::MarketTime, aitrading_model::MarketTime),
        _: Duration,
    ) -> Result<Vec<aitrading_model::Tick>, aitrading_model::HistoryFault> {
        Err(aitrading_model::HistoryFault::Unavailable)
    }
}
