// A network that opens: the model into its layers, those into their neurons, a neuron into its sum of products as a table; and back.
//
//   data     what viz.networks wrote: the pictures of the levels, and for each stage its numbers, means where there are many samples
//   view     what is shown: the name of a level, or [layer, neuron], counted from 1; things with data-to lead to one
//
// Nothing is computed here but the products that a table shows, and their sum.

const LEVELS = ["model", "layers", "neurons"];
const NETWORK_STYLE = `${TABLE_STYLE}
:host{display:block;font:13px/1.45 "DejaVu Sans",Verdana,sans-serif}
.all{background:#fff;color:#22262b;border-radius:10px;padding:8px;box-sizing:border-box;width:fit-content;max-width:100%}
.all>nav{margin:0 0 6px}
.shown{overflow-x:auto}
.shown svg{display:block}
[data-to]{cursor:pointer}
[aria-current]{border-color:#9970ab;font-weight:bold}
:focus-visible{outline:2px solid #9970ab;outline-offset:1px}
@media print{.all>nav,.help{display:none}.shown svg{max-width:100%;height:auto;max-height:95vh}}
`;

// x₂₁⁽¹⁾: a letter with its indices, counted from the stage's base on and separated where one has two digits, and its layer.
function placed(letter, { base, layer }, ...from) {
  const indices = from.map((i) => i + base - 1);
  const lowered = (text) => [...text].map((c) => (c === "," ? c : "₀₁₂₃₄₅₆₇₈₉"[c])).join("");
  const raised = [...String(layer)].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("");
  return `${letter}${lowered(indices.join(indices.length > 1 && indices.some((i) => i > 9) ? "," : ""))}⁽${raised}⁾`;
}

function network(host, [still], data) {
  const stages = data.stages.map((stage) => ({ ...stage, x: floats(stage.x, stage.units), pull: floats(stage.pull, stage.units), numbers: floats(stage.numbers, 2 * stage.units * (stage.inputs + 1)) }));
  const pictures = { [data.still]: still }, shown = element("div", { class: "shown" }), told = element("b", {}), words = element("div", {}), paging = {};
  let view = data.first;

  function picture(level) {
    pictures[level] ??= document.importNode(new DOMParser().parseFromString(data.levels[level], "image/svg+xml").documentElement, true);
    for (const thing of pictures[level].querySelectorAll("[data-to]")) set(thing, { tabindex: 0, role: "button", "aria-label": thing.querySelector("title").textContent });
    return pictures[level];
  }

  const where = (to) => (LEVELS.includes(to) ? to : to.split(",").map(Number));
  const has = (layer) => stages[layer].inputs > 0;
  // Of a stage that is called nothing, such as the input, what the weights behind it call it.
  const called = (layer) => (has(layer) || !stages[layer + 1] ? stages[layer] : { ...called(layer + 1), layer: called(layer + 1).layer - 1 });
  const x = (layer, i) => (has(layer) ? link(placed("x", stages[layer], i), () => go([layer, i])) : placed("x", called(layer), i));

  // Σ w·x + b of one neuron. Its weights and their gradients lie row by row, the bias last in each; names of the user's own go before.
  function sum([layer, neuron]) {
    const stage = stages[layer], before = stages[layer - 1], wide = stage.inputs + 1, row = (neuron - 1) * wide, slopes = row + stage.units * wide;
    const w = (j) => stage.numbers[row + j], g = (j) => cell(data.samples ? number(stage.numbers[slopes + j]) : "", "g"), of = (xs, j) => (data.samples ? number(xs[j]) : "");
    const rows = (from, to) => table(["input", "", "weight", "", "product", "∂ weight", "∂ input"], Array.from({ length: to - from }, (_, k) => from + k).map((j) => [
      cell(x(layer - 1, j + 1)), cell(of(before.x, j)), cell(stage.own[row + j] ?? placed("w", stage, neuron, j + 1)), cell(number(w(j))), cell(data.samples ? number(w(j) * before.x[j]) : ""), g(j), cell(of(before.pull, j), "g"),
    ]));
    const total = Array.from(before.x).reduce((all, x_, j) => all + w(j) * x_, w(stage.inputs)), name = placed("x", stage, neuron);
    const applied = data.samples > 1 ? "" : " = " + stage.activation + "(a)"; // of means it is not true
    return [
      ...inPages((paging[view] ??= {}), stage.inputs, rows, show),
      element("p", {}, `${stage.own[row + stage.inputs] ?? placed("b", stage, neuron)} = ${number(w(stage.inputs))}`, ...(data.samples ? [", ", element("span", { class: "g" }, `∂ ${number(stage.numbers[slopes + stage.inputs])}`)] : [])),
      ...(data.samples ? [element("p", {}, `${placed("a", stage, neuron)} = Σ w·x + b = ${number(total)}; ${name}${applied} = ${number(stage.x[neuron - 1])}, `, element("span", { class: "g" }, `∂ ${number(stage.pull[neuron - 1])}`))] : []),
      ...(stage.wrong[neuron - 1] ? [element("p", {}, stage.wrong[neuron - 1])] : []),
      ...(data.samples > 1 ? [element("small", {}, `means over ${data.samples} samples`)] : []),
    ];
  }

  function show() {
    const isLevel = LEVELS.includes(view);
    shown.replaceChildren(...(isLevel ? [picture(view)] : sum(view)));
    words.replaceChildren(...(isLevel ? [...data.legends[view].map((line) => element("small", {}, line)), ...data.findings].map((line) => element("p", {}, line)) : []));
    told.textContent = isLevel ? "" : `${placed("x", stages[view[0]], view[1])}: layer ${view[0]}, neuron ${view[1]} of ${stages[view[0]].units}`;
    buttons.forEach((made, i) => (LEVELS[i] === view ? set(made, { "aria-current": true }) : made.removeAttribute("aria-current")));
  }

  function go(to) {
    const from = String(view);
    view = to;
    show();
    const back = [...shown.querySelectorAll("[data-to]")].find((thing) => thing.getAttribute("data-to") === from);
    (back ?? shown.querySelector("[tabindex],td button") ?? buttons[2]).focus();
  }

  const buttons = LEVELS.map((level) => button(level, () => go(level))), all = element("div", { class: "all" }, element("nav", {}, ...buttons, told), shown);
  const follow = (event) => {
    const to = event.target.closest("[data-to]"), next = to && where(to.getAttribute("data-to"));
    if (to && (LEVELS.includes(next) || has(next[0]))) go(next);
    return to;
  };
  on(shown, "click", follow);
  on(all, "keydown", (event) => {
    const up = LEVELS.includes(view) ? LEVELS[LEVELS.indexOf(view) - 1] : "neurons";
    if (event.key === "Escape" && up) go(up);
    else if (!["Enter", " "].includes(event.key) || !follow(event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  const shadow = host.attachShadow({ mode: "open" });
  host.replaceChildren();
  shadow.append(element("style", {}, NETWORK_STYLE), all, words, element("small", { class: "help" }, data.help));
  show();
}
