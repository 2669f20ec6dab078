// The instant detector: it judges seconds after good pictures are there, until a trained model is better.

import { $, counted, make, say } from "./dom.js";
import { Detector } from "./module/aand.js";
import { learn } from "./module/instant.js";
import { loadModel } from "./models.js";
import { page, said } from "./state.js";

/** @typedef {import("./module/train.js").Good} Good */
/** @typedef {import("./module/instant.js").Wanted} Wanted */
/** @typedef {{ good: number, made: number }} Trial */

/** Fewest good pictures for it, as for a training. */
const FEWEST = 5;
/** Pictures that are dropped one after the other come in one breath. */
const BREATH_MS = 250;
/** Pictures on which the two are compared at most, and made defects of each. */
const TRIALS = 6;
const SEEDS = [1, 2];

/** @type {import("./module/instant.js").Instant | undefined} */
let instant;
let running = new AbortController();
let timer = 0;

/** Whether the instant detector is what judges. */
export const speaks = () => page.detector?.info.score === "nearest";

/** The good pictures are these now: learned from at once, where there are enough. @param {Good[]} pictures @param {Wanted} wanted */
export function offer(pictures, wanted) {
  clearTimeout(timer);
  if (pictures.length < FEWEST) {
    forget();
    return say("instant-words", "");
  }
  const all = [...pictures];
  timer = setTimeout(() => begin(all, wanted), BREATH_MS);
}

function forget() {
  running.abort();
  instant?.close();
  instant = undefined;
  $("instant-use").hidden = true;
}

/** @param {Good[]} pictures @param {Wanted} wanted */
async function begin(pictures, wanted) {
  forget();
  const { signal } = running = new AbortController();
  const started = performance.now();
  say("instant-words", "An instant detector looks at them …");
  try {
    const learned = await learn(pictures, wanted, signal);
    if (signal.aborted) return learned.close();
    instant = learned;
    const use = () => loadModel(learned.model, `${wanted.name} (instant)`);
    // A model that someone trained or chose is not taken away unasked.
    const free = !page.detector || speaks();
    $("instant-use").hidden = free;
    $("instant-use").onclick = async () => {
      $("instant-use").hidden = true;
      await use();
      describe(learned.used.length);
    };
    if (free) await use();
    describe(learned.used.length, (performance.now() - started) / 1000);
  } catch (error) {
    // It is a help, not a condition: the training says what is wrong with the pictures.
    if (!signal.aborted) say("instant-words", `No instant detector: ${said(error)}.`);
  }
}

/** @param {number} count @param {number} [seconds] */
function describe(count, seconds) {
  const place = $("instant-words");
  place.hidden = false;
  const took = seconds === undefined ? "" : ` after ${seconds.toFixed(1)} s`;
  place.replaceChildren(make("strong", {}, `An instant detector is ready${took}`),
    speaks() ? `, and judges already: it compares patches with those of your ${counted(count, "good picture")}. A training takes over where it is better.`
      : `: it compares patches with those of your ${counted(count, "good picture")}. The loaded model goes on judging.`);
}

/**
 * Whether the trained model is better than the instant detector, on good pictures and the same with made defects. The
 * instant detector sees each without its own patches; the model was not trained on those that are `heldOut`.
 * @param {Blob} model @param {Good[]} pictures @param {string[]} heldOut
 * @returns {Promise<{ takesOver: boolean, words: string }>}
 */
export async function contest(model, pictures, heldOut) {
  const rival = instant;
  if (!rival) return { takesOver: true, words: "" };
  const fresh = rival.used.filter((name) => heldOut.includes(name));
  const names = (fresh.length ? fresh : rival.used).slice(0, TRIALS);
  const detector = await Detector.load(model, { name: "the trained model", compute: "cpu" });
  try {
    /** @type {Trial[]} */
    const own = [];
    /** @type {Trial[]} */
    const other = [];
    for (const name of names) {
      const picture = pictures.find((good) => good.name === name);
      if (!picture) continue;
      const plain = await detector.input(picture.file, { name });
      const { score } = await detector.detect(plain);
      for (const seed of SEEDS) {
        const trial = await rival.trial(rival.used.indexOf(name), seed);
        if (!trial) continue;
        other.push(trial);
        own.push({ good: score, made: (await detector.detect(await detector.defect(plain, seed))).score });
      }
    }
    // The pictures it knows are others: nothing to compare on.
    if (own.length === 0) return { takesOver: true, words: "" };
    return verdict(own, other, fresh.length > 0);
  } catch {
    // Whatever is wrong with the comparison, the training was asked for.
    return { takesOver: true, words: "" };
  } finally {
    detector.close();
  }
}

/** @param {Trial[]} own @param {Trial[]} other @param {boolean} fresh whether the model has not learned from these */
export function verdict(own, other, fresh) {
  const [mine, its] = [told(own), told(other)];
  const takesOver = mine > its || (mine === its && clear(own) >= clear(other));
  const percent = (/** @type {number} */ share) => `${Math.round(100 * share)} %`;
  const on = fresh ? "good pictures that it has not learned from" : "your good pictures";
  const words = `On ${on} and made-up defects, the trained model ranks ${percent(mine)} of the pairs rightly, the instant detector ${percent(its)}.`;
  return { takesOver, words: `${words} ${takesOver ? "The trained model judges from now on." : "The instant detector goes on judging; the trained model is kept."}` };
}

/** The share of pairs of a made defect and a good picture in which the defect scores higher (AUROC). @param {Trial[]} trials */
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
