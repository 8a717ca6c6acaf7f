// The demo: one image at a time over the whole screen, guessed by the room and then revealed. It is driven by keys alone, and
// once it is here it needs no server. Names of classes and runs arrive as text and stay text.

const ASK_AGAIN = 3000; // milliseconds in which the same key once more means it
const HINT = 2600;
const rooms = new WeakMap(); // root -> the demo that is open there

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".demo-root");
  const known = rooms.get(root);
  if (known && known.key === data.key) return known.stop;
  if (known) known.stop();
  const room = openDemo(root, data, () => setTriggerValue("left", true));
  rooms.set(root, room);
  return room.stop;
}

function openDemo(root, data, left) {
  const { images, classes, models } = data;
  const keys = classKeys(classes);
  const shelf = `thaw-demo-${data.key}`;
  let game = recalled();
  let maps = true;
  let asked = { key: null, at: -Infinity };
  let hiding = null;
  let gone = false;

  const screen = drawDemo(data, keys, press);
  const dialog = screen.dialog;
  root.replaceChildren(dialog);
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); press("Escape"); });
  dialog.addEventListener("close", () => { if (!dialog.open && !gone) leave(); });
  document.addEventListener("fullscreenchange", raise);
  window.addEventListener("keydown", onKey, true); // before the page's own keys, of which R would run it again
  dialog.showModal();
  paint();

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(F\d+|Tab|Shift)$/.test(event.key)) return; // the browser's
    event.stopImmediatePropagation();
    event.preventDefault();
    if (!event.repeat || event.key === "ArrowUp" || event.key === "ArrowDown") press(event.key);
  }

  function press(key) {
    const place = keys.indexOf(key);
    if (key.toLowerCase() !== asked.key?.toLowerCase()) asked = { key: null, at: -Infinity };
    const doing = {
      " ": onward, Enter: onward, r: () => reveal(true), m: () => { maps = !maps; }, f: fullScreen, n: again, Escape: escape,
      ArrowUp: () => move(-1), ArrowDown: () => move(1), ArrowLeft: () => { game.at = Math.max(0, game.at - 1); }, ArrowRight: forward,
    }[key.length === 1 ? key.toLowerCase() : key];
    if (place >= 0) guess(place);
    else if (doing) doing();
    else return;
    if (!gone) paint();
  }

  function guess(place) {
    if (over() || game.shown[game.at]) return;
    game.guesses[game.at] = place;
  }

  function move(step) {
    if (over()) return;
    const now = game.guesses[game.at];
    guess(now === null ? (step > 0 ? 0 : classes.length - 1) : (now + step + classes.length) % classes.length);
  }

  function reveal(unguessed) {
    if (over()) return;
    if (game.shown[game.at]) return;
    if (game.guesses[game.at] !== null) game.shown[game.at] = true;
    else if (!unguessed) hint("Guess first. R, pressed twice, reveals it without a guess.");
    else if (twice("r", "Press R once more to reveal it without a guess.")) game.shown[game.at] = true;
  }

  function onward() {
    if (!over() && !game.shown[game.at]) reveal(false);
    else forward();
  }

  function forward() {
    if (over()) return;
    if (game.shown[game.at]) game.at += 1;
    else hint("Reveal it first: Space.");
  }

  function again() {
    if (over() && twice("n", "Press N once more to begin anew: the score goes.")) game = newGame(images.length);
  }

  function escape() {
    if (twice("Escape", "Press Esc once more to leave.")) leave();
  }

  function twice(key, words) { // what cannot be taken back is asked for again, and another key in between takes it back
    const again = asked.key === key && performance.now() - asked.at < ASK_AGAIN;
    asked = { key: again ? null : key, at: performance.now() };
    if (!again) hint(words);
    return again;
  }

  function fullScreen() {
    const done = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.();
    done?.catch(() => hint("This browser keeps its own full screen: try F11."));
  }

  function raise() { // what went to full screen last lies on top: the demo comes after it
    if (gone || !dialog.isConnected) return;
    dialog.close();
    dialog.showModal();
  }

  function leave() {
    stop();
    if (document.fullscreenElement) document.exitFullscreen();
    left();
  }

  function stop() {
    gone = true;
    clearTimeout(hiding);
    window.removeEventListener("keydown", onKey, true);
    document.removeEventListener("fullscreenchange", raise);
    if (dialog.open) dialog.close();
  }

  function hint(words) {
    clearTimeout(hiding);
    screen.hint(words);
    hiding = setTimeout(() => screen.hint(""), HINT);
  }

  function over() {
    return game.at >= images.length;
  }

  function recalled() { // a page that is loaded again goes on where it was
    try {
      return keptGame(sessionStorage.getItem(shelf), images.length, classes.length) ?? newGame(images.length);
    } catch {
      return newGame(images.length);
    }
  }

  function paint() {
    try {
      sessionStorage.setItem(shelf, JSON.stringify(game));
    } catch {
      // a browser that keeps nothing still shows everything
    }
    const now = score(game, images, models);
    screen.top(over() ? null : game.at, now);
    if (over()) screen.end(now);
    else screen.image(images[game.at], { guess: game.guesses[game.at], shown: game.shown[game.at], maps });
  }

  return { key: data.key, stop };
}
