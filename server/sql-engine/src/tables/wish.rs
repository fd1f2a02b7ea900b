//! What the filters of a query say about account, symbol and time, in the store's words.

use aitrading_model::{AccountId, MarketTime};
use datafusion::{
    logical_expr::{Between, BinaryExpr, Expr, Operator},
    scalar::ScalarValue,
};

use crate::view::TickWish;

const MICROS_PER_MS: i64 = 1_000;
const NANOS_PER_MS: i64 = 1_000_000;
const MS_PER_S: i64 = 1_000;

/// `column operator literal`, whichever way round it was written.
fn comparison(filter: &Expr) -> Option<(&str, Operator, &ScalarValue)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Literal(value, _)) => Some((&column.name, *op, value)),
        (Expr::Literal(value, _), Expr::Column(column)) => Some((&column.name, op.swap()?, value)),
        _ => None,
    }
}

/// Calls `take` with every `column operator literal` that all rows must fulfil.
pub(super) fn each_comparison(filters: &[Expr], take: &mut dyn FnMut(&str, Operator, &ScalarValue)) {
    for filter in filters {
        if let Some((column, op, value)) = comparison(filter) {
            take(column, op, value);
        } else if let Expr::Between(Between { expr, negated: false, low, high }) = filter
            && let (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) =
                (expr.as_ref(), low.as_ref(), high.as_ref())
        {
            take(&column.name, Operator::GtEq, low);
            take(&column.name, Operator::LtEq, high);
        }
    }
}

/// The millisecond that a moment lies in.
fn floor_ms(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampSecond(Some(s), _) => s.checked_mul(MS_PER_S),
        ScalarValue::TimestampMillisecond(Some(ms), _) => Some(*ms),
        ScalarValue::TimestampMicrosecond(Some(us), _) => Some(us.div_euclid(MICROS_PER_MS)),
        ScalarValue::TimestampNanosecond(Some(ns), _) => Some(ns.div_euclid(NANOS_PER_MS)),
        _ => None,
    }
}

/// What the filters say; `time` names the column of time.
pub(super) fn of_ticks(filters: &[Expr], time: &str) -> TickWish {
    let mut wish = TickWish::default();
    each_comparison(filters, &mut |column, op, value| match (column, op) {
        ("account", Operator::Eq) => {
            if let ScalarValue::UInt64(Some(account)) = value {
                wish.account = Some(AccountId(*account));
            }
        }
        ("symbol", Operator::Eq) => {
            wish.symbol = value.try_as_str().flatten().and_then(|name| name.parse().ok()).or(wish.symbol);
        }
        (name, op) if name == time => {
            let Some(at) = floor_ms(value).map(MarketTime) else { return };
            if matches!(op, Operator::Eq | Operator::Gt | Operator::GtEq) {
                wish.from = wish.from.max(Some(at));
            }
            if matches!(op, Operator::Eq | Operator::Lt | Operator::LtEq) {
                wish.to = Some(wish.to.map_or(at, |to| to.min(at)));
            }
        }
        _ => {}
    });
    wish
}
