// The instant detector: it judges seconds after good pictures are there, until a trained model is better.

import { BETWEEN_MS } from "./camera.js";
import { $, counted, make, say } from "./dom.js";
import { Detector, warm } from "./module/aand.js";
import { learn, warm as warmLearner } from "./module/instant.js";
import { awaited, loadModel } from "./models.js";
import { page, said } from "./state.js";

/** @typedef {import("./module/train.js").Good} Good */
/** @typedef {import("./module/instant.js").Wanted} Wanted */
/** @typedef {{ good: number, made: number }} Trial */

/** Fewest good pictures for it, as for a training. */
const FEWEST = 5;
/** Pictures that come one after the other, from the camera, are learned from once no more come. */
const BREATH_MS = 2 * BETWEEN_MS;
/** Pictures on which the two are compared at most, and synthetic anomalies in each. */
const TRIALS = 6;
const SEEDS = [1, 2];

/** @type {import("./module/instant.js").Instant | undefined} */
let instant;
let running = new AbortController();
let timer = 0;
/** What was offered last. @type {{ pictures: Good[], wanted: Wanted } | undefined} */
let offered;
/** The models that were put to judge from here. @type {WeakSet<Blob>} */
const own = new WeakSet();
/** Until the last of them was loaded. */
let putting = Promise.resolve();
/** Seconds until it was ready. */
let seconds = 0;
/** Whether it looks at the good pictures. */
let looking = false;
/** Whether a training is under way behind it. */
let training = false;
/** What was trained here meanwhile. @type {WeakSet<Blob>} */
const trained = new WeakSet();

/** Whether the page's own instant detector is what judges; one that a person loaded is not. */
export const speaks = () => page.model !== undefined && own.has(page.model.file);

/** Whether it has looked at the good pictures, or does so now. */
export const stands = () => looking || instant !== undefined;
/** Whether it has. */
export const ready = () => !looking && instant !== undefined;

/** A training is under way, or no longer. @param {boolean} now */
export function behind(now) {
  training = now;
  if (instant) describe(instant);
}

/** This model came of a training. @param {Blob} model */
export const met = (model) => { trained.add(model); };

addEventListener("aand-model", () => { if (instant) describe(instant); });

/** Good pictures are likely to come: what learns from them, and what then judges, starts meanwhile. */
export function expect() {
  if (instant || looking) return;
  warmLearner();
  if (!page.detector) warm();
}

/**
 * The good pictures are these now: learned from at once, where there are enough.
 * @param {Good[]} pictures @param {Wanted} wanted @param {boolean} coming whether more are likely to come in a moment
 */
export function offer(pictures, wanted, coming) {
  if (offered && same(offered.pictures, pictures) && offered.wanted.size === wanted.size && offered.wanted.range === wanted.range) return;
  offered = { pictures: [...pictures], wanted };
  clearTimeout(timer);
  if (pictures.length < FEWEST) {
    forget();
    return say("instant-words", "");
  }
  const all = offered.pictures;
  timer = setTimeout(() => begin(all, wanted), coming ? BREATH_MS : 0);
}

/** @param {Good[]} a @param {Good[]} b */
const same = (a, b) => a.length === b.length && a.every((picture, i) => picture === b[i]);

function forget() {
  running.abort();
  looking = false;
  instant?.close();
  instant = undefined;
  $("instant-use").hidden = true;
}

/** @param {Good[]} pictures @param {Wanted} wanted */
async function begin(pictures, wanted) {
  forget();
  const { signal } = running = new AbortController();
  const started = performance.now();
  looking = true;
  // The module that judges starts while the detector is learned.
  if (!page.detector) warm();
  say("instant-words", "An instant detector looks at them …");
  try {
    const learned = await learn(pictures, wanted, signal);
    // The one before it may be on its way still.
    await putting;
    if (signal.aborted) return learned.close();
    own.add(learned.model);
    const use = () => putting = loadModel(learned.model, `${wanted.name} (instant)`);
    $("instant-use").onclick = use;
    // A model that someone trained or chose, or that is on its way, is not taken away unasked.
    if ((speaks() || !page.detector) && !awaited()) await use();
    if (signal.aborted) return learned.close();
    instant = learned;
    looking = false;
    seconds = (performance.now() - started) / 1000;
    describe(learned);
  } catch (error) {
    if (signal.aborted) return;
    looking = false;
    // The same pictures may be tried again.
    offered = undefined;
    // It is a help, not a condition: the training says what is wrong with the pictures.
    say("instant-words", `No instant detector: ${said(error)}.`);
  }
  dispatchEvent(new Event("aand-instant"));
}

/** Says that it is there, and who judges. @param {import("./module/instant.js").Instant} ready */
function describe({ model, used }) {
  const place = $("instant-words");
  place.hidden = false;
  const judges = page.model?.file === model;
  $("instant-use").hidden = judges;
  const compares = `it compares patches with those of your ${counted(used.length, "good picture")}.`;
  const other = page.model && trained.has(page.model.file) ? " The trained model judges now." : " The loaded model goes on judging.";
  const words = judges ? `, and judges already: ${compares} ${training ? "AAND is learning behind it, and" : "A training"} takes over where it is better.`
    : `: ${compares}${page.detector ? other : ""}`;
  const title = `An instant detector is ready after ${seconds.toFixed(1)} s`;
  // The same words again would be read out again.
  if (place.textContent !== title + words) place.replaceChildren(make("strong", {}, title), words);
}

/**
 * Whether the trained model is better than the instant detector, on good pictures and the same with synthetic anomalies. The
 * instant detector sees each without its own patches; the model was not trained on those that are `heldOut`.
 * @param {Blob} model @param {Good[]} pictures @param {string[]} heldOut
 * @returns {Promise<{ takesOver: boolean, words: string, threshold?: import("./module/protocol.js").Threshold }>} with the model's own
 */
export async function contest(model, pictures, heldOut) {
  const rival = instant;
  if (!rival) return { takesOver: true, words: "" };
  const fresh = rival.used.filter((name) => heldOut.includes(name));
  const names = (fresh.length ? fresh : rival.used).slice(0, TRIALS);
  /** @type {Detector | undefined} */
  let detector;
  try {
    detector = await Detector.load(model, { name: "the trained model", compute: "cpu" });
    /** @type {Trial[]} */
    const mine = [];
    /** @type {Trial[]} */
    const its = [];
    for (const name of names) {
      const picture = pictures.find((good) => good.name === name);
      if (!picture) continue;
      const plain = await detector.input(picture.file, { name });
      const { score } = await detector.detect(plain);
      for (const seed of SEEDS) {
        const trial = await rival.trial(rival.used.indexOf(name), seed);
        if (!trial) continue;
        its.push(trial);
        mine.push({ good: score, made: (await detector.detect(await detector.defect(plain, seed))).score });
      }
    }
    // The pictures it knows are others: nothing to compare on.
    if (mine.length === 0) return { takesOver: true, words: "" };
    return { ...verdict(mine, its, fresh.length > 0), threshold: detector.info.threshold };
  } catch {
    // Whatever is wrong with the comparison, the training was asked for.
    return { takesOver: true, words: "" };
  } finally {
    detector?.close();
  }
}

/** @param {Trial[]} model @param {Trial[]} rival @param {boolean} fresh whether the model has not learned from these */
export function verdict(model, rival, fresh) {
  const [mine, its] = [told(model), told(rival)];
  const takesOver = mine > its || (mine === its && clear(model) >= clear(rival));
  const percent = (/** @type {number} */ share) => `${Math.round(100 * share)} %`;
  const on = fresh ? "good pictures that it has not learned from" : "your good pictures";
  const apart = mine !== its ? "" : takesOver ? ", and to the trained model defects stand out at least as far" : ", to which defects stand out further";
  return { takesOver, words: `On ${on} and made-up defects, the trained model ranks ${percent(mine)} of the pairs rightly, the instant detector ${percent(its)}${apart}.` };
}

/** The share of pairs of a synthetic anomaly and a good picture in which the anomaly scores higher (AUROC). @param {Trial[]} trials */
function told(trials) {
  let [sum, count] = [0, 0];
  for (const { made } of trials) {
    for (const { good } of trials) [sum, count] = [sum + (made > good ? 1 : made === good ? 0.5 : 0), count + 1];
  }
  return count ? sum / count : 0;
}

/** How far the defect in the middle stands out beside the highest good picture. @param {Trial[]} trials */
function clear(trials) {
  const made = trials.map((trial) => trial.made).sort((a, b) => a - b);
  const most = Math.max(1e-9, ...trials.map((trial) => trial.good));
  return (made[Math.floor(made.length / 2)] ?? 0) / most;
}
