// Trains: holds the module with Burn, for one training; ending the worker cancels it.

import init, { Trainer } from "../wasm/aand-train.js";
import { choose, watch } from "./train-gpu.js";

/** @typedef {import("./train-job.js").Start} Start */

/** Bytes of a picture file beyond which it is not even read. */
const LARGEST_FILE = 512 * 2 ** 20;

/** @type {{ promise: Promise<void>, resolve: () => void } | undefined} */
let paused;
let over = false;

addEventListener("message", ({ data }) => {
  if (data.type === "start") run(data).catch(fail);
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
async function run({ pictures, wanted, compute, earlier }) {
  say({ type: "doing", words: "Starting the training module" });
  const [{ memory }, { gpu, adapter, software }] = await Promise.all([init(), choose(compute)]);
  say({ type: "device", compute: gpu ? "gpu" : "cpu", adapter, software });
  const trainer = await Trainer.open(JSON.stringify(wanted), gpu, earlier && new Uint8Array(earlier));
  let done = 0;
  for (const { name, file } of pictures) {
    try {
      trainer.add(await read(file), name);
    } catch (error) {
      if (/** @type {any} */ (error)?.name !== "PictureError") throw error;
      say({ type: "unusable", name, message: /** @type {Error} */ (error).message });
    }
    say({ type: "reading", done: ++done, all: pictures.length });
    await idle();
  }
  say({ type: "planned", ...JSON.parse(trainer.plan()) });
  const bytes = await trainer.train((/** @type {string} */ event) => say(JSON.parse(event)), idle);
  over = true;
  say({ type: "done", bytes: bytes.buffer, memory: memory.buffer.byteLength }, [bytes.buffer]);
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

/** @param {Blob} file */
async function read(file) {
  if (file.size > LARGEST_FILE) {
    throw unusable(`${Math.round(file.size / 2 ** 20)} MiB is more than the ${LARGEST_FILE / 2 ** 20} MiB that are read here`);
  }
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw unusable("the file can no longer be read; was it moved or changed?");
  }
}

/** @param {string} message */
const unusable = (message) => Object.assign(new Error(message), { name: "PictureError" });

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
