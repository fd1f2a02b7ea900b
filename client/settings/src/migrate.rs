//! From older versions of the settings file to the present one, one step per version.

use crate::SettingsError;
use std::borrow::Cow;
use toml::{Table, Value};

/// The version that this program writes.
pub const VERSION: i64 = 1;

/// Step `n` turns version `n` into `n + 1`.
const STEPS: [fn(&mut Table); VERSION as usize] = [from_0];

/// The text in the present version. Text that does not parse, or names no version, is handed on: the loader says what is wrong
/// with it, and where.
pub(crate) fn to_current(text: &str) -> Result<Cow<'_, str>, SettingsError> {
    let Ok(mut table) = text.parse::<Table>() else { return Ok(Cow::Borrowed(text)) };
    let Some(found) = table.get("version").and_then(Value::as_integer) else { return Ok(Cow::Borrowed(text)) };
    if found > VERSION {
        return Err(SettingsError::Later { found, known: VERSION });
    }
    let steps = usize::try_from(found).ok().and_then(|at| STEPS.get(at..)).unwrap_or_default();
    if steps.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    for step in steps {
        step(&mut table);
    }
    table.insert("version".to_owned(), Value::Integer(VERSION));
    Ok(Cow::Owned(table.to_string()))
}

/// Version 0 was the trial layout: the data directory stood alone at the top, and the limits had no section.
fn from_0(table: &mut Table) {
    for (old, section, new) in [
        ("data_dir", "storage", "data_dir"),
        ("max_lots", "limits", "lots_max"),
        ("max_orders_per_minute", "limits", "orders_per_minute"),
    ] {
        if let Some(value) = table.remove(old) {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                inner.insert(new.to_owned(), value);
            }
        }
    }
}
