// Measures models in this browser; and compares them with onnxruntime-web if `web/compare` has put it there.

import { Detector } from "./module/aand.js";
import { $, copy, make } from "./dom.js";
import * as samples from "./samples.js";
import { PRECISION } from "./state.js";

/**
 * @typedef {{ name: string, start: () => Promise<() => Promise<unknown>>, stop: () => void, note?: () => string }} Engine
 * @typedef {{ name: string, note: string, load_ms: number, first_ms: number, median_ms: number, p95_ms: number, latency_ms: number[] }} Measured
 */

/** `?compare=some.onnx`: the same graph for onnxruntime-web, which must then be in `ort/`. */
const ONNX = new URLSearchParams(location.search).get("compare");
/** `?only=cpu` does not use the GPU. */
const GPU = new URLSearchParams(location.search).get("only") !== "cpu";

/** @type {{ name: string, open: (signal: AbortSignal) => Promise<Blob> }[]} */
const models = [];
let stopping = new AbortController();
/** Whether this is an old page with new modules. */
let replaced = false;
/** @type {object | undefined} */
let result;

/** @param {number[]} values @param {number} share */
function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

/** @param {number | { width: number, height: number }} size @returns {[number, number]} */
const sides = (size) => typeof size === "number" ? [size, size] : [size.width, size.height];

/** A picture without uniform areas. @param {[number, number]} size */
function picture([width, height]) {
  const made = new ImageData(width, height);
  let state = 1;
  for (let i = 0; i < made.data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    made.data[i] = i % 4 === 3 ? 255 : state >>> 24;
  }
  return made;
}

/** @param {Blob} model @param {"cpu" | "gpu"} compute @param {AbortSignal} signal @returns {Engine & { detector?: Detector }} */
function ours(model, compute, signal) {
  return {
    name: compute === "cpu" ? "aand, CPU (WebAssembly)" : `aand, WebGPU${PRECISION === "f16" ? ", f16" : ""}`,
    async start() {
      const detector = this.detector = await Detector.load(model, { compute, precision: PRECISION });
      const input = picture(sides(detector.info.size));
      return async () => {
        const found = await detector.detect(input, { signal });
        if (detector.compute !== compute) throw new Error(detector.fallback);
        return found;
      };
    },
    note() {
      const adapter = this.detector?.adapter ?? "";
      if (compute === "cpu") return "one thread, 128-bit SIMD";
      return adapter.endsWith("(software)") ? `software adapter: ${adapter.replace(" (software)", "")}` : adapter;
    },
    stop() { this.detector?.close(); },
  };
}

/** @param {"wasm" | "webgpu"} provider @param {number} side @returns {Engine} */
function theirs(provider, side) {
  /** @type {any} */
  let session;
  return {
    name: `onnxruntime-web, ${provider === "wasm" ? "CPU (WebAssembly)" : "WebGPU"}`,
    async start() {
      const address = new URL("../ort/ort.all.bundle.min.mjs", import.meta.url).href;
      const ort = await import(address);
      ort.env.wasm.wasmPaths = new URL("../ort/", import.meta.url).href;
      ort.env.wasm.numThreads = 1;
      const bytes = await (await fetch(/** @type {string} */ (ONNX))).arrayBuffer();
      session = await ort.InferenceSession.create(bytes, { executionProviders: [provider] });
      const { data } = picture([side, side]);
      const input = new ort.Tensor("float32", Float32Array.from({ length: 3 * side * side }, (_, i) =>
        data[4 * (i % (side * side)) + Math.floor(i / (side * side))] / 255), [1, 3, side, side]);
      return () => session.run({ [session.inputNames[0]]: input });
    },
    note: () => (provider === "wasm" ? "one thread" : ""),
    stop() { session?.release(); },
  };
}

/** @param {Blob} model @param {string} name @param {number} runs @param {AbortSignal} signal */
async function measure(model, name, runs, signal) {
  const cpu = ours(model, "cpu", signal);
  /** @type {Engine[]} */
  const engines = [cpu];
  const adapter = GPU && await /** @type {any} */ (navigator).gpu?.requestAdapter().catch(() => null);
  if (adapter) engines.push(ours(model, "gpu", signal));
  /** @type {(Measured & { run: () => Promise<unknown> })[]} */
  const measured = [];
  try {
    for (let i = 0; i < engines.length; i++) {
      const engine = engines[i];
      say(`Loading ${engine.name}`);
      const begin = performance.now();
      const run = await engine.start();
      const load_ms = performance.now() - begin;
      signal.throwIfAborted();
      say(`First answer of ${engine.name}`);
      const first = performance.now();
      await run();
      const first_ms = performance.now() - first;
      measured.push({ name: engine.name, note: engine.note?.() ?? "", load_ms, first_ms, median_ms: NaN, p95_ms: NaN, latency_ms: [], run });
      show(measured);
      signal.throwIfAborted();
      if (engine === cpu && ONNX) {
        const side = /** @type {any} */ (cpu).detector.info.size;
        engines.push(theirs("wasm", side));
        if (adapter) engines.push(theirs("webgpu", side));
      }
    }
    // In turns, so that other load on the machine affects all of them alike.
    for (let n = 0; n < runs; n++) {
      say(`Run ${n + 1} of ${runs}`);
      for (const engine of measured) {
        const begin = performance.now();
        await engine.run();
        engine.latency_ms.push(performance.now() - begin);
        signal.throwIfAborted();
      }
      for (const engine of measured) {
        engine.median_ms = median(engine.latency_ms);
        engine.p95_ms = quantile(engine.latency_ms, 0.95);
      }
      show(measured);
    }
    const { info, version } = /** @type {any} */ (cpu).detector;
    return {
      program: `aand ${version}`, model: name, backbone: info.backbone, size: sides(info.size).join(" × "), browser: navigator.userAgent,
      processors: navigator.hardwareConcurrency, engines: measured.map(({ run, ...rest }) => rest),
    };
  } finally {
    for (const engine of engines) engine.stop();
  }
}

/** @param {string} words */
function say(words) {
  $("words").textContent = words;
}

/** @param {Measured[]} measured */
function show(measured) {
  const number = (/** @type {number} */ ms) => make("td", {}, Number.isNaN(ms) ? "" : ms.toFixed(ms < 100 ? 1 : 0));
  $("rows").replaceChildren(...measured.map((of) => make("tr", {},
    make("th", { scope: "row" }, of.name, ...(of.note ? [make("small", {}, of.note)] : [])),
    number(of.load_ms), number(of.first_ms), number(of.median_ms), number(of.p95_ms), make("td", {}, String(of.latency_ms.length)))));
  /** @type {HTMLElement} */ (document.querySelector(".scroll")).hidden = false;
}

/** @param {{ program: string, model: string, backbone: string, size: string, browser: string, processors: number }} of */
function about({ program, model, backbone, size, browser, processors }) {
  const rows = [["Program", program], ["Model", `${model}, ${backbone}, ${size}`], ["Browser", browser], ["Processors", String(processors)]];
  $("about").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

$("measure").onclick = async () => {
  stopping = new AbortController();
  $("error").hidden = true;
  $("measure").disabled = true;
  $("cancel").hidden = false;
  $("copy").hidden = true;
  try {
    const model = models[Number($("model").value)];
    const file = await model.open(stopping.signal);
    result = await measure(file, model.name, Math.max(1, Number($("runs").value) || 20), stopping.signal);
    about(/** @type {any} */ (result));
    say("Done.");
    $("copy").hidden = false;
  } catch (error) {
    say("");
    $("error").textContent = stopping.signal.aborted ? "Cancelled." : error instanceof Error ? error.message : String(error);
    $("error").hidden = false;
  } finally {
    $("measure").disabled = replaced;
    $("cancel").hidden = true;
  }
};
$("cancel").onclick = () => stopping.abort();
$("copy").onclick = async () => {
  say(await copy(JSON.stringify(result, undefined, 1)) ? "Copied." : "The browser does not allow copying.");
};
$("model").onchange = () => {
  if ($("model").value === "file") $("file").click();
};
$("file").onchange = () => {
  const [file] = $("file").files;
  if (!file) return;
  models.push({ name: file.name, open: async () => file });
  offer(models.length - 1);
};

/** @param {number} [chosen] */
function offer(chosen = 0) {
  $("model").replaceChildren(
    ...models.map(({ name }, i) => make("option", { value: String(i) }, name)),
    make("option", { value: "file" }, "a model file…"));
  $("model").value = models.length ? String(chosen) : "file";
  $("measure").disabled = replaced || models.length === 0;
}

document.documentElement.dataset.started = "";

// Another tab loaded a new version of the page, whose modules do not fit this page.
let controlled = Boolean(navigator.serviceWorker?.controller);
navigator.serviceWorker?.addEventListener("controllerchange", () => {
  if (controlled) {
    replaced = true;
    $("measure").disabled = true;
    say("A new version of this page was taken in another tab; reload to measure with it.");
  }
  controlled = true;
});

const listed = await samples.list().catch((error) => {
  say(`No samples: ${error.message}`);
  return [];
});
for (const sample of listed) {
  models.push({ name: sample.title, open: async (signal) => (await samples.fetchModel(sample, signal, () => {})) });
}
offer();
// Read by `web/compare` and the tests.
Object.defineProperty(globalThis, "benchResult", { get: () => result });
