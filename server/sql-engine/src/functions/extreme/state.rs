//! What `arg_min` and `arg_max` remember: per group the best key so far and its value.

use super::plain;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, PrimitiveArray, new_null_array},
        buffer::{BooleanBuffer, NullBuffer},
        compute::cast,
        datatypes::{ArrowPrimitiveType, DataType, Int64Type},
    },
    error::{DataFusionError, Result},
    logical_expr::{Accumulator, EmitTo, GroupsAccumulator},
    scalar::ScalarValue,
};
use std::{fmt, sync::Arc};

#[derive(Clone, Copy, Default)]
struct Slot<V, K> {
    key: K,
    tie: i64,
    value: V,
    set: bool,
}

/// One slot per group.
pub(super) struct Slots<V: ArrowPrimitiveType, K: ArrowPrimitiveType> {
    value: DataType,
    key: DataType,
    largest: bool,
    slots: Vec<Slot<V::Native, K::Native>>,
}

/// A batch's three columns as plain numbers.
struct Columns<V: ArrowPrimitiveType, K: ArrowPrimitiveType> {
    value: PrimitiveArray<V>,
    key: PrimitiveArray<K>,
    tie: Option<Int64Array>,
    /// Rows without a null in any of them; `None` if that is all.
    valid: Option<NullBuffer>,
}

impl<V: ArrowPrimitiveType, K: ArrowPrimitiveType> Columns<V, K> {
    fn of(columns: &[ArrayRef]) -> Result<Self> {
        let take = |place: usize| columns.get(place).map(|column| cast(column, &plain(column.data_type()))).transpose();
        let missing = || DataFusionError::Internal("an argument of arg_min or arg_max is missing".to_owned());
        let value = take(0)?.ok_or_else(missing)?.as_primitive::<V>().clone();
        let key = take(1)?.ok_or_else(missing)?.as_primitive::<K>().clone();
        let tie = take(2)?.map(|tie| tie.as_primitive::<Int64Type>().clone());
        let valid = NullBuffer::union(value.nulls(), key.nulls());
        let valid = NullBuffer::union(valid.as_ref(), tie.as_ref().and_then(Array::nulls));
        Ok(Self { value, key, tie, valid })
    }
}

fn allocated<T>(slots: &Vec<T>) -> usize {
    slots.capacity().saturating_mul(size_of::<T>())
}

impl<V: ArrowPrimitiveType, K: ArrowPrimitiveType> Slots<V, K>
where
    K::Native: Ord,
{
    pub(super) fn new(value: DataType, key: DataType, largest: bool) -> Self {
        Self { value, key, largest, slots: Vec::new() }
    }

    fn take(&mut self, columns: &Columns<V, K>, groups: &[usize], filter: Option<&BooleanArray>, total: usize) {
        self.slots.resize(total, Slot::default());
        let chosen = |row: usize| {
            columns.valid.as_ref().is_none_or(|valid| valid.is_valid(row))
                && filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
        };
        let all = columns.valid.is_none() && filter.is_none();
        let ties = columns.tie.as_ref().map(|tie| tie.values().as_ref());
        let rows = columns.value.values().iter().zip(columns.key.values()).zip(groups);
        for (row, ((value, key), group)) in rows.enumerate() {
            let Some(slot) = self.slots.get_mut(*group) else { continue };
            let tie = ties.and_then(|ties: &[i64]| ties.get(row)).copied().unwrap_or_default();
            let order = (key, tie).cmp(&(&slot.key, slot.tie));
            let better = if self.largest { order.is_ge() } else { order.is_lt() };
            if (better || !slot.set) && (all || chosen(row)) {
                *slot = Slot { key: *key, tie, value: *value, set: true };
            }
        }
    }

    fn emit(&mut self, emit: EmitTo) -> Result<[ArrayRef; 3]> {
        let slots = emit.take_needed(&mut self.slots);
        let set = Some(NullBuffer::new(BooleanBuffer::collect_bool(slots.len(), |row| {
            slots.get(row).is_some_and(|slot| slot.set)
        })));
        let values = slots.iter().map(|slot| slot.value).collect::<Vec<_>>();
        let keys = slots.iter().map(|slot| slot.key).collect::<Vec<_>>();
        let ties = slots.iter().map(|slot| slot.tie).collect::<Vec<_>>();
        let values = PrimitiveArray::<V>::try_new(values.into(), set.clone())?.with_data_type(plain(&self.value));
        let keys = PrimitiveArray::<K>::try_new(keys.into(), set.clone())?.with_data_type(plain(&self.key));
        Ok([Arc::new(values), Arc::new(keys), Arc::new(Int64Array::try_new(ties.into(), set)?)])
    }
}

impl<V: ArrowPrimitiveType, K: ArrowPrimitiveType> GroupsAccumulator for Slots<V, K>
where
    K::Native: Ord,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.take(&Columns::of(values)?, groups, filter, total);
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let [value, ..] = self.emit(emit)?;
        Ok(cast(&value, &self.value)?)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(self.emit(emit)?.into())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.take(&Columns::of(values)?, groups, None, total);
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut alone = Self::new(self.value.clone(), self.key.clone(), self.largest);
        let columns = Columns::of(values)?;
        let groups: Vec<usize> = (0..columns.value.len()).collect();
        alone.take(&columns, &groups, filter, groups.len());
        alone.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        allocated(&self.slots)
    }
}

/// The same for statements without groups: one group.
pub(super) struct Alone {
    slots: Box<dyn GroupsAccumulator + Sync>,
    groups: Vec<usize>,
    value: DataType,
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alone").finish_non_exhaustive()
    }
}

impl Alone {
    pub(super) fn new(slots: Box<dyn GroupsAccumulator + Sync>, value: DataType) -> Self {
        Self { slots, groups: Vec::new(), value }
    }

    fn groups_for(&mut self, values: &[ArrayRef]) -> Vec<usize> {
        let mut groups = std::mem::take(&mut self.groups);
        groups.resize(values.first().map_or(0, |column| column.len()), 0);
        groups
    }

    /// The one group's state. Windows ask again and again, so what is taken out is put back.
    fn look(&mut self) -> Result<Vec<ArrayRef>> {
        let state = self.slots.state(EmitTo::All)?;
        if state.first().is_some_and(|column| column.is_empty()) {
            return Ok(state.iter().map(|column| new_null_array(column.data_type(), 1)).collect());
        }
        self.slots.merge_batch(&state, &[0], 1)?;
        Ok(state)
    }
}

impl Accumulator for Alone {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = self.groups_for(values);
        self.slots.update_batch(values, &groups, None, 1)?;
        self.groups = groups;
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.look()?.first() {
            Some(value) => ScalarValue::try_from_array(&cast(value, &self.value)?, 0),
            None => ScalarValue::try_from(&self.value),
        }
    }

    fn size(&self) -> usize {
        self.slots.size().saturating_add(allocated(&self.groups))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.look()?.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = self.groups_for(states);
        self.slots.merge_batch(states, &groups, 1)?;
        self.groups = groups;
        Ok(())
    }
}
