// Paints maps: one color scale for all pictures of a model, from 0 to twice its threshold.

/** @typedef {import("./pictures.js").Judged} Judged */

/** Positions on the color scale, 0 to 255. @param {Float32Array} map @param {number} threshold */
export function positions(map, threshold) {
  const places = new Uint8Array(map.length);
  const unit = 255 / (2 * threshold);
  for (let i = 0; i < map.length; i++) places[i] = Math.max(0, Math.min(255, Math.round(map[i] * unit)));
  return places;
}

/** The colors of a scale, each as one pixel of four bytes: solid, and to be laid over a picture. @type {WeakMap<Uint8Array, Uint32Array[]>} */
const palettes = new WeakMap();

/** @param {Uint8Array} colors @param {boolean} see_through */
function palette(colors, see_through) {
  const made = palettes.get(colors) ?? [false, true].map((through) => {
    const bytes = new Uint8Array(4 * 256);
    for (let i = 0; i < 256; i++) {
      // As in the native overlay: transparent below half the threshold, full strength at one and a half times
      // and above.
      const alpha = through ? Math.max(0, Math.min(255, 2 * i - 127)) : 255;
      bytes.set([colors[3 * i], colors[3 * i + 1], colors[3 * i + 2], alpha], 4 * i);
    }
    return new Uint32Array(bytes.buffer);
  });
  palettes.set(colors, made);
  return made[Number(see_through)];
}

/**
 * The heat map at the map's own size: as the GPU drew it, otherwise painted from the numbers.
 * @param {Judged} found
 * @param {Uint8Array} colors
 * @param {boolean} see_through whether the picture shows through far below the threshold
 * @returns {ImageBitmap | HTMLCanvasElement}
 */
export function heat({ heat, positions, side }, colors, see_through) {
  if (heat) return see_through ? heat.through : heat.solid;
  const pixels = new ImageData(side, positions.length / side);
  const whole = new Uint32Array(pixels.data.buffer);
  const scale = palette(colors, see_through);
  for (let i = 0; i < positions.length; i++) whole[i] = scale[positions[i]];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [side, pixels.height];
  context(canvas).putImageData(pixels, 0, 0);
  return canvas;
}

/** @param {HTMLCanvasElement} canvas @returns {CanvasRenderingContext2D} */
export function context(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * Draws a picture and a heat map over it with `opacity`; only right of `split`, a share of the width, if
 * given.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasImageSource | null} picture
 * @param {ImageBitmap | HTMLCanvasElement | null} heat
 * @param {{ opacity?: number, split?: number }} [how]
 */
export function draw(canvas, picture, heat, { opacity = 1, split = 0 } = {}) {
  const { width, height } = canvas;
  const on = context(canvas);
  on.clearRect(0, 0, width, height);
  if (picture) on.drawImage(picture, 0, 0, width, height);
  if (!heat) return;
  on.save();
  on.beginPath();
  on.rect(split * width, 0, width, height);
  on.clip();
  on.globalAlpha = opacity;
  on.imageSmoothingQuality = "high";
  on.drawImage(heat, 0, 0, width, height);
  on.restore();
}

/** Where the map is highest, in words. @param {Judged} found */
export function where({ positions, side, peak }) {
  if (positions.length === 0) return "";
  const third = (/** @type {number} */ at, /** @type {number} */ length) => Math.min(2, Math.floor((3 * at) / length));
  const [column, row] = [third(peak % side, side), third(Math.floor(peak / side), positions.length / side)];
  const [across, down] = [["left", "", "right"][column], ["top", "", "bottom"][row]];
  return across || down ? `${down} ${across}`.trim() : "center";
}
