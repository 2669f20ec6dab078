// The good pictures to learn from.

import { Names } from "./names.js";

/** @typedef {import("./module/train.js").Good} Good */

/** @type {Good[]} */
let good = [];
let names = new Names();
/** One after the other: each must know what the earlier ones brought. */
let adding = Promise.resolve();

export const pictures = () => good;

export function clear() {
  good = [];
  names = new Names();
}

/** Takes one out. @param {Good} picture */
export function remove(picture) {
  good = good.filter((other) => other !== picture);
  names.clear();
  for (const { name } of good) names.add(name);
}

/**
 * Adds what is not there yet. A picture is told by its content: the same name and size may be another picture, and
 * the same picture may have another name.
 * @param {Good[]} files
 * @returns {Promise<{ added: number, copies: string[] }>} `copies`: names of those that were there already
 */
export function add(files) {
  const result = adding.then(() => append(files));
  adding = result.then(() => undefined, () => undefined);
  return result;
}

/** @param {Good[]} files */
async function append(files) {
  const copies = [];
  const into = good;
  /** @type {Map<number, Good[]>} */
  const bySize = new Map();
  const alike = (/** @type {Blob} */ { size }) => bySize.get(size) ?? [];
  for (const picture of into) bySize.set(picture.file.size, [...alike(picture.file), picture]);
  let added = 0;
  for (const { name, file } of files) {
    if (await includes(alike(file), file)) {
      copies.push(name);
      continue;
    }
    const picture = { name: names.add(name), file };
    bySize.set(file.size, [...alike(file), picture]);
    // *Remove them* was pressed meanwhile: then these are not wanted either.
    if (into !== good) return { added: 0, copies: [] };
    into.push(picture);
    added++;
  }
  // As the native program orders them: the seed then draws the same ones.
  into.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  return { added, copies };
}

/** @param {Good[]} pictures @param {Blob} file */
async function includes(pictures, file) {
  if (pictures.length === 0) return false;
  const wanted = await content(file);
  for (const { file: other } of pictures) if (wanted !== undefined && wanted === await content(other)) return true;
  return false;
}

/** @type {WeakMap<Blob, Promise<string | undefined>>} */
const contents = new WeakMap();

/** What tells contents apart; nothing if the file cannot be read: the training says so then. @param {Blob} file */
function content(file) {
  const known = contents.get(file) ?? (async () => {
    try {
      const bytes = await file.arrayBuffer();
      // Pages that are not served securely have no digests.
      return crypto.subtle ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).join() : hash(bytes);
    } catch {
      return undefined;
    }
  })();
  contents.set(file, known);
  return known;
}

/** FNV-1a, twice from other beginnings. @param {ArrayBuffer} bytes */
function hash(bytes) {
  let [a, b] = [0x811c9dc5, 0x1000193];
  for (const byte of new Uint8Array(bytes)) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x01000193) + 0x9e3779b9 | 0;
  }
  return `${a} ${b}`;
}
