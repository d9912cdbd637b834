//! Text for people: columns that line up, numbers with their noun.

use std::fmt;

/// One line a row, each indented by two spaces and cut of trailing blanks; the
/// columns stand two spaces apart.
pub(crate) fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str("  ");
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `1 flow log`, `2 flow logs`.
pub(crate) fn count(number: impl fmt::Display + PartialEq + From<u8>, noun: &str) -> String {
    let plural = if number == 1.into() { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A length of time in its largest whole unit, such as `3 min`.
pub(crate) fn age(ms: i64) -> String {
    let seconds = ms / 1000;
    match seconds {
        ..60 => "under 1 min".to_owned(),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::{age, aligned};

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let ages = [0, 59_999, 60_000, 3_600_000, 172_799_999, 172_800_000].map(age);
        assert_eq!(
            ages,
            [
                "under 1 min",
                "under 1 min",
                "1 min",
                "1 h",
                "47 h",
                "2 days"
            ]
        );
    }

    #[test]
    fn columns_line_up_and_lines_have_no_tail() {
        let rows = [["a", "long cell", ""], ["ünï", "b", "c"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), "  a    long cell\n  ünï  b          c\n");
        assert_eq!(aligned::<2>(&[]), "");
    }
}
