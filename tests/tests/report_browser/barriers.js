// What somebody who does not see the page, or uses no pointer, would miss.
(() => {
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  if (!document.documentElement.lang) found.push("no language");
  if (all("h1").length !== 1) found.push("not one h1");
  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) found.push(`${heading.textContent}: h${next} after h${level}`);
    level = next;
  }
  const ids = all("[id]").map((element) => element.id);
  for (const id of ids) {
    if (ids.filter((other) => other === id).length > 1) found.push(`${id} twice`);
  }
  for (const element of all("[aria-labelledby]")) {
    for (const id of element.getAttribute("aria-labelledby").split(" ")) {
      if (!document.getElementById(id)?.textContent) found.push(`no label ${id}`);
    }
  }
  for (const chart of all("svg, img")) {
    const isNamed = chart.getAttribute("aria-label") || chart.querySelector("title");
    if (!isNamed && chart.getAttribute("aria-hidden") !== "true") found.push(chart.tagName);
  }
  for (const table of all("table")) {
    if (!table.caption) found.push(`${table.dataset.table} without a caption`);
    for (const row of table.querySelectorAll("tbody tr, tfoot tr")) {
      if (!row.querySelector("th[scope=row]")) {
        found.push(`${table.dataset.table} has a row without a head`);
      }
    }
  }
  for (const box of all(".scroll, pre")) {
    if (box.tabIndex !== 0 || !box.getAttribute("aria-label")) {
      found.push("a box that scrolls and takes no keys");
    }
  }
  for (const link of all("a")) {
    if (!document.querySelector(link.getAttribute("href"))) found.push(`${link.href} leads nowhere`);
  }
  return [...new Set(found)];
})()
