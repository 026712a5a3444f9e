// Lines and round maps in one buffer of pixels, which reaches its canvas in one call: 304 strokes of a canvas took 15 ms a frame, these 2.
//
//   sheet   the buffer of a canvas of so many dots to a pixel of the page; colours are 32 bits: red, green, blue, opaque
//   disc    the dots of a circle that shows a map of side × side cells: where, which cell, and how much of the rim lies there

const PAPER = 0xffffffff, RIM = 0xff9c928a;

function sheet(width, height, dots) {
  const canvas = set(document.createElement("canvas"), { width: dots * width, height: dots * height, style: `width:${width}px;height:${height}px` });
  const context = canvas.getContext("2d"), picture = context.createImageData(canvas.width, canvas.height);
  return { canvas, dots, row: canvas.width, cells: new Uint32Array(picture.data.buffer), show: () => context.putImageData(picture, 0, 0) };
}

// `part` of 128 of a colour over what is there; so many that two colours' products fit into 31 bits.
function blend(cells, at, colour, part) {
  const under = cells[at] | 0, rest = 128 - part;
  const outer = ((Math.imul(under & 0xff00ff, rest) + Math.imul(colour & 0xff00ff, part)) >>> 7) & 0xff00ff;
  cells[at] = outer | (((Math.imul(under & 0xff00, rest) + Math.imul(colour & 0xff00, part)) >>> 7) & 0xff00) | 0xff000000;
}

// How far a curve between two columns has risen at each dot, and the square of how steep it is: x = 1.5t − 1.5t² + t³, y = 3t² − 2t³.
function bend(length) {
  const risen = new Float64Array(length), steep = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    let t = 0.5;
    for (let k = 0; k < 20; k++) t -= (1.5 * t - 1.5 * t * t + t ** 3 - (i + 0.5) / length) / (1.5 - 3 * t + 3 * t * t);
    risen[i] = 3 * t * t - 2 * t ** 3;
    steep[i] = ((6 * (t - t * t)) / (1.5 - 3 * t + 3 * t * t) / length) ** 2;
  }
  return { risen, steep };
}

// A curve from (x, y), in dots, that ends `rise` lower: in each column as much of every dot as the line covers.
function line({ cells, row }, { risen, steep }, x, y, rise, width, colour, part) {
  for (let i = 0; i < risen.length; i++) {
    const middle = y + rise * risen[i], half = (width / 2) * Math.sqrt(1 + rise * rise * steep[i]), top = middle - half, foot = middle + half;
    const first = Math.floor(top), last = Math.ceil(foot) - 1;
    let at = first * row + x + i;
    if (first === last) {
      blend(cells, at, colour, (part * (foot - top)) | 0);
      continue;
    }
    blend(cells, at, colour, (part * (first + 1 - top)) | 0);
    for (let k = first + 1; k < last; k++) blend(cells, at += row, colour, part);
    blend(cells, at + row, colour, (part * (foot - last)) | 0);
  }
}

function disc({ row, dots }, size, side) {
  const across = size * dots, made = [];
  for (let k = 0; k < across * across; k++) {
    const x = k % across, y = Math.floor(k / across), inside = across / 2 - Math.hypot(x + 0.5 - across / 2, y + 0.5 - across / 2);
    const cell = Math.floor((y * side) / across) * side + Math.floor((x * side) / across);
    if (inside > -0.5) made.push({ at: y * row + x, cell, rim: inside < 0.5 ? 0 : Math.round(128 * Math.max(0, Math.min(1, dots + 0.5 - inside))), part: Math.round(128 * Math.min(1, inside + 0.5)) });
  }
  return made;
}

// A disc whose first dot is at `from`: of each cell the colour that `colour` gives it, within a rim.
function round({ cells }, dots, from, colour) {
  for (const { at, cell, rim, part } of dots) {
    if (part < 128) blend(cells, from + at, RIM, part);
    else {
      cells[from + at] = colour(cell);
      if (rim) blend(cells, from + at, RIM, rim);
    }
  }
}
