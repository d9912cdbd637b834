//! Who talks to whom: the largest sources against the largest destinations.

use super::rows::Rows;
use crate::error::Error;
use crate::top::Measure;

/// Rows and columns at most, without all others: more are not to be taken in.
const MOST: usize = 12;

/// Traffic between sources and destinations.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    pub(super) sql: String,
    /// What the values are.
    pub(super) by: Measure,
    /// The names of the sources; `None` for NULL.
    pub(super) sources: Vec<Option<String>>,
    pub(super) destinations: Vec<Option<String>>,
    /// A row for each source, and the last for all others if there are others; in it a
    /// value for each destination, likewise. `None` is no traffic.
    pub(super) values: Vec<Vec<Option<i64>>>,
    pub(super) has_other_destinations: bool,
}

/// Rows and columns of a matrix beside rankings of this length.
pub(super) fn size(limit: usize) -> usize {
    limit.min(MOST)
}

impl Matrix {
    /// Of the answer to its statement. The values are of the measure, or flows where no
    /// record has any.
    pub(super) fn new(sql: String, by: Measure, size: usize, rows: &Rows) -> Result<Matrix, Error> {
        let mut by = by;
        let mut amounts = rows.numbers(by.name())?;
        if amounts.iter().all(Option::is_none) {
            by = Measure::Flows;
            amounts = rows.numbers(by.name())?;
        }
        let source_places = places(&rows.numbers("source_place")?);
        let destination_places = places(&rows.numbers("destination_place")?);
        let (sources, has_other_sources) = names(&source_places, &rows.texts("source")?, size);
        let (destinations, has_other_destinations) =
            names(&destination_places, &rows.texts("destination")?, size);
        let width = destinations.len() + usize::from(has_other_destinations);
        let height = sources.len() + usize::from(has_other_sources);
        let mut values = vec![vec![None; width]; height];
        for (row, amount) in amounts.into_iter().enumerate() {
            let place = values
                .get_mut(source_places[row])
                .and_then(|values| values.get_mut(destination_places[row]));
            if let Some(place) = place {
                // Records without bytes are traffic all the same.
                *place = Some(amount.unwrap_or_default());
            }
        }
        Ok(Matrix {
            sql,
            by,
            sources,
            destinations,
            values,
            has_other_destinations,
        })
    }

    pub(super) fn row_sum(&self, row: usize) -> i64 {
        let values = self.values[row].iter().copied().flatten();
        values.fold(0, i64::wrapping_add)
    }

    pub(super) fn column_sum(&self, column: usize) -> i64 {
        let values = self.values.iter().filter_map(|row| row[column]);
        values.fold(0, i64::wrapping_add)
    }

    pub(super) fn sum(&self) -> i64 {
        let rows = 0..self.values.len();
        rows.map(|row| self.row_sum(row)).fold(0, i64::wrapping_add)
    }

    pub(super) fn columns(&self) -> usize {
        self.destinations.len() + usize::from(self.has_other_destinations)
    }
}

/// Places from 0, of ranks from 1.
fn places(ranks: &[Option<i64>]) -> Vec<usize> {
    ranks
        .iter()
        .map(|rank| usize::try_from(rank.unwrap_or_default() - 1).unwrap_or(usize::MAX))
        .collect()
}

/// The names at the places below `size`, and whether there is one at it.
fn names(places: &[usize], names: &[Option<String>], size: usize) -> (Vec<Option<String>>, bool) {
    let count = places.iter().map(|place| place.saturating_add(1)).max();
    let mut found = vec![None; count.unwrap_or(0).min(size)];
    for (place, name) in places.iter().zip(names) {
        if let Some(found) = found.get_mut(*place) {
            found.clone_from(name);
        }
    }
    (found, places.contains(&size))
}
