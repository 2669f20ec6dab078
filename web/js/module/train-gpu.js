// The GPU of a training: which one, and what goes wrong on it.

import { offered } from "./adapter.js";

/**
 * Whether to train on a GPU, and what it is called.
 * @param {"auto" | "cpu" | "gpu"} wanted `auto`: a GPU, if there is one that is not drawn in software
 * @returns {Promise<{ gpu: boolean, adapter: string, software: boolean }>}
 */
export async function choose(wanted) {
  const found = await offered({ powerPreference: "high-performance" });
  if (!found) return { gpu: wanted === "gpu", adapter: "none", software: false };
  const { name: adapter, software } = found;
  return { gpu: wanted === "gpu" || (wanted === "auto" && !software), adapter, software };
}

/**
 * Calls `failed` for every error of every GPU device that is opened from now on, and when one is lost. A shader
 * that the browser rejects is such an error: the module would go on with wrong numbers.
 * @param {(reason: string) => void} failed
 */
export function watch(failed) {
  const adapters = /** @type {any} */ (globalThis).GPUAdapter?.prototype;
  if (!adapters) return;
  const request = adapters.requestDevice;
  adapters.requestDevice = async function (/** @type {any} */ descriptor) {
    const device = await request.call(this, descriptor);
    device.addEventListener("uncapturederror", (/** @type {any} */ event) => failed(event.error.message));
    device.lost.then((/** @type {any} */ info) => failed(`the GPU was lost: ${info.message || info.reason}`));
    return device;
  };
}
