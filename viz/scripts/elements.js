// Colours, and elements of HTML and SVG in few words.

const BLUE = "#2166ac", ORANGE = "#e08214", LINE = "#8a929c";

function set(thing, attributes, ...children) {
  for (const [name, value] of Object.entries(attributes)) thing.setAttribute(name, value);
  thing.append(...children);
  return thing;
}

function element(tag, ...all) {
  return set(document.createElement(tag), ...all);
}

function drawn(tag, ...all) {
  return set(document.createElementNS("http://www.w3.org/2000/svg", tag), ...all);
}

function on(thing, kind, react) {
  thing.addEventListener(kind, react);
}

// A button with a text on it, or with an icon.
function button(title, press, icon) {
  const face = icon ? drawn("svg", { viewBox: "0 0 14 14" }, drawn("path", { d: icon })) : title;
  const made = element("button", { title, "aria-label": title }, face);
  on(made, "click", press);
  return made;
}

// The course of a number as the path of a curve 150 wide and 40 high, its foot at 0 or below.
function course(history) {
  const finite = history.filter(Number.isFinite), high = Math.max(...finite), low = Math.min(0, ...finite);
  const points = finite.map((y, i) => [(150 * i) / Math.max(1, finite.length - 1), 38 - (35 * (y - low)) / (high - low || 1)]);
  return points.map(([x, y], i) => (i ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1)).join("");
}
