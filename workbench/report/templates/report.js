"use strict";
// Sort a table by the column whose head is pressed; a second press turns the order round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const key = (row) => row.cells[index].dataset.value ?? row.cells[index].textContent.trim();
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        const [u, v] = [parseFloat(x), parseFloat(y)];
        const empty = [x, y].map((value) => value === "" || value === "–");
        if (empty[0] !== empty[1]) return empty[0] ? 1 : -1;
        const order = Number.isNaN(u) || Number.isNaN(v) ? x.localeCompare(y) : u - v;
        return descending ? -order : order;
      };
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort(compare));
    });
  });
}
