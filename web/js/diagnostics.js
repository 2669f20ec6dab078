// The diagnostics dialog: where and how things are computed.

import { described, offered } from "./module/adapter.js";
import { $, copy, make, size } from "./dom.js";
import { clear, downloaded, kept } from "./samples.js";
import { INSECURE } from "./state.js";

/** @param {() => import("./module/aand.js").Detector | undefined} current */
export function wire(current) {
  const dialog = $("diagnostics");
  $("open-diagnostics").onclick = async () => {
    dialog.showModal();
    show(await collect(current()));
  };
  $("close-diagnostics").onclick = () => dialog.close();
  $("copy-diagnostics").onclick = async () => {
    const rows = await collect(current());
    const copied = await copy(rows.map(([name, value]) => `${name}: ${value}`).join("\n"));
    $("copy-diagnostics").textContent = copied ? "Copied" : "Not allowed; select it and copy";
    setTimeout(() => { $("copy-diagnostics").textContent = "Copy diagnostics"; }, 2000);
  };
  $("clear-downloads").onclick = async () => {
    await clear();
    show(await collect(current()));
  };
}

/** @param {number | { width: number, height: number }} size */
function shape(size) {
  const { width, height } = typeof size === "number" ? { width: size, height: size } : size;
  return `${width} × ${height}`;
}

/** @param {string[][]} rows */
function show(rows) {
  $("diagnostics-list").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

/** @param {import("./module/aand.js").Detector | undefined} detector @returns {Promise<string[][]>} */
async function collect(detector) {
  const entries = performance.getEntriesByType("resource");
  const page = entries.filter(({ name }) => !name.includes("/samples/"));
  const transferred = page.reduce((sum, entry) => sum + /** @type {PerformanceResourceTiming} */ (entry).transferSize, 0);
  const module = (await detector?.memory()) ?? { memory: 0, downloaded: 0 };
  const estimate = await navigator.storage?.estimate?.().catch(() => undefined);
  return [
    ["Version", detector?.version ? `aand ${detector.version}` : "the computing module is not loaded yet"],
    ["Computed on", detector ? computed(detector) : "nothing yet"],
    ["WebGPU adapter", await adapter()],
    ["Model", detector ? `${detector.info.name}, ${detector.info.backbone}, ${shape(detector.info.size)}` : "none"],
    ["Memory of the module", size(module.memory)],
    ["Downloaded by this page", `page ${size(transferred)}, module ${size(module.downloaded)}, samples ${size(downloaded)}; what the browser had does not count`],
    ["Samples kept", size(await kept())],
    ["Storage in use", estimate ? size(estimate.usage ?? 0) : "not told"],
    ["Served securely", INSECURE ? "no: over plain http, without which there is no GPU, no camera, no offline use, nothing kept" : "yes"],
    ["Works offline", navigator.serviceWorker?.controller ? "yes" : "not yet"],
    ["Browser", navigator.userAgent],
    ["Processors", String(navigator.hardwareConcurrency ?? "not told")],
  ];
}

/** @param {import("./module/aand.js").Detector} detector */
function computed({ compute, adapter, fallback }) {
  if (compute === "gpu") return `WebGPU: ${adapter}${adapter.endsWith("(software)") ? "; this is slow" : ""}`;
  const cpu = "CPU: WebAssembly with 128-bit SIMD, one thread, in a worker; slower than a GPU, with the same scores";
  return fallback ? `${cpu}. The GPU was given up: ${fallback}` : cpu;
}

async function adapter() {
  if (!(/** @type {any} */ (navigator)).gpu) return INSECURE ? "not offered, because the page was not served securely" : "WebGPU is not offered by this browser";
  const found = await offered();
  return found ? described(found) : "none";
}
