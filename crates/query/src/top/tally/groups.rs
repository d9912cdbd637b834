//! The tallies of groups, and how records come to them.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, PrimitiveArray, StringViewArray,
    StructArray,
};
use datafusion::arrow::datatypes::{Fields, Int64Type, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::trends::{Traced, Trends};
use super::{NUMBERS, Wishes, fields};

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

/// A group of records, in one line of memory: what a record waits for.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Group {
    sums: Sums,
    /// The first start and the last end, in microseconds; none is the other way round.
    first: i64,
    last: i64,
}

/// Records that tell of gaps.
#[derive(Debug, Clone, Copy, Default)]
struct Gaps {
    nodata: i64,
    skipdata: i64,
}

impl Default for Group {
    fn default() -> Group {
        Group {
            sums: Sums::default(),
            first: i64::MAX,
            last: i64::MIN,
        }
    }
}

/// The tallies of all groups.
#[derive(Debug)]
pub(super) struct Tallies {
    wishes: Wishes,
    groups: Vec<Group>,
    gaps: Vec<Gaps>,
    previous: Vec<Sums>,
    request_bytes: Vec<Option<i64>>,
    /// By measure, where they are wished for.
    trends: [Option<Trends>; 3],
    /// Of a batch: the records that are in the trends.
    traced: Vec<Traced>,
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
            gaps: Vec::new(),
            previous: Vec::new(),
            request_bytes: Vec::new(),
            trends: wishes.trends.map(|is_wished| is_wished.then(Trends::new)),
            traced: Vec::new(),
        }
    }

    fn resize(&mut self, count: usize) {
        self.groups.resize_with(count, Group::default);
        self.gaps.resize_with(count, Gaps::default);
        if self.wishes.since_us.is_some() {
            self.previous.resize_with(count, Sums::default);
        }
        if self.wishes.directions {
            self.request_bytes.resize(count, None);
        }
        for trends in self.trends.iter_mut().flatten() {
            trends.resize(count);
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
                self.gaps[group].nodata += 1;
                return Ok(());
            }
            Status::SkipData => {
                self.gaps[group].skipdata += 1;
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
            let time_s = start.div_euclid(1_000_000);
            self.traced.push(Traced { group, row, time_s });
        }
        Ok(())
    }

    /// Adds the records of a batch to the trends: after all sums, in a loop that waits
    /// for memory of several groups at a time.
    fn trace(&mut self, records: &Records<'_>) {
        let [bytes, packets, flows] = &mut self.trends;
        let amount = |column: &Int64Array, row: usize| value!(column, row).unwrap_or(0);
        if let Some(trends) = bytes {
            trends.add(&self.traced, |row| amount(records.bytes, row));
        }
        if let Some(trends) = packets {
            trends.add(&self.traced, |row| amount(records.packets, row));
        }
        if let Some(trends) = flows {
            trends.add(&self.traced, |_| 1);
        }
        self.traced.clear();
    }

    /// The columns of these groups, which are forgotten.
    fn take(&mut self, emit_to: EmitTo) -> Vec<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let gaps = emit_to.take_needed(&mut self.gaps);
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
            Arc::new(Int64Array::from_iter_values(
                gaps.iter().map(|gaps| gaps.nodata),
            )),
            Arc::new(Int64Array::from_iter_values(
                gaps.iter().map(|gaps| gaps.skipdata),
            )),
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
        for trends in self.trends.iter_mut().flatten() {
            columns.push(Arc::new(trends.take(emit_to)));
        }
        columns
    }
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
        self.trace(&records);
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
        }
        for (row, group) in groups.iter().enumerate() {
            let gaps = &mut self.gaps[*group];
            gaps.nodata += value!(tally[5], row).unwrap_or(0);
            gaps.skipdata += value!(tally[6], row).unwrap_or(0);
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
        for trends in self.trends.iter_mut().flatten() {
            trends.merge(next()?.as_list(), groups);
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
        let trends = self.trends.iter().flatten().map(Trends::held_bytes);
        size_of::<Self>()
            + self.groups.capacity() * size_of::<Group>()
            + self.gaps.capacity() * size_of::<Gaps>()
            + self.previous.capacity() * size_of::<Sums>()
            + self.request_bytes.capacity() * size_of::<Option<i64>>()
            + trends.sum::<usize>()
            + self.traced.capacity() * size_of::<Traced>()
    }
}
