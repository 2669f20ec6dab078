// Training for any page: `import { train } from "./train.js"`. All computing is in a worker of its own.

/**
 * @typedef {{ name: string, file: Blob }} Good a good picture
 *
 * @typedef {object} Wanted
 * @property {string} name what the model is of
 * @property {number} size input side in pixels, a multiple of 32; an earlier model keeps its own
 * @property {number} batch pictures per step
 * @property {number} seed decides everything random
 * @property {boolean} amplify whether stage 1 takes place
 * @property {[number, number]} [steps] about so many steps of each stage; the preset `quick` unless given
 * @property {string} [range] the stored values that are black and white in pictures of more than 8 bits, as in
 *   `0..4095`; an earlier model keeps its own
 *
 * @typedef {object} Within how long it may take
 * @property {number} minutes of both stages together
 * @property {Record<string, import("./train-plan.js").Pace>} [paces] of this device, by what `pace` told them to be of;
 *   without a fitting one it is measured first
 *
 * @typedef {{ type: "start", pictures: Good[], wanted: Wanted, compute: "auto" | "cpu" | "gpu", earlier?: ArrayBuffer, within?: Within, showing?: number }} Start
 *   `showing`: seconds between the models that are told while it learns; none unless given
 *
 * @typedef {"amplify" | "distill"} Stage
 * What is told: what is being done before the training; what computes; a picture that is left out; that the values of
 * some `pictures` do not fit the `range` they are read with (none: the full scale), and which range `fits` them; the
 * device's pace, and how many minutes it will take at that; the plan, with `steps` of each stage; then the events of
 * the training, `ms` since it began, and at the end of some epochs the model as it is then (without a threshold).
 * @typedef {{ type: "doing", words: string } | { type: "paused" }
 *   | { type: "device", compute: "cpu" | "gpu", adapter: string, software: boolean }
 *   | { type: "unusable", name: string, message: string }
 *   | { type: "stored", pictures: number, lowest: number, highest: number, range: string | null, fits: string | null }
 *   | { type: "pace", of: string, pace: import("./train-plan.js").Pace, minutes: number }
 *   | { type: "model", stage: Stage, epoch: number, epochs: number, bytes: ArrayBuffer }
 *   | { type: "reading", done: number, all: number }
 *   | { type: "planned", pictures: number, heldOut: number, heldOutNames?: string[], steps: [number, number] }
 *   | { type: "begin", stage: Stage, epoch: number, epochs: number, steps: number, ms: number }
 *   | { type: "step", stage: Stage, epoch: number, step: number, losses: [number, number], ms: number }
 *   | { type: "epoch", stage: Stage, record: Record<string, number>, ms: number }
 *   | { type: "caching" | "scoring", done: number, all: number, ms: number }} Told
 */

/** A training under way. */
export class Training {
  #worker;
  /** @type {(reason: Error) => void} */
  #reject = () => {};
  /** The model's file. @type {Promise<Blob>} */
  model;
  /** How the discrepancy of a good picture and of the same with a synthetic anomaly changed, once the model is done
   * (src/training/film.rs). @type {ArrayBuffer | undefined} */
  film;
  /** What a refinement has changed, once it is done. @type {import("./refine.js").Outcome | undefined} */
  outcome;

  /** Use {@link train}. @param {Start | import("./refine.js").Start} start @param {(told: Told) => void} tell @param {AbortSignal} [signal] */
  constructor(start, tell, signal) {
    const worker = this.#worker = new Worker(new URL("./train-worker.js", import.meta.url), { type: "module", name: "aand training" });
    this.model = new Promise((resolve, reject) => {
      this.#reject = (reason) => { worker.terminate(); reject(reason); };
      worker.onmessage = ({ data }) => {
        if (data.type === "done") {
          worker.terminate();
          this.film = data.film;
          this.outcome = data.outcome;
          resolve(new Blob([data.bytes]));
        } else if (data.type === "failed") {
          this.#reject(Object.assign(new Error(data.message), { name: data.name }));
        } else tell(data);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        const said = event.message ? `: ${event.message}` : "; is the connection down?";
        this.#reject(Object.assign(new Error(`the training module could not be started${said}`), { name: "ModuleError" }));
      };
    });
    if (signal?.aborted) this.cancel();
    signal?.addEventListener("abort", () => this.cancel(), { once: true });
    worker.postMessage(start);
  }

  /** Stops after the step under way, until {@link resume}. */
  pause() {
    this.#worker.postMessage({ type: "pause" });
  }

  resume() {
    this.#worker.postMessage({ type: "resume" });
  }

  /** Ends it at once; the model is rejected with an `AbortError`. */
  cancel() {
    this.#reject(new DOMException("cancelled", "AbortError"));
  }
}

/**
 * Trains on good pictures; `tell` hears how it goes.
 * @param {Good[]} pictures 5 or more
 * @param {Wanted} wanted
 * @param {{ compute?: "auto" | "cpu" | "gpu", earlier?: Blob, within?: Within, showing?: number,
 *   tell?: (told: Told) => void, signal?: AbortSignal }} [options] `earlier`: a model to go on from
 * @returns {Promise<Training>} its `model` is the file, once it is done
 */
export async function train(pictures, wanted, { compute = "auto", earlier, within, showing, tell = () => {}, signal } = {}) {
  const bytes = await earlier?.arrayBuffer();
  return new Training({ type: "start", pictures, wanted, compute, earlier: bytes, within, showing }, tell, signal);
}
