// How numbers look, and how they are typed. To the letter what viz.notation.number writes in Python.

// Four significant digits and a true minus sign, as Python's f"{x:.4g}": exact halves go to the even digit.
function number(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x < 0 ? "−inf" : "inf";
  if (x === 0) return Object.is(x, -0) ? "−0" : "0";
  const size = Math.abs(x), exact = size.toExponential(50), isHalf = /^\d\.\d\d[02468]50*e/.test(exact);
  const rounded = isHalf ? exact.slice(0, 5) + exact.slice(52) : size.toExponential(3);
  const [digits, power] = rounded.split("e").map(Number);
  const text = power < -4 || power > 3 ? `${digits}e${power}` : String(Number(rounded));
  return (x < 0 ? "−" : "") + text.replace("-", "−");
}

// What a reader may type: digits, with either minus sign, inf and nan; undefined for anything else.
function typed(text) {
  const plain = text.trim().replace("−", "-").replace(/inf$/, "Infinity"), x = Number(plain);
  return plain === "" || (Number.isNaN(x) && plain !== "nan") ? undefined : x;
}
