//! How each argument and each answer of a port travels, and whose data it names.

mod batches;
mod plain;

pub(crate) use batches::PART_ROWS;

use crate::{
    message::{Malformed, Parts, malformed},
    table::ROWS_MAX,
};
use aitrading_model::TenantId;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// Tenants that a call names.
#[derive(Debug, Default)]
pub(crate) struct Whose(BTreeSet<TenantId>);

impl Whose {
    pub(crate) fn add(&mut self, tenant: TenantId) {
        self.0.insert(tenant);
    }

    /// Those of one more argument.
    pub(crate) fn and<T: Carried>(mut self, argument: &T) -> Self {
        argument.name(&mut self);
        self
    }

    /// Nobody else than this one, and at least this one.
    pub(crate) fn is_only(&self, tenant: TenantId) -> bool {
        self.0.len() == 1 && self.0.contains(&tenant)
    }
}

/// What can be sent and read back as it was.
pub(crate) trait Carried: Sized {
    /// What stands for it in the head; rows go behind the head.
    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed>;
    /// Reads it back.
    fn read(value: Value, parts: &mut Parts) -> Result<Self, Malformed>;
    /// The tenants that it names.
    fn name(&self, _whose: &mut Whose) {}

    /// The same for many: an array, unless the type knows better.
    fn write_all(all: &[Self], parts: &mut Parts) -> Result<Value, Malformed> {
        all.iter().map(|one| one.write(parts)).collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn read_all(value: Value, parts: &mut Parts) -> Result<Vec<Self>, Malformed> {
        match value {
            Value::Array(all) => all.into_iter().map(|one| Self::read(one, parts)).collect(),
            _ => Err(malformed("a list is expected")),
        }
    }
}

impl<T: Carried> Carried for Vec<T> {
    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        if self.len() > ROWS_MAX {
            return Err(malformed("there are too many records"));
        }
        T::write_all(self, parts)
    }

    fn read(value: Value, parts: &mut Parts) -> Result<Self, Malformed> {
        T::read_all(value, parts)
    }

    fn name(&self, whose: &mut Whose) {
        self.iter().for_each(|one| one.name(whose));
    }
}

impl<T: Carried> Carried for Option<T> {
    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        self.as_ref().map_or(Ok(Value::Null), |some| some.write(parts))
    }

    fn read(value: Value, parts: &mut Parts) -> Result<Self, Malformed> {
        if value.is_null() { Ok(None) } else { T::read(value, parts).map(Some) }
    }

    fn name(&self, whose: &mut Whose) {
        if let Some(some) = self {
            some.name(whose);
        }
    }
}

impl Carried for Arc<[u8]> {
    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        u8::write_all(self, parts)
    }

    fn read(value: Value, parts: &mut Parts) -> Result<Self, Malformed> {
        u8::read_all(value, parts).map(Into::into)
    }
}

/// An argument as a method takes it, and what is kept of it meanwhile on the side of the store.
pub(crate) trait Arg<'a>: Sized {
    type Kept: Carried;
    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed>;
    /// Called once.
    fn lend(kept: &'a mut Self::Kept) -> Self;
}

impl<'a, T: Carried> Arg<'a> for &'a T {
    type Kept = T;

    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        T::write(self, parts)
    }

    fn lend(kept: &'a mut T) -> Self {
        kept
    }
}

impl<'a, T: Carried> Arg<'a> for Option<&'a T> {
    type Kept = Option<T>;

    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        self.map_or(Ok(Value::Null), |some| some.write(parts))
    }

    fn lend(kept: &'a mut Option<T>) -> Self {
        kept.as_ref()
    }
}

impl<'a> Arg<'a> for &'a str {
    type Kept = String;

    fn write(&self, _parts: &mut Parts) -> Result<Value, Malformed> {
        Ok(Value::from(*self))
    }

    fn lend(kept: &'a mut String) -> Self {
        kept
    }
}

impl<'a> Arg<'a> for &'a [u8] {
    type Kept = Vec<u8>;

    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        u8::write_all(self, parts)
    }

    fn lend(kept: &'a mut Vec<u8>) -> Self {
        kept
    }
}

impl<'a> Arg<'a> for Option<&'a [u8]> {
    type Kept = Option<Vec<u8>>;

    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        self.map_or(Ok(Value::Null), |some| u8::write_all(some, parts))
    }

    fn lend(kept: &'a mut Option<Vec<u8>>) -> Self {
        kept.as_deref()
    }
}

impl<'a, T: Carried> Arg<'a> for Vec<T> {
    type Kept = Self;

    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        Carried::write(self, parts)
    }

    fn lend(kept: &'a mut Self) -> Self {
        std::mem::take(kept)
    }
}

/// Every number of this type in the ports is a limit. More than an answer can hold is asked of no store: one record too many
/// is enough to see that the answer would be too large.
impl<'a> Arg<'a> for usize {
    type Kept = Self;

    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        Carried::write(self, parts)
    }

    fn lend(kept: &'a mut Self) -> Self {
        (*kept).min(ROWS_MAX.saturating_add(1))
    }
}
