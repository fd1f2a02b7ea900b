//! From a wish to a signed signal, or to a denial with its code.

use super::{
    AccountKey, Answer, Effect, Engine, Event, Token, Wish, WishKey,
    event::{Decided, DeniedFact},
    io::{After, ManualOrder},
    keys::{Kept, Key, KeyBook, Known, Request},
    state::{Held, OpenSignal, Stage},
};
use aitrading_env::{Rng, RngExt};
use aitrading_model::{
    Money, OrderType, PositionTicket, Price, Side, Signal, SignalId, Source, SymbolSpec, Timestamp, TraceId,
};
use aitrading_risk::{
    Action, Approved, Candidate, Denied, DenyCode, Inputs, KeyState, LimitSet, Order, Quantity, Quote, Recent, Sizing,
    Stamped, check, notional,
};

/// How an order was asked for: what the check needs to know of its key, and what is kept with the verdict.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    key: KeyState,
    /// `None`: the verdict is not the outcome of a key.
    request: Option<Request>,
}

impl Asked {
    /// By a strategy: it has no key.
    const FOR_ITSELF: Self = Self { key: KeyState::None, request: None };
}

impl Engine {
    /// Takes the next step towards a wish: nothing while a decision is open, else close, else open.
    pub(super) fn advance(&mut self, now: Timestamp, key: WishKey, rng: &dyn Rng) {
        let Some(wish) = self.wishes.get(&key).copied() else { return };
        let open = self.state.open_of(key.account).into_iter().filter_map(|id| self.state.open.get(&id));
        let mut own = open.filter(|s| s.decided.strategy == key.strategy && s.decided.signal.symbol == key.symbol);
        if let Some(first) = own.next() {
            let stuck = |s: &OpenSignal| matches!(s.stage, Stage::Unknown | Stage::Unconfirmed | Stage::Disputed);
            if stuck(first) || own.any(stuck) {
                self.give_up(now, key, &wish);
            }
            return;
        }
        let held = self.held(&key);
        let against = held.iter().find(|(_, h)| h.side != wish.side).copied();
        let candidate = match against {
            Some((ticket, h)) => self.closing(&key, &wish, ticket, &h),
            None if !held.is_empty() => {
                self.wishes.remove(&key);
                return;
            }
            None => {
                self.wishes.remove(&key);
                self.opening(&key, &wish)
            }
        };
        if self.decide(now, &candidate, (wish.trace, wish.feed), Asked::FOR_ITSELF, rng).is_err() {
            self.wishes.remove(&key);
        }
    }

    /// Nobody knows when the outcome before it is settled: by then the wish would be about another market.
    fn give_up(&mut self, now: Timestamp, key: WishKey, wish: &Wish) {
        self.wishes.remove(&key);
        let candidate = self.opening(&key, wish);
        let source = self.quote(key.account, &wish.feed).map_or(wish.feed, |(source, _)| source);
        let limits_version = self.config.limits.version;
        let denied = Denied { code: DenyCode::Unresolved, limit: "", value: None, bound: None, limits_version };
        self.deny(now, &candidate, wish.trace, &source, &denied, None);
    }

    fn held(&self, key: &WishKey) -> Vec<(PositionTicket, Held)> {
        let held = self.state.books.get(&key.account).into_iter().flat_map(|book| &book.held);
        let own = held.filter(|(_, h)| h.strategy == key.strategy && h.symbol == key.symbol);
        own.map(|(ticket, h)| (*ticket, *h)).collect()
    }

    fn closing(&self, key: &WishKey, wish: &Wish, ticket: PositionTicket, held: &Held) -> Candidate {
        let side = held.side.opposite();
        self.candidate(key, wish, side, Action::Close { position: ticket })
    }

    fn opening(&self, key: &WishKey, wish: &Wish) -> Candidate {
        let spec = self.desks.get(&key.account).and_then(|desk| desk.specs.get(&key.symbol)).map(|s| s.value);
        let entry = self.quote(key.account, &wish.feed).map(|(_, quote)| quote.value.entry(wish.side));
        let (stop_loss, take_profit) = match (spec, entry) {
            (Some(spec), Some(entry)) => stops(&spec, entry, wish).unwrap_or_default(),
            // Risk refuses for the missing fact before it looks at stops.
            _ => Default::default(),
        };
        let ppm = self.config.strategies.iter().find(|s| s.strategy_id() == key.strategy).map_or(0, |s| s.risk_ppm);
        self.candidate(key, wish, wish.side, Action::Open { stop_loss, take_profit, sizing: Sizing::Fraction(ppm) })
    }

    fn candidate(&self, key: &WishKey, wish: &Wish, side: Side, action: Action) -> Candidate {
        let price = self.quote(key.account, &wish.feed).map_or(Price::ZERO, |(_, quote)| quote.value.entry(side));
        let ((tenant, account), strategy, symbol) = (key.account, key.strategy, key.symbol);
        let decided_at = wish.decided_at;
        Candidate { tenant, account, strategy, symbol, side, action, price, decided_at }
    }

    /// The quote that an account trades at: its own feed's, or the deciding feed's where it sends none.
    fn quote(&self, account: AccountKey, feed: &Source) -> Option<(Source, Stamped<Quote>)> {
        let own = Source { tenant: account.0, account: account.1, symbol: feed.symbol };
        let source = if self.feeds.contains_key(&own) { own } else { *feed };
        let quote = self.feeds.get(&source)?.quote?;
        Some((source, quote))
    }

    /// Value of everything open on an account; `None` if a position's specification is unknown.
    fn exposure(&self, account: AccountKey) -> Option<Money> {
        let desk = self.desks.get(&account)?;
        desk.account.as_ref()?.value.positions.iter().try_fold(Money::ZERO, |sum, position| {
            let spec = desk.specs.get(&position.symbol)?;
            sum.checked_add(notional(&spec.value, position.volume, position.price_open)?)
        })
    }

    /// Decides one candidate: a signal with its reservation, or a denial. Both are journaled and audited.
    pub(super) fn decide(
        &mut self,
        now: Timestamp,
        candidate: &Candidate,
        (trace, feed): (TraceId, Source),
        asked: Asked,
        rng: &dyn Rng,
    ) -> Result<SignalId, Denied> {
        let priced = self.quote(candidate.account_key(), &feed);
        let source = priced.map_or(feed, |(source, _)| source);
        match self.judge(now, candidate, &source, priced.map(|(_, quote)| quote), asked.key) {
            Ok(approved) => {
                let decided = Decided { request: asked.request, ..self.sign(now, &approved, trace, feed, source, rng) };
                let id = decided.signal.id;
                self.record(Event::Decided(Box::new(decided)));
                self.out.after.push(After::Deliver(id));
                self.out.effects.push(Effect::Count("engine_signals_total"));
                Ok(id)
            }
            Err(denied) => {
                self.deny(now, candidate, trace, &source, &denied, asked.request);
                Err(denied)
            }
        }
    }

    fn judge(
        &self,
        now: Timestamp,
        candidate: &Candidate,
        source: &Source,
        quote: Option<Stamped<Quote>>,
        asked_with: KeyState,
    ) -> Result<Approved<Order>, Denied> {
        let key = candidate.account_key();
        let limits: &LimitSet = &self.config.limits;
        let limits = limits.resolve(candidate.tenant, candidate.account, candidate.strategy, candidate.symbol)?;
        let desk = self.desks.get(&key);
        let book = self.state.books.get(&key);
        let unresolved = self.state.open_of(key).iter().any(|id| {
            self.state.open.get(id).is_some_and(|open| matches!(open.stage, Stage::Unconfirmed | Stage::Disputed))
        });
        let reserved = self.state.reserved(key);
        let recent: Vec<Recent> = book.into_iter().flat_map(|book| book.recent.iter().map(|r| r.order)).collect();
        let step = self.config.clock_step_ns;
        let age = (self.config.entitlement_age_ns, step);
        let inputs = Inputs {
            now,
            // Slewing may take the clock back a little; nothing that was received may lie further ahead.
            last_issued: self.state.last_issued.max(Timestamp(self.latest.0.saturating_sub(step))),
            clock_step_ns: step,
            market: self.feeds.get(source).map(|feed| feed.market).unwrap_or_default(),
            state: self.trading_state(key, candidate.strategy, candidate.symbol),
            entitlement: desk
                .map_or(aitrading_risk::Entitlement::Unreadable, |d| d.entitlement(now, age, candidate.symbol)),
            gate: desk.map_or(aitrading_risk::Gate::Down, |d| d.gate(unresolved)),
            account: desk.and_then(|d| d.account.as_ref()).map(|a| Stamped { value: &a.value, at: a.at }),
            spec: desk.and_then(|d| d.specs.get(&candidate.symbol)).map(|s| Stamped { value: &s.value, at: s.at }),
            quote,
            market_lag: self.market_lag(source),
            exposure: self.exposure(key),
            reserved: &reserved,
            recent: &recent,
            key: asked_with,
        };
        check(&inputs, &limits, candidate)
    }

    fn sign(
        &mut self,
        now: Timestamp,
        approved: &Approved<Order>,
        trace: TraceId,
        feed: Source,
        priced: Source,
        rng: &dyn Rng,
    ) -> Decided {
        let order = approved.order();
        let key = (order.tenant, order.account);
        let seat = self.desks.get(&key).and_then(super::session::Desk::seat);
        let (device, fence) = seat.map(|(seat, fence)| (seat.device, fence)).unwrap_or_default();
        let book = self.state.book(key);
        let (seq, previous) = (book.last_seq.saturating_add(1), book.previous);
        let signal = Signal {
            tenant: order.tenant,
            account: order.account,
            device,
            fence,
            seq,
            id: SignalId(rng.bytes()),
            previous,
            trace,
            kind: order.kind,
            order_type: OrderType::Market,
            symbol: order.symbol,
            side: order.side,
            position: order.position,
            lots_min: order.lots,
            lots_max: order.lots,
            price_min: order.price_min,
            price_max: order.price_max,
            deviation: order.deviation,
            stop_loss: order.stop_loss,
            take_profit: order.take_profit,
            issued_at: now,
            not_before: now,
            expires_at: now.plus(self.config.signal_life),
            policy: self.config.policy,
        };
        let reservation = approved.reservation();
        Decided {
            envelope: self.seal(aitrading_wire::encode_signal(&signal)),
            signal,
            strategy: order.strategy,
            feed,
            priced,
            market: self.feeds.get(&priced).map(|f| f.market).unwrap_or_default(),
            price: order.price,
            risk: reservation.risk,
            margin: reservation.margin,
            exposure: reservation.exposure,
            limits_version: approved.limits_version(),
            request: None,
        }
    }

    fn deny(
        &mut self,
        now: Timestamp,
        candidate: &Candidate,
        trace: TraceId,
        source: &Source,
        denied: &Denied,
        request: Option<Request>,
    ) {
        self.out.effects.push(Effect::Count("engine_denied_total"));
        if self.failed {
            return;
        }
        self.record(Event::Denied(Box::new(DeniedFact {
            tenant: candidate.tenant,
            account: candidate.account,
            strategy: candidate.strategy,
            symbol: candidate.symbol,
            side: candidate.side,
            kind: candidate.kind(),
            trace,
            code: denied.code.code().into(),
            limit: denied.limit.into(),
            limits_version: denied.limits_version,
            policy: Some(self.config.policy),
            price: candidate.price,
            value: denied.value.map_or(0, Quantity::raw),
            bound: denied.bound.map_or(0, Quantity::raw),
            units: Some((denied.value.map_or(0, Quantity::unit), denied.bound.map_or(0, Quantity::unit))),
            request,
            market: self.feeds.get(source).map(|feed| feed.market).unwrap_or_default(),
            at: now,
        })));
    }

    pub(super) fn on_manual(&mut self, now: Timestamp, token: Token, order: &ManualOrder, rng: &dyn Rng) {
        let ((tenant, account), strategy) = (order.account, order.strategy);
        let request = Request { key: order.key, content: Some(order.content()) };
        let known = match self.state.books.get(&order.account) {
            Some(book) => book.keys.look_up(&request, now),
            None => KeyBook::default().look_up(&request, now),
        };
        let key = match known {
            Known::Kept(kept) => return self.answer_again(token, (order.account, order.key), kept),
            Known::Check(key) => key,
        };
        // A key that was refused, or an account that never was here, has no outcome to keep: nothing can come of it later either.
        let kept = key == KeyState::Unused && self.desks.contains_key(&order.account);
        let asked = Asked { key, request: kept.then_some(request) };
        let feed = Source { tenant, account, symbol: order.symbol };
        let candidate = Candidate {
            tenant,
            account,
            strategy,
            symbol: order.symbol,
            side: order.side,
            action: order.action,
            price: order.price,
            decided_at: now,
        };
        let answer = match self.decide(now, &candidate, (order.trace, feed), asked, rng) {
            Ok(id) => Answer::Issued(id),
            Err(denied) => Answer::Denied(denied),
        };
        if kept {
            self.keys_in_flight.insert((order.account, order.key), self.ticket());
        }
        self.out.after.push(After::Reply { token, answer });
    }

    /// The stored result, told once it is durable: until then the first who asked was not told either.
    fn answer_again(&mut self, token: Token, key: (AccountKey, Key), kept: Kept) {
        let answer = match kept {
            Kept::Issued(id) => Answer::Issued(id),
            Kept::Denied(denied) => Answer::Denied(denied),
        };
        let reply = After::Reply { token, answer };
        match self.keys_in_flight.get(&key).and_then(|ticket| self.pending.get_mut(ticket)) {
            Some(after) => after.push(reply),
            None => self.out.after.push(reply),
        }
    }
}

/// Stop and target on the grid; the stop rounds away from the market, so that the risk is not understated.
fn stops(spec: &SymbolSpec, entry: Price, wish: &Wish) -> Option<(Price, Price)> {
    let points = i64::from(wish.stop.min_points.max(spec.stops_level.saturating_add(1)));
    let least = spec.point().raw().checked_mul(points)?;
    let distance = wish.stop.price.map_or(least, |p| p.raw().max(least));
    let target = Price::from_raw(distance).scale(i64::from(wish.stop.target_percent), 100)?;
    let signed = |distance: i64| match wish.side {
        Side::Buy => entry.raw().checked_sub(distance),
        Side::Sell => entry.raw().checked_add(distance),
    };
    let tick = spec.tick_size.raw();
    let raw = signed(distance)?;
    let over = raw.checked_rem_euclid(tick)?;
    let stop = match wish.side {
        Side::Buy => raw.checked_sub(over)?,
        Side::Sell if over == 0 => raw,
        Side::Sell => raw.checked_add(tick.checked_sub(over)?)?,
    };
    let profit = if target == Price::ZERO {
        Price::ZERO
    } else {
        Price::from_raw(signed(target.raw().checked_neg()?)?).round_to_grid(spec.tick_size)?
    };
    Some((Price::from_raw(stop), profit))
}
