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

/** What is known by now. */
const settled = () => sorted("order").filter(({ state }) => state !== "waiting");

/** @param {(string | number)[][]} rows */
function written(rows) {
  const lines = rows.map((row) => row.map(cell).join(","));
  // Without the mark at the start Excel takes UTF-8 for the letters of some other alphabet.
  return new Blob(["\ufeff", `${lines.join("\r\n")}\r\n`], { type: "text/csv" });
}

/** @param {string | number} value */
function cell(value) {
  // Spreadsheets run what begins so as a formula, and a name may come from anywhere.
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * The CSV, with the name of its picture in each row, and for each picture that is judged by now original, heat map
 * and overlay.
 * @param {number} threshold
 * @param {Uint8Array} colors
 * @param {AbortSignal} signal
 * @param {(done: number, total: number) => void} progress
 * @returns {Promise<Blob>}
 */
export async function zip(threshold, colors, signal, progress) {
  const names = new Names();
  names.add("results.csv");
  // As it is now: judging may go on meanwhile, or begin anew with another model.
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
