// The live view of a run: asks the server for the events since the last ones, folds them, draws. The page does not rerun.

const QUICK = 500; // milliseconds between two questions
const NEAR = 100; // while the end is near: what a short run takes is then what a person waits
const NEAR_SECONDS = 3; // from the end
const HIDDEN = 5000; // while nobody looks
const PATIENCE = 12; // a server that took long to answer is left alone for so many times as long
const ENDED = ["done", "failed", "cancelled", "lost"];
const views = new WeakMap();

const METRICS = { accuracy: "Accuracy", balanced_accuracy: "Balanced accuracy", auroc: "AUROC", f1: "F1 (mean of the classes)" };

const STAGES = ["Data", "Network", "Frozen layers", "Training", "Test"];
const FROZEN = 2;
const BEGINNINGS = [["Building", 1], ["Deciding", FROZEN], ["Computing the frozen", FROZEN], ["Waiting for another run that computes", FROZEN],
  ["Validating", 3], ["Testing", 4], ["Computing intervals", 4]]; // of what is being done -> its stage

// The stage that a run is in, `before` being the one that it was in: weights are fetched as data are.
function stageOf(run, before) {
  if (run.progress && run.progress.what.startsWith(LOOKING)) return run.epochs.length || run.step ? 3 : Math.max(before, 1);
  if (!run.progress) return run.step ? 3 : run.plan ? FROZEN : before;
  const known = BEGINNINGS.find(([words]) => run.progress.what.startsWith(words));
  return known ? known[1] : Math.min(before, 1);
}

const LOOKING = "Asking what it still knows"; // of a source: before training, and after each epoch
const DASHES = ["", "7 4", "2 4", "9 3 2 3"]; // of the sources, in their order

// What a model gets that always names the largest class.
function baseline(metric, plan) {
  const classes = plan.classes.length;
  const share = plan.majority_baseline;
  if (share === null) return null; // a validation split without images
  if (metric === "accuracy") return share;
  if (metric === "balanced_accuracy") return 1 / classes;
  if (metric === "f1") return (2 * share) / (1 + share) / classes;
  return 0.5;
}

export default function (component) {
  const root = component.parentElement.querySelector(".live");
  const known = views.get(root);
  if (known && known.id === component.data.id) {
    known.component = component;
    known.paint();
    return known.stop;
  }
  if (known) known.stop();
  const view = start(root, component);
  views.set(root, view);
  return view.stop;
}

function start(root, component) {
  const view = { id: component.data.id, component };
  const part = (name) => root.querySelector(`.${name}`);
  let run = emptyRun();
  let since = 0;
  let timer = null;
  let stopped = false;
  let told = false;
  let place = null;
  let waitsFor = null;
  let unreachable = 0;
  let show = null;
  let drawnPlan = "";
  let stage = 0;
  let metric = "accuracy";
  let measured = "";

  root.style.setProperty("--ice", component.data.ice);
  root.style.setProperty("--warm", component.data.warm);
  const choice = part("choose");
  for (const [name, title] of Object.entries(METRICS)) choice.append(html("option", { value: name }, title));
  choice.onchange = () => {
    metric = choice.value;
    paint();
  };

  // AUROC is a number between 0 and 1, the others are shares.
  function inWords(value) {
    return metric === "auroc" ? decimal(value) : percent(value);
  }

  function interval() {
    if (document.hidden) return HIDDEN;
    const near = run.state === "running" && run.step && run.step.seconds_left !== null && run.step.seconds_left < NEAR_SECONDS;
    return near ? NEAR : QUICK;
  }

  async function ask() {
    const asked = performance.now();
    try {
      const answer = await fetch(`api/runs/${encodeURIComponent(view.id)}/events?since=${since}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const news = await answer.json();
      if (stopped) return;
      if (news.next < since) run = emptyRun();
      since = news.next;
      fold(run, news.events);
      run.state = news.state;
      run.error = news.error;
      place = news.place;
      waitsFor = news.waits_for;
      unreachable = 0;
    } catch {
      unreachable += 1;
    }
    if (stopped) return;
    paint();
    if (ENDED.includes(run.state) && !unreachable) {
      if (!told) view.component.setTriggerValue("ended", run.state);
      told = true;
      return;
    }
    const took = performance.now() - asked;
    timer = setTimeout(ask, Math.max(interval(), took * PATIENCE, unreachable ? 2000 : 0));
  }

  function status() {
    if (unreachable > 2) return "The server does not answer. What was reported is kept; this view goes on when it is back.";
    if (run.state === "queued") {
      if (waitsFor) return waitsFor;
      if (!place || place === 1) return "Next in the queue: it starts as soon as the worker is ready.";
      return `Waiting: ${place - 1} ${place === 2 ? "run" : "runs"} before yours.`;
    }
    if (ENDED.includes(run.state)) return run.state === "done" ? "Done." : `The run is ${run.state}.`;
    if (run.progress) return `${run.progress.what.replace(/view \d+$/, (view) => `${view} of ${mostViews()}`)}…`;
    if (!run.plan) return run.state === "running" ? "Starting…" : "Looking for the run…";
    if (!run.step) return "Getting ready for the first step…";
    const phases = run.plan.plan.phases;
    const phase = phases[run.step.phase];
    const epochs = phases.reduce((sum, one) => sum + one.epochs, 0);
    const which = phases.length > 1 ? `, phase ${run.step.phase + 1} of ${phases.length} (${phase.name})` : "";
    const doing = solved(run.plan.cut, run.step.phase) ? "Solving the head by L-BFGS" : "Training";
    return `${doing}: epoch ${run.step.epoch + 1} of ${epochs}${which}.`;
  }

  function mostViews() {
    return run.plan && run.plan.cut ? Math.max(...run.plan.cut.phases.map((way) => way.views)) : 1;
  }

  function onlySolved() {
    return run.plan.plan.phases.every((_, place) => solved(run.plan.cut, place));
  }

  function stages() {
    const keeps = !run.plan || (run.plan.cut && run.plan.cut.phases.some((way) => way.bytes));
    return STAGES.flatMap((name, place) => {
      if (place === FROZEN && !keeps) return [];
      const over = run.state === "done" || place < stage;
      const now = place === stage && run.state === "running";
      return [html("li", now ? { class: "now", "aria-current": "step" } : { class: over ? "past" : "" }, name)];
    });
  }

  function bar() {
    if (run.progress) return run.progress.total ? run.progress.done / run.progress.total : null;
    return run.step ? run.step.step / run.step.steps : run.state === "queued" ? 0 : null;
  }

  function facts() {
    const list = [];
    const progress = run.progress;
    if (progress && progress.unit) {
      const scale = progress.unit === "bytes" ? 1e6 : 1;
      const number = (value) => (scale > 1 ? (value / scale).toFixed(1) : value.toLocaleString("en-GB"));
      const unit = scale > 1 ? "MB" : progress.unit;
      list.push([progress.total ? `${number(progress.done)} of ${number(progress.total)}` : number(progress.done), unit]);
    } else if (run.step) {
      list.push([`${run.step.step.toLocaleString("en-GB")} of ${run.step.steps.toLocaleString("en-GB")}`, onlySolved() ? "rounds" : "steps"]);
      // Looks at features on a shelf have nothing to do with images that go through layers.
      if (run.step.images_per_second && !solved(run.plan.cut, run.step.phase)) list.push([Math.round(run.step.images_per_second).toLocaleString("en-GB"), "images/s"]);
      if (run.step.seconds_left !== null && run.state === "running") list.push([duration(run.step.seconds_left), "left"]);
    }
    const last = run.epochs[run.epochs.length - 1];
    if (last && last.val[metric] !== null && last.val[metric] !== undefined) list.push([inWords(last.val[metric]), METRICS[metric].toLowerCase().replace("auroc", "AUROC")]);
    const known = knownNow();
    if (known) list.push([percent(known.now), `of the source, ${percent(known.before)} before`]);
    return list;
  }

  // The first source with labels, else the first: before training and now. Null where nothing was asked since.
  function knownNow() {
    const asked = Object.entries((run.plan && run.plan.source) || {});
    const one = asked.find(([, about]) => about.measure === "accuracy") || asked[0];
    const points = one ? sourceLine(run, one[0]) : [];
    return points.length > 1 ? { before: points[0][1], now: points[points.length - 1][1] } : null;
  }

  function paint() {
    stage = stageOf(run, stage);
    part("stages").replaceChildren(...stages());
    part("status").textContent = status();
    const done = bar();
    const gauge = part("gauge");
    gauge.classList.toggle("unknown", done === null && !ENDED.includes(run.state));
    gauge.firstElementChild.style.width = `${100 * (done ?? 0)}%`;
    gauge.setAttribute("aria-valuenow", Math.round(100 * (done ?? 0)));
    part("facts").replaceChildren(...facts().map(([value, unit]) => html("span", {}, html("b", {}, value), ` ${unit}`)));
    part("notices").replaceChildren(...run.notices.map((notice) => html("li", { class: notice.level }, notice.text)));
    part("panels").hidden = !run.plan;
    if (run.plan) charts();
  }

  function charts() {
    const plan = run.plan;
    const asText = JSON.stringify([plan.plan, plan.cut]);
    if (asText !== drawnPlan) {
      show = drawStack(part("tower"), plan.plan, { live: true, cut: plan.cut ?? null });
      part("ways").replaceChildren(...(plan.cut ? waySentences(plan.cut) : []).map((sentence) => html("li", {}, sentence)));
      drawnPlan = asText;
    }
    const last = run.epochs[run.epochs.length - 1];
    show({ phase: run.step ? run.step.phase : null, rates: run.step && run.step.rates, drift: last && last.drift });

    // Redrawn only when there is something new: a chart is the costly part of a tick.
    const now = `${run.steps.length} ${run.epochs.length} ${metric} ${run.source ? 1 : 0} ${part("loss").clientWidth} ${part("metric").clientWidth}`;
    if (now === measured) return;
    measured = now;
    const colours = view.component.data;
    const phases = plan.plan.phases;
    const epochs = phases.reduce((sum, one) => sum + one.epochs, 0);
    const marks = [];
    let begun = 0;
    phases.forEach((phase, i) => {
      if (phases.length > 1) marks.push({ at: begun, label: phase.name, short: String(i + 1) });
      begun += phase.epochs;
    });
    const { each, averaged } = trainingLoss(run);
    const rounds = onlySolved(); // a point for each, and nothing to average
    const training = rounds
      ? [{ label: "training", points: each, colour: colours.train, dots: true }]
      : [
          { points: each, colour: colours.train, width: 1, faint: true },
          { label: "training, averaged", points: averaged, colour: colours.train },
        ];
    const validated = (pick) => run.epochs.map((one) => [one.epoch + 1, pick(one)]).filter((point) => Number.isFinite(point[1]));
    const best = run.epochs.map((one) => one.best).lastIndexOf(true);
    const axis = { xLabel: "epochs", xMax: epochs, marks };
    drawChart(part("loss"), {
      title: "Loss",
      lines: [
        ...training,
        { label: "validation", points: validated((one) => one.val.loss), colour: colours.validation, dots: true, ring: best },
      ],
      ...axis,
    });
    const lines = [{ label: "validation (ring: best epoch)", points: validated((one) => one.val[metric]), colour: colours.validation, dots: true, ring: best }];
    if (metric === "accuracy") lines.unshift({ label: "training", points: validated((one) => one.train.accuracy), colour: colours.train, dots: rounds });
    source(axis);
    const value = baseline(metric, plan);
    drawChart(part("metric"), {
      title: METRICS[metric],
      lines,
      level: value === null ? null : { value, label: `always the largest class: ${inWords(value)}` },
      bounded: true,
      scale: metric === "auroc" ? "number" : "percent",
      ...axis,
    });
  }

  // What it still knows of before, beside what it learns; nothing where the run does not ask.
  function source(axis) {
    const asked = Object.entries(run.plan.source || {});
    part("source").hidden = !asked.length;
    if (!asked.length) return;
    const colours = view.component.data;
    const target = run.epochs.map((one) => [one.epoch + 1, one.val.accuracy]).filter((point) => Number.isFinite(point[1]));
    const known = asked.map(([name, about], place) => {
      const points = sourceLine(run, name);
      return { label: `source: ${about.title}`, points, colour: colours.source, dots: true, dash: DASHES[place % DASHES.length] };
    });
    const chance = (asked.find(([, about]) => about.measure === "accuracy") || asked[0])[1].chance;
    drawChart(part("source"), {
      title: "What it still knows, beside what it learns",
      lines: [...known, { label: "target: accuracy on the validation split", points: target, colour: colours.validation, dots: true }],
      level: Number.isFinite(chance) ? { value: chance, label: `source, by chance: ${percent(chance)}` } : null,
      bounded: true,
      scale: "percent",
      ...axis,
    });
  }

  const resized = new ResizeObserver(() => run.plan && paint());
  resized.observe(root);
  const seen = () => {
    if (document.hidden || stopped || told) return;
    clearTimeout(timer);
    timer = setTimeout(ask, 0);
  };
  document.addEventListener("visibilitychange", seen);
  view.paint = paint;
  view.stop = () => {
    stopped = true;
    clearTimeout(timer);
    resized.disconnect();
    document.removeEventListener("visibilitychange", seen);
    views.delete(root);
  };
  paint();
  ask();
  return view;
}
