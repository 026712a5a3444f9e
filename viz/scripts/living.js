// A living picture: drag a number and everything follows; step through the forward and the backward pass.
//
//   data      what viz.living wrote: names and texts of cards, edges, and one or two panels with the pushes of a backward pass
//   compute   the program that the compiler printed, (inputs, outputs): data, adjoints and contributions of everything shown
//   panel     one picture with its backward pass; explain_order has two
//
// What there is to say is in story.js, how numbers look in numbers.js.

const PURPLE = "#7b3294", FAINT = "#a58ab0", GREY = "#b9c0c8", LILAC = "#f3e8f7";
const LONGEST_CURVE = 400, FIELD = 84;
const STYLE = `
:host{display:block;font:14px/1.5 "DejaVu Sans",Verdana,sans-serif}
.bar,.panels{display:flex;flex-wrap:wrap;gap:6px 8px;align-items:center;margin:6px 0}
button,input{font:inherit;color:inherit;background:none;border:1px solid #8a929c;border-radius:6px;padding:3px 10px;min-height:34px;box-sizing:border-box}
button:hover{background:#8a929c33}
:focus-visible{outline:2px solid #9970ab}
[aria-invalid=true]{outline:2px solid #e08214}
.rate{width:4.5em}
button svg{width:14px;height:14px;vertical-align:-2px;fill:currentColor}
.at{flex:1 1 160px;padding:0;accent-color:#9970ab}
.panels{align-items:start;gap:16px}
.panel{min-width:0;max-width:100%}
.picture{overflow-x:auto;position:relative}
.picture>svg{display:block;user-select:none}
.leaf{cursor:ew-resize}
.leaf *{touch-action:pan-y}
.type{position:absolute;width:84px;text-align:center;padding:0;background:#fff;color:#22262b}
.back{stroke-dasharray:6 4;animation:back 1s linear infinite}
@keyframes back{to{stroke-dashoffset:20}}
@media print{.bar{break-after:avoid}button,input,label,small,.bar>svg{display:none}.picture>svg{max-width:100%;height:auto;max-height:95vh}}
@media(prefers-reduced-motion){.back{animation:none}}
p{min-height:4.6em;margin:6px 0;white-space:pre-line;overflow-wrap:anywhere}
small{opacity:.75}
output{font-weight:bold}
`;

// Where a drag over so many pixels, or as many presses of a key, moves a number: each is a hundredth of its power of ten, or a
// tenth of that if it is to be fine.
function moved(x, pixels, isFine) {
  if (!Number.isFinite(x)) return Math.sign(pixels);
  const grain = 10 ** (Math.floor(Math.log10(Math.max(Math.abs(x), 0.1))) - (isFine ? 3 : 2));
  return Number((Math.round(x / grain + pixels) * grain).toPrecision(12));
}

// The parts of the still picture that change. Its order is that of viz.svg: per edge a way and its tip, then the cards.
function parts(svg) {
  const all = (thing, what) => [...thing.querySelectorAll(what)], ways = all(svg, "svg>g>path");
  const cards = all(svg, "svg>g>g").map((card) => {
    const [outline, bar] = all(card, "rect"), [data, gradient] = all(card, "text").slice(-2);
    const [fill, stroke, width] = ["fill", "stroke", "stroke-width"].map((name) => outline.getAttribute(name));
    return { card, outline, bar, data, gradient, title: card.appendChild(drawn("title", {})), still: { fill, stroke, "stroke-width": width } };
  });
  return { cards, ways: ways.filter((_, i) => i % 2 === 0).map((way, i) => ({ way, tip: ways[2 * i + 1] })) };
}

// A text no wider than its card.
function write(line, text) {
  line.textContent = text;
  if (text.length > 10) set(line, { textLength: FIELD, lengthAdjust: "spacingAndGlyphs" });
  else line.removeAttribute("textLength");
}

function reveal(picture, card) {
  const box = card.getBoundingClientRect(), frame = picture.getBoundingClientRect();
  if (box.left < frame.left || box.right > frame.right) picture.scrollLeft += (box.left + box.right - frame.left - frame.right) / 2;
}

function living(host, pictures, data, compute) {
  const { names, inputs: leaves, panels, root, trainable, lr } = data;
  data.computed = names.map((_, i) => i).filter((i) => !leaves.includes(i));
  const inputs = Float64Array.from(data.numbers), outputs = new Float64Array(data.size), last = lastPosition(data), history = [];
  let position = last, playing = false, pending = false;
  const of = (card) => (leaves.includes(card) ? inputs[leaves.indexOf(card)] : outputs[data.computed.indexOf(card)]);

  const rate = rateField("η, the size of a step", lr);
  const slider = element("input", { class: "at", type: "range", max: last, "aria-label": "step" });
  const play = button("play", () => (playing ? stop() : start())), result = element("output", {}), curve = drawn("path", { fill: "none", stroke: "#9970ab", "stroke-width": 2 });
  panels.forEach((panel, i) => Object.assign(panel, parts(pictures[i]), {
    picture: element("div", { class: "picture" }, set(pictures[i], { role: "group" })), said: element("p", { "aria-live": "polite" }),
  }));

  // --- Showing ---

  function recompute() {
    compute(inputs, outputs);
    history.push(of(root));
    if (history.length > LONGEST_CURVE) history.shift();
    show();
  }

  function show() {
    if (!pending) requestAnimationFrame(render);
    pending = true;
  }

  function render() {
    pending = false;
    slider.value = position;
    set(slider, { "aria-valuetext": `step ${position} of ${last}` });
    result.textContent = `${names[root]} = ${number(of(root))}`;
    set(curve, { d: course(history) });
    panels.forEach(renderPanel);
  }

  function renderPanel(panel) {
    const story = told(data, panel, of, outputs, position), touched = story.edges.map((edge) => data.edges[edge][0]);
    panel.cards.forEach((card, i) => renderCard(card, i, story, touched.includes(i)));
    panel.ways.forEach(({ way, tip }, i) => {
      const isActive = story.edges.includes(i), stroke = isActive ? PURPLE : LINE;
      set(way, { stroke, "stroke-width": isActive ? 3 : 1.3, class: isActive && story.isBackward ? "back" : "" });
      set(tip, { fill: stroke });
      if (isActive) panel.cards[0].card.before(way, tip); // above the ways it shares a line with
    });
    if (position === last) for (const i of wrongCards(data, panel, outputs)) markWrong(panel.cards[i], i);
    if (!playing) panel.said.textContent = story.text;
    if (panel.shown !== position && story.card !== undefined) reveal(panel.picture, panel.cards[story.card].card);
    panel.shown = position;
  }

  function renderCard(card, i, story, isTouched) {
    const isKnown = leaves.includes(i) || data.computed.indexOf(i) < position, x = isKnown ? of(i) : NaN, gradient = story.gradients[i] ?? 0;
    write(card.data, isKnown ? number(x) : "·");
    write(card.gradient, `∂ ${number(gradient)}`);
    set(card.gradient, { fill: gradient ? PURPLE : FAINT });
    set(card.bar, { fill: x > 0 ? BLUE : x < 0 ? ORANGE : GREY });
    set(card.outline, { ...card.still, ...(isTouched && { fill: LILAC }), ...(story.card === i && { stroke: PURPLE, "stroke-width": 3 }) });
    card.title.textContent = `${names[i]}\ndata ${isKnown ? x : "not computed yet"}\ngradient ${gradient}`;
    if (leaves.includes(i)) set(card.card, { "aria-valuenow": x, "aria-valuetext": `${number(x)}, gradient ${number(gradient)}` });
  }

  function markWrong(card, i) {
    set(card.outline, { stroke: ORANGE, "stroke-width": 3 });
    write(card.gradient, `${card.gradient.textContent} ≠ ${number(outputs[panels[0].adjoints + i])}`);
  }

  // --- What the reader does ---

  function go(to) {
    stop();
    position = Math.min(last, Math.max(0, to));
    show();
  }

  function change(leaf, to) {
    inputs[leaf] = to;
    recompute();
  }

  function downhill() {
    const { eta } = rate;
    if (eta === undefined) return stop();
    for (const leaf of trainable) inputs[leaf] -= eta * outputs[panels[0].adjoints + leaves[leaf]];
    position = last;
    return recompute();
  }

  function start() {
    playing = true;
    play.textContent = "pause";
    requestAnimationFrame(function frame() {
      if (playing) downhill();
      if (!Number.isFinite(of(root))) stop();
      if (playing) requestAnimationFrame(frame);
    });
  }

  function stop() {
    playing = false;
    play.textContent = "play";
    show();
  }

  function reset() {
    stop();
    inputs.set(data.numbers);
    history.length = 0;
    recompute();
  }

  function type({ picture, cards }, leaf) {
    const { card } = cards[leaves[leaf]], box = card.getBoundingClientRect(), frame = picture.getBoundingClientRect();
    const left = box.left - frame.left + picture.scrollLeft + (box.width - FIELD) / 2, top = box.top - frame.top + (box.height - 34) / 2;
    const field = element("input", { class: "type", "aria-label": `${names[leaves[leaf]]}, a number`, value: inputs[leaf], style: `left:${left}px;top:${top}px` });
    const close = (to) => {
      if (to !== undefined) change(leaf, to);
      field.onblur = null;
      field.remove();
      card.focus();
    };
    field.onblur = () => close(typed(field.value));
    on(field, "keydown", (event) => {
      const to = typed(field.value);
      if (event.key === "Escape") close();
      if (event.key === "Enter" && to !== undefined) close(to);
      set(field, { "aria-invalid": to === undefined });
      event.stopPropagation();
    });
    picture.append(field);
    field.focus();
    field.select();
  }

  function bringToLife(panel, leaf) {
    const { card, data: text } = panel.cards[leaves[leaf]];
    const box = card.getBBox();
    set(card, { class: "leaf", tabindex: 0, role: "slider", "aria-label": names[leaves[leaf]] });
    if (lr !== null && trainable.includes(leaf)) card.append(drawn("text", { x: box.x + box.width - 11, y: Number(text.getAttribute("y")) - 18, "font-size": 11, fill: FAINT, "text-anchor": "start" }, "η"));
    on(card, "pointerdown", (down) => {
      const from = inputs[leaf];
      stop();
      card.setPointerCapture(down.pointerId);
      card.onpointermove = (event) => change(leaf, moved(from, Math.round(event.clientX - down.clientX), event.shiftKey));
      card.onpointerup = card.onpointercancel = (event) => {
        if (event.type === "pointerup" && event.clientX !== down.clientX) card.onpointermove(event);
        card.onpointermove = card.onpointerup = null;
      };
    });
    on(card, "dblclick", () => type(panel, leaf));
    on(card, "keydown", (event) => {
      const presses = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (event.key !== "Enter" && !presses) return;
      event.preventDefault();
      event.stopPropagation();
      if (presses) change(leaf, moved(inputs[leaf], presses, event.shiftKey));
      else type(panel, leaf);
    });
  }

  // --- Putting it together ---

  const shadow = host.attachShadow({ mode: "open" });
  host.replaceChildren();
  on(slider, "input", () => go(Number(slider.value)));
  on(shadow, "keydown", (event) => {
    const to = { ArrowLeft: position - 1, ArrowRight: position + 1, Home: 0, End: last }[event.key];
    if (event.target.matches("input") || to === undefined) return;
    event.preventDefault();
    go(to);
  });
  const training = [
    button("one step downhill", () => { stop(); downhill(); }), rate.label, play, button("reset", reset), result,
    drawn("svg", { width: 150, height: 40, role: "img", "aria-label": "its course" }, drawn("path", { stroke: LINE, d: "M0 39.5H150" }), curve),
  ];
  const transport = [
    button("first step", () => go(0), "M1 1h2v12H1zM13 1v12L4 7z"), button("step back", () => go(position - 1), "M11 1v12L2 7z"),
    button("step forward", () => go(position + 1), "M3 1v12l9-6z"), button("last step", () => go(last), "M1 1v12l9-6zM11 1h2v12h-2z"), slider,
  ];
  shadow.append(
    element("style", {}, STYLE),
    ...(lr === null ? [] : [element("div", { class: "bar" }, ...training)]),
    element("div", { class: "bar" }, ...transport),
    element("div", { class: "panels" }, ...panels.map(({ title, picture, said }) => element("div", { class: "panel" }, element("b", {}, title), picture, said))),
    element("small", {}, "Drag a number; double-click or Enter types one. Arrow keys move a chosen number, elsewhere they step."),
  );
  panels.forEach((panel) => leaves.forEach((_, leaf) => bringToLife(panel, leaf)));
  recompute();
}
