// What there is to see and to say at one position of a forward and backward pass.
//
//   position   0: the leaves alone; then one card computed after the other; then ∂E/∂E = 1; then one push after the other; then
//              everything at once
//   numbers    (card) → its data;  outputs: what the program computed, adjoints and contributions among it
//
// No derivative and no op is written here: contributions come from the program, and the texts of the rules from Python.

// A template with its holes {3} and {g} filled.
function filled(template, text) {
  return template.replace(/\{(\w+)\}/g, (_, hole) => text(hole === "g" ? hole : Number(hole)));
}

// A template with numbers in its holes: negative ones in parentheses, unless one begins the line.
function calculation(template, of) {
  return filled(template, (hole) => number(of(hole)).replace(/^−.*/, "($&)")).replace(/^\((−[^()]*)\)/, "$1");
}

function lastPosition({ computed, panels }) {
  return computed.length + 2 + Math.max(...panels.map((panel) => panel.pushes.length));
}

// The edges along which something has travelled after so many pushes.
function travelled(panel, pushes) {
  return panel.pushes.slice(0, Math.max(0, pushes)).flatMap(([, ways]) => ways);
}

// What has arrived at each card along these edges: the sum, the number of contributions, and how many there will be.
function arrivals({ names, edges, root }, panel, outputs, ways) {
  const sums = names.map(() => undefined), arrived = names.map(() => 0), expected = names.map(() => 0);
  panel.contributions.forEach((place, edge) => { if (place >= 0) expected[edges[edge][0]] += 1; });
  sums[root] = 1;
  for (const edge of ways) {
    const start = edges[edge][0], contribution = outputs[panel.contributions[edge]];
    arrived[start] += 1;
    sums[start] = sums[start] === undefined ? contribution : sums[start] + contribution;
    // All is there: the adjoint itself, to which a branch not taken has added nothing at all, not even +0 to −0.
    if (arrived[start] === expected[start]) sums[start] = outputs[panel.adjoints + start];
  }
  return { sums, arrived, expected };
}

// The active card, the edges of the step, the gradients so far (none before the backward pass) and the words.
function told(data, panel, of, outputs, position) {
  const { names, own, edges, computed, formulas, root } = data, pushes = position - computed.length - 1;
  const gradients = pushes < 0 ? [] : arrivals(data, panel, outputs, travelled(panel, pushes)).sums, slope = (card) => `∂${names[root]}/∂${names[card]}`;
  const seen = { edges: [], gradients };
  if (position === 0) return { ...seen, text: "The leaves. Forward, each card is computed from those before it." };
  if (pushes < 0) {
    const card = computed[position - 1], formula = formulas[card], symbols = filled(formula, (i) => names[i]);
    const head = own[card] ? `${names[card]} = ${symbols}` : symbols;
    const ways = edges.map((_, i) => i).filter((i) => edges[i][1] === card);
    return { ...seen, card, edges: ways, text: `${head} = ${calculation(formula, of)} = ${number(of(card))}` };
  }
  if (pushes === 0) return { ...seen, card: root, text: `The backward pass begins with ${slope(root)} = 1.` };
  if (pushes > panel.pushes.length) return { ...seen, text: ending(data, panel, of, outputs, slope) };
  const [card, ways] = panel.pushes[pushes - 1];
  return { ...seen, card, edges: ways, isBackward: true, text: pushed(data, panel, of, outputs, pushes, slope) };
}

// The chain rule of one push, a line for each edge: in symbols, with numbers, and what it adds up to.
function pushed(data, panel, of, outputs, pushes, slope) {
  const [card, ways] = panel.pushes[pushes - 1], earlier = travelled(panel, pushes - 1);
  const { sums, arrived, expected } = arrivals(data, panel, outputs, earlier);
  const lines = ways.map((edge, i) => {
    const start = data.edges[edge][0], rule = data.rules[edge], contribution = number(outputs[panel.contributions[edge]]);
    const [before, now] = [i, i + 1].map((n) => arrivals(data, panel, outputs, [...earlier, ...ways.slice(0, n)]).sums[start]);
    const symbols = filled(rule, (hole) => (hole === "g" ? slope(card) : data.names[hole]));
    const numbers = calculation(rule, (hole) => (hole === "g" ? sums[card] : of(hole)));
    const value = numbers === contribution ? "" : ` = ${contribution}`;
    const sum = before === undefined ? "" : `; before ${number(before)}, now ${number(now)}`;
    return `${slope(start)} += ${symbols} = ${numbers}${value}${sum}`;
  });
  if (arrived[card] < expected[card]) lines.unshift(`Too early: ${arrived[card]} of ${expected[card]} contributions have arrived at ${data.names[card]}.`);
  return lines.join("\n");
}

// The cards whose adjoint is not that of the first panel.
function wrongCards({ names, panels }, panel, outputs) {
  return names.map((_, i) => i).filter((i) => !Object.is(outputs[panel.adjoints + i], outputs[panels[0].adjoints + i]));
}

function ending(data, panel, of, outputs, slope) {
  const { names, panels, inputs } = data, wrong = wrongCards(data, panel, outputs);
  if (wrong.length) return `Wrong: ${wrong.map(slope).join(", ")}.`;
  if (panels.length > 1) return "All derivatives are right.";
  return inputs.map((i) => `${names[i]} = ${number(of(i))}, ${slope(i)} = ${number(outputs[panel.adjoints + i])}`).join("; ");
}
