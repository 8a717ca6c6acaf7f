// The stack: layer groups as slabs, the head on top and the image at the bottom, a column for each phase.
// `plan` is Plan.as_dict() of tlcore/strategies/plan.py, `cut` what tlcore/README.md says of it, or null. Returns a function that shows where a run stands.

const DENSE = 4; // phases
const HEAD = "head"; // as in tlcore/groups.py
const DECADES = 3; // as in tlcore/figures/palette.py
const LINE_SEARCH = "line search"; // in place of a rate, where L-BFGS finds its own

function opacity(rate, peak) {
  if (rate === null || rate === undefined) return 0.22;
  return 0.22 + 0.4 * Math.min(1, Math.max(0, 1 + Math.log10(rate / peak) / DECADES));
}

// How far a group has moved, as the filled share of its slab: 0.01 % is empty, 100 % is full, a tenfold is a quarter.
function filled(drift) {
  return drift > 0 ? Math.min(1, Math.max(0, 1 + Math.log10(drift) / 4)) : 0;
}

function epochsText(first, count) {
  return count === 1 ? `epoch ${first}` : `epochs ${first}–${first + count - 1}`;
}

function normText(mode) {
  return mode === "train" ? "BN follows the images" : "BN fixed";
}

const PARTS = { norms: "norm layers", biases: "biases", adapters: "adapters" }; // as `Moves` in tlcore/groups.py

// What of a group moves where that is not the whole group, or null: `only its adapters, 12,288 of 2.1 M weights`.
function partOf(plan, phase, group) {
  const what = PARTS[phase.moves];
  if (!what || group.name === HEAD || (phase.rates[group.name] ?? null) === null) return null;
  const whole = group.params + ((plan.adapters ?? {})[group.name] ?? 0);
  return { note: `${what} only`, words: `only its ${what}, ${plan.moving_params[group.name].toLocaleString("en-GB")} of ${shortCount(whole)} weights` };
}

// Places in a list of phases, in words: [2, 3, 4] of 5 is "from 3", all of them "all".
function phasesText(indices, count) {
  if (indices.length === count) return "all";
  const first = indices[0] + 1;
  const last = indices[indices.length - 1] + 1;
  if (last - first + 1 > indices.length) return indices.map((index) => index + 1).join(", ");
  if (first === last) return String(first);
  return last === count ? `from ${first}` : `${first}–${last}`;
}

// What becomes of the layers below the cut, in a few words.
function wayNote(way) {
  return way.kind === "kept" ? "computed once" : "each epoch anew";
}

// What a dense stack has no room for, a row for each group. Returns the rows' cells that change.
function drawNumbers(parent, plan, live, cut) {
  const changing = {};
  const rate = html("th", { scope: "col" }, "Peak rate");
  const heads = [html("th", { scope: "col" }, "Group"), html("th", { scope: "col" }, "Phases"), rate, html("th", { scope: "col" }, "BatchNorm")];
  if (live) heads.push(html("th", { scope: "col" }, "Moved"));
  const body = html("tbody");
  for (const group of [...plan.groups].reverse()) {
    const rates = plan.phases.map((phase) => phase.rates[group.name] ?? null);
    const trains = rates.flatMap((value, index) => (value === null ? [] : [index]));
    const follows = plan.phases.flatMap((phase, index) => (phase.batchnorm[group.name] === "train" ? [index] : []));
    const stepped = rates.filter((value, index) => value !== null && !solved(cut, index));
    const shown = [...new Set(stepped.sort((a, b) => a - b).map(rateText))];
    const span = shown.length > 1 ? `${shown[0]} to ${shown[shown.length - 1]}` : shown[0];
    const searched = stepped.length < trains.length; // in some phase it is solved
    const peak = html("td", {}, searched ? [LINE_SEARCH, span].filter(Boolean).join(", then ") : (span ?? "frozen"));
    const part = trains.length ? partOf(plan, plan.phases[trains[0]], group) : null;
    const moved = live ? html("td", {}, trains.length ? "–" : "0") : null;
    const norm = !group.batchnorms ? "none" : !follows.length ? "fixed" : follows.length === rates.length ? "follows" : `follows: ${phasesText(follows, rates.length)}`;
    body.append(html("tr", {}, html("th", { scope: "row" }, group.name, part ? html("small", {}, part.note) : null), html("td", {}, trains.length ? phasesText(trains, rates.length) : "none"), peak, html("td", {}, norm), moved));
    changing[group.name] = { peak, moved };
  }
  const about = html("caption", {}, "Each layer group in numbers: the phases in which it trains, at which rate, and what its BatchNorm does.");
  parent.append(html("table", { class: "numbers" }, about, html("thead", {}, html("tr", {}, ...heads)), body));
  return { rate, changing };
}

export function drawStack(parent, plan, options = {}) {
  const { live = false, image = "image", cut = null } = options;
  const ways = plan.phases.map((_, index) => (cut && cut.phases[index] && cut.phases[index].cut ? cut.phases[index] : null));
  const peak = Math.max(...plan.phases.flatMap((phase) => Object.values(phase.rates).filter((rate) => rate !== null)));
  const several = plan.phases.length > 1;
  const dense = plan.phases.length > DENSE; // then a cell has no room for words: they are in its title, and in the table under the stack
  const cells = []; // [phase][group name] -> the parts that change
  const heads = [];

  const table = html("table", { class: `stack${several ? " several" : ""}${dense ? " dense" : ""}${plan.phases.length === 2 ? " two" : ""}${live ? " live" : ""}` });
  const about = "The network's layer groups, from the head at the top to the image at the bottom; each column is a phase.";
  table.append(html("caption", {}, about));
  const titles = html("tr", {}, html("th", { scope: "col" }, html("span", { class: "hidden" }, "Layer group")));
  let epoch = 1;
  plan.phases.forEach((phase, index) => {
    const when = epochsText(epoch, phase.epochs);
    const name = dense ? String(index + 1) : several ? `${index + 1}. ${phase.name}` : phase.name;
    const title = `Phase ${index + 1}, ${phase.name}: ${when}`;
    const head = html("th", { scope: "col", title }, html("b", {}, name), html("small", {}, dense ? when.replace(/^epochs? /, "ep. ") : when));
    heads.push(head);
    titles.append(head);
    cells.push({});
    epoch += phase.epochs;
  });
  table.append(html("thead", {}, titles));

  const body = html("tbody");
  const total = plan.groups.reduce((sum, group) => sum + group.params, 0);
  const below = ways.map(() => false); // whether the row is below the phase's cut
  for (const group of [...plan.groups].reverse()) {
    const share = html("i", { class: "share", style: `width:${Math.max(1, (100 * group.params) / total)}%` });
    const level = dense || group.level === group.name ? "" : ` · ${group.level}`;
    const title = `${group.name}: ${group.params.toLocaleString("en-GB")} parameters, ${percent(group.params / total)} of all`;
    const row = html(
      "tr",
      {},
      html("th", { scope: "row", title }, html("b", {}, group.name), html("small", {}, shortCount(group.params) + level), share),
    );
    plan.phases.forEach((phase, index) => {
      const rate = phase.rates[group.name];
      const frozen = rate === null || rate === undefined;
      const norm = group.batchnorms ? normText(phase.batchnorm[group.name]) : "";
      const value = html("b", {}, rateText(rate));
      const way = ways[index];
      const searched = !frozen && solved(cut, index);
      if (searched) value.textContent = LINE_SEARCH;
      const part = partOf(plan, phase, group);
      const note = html("small", {}, below[index] ? wayNote(way) : [part?.note, norm].filter(Boolean).join(" · "));
      const bar = html("i", { class: "bar" });
      const moves = searched ? "solved by L-BFGS, whose line search takes the place of a rate" : `trains at a peak rate of ${rateText(rate)}`;
      const words = [`${group.name}, ${phase.name}: ${frozen ? "frozen" : moves}`, part?.words, norm, below[index] ? wayNote(way) : ""];
      const slab = html("div", { class: `slab ${frozen ? "ice" : part ? "warm part" : "warm"}`, title: words.filter(Boolean).join("; ") }, bar, value, note);
      slab.style.setProperty("--much", `${100 * opacity(rate, peak)}%`);
      cells[index][group.name] = { slab, value, note, bar, norm, frozen, searched };
      const border = way && way.cut === group.name;
      row.append(html("td", border ? { class: `cut ${way.kind}` } : {}, slab));
      below[index] ||= Boolean(border);
    });
    body.append(row);
  }
  table.append(body);
  const picture = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
  picture.append(svg("path", { d: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 6M15.5 9.5h.01" }));
  const foot = html("tr", {}, html("th", { scope: "row" }), html("td", { colspan: plan.phases.length, class: "image" }, picture, image));
  table.append(html("tfoot", {}, foot));
  parent.replaceChildren(table);
  const numbers = dense ? drawNumbers(parent, plan, live, cut) : null;
  const key = html("p", { class: "key" }, html("i", { class: "share" }), "its share of all parameters");
  const parts = new Set(plan.phases.flatMap((phase) => PARTS[phase.moves] ?? []));
  for (const what of parts) key.append(html("br"), html("i", { class: "stripes" }), `striped: of the group only its ${what} move`);
  const scale = "how far its weights have moved, relative to their size (empty at 0.01 %, full at 100 %, each tenfold a quarter); the head is the task's own, so it has none";
  if (live) key.append(html("br"), html("i", { class: "bar" }), scale);
  const kinds = new Set(ways.flatMap((way) => (way ? [way.kind] : [])));
  const meanings = { kept: "the cut: what is below it is computed once for each picture and kept", recomputed: "a cut below which each epoch computes anew" };
  for (const [kind, meaning] of Object.entries(meanings)) if (kinds.has(kind)) key.append(html("br"), html("i", { class: `cutline ${kind}` }), meaning);
  parent.append(key);

  // `phase`: the index of the one that runs; `rates`: as they are now; `drift`: how far each group has moved.
  return function show({ phase = null, rates = null, drift = null }) {
    if (numbers) showNumbers(numbers, rates, drift, phase !== null && solved(cut, phase));
    plan.phases.forEach((_, index) => {
      heads[index].classList.toggle("now", index === phase && several);
      heads[index].classList.toggle("past", phase !== null && index < phase);
      for (const [name, cell] of Object.entries(cells[index])) {
        const now = index === phase;
        cell.slab.classList.toggle("dim", phase !== null && !now);
        if (!now || cell.frozen) continue;
        if (!cell.searched && rates && rates[name] !== null && rates[name] !== undefined) cell.value.textContent = rateText(rates[name]);
        if (drift && drift[name] !== undefined && drift[name] !== null) {
          const own = name === HEAD; // most often it is new, and has no weights to move away from
          cell.bar.style.width = own ? 0 : `${100 * filled(drift[name])}%`;
          cell.note.textContent = own ? "the task's own" : `moved ${percent(drift[name], 2)}`;
        }
      }
    });
  };
}

function showNumbers({ rate, changing }, rates, drift, searched) {
  if (rates) rate.textContent = "Rate now";
  for (const [name, { peak, moved }] of Object.entries(changing)) {
    if (rates) peak.textContent = searched && Number.isFinite(rates[name]) ? LINE_SEARCH : rateText(rates[name]);
    if (moved && drift && Number.isFinite(drift[name])) moved.textContent = name === HEAD ? "the task's own" : drift[name] > 0 ? percent(drift[name], 2) : "0";
  }
}
