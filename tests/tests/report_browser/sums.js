// The sums of the tables, by their names.
(() => {
  const sums = {};
  const value = (cell) => Number(cell.dataset.value ?? 0);
  for (const table of document.querySelectorAll("table")) {
    const rows = [...table.tBodies[0].rows];
    const name = table.dataset.table;
    if (name === "statuses") {
      sums.records = value(rows[0].cells[1]);
    } else if (name === "pairs") {
      // All cells without the sums at the end.
      const cells = rows.flatMap((row) => [...row.cells].slice(1, -1));
      sums[name] = cells.reduce((sum, cell) => sum + value(cell), 0);
    } else {
      const column = name === "timeline" ? -1 : name === "rejects" ? 1 : 2;
      sums[name] = rows.reduce((sum, row) => sum + value([...row.cells].at(column)), 0);
    }
  }
  return sums;
})()
