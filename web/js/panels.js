// Small maps as pictures, and their values at one place.

import { context } from "./paint.js";

/** A few cells are often far from all others; the color scale leaves out this share at either end. */
const ENDS = 0.01;

/** The 1st and the 99th percentile of some maps' values. @param {(Float32Array | undefined)[]} maps */
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
 * Draws a map into a figure, one cell per value, and shows its value at the spot.
 * @param {HTMLElement} figure
 * @param {Float32Array} map
 * @param {number} side
 * @param {number[]} scale values of the first and the last color
 * @param {Uint8Array} colors
 * @param {number[]} spot
 */
export function draw(figure, map, side, [low, high], colors, spot) {
  const canvas = /** @type {HTMLCanvasElement} */ (figure.querySelector("canvas"));
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const pixels = new ImageData(side, side);
  const unit = 255 / (high > low ? high - low : 1);
  for (let i = 0; i < map.length; i++) {
    const at = 3 * Math.max(0, Math.min(255, Math.round((map[i] - low) * unit)));
    pixels.data.set([colors[at], colors[at + 1], colors[at + 2], 255], 4 * i);
  }
  context(canvas).putImageData(pixels, 0, 0);
  frame(figure, side, spot);
  const value = /** @type {HTMLElement} */ (figure.querySelector("output"));
  value.textContent = nearest(map, side, spot).toFixed(3);
  const legend = /** @type {HTMLElement | null} */ (figure.querySelector(".legend-bar"));
  if (legend) ends(legend, colors, [low, high]);
}

/**
 * Draws features as colors into a figure.
 * @param {HTMLElement} figure
 * @param {ImageData} pixels
 * @param {number[]} spot
 */
export function drawColors(figure, pixels, spot) {
  const canvas = /** @type {HTMLCanvasElement} */ (figure.querySelector("canvas"));
  if (canvas.width !== pixels.width) canvas.width = canvas.height = pixels.width;
  context(canvas).putImageData(pixels, 0, 0);
  frame(figure, pixels.width, spot);
}

/** Frames the cell of a place without covering it. @param {HTMLElement} figure @param {number} side @param {number[]} spot */
function frame(figure, side, spot) {
  const mark = /** @type {HTMLElement} */ (figure.querySelector(".spot"));
  const cells = Math.min(side, 64);
  [mark.style.left, mark.style.top] = spot.map((share) => `${(100 * (Math.floor(share * cells) + 0.5)) / cells}%`);
  mark.style.width = mark.style.height = `calc(${100 / cells}% + 1.1rem)`;
}

/** A color scale with what its ends mean. @param {HTMLElement} legend @param {Uint8Array} colors @param {number[]} scale */
function ends(legend, colors, scale) {
  if (legend.children.length === 0) {
    const bar = document.createElement("canvas");
    [bar.width, bar.height] = [256, 1];
    const pixels = new ImageData(256, 1);
    for (let i = 0; i < 256; i++) pixels.data.set([colors[3 * i], colors[3 * i + 1], colors[3 * i + 2], 255], 4 * i);
    context(bar).putImageData(pixels, 0, 0);
    legend.append(document.createElement("span"), bar, document.createElement("span"));
  }
  const words = (legend.dataset.words ?? ",").split(",");
  [legend.firstElementChild, legend.lastElementChild].forEach((end, i) => { if (end) end.textContent = `${words[i]} ${scale[i].toFixed(2)}`; });
}
