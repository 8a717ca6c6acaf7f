// Small helpers to draw with. Text always arrives as text (textContent): what a person typed can never become markup.

const SVG = "http://www.w3.org/2000/svg";

export function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function percent(share, digits = 1) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  const text = (100 * share).toFixed(digits);
  if (Number(text) === 0 && share > 0) return `< ${(10 ** -digits).toFixed(digits)} %`;
  if (Number(text) === 100 && share < 1) return `> ${(100 - 10 ** -digits).toFixed(digits)} %`;
  return `${text} %`;
}

export function decimal(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = value.toFixed(3);
  return text === "1.000" && value < 1 ? "> 0.999" : text;
}

export function rateText(rate) {
  if (rate === null || rate === undefined) return "frozen";
  if (rate === 0) return "0";
  const [mantissa, exponent] = rate.toExponential(1).split("e");
  return `${mantissa.replace(/\.0$/, "")}e${Number(exponent)}`;
}

export function shortCount(number) {
  for (const [factor, unit] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]]) {
    if (number >= factor * 0.9995) return `${Number((number / factor).toPrecision(3))}${unit}`;
  }
  return String(Math.round(number));
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  const minutes = Math.round(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
