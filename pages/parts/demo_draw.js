// The demo's screen: an image with its maps, the classes, the score. It draws what it is told and keeps nothing.

export function drawDemo(data, keys, press) {
  const { images, classes, models } = data;
  const two = models.length > 1;
  const names = models.map((model) => (two ? model.name : "Model"));
  const count = html("span", { class: "count" });
  const tally = html("div", { class: "tally" });
  const picture = figureOf("picture");
  const shownMaps = models.map((_, m) => figureOf(`map model-${m}`));
  const question = html("h2");
  const rows = classes.map((name, i) => classRow(name, i));
  const verdict = html("div", { class: "verdict", role: "status", "aria-live": "polite" });
  const last = html("section", { class: "last" });
  const hints = html("p", { class: "hint", role: "alert" });
  const stage = html("main", {},
    html("div", { class: `pictures of-${models.length}` }, picture.node, ...shownMaps.map((one) => one.node)),
    html("div", { class: "answers" }, question, html("ol", { class: "classes" }, ...rows.map((row) => row.node)), verdict));
  const legend = html("div", { class: "keys" });
  const dialog = html("dialog", { class: "demo", tabindex: "-1", "aria-label": data.title },
    html("header", {}, count, tally), stage, last, hints,
    html("footer", {}, legend, data.banner ? html("p", { class: "banner" }, data.banner) : null));
  dialog.style.setProperty("--rows", classes.length);

  function figureOf(kind) {
    const image = html("img", { alt: "" });
    const words = html("figcaption");
    return { node: html("figure", { class: kind }, image, words), image, words };
  }

  function classRow(name, i) {
    const marks = html("span", { class: "marks" });
    const bars = models.map((_, m) => html("i", { class: `bar model-${m}` }));
    const key = keys[i] === null ? html("kbd", { class: "none" }) : html("kbd", {}, keys[i]);
    const node = html("li", {}, key, html("span", { class: "name" }, name), marks, html("span", { class: "bars" }, ...bars));
    if (keys[i] !== null) node.addEventListener("click", () => press(keys[i])); // reached by a finger alone: see the style
    return { node, marks, bars };
  }

  function keysShown(shown, ended) {
    const guessing = [[keys.filter((key) => key !== null).length ? `${keys[0]}–${keys.filter(Boolean).at(-1)}` : null, "guess", null],
      ["↑ ↓", "guess", "ArrowDown"], ["Space", "reveal", " "]];
    const looking = [["Space", "next", " "], ["M", "maps on, off", "m"]];
    const told = ended ? [["N", "once more", "n"]] : shown ? looking : guessing;
    const always = [["←", "back", "ArrowLeft"], ["F", "full screen", "f"], ["Esc", "leave", "Escape"]];
    legend.replaceChildren(...[...told, ...always].filter(([key]) => key !== null).map(([key, words, means]) => {
      const node = html("span", { class: "key" }, html("kbd", {}, key), ` ${words}`);
      if (means !== null) node.addEventListener("click", () => press(means));
      return node;
    }));
  }

  const bar = ({ colours, low, high }) => html("span", { class: "scale" }, low,
    html("i", { style: `background: linear-gradient(to right, ${colours.join(", ")})` }), high);

  const tag = (words, kind) => html("span", { class: `tag ${kind}` }, words);

  function top(at, now) {
    count.textContent = at === null ? "The score" : `${at + 1} of ${images.length}`;
    tally.replaceChildren(...(at === null || !now.of ? [] : [...sides(now).map(([name, points, kind]) =>
      html("span", { class: kind }, html("span", { class: "who" }, name), ` ${points}`)), html("span", { class: "of" }, `of ${now.of}`)]));
  }

  function sides(now) {
    return [["Room", now.room, "room"], ...names.map((name, m) => [name, now.models[m], `model-${m}`])];
  }

  function image(one, { guess, shown, maps }) {
    stage.hidden = false;
    last.hidden = true;
    dialog.classList.toggle("shown", shown && maps);
    if (picture.image.getAttribute("src") !== one.picture) picture.image.src = one.picture;
    picture.image.alt = shown ? `An image of the class ${classes[one.truth]}` : "The image to guess";
    shownMaps.forEach(({ node, image: drawn, words }, m) => {
      node.hidden = !(shown && maps);
      const map = one.maps[m];
      if (map !== null && drawn.getAttribute("src") !== map.drawn) drawn.src = map.drawn;
      drawn.alt = map === null ? "" : `Where the network looks: ${models[m].name}`;
      drawn.hidden = map === null;
      const about = two ? `${models[m].name}: ` : "";
      words.replaceChildren(html("span", {}, map === null ? `${about}no map was made.` : `${about}${map.words}`), map === null ? "" : bar(data.scale));
    });
    question.textContent = shown ? `The truth: ${classes[one.truth]}` : "What is it?";
    rows.forEach(({ node, marks, bars }, i) => {
      node.classList.toggle("guessed", guess === i && !shown);
      node.classList.toggle("truth", shown && one.truth === i);
      const said = names.map((name, m) => (one.answers[m].predicted === i ? tag(name, `model-${m}`) : null));
      const tags = [one.truth === i ? tag("Truth", "true") : null, guess === i ? tag("Room", "room") : null, ...said];
      marks.replaceChildren(...(shown ? tags.filter(Boolean) : []));
      bars.forEach((bar, m) => { bar.style.width = shown ? `${100 * one.answers[m].probabilities[i]}%` : "0"; });
    });
    rows[guess ?? 0].node.scrollIntoView({ block: "nearest" });
    verdict.replaceChildren(...(!shown ? [] : lines(one, guess)));
    keysShown(shown, false);
  }

  function lines(one, guess) {
    const line = (right, words, kind) => html("p", { class: kind }, html("b", {}, right ? "✓" : "✗"), ` ${words}`);
    const room = guess === one.truth;
    const found = guess === null ? [] : [line(room, room ? "The room is right" : `The room said ${classes[guess]}`, "room")];
    return [...found, ...models.map((model, m) => {
      const { predicted, probabilities } = one.answers[m];
      const right = predicted === one.truth;
      const sure = `${percent(probabilities[predicted], 0)} sure`;
      const name = two ? model.name : "The model";
      return line(right, right ? `${name} is right, ${sure}` : `${name} said ${classes[predicted]}, ${sure}`, `model-${m}`);
    })];
  }

  function end(now) {
    stage.hidden = true;
    last.hidden = false;
    dialog.classList.remove("shown");
    last.replaceChildren(
      html("h2", {}, now.of ? `Of ${now.of} ${now.of === 1 ? "image" : "images"} that the room guessed` : "The room guessed no image"),
      html("dl", {}, ...(now.of ? sides(now) : []).flatMap(([name, points, kind]) =>
        [html("dt", { class: kind }, name), html("dd", { class: kind }, String(points))])),
      html("p", {}, data.telling));
    keysShown(false, true);
  }

  return { dialog, top, image, end, hint: (words) => { hints.textContent = words; } };
}
