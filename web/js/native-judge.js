// Lets the program judge, with the models that it serves.

import { ask, isGone } from "./native.js";

/** @typedef {import("./module/protocol.js").Found} Found */
/** @typedef {import("./module/aand.js").Detector} Detector */

/** Names of the models that came from the program, by file. @type {WeakMap<Blob, string>} */
const served = new WeakMap();
/** How often a full queue is tried again, a second apart. */
const TRIES = 60;

/** Whether the person wants it. */
let wanted = true;
/** @param {boolean} on */
export const want = (on) => { wanted = on; };
export const isWanted = () => wanted;

/** A model's file that came from the program. @param {Blob} file @param {string} name */
export const remember = (file, name) => served.set(file, name);

/** Whether the program has that model. @param {{ file: Blob } | undefined} model */
export const has = (model) => model !== undefined && served.has(model.file);

/**
 * The judge with a model: the program, if it has the model and the person wants it.
 * @param {Detector} here @param {{ file: Blob } | undefined} model @param {(words: string) => void} gone receives the
 * reason why the browser takes over
 */
export function judgeOf(here, model, gone) {
  const name = model && wanted && served.get(model.file);
  return name ? new There(here, name, gone) : here;
}

/** Behaves like a {@link Detector} for judging. */
class There {
  /** @type {Detector} */
  #here;
  /** @type {string} */
  #name;
  /** @type {(words: string) => void} */
  #gone;
  /** Like the CPU, judges several pictures at a time: the program has the cores for it. */
  compute = "cpu";

  /** @param {Detector} here @param {string} name @param {(words: string) => void} gone */
  constructor(here, name, gone) {
    [this.#here, this.#name, this.#gone] = [here, name, gone];
  }

  async another() {
    return this;
  }

  close() {}

  /** @param {Blob} file @param {any} options @returns {Promise<Found>} */
  async detect(file, options) {
    const shown = wanted && await preview(file, options.preview).catch(() => undefined);
    // The module decodes pictures that the browser cannot show unchanged.
    if (!shown) return this.#here.detect(file, options);
    try {
      return { ...await infer(this.#name, file, options.signal), ...shown, borrowed: false };
    } catch (error) {
      if (!isGone(error) && /** @type {any} */ (error)?.status !== 404) throw error;
      wanted = false;
      this.#gone("The program does not answer, so this browser judges from now on.");
      return this.#here.detect(file, options);
    }
  }
}

/** @param {string} name @param {Blob} file @param {AbortSignal} [signal] */
async function infer(name, file, signal) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, file.size, true);
  const outputs = [{ name: "score" }, { name: "normalized" }, { name: "anomalous" }, { name: "regions" }, { name: "map", parameters: { binary_data: true } }];
  const input = { name: "pictures", datatype: "BYTES", shape: [1], parameters: { binary_data_size: 4 + file.size } };
  const json = new TextEncoder().encode(JSON.stringify({ inputs: [input], outputs }));
  const request = { method: "POST", signal, body: new Blob([json, length, file]), headers: { "Inference-Header-Content-Length": `${json.length}` } };
  const started = performance.now();
  const answer = await patient(() => ask(`v2/models/${encodeURIComponent(name)}/infer`, request), signal);
  const bytes = await answer.arrayBuffer();
  const head = Number(answer.headers.get("inference-header-content-length"));
  const all = JSON.parse(new TextDecoder().decode(bytes.slice(0, head))).outputs;
  const of = (/** @type {string} */ wanted) => all.find((/** @type {any} */ output) => output.name === wanted);
  const [score, normalized, anomalous] = ["score", "normalized", "anomalous"].map((wanted) => of(wanted).data[0]);
  const [, , side] = of("map").shape;
  return {
    score, normalized, verdict: /** @type {"good" | "anomalous"} */ (anomalous ? "anomalous" : "good"), side,
    map: new Float32Array(bytes.slice(head)), regions: JSON.parse(of("regions").data[0]), ms: performance.now() - started,
  };
}

/** Tries again while the program is busy. @template T @param {() => Promise<T>} what @param {AbortSignal} [signal] */
async function patient(what, signal) {
  for (let tries = 0; ; tries++) {
    try {
      return await what();
    } catch (error) {
      if (/** @type {any} */ (error)?.status !== 429 || tries === TRIES || signal?.aborted) throw error;
      await new Promise((go) => setTimeout(go, 1000));
    }
  }
}

/** The picture for display, with its longer side of that many pixels. @param {Blob} file @param {number} longest */
async function preview(file, longest) {
  if (!await isPlain(file)) return undefined;
  const picture = await createImageBitmap(file);
  const { width, height } = picture;
  const scale = Math.min(1, longest / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return { width, height, preview: await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 }) };
}

/** Whether it is a JPEG, WebP, or PNG of at most 8 bits; with more bits, the module decides how they are read. @param {Blob} file */
async function isPlain(file) {
  const head = new Uint8Array(await file.slice(0, 32).arrayBuffer());
  const text = String.fromCharCode(...head);
  return text.startsWith("\xff\xd8\xff") || (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") || (text.slice(1, 4) === "PNG" && head[24] <= 8);
}
