//! Values as text: decimals to the last digit, times in ISO 8601.

use aitrading_model::MarketTime;
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, Decimal128Array, RecordBatch},
    datatypes::{
        DataType, Decimal128Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType,
    },
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};
use std::borrow::Cow;

/// A batch whose values can be asked for as text.
pub(super) struct Values {
    rows: usize,
    columns: Vec<Column>,
}

/// How a value stands in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it is: a number, true, false.
    Plain,
    /// A floating-point number, which may be none.
    Float,
    /// In quotes.
    Text,
}

/// A column of a batch.
pub(super) struct Column {
    array: ArrayRef,
    pub(super) shape: Shape,
}

fn shape(of: &DataType) -> Shape {
    match of {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Shape::Float,
        of if of.is_numeric() || *of == DataType::Boolean => Shape::Plain,
        _ => Shape::Text,
    }
}

impl Values {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let column = |array: &ArrayRef| {
            // Said once per column: a type that cannot be shown is an error here, not a hole in the rows.
            ArrayFormatter::try_new(array, &FormatOptions::default())?;
            Ok(Column { array: ArrayRef::clone(array), shape: shape(array.data_type()) })
        };
        let columns = batch.columns().iter().map(column).collect::<Result<_, ArrowError>>()?;
        Ok(Self { rows: batch.num_rows(), columns })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }
}

impl Column {
    /// The value, `None` for NULL.
    pub(super) fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        let array = &self.array;
        if array.is_null(row) {
            return None;
        }
        Some(match array.data_type() {
            DataType::Utf8View => Cow::Borrowed(array.as_string_view().value(row)),
            DataType::Utf8 => Cow::Borrowed(array.as_string::<i32>().value(row)),
            DataType::Decimal128(..) => Cow::Owned(decimal(array.as_primitive::<Decimal128Type>(), row)),
            DataType::Timestamp(unit, zone) => Cow::Owned(time(array, row, *unit, zone.is_some())),
            _ => Cow::Owned(shown(array, row)),
        })
    }
}

/// Without the zeros at its end, which say nothing.
fn decimal(array: &Decimal128Array, row: usize) -> String {
    let text = array.value_as_string(row);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn time(array: &ArrayRef, row: usize, unit: TimeUnit, utc: bool) -> String {
    let (value, per_second, digits) = match unit {
        TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(row), 1, 0),
        TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().value(row), 1_000, 3),
        TimeUnit::Microsecond => (array.as_primitive::<TimestampMicrosecondType>().value(row), 1_000_000, 6),
        TimeUnit::Nanosecond => (array.as_primitive::<TimestampNanosecondType>().value(row), 1_000_000_000, 9),
    };
    let seconds = MarketTime(value.div_euclid(per_second).saturating_mul(1_000)).to_string();
    let seconds = seconds.trim_end_matches(".000Z");
    let mut fraction = match digits {
        0 => String::new(),
        digits => format!("{:0digits$}", value.rem_euclid(per_second)),
    };
    // Milliseconds are always shown, what is finer only where there is any.
    while fraction.len() > 3 && fraction.ends_with("000") {
        fraction.truncate(fraction.len().saturating_sub(3));
    }
    let (point, zone) = (if fraction.is_empty() { "" } else { "." }, if utc { "Z" } else { "" });
    format!("{seconds}{point}{fraction}{zone}")
}

fn shown(array: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default();
    ArrayFormatter::try_new(array, &options).map(|shown| shown.value(row).to_string()).unwrap_or_default()
}
