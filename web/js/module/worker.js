// The worker that computes: holds the module and one model, and answers one request after the other.

import { described, offered } from "./adapter.js";
import { decoded, isForeign, read, readable } from "./foreign.js";
import { teacher } from "./teacher.js";
import init, { Detector, colorTable, needsTeacher, provideTeacher, version } from "../../wasm/aand-web.js";

/** @typedef {import("./protocol.js").Request} Request */

/** How many pictures' features are kept, some megabytes each. */
const KEPT = 4;

/** @type {Promise<{ memory: WebAssembly.Memory }> | undefined} */
let starting;
/** @type {Detector | undefined} */
let detector;
/** The canvas on which a GPU draws its heat maps. @type {OffscreenCanvas | undefined} */
let canvas;
/** @type {Exclude<Request, { type: "cancel" }>[]} */
const queue = [];
let busy = false;
/** Number of good pictures that the model keeps. */
let good = 0;
/** Whether it keeps embeddings. */
let familiar = false;

addEventListener("message", ({ data }) => {
  /** @type {Request} */
  const request = data;
  if (request.type === "cancel") {
    const at = queue.findIndex((waiting) => waiting.id === request.id);
    if (at >= 0) queue.splice(at, 1);
    return;
  }
  queue.push(request);
  if (!busy) run();
});

async function run() {
  busy = true;
  for (let request = queue.shift(); request; request = queue.shift()) {
    const { id } = request;
    try {
      const [result, transfer] = await answer(request);
      postMessage({ id, type: "done", result }, { transfer });
    } catch (error) {
      const { name, message, fatal } = explain(error);
      postMessage({ id, type: "failed", name, message, fatal });
    }
    // Lets a cancellation arrive before the next request.
    await new Promise((resolve) => setTimeout(resolve));
  }
  busy = false;
}

/** @param {Exclude<Request, { type: "cancel" }>} request @returns {Promise<[any, Transferable[]]>} */
async function answer(request) {
  if (request.type === "memory") {
    const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType("resource"));
    const downloaded = entries.reduce((sum, entry) => sum + entry.transferSize, 0);
    return [{ memory: starting ? (await starting).memory.buffer.byteLength : 0, downloaded }, []];
  }
  starting ??= init();
  if (request.type === "warm") {
    // What fails now is tried again when it is needed, and told then.
    const ready = await Promise.all([teacher(), starting]).catch(() => { starting = undefined; });
    if (ready) provideTeacher(ready[0]);
    return [undefined, []];
  }
  await starting;
  if (request.type === "load") {
    const { use, draw, adapter } = await choose(request.compute);
    const shown = draw ? new OffscreenCanvas(1, 1) : undefined;
    const bytes = new Uint8Array(request.bytes);
    if (needsTeacher(bytes)) provideTeacher(await teacher());
    const next = await Detector.load(bytes, request.name, use, request.precision === "f16", shown);
    detector?.free();
    forget(0);
    [detector, canvas] = [next, shown];
    const { compute } = detector;
    const prepare = detector.needsInspector;
    return [{ info: JSON.parse(detector.info), colors: colorTable(), version: version(), compute, adapter, prepare }, []];
  }
  if (!detector) throw named("ModelError", "no model is loaded; load one first");
  switch (request.type) {
    case "detect": return detect(detector, request);
    case "prepare": return [detector.prepareInspection(new Uint8Array(request.bytes), request.name), []];
    case "inspect": return inspect(detector, request);
    case "patch": return patch(request);
    case "why": return why(detector, request);
    case "distance": return distance(detector, request);
    case "drift": return [JSON.parse(detector.drift(JSON.stringify(request.pictures))), []];
    case "colors": return fixColors(detector, request.pictures);
    case "input": return image(detector.inputOf(await readable(request.picture), request.name), detector.inputWidth);
    case "defect": return image(detector.defect(bytes(request.picture), request.seed), request.picture.width);
  }
}

/** Pixels of RGBA. @param {Uint8Array} pixels @param {number} width @returns {[ImageData, Transferable[]]} */
function image(pixels, width) {
  const made = new ImageData(new Uint8ClampedArray(pixels), width, pixels.length / 4 / width);
  return [made, [made.data.buffer]];
}

/** @param {ImageData} picture */
function bytes({ data }) {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The latest inspected pictures, for questions about their patches. @type {Map<number, import("../../wasm/aand-web.js").IntermediateFeatures>} */
const looked = new Map();
let turns = 0;

function forget(/** @type {number} */ kept) {
  for (const [turn, found] of looked) {
    if (looked.size <= kept) return;
    looked.delete(turn);
    found.free();
  }
}

/** @param {Detector} detector @param {import("./protocol.js").InspectRequest} request @returns {[any, Transferable[]]} */
function inspect(detector, { picture, amplify, colors }) {
  const started = performance.now();
  const found = detector.inspect(bytes(picture), amplify);
  const ms = performance.now() - started;
  const turn = turns++;
  looked.set(turn, found);
  forget(KEPT);
  const levels = [0, 1, 2].map((level) => {
    const of = (/** @type {string} */ name) => found.panel(level, name);
    const color = (/** @type {string} */ name) => (colors ? found.colors(level, name) : undefined);
    return {
      side: found.side(level), teacher: of("teacher"), gate: of("gate"), residual: of("residual"),
      advanced: of("advanced"), student: of("student"), discrepancy: of("discrepancy"), share: found.share(level),
      colors: colors && { teacher: color("teacher"), advanced: color("advanced"), student: color("student"), shares: found.colorShares(level) },
    };
  });
  return [{ levels, map: found.map, side: picture.width, score: found.score, ms, turn }, []];
}

/** The numbers of a patch; `undefined` if its picture is no longer kept. @param {import("./protocol.js").PatchRequest} request @returns {[any, Transferable[]]} */
function patch({ turn, level, position, similar }) {
  const found = looked.get(turn);
  if (similar) return [found?.similar(level, position), []];
  const numbers = found?.patch(level, position);
  if (!numbers) return [undefined, []];
  try {
    const { teacher, advanced, student, cosine, memoryCosines, memoryShares, gate } = numbers;
    return [{ teacher, advanced, student, cosine, memoryCosines, memoryShares, gate }, []];
  } finally {
    numbers.free();
  }
}

/** The good patch that is most like one of a picture. @param {Detector} detector @param {import("./protocol.js").WhyRequest} request @returns {Promise<[any, Transferable[]]>} */
async function why(detector, { picture, name, x, y, bytes: model }) {
  if (model) good = detector.prepareWhy(new Uint8Array(model), name);
  if (good === 0) return [undefined, []];
  const found = detector.why(detector.inputOf(await readable(picture), name), x, y);
  if (!found) return [undefined, []];
  try {
    const [odd, of] = [found.odd, found.good].map((pixels) => new ImageData(new Uint8ClampedArray(pixels), found.side));
    return [{ odd, good: of, cosine: found.cosine }, [odd.data.buffer, of.data.buffer]];
  } finally {
    found.free();
  }
}

/** How far a picture is from those of the training. @param {Detector} detector @param {import("./protocol.js").DistanceRequest} request @returns {Promise<[any, Transferable[]]>} */
async function distance(detector, { picture, name, bytes: model }) {
  if (model) familiar = detector.prepareDistance(new Uint8Array(model), name);
  return [familiar ? detector.distance(await readable(picture), name) : undefined, []];
}

/** Good pictures, one after the other. @param {Detector} detector @param {ImageData[]} pictures @returns {[any, Transferable[]]} */
function fixColors(detector, pictures) {
  const all = new Uint8Array(pictures.reduce((sum, { data }) => sum + data.length, 0));
  let at = 0;
  for (const picture of pictures) {
    all.set(bytes(picture), at);
    at += picture.data.length;
  }
  return [detector.fixColors(all), []];
}

/** @param {Detector} detector @param {import("./protocol.js").DetectRequest} request @returns {Promise<[any, Transferable[]]>} */
async function detect(detector, { id, picture, name, preview }) {
  const started = performance.now();
  let told = started;
  const progress = (/** @type {number} */ done, /** @type {number} */ total) => {
    const now = performance.now();
    if (now - told < 100 && done < total) return;
    told = now;
    postMessage({ id, type: "progress", done, total });
  };
  const file = picture instanceof Blob ? await read(picture) : undefined;
  // The browser may support a format that the program's decoder lacks; if not, the decoder reports the error.
  const borrowed = picture instanceof Blob && file && isForeign(file) ? await decoded(picture) : undefined;
  const pixels = borrowed ?? (picture instanceof Blob ? undefined : picture);
  const found = pixels
    ? await detector.detectPixels(new Uint8Array(pixels.data.buffer), pixels.width, pixels.height, progress)
    : await detector.detectFile(/** @type {Uint8Array} */ (file), name, progress);
  const ms = performance.now() - started;
  try {
    const { score, normalized, side, width, height, map } = found;
    const verdict = found.anomalous ? "anomalous" : "good";
    const remark = found.remark ? JSON.parse(found.remark) : undefined;
    const regions = JSON.parse(found.regions);
    const result = { score, normalized, verdict, side, width, height, map, regions, ms, borrowed: Boolean(borrowed), remark };
    /** @type {Transferable[]} */
    const transfer = [map.buffer];
    if (preview > 0) {
      if (canvas && detector.draws) {
        const heat = { solid: heatMap(detector, canvas, false), through: heatMap(detector, canvas, true) };
        Object.assign(result, { heat });
        transfer.push(heat.solid, heat.through);
      }
      Object.assign(result, { preview: await show(found, preview) });
    }
    return [result, transfer];
  } finally {
    found.free();
  }
}

/** The heat map of the last picture, which never leaves the GPU. @param {Detector} detector @param {OffscreenCanvas} canvas @param {boolean} see_through */
function heatMap(detector, canvas, see_through) {
  detector.show(see_through);
  return canvas.transferToImageBitmap();
}

/** Whether to use a GPU, whether it draws the heat maps, and which. @param {import("./protocol.js").Wanted} wanted */
async function choose(wanted) {
  const found = await offered();
  if (!found) return { use: wanted === "gpu", draw: false, adapter: "none" };
  // A software adapter would be slower than computing on the CPU directly.
  const use = wanted === "gpu" || (wanted === "auto" && !found.software);
  // Chromium without a GPU cannot use a WebGPU canvas: its GPU process would crash.
  return { use, draw: use && !found.software, adapter: described(found) };
}

/** @param {import("../../wasm/aand-web.js").Detection} found @param {number} longest */
async function show(found, longest) {
  const scale = Math.min(1, longest / Math.max(found.width, found.height));
  const width = Math.max(1, Math.round(found.width * scale));
  const height = Math.max(1, Math.round(found.height * scale));
  const pixels = new ImageData(new Uint8ClampedArray(found.preview(width, height)), width, height);
  const canvas = new OffscreenCanvas(width, height);
  /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(pixels, 0, 0);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}

/** @param {string} name @param {string} message */
function named(name, message) {
  return Object.assign(new Error(message), { name });
}

/** @param {unknown} error */
function explain(error) {
  if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
    const message = "the computing module ran out of memory or failed; it was started anew. Try a smaller picture";
    return { name: "ModuleError", message, fatal: true };
  }
  if (error instanceof WebAssembly.CompileError) {
    const message = "this browser cannot run the module (it needs WebAssembly with SIMD); use a newer one";
    return { name: "ModuleError", message, fatal: true };
  }
  if (error instanceof Error) return { name: error.name, message: error.message, fatal: error.name === "TypeError" || (error.name === "DetectionError" && detector?.compute === "gpu") };
  return { name: "Error", message: String(error), fatal: true };
}
