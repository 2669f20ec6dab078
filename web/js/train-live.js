// What the model sees while it learns: one of the person's own good pictures, with an anomaly made as in training.

import { Detector } from "./module/aand.js";
import { $, make, say } from "./dom.js";

/** @typedef {import("./module/train.js").Good} Good */

/** So many seeds are tried for an anomaly that is neither a speck nor everything. */
const SEEDS = 6;
/** Share of the picture that it should change. */
const WANTED = 0.05;
/** Maps kept as a film. */
const FILM = 12;

export class Live {
  #good;
  /** The picture as it is, and with the anomaly. @type {{ plain: ImageData, marked: ImageData } | undefined} */
  #inputs;
  /** Only the latest is shown. @type {{ bytes: ArrayBuffer, stage: string } | undefined} */
  #next;
  #busy = false;
  #over = false;

  /** @param {Good} good */
  constructor(good) {
    this.#good = good;
    $("live-film").replaceChildren();
    $("train-live").hidden = true;
    say("live-words", "");
  }

  /** Ends it; what is computed is no longer shown. */
  stop() {
    this.#over = true;
  }

  /** The model after some epoch. @param {ArrayBuffer} bytes @param {string} stage */
  async show(bytes, stage) {
    this.#next = { bytes, stage };
    if (this.#busy) return;
    this.#busy = true;
    while (this.#next && !this.#over) {
      const { bytes, stage } = this.#next;
      this.#next = undefined;
      // It only shows: what goes wrong here is no reason to stop the training.
      await this.#look(bytes, stage).catch(() => undefined);
    }
    this.#busy = false;
  }

  /** @param {ArrayBuffer} bytes @param {string} stage */
  async #look(bytes, stage) {
    const detector = await Detector.load(bytes, { name: "the model under way", compute: "cpu" });
    try {
      const inputs = this.#inputs ??= await this.#make(detector);
      const [plain, marked] = [await detector.inspect(inputs.plain), await detector.inspect(inputs.marked)];
      // In stage 1 there is no student yet: what is learned is the gate.
      const gate = stage === "amplify";
      const map = (/** @type {import("./module/protocol.js").IntermediateFeatures} */ { levels, map }) => (gate && levels[0].gate ? levels[0].gate : map);
      const [good, bad] = [map(plain), map(marked)];
      if (!this.#over) draw(inputs.marked, bad, gate ? 1 : 2.5 * most(good), detector.colors);
      say("live-words", contrast(most(bad), most(good), stage));
    } finally {
      detector.close();
    }
  }

  /** @param {Detector} detector */
  async #make(detector) {
    const plain = await detector.input(this.#good.file, { name: this.#good.name });
    let best = { marked: plain, off: Infinity };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const marked = await detector.defect(plain, seed);
      let changed = 0;
      for (let i = 0; i < marked.data.length; i += 4) changed += Number(Math.abs(marked.data[i] - plain.data[i]) > 24);
      const off = Math.abs(Math.log((changed + 1) / (WANTED * plain.width * plain.height)));
      if (off < best.off) best = { marked, off };
    }
    return { plain, marked: best.marked };
  }
}

/** @param {Float32Array} map */
const most = (map) => map.reduce((highest, value) => Math.max(highest, value), 0);

/** @param {number} bad @param {number} good @param {string} stage */
function contrast(bad, good, stage) {
  if (stage === "amplify") return "It learns to tell anomalies apart; the map of stage 2 will be finer.";
  const times = bad / Math.max(good, 1e-6);
  if (times < 1.15) return "It does not see the made-up defect yet.";
  return `The made-up defect stands out ${times.toFixed(1)} times as strongly as anything on the good part.`;
}

/** @param {ImageData} picture @param {Float32Array} map @param {number} end of the colors @param {Uint8Array} colors */
function draw(picture, map, end, colors) {
  $("train-live").hidden = false;
  const shown = $("live-picture");
  [shown.width, shown.height] = [picture.width, picture.height];
  shown.getContext("2d").putImageData(picture, 0, 0);
  // As wide for its height as the picture, which need not be square.
  const columns = Math.round(Math.sqrt((map.length * picture.width) / picture.height));
  const pixels = new ImageData(columns, map.length / columns);
  for (let i = 0; i < map.length; i++) {
    const at = 3 * Math.max(0, Math.min(255, Math.round((255 * map[i]) / end)));
    pixels.data.set([colors[at], colors[at + 1], colors[at + 2], 255], 4 * i);
  }
  const small = make("canvas", { width: columns, height: pixels.height });
  small.getContext("2d").putImageData(pixels, 0, 0);
  const heat = $("live-heat");
  [heat.width, heat.height] = [picture.width, picture.height];
  heat.getContext("2d").drawImage(small, 0, 0, heat.width, heat.height);
  const frame = make("canvas", { width: 64, height: 64, "aria-hidden": "true" });
  frame.getContext("2d").drawImage(small, 0, 0, 64, 64);
  const film = $("live-film");
  film.append(make("li", {}, frame));
  while (film.children.length > FILM) film.firstElementChild.remove();
}
