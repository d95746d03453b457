"use strict";
// Tables: a heading sorts by its column, by click or key; long tables begin with their first rows.

for (const table of document.querySelectorAll("table.sortable")) {
  const SHORT = 40;
  const body = table.tBodies[0];
  const words = new Intl.Collator(undefined, { numeric: true });

  const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();

  // Numbers that are missing stay last in either direction.
  function order(one, other, numeric, sign) {
    if (!numeric) return sign * words.compare(one, other);
    const [a, b] = [Number(one), Number(other)];
    if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
    return sign * (a - b);
  }

  function sort(heading) {
    const numeric = heading.classList.contains("number");
    const first = numeric ? "descending" : "ascending";
    const next = { ascending: "descending", descending: "ascending" }[heading.ariaSort] ?? first;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", next);
    const column = heading.cellIndex;
    const sign = next === "ascending" ? 1 : -1;
    const rows = [...body.rows];
    rows.sort((one, other) => order(value(one, column), value(other, column), numeric, sign));
    body.append(...rows);
  }

  for (const heading of table.tHead.querySelectorAll("th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(heading));
    heading.append(button);
  }

  if (body.rows.length > SHORT) {
    table.classList.add("short");
    const more = document.createElement("button");
    more.type = "button";
    more.className = "more";
    more.textContent = `Show all ${body.rows.length}`;
    more.addEventListener("click", () => {
      table.classList.remove("short");
      more.remove();
    });
    table.parentElement.after(more);
  }
}
