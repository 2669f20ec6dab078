// Results as CSV, and everything as a ZIP.

import { downloadZip } from "../vendor/client-zip.js";
import { Names, stem } from "./names.js";
import { normalized, sorted, verdict } from "./pictures.js";
import { panels } from "./viewer.js";

/** @typedef {import("./pictures.js").Item} Item */

/** The columns of the native program's results.csv. */
const COLUMNS = ["path", "score", "normalized", "verdict", "ms", "error"];

/** @param {number} threshold */
export function csv(threshold) {
  return written([COLUMNS, ...settled().map((item) => row(item, threshold))]);
}

/** @param {Item} item @param {number} threshold @returns {(string | number)[]} */
function row({ name, found, error }, threshold) {
  return found
    ? [name, found.score, normalized(found.score, threshold), verdict(found.score, threshold).kind, found.ms.toFixed(2), ""]
    : [name, "", "", "", "", error ?? ""];
}

/** The pictures with a result so far. */
const settled = () => sorted("order").filter(({ state }) => state !== "waiting");

/** @param {(string | number)[][]} rows */
function written(rows) {
  const lines = rows.map((row) => row.map(cell).join(","));
  // Without the byte order mark, Excel does not recognize UTF-8.
  return new Blob(["\ufeff", `${lines.join("\r\n")}\r\n`], { type: "text/csv" });
}

/** @param {string | number} value */
function cell(value) {
  // Spreadsheets treat text that begins like this as a formula, and names cannot be trusted.
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * The CSV, with the picture's name in each row, and for each picture judged so far the original, heat map and
 * overlay.
 * @param {number} threshold
 * @param {Uint8Array} colors
 * @param {AbortSignal} signal
 * @param {(done: number, total: number) => void} progress
 * @returns {Promise<Blob>}
 */
export async function zip(threshold, colors, signal, progress) {
  const names = new Names();
  names.add("results.csv");
  // A copy of the present state: judging may go on in the meantime, or start again with another model.
  const all = settled().map((item) => ({
    row: row(item, threshold), found: item.found, picture: item.found ? names.add(`${stem(item.name)}.png`) : "",
  }));
  const judged = all.filter(({ found }) => found);
  async function* files() {
    yield { name: "results.csv", input: written([[...COLUMNS, "picture"], ...all.map(({ row, picture }) => [...row, picture])]) };
    let done = 0;
    for (const { found, picture } of judged) {
      signal.throwIfAborted();
      const seen = /** @type {import("./pictures.js").Judged} */ (found);
      const bitmap = await createImageBitmap(seen.preview);
      yield { name: picture, input: await panels(seen, bitmap, colors) };
      bitmap.close();
      progress(++done, judged.length);
    }
  }
  return downloadZip(files()).blob();
}
