// The size of a step downhill, η: a field with its label. What is not above 0 is marked, said, and no `eta`.

function rateField(title, eta) {
  const field = element("input", { class: "rate", "aria-label": title, value: eta, inputmode: "decimal" }), said = element("b", { role: "status" });
  const rate = { eta, label: element("label", {}, "η ", field, said) };
  on(field, "input", () => {
    const x = typed(field.value), isSize = x > 0 && x < Infinity;
    rate.eta = isSize ? x : undefined;
    said.textContent = isSize ? "" : " needs a number above 0";
    set(field, { "aria-invalid": !isSize });
  });
  return rate;
}
