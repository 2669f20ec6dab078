// The strip that says whether something has changed since the training, from the judged pictures.

import { changes } from "./correct.js";
import { $, announce, make } from "./dom.js";
import { items } from "./pictures.js";
import { page } from "./state.js";

/** @typedef {import("./pictures.js").Judged} Judged */
/** @typedef {import("./module/aand.js").Detector} Detector */
/** @typedef {import("./module/protocol.js").Drift} Drift */

/** Waits until quick changes have stopped. */
const PAUSE_MS = 400;
/** The result is shown once this many distances are known. */
const SOME = 16;
const NAMES = { scores: "Scores", distance: "Looks", corrections: "Corrections" };
const STATES = { changed: "changed", usual: "as usual", unknown: "cannot say yet" };

/** By result, so that a picture judged by another model is measured again; null if there is no distance. @type {WeakMap<Judged, number | null>} */
const distances = new WeakMap();
/** Models that keep no embeddings. @type {WeakSet<Detector>} */
const strangers = new WeakSet();
let models = 0;
addEventListener("aand-model", () => { models++; });
/** The state that was evaluated last. */
let seen = "";
let timer = 0;
let looking = false;
let alarmed = false;

const judged = () => items.flatMap((item) => (item.found ? [{ item, found: item.found }] : [])).sort((a, b) => a.item.order - b.item.order);
/** The state that the strip depends on. */
const key = () => `${models} ${changes()} ${judged().map(({ item }) => item.order).join()}`;

/** Updates the strip; part of each refresh. */
export function show() {
  const some = items.some(({ found }) => found) && page.detector !== undefined;
  $("drift").hidden = !some;
  if (!some) $("drift").open = alarmed = false;
  clearTimeout(timer);
  if (some) timer = setTimeout(look, PAUSE_MS);
}

/** Judging and the camera have priority, since this needs the same worker. */
const waits = () => page.judging || $("camera").open || document.hidden;

async function look() {
  const detector = page.detector;
  if (!detector || (key() === seen && !looking)) return;
  if (looking || waits()) {
    timer = setTimeout(look, PAUSE_MS);
    return;
  }
  looking = true;
  const now = key();
  try {
    if (await draw(detector, now)) seen = now;
  } catch {
    // A failed worker is reported where pictures are judged; this tries again when something changes.
    seen = now;
  } finally {
    looking = false;
  }
  if (seen !== now) timer = setTimeout(look, PAUSE_MS);
}

/** Returns whether it finished. @param {Detector} detector @param {string} now */
async function draw(detector, now) {
  const all = judged();
  const old = () => detector !== page.detector || key() !== now;
  const told = await detector.drift(seenOf(all, detector));
  if (old()) return false;
  render(told, all, detector);
  // Fewer distances say nothing, and each takes a run of the teacher.
  if (all.length < told.fewest) return true;
  let fresh = 0;
  for (const { item, found } of all) {
    if (distances.has(found)) continue;
    if (strangers.has(detector)) break;
    if (old() || waits()) return false;
    const distance = await detector.distance(item.file, { name: item.name }).catch(() => null);
    // A model closed in the meantime must not be asked again: its worker would start again.
    if (old()) return false;
    if (distance === undefined) strangers.add(detector);
    distances.set(found, distance ?? null);
    if (++fresh % SOME) continue;
    const told = await detector.drift(seenOf(all, detector));
    if (old()) return false;
    render(told, all, detector);
  }
  if (fresh || strangers.has(detector)) {
    const told = await detector.drift(seenOf(all, detector));
    if (old()) return false;
    render(told, all, detector);
  }
  return true;
}

/**
 * @param {ReturnType<typeof judged>} all @param {Detector} detector
 * @returns {import("./module/protocol.js").Seen[]}
 */
function seenOf(all, detector) {
  // With the model's own threshold, whatever the slider says: the stated rate belongs to it.
  const threshold = detector.info.threshold.value;
  // Without any mark nothing is known; with one, verdicts without objection count as correct.
  const anyone = all.some(({ item }) => item.mark);
  return all.map(({ item, found: { score }, found }) => {
    const good = score <= threshold;
    const corrected = anyone ? item.mark !== undefined && (item.mark === "good") !== good : null;
    return { score, good, distance: distances.get(found) ?? null, corrected };
  });
}

/** @param {Drift} drift @param {ReturnType<typeof judged>} all @param {Detector} detector */
function render({ signals }, all, detector) {
  const sentence = (/** @type {import("./module/protocol.js").Signal} */ { signal, sentence, since }) => {
    if (signal === "distance" && strangers.has(detector)) return "The model keeps no embeddings of good pictures to tell a distance by; one that is trained now keeps them.";
    const name = since === null ? "" : ` (picture ${since + 1} is ${all[since]?.item.name})`;
    return `${sentence[0].toUpperCase()}${sentence.slice(1)}${name}.`;
  };
  $("drift-signals").replaceChildren(...signals.map((signal) => make("li", { "data-signal": signal.signal, "data-finding": signal.finding },
    make("strong", {}, `${NAMES[signal.signal]}: ${STATES[signal.finding]}`), make("p", { class: "quiet" }, sentence(signal)))));
  const changed = signals.filter(({ finding }) => finding === "changed");
  const [first] = changed.map(({ since }) => since ?? 0).sort((a, b) => a - b);
  const usual = signals.some(({ finding }) => finding === "usual");
  const words = first !== undefined ? `Yes, since picture ${first + 1}` : usual ? "No sign of it" : "Too few pictures to say";
  $("drift-state").textContent = words;
  $("drift").classList.toggle("alarm", first !== undefined);
  // Collapsed while there is nothing to do; if the person opens it, it stays open.
  if ((first !== undefined) !== alarmed) {
    alarmed = first !== undefined;
    $("drift").open = alarmed;
    if (alarmed) announce(`Something has changed: ${sentence(changed[0])}`);
  }
}
