// How many steps fit into the minutes that a person gives, by the pace of this device.

/**
 * Milliseconds of one step of each stage, and of one picture whose features are cached or whose score is taken.
 * @typedef {{ amplify: number, distill: number, picture: number }} Pace
 */

/** Of the time of both stages, stage 2 has so many steps for each one of stage 1, as in the native program. */
const DISTILL_PER_AMPLIFY = 2;
/** Fewer lead to nothing. @type {[number, number]} */
const FEWEST = [20, 40];
/** More lead to nothing better: the paper's epochs, or three times the steps of the native default. */
const PAPER_EPOCHS = [100, 120];
const MOST = [360, 720];

/**
 * @param {number} minutes
 * @param {Pace} pace
 * @param {{ pictures: number, batch: number, amplify: boolean }} of
 * @returns {{ steps: [number, number], minutes: number }} and how long they will take
 */
export function plan(minutes, pace, { pictures, batch, amplify }) {
  const perEpoch = Math.max(1, Math.ceil(pictures / batch));
  // Each picture's features are cached once, and its score may be taken once.
  const fixed = 2 * pictures * pace.picture;
  const unit = (amplify ? pace.amplify : 0) + DISTILL_PER_AMPLIFY * pace.distill;
  const units = Math.max(0, minutes * 60_000 - fixed) / unit;
  const within = (/** @type {number} */ steps, /** @type {0 | 1} */ stage) =>
    Math.round(Math.max(FEWEST[stage], Math.min(steps, Math.max(MOST[stage], PAPER_EPOCHS[stage] * perEpoch))));
  const steps = /** @type {[number, number]} */ ([within(units, 0), within(DISTILL_PER_AMPLIFY * units, 1)]);
  const took = fixed + (amplify ? steps[0] * pace.amplify : 0) + steps[1] * pace.distill;
  return { steps, minutes: took / 60_000 };
}

/**
 * Takes the pace from the events of a short training.
 */
export class Stopwatch {
  /** @type {Record<string, number[]>} */
  #took = { amplify: [], distill: [], picture: [] };
  #last = { kind: "", ms: 0 };

  /** @param {{ type: string, stage?: string, ms?: number }} told */
  hear({ type, stage, ms }) {
    if (ms === undefined) return;
    const kind = type === "step" ? String(stage) : type === "caching" || type === "scoring" ? "picture" : "";
    // The first of a kind has something to set up.
    if (kind && kind === this.#last.kind) this.#took[kind].push(ms - this.#last.ms);
    this.#last = { kind: kind || this.#last.kind, ms };
    if (!kind) this.#last.kind = "";
  }

  /** @returns {Pace} */
  pace() {
    const middle = (/** @type {number[]} */ all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
    const [amplify, distill, picture] = ["amplify", "distill", "picture"].map((kind) => middle(this.#took[kind]));
    return { amplify: amplify || 2 * distill || 1000, distill: distill || amplify / 2 || 500, picture };
  }
}
