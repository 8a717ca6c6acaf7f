// What a room has guessed so far, and who was right. Plain data in, plain data out: nothing is drawn here.

// A game before its first image: where it stands, and of each image the room's guess and whether it was revealed.
export function newGame(images) {
  return { at: 0, guesses: Array(images).fill(null), shown: Array(images).fill(false) };
}

// What was kept of an earlier visit, if it is a game of so many images and classes.
export function keptGame(text, images, classes) {
  try {
    const game = JSON.parse(text);
    const guess = (one) => one === null || (Number.isInteger(one) && one >= 0 && one < classes);
    const whole = game.guesses.length === images && game.shown.length === images && game.guesses.every(guess);
    const place = Number.isInteger(game.at) && game.at >= 0 && game.at <= images;
    return whole && place && game.shown.every((one) => typeof one === "boolean") ? game : null;
  } catch {
    return null;
  }
}

// The images that count: those that the room guessed before it saw the answer.
export function score(game, images, models) {
  const counted = images.map((image, i) => [image, game.guesses[i]]).filter(([, guess], i) => game.shown[i] && guess !== null);
  return {
    of: counted.length,
    room: counted.filter(([image, guess]) => guess === image.truth).length,
    models: models.map((_, m) => counted.filter(([image]) => image.answers[m].predicted === image.truth).length),
  };
}

// The key of each class: its own name where all are single digits, else 1 to 9 and 0; further ones are reached by the arrows.
export function classKeys(classes) {
  if (classes.every((name) => /^[0-9]$/.test(name))) return [...classes];
  return classes.map((_, i) => (i < 9 ? String(i + 1) : i === 9 ? "0" : null));
}
