// A network to play with: drag a weight, add a point, train; the boundary and every neuron follow.
//
//   data       what viz.playgrounds wrote: sizes of the layers, the places of their weights among the parameters, points, settings
//   programs   what the compiler printed: predict (all units of all samples), gradient (mean loss and its slopes), and per optimizer the
//              update of one parameter. No op, loss or optimizer is written here.

const CELLS = 40, UNIT = 30, ROW = 36, STEPS = 4, PLOT = 340, SEEN = 150, STILL = 4;
const PALETTE = [ORANGE, BLUE, "#7b3294", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442", "#5a5a5a", "#000000"];
const PLAYGROUND_STYLE = `
:host{display:block;font:14px/1.5 "DejaVu Sans",Verdana,sans-serif}
.bar,.all{display:flex;flex-wrap:wrap;gap:6px 8px;align-items:center;margin:6px 0}
button,input,select{font:inherit;color:inherit;background:none;border:1px solid #8a929c;border-radius:6px;padding:3px 10px;min-height:34px;box-sizing:border-box}
option{color:#22262b}
button:hover{background:#8a929c33}
:focus-visible{outline:2px solid #9970ab}
[aria-invalid=true]{outline:2px solid #e08214}
.rate{width:4.5em}
.all{align-items:start;gap:18px}
.net{overflow-x:auto;position:relative;max-width:100%;background:#fff;border-radius:10px}
.net>div{position:relative}
.net canvas{position:absolute}
.net svg{display:block;position:relative}
.net .hit{fill:none;stroke:transparent;stroke-width:9;cursor:ns-resize;touch-action:none}
.net circle.hit{fill:transparent;stroke:none}
.net svg{outline-offset:-2px}
.net svg:focus-visible path.held{stroke:#9970ab99}
.net svg:focus-visible circle.held{stroke:#9970ab;stroke-width:3}
.plot{position:relative;overflow:hidden;width:min(340px,100%);aspect-ratio:1;border-radius:10px;cursor:crosshair;border:1px solid #8a929c;box-sizing:border-box}
.plot canvas{position:absolute;width:100%;height:100%}
.cross{position:absolute;width:14px;height:14px;margin:-7px;background:linear-gradient(#22262b,#22262b) center/2px 100% no-repeat,linear-gradient(#22262b,#22262b) center/100% 2px no-repeat;visibility:hidden}
.plot:focus-visible .cross{visibility:visible}
p{margin:4px 0;min-height:1.5em}
small{opacity:.75}
output{font-weight:bold}
@media print{button,select,label,small,.bar>svg,.net svg{display:none}.net canvas{position:static;max-width:100%;max-height:90vh;object-fit:contain}}
`;

// The colours from white to each of the palette in so many shades, as 32 bits of a canvas: red, green, blue, opaque.
const SHADES = 64;
const TABLE = PALETTE.map((colour) => Uint32Array.from({ length: SHADES + 1 }, (_, i) => {
  const [red, green, blue] = [1, 3, 5].map((at) => Math.round(255 + ((parseInt(colour.slice(at, at + 2), 16) - 255) * i) / SHADES));
  return red | (green << 8) | (blue << 16) | (255 << 24);
}));
const NOTHING = 0xffdedede;

function shade(kind, part) {
  return Number.isFinite(part) ? TABLE[kind % PALETTE.length][Math.round(SHADES * Math.min(1, part))] : NOTHING;
}

// The colour of a score, from the `first` of `count` numbers on: of several by the class of the largest, of one by sign and size, which
// end at `reach` if there is one, where numbers are to be hit.
function scoreColour(numbers, first, count, { threshold, reach }) {
  let best = 0;
  for (let k = 1; k < count; k++) if (numbers[first + k] > numbers[first + best]) best = k;
  if (count > 1) return Number.isFinite(numbers[first + best]) ? shade(best, 0.45) : NOTHING;
  const score = numbers[first] - threshold, size = Math.abs(score);
  return shade(score > 0 ? 1 : 0, 0.75 * (reach ? Math.min(1, size / reach) : size / (0.5 + size)));
}

const inWords = (colour) => `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;

function playground(host, stills, data, programs) {
  const { sizes, box } = data, isHit = data.classes.length === 0, units = sizes.slice(1).reduce((a, b) => a + b, 0), outputs = sizes.at(-1);
  const count = data.parameters.length, sharp = Math.min(2, Math.ceil(devicePixelRatio)); // dots of a canvas to a pixel of the page
  const parameters = Float64Array.from(data.parameters), gradients = new Float64Array(count + 2), shared = new Float64Array(count + 1);
  const grid = new Float64Array(CELLS * CELLS * 2), seen = new Float64Array(CELLS * CELLS * units), reaches = new Float64Array(units), none = new Float64Array(0), history = [];
  // Of the points, and of every parameter with its optimizer's memory and its slope, the numbers one after the other, as programs take them.
  let points = [], lanes = none, states = none, updated = none, isMeasured = false;
  let steps = 0, frames = 0, chosen = data.optimizer, paintedClass = data.classes.length - 1, playing = false, pending = false;

  const at = ([x, y]) => [((x - box[0]) / (box[1] - box[0])), 1 - (y - box[2]) / (box[3] - box[2])];
  for (let i = 0; i < CELLS * CELLS; i++) {
    grid[2 * i] = box[0] + ((i % CELLS) + 0.5) / CELLS * (box[1] - box[0]);
    grid[2 * i + 1] = box[3] - (Math.floor(i / CELLS) + 0.5) / CELLS * (box[3] - box[2]);
  }

  // --- Computing ---

  // The loss and its slopes, unless they are known already.
  function measure() {
    if (isMeasured) return;
    shared.set(parameters);
    shared[count] = 1 / points.length;
    programs.gradient(shared, lanes, points.length, gradients, none);
    isMeasured = true;
  }

  // One step of the optimizer: the recorded update of one parameter, over all of them.
  function step() {
    const { memory, update } = programs.optimizers[chosen], { eta } = rate;
    if (eta === undefined || !points.length) return stop();
    measure();
    for (let i = 0; i < count; i++) {
      states[i * (memory + 2)] = parameters[i];
      states[i * (memory + 2) + memory + 1] = gradients[i];
    }
    steps += 1;
    update(Float64Array.from([steps, eta]), states, count, none, updated);
    for (let i = 0; i < count; i++) {
      parameters[i] = updated[i * (memory + 1)];
      for (let k = 1; k <= memory; k++) states[i * (memory + 2) + k] = updated[i * (memory + 1) + k];
    }
    isMeasured = false;
    return undefined;
  }

  function forget() {
    const { memory } = programs.optimizers[chosen];
    states = new Float64Array(count * (memory + 2));
    updated = new Float64Array(count * (memory + 1));
    steps = 0;
  }

  function take(more) {
    points = more;
    lanes = Float64Array.from(points.flat());
    isMeasured = false;
    renderPoints();
  }

  function reset() {
    stop();
    parameters.set(data.parameters);
    take(data.points);
    history.length = 0;
    forget();
    show();
  }

  // --- Showing ---

  function show() {
    if (!pending) requestAnimationFrame(render);
    pending = true;
  }

  function render() {
    pending = false;
    measure();
    programs.predict(parameters, grid, CELLS * CELLS, none, seen);
    history.push(gradients[count]);
    if (history.length > SEEN) history.shift();
    if (!playing || frames++ % STILL === 0) tell();
    net.cells.fill(PAPER);
    renderLines();
    renderUnits();
    net.show();
    plane.cells.forEach((_, i) => { plane.cells[i] = scoreColour(seen, (i + 1) * units - outputs, outputs, data); });
    plane.show();
  }

  function tell() {
    const right = isHit ? "" : `right ${number((100 * gradients[count + 1]) / points.length)} % of `;
    said.textContent = `loss ${number(gradients[count])}, ${right}${points.length}${isHit ? " points" : ""}`;
    set(curve, { d: course(history) });
  }

  function renderLines() {
    const largest = layers.map((places) => Math.max(...places.map((i) => Math.abs(parameters[i]))));
    for (const { x, y, rise, place, layer } of edges) {
      const w = parameters[place], width = 0.3 + (3 * Math.abs(w)) / largest[layer];
      if (Number.isFinite(width)) line(net, between, x, y, rise, sharp * width, shade(w > 0 ? 1 : 0, 1), 96);
    }
  }

  function renderUnits() {
    reaches.fill(0);
    for (let i = 0; i < seen.length; i += units) for (let k = 0; k < units; k++) {
      const size = Math.abs(seen[i + k]);
      if (size > reaches[k] && size !== Infinity) reaches[k] = size;
    }
    for (const { from, unit } of circles) {
      round(net, dots, from, unit < 0 ? inputs[unit + 2] : (i) => {
        const x = seen[i * units + unit];
        return shade(x > 0 ? 1 : 0, reaches[unit] ? Math.abs(x) / reaches[unit] : 0);
      });
    }
  }

  function renderPoints() {
    const context = painted.getContext("2d"), size = painted.width;
    context.clearRect(0, 0, size, size);
    for (const point of points) {
      const [x, y] = at(point), kind = data.kinds[data.classes.findIndex((target) => target.every((t, k) => t === point[2 + k]))];
      context.beginPath();
      context.arc(x * size, y * size, 3.5 * sharp, 0, 7);
      context.fillStyle = isHit ? inWords(scoreColour(point, 2, 1, data)) : PALETTE[kind % PALETTE.length];
      context.strokeStyle = isHit ? "#22262b" : "#fff";
      context.lineWidth = 1.25 * sharp;
      context.fill();
      context.stroke();
    }
  }

  // --- What the reader does ---

  function start() {
    playing = true;
    train.textContent = "pause";
    requestAnimationFrame(function frame() {
      if (!playing) return;
      for (let i = 0; i < STEPS; i++) step();
      render();
      if (Number.isFinite(gradients[count])) requestAnimationFrame(frame);
      else stop();
    });
  }

  function stop() {
    if (playing) tell();
    playing = false;
    train.textContent = "train";
  }

  // A point where the plane is so far from its left and its top, in parts of its side; of the class, or the number, that is chosen.
  function add(across, down) {
    const target = isHit ? [typed(value.value)] : data.classes[paintedClass], isNumber = target.every(Number.isFinite);
    set(value, { "aria-invalid": !isNumber });
    if (!isNumber) return;
    take([...points, [...placeOf(across, down), ...target]]);
    show();
  }

  const placeOf = (across, down) => [box[0] + across * (box[1] - box[0]), box[3] - down * (box[3] - box[2])];

  function change(place, x) {
    parameters[place] = x;
    isMeasured = false;
    show();
  }

  const handles = []; // of parameters: what is dragged, and what it says
  function drag(hit, place, title) {
    const say = () => { told.textContent = `${data.names[place] || title} = ${number(parameters[place])}`; };
    handles.push({ hit, place, say });
    on(hit, "pointerenter", say);
    on(hit, "pointerdown", (down) => {
      const from = parameters[place];
      hold(handles.findIndex((handle) => handle.hit === hit) - held, 0);
      hit.setPointerCapture(down.pointerId);
      hit.onpointermove = (event) => {
        change(place, from + (down.clientY - event.clientY) / 50);
        say();
      };
      hit.onpointerup = hit.onpointercancel = () => { hit.onpointermove = null; };
    });
  }

  // The same with keys: arrows that say how far to the right and down, Enter and the space bar.
  function keys(thing, arrow, enter) {
    on(thing, "keydown", (event) => {
      const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (way) arrow(...way);
      else if (["Enter", " "].includes(event.key)) enter();
      else return;
      event.preventDefault();
    });
  }

  let held = 0;
  function hold(right, down) {
    const { hit, place } = handles[held];
    if (down) change(place, parameters[place] - down / 10);
    hit.classList.remove("held");
    held = (held + right + handles.length) % handles.length;
    handles[held].hit.classList.add("held");
    handles[held].say();
  }

  const cross = { at: [0.5, 0.5], mark: element("div", { class: "cross" }) };
  function moveCross(right, down) {
    cross.at = [right, down].map((step_, k) => Math.max(0, Math.min(1, cross.at[k] + step_ / CELLS)));
    set(cross.mark, { style: `left:${100 * cross.at[0]}%;top:${100 * cross.at[1]}%` });
    told.textContent = placeOf(...cross.at).map((x, k) => `x${"₁₂"[k]} = ${number(x)}`).join(", ");
  }

  // --- Putting it together ---

  const rate = rateField("η, the learning rate", data.lr);
  const train = button("train", () => (playing ? stop() : start())), said = element("output", {}), told = element("p", { "aria-live": "polite" });
  const curve = drawn("path", { fill: "none", stroke: "#9970ab", "stroke-width": 2 });
  const apart = Math.max(60, Math.min(120, Math.floor((host.clientWidth - 48) / (sizes.length - 1)))); // as far as fits, of column and column
  const height = Math.max(...sizes) * ROW + 16, wide = 48 + (sizes.length - 1) * apart;
  const net = sheet(wide, height, sharp), plane = sheet(CELLS, CELLS, 1), painted = set(document.createElement("canvas"), { width: sharp * PLOT, height: sharp * PLOT });
  const plot = element("div", { class: "plot", role: "application", tabindex: 0, "aria-label": "what the network says where, and the points; a click adds one; arrows move a cross, Enter adds one there" }, set(plane.canvas, { style: "" }), painted, cross.mark);
  const value = element("input", { class: "rate", "aria-label": "number of a new point", value: number(data.threshold), inputmode: "decimal" });
  const select = (title, choices, index, choose) => {
    const list = element("select", { "aria-label": title }, ...choices.map((choice, i) => element("option", { value: i }, choice)));
    list.value = index;
    on(list, "change", () => choose(Number(list.value)));
    return list;
  };

  const edges = [], circles = [], layers = data.weights.map((layer) => (layer ?? []).flat()), between = bend(sharp * apart), dots = disc(net, UNIT, CELLS);
  const inputs = [(k) => shade(1, (k % CELLS) / CELLS), (k) => shade(1, 1 - Math.floor(k / CELLS) / CELLS)];
  const place = (column, i) => [24 + column * apart, 8 + (height - 16 - sizes[column] * ROW) / 2 + (i + 0.5) * ROW], hits = drawn("svg", { width: wide, height, role: "application", tabindex: 0, "aria-label": "weights and biases; left and right choose one, up and down change it" });
  data.weights.forEach((layer, column) => (layer ?? []).forEach((row, i) => row.forEach((at_, j) => {
    const [x, y] = place(column, j), [toX, toY] = place(column + 1, i), d = `M${x} ${y}C${x + apart / 2} ${y} ${toX - apart / 2} ${toY} ${toX} ${toY}`;
    const hit = drawn("path", { d, class: "hit", "data-place": at_ });
    edges.push({ x: sharp * x, y: sharp * y, rise: sharp * (toY - y), place: at_, layer: column });
    hits.append(hit);
    drag(hit, at_, `layer ${column + 1}, neuron ${i + 1}, weight ${j + 1}`);
  })));
  let unit = -2; // the inputs come first
  sizes.forEach((size, column) => {
    for (let i = 0; i < size; i++) {
      const [x, y] = place(column, i), bias = column && data.biases[column - 1] ? data.biases[column - 1][i] : undefined;
      circles.push({ from: sharp * (y - UNIT / 2) * net.row + sharp * (x - UNIT / 2), unit: unit++ });
      const hit = drawn("circle", { cx: x, cy: y, r: UNIT / 2, class: "hit" });
      if (bias === undefined) continue;
      hits.append(hit);
      drag(hit, bias, `layer ${column}, neuron ${i + 1}, bias`);
    }
  });

  const shadow = host.attachShadow({ mode: "open" });
  host.replaceChildren();
  on(plot, "click", (event) => {
    const frame = plot.getBoundingClientRect();
    cross.at = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    moveCross(0, 0);
    add(...cross.at);
  });
  keys(plot, moveCross, () => add(...cross.at));
  on(plot, "focus", () => moveCross(0, 0));
  keys(hits, hold, () => hold(0, 0));
  on(hits, "focus", () => hold(0, 0));
  shadow.append(
    element("style", {}, PLAYGROUND_STYLE),
    element("div", { class: "bar" },
      train, button("one step", () => { stop(); step(); show(); }), button("reset", reset),
      select("optimizer", programs.optimizers.map(({ name }) => name), chosen, (i) => { chosen = i; forget(); }), rate.label,
      isHit ? element("label", {}, "click adds ", value) : select("class of a new point", data.classes.map((_, i) => `click adds ${data.labels[i]}`), paintedClass, (i) => { paintedClass = i; }),
    ),
    element("div", { class: "bar" }, said, drawn("svg", { width: 150, height: 40, role: "img", "aria-label": "its course" }, drawn("path", { stroke: LINE, d: "M0 39.5H150" }), curve)),
    element("div", { class: "all" }, element("div", { class: "net" }, element("div", {}, net.canvas, hits)), plot),
    told,
    element("small", {}, "Drag a line up or down to change a weight, a circle to change a bias; click in the plane to add a point. Or with Tab, arrows and Enter."),
  );
  reset();
}
