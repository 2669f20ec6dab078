// Renders parts in a worker; the training module contains the renderer.

import init, { rendered } from "../../wasm/aand-train.js";

/** @typedef {import("./rendered.js").Part} Part */

addEventListener("message", async ({ data: { line, parts } }) => {
  try {
    await init();
    const files = /** @type {Part[]} */ (parts).map(({ seed, defect }) => rendered(line, seed, defect).buffer);
    postMessage({ files }, { transfer: /** @type {ArrayBuffer[]} */ (files) });
  } catch (error) {
    postMessage({ failed: error instanceof Error ? error.message : String(error) });
  }
});
