// The stack: layer groups as slabs, the head on top and the image at the bottom, a column for each phase.
// `plan` is Plan.as_dict() of tlcore/strategies/plan.py. Returns a function that shows where a run stands.

const DENSE = 4; // phases
const DECADES = 3; // as in tlcore/figures/palette.py

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

export function drawStack(parent, plan, options = {}) {
  const { live = false, image = "image" } = options;
  const peak = Math.max(...plan.phases.flatMap((phase) => Object.values(phase.rates).filter((rate) => rate !== null)));
  const several = plan.phases.length > 1;
  const dense = plan.phases.length > DENSE; // then a cell has no room for words: they are in its title, rates beside the names
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
  for (const group of [...plan.groups].reverse()) {
    const share = html("i", { class: "share", style: `width:${Math.max(1, (100 * group.params) / total)}%` });
    const rates = plan.phases.map((phase) => phase.rates[group.name]).filter((rate) => rate !== null && rate !== undefined);
    const most = rates.length ? rateText(Math.max(...rates)) : "frozen";
    const level = dense ? ` · ${most}` : group.level === group.name ? "" : ` · ${group.level}`;
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
      const note = html("small", {}, norm);
      const bar = html("i", { class: "bar" });
      const words = `${group.name}, ${phase.name}: ${frozen ? "frozen" : `trains at a peak rate of ${rateText(rate)}`}`;
      const slab = html("div", { class: `slab ${frozen ? "ice" : "warm"}`, title: norm ? `${words}; ${norm}` : words }, bar, value, note);
      slab.style.setProperty("--much", `${100 * opacity(rate, peak)}%`);
      cells[index][group.name] = { slab, value, note, bar, norm, frozen };
      row.append(html("td", {}, slab));
    });
    body.append(row);
  }
  table.append(body);
  const picture = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
  picture.append(svg("path", { d: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 6M15.5 9.5h.01" }));
  const foot = html("tr", {}, html("th", { scope: "row" }), html("td", { colspan: plan.phases.length, class: "image" }, picture, image));
  table.append(html("tfoot", {}, foot));
  parent.replaceChildren(table);

  // `phase`: the index of the one that runs; `rates`: as they are now; `drift`: how far each group has moved.
  return function show({ phase = null, rates = null, drift = null }) {
    plan.phases.forEach((_, index) => {
      heads[index].classList.toggle("now", index === phase && several);
      heads[index].classList.toggle("past", phase !== null && index < phase);
      for (const [name, cell] of Object.entries(cells[index])) {
        const now = index === phase;
        cell.slab.classList.toggle("dim", phase !== null && !now);
        if (!now || cell.frozen) continue;
        if (rates && rates[name] !== null && rates[name] !== undefined) cell.value.textContent = rateText(rates[name]);
        if (drift && drift[name] !== undefined && drift[name] !== null) {
          cell.bar.style.width = `${100 * filled(drift[name])}%`;
          cell.note.textContent = `moved ${percent(drift[name], 2)}`;
        }
      }
    });
  };
}
