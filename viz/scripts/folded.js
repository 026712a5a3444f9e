// A folded picture whose cards open: into the pieces that they were folded from, the numbers of each, one number's sum of products.
//
//   data      what viz.folded and viz.inside wrote: heads of the cards, ties between them, pieces, numbers, and what each is computed from
//   number    an index into data and gradients; those of a card are side by side, and so are those of a piece of it
//   gap       the room that an open card needs beyond its own: what stands behind its middle, or below, moves away by it
//
// Nothing is computed here but the products that a table shows.

const STRIP = 32, ROOM = 640, SPY = 96, DARK = "#4d555e";
const FOLDED_STYLE = `${TABLE_STYLE}
:host{display:block;font:13px/1.45 "DejaVu Sans",Verdana,sans-serif}
.outer{position:relative}
.picture{overflow-x:auto}
.picture>svg{display:block}
.card{cursor:pointer}
:focus-visible{outline:2px solid #9970ab;outline-offset:1px}
.panel{display:inline-block;box-sizing:border-box;padding:8px 10px;color:#22262b}
.panel header{display:flex;gap:6px;align-items:center}
.panel header b{flex:1;min-width:9em;overflow-wrap:anywhere}
canvas{width:72px;height:9px;image-rendering:pixelated;border:1px solid #b9c0c8;vertical-align:middle;box-sizing:content-box}
.spy{position:absolute;z-index:1;pointer-events:none;background:#fff;color:#22262b;border:1px solid #8a929c;border-radius:8px;padding:8px;max-width:220px;box-shadow:0 2px 8px #0003}
.spy canvas{display:block;width:192px;height:192px;margin-bottom:4px}
@media print{.spy,small{display:none}.picture>svg{max-width:100%;height:auto;max-height:95vh}}
`;

// Numbers from steps: how much is added, how often in a row.
function walked(steps) {
  const all = [];
  let x = 0;
  for (let i = 0; i < steps.length; i += 2) for (let k = 0; k < steps[i + 1]; k++) all.push((x += steps[i]));
  return all;
}

// The rows and columns of a table of edges that have any, numbered without gaps.
function ranked(places) {
  return new Map([...new Set(places)].sort((a, b) => a - b).map((place, i) => [place, i]));
}

function folded(host, [svg], data) {
  const { heads, ties, pieces, shapes } = data, flow = data.is_down ? 1 : 0, across = 1 - flow;
  const groups = [...svg.querySelectorAll("svg>g>g")], ways = [...svg.querySelectorAll("svg>g>path")];
  const size = [svg.width.baseVal.value, svg.height.baseVal.value];
  const all = (pieces ?? []).flat(), values = floats(data.data, data.count ?? 0), slopes = floats(data.gradients, data.count ?? 0);

  // --- The numbers ---

  const pieceOf = (i) => all.find(({ start, count }) => i >= start && i < start + count);
  const each = ({ count, samples }) => count / samples;

  // What a number is called: its name, or the letter or function of its piece with its place there; a constant is its own name.
  function nameOf(i) {
    const piece = pieceOf(i);
    if (!piece) return number(values[i]);
    const unit = (i - piece.start) % each(piece), word = piece.letter || (piece.form ? (/^[a-zσ]\w*$/.test(piece.form) ? piece.form : "Σ") : "number");
    return piece.names?.[unit] || (each(piece) > 1 ? `${word} ${unit + 1}` : word);
  }

  // The operands of a number: products and plain terms of a sum, or the operands of another function.
  const decoded = shapes?.map(([isSum, left, right, plain, minuses]) => ({ isSum, left: walked(left), right: walked(right), plain: walked(plain), minuses: new Set(minuses) }));
  function operands(i) {
    const piece = pieceOf(i);
    piece.columns ??= piece.operands.map(walked);
    const [shape, firstLeft, firstRight, firstPlain] = piece.columns.map((column) => column[i - piece.start]), { isSum, left, right, plain, minuses } = decoded[shape];
    const sign = (k) => (minuses.has(k) ? -1 : 1);
    return {
      isSum, products: left.map((a, k) => ({ a: firstLeft + a, b: firstRight + right[k], sign: sign(k) })),
      plain: plain.map((a, k) => ({ a: firstPlain + a, sign: sign(k + left.length) })),
    };
  }

  const between = (xs) => {
    const [low, high] = [Math.min(...xs), Math.max(...xs)].map(number);
    return low === high ? low : xs.some(Number.isNaN) ? "nan" : `${low} … ${high}`;
  };

  // A strip of at most 32 cells, each the mean of some numbers, as strong in colour as it is large beside `most`, or the largest cell.
  const sizeOf = (x) => (Number.isFinite(x) ? Math.abs(x) : 0), mean = (xs) => xs.reduce((a, b) => a + b, 0) / xs.length;
  function strip(xs, most, above, below) {
    const count = Math.min(xs.length, STRIP), canvas = element("canvas", { width: count, height: 1, "aria-hidden": true }), context = canvas.getContext("2d");
    const cells = Array.from({ length: count }, (_, c) => mean(xs.slice(Math.floor((c * xs.length) / count), Math.floor(((c + 1) * xs.length) / count))));
    const reach = most ?? Math.max(...cells.map(sizeOf));
    cells.forEach((x, c) => {
      context.globalAlpha = Number.isFinite(x) ? Math.min(1, Math.abs(x) / (reach || 1)) : 1;
      context.fillStyle = Number.isFinite(x) ? (x > 0 ? above : below) : LINE;
      context.fillRect(c, 0, 1, 1);
    });
    return canvas;
  }

  const reachOf = (numbers, { start, count }) => numbers.subarray(start, start + count).reduce((most, x) => Math.max(most, sizeOf(x)), 0);
  const strips = (piece, places) => [
    strip(places.map((i) => values[i]), reachOf(values, piece), BLUE, ORANGE), strip(places.map((i) => slopes[i]), reachOf(slopes, piece), VIOLET, VIOLET),
  ];
  // Of a whole piece, as on cards: what corresponds in the samples is one number, their mean.
  const means = (numbers, piece) => Array.from({ length: each(piece) }, (_, unit) => mean(Array.from({ length: piece.samples }, (none, s) => numbers[piece.start + s * each(piece) + unit])));
  const wholeStrips = (piece) => [strip(means(values, piece), undefined, BLUE, ORANGE), strip(means(slopes, piece), undefined, VIOLET, VIOLET)];

  // --- The levels inside a card ---

  const counted = ({ form, letter }, count) => `${count.toLocaleString("en")} × ${form || letter || "numbers"}`;
  const paged = (card, view, count, rows) => inPages(view, count, rows, () => render(card));

  function piecesView(card, view) {
    const own = pieces[card.index];
    return [heads[card.index], paged(card, view, own.length, (from, to) => table(["piece", "data", "", "∂", ""], own.slice(from, to).map((piece) => {
      const places = Array.from({ length: piece.count }, (_, k) => piece.start + k), [data_, slopes_] = wholeStrips(piece);
      return [cell(link(counted(piece, piece.count), () => go(card, { piece }))), cell(data_), cell(between(places.map((i) => values[i]))), cell(slopes_), cell(between(places.map((i) => slopes[i])), "g")];
    })))];
  }

  function unitsView(card, view) {
    const { piece } = view, units = each(piece);
    return [counted(piece, units) + (piece.samples > 1 ? `, ${piece.samples} samples` : ""), paged(card, view, units, (from, to) => table(["", "data", "", "∂", ""], Array.from({ length: to - from }, (_, k) => {
      const places = Array.from({ length: piece.samples }, (none, s) => piece.start + s * units + from + k), [data_, slopes_] = strips(piece, places);
      return [cell(link(nameOf(places[0]), () => go(card, { at: places[0] }))), cell(data_), cell(between(places.map((i) => values[i]))), cell(slopes_), cell(between(places.map((i) => slopes[i])), "g")];
    })))];
  }

  function sampleOf(card, view, piece) {
    const units = each(piece), sample = Math.floor((view.at - piece.start) / units), slider = element("input", { type: "range", min: 0, max: piece.samples - 1, value: sample, "aria-label": "sample" });
    on(slider, "input", () => {
      view.at = piece.start + Number(slider.value) * units + ((view.at - piece.start) % units);
      render(card, "input");
    });
    return element("nav", {}, element("span", {}, `sample ${sample + 1} of ${piece.samples}`), slider);
  }

  function numberView(card, view) {
    const { at } = view, piece = pieceOf(at), parts = piece.samples > 1 ? [sampleOf(card, view, piece)] : [], { isSum, products, plain } = piece.form ? operands(at) : { products: [], plain: [] };
    const name = (k) => cell(pieceOf(k) ? link(nameOf(k), () => go(card, { at: k })) : ""), slope = (k) => cell(pieceOf(k) ? number(slopes[k]) : "", "g");
    if (products.length) parts.push(...paged(card, view, products.length, (from, to) => table(["factor", "", "factor", "", "product", "∂ first", "∂ second"], products.slice(from, to).map(({ a, b, sign }) => [
      name(a), cell(number(values[a])), name(b), cell(number(values[b])), cell(number(sign * values[a] * values[b])), slope(a), slope(b),
    ]))));
    if (plain.length) parts.push(...paged(card, products.length ? (view.terms ??= {}) : view, plain.length, (from, to) => table([isSum ? "term" : "operand", "", "∂"], plain.slice(from, to).map(({ a, sign }) => [
      name(a), cell(number(sign * values[a])), slope(a),
    ]))));
    return [nameOf(at) + (piece.form ? ` = ${piece.form}` : "") + ` = ${number(values[at])}`, [...parts, element("p", { class: "g" }, `∂ ${number(slopes[at])}`)]];
  }

  const viewOf = (card, view) => (view.at !== undefined ? numberView : view.piece ? unitsView : piecesView)(card, view);

  // --- Opening and closing ---

  function go(card, view) {
    card.path.push(view.piece && view.piece.count / view.piece.samples === 1 ? { at: view.piece.start } : view);
    render(card, "button");
  }

  function open(card) {
    const own = pieces[card.index];
    card.path = [];
    go(card, own.length > 1 ? {} : { piece: own[0] });
  }

  function back(card) {
    card.path.pop();
    render(card, "button");
  }

  function close(card) {
    card.path = [];
    render(card);
    card.group.focus();
  }

  // The panel of an open card with the view that it has come to, and room for it.
  function render(card, focused) {
    card.room?.remove();
    card.group.classList.toggle("open", card.path.length > 0);
    for (const thing of card.still) thing.style.display = card.path.length ? "none" : "";
    set(card.group, { "aria-expanded": card.path.length > 0, role: card.path.length ? "group" : "button" });
    card.gap = [0, 0];
    if (card.path.length) {
      const [title, content] = viewOf(card, card.path.at(-1));
      const leave = [button("close", () => close(card), "M2 2l10 10M12 2L2 12")];
      if (card.path.length > 1) leave.unshift(button("back", () => back(card), "M9 2L4 7l5 5"));
      for (const icon of leave) icon.querySelectorAll("svg").forEach((face) => set(face, { width: 12, height: 12, fill: "none", stroke: "currentColor", "stroke-width": 2 }));
      const panel = element("div", { class: "panel", role: "group", "aria-label": title, style: `max-width:${Math.max(280, Math.min(ROOM, picture.clientWidth - 8))}px` }, element("header", {}, element("b", {}, title), ...leave), ...content);
      const page = drawn("foreignObject", { x: card.box[0], y: card.box[1], width: ROOM, height: 2000 }, panel), frame = drawn("rect", { rx: 8, fill: "#fff", stroke: VIOLET, "stroke-width": 1.6 });
      card.room = drawn("g", {}, frame, page);
      on(card.room, "click", (event) => event.stopPropagation());
      card.group.append(card.room);
      const needed = [panel.offsetWidth + 2, panel.offsetHeight + 2];
      const [width, height] = needed.map((side, k) => Math.max(side, card.box[2 + k]));
      set(page, { width, height });
      set(frame, { x: card.box[0], y: card.box[1], width, height });
      card.gap = [width - card.box[2], height - card.box[3]];
    }
    arrange();
    if (card.path.length) card.group.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focused) card.room?.querySelector(focused)?.focus({ preventScroll: true });
  }

  // How far what stands at a place moves along an axis: by the largest gap of each middle before it.
  function moved(axis, at) {
    const gaps = new Map();
    for (const { middle, gap } of cards) if (gap[axis] && middle[axis] < at - 0.5) gaps.set(middle[axis], Math.max(gap[axis], gaps.get(middle[axis]) ?? 0));
    return [...gaps.values()].reduce((a, b) => a + b, 0);
  }

  const shift = (thing, [x, y]) => set(thing, { transform: `translate(${x} ${y})` });
  const centre = (points) => { // of the last piece of a way that is curved, where its spy picture stands
    let k = points.length - 4;
    while (k > 0 && points[k][0] === points[k + 1][0] && points[k][1] === points[k + 1][1]) k -= 3;
    return [0, 1].map((axis) => (points[k][axis] + 3 * points[k + 1][axis] + 3 * points[k + 2][axis] + points[k + 3][axis]) / 8);
  };

  function arrange() {
    for (const card of cards) shift(card.group, (card.by = [0, 1].map((axis) => moved(axis, card.middle[axis]))));
    for (const way of edges) {
      const { points, from, to } = way, by = points.filter((_, i) => i % 3 === 0).map((point) => [0, 1].map((axis) => moved(axis, point[axis])));
      for (const [k, card, point] of [[0, from, points[0]], [by.length - 1, to, points.at(-1)]]) by[k][across] = card.by[across] + (point[across] > card.middle[across] + 0.5) * card.gap[across];
      by.at(-1)[flow] = to.by[flow];
      const now = points.map((point, i) => point.map((x, axis) => x + by[Math.round(i / 3)][axis])), edge = [...points[0]];
      edge[flow] += from.by[flow] + from.gap[flow];
      edge[across] = now[0][across];
      const d = `M${edge.join(" ")}L${now[0].join(" ")}C${now.slice(1).map((point) => point.join(" ")).join(" ")}`;
      for (const thing of [way.way, way.hit]) set(thing, { d });
      shift(way.tip, by.at(-1));
      const [was, is] = [centre(points), centre(now)];
      shift(way.spy, [is[0] - was[0], is[1] - was[1]]);
    }
    const [width, height] = size.map((side, axis) => side + moved(axis, Infinity));
    set(svg, { width, height, viewBox: `0 0 ${width} ${height}` });
    set(svg.querySelector("svg>rect"), { width, height });
  }

  // --- How two cards are connected ---

  // Which numbers of one card each number of another is computed from, as pairs.
  function pairs([source, target]) {
    const [first, last] = [pieces[source][0], pieces[source].at(-1)], isSource = (k) => k >= first.start && k < last.start + last.count;
    const sources = ({ products, plain }) => [...products, ...plain].flatMap(({ a, b }) => [a, b]).filter(isSource);
    const targets = pieces[target].filter(({ form }) => form).flatMap(({ start, count }) => Array.from({ length: count }, (_, k) => start + k));
    return targets.flatMap((i) => sources(operands(i)).map((k) => [k, i]));
  }

  function spy(tie) {
    const [source, target, name, count] = tie, canvas = element("canvas", { "aria-hidden": true });
    const said = element("div", {}, element("b", {}, name), element("br", {}), `${heads[source]} → ${heads[target]}`, element("br", {}), count.toLocaleString("en") + (count === 1 ? " edge" : " edges"));
    if (!pieces) return element("div", { class: "spy", role: "tooltip" }, said);
    const joined = pairs(tie), [rows, columns] = [0, 1].map((side) => ranked(joined.map((pair) => pair[side])));
    const [height, width] = [rows, columns].map((ranks) => Math.min(ranks.size, SPY)), context = set(canvas, { width, height }).getContext("2d");
    context.fillStyle = DARK;
    for (const [k, i] of joined) context.fillRect(Math.floor((columns.get(i) * width) / columns.size), Math.floor((rows.get(k) * height) / rows.size), 1, 1);
    return element("div", { class: "spy", role: "tooltip" }, canvas, said);
  }

  // It stands beside the edge's square, within the picture where that is large enough, below its bottom where not.
  let shown, shownTie;
  function spying(tie, at) {
    const hide = () => { if (shownTie === tie) shown.remove(); };
    const show = () => {
      shown?.remove();
      [shown, shownTie] = [spy(tie), tie];
      outer.append(shown);
      const box = at.getBoundingClientRect(), around = outer.getBoundingClientRect();
      const left = Math.min(box.right - around.left + 6, around.width - shown.offsetWidth - 4);
      const top = Math.min(box.bottom - around.top + 6, around.height - shown.offsetHeight - 4);
      set(shown, { style: `left:${Math.max(0, left)}px;top:${Math.max(0, top)}px` });
    };
    return { show, hide };
  }

  function hover(thing, { show, hide }) {
    on(thing, "pointerenter", show);
    on(thing, "pointerleave", hide);
  }

  // Of the squares alone: Chromium lets whatever in an SVG listens to these be reached with Tab.
  function focusing(thing, { show, hide }) {
    on(thing, "focus", show);
    on(thing, "blur", hide);
    on(thing, "keydown", (event) => { if (event.key === "Escape") hide(); });
  }

  // --- Putting it together ---

  const cards = groups.slice(0, heads.length).map((group, index) => {
    const box = ["x", "y", "width", "height"].map((name) => Number(group.querySelector("rect").getAttribute(name)));
    return { group, index, box, middle: [box[0] + box[2] / 2, box[1] + box[3] / 2], still: [...group.children].filter(({ nodeName }) => nodeName !== "title"), path: [], gap: [0, 0], by: [0, 0] };
  });
  const edges = ties.map((tie, i) => {
    const way = ways[2 * i], xs = way.getAttribute("d").match(/-?[\d.]+/g).map(Number), points = Array.from({ length: xs.length / 2 }, (_, k) => xs.slice(2 * k, 2 * k + 2));
    const hit = drawn("path", { d: way.getAttribute("d"), fill: "none", stroke: "transparent", "stroke-width": 14 }), small = groups[heads.length + i];
    way.after(hit);
    small.querySelector("title").remove();
    set(small, { tabindex: 0, role: "img", "aria-label": `${heads[tie[0]]} to ${heads[tie[1]]}: ${tie[2]}` });
    const told = spying(tie, small);
    hover(hit, told);
    hover(small, told);
    focusing(small, told);
    return { way, hit, tip: ways[2 * i + 1], spy: small, points, from: cards[tie[0]], to: cards[tie[1]] };
  });
  const shadow = host.attachShadow({ mode: "open" }), picture = element("div", { class: "picture" }, set(svg, { role: "group" })), outer = element("div", { class: "outer" }, picture);
  host.replaceChildren();
  const help = pieces ? "Click a card, or press Enter on it, to open it; Escape closes it. Point at an edge to see which numbers it connects." : `Cards open in pictures of up to 40,000 sums and functions; this one has ${data.too_many.toLocaleString("en")}: draw a part of it.`;
  shadow.append(element("style", {}, FOLDED_STYLE), outer, element("small", {}, help));
  if (data.is_down) { // what is wider than its place begins with the card that stands highest
    const [card, place] = [cards.reduce((a, b) => (b.middle[1] < a.middle[1] ? b : a)).group, picture].map((thing) => thing.getBoundingClientRect());
    picture.scrollLeft = card.left + card.width / 2 - place.left - place.width / 2;
  }
  if (pieces) for (const card of cards) {
    set(card.group, { class: "card", tabindex: 0, role: "button", "aria-expanded": false, "aria-label": heads[card.index] });
    on(card.group, "click", () => open(card));
    on(card.group, "keydown", (event) => {
      if (event.key === "Escape" && card.path.length) (card.path.length > 1 ? back : close)(card);
      else if (event.target !== card.group || !["Enter", " "].includes(event.key)) return;
      else (card.path.length ? close : open)(card);
      event.preventDefault();
      event.stopPropagation();
    });
  }
}
