// Which cells are marked or changed, and the line around them.

import { svg } from "./svg.js";

/** A changed pixel differs by at least this many gray levels. */
const DIFFERENT = 6;

/** Which of 64 x 64 cells differ. @param {ImageData} a @param {ImageData} b */
export function changed(a, b) {
  const cells = new Uint8Array(64 * 64);
  const by = a.width / 64;
  for (let i = 0; i < a.data.length; i += 4) {
    const apart = Math.max(...[0, 1, 2].map((c) => Math.abs(a.data[i + c] - b.data[i + c])));
    if (apart <= DIFFERENT) continue;
    const [x, y] = [(i / 4) % a.width, Math.floor(i / 4 / a.width)];
    cells[Math.floor(y / by) * 64 + Math.floor(x / by)] = 1;
  }
  return cells;
}

/** The edges between marked cells and others, as a path of the unit square. @param {ArrayLike<number>} cells */
export function around(cells) {
  const side = Math.round(Math.sqrt(cells.length));
  const at = (/** @type {number} */ x, /** @type {number} */ y) => x >= 0 && y >= 0 && x < side && y < side && cells[y * side + x] > 0;
  let path = "";
  for (let y = 0; y <= side; y++) {
    for (let x = 0; x <= side; x++) {
      if (at(x, y) !== at(x, y - 1)) path += `M${x / side} ${y / side}h${1 / side}`;
      if (at(x, y) !== at(x - 1, y)) path += `M${x / side} ${y / side}v${1 / side}`;
    }
  }
  return path;
}

/** That line, visible on light and on dark. @param {ArrayLike<number>} cells */
export const edges = (cells) => lines(around(cells));

/** @param {string} d */
export const lines = (d) => ["edge-dark", "edge"].map((name) => svg("path", { d, class: name }));
