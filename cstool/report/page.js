"use strict";
// Sorting: a heading sorts its column, numbers from the highest on; cells without a value stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.key ?? cell.textContent.trim();
    const number = Number.parseFloat(text.replace(/^[<+]/, "").replace(/−/g, "-"));
    return Number.isNaN(number) ? text : number;
  };
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const rows = [...table.tBodies[0].rows];
    const numbers = rows.some((row) => typeof value(row, column) === "number") && column > 0;
    const first = numbers ? "descending" : "ascending";
    const other = numbers ? "ascending" : "descending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    for (const one of heads) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      if (numbers && typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
    });
    table.tBodies[0].append(...rows);
  }));
}

// On paper nothing can be opened: everything is, while it is printed.
const closed = new Set();
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details:not([open])")) {
    closed.add(one);
    one.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const one of closed) one.open = false;
  closed.clear();
});

// Queries: everything is set as text, so that nothing in the data is read as HTML.
const source = document.getElementById("data");
if (source) {
  const data = JSON.parse(source.textContent);
  const part = (name) => document.getElementById(name);
  const make = (name, text, settings = {}) =>
    Object.assign(document.createElement(name), { textContent: text ?? "" }, settings);
  const languages = (element, language) => {
    element.dir = "auto";
    if (!language.startsWith("xx") && language !== "-") element.lang = language.replace("_", "-");
    return element;
  };
  const pair = () => data.pairs[part("pair").selectedIndex];
  let current = null;

  const fill = (select, names, wanted) => {
    select.replaceChildren(...names.map((name) => make("option", name, { value: name })));
    select.value = names.includes(wanted) ? wanted : names[0];
  };

  const hit = (pid, rank, query, language) => {
    const relevant = query.relevant.includes(pid);
    const item = make("li", "", { className: relevant ? "hit relevant" : "hit" });
    const head = make("p", `${rank} · ${pid} `, { className: "ids" });
    if (relevant) head.append(make("span", "✓ relevant", { className: "tag" }));
    const text = (data.texts[language] ?? {})[pid];
    item.append(head, languages(make("p", text ?? "(its text was not given)"), language));
    return item;
  };

  const side = (name, query, language) => {
    const found = query.systems[name];
    const box = make("div");
    box.append(make("h4", `${name}: ${data.measure} ${found.value.toFixed(3)}`));
    const list = make("ol");
    found.top.forEach((pid, place) => list.append(hit(pid, place + 1, query, language)));
    if (!found.top.length) list.append(make("li", "no hits", { className: "hit" }));
    if (found.first && found.first[0] > found.top.length) {
      list.append(hit(found.first[1], found.first[0], query, language));
    } else if (!found.first) {
      list.append(make("li", `no relevant passage among the hits (${query.judged} judged relevant)`, { className: "hit" }));
    }
    box.append(list);
    return box;
  };

  const show = (query) => {
    current = query;
    const [asked, found] = pair().pair;
    const sides = make("div", "", { className: "sides" });
    sides.append(...["left", "right"].map((name) => side(part(name).value, query, found)));
    part("shown").replaceChildren(
      languages(make("h3", query.text || query.qid), asked),
      make("p", query.qid, { className: "ids" }),
      sides,
    );
    for (const button of part("list").querySelectorAll("button")) {
      button.setAttribute("aria-current", String(button.dataset.qid === query.qid));
    }
  };

  const list = () => {
    const words = part("filter").value.toLowerCase().split(/\s+/);
    const [left, right] = [part("left").value, part("right").value];
    const fits = (query) => words.every((word) => `${query.qid} ${query.text}`.toLowerCase().includes(word));
    const gap = (query) => Math.abs(query.systems[left].value - query.systems[right].value);
    const found = pair().queries
      .filter((query) => left in query.systems && right in query.systems && fits(query))
      .sort((a, b) => gap(b) - gap(a));
    part("list").replaceChildren(...found.map((query) => {
      const item = make("li");
      const button = make("button", "", { type: "button" });
      button.dataset.qid = query.qid;
      const values = [left, right].map((name) => query.systems[name].value.toFixed(3)).join(" | ");
      button.append(languages(make("span", query.text || query.qid), pair().pair[0]), make("small", values));
      button.addEventListener("click", () => show(query));
      item.append(button);
      return item;
    }));
    if (found.length) show(found.includes(current) ? current : found[0]);
    else part("shown").replaceChildren(make("p", "No query fits.", { className: "lead" }));
  };

  const systems = () => {
    const names = Object.keys(pair().queries[0]?.systems ?? {});
    fill(part("left"), names, part("left").value || data.left);
    fill(part("right"), names, part("right").value || data.right);
    list();
  };

  fill(part("pair"), data.pairs.map((one) => one.pair.join("-")), data.first);
  part("pair").addEventListener("change", systems);
  for (const name of ["left", "right"]) part(name).addEventListener("change", list);
  part("filter").addEventListener("input", list);
  part("list").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...part("list").querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (next) { next.focus(); next.click(); }
  });
  part("browser").hidden = false;
  systems();
}
