// Events of a run, folded into what is drawn. Pure functions; tlcore/figures/fold.py is the same in Python.

export function emptyRun() {
  return { state: null, error: null, plan: null, progress: null, notices: [], steps: [], epochs: [], source: null, step: null, resumed: 0 };
}

// Takes the events into `run`, in order, and returns it. Events that a lost run repeats after it resumed replace the
// earlier ones: what is past the checkpoint was never part of the run that went on.
export function fold(run, events) {
  for (const event of events) {
    if (event.type === "state") {
      run.state = event.state;
      run.error = event.error || null;
    } else if (event.type === "progress") {
      run.progress = event;
    } else if (event.type === "notice") {
      if (!run.notices.some((notice) => notice.text === event.text)) run.notices.push(event);
    } else if (event.type === "plan") {
      run.plan = event;
      run.progress = null;
    } else if (event.type === "source") {
      run.source = event.sources;
    } else if (event.type === "step") {
      forget(run, event.step - 1);
      run.steps.push([event.step, event.loss]);
      run.step = event;
      run.progress = null;
    } else if (event.type === "epoch") {
      run.epochs = run.epochs.filter((known) => known.epoch < event.epoch);
      run.epochs.push(event);
      run.progress = null;
    } else if (event.type === "resumed") {
      forget(run, event.step);
      run.resumed += 1;
    }
  }
  return run;
}

// Drops what was reported past `step`. An epoch's event belongs to the step at its end.
function forget(run, step) {
  while (run.steps.length && run.steps[run.steps.length - 1][0] > step) run.steps.pop();
  while (run.epochs.length && run.epochs[run.epochs.length - 1].step > step) run.epochs.pop();
}

// Where a step lies on an axis of epochs. Epochs differ in steps: one of a solved head has a single one.
export function inEpochs(run) {
  const ends = [[0, 0], ...run.epochs.map((event) => [event.step, event.epoch + 1])];
  const phases = run.plan.plan.phases;
  const sum = (list) => list.reduce((total, phase) => total + phase.epochs, 0);
  const rounds = sum(phases.filter((_, place) => solved(run.plan.cut, place)));
  const others = sum(phases) - rounds;
  const perEpoch = others ? (run.plan.steps - rounds) / others : 1;
  return (step) => {
    const place = ends.findIndex((end) => end[0] >= step);
    if (place === 0) return 0;
    const [before, epoch] = place < 0 ? ends[ends.length - 1] : ends[place - 1];
    return epoch + (step - before) / (place < 0 ? perEpoch : ends[place][0] - before);
  };
}

// The training loss over the epochs: of each step or round, and averaged where there are steps to average.
export function trainingLoss(run) {
  const rounds = run.epochs.filter((event) => solved(run.plan.cut, event.phase));
  const until = rounds.length ? rounds[rounds.length - 1].step : 0;
  const at = inEpochs(run);
  const ofRounds = rounds.map((event) => [event.epoch + 1, event.train.loss]);
  const ofSteps = thin(run.steps.filter(([step]) => step > until).map(([step, loss]) => [at(step), loss]));
  return { each: [...ofRounds, ...ofSteps], averaged: [...ofRounds, ...smooth(ofSteps)] };
}

// What is known of a source: before training, then after each epoch. An epoch that did not look has no point.
export function sourceLine(run, name) {
  const before = run.source && run.source[name] ? [[0, run.source[name].value]] : [];
  const after = run.epochs.filter((event) => event.source && event.source[name]).map((event) => [event.epoch + 1, event.source[name].value]);
  return [...before, ...after].filter((point) => Number.isFinite(point[1]));
}

// At most `limit` points: neighbours become one, at the mean of both coordinates. Points that are no number are left out.
export function thin(points, limit = 1000) {
  const real = points.filter((point) => Number.isFinite(point[1]));
  const size = Math.ceil(real.length / limit);
  if (size <= 1) return real;
  const thinned = [];
  for (let i = 0; i < real.length; i += size) {
    const part = real.slice(i, i + size);
    thinned.push([mean(part.map((point) => point[0])), mean(part.map((point) => point[1]))]);
  }
  return thinned;
}

// The exponential average that starts without a bias towards 0; `memory` points back weigh 1/e.
export function smooth(points, memory = 12) {
  const keep = Math.exp(-1 / memory);
  let sum = 0;
  let weight = 0;
  return points.map(([x, y]) => {
    sum = keep * sum + (1 - keep) * y;
    weight = keep * weight + (1 - keep);
    return [x, sum / weight];
  });
}

// Round tick values that cover [low, high], about `wanted` of them.
export function ticks(low, high, wanted = 4) {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) values.push(Number((i * step).toPrecision(12)));
  return values;
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
