// A detector in seconds for any page: `import { learn } from "./instant.js"`. All computation runs in a separate
// worker.

/** @typedef {import("./train.js").Good} Good */
/** @typedef {{ name: string, size: number, range?: string }} Wanted as for a training */
/** @typedef {{ good: number, made: number }} Trial scores of a picture without and with a synthetic anomaly */

/** A learned detector. */
export class Instant {
  #worker;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (reason: Error) => void }>} */
  #waiting = new Map();
  #next = 0;
  /** Why there is no worker any more. @type {Error | undefined} */
  #over;
  /** The model's file. @type {Blob} */
  model = new Blob();
  /** The names of the pictures that were learned from. @type {string[]} */
  used = [];

  /** Use {@link learn}. */
  constructor() {
    this.#worker = new Worker(new URL("./instant-worker.js", import.meta.url), { type: "module", name: "aand instant" });
    this.#worker.onmessage = ({ data }) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.type === "done") waiting?.resolve(data.result);
      else waiting?.reject(Object.assign(new Error(data.message), { name: data.name }));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(Object.assign(new Error(`the module could not be started: ${event.message ?? "is the connection down?"}`), { name: "ModuleError" }));
    };
  }

  /** @param {any} request @returns {Promise<any>} */
  ask(request) {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(this.#over);
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id });
    });
  }

  /**
   * Scores of one of the used pictures without and with a synthetic anomaly, compared with the other pictures.
   * @param {number} picture its index in {@link Instant.used} @param {number} seed of the synthetic anomaly
   * @returns {Promise<Trial | undefined>}
   * @throws {Error} `AbortError` if it was closed
   */
  async trial(picture, seed) {
    const scores = await this.ask({ type: "trial", picture, seed });
    return scores && { good: scores[0], made: scores[1] };
  }

  /** Ends the worker; the model stays. */
  close() {
    this.#end(new DOMException("closed", "AbortError"));
  }

  /** @param {Error} reason */
  #end(reason) {
    this.#over ??= reason;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}

/** One whose worker has started the module, for the next {@link learn}. @type {Instant | undefined} */
let spare;

/** Starts the module ahead of the pictures, so that they need not wait for it. */
export function warm() {
  if (spare) return;
  const started = spare = new Instant();
  // What fails now is tried again, and told, when there are pictures.
  started.ask({ type: "warm" }).catch(() => {
    if (spare !== started) return;
    spare = undefined;
    started.close();
  });
}

/**
 * Learns from good pictures, 3 or more, in seconds.
 * @param {Good[]} pictures @param {Wanted} wanted @param {AbortSignal} [signal]
 * @returns {Promise<Instant>}
 */
export async function learn(pictures, wanted, signal) {
  const instant = spare ?? new Instant();
  spare = undefined;
  if (signal?.aborted) instant.close();
  signal?.addEventListener("abort", () => instant.close(), { once: true });
  try {
    const { bytes, used } = await instant.ask({ type: "learn", pictures, wanted });
    instant.model = new Blob([bytes]);
    instant.used = used;
    return instant;
  } catch (error) {
    instant.close();
    throw error;
  }
}
