// The material of the lesson: one sample with its model, pictures and films, and the results computed so far.

import { Detector } from "../module/aand.js";
import * as samples from "../samples.js";
import { Film, labeled } from "./film.js";

/** @typedef {import("../module/protocol.js").IntermediateFeatures} IntermediateFeatures */
/** @typedef {{ label: string, kind: string, anomalous: boolean, file: Blob }} Picture */
/** The good picture that the others are compared with, and that fixes the colors. */
export const GOOD = "good-0.png";
const KEPT_FILM = "aand-lesson-film";

/** The lesson's sample: the first that has films. @throws {Error} if it cannot be found out now */
export async function subject() {
  const all = /** @type {any[]} */ (await samples.list());
  return all.find(({ lesson }) => lesson) ?? all[0];
}

export class Class {
  /** @type {Detector} */
  detector = /** @type {any} */ (undefined);
  /** @type {Picture[]} */
  pictures = [];
  /** By name: `training`, and one for each variant. @type {Map<string, Film>} */
  films = new Map();
  /** @type {Map<string, Promise<ImageData>>} */
  #inputs = new Map();
  /** @type {Map<string, Promise<IntermediateFeatures>>} */
  #intermediate = new Map();

  /** Use {@link Class.load}. @param {any} sample */
  constructor(sample) {
    this.sample = sample;
  }

  /**
   * @param {any} sample an entry of samples.json
   * @param {AbortSignal} signal
   * @param {(done: number, total: number) => void} progress in bytes
   * @returns {Promise<Class>}
   * @throws {Error} if something cannot be fetched or is damaged
   */
  static async load(sample, signal, progress) {
    const made = new Class(sample);
    const films = Object.entries(sample.lesson ?? {});
    const more = films.reduce((sum, [, { bytes }]) => sum + bytes, 0);
    let rest = 0;
    const { model, pictures } = await samples.fetchSample(sample, signal, (done, total) => progress(done, total + more));
    for (const [name, stored] of films) {
      const file = await samples.fetchStored(stored, signal, (some) => progress(samples.bytes(sample) + (rest += some), samples.bytes(sample) + more));
      made.films.set(name, Film.read(await file.arrayBuffer()));
    }
    made.pictures = pictures.map(({ name, file }) => ({ label: name, kind: kind(name), anomalous: !name.startsWith("good"), file }));
    // The CPU gives access to features, and every computer of a class has one.
    made.detector = await Detector.load(model, { name: sample.title, signal, compute: "cpu" });
    const good = made.pictures.filter(({ anomalous }) => !anomalous).slice(0, 2);
    await made.detector.fixColors(await Promise.all(good.map(({ label }) => made.input(label))));
    return made;
  }

  get colors() {
    return this.detector.colors;
  }

  get threshold() {
    return this.detector.info.threshold.value;
  }

  /** @param {string} label @returns {Picture} the first one if no picture has that name */
  picture(label) {
    return this.pictures.find((picture) => picture.label === label) ?? this.pictures[0];
  }

  /** A picture of a kind of defect, or the first defective one. @param {string} wanted */
  defective(wanted) {
    return this.pictures.find(({ kind }) => kind === wanted) ?? this.pictures.find(({ anomalous }) => anomalous) ?? this.pictures[0];
  }

  /** As the network receives it. @param {string} label @returns {Promise<ImageData>} */
  input(label) {
    const { file } = this.picture(label);
    return kept(this.#inputs, label, () => this.detector.input(file, { name: label }));
  }

  /** Every step of the method on a picture of the sample. @param {string} label @param {boolean} [amplify] @returns {Promise<IntermediateFeatures>} */
  intermediate(label, amplify = true) {
    return kept(this.#intermediate, `${label}|${amplify}`, async () => this.look(await this.input(label), amplify));
  }

  /** The same for any pixels of the network's size. @param {ImageData} pixels @param {boolean} [amplify] */
  look(pixels, amplify = true) {
    return this.detector.inspect(pixels, { amplify, colors: true });
  }

  /** The numbers of a patch of a picture of the sample. @param {string} label @param {boolean} amplify @param {number} level @param {number} position */
  async patch(label, amplify, level, position) {
    return this.#asked(label, amplify, (turn) => this.detector.patch(turn, level, position));
  }

  /** How similar each patch is to one of them for the teacher. @param {string} label @param {number} level @param {number} position */
  async similar(label, level, position) {
    return this.#asked(label, true, (turn) => this.detector.similar(turn, level, position));
  }

  /**
   * @template T
   * @param {string} label @param {boolean} amplify
   * @param {(turn: number) => Promise<T | undefined>} ask
   * @returns {Promise<T>}
   */
  async #asked(label, amplify, ask) {
    const found = await this.intermediate(label, amplify);
    const answer = await ask(found.turn);
    if (answer) return answer;
    // Its features were dropped for those of other pictures.
    const { turn } = await this.look(await this.input(label), amplify);
    found.turn = turn;
    return /** @type {T} */ (await ask(turn));
  }

  /** The mask of a picture's defect: 1 for its patches, row by row. @param {string} label @param {number} level @returns {Uint8Array | undefined} */
  defect(label, level) {
    const film = this.films.get("training");
    const at = film?.find(label) ?? -1;
    // Only a film of this model has matching cells.
    if (!film || at < 0 || !film.header.pictures[at].masked || film.header.size !== this.detector.info.size) return undefined;
    return film.patches(at, level);
  }

  close() {
    this.detector?.close();
  }
}

/**
 * @template T
 * @param {Map<string, Promise<T>>} all @param {string} key @param {() => Promise<T>} make
 * @returns {Promise<T>}
 */
function kept(all, key, make) {
  const found = all.get(key) ?? make();
  all.set(key, found);
  // A failure may be tried again.
  found.catch(() => all.delete(key));
  return found;
}

/** @param {string} label */
const kind = (label) => label.replace(/(-\d+)?\.[^.]*$/, "");

/** The kind of a defect in words. @param {string} name */
export const spoken = (name) => name.replaceAll("_", " ");

/** The film of the latest training on this device. @returns {Promise<Film | undefined>} */
export async function ownFilm() {
  try {
    const answer = await (await caches.open(KEPT_FILM)).match("./film");
    return answer && Film.read(await answer.arrayBuffer());
  } catch {
    return undefined;
  }
}

/** Keeps the film of a training on this device; if nothing can be kept, it is lost with the page. @param {ArrayBuffer} bytes */
export async function keepFilm(bytes) {
  try {
    await (await caches.open(KEPT_FILM)).put("./film", new Response(bytes));
  } catch {
    // Not served securely, or no space.
  }
}

export { labeled };
