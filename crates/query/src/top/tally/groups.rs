//! The tallies of groups, and how records come to them.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, PrimitiveArray, StringViewArray,
    StructArray,
};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int64Type, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::{NUMBERS, Wishes, fields};
use crate::top::trend::{Span, Trend};

/// Sums of the records of a group.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    flows: i64,
    packets: Option<i64>,
    bytes: Option<i64>,
}

impl Sums {
    fn add(&mut self, flows: i64, packets: Option<i64>, bytes: Option<i64>) -> Result<()> {
        self.flows += flows;
        self.packets = sum(self.packets, packets, "packets")?;
        self.bytes = sum(self.bytes, bytes, "bytes")?;
        Ok(())
    }
}

/// NULL counts for nothing, and a sum of nothing is NULL, as in SQL. A sum that 64 bits
/// do not hold is told rather than wrapped around.
#[inline]
fn sum(sum: Option<i64>, amount: Option<i64>, what: &str) -> Result<Option<i64>> {
    match (sum, amount) {
        (Some(sum), Some(amount)) => match sum.checked_add(amount) {
            Some(sum) => Ok(Some(sum)),
            None => Err(exec_datafusion_err!(
                "a sum of {what} does not fit in 64 bits: leave the records out that claim so many, \
                 with a condition such as `{what} < 1000000000000`"
            )),
        },
        (sum, amount) => Ok(sum.or(amount)),
    }
}

/// A group of records.
#[derive(Debug, Clone, Copy)]
struct Group {
    sums: Sums,
    /// The first start and the last end, in microseconds; none is the other way round.
    first: i64,
    last: i64,
    nodata: i64,
    skipdata: i64,
}

impl Default for Group {
    fn default() -> Group {
        Group {
            sums: Sums::default(),
            first: i64::MAX,
            last: i64::MIN,
            nodata: 0,
            skipdata: 0,
        }
    }
}

/// The tallies of all groups.
#[derive(Debug)]
pub(super) struct Tallies {
    wishes: Wishes,
    groups: Vec<Group>,
    previous: Vec<Sums>,
    request_bytes: Vec<Option<i64>>,
    /// By measure; empty where it is not wished for.
    trends: [Vec<Trend>; 3],
    /// That the trends hold beside themselves.
    trend_bytes: usize,
    /// The times of the records in the trends.
    span: Span,
}

/// Columns of a batch of records.
struct Records<'a> {
    start: &'a PrimitiveArray<TimestampMicrosecondType>,
    end: &'a PrimitiveArray<TimestampMicrosecondType>,
    packets: &'a Int64Array,
    bytes: &'a Int64Array,
    status: &'a StringViewArray,
    is_request: Option<&'a BooleanArray>,
}

/// What a record says of the data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Traffic,
    NoData,
    SkipData,
}

impl<'a> Records<'a> {
    fn of(values: &'a [ArrayRef]) -> Records<'a> {
        Records {
            start: values[0].as_primitive(),
            end: values[1].as_primitive(),
            packets: values[2].as_primitive(),
            bytes: values[3].as_primitive(),
            status: values[4].as_string_view(),
            is_request: values.get(5).map(|values| values.as_boolean()),
        }
    }

    #[inline]
    fn status(&self, row: usize) -> Status {
        // Most are `OK`: the length of a text is the lower half of its view.
        if self.status.views()[row] as u32 == 2 || self.status.is_null(row) {
            return Status::Traffic;
        }
        match self.status.value(row) {
            "NODATA" => Status::NoData,
            "SKIPDATA" => Status::SkipData,
            _ => Status::Traffic,
        }
    }
}

/// A value of a column, unless it is NULL.
macro_rules! value {
    ($column:expr, $row:expr) => {
        $column.is_valid($row).then(|| $column.value($row))
    };
}

impl Tallies {
    pub(super) fn new(wishes: Wishes) -> Tallies {
        Tallies {
            wishes,
            groups: Vec::new(),
            previous: Vec::new(),
            request_bytes: Vec::new(),
            trends: Default::default(),
            trend_bytes: 0,
            span: Span::new(),
        }
    }

    fn resize(&mut self, count: usize) {
        self.groups.resize_with(count, Group::default);
        if self.wishes.since_us.is_some() {
            self.previous.resize_with(count, Sums::default);
        }
        if self.wishes.directions {
            self.request_bytes.resize(count, None);
        }
        for (trends, is_wished) in self.trends.iter_mut().zip(self.wishes.trends) {
            if is_wished {
                trends.resize_with(count, Trend::default);
            }
        }
    }

    #[inline]
    fn add(&mut self, group: usize, records: &Records<'_>, row: usize) -> Result<()> {
        let start = value!(records.start, row);
        let status = records.status(row);
        if let (Some(since_us), Some(start)) = (self.wishes.since_us, start)
            && start < since_us
        {
            if status == Status::Traffic {
                let (packets, bytes) = (value!(records.packets, row), value!(records.bytes, row));
                self.previous[group].add(1, packets, bytes)?;
            }
            return Ok(());
        }
        let tally = &mut self.groups[group];
        match status {
            Status::Traffic => {}
            Status::NoData => {
                tally.nodata += 1;
                return Ok(());
            }
            Status::SkipData => {
                tally.skipdata += 1;
                return Ok(());
            }
        }
        let (packets, bytes) = (value!(records.packets, row), value!(records.bytes, row));
        tally.sums.add(1, packets, bytes)?;
        if let Some(start) = start {
            tally.first = tally.first.min(start);
        }
        if let Some(end) = value!(records.end, row) {
            tally.last = tally.last.max(end);
        }
        if let Some(is_request) = records.is_request
            && value!(is_request, row) == Some(true)
        {
            let total = &mut self.request_bytes[group];
            *total = sum(*total, bytes, "bytes")?;
        }
        if self.wishes.trends != [false; 3]
            && let Some(start) = start
        {
            let amounts = [bytes.unwrap_or(0), packets.unwrap_or(0), 1];
            self.add_to_trends(group, start.div_euclid(1_000_000), amounts);
        }
        Ok(())
    }

    fn add_to_trends(&mut self, group: usize, time_s: i64, amounts: [i64; 3]) {
        self.span.add(time_s);
        for (trends, amount) in self.trends.iter_mut().zip(amounts) {
            if let Some(trend) = trends.get_mut(group) {
                let before = trend.held_bytes();
                trend.add(time_s, amount, self.span);
                self.trend_bytes = self.trend_bytes + trend.held_bytes() - before;
            }
        }
    }

    /// The columns of these groups, which are forgotten.
    fn take(&mut self, emit_to: EmitTo) -> Vec<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let known = |value: i64, none: i64| (value != none).then_some(value);
        let column = |value: &dyn Fn(&Group) -> Option<i64>| -> ArrayRef {
            Arc::new(groups.iter().map(value).collect::<Int64Array>())
        };
        let mut columns = vec![
            column(&|group| Some(group.sums.flows)),
            column(&|group| group.sums.packets),
            column(&|group| group.sums.bytes),
            column(&|group| known(group.first, i64::MAX)),
            column(&|group| known(group.last, i64::MIN)),
            column(&|group| Some(group.nodata)),
            column(&|group| Some(group.skipdata)),
        ];
        if self.wishes.since_us.is_some() {
            let previous = emit_to.take_needed(&mut self.previous);
            let column = |value: &dyn Fn(&Sums) -> Option<i64>| -> ArrayRef {
                Arc::new(previous.iter().map(value).collect::<Int64Array>())
            };
            columns.extend([
                column(&|sums| Some(sums.flows)),
                column(&|sums| sums.packets),
                column(&|sums| sums.bytes),
            ]);
        }
        if self.wishes.directions {
            let bytes = emit_to.take_needed(&mut self.request_bytes);
            columns.push(Arc::new(Int64Array::from(bytes)));
        }
        for (trends, is_wished) in self.trends.iter_mut().zip(self.wishes.trends) {
            if is_wished {
                let trends = emit_to.take_needed(trends);
                self.trend_bytes -= trends.iter().map(Trend::held_bytes).sum::<usize>();
                columns.push(Arc::new(lists(&trends)));
            }
        }
        columns
    }
}

/// A list of numbers for each trend.
fn lists(trends: &[Trend]) -> ListArray {
    let lengths = trends.iter().map(Trend::state_length);
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let mut numbers = Vec::with_capacity(offsets.last().map_or(0, |end| *end as usize));
    for trend in trends {
        numbers.extend(trend.state());
    }
    let field = Field::new_list_field(DataType::Int64, true);
    let numbers = Arc::new(Int64Array::new(ScalarBuffer::from(numbers), None));
    ListArray::new(Arc::new(field), offsets, numbers, None)
}

/// The trend in a row of such lists.
pub(in crate::top) fn trend_of(lists: &ListArray, row: usize) -> Trend {
    let mut trend = Trend::default();
    trend.merge_state(state_of(lists, row));
    trend
}

/// The numbers in a row of such lists; a NULL has none.
fn state_of(lists: &ListArray, row: usize) -> &[i64] {
    let numbers = lists.values().as_primitive::<Int64Type>().values();
    let [from, to] = [row, row + 1].map(|row| lists.value_offsets()[row] as usize);
    &numbers[from..to]
}

impl GroupsAccumulator for Tallies {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        kept: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        self.resize(group_count);
        let records = Records::of(values);
        for (row, group) in groups.iter().enumerate() {
            if kept.is_none_or(|kept| kept.is_valid(row) && kept.value(row)) {
                self.add(*group, &records, row)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let columns = self.take(emit_to);
        let fields = Fields::from(fields(self.wishes));
        Ok(Arc::new(StructArray::new(fields, columns, None)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(self.take(emit_to))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        group_count: usize,
    ) -> Result<()> {
        self.resize(group_count);
        let mut columns = values.iter();
        let mut next = || {
            let column = columns.next();
            column.ok_or_else(|| exec_datafusion_err!("a column of a tally is missing"))
        };
        let numbers = |column: &ArrayRef| column.as_primitive::<Int64Type>().clone();
        let mut tally = Vec::with_capacity(NUMBERS.len());
        for _ in NUMBERS {
            tally.push(numbers(next()?));
        }
        for (row, group) in groups.iter().enumerate() {
            let group = &mut self.groups[*group];
            let number = |index: usize| value!(tally[index], row);
            group
                .sums
                .add(number(0).unwrap_or(0), number(1), number(2))?;
            group.first = group.first.min(number(3).unwrap_or(i64::MAX));
            group.last = group.last.max(number(4).unwrap_or(i64::MIN));
            group.nodata += number(5).unwrap_or(0);
            group.skipdata += number(6).unwrap_or(0);
        }
        if self.wishes.since_us.is_some() {
            let [flows, packets, bytes] = [numbers(next()?), numbers(next()?), numbers(next()?)];
            for (row, group) in groups.iter().enumerate() {
                let flows = value!(flows, row).unwrap_or(0);
                self.previous[*group].add(flows, value!(packets, row), value!(bytes, row))?;
            }
        }
        if self.wishes.directions {
            let bytes = numbers(next()?);
            for (row, group) in groups.iter().enumerate() {
                let total = &mut self.request_bytes[*group];
                *total = sum(*total, value!(bytes, row), "bytes")?;
            }
        }
        for (trends, is_wished) in self.trends.iter_mut().zip(self.wishes.trends) {
            if !is_wished {
                continue;
            }
            let lists = next()?.as_list::<i32>();
            for (row, group) in groups.iter().enumerate() {
                let trend = &mut trends[*group];
                let before = trend.held_bytes();
                trend.merge_state(state_of(lists, row));
                self.trend_bytes = self.trend_bytes + trend.held_bytes() - before;
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        kept: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut tallies = Tallies::new(self.wishes);
        let count = values[0].len();
        let groups: Vec<usize> = (0..count).collect();
        tallies.update_batch(values, &groups, kept, count)?;
        tallies.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        let trends: usize = self.trends.iter().map(Vec::capacity).sum();
        size_of::<Self>()
            + self.groups.capacity() * size_of::<Group>()
            + self.previous.capacity() * size_of::<Sums>()
            + self.request_bytes.capacity() * size_of::<Option<i64>>()
            + trends * size_of::<Trend>()
            + self.trend_bytes
    }
}
