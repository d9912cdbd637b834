//! The number that the keys of a row are.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, PrimitiveArray, RecordBatch,
    StringViewArray, UInt64Array,
};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Int32Type, Schema, UInt32Type, UInt64Type,
};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_plan::PhysicalExpr;

use super::layout::{Layout, Part, PartKind, WIDE};
use super::{NumberOf, Texts};

/// What some keys are made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Keys {
    /// A text, or its number.
    Text([Arc<dyn PhysicalExpr>; 1], [Part; 1]),
    /// The lesser and the greater of two texts.
    Ordered([Arc<dyn PhysicalExpr>; 2], [Part; 2]),
    /// A number of 32 bits.
    Number([Arc<dyn PhysicalExpr>; 1], [Part; 1]),
}

impl Keys {
    fn expressions(&self) -> &[Arc<dyn PhysicalExpr>] {
        match self {
            Keys::Text(of, _) | Keys::Number(of, _) => of,
            Keys::Ordered(of, _) => of,
        }
    }

    fn expressions_mut(&mut self) -> &mut [Arc<dyn PhysicalExpr>] {
        match self {
            Keys::Text(of, _) | Keys::Number(of, _) => of,
            Keys::Ordered(of, _) => of,
        }
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keys::Text([key], _) | Keys::Number([key], _) => write!(f, "{key}"),
            Keys::Ordered([first, second], _) => write!(f, "ordered({first}, {second})"),
        }
    }
}

/// Keys of a group as one number. It is never NULL: keys that are have bits that say so.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    keys: Vec<Keys>,
    layout: Layout,
    texts: Arc<Texts>,
}

impl Packed {
    pub(super) fn new(keys: Vec<Keys>, layout: Layout, texts: Arc<Texts>) -> Packed {
        Packed {
            keys,
            layout,
            texts,
        }
    }

    /// The texts that are keys by themselves.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>> {
        self.keys.iter().filter_map(|keys| match keys {
            Keys::Text([text], _) => Some(text),
            Keys::Ordered(..) | Keys::Number(..) => None,
        })
    }

    /// The texts that are put in order first.
    pub(crate) fn other_texts(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>> {
        let ordered = |keys: &&Keys| matches!(keys, Keys::Ordered(..));
        self.keys.iter().filter(ordered).flat_map(Keys::expressions)
    }

    /// The number of one of the texts that are keys by themselves, made in so many
    /// partitions. It can stand in for the text.
    pub(crate) fn number_of(
        &self,
        text: Arc<dyn PhysicalExpr>,
        partitions: usize,
    ) -> Arc<dyn PhysicalExpr> {
        self.texts.expect_dictionaries(partitions);
        Arc::new(NumberOf::new(text, Arc::clone(&self.texts)))
    }

    /// Adds the keys of a batch's rows to their numbers.
    fn pack<N: Number>(&self, batch: &RecordBatch, numbers: &mut [N]) -> Result<()> {
        for keys in &self.keys {
            match keys {
                Keys::Text([text], [part]) => {
                    let column = column(text, batch)?;
                    match column.as_primitive_opt::<UInt32Type>() {
                        Some(texts) => add_texts(numbers, texts.values(), *part),
                        None => {
                            let texts = self.texts.numbers(as_texts(&column, text)?)?;
                            add_texts(numbers, &texts, *part);
                        }
                    }
                }
                Keys::Ordered([first, second], parts) => {
                    let columns = [column(first, batch)?, column(second, batch)?];
                    let texts = [
                        as_texts(&columns[0], first)?,
                        as_texts(&columns[1], second)?,
                    ];
                    let texts = self.texts.ordered_numbers(texts)?;
                    for (texts, part) in texts.iter().zip(parts) {
                        add_texts(numbers, texts, *part);
                    }
                }
                Keys::Number([number], [part]) => {
                    add_numbers(numbers, column(number, batch)?.as_primitive(), *part);
                }
            }
        }
        Ok(())
    }
}

fn column(key: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    key.evaluate(batch)?.into_array(batch.num_rows())
}

fn as_texts<'a>(column: &'a ArrayRef, text: &Arc<dyn PhysicalExpr>) -> Result<&'a StringViewArray> {
    match column.as_string_view_opt() {
        Some(column) => Ok(column),
        None => internal_err!("{text} is {} in place of text", column.data_type()),
    }
}

fn add_texts<N: Number>(numbers: &mut [N], texts: &[u32], part: Part) {
    for (number, text) in numbers.iter_mut().zip(texts) {
        number.add(u64::from(*text), part);
    }
}

fn add_numbers<N: Number>(numbers: &mut [N], column: &PrimitiveArray<Int32Type>, part: Part) {
    const NULL: u64 = 1 << 32;
    match column.nulls() {
        None => {
            for (number, value) in numbers.iter_mut().zip(column.values()) {
                number.add(u64::from(value.cast_unsigned()), part);
            }
        }
        Some(_) => {
            for (number, value) in numbers.iter_mut().zip(column) {
                let value = value.map_or(NULL, |value| u64::from(value.cast_unsigned()));
                number.add(value, part);
            }
        }
    }
}

/// A number that keys are put into.
trait Number: Copy + Default {
    /// Adds a key where there is none yet.
    fn add(&mut self, key: u64, part: Part);

    /// The numbers of a batch.
    fn array(numbers: Vec<Self>) -> ArrayRef;
}

impl Number for u64 {
    #[inline]
    fn add(&mut self, key: u64, part: Part) {
        *self |= key << part.shift;
    }

    fn array(numbers: Vec<u64>) -> ArrayRef {
        Arc::new(UInt64Array::from(numbers))
    }
}

impl Number for i128 {
    #[inline]
    fn add(&mut self, key: u64, part: Part) {
        *self |= i128::from(key) << part.shift;
    }

    fn array(numbers: Vec<i128>) -> ArrayRef {
        Arc::new(Decimal128Array::from(numbers).with_data_type(WIDE))
    }
}

/// The keys that are a part of numbers.
pub(super) enum Unpacking {
    Texts(Vec<u32>),
    Numbers(Vec<Option<i32>>),
}

/// Takes a part out of numbers.
pub(super) fn unpack(numbers: &ArrayRef, part: Part) -> Result<Unpacking> {
    fn of<T: ArrowPrimitiveType>(
        numbers: &PrimitiveArray<T>,
        part: Part,
        bits: impl Fn(T::Native) -> u64,
    ) -> Unpacking {
        let keys = numbers.values().iter().map(|number| bits(*number));
        match part.kind {
            PartKind::Text => Unpacking::Texts(keys.map(|key| key as u32).collect()),
            PartKind::Number => {
                let number = |key: u64| (key >> 32 & 1 == 0).then_some((key as u32).cast_signed());
                Unpacking::Numbers(keys.map(number).collect())
            }
        }
    }
    match numbers.data_type() {
        DataType::UInt64 => Ok(of::<UInt64Type>(numbers.as_primitive(), part, |number| {
            number >> part.shift
        })),
        DataType::Decimal128(..) => Ok(of::<Decimal128Type>(
            numbers.as_primitive(),
            part,
            |number| (number >> part.shift) as u64,
        )),
        other => internal_err!("keys are packed in {other}"),
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Packed) -> bool {
        self.keys == other.keys && Arc::ptr_eq(&self.texts, &other.texts)
    }
}

impl Eq for Packed {}

impl Hash for Packed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.keys.hash(state);
    }
}

impl fmt::Display for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(Keys::to_string).collect();
        write!(f, "packed({})", keys.join(", "))
    }
}

impl PhysicalExpr for Packed {
    fn return_field(&self, _input: &Schema) -> Result<FieldRef> {
        let data_type = self.layout.data_type();
        Ok(Arc::new(Field::new(self.to_string(), data_type, false)))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        fn packed<N: Number>(packed: &Packed, batch: &RecordBatch) -> Result<ArrayRef> {
            let mut numbers = vec![N::default(); batch.num_rows()];
            packed.pack(batch, &mut numbers)?;
            Ok(N::array(numbers))
        }
        let numbers = match self.layout.is_wide() {
            true => packed::<i128>(self, batch)?,
            false => packed::<u64>(self, batch)?,
        };
        Ok(ColumnarValue::Array(numbers))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.keys.iter().flat_map(Keys::expressions).collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let mut packed = Packed::clone(&self);
        let own = packed.keys.iter_mut().flat_map(Keys::expressions_mut);
        for (own, child) in own.zip(children) {
            *own = child;
        }
        Ok(Arc::new(packed))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
