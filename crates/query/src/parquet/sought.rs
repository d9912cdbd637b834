//! Row groups that cannot have what is looked for in one column or another.
//!
//! The engine asks the Bloom filters of a file for conditions on one column. Of
//! `srcaddr = '…' OR dstaddr = '…'`, which is what people ask for when they look for an
//! address, it learns nothing: either condition may hold without the other.

use std::collections::{BTreeSet, HashMap};

use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::ParquetAccessPlan;
use datafusion::error::Result;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::parquet::bloom_filter::Sbbf;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::{StreamExt, stream};

/// Files whose filters are read at the same time.
const FILES_AT_ONCE: usize = 8;

/// Texts that are looked for in several columns.
#[derive(Debug, PartialEq)]
pub(crate) struct Sought(Condition);

/// What has to hold of a row, as far as filters can tell.
#[derive(Debug, PartialEq)]
enum Condition {
    /// The column has one of these texts.
    Among(String, Vec<String>),
    Any(Vec<Condition>),
    All(Vec<Condition>),
}

/// The filters of a row group, by the columns that have one.
type Filters = HashMap<String, Sbbf>;

impl Sought {
    /// What these conditions look for; `None` if the engine finds all of it by itself.
    pub(crate) fn of(filters: &[Expr]) -> Option<Sought> {
        let conditions = filters.iter().flat_map(split_conjunction);
        let conditions: Vec<_> = conditions.filter_map(Condition::of).collect();
        let is_more = |condition: &Condition| {
            let mut columns = BTreeSet::new();
            condition.add_columns(&mut columns);
            columns.len() > 1
        };
        let needed = conditions.iter().any(is_more);
        needed.then_some(Sought(Condition::All(conditions)))
    }

    /// The files that may have such rows, those of which that is known of row groups
    /// with a plan that says so. A file that cannot be read stays: whoever reads it tells.
    pub(crate) async fn leave(
        &self,
        files: Vec<PartitionedFile>,
        readers: &dyn ParquetFileReaderFactory,
    ) -> Vec<PartitionedFile> {
        let files = stream::iter(files).map(async |file| {
            let Ok(plan) = self.plan(file.clone(), readers).await else {
                return Some(file);
            };
            let some = !plan.row_group_indexes().is_empty();
            some.then(|| file.with_extension(plan))
        });
        let files = files.buffered(FILES_AT_ONCE);
        files.filter_map(std::future::ready).collect().await
    }

    async fn plan(
        &self,
        file: PartitionedFile,
        readers: &dyn ParquetFileReaderFactory,
    ) -> Result<ParquetAccessPlan> {
        let metrics = ExecutionPlanMetricsSet::new();
        let mut reader = readers.create_reader(0, file, None, &metrics)?;
        let metadata = reader.get_metadata(None).await?;
        let mut names = BTreeSet::new();
        self.0.add_columns(&mut names);
        let (mut places, mut ranges) = (Vec::new(), Vec::new());
        for (group, described) in metadata.row_groups().iter().enumerate() {
            for column in described.columns() {
                let name = column.column_descr().name();
                let start = column.bloom_filter_offset().map(u64::try_from);
                let length = column.bloom_filter_length().map(u64::try_from);
                if names.contains(name)
                    && let (Some(Ok(start)), Some(Ok(length))) = (start, length)
                {
                    places.push((group, name));
                    ranges.push(start..start + length);
                }
            }
        }

        let bytes = reader.get_byte_ranges(ranges).await?;
        let mut filters = vec![Filters::new(); metadata.num_row_groups()];
        for ((group, name), bytes) in places.into_iter().zip(bytes) {
            filters[group].insert(name.to_owned(), Sbbf::from_bytes(&bytes)?);
        }
        let mut plan = ParquetAccessPlan::new_all(filters.len());
        for (group, filters) in filters.iter().enumerate() {
            if !self.0.may_hold(filters) {
                plan.skip(group);
            }
        }
        Ok(plan)
    }
}

impl Condition {
    /// `None` if filters tell nothing of it.
    fn of(condition: &Expr) -> Option<Condition> {
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
                Operator::Eq => among(left, [&**right]).or_else(|| among(right, [&**left])),
                Operator::Or => Some(Condition::Any(vec![
                    Condition::of(left)?,
                    Condition::of(right)?,
                ])),
                Operator::And => {
                    let both = [left, right].into_iter();
                    let known: Vec<_> = both.filter_map(|side| Condition::of(side)).collect();
                    (!known.is_empty()).then_some(Condition::All(known))
                }
                _ => None,
            },
            Expr::InList(list) if !list.negated => among(&list.expr, &list.list),
            _ => None,
        }
    }

    fn add_columns<'a>(&'a self, columns: &mut BTreeSet<&'a str>) {
        match self {
            Condition::Among(column, _) => {
                columns.insert(column);
            }
            Condition::Any(conditions) | Condition::All(conditions) => {
                conditions.iter().for_each(|one| one.add_columns(columns));
            }
        }
    }

    /// Whether there may be a row in a row group with these filters.
    fn may_hold(&self, filters: &Filters) -> bool {
        match self {
            Condition::Among(column, texts) => filters
                .get(column)
                .is_none_or(|filter| texts.iter().any(|text| filter.check(text.as_str()))),
            Condition::Any(conditions) => conditions.iter().any(|one| one.may_hold(filters)),
            Condition::All(conditions) => conditions.iter().all(|one| one.may_hold(filters)),
        }
    }
}

/// That a column has one of these texts, if that is what they are.
fn among<'a>(column: &Expr, texts: impl IntoIterator<Item = &'a Expr>) -> Option<Condition> {
    let Expr::Column(column) = column else {
        return None;
    };
    let texts = texts.into_iter().map(|text| match text {
        Expr::Literal(
            ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text),
            _,
        ) => text.clone(),
        _ => None,
    });
    Some(Condition::Among(
        column.name.clone(),
        texts.collect::<Option<_>>()?,
    ))
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn filters(of: &[(&str, &[&str])]) -> Filters {
        let filter = |texts: &[&str]| {
            let mut filter = Sbbf::new_with_num_of_bytes(1_024);
            texts.iter().for_each(|text| filter.insert(*text));
            filter
        };
        let filters = of.iter();
        let filters = filters.map(|(column, texts)| ((*column).to_owned(), filter(texts)));
        filters.collect()
    }

    #[test]
    fn a_row_group_is_left_out_if_no_column_has_the_text() {
        let sought = Sought::of(&[
            col("srcaddr").eq(lit("a")).or(lit("a").eq(col("dstaddr"))),
            col("bytes").gt(lit(1)),
        ]);
        let sought = sought.unwrap().0;
        assert!(sought.may_hold(&filters(&[("srcaddr", &["a"]), ("dstaddr", &["b"])])));
        assert!(sought.may_hold(&filters(&[("srcaddr", &["b"]), ("dstaddr", &["a"])])));
        assert!(!sought.may_hold(&filters(&[("srcaddr", &["b"]), ("dstaddr", &["c"])])));
        // Nothing is known of a column without a filter.
        assert!(sought.may_hold(&filters(&[("srcaddr", &["b"])])));
    }

    #[test]
    fn all_conditions_of_one_side_count() {
        let side = col("srcaddr").in_list(vec![lit("a"), lit("b")], false);
        let side = side
            .and(col("pkt_srcaddr").eq(lit("c")))
            .and(col("bytes").gt(lit(1)));
        let sought = Sought::of(&[side.or(col("dstaddr").eq(lit("d")))])
            .unwrap()
            .0;
        let group = |srcaddr, pkt_srcaddr, dstaddr| {
            sought.may_hold(&filters(&[
                ("srcaddr", &[srcaddr]),
                ("pkt_srcaddr", &[pkt_srcaddr]),
                ("dstaddr", &[dstaddr]),
            ]))
        };
        assert!(group("b", "c", "x"));
        assert!(!group("b", "x", "x"));
        assert!(!group("x", "c", "x"));
        assert!(group("x", "x", "d"));
    }

    #[test]
    fn what_the_engine_finds_or_nobody_can_is_not_sought() {
        let other = col("srcaddr").eq(lit("a")).or(col("bytes").gt(lit(1)));
        let not_in = col("srcaddr").in_list(vec![lit("a")], true);
        for filters in [
            vec![],
            vec![col("srcaddr").eq(lit("a")), col("dstaddr").eq(lit("b"))],
            vec![col("srcaddr").eq(lit("a")).or(col("srcaddr").eq(lit("b")))],
            vec![other],
            vec![not_in.or(col("dstaddr").eq(lit("b")))],
            vec![
                col("srcaddr")
                    .eq(col("dstaddr"))
                    .or(col("dstaddr").eq(lit("b"))),
            ],
        ] {
            assert_eq!(Sought::of(&filters), None, "{filters:?}");
        }
    }
}
