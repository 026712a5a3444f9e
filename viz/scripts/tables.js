// Tables of numbers whose names are links, a dozen rows at a time.

const ROWS = 12, VIOLET = "#7b3294";
const TABLE_STYLE = `
button{font:inherit;color:inherit;background:#fff;border:1px solid #b9c0c8;border-radius:5px;padding:1px 8px;min-height:26px;cursor:pointer}
button:hover:enabled{background:#e9edf1}
button:disabled{opacity:.35;cursor:default}
.wide{overflow-x:auto}
table{border-collapse:collapse;margin:6px 0 2px}
th{font-weight:normal;color:#6b747d;font-size:11px;text-align:right;padding:1px 7px}
td{text-align:right;padding:1px 7px;white-space:nowrap}
tr:nth-child(even) td{background:#f5f7f9}
td:first-child,th:first-child{text-align:left}
td button{border:0;background:none;padding:1px 3px;min-height:22px;text-decoration:underline;text-decoration-color:#b9c0c8}
.g{color:${VIOLET}}
nav{display:flex;gap:6px;align-items:center;margin-top:4px}
nav input{flex:1;min-width:80px;accent-color:#9970ab}
p{margin:5px 0}
small{opacity:.75}
`;

// Numbers of 8 bytes in base64; zeros for no text.
function floats(text, count) {
  const view = new DataView(Uint8Array.from(atob(text ?? ""), (c) => c.charCodeAt(0)).buffer);
  return Float64Array.from({ length: count }, (_, i) => (text ? view.getFloat64(8 * i, true) : 0));
}

const cell = (content, kind) => element("td", kind ? { class: kind } : {}, content);

function table(titles, rows) {
  const head = element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title)));
  return element("div", { class: "wide" }, element("table", {}, head, ...rows.map((cells) => element("tr", {}, ...cells))));
}

function link(title, go) {
  const made = element("button", {}, title);
  on(made, "click", go);
  return made;
}

// The rows that `view.page` says of so many, and buttons that turn the page and show the view again.
function inPages(view, count, rows, again) {
  const page = view.page ?? 0, pages = Math.ceil(count / ROWS);
  const turn = (title, to) => {
    const made = button(title, () => { view.page = to; again(); });
    made.disabled = to < 0 || to >= pages;
    return made;
  };
  const shown = rows(page * ROWS, Math.min(count, (page + 1) * ROWS));
  if (pages < 2) return [shown];
  return [shown, element("nav", {}, turn("◂", page - 1), `${page * ROWS + 1} to ${Math.min(count, (page + 1) * ROWS)} of ${count}`, turn("▸", page + 1))];
}
