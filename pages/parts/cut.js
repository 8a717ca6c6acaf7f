// The cut in sentences, as tlcore/figures/cut_words.py says them. Pure functions.

export function waySentences(cut) {
  const runs = []; // of neighbouring phases that share a sentence
  cut.phases.forEach((way, place) => {
    const last = runs[runs.length - 1];
    if (last && kindOf(last.ways[0]) === kindOf(way)) last.ways.push(way);
    else runs.push({ ways: [way], from: place });
  });
  return runs.map(({ ways, from }) => {
    if (runs.length === 1) return wayText(ways);
    return `${ways.length === 1 ? `Phase ${from + 1}` : `Phases ${from + 1} to ${from + ways.length}`}: ${wayText(ways)}`;
  });
}

// What they have in common: the cut may move from one phase to the next.
function kindOf(way) {
  return JSON.stringify([way.kind, way.solver, way.views, way.cut === null, way.cut === "head", way.reason]);
}

export function solved(cut, phase) {
  return Boolean(cut && cut.phases[phase] && cut.phases[phase].solver === "lbfgs");
}

function wayText(ways) {
  const [way] = ways;
  const to = ways[ways.length - 1].cut;
  const sizes = new Map(ways.map((one) => [one.cut, one.bytes]));
  if (way.kind === "whole") return way.reason;
  let frozen = `All below ${way.cut}${to === way.cut ? "" : ` and then ${to}`} is frozen`;
  if (way.cut === "head") frozen = "The whole backbone is frozen";
  else if (sizes.size > 2) frozen = `All below the cut, which moves from ${way.cut} to ${to}, is frozen`;
  if (way.kind === "recomputed") return `${frozen} and computed again in each epoch. ${way.reason}`;
  const views = way.views > 1 ? `${way.views} augmented views of each picture` : "each picture";
  const text = `${frozen}: computed once for ${views} and kept (${memory([...sizes.values()].reduce((sum, size) => sum + size))}).`;
  return way.solver === "lbfgs" ? `${text} The head alone is a convex problem, solved by L-BFGS: an epoch is one round of up to 60 iterations.` : text;
}

export function memory(size) {
  for (const [factor, unit] of [[1e9, "GB"], [1e6, "MB"]]) {
    if (size >= factor) return `${size < 10 * factor ? Number((size / factor).toPrecision(2)) : Math.round(size / factor)} ${unit}`;
  }
  return `${Math.ceil(size / 1e3)} kB`;
}
