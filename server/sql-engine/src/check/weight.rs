//! What queries weigh, and which columns they show to those that name them.

use crate::SqlError;

/// Tables that a plan may read, each reference to a WITH name or subquery counted anew.
const INPUTS_MAX: u64 = 64;
/// Expressions, columns and steps that a plan may have, each counted as often as it is written out.
const PARTS_MAX: u64 = 10_000;
/// Queries that read from one another in a row.
const STEPS_MAX: u64 = 48;

/// The weight of something when it is written out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Tables that are read.
    pub(super) inputs: u64,
    /// Expressions, columns and steps.
    pub(super) parts: u64,
    /// Queries in a row.
    pub(super) steps: u64,
}

impl Weight {
    /// So many expressions, and no table.
    pub(super) fn parts(parts: u64) -> Self {
        Self { parts, ..Self::default() }
    }

    /// Adds what stands beside this.
    pub(super) fn add(&mut self, other: Self) {
        self.inputs = self.inputs.saturating_add(other.inputs);
        self.parts = self.parts.saturating_add(other.parts);
        self.steps = self.steps.max(other.steps);
    }

    /// As often as `times`.
    pub(super) fn times(self, times: u64) -> Self {
        Self { inputs: self.inputs.saturating_mul(times), parts: self.parts.saturating_mul(times), ..self }
    }

    /// The heavier in each respect.
    pub(super) fn max(self, other: Self) -> Self {
        let (inputs, parts) = (self.inputs.max(other.inputs), self.parts.max(other.parts));
        Self { inputs, parts, steps: self.steps.max(other.steps) }
    }

    /// Refuses what no plan may become.
    pub(super) fn check(self) -> Result<(), SqlError> {
        let bounds = [
            (self.inputs, INPUTS_MAX, "tables"),
            (self.parts, PARTS_MAX, "expressions and columns"),
            (self.steps, STEPS_MAX, "queries in a row"),
        ];
        match bounds.into_iter().find(|(found, limit, _)| found > limit) {
            Some((_, limit, unit)) => Err(SqlError::TooLarge { limit, unit }),
            None => Ok(()),
        }
    }
}

/// A column as those see it that may name it.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    /// The table or alias before the point, in lower case.
    pub(super) of: String,
    /// In lower case; `None` if the planner finds a name for it.
    pub(super) name: Option<String>,
    /// What is written out for it.
    pub(super) weight: Weight,
}

impl Column {
    pub(super) fn plain(of: &str, name: Option<String>) -> Self {
        Self { of: of.to_owned(), name, weight: Weight::default() }
    }

    fn may_be(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|own| own == name)
    }
}

/// The heaviest column that the name may mean; of an unknown name, the heaviest of all.
pub(super) fn heaviest<'a>(columns: impl Iterator<Item = &'a Column> + Clone, name: &str) -> Weight {
    let known = columns.clone().any(|column| column.name.as_deref() == Some(name));
    let meant = columns.filter(|column| !known || column.may_be(name));
    meant.fold(Weight::default(), |most, column| most.max(column.weight))
}

/// A query or a table: its weight, and its columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    pub(super) weight: Weight,
    pub(super) columns: Vec<Column>,
}

impl Shape {
    /// Beside another, as in a join, which has the columns of both.
    pub(super) fn join(&mut self, other: Self) -> Result<(), SqlError> {
        self.weight.add(other.weight);
        self.columns.extend(other.columns);
        self.weight.add(Weight::parts(self.columns.len() as u64));
        self.weight.check()
    }

    /// Under another name, and with the first columns renamed.
    pub(super) fn renamed(mut self, of: &str, names: impl Iterator<Item = String>) -> Self {
        for column in &mut self.columns {
            of.clone_into(&mut column.of);
        }
        for (column, name) in self.columns.iter_mut().zip(names) {
            column.name = Some(name);
        }
        self
    }
}
