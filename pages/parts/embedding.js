// The layers' layouts in one plane: a slider over depth moves every image to where the next layer puts it. The image under the
// pointer, or chosen with the arrow keys, is shown beside it. Everything that people named arrives as text.

const EDGE = 0.94; // of half the plane, where the outermost point lies
const REACH = 24; // pixels from the pointer to the point that it means
const SHAPES = {
  circle: "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0Z",
  square: "M-4.4,-4.4h8.8v8.8h-8.8Z",
  diamond: "M0,-6L6,0L0,6L-6,0Z",
  "triangle-up": "M0,-6L5.6,4.4H-5.6Z",
  x: "M-5,-2.5L-2.5,-5L0,-2.5L2.5,-5L5,-2.5L2.5,0L5,2.5L2.5,5L0,2.5L-2.5,5L-5,2.5L-2.5,0Z",
  star: "M0,-6.5L1.6,-2.2L6.2,-2L2.6,.8L3.8,5.3L0,2.7L-3.8,5.3L-2.6,.8L-6.2,-2L-1.6,-2.2Z",
};
const rooms = new WeakMap(); // root -> what is drawn there and where it stands, which outlives new data

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".root");
  const asked = JSON.stringify(data);
  const before = rooms.get(root);
  if (before && before.asked === asked) return;
  const kept = before ? { depth: before.depth(), hidden: before.hidden } : { depth: data.layers.length - 1, hidden: new Set() };
  rooms.set(root, { asked, ...drawEmbedding(root, data, kept) });
}

function drawEmbedding(root, data, { depth, hidden }) {
  let at = Math.min(depth, data.layers.length - 1);
  let chosen = -1;
  const shape = (mark, extra) => svg("path", { d: SHAPES[mark.shape] ?? SHAPES.circle, fill: mark.colour, ...extra });
  const plane = svg("svg", { viewBox: "-250 -250 500 500", tabindex: 0, role: "img" });
  const points = data.labels.map((label) => shape(data.classes[label], { class: "point" }));
  const ring = svg("circle", { class: "ring", r: 9, visibility: "hidden" });
  plane.append(...points, ring);

  const slider = html("input", { class: "depth", type: "range", min: 0, max: data.layers.length - 1, step: 1, "aria-label": "Layer" });
  slider.value = at;
  const title = html("p", { class: "layer", "aria-live": "polite" });
  const facts = html("dl");
  const picture = html("div", { class: "picture", hidden: "" });
  const words = html("div", { class: "words" });
  const classes = html("div", { class: "classes", role: "group", "aria-label": "Classes shown" });
  const save = html("div", { class: "save" });
  root.replaceChildren(
    html("div", { class: "room" },
      html("div", { class: "plane" }, plane, slider,
        html("div", { class: "ends" }, html("span", {}, data.layers[0].name), html("span", {}, data.layers.at(-1).name))),
      html("div", {}, title, facts, html("div", { class: "shown" }, picture, words), classes, save)),
  );
  const sheet = new Image();
  sheet.onload = () => { picture.hidden = chosen < 0; picture.dataset.there = "yes"; if (chosen >= 0) show(chosen); };
  sheet.src = data.thumbnails.url;

  function place() {
    const layer = data.layers[at];
    const far = Math.max(1e-9, ...layer.points.flat().map(Math.abs));
    points.forEach((point, i) => {
      const [x, y] = layer.points[i].map((value) => (250 * EDGE * value) / far);
      point.style.transform = `translate(${x.toFixed(1)}px, ${(-y).toFixed(1)}px)`;
      point.at = [x, -y];
    });
    title.textContent = layer.name;
    facts.replaceChildren(...layer.facts.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
    plane.setAttribute("aria-label", `${data.title}, ${layer.name}: ${layer.facts.map((fact) => fact.join(" ")).join(", ")}`);
    slider.setAttribute("aria-valuetext", layer.name);
    if (chosen >= 0) mark();
  }

  function mark() {
    ring.setAttribute("visibility", "visible");
    ring.style.transform = `translate(${points[chosen].at[0]}px, ${points[chosen].at[1]}px)`;
  }

  function show(index) {
    chosen = index;
    if (index < 0) {
      ring.setAttribute("visibility", "hidden");
      picture.hidden = true;
      words.textContent = "Point at an image, or choose one with the arrow keys.";
      return;
    }
    const { columns, rows } = data.thumbnails;
    const row = rows[index];
    picture.hidden = picture.dataset.there !== "yes";
    picture.style.backgroundImage = `url("${sheet.src}")`;
    picture.style.backgroundSize = `${128 * columns}px auto`;
    picture.style.backgroundPosition = `${-128 * (row % columns)}px ${-128 * Math.floor(row / columns)}px`;
    words.replaceChildren(html("b", {}, data.classes[data.labels[index]].name), html("small", {}, data.ids[index]));
    mark();
  }

  function nearest(event) {
    const box = plane.getBoundingClientRect();
    const scale = 500 / box.width;
    const [x, y] = [(event.clientX - box.left) * scale - 250, (event.clientY - box.top) * scale - 250];
    let best = -1;
    let least = (REACH * scale) ** 2;
    points.forEach((point, i) => {
      const distance = (point.at[0] - x) ** 2 + (point.at[1] - y) ** 2;
      if (distance < least && !hidden.has(data.labels[i])) [best, least] = [i, distance];
    });
    return best;
  }

  function filter() {
    points.forEach((point, i) => point.classList.toggle("off", hidden.has(data.labels[i])));
    [...classes.children].forEach((button, label) => button.setAttribute("aria-pressed", String(!hidden.has(label))));
  }

  data.classes.forEach((mark, label) => {
    const number = data.labels.filter((own) => own === label).length;
    const key = svg("svg", { viewBox: "-7 -7 14 14", "aria-hidden": "true" }, shape(mark, {}));
    const button = html("button", { type: "button" }, key, html("span", {}, `${mark.name} (${number})`));
    button.title = mark.name;
    button.onclick = () => { hidden.delete(label) || hidden.add(label); filter(); };
    classes.append(button);
  });
  for (const kind of ["SVG", "PNG"]) {
    const button = html("button", { type: "button" }, `Save as ${kind}`);
    button.onclick = () => saveEmbedding(plane, data, data.layers[at], kind);
    save.append(button);
  }
  slider.oninput = () => { at = Number(slider.value); place(); };
  plane.onpointermove = plane.onpointerdown = (event) => { const index = nearest(event); if (index >= 0) show(index); };
  plane.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") show(-1);
    if (!step) return;
    event.preventDefault();
    const shown = [...points.keys()].filter((i) => !hidden.has(data.labels[i]));
    const from = shown.indexOf(chosen);
    if (shown.length) show(shown[(from < 0 ? (step > 0 ? 0 : -1) : from + step + shown.length) % shown.length] ?? shown.at(-1));
  };
  root.classList.add("still"); // the first time, nothing flies in
  place();
  show(-1);
  filter();
  requestAnimationFrame(() => requestAnimationFrame(() => root.classList.remove("still")));
  return { depth: () => at, hidden };
}

function saveEmbedding(plane, data, layer, kind) {
  const style = getComputedStyle(plane);
  const lines = data.classes.length;
  const height = 565 + 20 * lines;
  const copy = svg("svg", { xmlns: SVG, viewBox: `-260 -290 520 ${height}`, width: 520, height, "font-family": "Arial, sans-serif",
    fill: style.color });
  copy.append(svg("rect", { x: -260, y: -290, width: 520, height, fill: style.backgroundColor }));
  copy.append(svg("text", { x: -250, y: -266, "font-size": 16 }, `${data.title}, ${layer.name}`));
  for (const point of plane.querySelectorAll(".point:not(.off)")) {
    copy.append(svg("path", { d: point.getAttribute("d"), fill: point.getAttribute("fill"), transform: `translate(${point.at})` }));
  }
  data.classes.forEach((mark, i) => {
    copy.append(svg("path", { d: SHAPES[mark.shape], fill: mark.colour, transform: `translate(-243,${266 + 20 * i})` }));
    copy.append(svg("text", { x: -230, y: 271 + 20 * i, "font-size": 14 }, mark.name));
  });
  const text = new XMLSerializer().serializeToString(copy);
  const drawing = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  if (kind === "SVG") return hand(drawing, `${data.file}.svg`);
  const image = new Image();
  image.onload = () => {
    const canvas = html("canvas", { width: 1040, height: 2 * height });
    canvas.getContext("2d").drawImage(image, 0, 0, 1040, 2 * height);
    canvas.toBlob((blob) => hand(URL.createObjectURL(blob), `${data.file}.png`), "image/png");
    URL.revokeObjectURL(drawing);
  };
  image.src = drawing;
}

function hand(url, name) {
  const link = html("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
