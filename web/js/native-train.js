// Learning by the program: as a training of module/train.js to those who use it.

import { ask, free, isGone, known, look, model, order, PLACE } from "./native.js";
import { remember } from "./native-judge.js";

/** @typedef {import("./native.js").Job} Job */
/** @typedef {import("./module/train.js").Told} Told */
/** @typedef {import("./module/train.js").Good} Good */
/** @typedef {import("./module/train.js").Wanted} Wanted */

/** Pictures in a step over there. */
const BATCH = 16;

/** The one that this page began and waits for. @type {number | undefined} */
export let followed;

/** A training under way over there. */
class NativeTraining {
  /** The model's file. @type {Promise<Blob>} */
  model;
  film = undefined;
  /** @type {number} */
  #id;
  /** @type {(told: Told) => void} */
  #tell;
  #started = performance.now();
  /** Milliseconds at which it was heard of last. */
  #last = 0;
  /** Of the stage that is told now: steps that were told. @type {{ stage: string, done: number }} */
  #at = { stage: "", done: 0 };
  #state = "";

  /** @param {number} id @param {(told: Told) => void} tell @param {AbortSignal} [signal] */
  constructor(id, tell, signal) {
    [this.#id, this.#tell] = [id, tell];
    followed = id;
    this.model = this.#follow(signal).finally(() => { followed = undefined; });
  }

  pause() {
    order(this.#id, "pause").catch(() => undefined);
  }

  resume() {
    order(this.#id, "resume").catch(() => undefined);
  }

  /** @param {AbortSignal} [signal] @returns {Promise<Blob>} */
  async #follow(signal) {
    for (;;) {
      if (signal?.aborted) {
        await order(this.#id, "cancel").catch(() => undefined);
        throw new DOMException("cancelled", "AbortError");
      }
      const job = known?.jobs.find(({ id }) => id === this.#id);
      if (known && !job) throw new Error("the program knows nothing of it any more");
      if (!job) this.#say("gone", `The program on ${PLACE} does not answer; waiting for it`);
      else {
        if (job.state === "done") return this.#fetch(job);
        if (job.state === "failed") throw new Error(job.message ?? "the program does not say why");
        if (job.state === "cancelled") throw new Error("it was cancelled elsewhere");
        if (job.state === "stopped") throw new Error("the program ended meanwhile; it can go on, see above");
        this.#report(job);
      }
      await new Promise((/** @type {(value?: any) => void} */ go) => {
        addEventListener("aand-native", go, { once: true });
        signal?.addEventListener("abort", go, { once: true });
      });
    }
  }

  /** @param {Job} job */
  async #fetch(job) {
    this.#say("done", "Fetching the model");
    const file = await model(/** @type {string} */ (job.model));
    remember(file, /** @type {string} */ (job.model));
    return file;
  }

  /** @param {string} state @param {string} words */
  #say(state, words) {
    if (this.#state === state) return;
    this.#state = state;
    this.#tell({ type: "doing", words });
  }

  /** @param {Job} job */
  #report({ state, progress, steps, pictures }) {
    if (state === "paused") {
      if (this.#state !== "paused") this.#tell({ type: "paused" });
      this.#state = "paused";
      return;
    }
    if (state === "waiting") return this.#say("waiting", "Waiting for another training of the program");
    if (!progress) return this.#say("beginning", "Beginning");
    const { stage, done, all, epochs, losses } = progress;
    const ms = performance.now() - this.#started;
    if (stage === "features" || stage === "threshold") {
      this.#tell({ type: stage === "features" ? "caching" : "scoring", done, all, ms });
      this.#at = { stage, done };
    } else {
      const each = Math.max(1, all / Math.max(1, epochs));
      if (this.#at.stage === "" && steps) this.#tell({ type: "planned", pictures, heldOut: 0, steps });
      if (this.#at.stage !== stage || this.#state === "paused") {
        // Whoever comes later, or back, sees the rest.
        if (this.#at.stage !== stage) this.#at = { stage, done: losses ? done - 1 : done };
        this.#tell({ type: "begin", stage, epoch: Math.floor(this.#at.done / each), epochs, steps: each, ms });
      }
      // Several steps are told at once.
      const first = this.#at.done;
      for (let step = first; losses && step < done; step++) {
        const at = this.#last + ((ms - this.#last) * (step + 1 - first)) / (done - first);
        this.#tell({ type: "step", stage, epoch: Math.floor(step / each), step: step % each, losses, ms: at });
      }
      this.#at = { stage, done };
    }
    this.#last = ms;
    this.#state = state;
  }
}

/**
 * As `train` of module/train.js, by the program.
 * @param {Good[]} pictures
 * @param {Wanted} wanted
 * @param {{ tell?: (told: Told) => void, signal?: AbortSignal }} options
 * @returns {Promise<NativeTraining>}
 */
export async function trainThere(pictures, { name: title, size, range, amplify, seed, steps }, { tell = () => {}, signal } = {}) {
  const epochs = steps?.map((count) => Math.max(1, Math.round(count / Math.ceil(pictures.length / BATCH))));
  /** @type {Job | undefined} */
  let job;
  try {
    await look();
    const settings = { name: free(title), title, size, seed, range, epochs_amplify: amplify ? epochs?.[0] : 0, epochs_distill: epochs?.[1] };
    const begun = /** @type {Job} */ (await (await ask("api/jobs", { method: "POST", body: JSON.stringify(settings), signal })).json());
    job = begun;
    followed = job.id;
    let sent = 0;
    for (const { name, file } of pictures) {
      tell({ type: "reading", done: sent, all: pictures.length });
      try {
        await ask(`api/jobs/${begun.id}/pictures/${sent}`, { method: "PUT", body: file, signal });
        sent++;
      } catch (error) {
        // One that cannot be used is left out, as in the browser.
        if (/** @type {any} */ (error)?.status !== 422) throw error;
        tell({ type: "unusable", name, message: /** @type {Error} */ (error).message.replace(/^the picture sent: /, "") });
      }
    }
    await order(job.id, "start");
    await look();
    return new NativeTraining(job.id, tell, signal);
  } catch (error) {
    followed = undefined;
    if (job) await order(job.id, "cancel").catch(() => undefined);
    throw isGone(error) ? new Error(`the program on ${PLACE} does not answer; start it again, or learn with this browser`) : error;
  }
}
