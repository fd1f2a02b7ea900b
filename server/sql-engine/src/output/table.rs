//! A table to look at. Widths come from the first rows, so that the rest can follow while the query runs.

use super::value::{Shape, Values};
use datafusion::arrow::datatypes::SchemaRef;
use std::borrow::Cow;

/// Texts are cut to so many characters. Numbers and times never are: a cut number is another number.
const TEXT_MAX: usize = 60;
const NULL: &str = "NULL";

/// The columns' widths, once they are known.
#[derive(Default)]
pub(super) struct Table {
    widths: Option<Vec<usize>>,
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// Fit for one line of a terminal: no control characters, and not too long.
fn cell(text: Cow<'_, str>, shape: Shape) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shape != Shape::Text || chars(&text) <= TEXT_MAX {
        return text;
    }
    text.chars().take(TEXT_MAX - 1).chain(['…']).collect()
}

fn line(cells: &[(String, Shape)], widths: &[usize], out: &mut Vec<u8>) {
    let padded = cells.iter().zip(widths).map(|((cell, shape), width)| match shape {
        Shape::Text => format!(" {cell:<width$} "),
        Shape::Plain | Shape::Float => format!(" {cell:>width$} "),
    });
    let text = padded.collect::<Vec<_>>().join("|");
    out.extend_from_slice(text.trim_end().as_bytes());
    out.push(b'\n');
}

impl Table {
    pub(super) fn batch(&mut self, schema: &SchemaRef, values: &Values, out: &mut Vec<u8>) {
        let null = || Cow::Borrowed(NULL);
        let row = |row: usize| -> Vec<(String, Shape)> {
            let cells = values.columns().iter();
            cells.map(|column| (cell(column.text(row).unwrap_or_else(null), column.shape), column.shape)).collect()
        };
        let rows: Vec<Vec<(String, Shape)>> = (0..values.rows()).map(row).collect();
        let widths = self.widths.get_or_insert_with(|| {
            let mut widths = header(schema, out, &rows);
            widths.shrink_to_fit();
            widths
        });
        rows.iter().for_each(|cells| line(cells, widths, out));
    }

    /// A result without rows still shows its columns.
    pub(super) fn end(&mut self, schema: &SchemaRef, out: &mut Vec<u8>) {
        if self.widths.is_none() {
            self.widths = Some(header(schema, out, &[]));
        }
    }
}

fn header(schema: &SchemaRef, out: &mut Vec<u8>, rows: &[Vec<(String, Shape)>]) -> Vec<usize> {
    let names: Vec<(String, Shape)> =
        schema.fields().iter().map(|field| (cell(Cow::Borrowed(field.name()), Shape::Text), Shape::Text)).collect();
    let mut widths: Vec<usize> = names.iter().map(|(name, _)| chars(name)).collect();
    for cells in rows {
        for (width, (cell, _)) in widths.iter_mut().zip(cells) {
            *width = (*width).max(chars(cell));
        }
    }
    line(&names, &widths, out);
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width.saturating_add(2))).collect();
    out.extend_from_slice(rule.join("+").as_bytes());
    out.push(b'\n');
    widths
}
