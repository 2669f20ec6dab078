// The added pictures, and what is known about each.

import { Names } from "./names.js";
import { positions } from "./paint.js";

/**
 * @typedef {object} Judged
 * @property {number} score
 * @property {Uint8Array} positions the map on the color scale, 0 to 255
 * @property {import("./module/protocol.js").Heat} [heat] as the GPU drew it, of the latest pictures
 * @property {number} side columns of the map
 * @property {import("./module/protocol.js").Region[]} regions
 * @property {number} peak where the map is highest
 * @property {number} highest its value there; differs from the score if that is a mean of the highest values
 * @property {number} width
 * @property {number} height
 * @property {number} ms
 * @property {Blob} preview
 *
 * @typedef {object} Item
 * @property {number} order
 * @property {string} name unique
 * @property {Blob} file
 * @property {boolean} own whether it is the person's own and not a sample's
 * @property {"waiting" | "judged" | "failed"} state
 * @property {string} [error]
 * @property {string} [remark] the remark beside its score
 * @property {Judged} [found]
 * @property {"good" | "defect"} [mark] the person's mark, whatever the verdict
 * @property {boolean} [learned] whether the model that judges has learned from the mark
 */

/** @type {Item[]} */
export const items = [];
/** For how many pictures the GPU's own heat maps are kept, half a megabyte of its memory each. */
const HEATS = 64;
/** @type {Judged[]} */
const heated = [];
let added = 0;

const names = new Names();

/** @param {{ name: string, file: Blob }[]} files @param {boolean} own */
export function add(files, own = true) {
  // Saved rows and pictures need unique names.
  for (const { name, file } of files) items.push({ order: added++, name: names.add(name), file, own, state: "waiting" });
}

/** Removes pictures; all of them unless `which` is given. @param {(item: Item) => boolean} [which] @returns {Item[]} */
export function remove(which = () => true) {
  const gone = new Set(items.filter(which));
  replace(items.filter((item) => !gone.has(item)));
  return [...gone];
}

/** Restores removed pictures. @param {Item[]} gone */
export function putBack(gone) {
  // Pictures with the same names may have been added in the meantime.
  const rest = [...items];
  replace(gone);
  for (const item of rest) {
    item.name = names.add(item.name);
    items.push(item);
  }
}

/** @param {Item[]} by */
function replace(by) {
  items.splice(0, items.length, ...by);
  names.clear();
  for (const { name } of items) names.add(name);
}

/** Keeps the parts of a result that are shown; a byte per pixel of the map is enough.
 * @param {Item} item @param {import("./module/protocol.js").Found} found @param {number} threshold */
export function judged(item, found, threshold) {
  let peak = 0;
  for (let i = 1; i < found.map.length; i++) if (found.map[i] > found.map[peak]) peak = i;
  const { score, side, width, height, ms, heat, regions } = found;
  const preview = /** @type {Blob} */ (found.preview);
  const highest = found.map[peak] ?? 0;
  item.found = { score, side, width, height, ms, preview, peak, highest, heat, regions, positions: positions(found.map, threshold) };
  if (heat) heated.push(item.found);
  while (heated.length > HEATS) cool();
  item.state = "judged";
  delete item.error;
}

/** Frees the oldest heat map on the GPU; it can still be painted from its numbers. */
function cool() {
  const oldest = heated.shift();
  oldest?.heat?.solid.close();
  oldest?.heat?.through.close();
  delete oldest?.heat;
}

/** Marks everything to be judged again, by another model. */
export function restart() {
  while (heated.length > 0) cool();
  for (const item of items) {
    item.state = "waiting";
    delete item.found;
    delete item.error;
    delete item.remark;
  }
}

/** @param {"order" | "high" | "low" | "name"} by */
export function sorted(by) {
  const score = (/** @type {Item} */ item, /** @type {number} */ none) => item.found?.score ?? none;
  const compare = {
    order: (/** @type {Item} */ a, /** @type {Item} */ b) => a.order - b.order,
    high: (/** @type {Item} */ a, /** @type {Item} */ b) => score(b, -1) - score(a, -1),
    low: (/** @type {Item} */ a, /** @type {Item} */ b) => score(a, Infinity) - score(b, Infinity),
    name: (/** @type {Item} */ a, /** @type {Item} */ b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  }[by];
  // NaN (Infinity - Infinity) must not decide.
  return [...items].sort((a, b) => compare(a, b) || a.order - b.order);
}

/** Words about shapes and sizes that probably no model has learned from; empty if there is nothing to say. @param {Judged} found */
export function unlike({ width, height, side, positions }) {
  const rows = positions.length / side;
  const squeezed = (width * rows) / (height * side);
  if (Math.max(squeezed, 1 / squeezed) > 4) return `${width} × ${height} pixels, squeezed to ${side} × ${rows}: the score means little`;
  if (Math.max(width, height) < Math.max(side, rows) / 2) return `only ${width} × ${height} pixels where the model sees ${side} × ${rows}: the score means little`;
  return "";
}

/** @param {number} score @param {number} threshold */
export const normalized = (score, threshold) => (score + threshold > 0 ? score / (score + threshold) : 0);

/** The verdict, and how clear it is. @param {number} score @param {number} threshold */
export function verdict(score, threshold) {
  const at = normalized(score, threshold);
  if (score > threshold) return { kind: "anomalous", words: at > 0.58 ? "Clearly anomalous" : "Anomalous, near the threshold" };
  return { kind: "good", words: at < 0.44 ? "Good" : "Good, near the threshold" };
}
