// The areas of a map above a threshold: connected regions with their numbers, and the line around them.

/**
 * @typedef {object} Region places and lengths as shares of the map's width or height, from 0 to 1
 * @property {number} x where it is highest
 * @property {number} y
 * @property {number} peak on the color scale, 0 to 255
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} height
 * @property {number} share of the map's area
 */

/** How many are listed and outlined; the rest is only counted. */
export const MOST = 9;

/**
 * Regions of cells above `level` that touch at a side or a corner, as in the native program; the highest peak
 * first.
 * @param {Uint8Array} positions the map on the color scale, rows of `side` values
 * @param {number} side
 * @param {number} level on the color scale
 * @returns {Region[]}
 */
export function regions(positions, side, level) {
  const rows = positions.length / side;
  const seen = new Uint8Array(positions.length);
  const found = [];
  /** @type {number[]} */
  const open = [];
  for (let start = 0; start < positions.length; start++) {
    if (seen[start] || positions[start] <= level) continue;
    let [count, peak, left, right, top, bottom] = [0, start, side, 0, rows, 0];
    seen[start] = 1;
    open.push(start);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const [x, y] = [at % side, Math.floor(at / side)];
      count++;
      if (positions[at] > positions[peak]) peak = at;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
      for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(side - 1, x + 1); u++) {
          const other = v * side + u;
          if (seen[other] || positions[other] <= level) continue;
          seen[other] = 1;
          open.push(other);
        }
      }
    }
    found.push({
      x: (peak % side + 0.5) / side, y: (Math.floor(peak / side) + 0.5) / rows, peak: positions[peak],
      left: left / side, top: top / rows, width: (right + 1 - left) / side, height: (bottom + 1 - top) / rows,
      share: count / positions.length,
    });
  }
  return found.sort((a, b) => b.peak - a.peak || b.share - a.share);
}

/**
 * The line where the map crosses `level`, as pieces of it: marching squares on the centers of the cells.
 * @param {Uint8Array} positions @param {number} side @param {number} level
 * @returns {Float32Array} four numbers per piece: from x, y to x, y, as shares of the side
 */
export function outline(positions, side, level) {
  /** @type {number[]} */
  const pieces = [];
  // With a border of zeros, so that every line closes.
  const rows = positions.length / side;
  const wide = side + 2;
  const map = new Uint8Array(wide * (rows + 2));
  for (let y = 0; y < rows; y++) map.set(positions.subarray(y * side, (y + 1) * side), (y + 1) * wide + 1);
  for (let y = 0; y <= rows; y++) {
    for (let x = 0; x <= side; x++) {
      const at = y * wide + x;
      const a = map[at], b = map[at + 1], c = map[at + wide + 1], d = map[at + wide];
      const kind = (a > level ? 1 : 0) | (b > level ? 2 : 0) | (c > level ? 4 : 0) | (d > level ? 8 : 0);
      if (kind === 0 || kind === 15) continue;
      for (const line of LINES[kind]) for (const edge of line) cut(pieces, edge, x - 1, y - 1, a, b, c, d, level, side, rows);
    }
  }
  return Float32Array.from(pieces);
}

/**
 * Where the level is crossed on an edge between four cells, appended as shares of the side.
 * @param {number[]} pieces @param {number} edge @param {number} x @param {number} y
 * @param {number} a @param {number} b @param {number} c @param {number} d @param {number} level @param {number} side
 * @param {number} rows
 */
function cut(pieces, edge, x, y, a, b, c, d, level, side, rows) {
  const [from, to] = [[a, b], [b, c], [d, c], [a, d]][edge];
  const part = (level - from) / (to - from);
  const [along, down] = [[x + part, y], [x + 1, y + part], [x + part, y + 1], [x, y + part]][edge];
  pieces.push(Math.max(0, Math.min(1, (along + 0.5) / side)), Math.max(0, Math.min(1, (down + 0.5) / rows)));
}

/** Lines between edges (top 0, right 1, bottom 2, left 3), by which corners are above the level (1, 2, 4, 8 clockwise from the top left). */
const LINES = [
  [], [[3, 0]], [[0, 1]], [[3, 1]], [[1, 2]], [[3, 0], [1, 2]], [[0, 2]], [[3, 2]],
  [[2, 3]], [[0, 2]], [[0, 1], [2, 3]], [[1, 2]], [[1, 3]], [[0, 1]], [[0, 3]], [],
];
