//! Is a file's last line whole, if no line end closes it? A copy that broke off may end within a price.

use crate::layout::{Column, Layout};

/// Lines before the last that it is compared with.
const KEPT: usize = 8;

/// The good lines read last.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    lines: [Vec<u8>; KEPT],
    next: usize,
}

/// How far a field reaches behind its point, and altogether.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Reach {
    decimals: usize,
    len: usize,
}

impl Recent {
    pub(crate) fn keep(&mut self, line: &[u8]) {
        if let Some(kept) = self.lines.get_mut(self.next % KEPT) {
            kept.clear();
            kept.extend_from_slice(line);
        }
        self.next = self.next.wrapping_add(1);
    }

    /// Where the last line was cut off, counted from 1; `None` if it ends as those before it. What cannot be told, with no line
    /// before it or where numbers differ in length, counts as cut off: a tick less is better than a wrong price.
    pub(crate) fn cut_at(&self, layout: &Layout, line: &[u8]) -> Option<usize> {
        let (fields, last) = ending(layout, line);
        let before: Vec<_> =
            self.lines.iter().filter(|kept| !kept.is_empty()).map(|kept| ending(layout, kept)).collect();
        let most = before.iter().map(|(fields, _)| *fields).max();
        let furthest = before.iter().map(|(_, last)| reach(last)).max().unwrap_or_default();
        let is_read = layout.columns.get(fields.saturating_sub(1)).is_some_and(|column| *column != Column::Skip);
        let reaches = match (furthest, reach(last)) {
            (Reach { decimals: 0, len }, now) => now.len >= len,
            (before, now) => now.decimals >= before.decimals,
        };
        let whole = most.is_some_and(|most| fields >= most) && (reaches || !is_read);
        (!whole).then(|| line.len().saturating_sub(last.len()).saturating_add(1))
    }
}

/// Number of fields, and the last of them.
fn ending<'a>(layout: &Layout, line: &'a [u8]) -> (usize, &'a [u8]) {
    let cut = |byte: &u8| *byte == layout.delimiter;
    (line.split(cut).count(), line.rsplit(cut).next().unwrap_or_default())
}

fn reach(field: &[u8]) -> Reach {
    let point = field.iter().position(|byte| *byte == b'.');
    Reach { decimals: point.map_or(0, |point| field.len().saturating_sub(point).saturating_sub(1)), len: field.len() }
}
