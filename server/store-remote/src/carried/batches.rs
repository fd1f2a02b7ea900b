//! What travels with rows: commits, imports, log batches, and answers of ticks, bars and log lines.

use super::{Arg, Carried, Malformed, Parts, Value, Whose, malformed};
use crate::{
    arrow::{self, Rows},
    table::ROWS_MAX,
};
use aitrading_model::{Bar, Cursor, DayCheck, Gap, Source, TenantId, Tick, TickReject};
use aitrading_store::{
    GapChange, ImportCommit, ImportKey, JournalMark, LogBatch, LogLine, SeqRun, SourceCommit, StoredLogLine, TickCommit,
};
use serde::{Deserialize, Serialize};

/// Rows of one part.
pub(crate) const PART_ROWS: usize = 65_536;

/// Puts rows behind the head; in the head stands how many.
fn put<R: Rows>(rows: &[R], parts: &mut Parts) -> Result<Value, Malformed> {
    for part in rows.chunks(PART_ROWS) {
        parts.push(arrow::encode(part)?);
    }
    Ok(Value::from(rows.len()))
}

/// Takes as many rows as the head says. What is reserved before is bounded by what has arrived.
fn take<R: Rows>(count: &Value, parts: &mut Parts) -> Result<Vec<R>, Malformed> {
    let count = count.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= ROWS_MAX);
    let count = count.ok_or_else(|| malformed("the number of rows is no number, or too large"))?;
    let mut rows = Vec::new();
    while rows.len() < count {
        let part: Vec<R> = arrow::decode(&parts.pop()?)?;
        if part.is_empty() || part.len() > count.saturating_sub(rows.len()) {
            return Err(malformed("the rows are not as many as the head says"));
        }
        rows.extend(part);
    }
    Ok(rows)
}

/// Rows go alone only as a list of one.
macro_rules! rows {
    ($($type:ty)*) => {$(
        impl Carried for $type {
            fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
                put(std::slice::from_ref(self), parts)
            }

            fn read(value: Value, parts: &mut Parts) -> Result<Self, Malformed> {
                take(&value, parts)?.pop().ok_or_else(|| malformed("one row is expected"))
            }

            fn write_all(all: &[Self], parts: &mut Parts) -> Result<Value, Malformed> {
                put(all, parts)
            }

            fn read_all(value: Value, parts: &mut Parts) -> Result<Vec<Self>, Malformed> {
                take(&value, parts)
            }
        }
    )*};
}

rows!(Tick Bar LogLine StoredLogLine);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TickHead {
    mark: JournalMark,
    sources: Vec<SourceHead>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceHead {
    source: Source,
    digits: u8,
    ticks: Value,
    runs: Vec<SeqRun>,
    late: Value,
    late_seq: u64,
    bars: Value,
    gaps: Vec<Gap>,
    changes: Vec<GapChange>,
    days: Vec<DayCheck>,
    rejected: Vec<(TickReject, u64)>,
    duplicates: u64,
    cursor: Cursor,
}

impl Carried for TickCommit {
    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        let mut sources = Vec::with_capacity(self.sources.len());
        for of in &self.sources {
            sources.push(SourceHead {
                source: of.source,
                digits: of.digits,
                ticks: put(&of.ticks, parts)?,
                runs: of.runs.clone(),
                late: put(&of.late, parts)?,
                late_seq: of.late_seq,
                bars: put(&of.bars, parts)?,
                gaps: of.gaps.clone(),
                changes: of.changes.clone(),
                days: of.days.clone(),
                rejected: of.rejected.clone(),
                duplicates: of.duplicates,
                cursor: of.cursor,
            });
        }
        Ok(serde_json::to_value(TickHead { mark: self.mark, sources })?)
    }

    fn read(value: Value, parts: &mut Parts) -> Result<Self, Malformed> {
        let head: TickHead = serde_json::from_value(value)?;
        let mut sources = Vec::with_capacity(head.sources.len());
        for of in head.sources {
            sources.push(SourceCommit {
                source: of.source,
                digits: of.digits,
                ticks: take(&of.ticks, parts)?,
                runs: of.runs,
                late: take(&of.late, parts)?,
                late_seq: of.late_seq,
                bars: take(&of.bars, parts)?,
                gaps: of.gaps,
                changes: of.changes,
                days: of.days,
                rejected: of.rejected,
                duplicates: of.duplicates,
                cursor: of.cursor,
            });
        }
        Ok(Self { mark: head.mark, sources })
    }

    fn name(&self, whose: &mut Whose) {
        self.mark.name(whose);
        for of in &self.sources {
            whose.add(of.source.tenant);
            of.gaps.iter().for_each(|gap| whose.add(gap.source.tenant));
            of.changes.iter().for_each(|change| whose.add(change.gap.source.tenant));
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportHead {
    key: ImportKey,
    part: u64,
    source: Source,
    digits: u8,
    ticks: Value,
    bars: Value,
    last: bool,
}

impl Carried for ImportCommit {
    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        let (ticks, bars) = (put(&self.ticks, parts)?, put(&self.bars, parts)?);
        let (key, part, source, digits, last) = (self.key, self.part, self.source, self.digits, self.last);
        Ok(serde_json::to_value(ImportHead { key, part, source, digits, ticks, bars, last })?)
    }

    fn read(value: Value, parts: &mut Parts) -> Result<Self, Malformed> {
        let ImportHead { key, part, source, digits, ticks, bars, last } = serde_json::from_value(value)?;
        let (ticks, bars) = (take(&ticks, parts)?, take(&bars, parts)?);
        Ok(Self { key, part, source, digits, ticks, bars, last })
    }

    fn name(&self, whose: &mut Whose) {
        whose.add(self.source.tenant);
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogHead {
    tenant: TenantId,
    id: Value,
    lines: Value,
}

impl Carried for LogBatch {
    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        let head =
            LogHead { tenant: self.tenant, id: Carried::write(&self.id, parts)?, lines: put(&self.lines, parts)? };
        Ok(serde_json::to_value(head)?)
    }

    fn read(value: Value, parts: &mut Parts) -> Result<Self, Malformed> {
        let LogHead { tenant, id, lines } = serde_json::from_value(value)?;
        Ok(Self { tenant, id: Carried::read(id, parts)?, lines: take(&lines, parts)? })
    }

    fn name(&self, whose: &mut Whose) {
        whose.add(self.tenant);
    }
}

impl<'a> Arg<'a> for TickCommit {
    type Kept = Self;

    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        Carried::write(self, parts)
    }

    fn lend(kept: &'a mut Self) -> Self {
        Self { mark: kept.mark, sources: std::mem::take(&mut kept.sources) }
    }
}

impl<'a> Arg<'a> for ImportCommit {
    type Kept = Self;

    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        Carried::write(self, parts)
    }

    fn lend(kept: &'a mut Self) -> Self {
        let (ticks, bars) = (std::mem::take(&mut kept.ticks), std::mem::take(&mut kept.bars));
        let (key, part, source, digits, last) = (kept.key, kept.part, kept.source, kept.digits, kept.last);
        Self { key, part, source, digits, ticks, bars, last }
    }
}

impl<'a> Arg<'a> for LogBatch {
    type Kept = Self;

    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        Carried::write(self, parts)
    }

    fn lend(kept: &'a mut Self) -> Self {
        Self { tenant: kept.tenant, id: kept.id, lines: std::mem::take(&mut kept.lines) }
    }
}
