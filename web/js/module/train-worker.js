// Trains or refines: holds the module with Burn, for one training; ending the worker cancels it.

import init, { Refiner, Trainer } from "../../wasm/aand-train.js";
import { isForeign, read as contents, readable } from "./foreign.js";
import { choose, watch } from "./train-gpu.js";
import { plan, Stopwatch } from "./train-plan.js";

/** @typedef {import("./train.js").Start} Start */
/** @typedef {import("./train.js").Good} Good */

/** Fewer good pictures are not learned from. */
const FEWEST = 5;

/** @type {{ promise: Promise<void>, resolve: () => void } | undefined} */
let paused;
let over = false;

addEventListener("message", ({ data }) => {
  if (data.type === "start") run(data).catch(fail);
  else if (data.type === "refine") refine(data).catch(fail);
  else if (data.type === "pause") paused ??= deferred();
  else if (data.type === "resume") {
    paused?.resolve();
    paused = undefined;
  }
});
// A module that ran out of memory, or failed, leaves its promises unanswered.
addEventListener("error", (event) => { event.preventDefault(); fail(event.error ?? event.message); });
addEventListener("unhandledrejection", (event) => { event.preventDefault(); fail(event.reason); });
watch((reason) => fail(Object.assign(new Error(`the GPU failed: ${reason}`), { name: "DetectionError" })));

/** @param {Start} start */
async function run({ pictures, wanted, compute, earlier, within, showing }) {
  say({ type: "doing", words: "Starting the training module" });
  const [{ memory }, { gpu, adapter, software }] = await Promise.all([init(), choose(compute)]);
  say({ type: "device", compute: gpu ? "gpu" : "cpu", adapter, software });
  const steps = within && await planned(pictures, wanted, within, { gpu, adapter }, earlier);
  const trainer = await Trainer.open(JSON.stringify({ ...wanted, ...(steps && { steps }) }), gpu, earlier && new Uint8Array(earlier));
  await read(trainer, pictures, true);
  say({ type: "planned", ...JSON.parse(trainer.plan()) });
  const shown = new Shown(showing);
  const bytes = await trainer.train((/** @type {string} */ event) => {
    const told = JSON.parse(event);
    say(told);
    return shown.wants(told) ? "model" : undefined;
  }, idle, (/** @type {Uint8Array} */ bytes) => say({ type: "model", ...shown.of, bytes: bytes.buffer }, [bytes.buffer]));
  over = true;
  // A training is worth its model, with a film or without.
  const film = trainer.film?.()?.buffer;
  say({ type: "done", bytes: bytes.buffer, film, memory: memory.buffer.byteLength }, film ? [bytes.buffer, film] : [bytes.buffer]);
}

/** New good pictures from which on two more students tell the threshold (src/refinement/threshold.rs). */
const FEWEST_NEW = 4;

/** @param {import("./refine.js").Start} start */
async function refine({ model, good, defects, wanted, compute }) {
  say({ type: "doing", words: "Starting the training module" });
  const [{ memory }, { gpu, adapter, software }] = await Promise.all([init(), choose(compute)]);
  say({ type: "device", compute: gpu ? "gpu" : "cpu", adapter, software });
  const refiner = await Refiner.open(new Uint8Array(model), JSON.stringify(wanted), gpu);
  const stored = new Stored();
  const all = [...good.map((picture) => ({ ...picture, good: true })), ...defects.map((picture) => ({ ...picture, good: false }))];
  for (const [i, { name, file, good }] of all.entries()) {
    try {
      const bytes = await contents(file);
      // What the browser decodes is still known by its file.
      const copy = isForeign(bytes) ? await readable(file) : bytes;
      stored.hear(refiner.add(copy, name, good, copy === bytes ? undefined : bytes));
    } catch (error) {
      // One that cannot be read ends it: who corrects by ten pictures wants ten to count.
      if (/** @type {any} */ (error)?.name === "PictureError") /** @type {Error} */ (error).message = `${name}: ${/** @type {Error} */ (error).message}`;
      throw error;
    }
    say({ type: "reading", done: i + 1, all: all.length });
    await idle();
  }
  stored.tell();
  const rounds = good.length < FEWEST_NEW ? 1 : 3;
  const done = { rounds: 0, steps: 0, of: 1 };
  const bytes = await refiner.refine((/** @type {string} */ event) => {
    const told = JSON.parse(event);
    if (told.type === "begin") Object.assign(done, { rounds: done.rounds + 1, steps: 0, of: told.epochs * told.steps });
    if (told.type === "step") done.steps++;
    say({ type: "refining", share: Math.min(1, (Math.max(0, done.rounds - 1) + done.steps / done.of) / rounds) });
  }, idle);
  over = true;
  say({ type: "done", bytes: bytes.buffer, outcome: JSON.parse(refiner.outcome() ?? "null"), memory: memory.buffer.byteLength }, [bytes.buffer]);
}

/** Decides after which epochs the model is told. */
class Shown {
  #every;
  #last = -Infinity;
  of = { stage: "", epoch: 0, epochs: 0 };

  /** @param {number} [seconds] */
  constructor(seconds) {
    this.#every = seconds === undefined ? Infinity : 1000 * seconds;
  }

  /** @param {any} told */
  wants(told) {
    if (told.type === "begin") {
      // The first epoch of each stage is shown at once.
      this.#last = -Infinity;
      this.of = { stage: told.stage, epoch: told.epoch, epochs: told.epochs };
    }
    if (told.type !== "epoch") return false;
    this.of.epoch = told.record.epoch;
    if (this.#every === Infinity || told.ms - this.#last < this.#every) return false;
    this.#last = told.ms;
    return true;
  }
}

/**
 * The steps that fit into the time given.
 * @param {Good[]} pictures @param {import("./train.js").Wanted} wanted @param {import("./train.js").Within} within
 * @param {{ gpu: boolean, adapter: string }} on @param {ArrayBuffer} [earlier]
 */
async function planned(pictures, wanted, { minutes, paces = {} }, { gpu, adapter }, earlier) {
  const of = `${wanted.size} ${wanted.batch} ${gpu ? adapter : "cpu"}`;
  let pace = paces[of];
  if (!pace) {
    say({ type: "doing", words: "Measuring how quick this device is" });
    const watch = new Stopwatch();
    const trial = await Trainer.open(JSON.stringify({ ...wanted, steps: [3, 3] }), gpu, earlier && new Uint8Array(earlier));
    if (await read(trial, pictures, false, Math.max(FEWEST, wanted.batch)) < FEWEST) {
      // The training itself will say so, and name those that cannot be used.
      trial.free();
      return [1, 1];
    }
    trial.plan();
    await trial.train((/** @type {string} */ event) => watch.hear(JSON.parse(event)), idle, () => undefined);
    trial.free();
    pace = watch.pace();
  }
  const { steps, minutes: took } = plan(minutes, pace, { pictures: pictures.length, batch: wanted.batch, amplify: wanted.amplify });
  say({ type: "pace", of, pace, minutes: took });
  return steps;
}

/**
 * Gives pictures to a trainer, until it has enough of them.
 * @param {Trainer} trainer @param {Good[]} pictures @param {boolean} aloud whether the page is told @param {number} [enough]
 * @returns {Promise<number>} how many could be used
 */
async function read(trainer, pictures, aloud, enough = Infinity) {
  let done = 0;
  let usable = 0;
  const stored = new Stored();
  for (const { name, file } of pictures) {
    if (usable >= enough) break;
    try {
      stored.hear(trainer.add(await readable(file), name));
      usable++;
    } catch (error) {
      if (/** @type {any} */ (error)?.name !== "PictureError") throw error;
      if (aloud) say({ type: "unusable", name, message: /** @type {Error} */ (error).message });
    }
    done++;
    if (aloud) say({ type: "reading", done, all: pictures.length });
    await idle();
  }
  if (aloud) stored.tell();
  return usable;
}

/** Sums up how values are stored that do not fit the range they are read with. */
class Stored {
  #all = { pictures: 0, lowest: Infinity, highest: -Infinity, range: null, fits: null };

  /** @param {string | undefined} remark */
  hear(remark) {
    if (!remark) return;
    const { lowest, highest, range, fits } = JSON.parse(remark);
    if (highest >= this.#all.highest) Object.assign(this.#all, { highest, fits });
    Object.assign(this.#all, { pictures: this.#all.pictures + 1, lowest: Math.min(this.#all.lowest, lowest), range });
  }

  tell() {
    if (this.#all.pictures) say({ type: "stored", ...this.#all });
  }
}

const breath = new MessageChannel();
/** Lets messages through, and takes as long as the training is to pause. */
async function idle() {
  await new Promise((resolve) => {
    breath.port1.onmessage = resolve;
    breath.port2.postMessage(undefined);
  });
  if (paused) say({ type: "paused" });
  while (paused) await paused.promise;
}

function deferred() {
  let resolve = () => {};
  const promise = /** @type {Promise<void>} */ (new Promise((r) => { resolve = r; }));
  return { promise, resolve };
}

/** @param {any} message @param {Transferable[]} [transfer] */
function say(message, transfer = []) {
  postMessage(message, { transfer });
}

/** Says the first failure; after it nothing can be trusted. @param {unknown} error */
function fail(error) {
  if (over) return;
  over = true;
  let { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
    message = "the training module ran out of memory or failed; try fewer or smaller pictures, or a smaller input size";
  } else if (error instanceof WebAssembly.CompileError) {
    message = "this browser cannot run the module (it needs WebAssembly with SIMD); use a newer one";
  }
  say({ type: "failed", name, message });
}
