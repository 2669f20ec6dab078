// Maps of few values as pictures, and the numbers at one place of them.

import { context } from "./paint.js";

/** A few cells are often far from all others; without this share at either end the rest has its colours. */
const ENDS = 0.01;

/** Between which values of some maps their 1st and their 99th percentile lie. @param {(Float32Array | undefined)[]} maps */
export function span(maps) {
  const values = Float32Array.from(maps.flatMap((map) => [...map ?? []])).sort();
  if (values.length === 0) return [0, 1];
  return [ENDS, 1 - ENDS].map((share) => values[Math.round(share * (values.length - 1))]);
}

/** The value at a place given as shares of width and height. @param {Float32Array} map @param {number} side @param {number[]} spot */
export function nearest(map, side, [x, y]) {
  return map[Math.floor(y * side) * side + Math.floor(x * side)];
}

/**
 * Draws a map into a figure, a cell each value, and says its value at the spot.
 * @param {HTMLElement} figure
 * @param {Float32Array} map
 * @param {number} side
 * @param {number[]} scale values of the first and the last colour
 * @param {Uint8Array} colours
 * @param {number[]} spot
 * @param {string} words what the colours mean
 */
export function draw(figure, map, side, [low, high], colours, spot, words) {
  const canvas = /** @type {HTMLCanvasElement} */ (figure.querySelector("canvas"));
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const pixels = new ImageData(side, side);
  const unit = 255 / (high > low ? high - low : 1);
  for (let i = 0; i < map.length; i++) {
    const at = 3 * Math.max(0, Math.min(255, Math.round((map[i] - low) * unit)));
    pixels.data.set([colours[at], colours[at + 1], colours[at + 2], 255], 4 * i);
  }
  context(canvas).putImageData(pixels, 0, 0);
  const mark = /** @type {HTMLElement} */ (figure.querySelector(".spot"));
  [mark.style.left, mark.style.top] = spot.map((share) => `${100 * share}%`);
  const value = /** @type {HTMLElement} */ (figure.querySelector("output"));
  value.textContent = nearest(map, side, spot).toFixed(3);
  if (words) value.title = `Colours: ${words}`;
}
