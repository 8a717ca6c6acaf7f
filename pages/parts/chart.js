// A small line chart for live data: it is redrawn in place, and its text keeps its size at every width.

const LETTER = 6.5; // pixels, about, of one in a label
const MARGIN = { top: 12, right: 12, bottom: 34, left: 46 };

// `bounded`: between 0 and 1; `scale`: "percent" writes such a value as a share.
// `lines`: [{label, points, colour, width, dash, dots, ring}]; `level`: {value, label}; `marks`: [{at, label, short}] across the x axis, `short`
// where the labels do not all fit.
export function drawChart(frame, { title, lines, level = null, marks = [], xLabel, xMax, bounded = false, scale = "number", height = 240 }) {
  const width = Math.max(240, frame.clientWidth || 480);
  const shown = lines.filter((line) => line.points.length);
  const values = shown.flatMap((line) => line.points.map((point) => point[1])).concat(level ? [level.value] : []);
  let low = values.length ? Math.min(...values) : 0;
  let high = values.length ? Math.max(...values) : 1;
  if (!bounded) low = Math.min(0, low);
  const slack = (high - low || Math.abs(high) || 1) * 0.08;
  low = bounded ? Math.max(0, low - slack) : low;
  high = bounded ? Math.min(1, high + slack) : high + slack;
  const across = width - MARGIN.left - MARGIN.right;
  const up = height - MARGIN.top - MARGIN.bottom;
  const x = (value) => MARGIN.left + (across * value) / (xMax || 1);
  const y = (value) => MARGIN.top + up * (1 - (value - low) / (high - low || 1));

  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": title });
  for (const value of ticks(low, high)) {
    picture.append(svg("path", { class: "grid", d: `M${MARGIN.left} ${y(value)}H${width - MARGIN.right}` }));
    const text = scale === "percent" ? `${Number((100 * value).toPrecision(6))} %` : String(value);
    picture.append(svg("text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  for (const value of ticks(0, xMax, Math.max(2, Math.round(across / 110)))) {
    if (Number.isInteger(value)) picture.append(svg("text", { x: x(value), y: height - 18, "text-anchor": "middle" }, String(value)));
  }
  picture.append(svg("text", { x: width - MARGIN.right, y: height - 3, "text-anchor": "end", class: "axis" }, xLabel));
  const named = marks.every((mark, i) => x(i + 1 < marks.length ? marks[i + 1].at : xMax) - x(mark.at) > LETTER * mark.label.length + 8);
  for (const mark of marks) {
    picture.append(svg("path", { class: "mark", d: `M${x(mark.at)} ${MARGIN.top}V${height - MARGIN.bottom}` }));
    picture.append(svg("text", { x: x(mark.at) + 4, y: MARGIN.top + 8, class: "axis" }, named ? mark.label : mark.short));
  }
  if (level) picture.append(svg("path", { class: "level", d: `M${MARGIN.left} ${y(level.value)}H${width - MARGIN.right}` }));
  for (const line of shown) {
    const path = line.points.map(([px, py], i) => `${i ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("");
    const style = { fill: "none", stroke: line.colour, "stroke-width": line.width || 2, "stroke-opacity": line.faint ? 0.35 : 1, "stroke-dasharray": line.dash || "none" };
    picture.append(svg("path", { d: path, ...style }));
    if (!line.dots) continue;
    line.points.forEach(([px, py], i) => {
      const best = i === line.ring;
      const dot = { cx: x(px), cy: y(py), r: best ? 6 : 3.5, fill: best ? "none" : line.colour, stroke: line.colour, "stroke-width": 2 };
      picture.append(svg("circle", dot));
    });
  }
  const legend = html("div", { class: "legend" });
  for (const line of lines.filter((one) => one.label)) {
    const mark = line.dash ? `background:repeating-linear-gradient(90deg,${line.colour} 0 4px,transparent 4px 7px)` : `background:${line.colour}`;
    legend.append(html("span", {}, html("i", { style: mark }), line.label));
  }
  if (level) legend.append(html("span", {}, html("i", { class: "dashed" }), level.label));
  frame.replaceChildren(html("h4", {}, title), legend, picture);
}
