// A picture or a map as a figure: cells, a legend, and marks that frame a place and never cover it.

import { make } from "../dom.js";
import { context } from "../paint.js";
import { span } from "../panels.js";
import { around, lines } from "./outline.js";
import { svg } from "./svg.js";

/** Distance from the center of a mark to its corners as a share of the width; more if a cell is larger. */
const AROUND = 0.045;

/**
 * @typedef {object} Options
 * @property {string} title
 * @property {string} [words] a line under it
 * @property {(at: number[]) => void} [pick] called with a chosen place, as shares of width and height
 * @property {string} [label] description for people who do not see it; the title unless given
 */

/** A figure that can be redrawn. */
export class Panel {
  #canvas;
  #over;
  #legend;
  #value;
  #title;
  /** Number of rows and of columns drawn. */
  side = 1;
  /** @type {number[] | undefined} */
  #spot;
  /** @type {{ at: number[], kind: string }[]} */
  #marks = [];
  /** @type {string} */
  #outline = "";

  /** @param {Options} options */
  constructor({ title, words = "", pick, label = title }) {
    this.#title = title;
    this.#canvas = make("canvas", { width: 1, height: 1, role: pick ? "application" : "img", "aria-label": pick ? `${label}. Choose a place with the pointer, or with the arrow keys and Enter.` : label });
    this.#over = svg("svg", { viewBox: "0 0 1 1", class: "over", "aria-hidden": "true" });
    this.#legend = make("div", { class: "legend-bar" });
    this.#legend.hidden = true;
    this.#value = make("output");
    this.root = make("figure", { class: "panel" },
      make("div", { class: pick ? "place pick" : "place" }, this.#canvas, this.#over),
      make("figcaption", {}, make("strong", {}, title), " ", this.#value, this.#legend, ...(words ? [make("p", {}, words)] : [])));
    if (pick) {
      this.#pick = pick;
      this.#pickable((at) => this.#pick(at));
    }
  }

  /** @type {(at: number[]) => void} */
  #pick = () => {};

  /** Sets another listener for chosen places. @param {(at: number[]) => void} pick */
  chosen(pick) {
    this.#pick = pick;
  }

  /** @param {(at: number[]) => void} pick */
  #pickable(pick) {
    const canvas = this.#canvas;
    canvas.tabIndex = 0;
    canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (event.button !== 0) return;
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const share = (/** @type {number} */ value) => Math.max(0, Math.min(0.999, value));
      pick([share((event.clientX - left) / width), share((event.clientY - top) / height)]);
    });
    /** The keyboard's position. */
    let at = [0.5, 0.5];
    canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const step = 1 / Math.min(this.side, event.shiftKey ? 64 : 16);
      /** @type {Record<string, number[]>} */
      const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
      const move = moves[event.key];
      if (move) {
        at = at.map((value, i) => Math.max(0, Math.min(0.999, value + move[i])));
        this.#draw(at);
      } else if (event.key === "Enter" || event.key === " ") pick(at);
      else return;
      event.preventDefault();
    });
    canvas.addEventListener("blur", () => this.#draw());
  }

  /** The drawn cells, for an export. */
  get canvas() {
    return /** @type {HTMLCanvasElement} */ (this.#canvas);
  }

  get title() {
    return this.#title;
  }

  /** The legend's colors, and the words at its two ends. @type {{ colors: Uint8Array, words: [string, string] } | undefined} */
  legend;

  /** Draws pixels; smoothly for a picture. @param {ImageData} pixels @param {boolean} smooth */
  pixels(pixels, smooth) {
    const canvas = this.#canvas;
    if (canvas.width !== pixels.width) [canvas.width, canvas.height] = [pixels.width, pixels.height];
    canvas.classList.toggle("smooth", smooth);
    this.side = pixels.width;
    context(canvas).putImageData(pixels, 0, 0);
    this.#draw();
  }

  /**
   * Draws a map, one cell per value.
   * @param {Float32Array} map
   * @param {Uint8Array} colors
   * @param {{ scale?: number[], words: [string, string], smooth?: boolean }} how values of the first and the last color
   *   (between the 1st and the 99th percentile unless given), and what they mean
   */
  map(map, colors, { scale: given, words, smooth = false }) {
    const scale = given ?? span([map]);
    const side = Math.round(Math.sqrt(map.length));
    const pixels = new ImageData(side, side);
    const [low, high] = scale;
    const unit = 255 / (high > low ? high - low : 1);
    for (let i = 0; i < map.length; i++) {
      const at = 3 * Math.max(0, Math.min(255, Math.round((map[i] - low) * unit)));
      pixels.data.set([colors[at], colors[at + 1], colors[at + 2], 255], 4 * i);
    }
    this.pixels(pixels, smooth);
    // Values beyond the ends have the ends' colors; if a scale begins at 0, nothing lies below it.
    const [below, above] = map.reduce(([a, b], value) => [a || value < low, b || value > high], [false, false]);
    this.#ends(colors, [`${words[0]} ${below ? "≤ " : ""}${number(low)}`, `${words[1]} ${above ? "≥ " : ""}${number(high)}`]);
  }

  /** @param {Uint8Array} colors @param {[string, string]} words */
  #ends(colors, words) {
    this.legend = { colors, words };
    const bar = make("canvas", { width: 256, height: 1, "aria-hidden": "true" });
    const pixels = new ImageData(256, 1);
    for (let i = 0; i < 256; i++) pixels.data.set([colors[3 * i], colors[3 * i + 1], colors[3 * i + 2], 255], 4 * i);
    context(bar).putImageData(pixels, 0, 0);
    this.#legend.replaceChildren(make("span", {}, words[0]), bar, make("span", {}, words[1]));
    this.#legend.hidden = false;
  }

  /** Sets the words beside the title. @param {string} words */
  value(words) {
    this.#value.textContent = words;
  }

  /** Frames a place; removes the frame if there is none. @param {number[]} [at] as shares of width and height */
  spot(at) {
    this.#spot = at;
    this.#draw();
  }

  /** Draws rings: the person's own marks, and others. @param {{ at: number[], kind: "own" | "asked" }[]} marks */
  marks(marks) {
    this.#marks = marks;
    this.#draw();
  }

  /** Draws a line around marked cells; removes it if there are none. @param {ArrayLike<number>} [cells] 1 where one is marked, row by row */
  outline(cells) {
    this.#outline = cells ? around(cells) : "";
    this.#draw();
  }

  /** @param {number[]} [keyboard] the keyboard's position, if it moves */
  #draw(keyboard) {
    const parts = [];
    if (this.#outline) parts.push(...lines(this.#outline));
    for (const { at, kind } of this.#marks) {
      for (const name of ["ring-dark", `ring ${kind}`]) parts.push(svg("circle", { cx: at[0], cy: at[1], r: 0.05, class: name }));
    }
    for (const at of [this.#spot, keyboard]) {
      if (!at) continue;
      // The center of the cell that contains the place.
      const cells = Math.min(this.side, 64);
      const [x, y] = at.map((value) => (Math.floor(value * cells) + 0.5) / cells);
      parts.push(...lines(corners(x, y, Math.max(AROUND, 0.5 / cells + 0.02))));
    }
    this.#over.replaceChildren(...parts);
  }
}

/** The four corners of a frame. @param {number} x @param {number} y @param {number} r */
function corners(x, y, r) {
  const arm = r * 0.55;
  return [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([a, b]) =>
    `M${x + a * r} ${y + b * (r - arm)}V${y + b * r}H${x + a * (r - arm)}`).join("");
}

/** A number with as many decimals as its size needs. @param {number} value */
export function number(value) {
  const size = Math.abs(value);
  return size !== 0 && size < 0.1 ? value.toFixed(3) : size < 10 ? value.toFixed(2) : value.toFixed(0);
}

/** The value of a map at a place. @param {Float32Array} map @param {number[]} at */
export function valueAt(map, [x, y]) {
  const side = Math.round(Math.sqrt(map.length));
  return map[Math.floor(y * side) * side + Math.floor(x * side)];
}

/** The highest value near a place, within a share of the width. @param {Float32Array} map @param {number[]} at @param {number} within */
export function highestNear(map, [x, y], within) {
  const side = Math.round(Math.sqrt(map.length));
  let most = -Infinity;
  map.forEach((value, i) => {
    const [u, v] = [((i % side) + 0.5) / side, (Math.floor(i / side) + 0.5) / side];
    if (Math.hypot(u - x, v - y) <= Math.max(within, 0.71 / side)) most = Math.max(most, value);
  });
  return most;
}

/** Where a map is highest. @param {ArrayLike<number>} map @returns {number[]} shares of width and height */
export function peak(map) {
  const side = Math.round(Math.sqrt(map.length));
  let best = 0;
  for (let i = 1; i < map.length; i++) if (map[i] > map[best]) best = i;
  return [((best % side) + 0.5) / side, (Math.floor(best / side) + 0.5) / side];
}

/** The share of a map's values below one. @param {Float32Array} map @param {number} value */
export const rank = (map, value) => map.reduce((sum, other) => sum + Number(other < value), 0) / map.length;
