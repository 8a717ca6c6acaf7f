// The cut in sentences, as tlcore/figures/cut_words.py says them. Pure functions.

export function waySentences(cut) {
  const runs = [];
  cut.phases.forEach((way, place) => {
    const last = runs[runs.length - 1];
    if (last && JSON.stringify(last.way) === JSON.stringify(way)) last.until = place;
    else runs.push({ way, from: place, until: place });
  });
  return runs.map(({ way, from, until }) => {
    if (runs.length === 1) return wayText(way);
    return `${from === until ? `Phase ${from + 1}` : `Phases ${from + 1} to ${until + 1}`}: ${wayText(way)}`;
  });
}

export function solved(cut, phase) {
  return Boolean(cut && cut.phases[phase] && cut.phases[phase].solver === "lbfgs");
}

function wayText(way) {
  if (way.kind === "whole") return way.reason;
  const frozen = way.cut === "head" ? "The whole backbone is frozen" : `All below ${way.cut} is frozen`;
  if (way.kind === "recomputed") return `${frozen} and computed again in each epoch. ${way.reason}`;
  const views = way.views > 1 ? `${way.views} augmented views of each picture` : "each picture";
  const text = `${frozen}: computed once for ${views} and kept (${memory(way.bytes)}).`;
  return way.solver === "lbfgs" ? `${text} The head alone is a convex problem, solved by L-BFGS: an epoch is one round of 20 iterations.` : text;
}

export function memory(size) {
  for (const [factor, unit] of [[1e9, "GB"], [1e6, "MB"]]) {
    if (size >= factor) return `${size < 10 * factor ? Number((size / factor).toPrecision(2)) : Math.round(size / factor)} ${unit}`;
  }
  return `${Math.ceil(size / 1e3)} kB`;
}
