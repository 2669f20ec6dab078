// Results as CSV, and everything as a ZIP.

import { downloadZip } from "../vendor/client-zip.js";
import { normalized, sorted, verdict } from "./pictures.js";
import { panels, stem } from "./viewer.js";

/** @typedef {import("./pictures.js").Item} Item */

/** The columns of the native program's results.csv. @param {number} threshold */
export function csv(threshold) {
  const rows = sorted("order").filter(({ state }) => state !== "waiting").map(({ name, found, error }) => found
    ? [name, found.score, normalized(found.score, threshold), verdict(found.score, threshold).kind, found.ms.toFixed(2), ""]
    : [name, "", "", "", "", error ?? ""]);
  const quoted = (/** @type {string | number} */ value) => /[",\n\r]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  const lines = [["path", "score", "normalized", "verdict", "ms", "error"], ...rows].map((row) => row.map(quoted).join(","));
  return new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" });
}

/**
 * The CSV and, for each picture, original, heat map and overlay.
 * @param {number} threshold
 * @param {Uint8Array} colours
 * @param {AbortSignal} signal
 * @param {(done: number, total: number) => void} progress
 */
export async function zip(threshold, colours, signal, progress) {
  const judged = sorted("order").filter(({ found }) => found);
  const used = new Set();
  async function* files() {
    yield { name: "results.csv", input: csv(threshold) };
    let done = 0;
    for (const item of judged) {
      signal.throwIfAborted();
      const found = /** @type {import("./pictures.js").Judged} */ (item.found);
      const picture = await createImageBitmap(found.preview);
      yield { name: unused(stem(item.name)), input: await panels(item, picture, colours) };
      picture.close();
      progress(++done, judged.length);
    }
  }
  /** @param {string} name */
  function unused(name) {
    let candidate = `${name}.png`;
    for (let i = 2; used.has(candidate); i++) candidate = `${name}-${i}.png`;
    used.add(candidate);
    return candidate;
  }
  return downloadZip(files()).blob();
}
