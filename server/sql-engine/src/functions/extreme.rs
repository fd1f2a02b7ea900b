//! `arg_min(value, key[, key])` and `arg_max(value, key[, key])`: the value where the key is smallest or largest.
//!
//! They are what open and close of a bar are made of, in one comparison of whole numbers per row, where
//! `first_value(value ORDER BY key)` compares through the general sorter. Rows with a null are left out. Among equal keys
//! `arg_min` takes the first row met and `arg_max` the last; rows are met in no fixed order across files, so a statement that
//! must not depend on it names a second key, as in `arg_min(bid, time, seq)`.

mod state;

use datafusion::{
    arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type},
    common::{plan_err, types::NativeType},
    error::Result,
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};
use state::{Alone, Slots};
use std::sync::Arc;

/// The end of the order that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Smallest,
    Largest,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    end: End,
    signature: Signature,
}

/// `arg_min` and `arg_max`.
pub(super) fn both() -> impl Iterator<Item = Arc<AggregateUDF>> {
    [End::Smallest, End::Largest].into_iter().map(|end| {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(AggregateUDF::from(Extreme { end, signature }))
    })
}

/// Decimals stay as they are; everything else that is a whole number inside is handled as one.
fn plain(of: &DataType) -> DataType {
    match of {
        DataType::Decimal128(..) => of.clone(),
        _ => DataType::Int64,
    }
}

fn whole(of: &DataType) -> bool {
    let native = NativeType::from(of.clone());
    native.is_integer() || matches!(of, DataType::Decimal128(..) | DataType::Timestamp(..) | DataType::Date32)
}

/// The types of the value and the first key; `None` if an argument is missing.
fn two(types: &[DataType]) -> Option<(&DataType, &DataType)> {
    types.first().zip(types.get(1))
}

impl Extreme {
    fn slots(&self, args: &AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator + Sync>> {
        let types: Vec<DataType> = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        let Some((value, key)) = two(&types) else { return plan_err!("{} takes a value and a key", self.name()) };
        let largest = self.end == End::Largest;
        let (value, key) = (value.clone(), key.clone());
        Ok(match (plain(&value), plain(&key)) {
            (DataType::Int64, DataType::Int64) => Box::new(Slots::<Int64Type, Int64Type>::new(value, key, largest)),
            (_, DataType::Int64) => Box::new(Slots::<Decimal128Type, Int64Type>::new(value, key, largest)),
            (DataType::Int64, _) => Box::new(Slots::<Int64Type, Decimal128Type>::new(value, key, largest)),
            _ => Box::new(Slots::<Decimal128Type, Decimal128Type>::new(value, key, largest)),
        })
    }
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        match self.end {
            End::Smallest => "arg_min",
            End::Largest => "arg_max",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let tie = types.get(2).is_none_or(|tie| NativeType::from(tie.clone()).is_integer());
        if !(2..=3).contains(&types.len()) || !types.iter().all(whole) || !tie {
            return plan_err!(
                "{} takes a value, a key and perhaps a second key: whole numbers, decimals or times, the last a whole number",
                self.name()
            );
        }
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(value) => Ok(value.clone()),
            None => plan_err!("{} takes a value and a key", self.name()),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let types: Vec<DataType> = args.input_fields.iter().map(|field| field.data_type().clone()).collect();
        let Some((value, key)) = two(&types) else { return plan_err!("{} takes a value and a key", self.name()) };
        let field = |part: &str, of: DataType| Arc::new(Field::new(format!("{}[{part}]", args.name), of, true));
        Ok(vec![field("value", plain(value)), field("key", plain(key)), field("tie", DataType::Int64)])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Alone::new(self.slots(&args)?, args.return_field.data_type().clone())))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(self.slots(&args)?)
    }
}
