// A training under way, kept in the browser's own file system: closing the page costs no more than the last epoch.

const FOLDER = "aand-unfinished";
/** More than this is not copied: then the person chooses the pictures again. */
const MOST_BYTES = 512 * 2 ** 20;
/** Held while a training runs, so that another tab does not take it for a broken one. */
const LOCK = "aand-training";

/** @typedef {import("./module/train.js").Good} Good */
/** @typedef {import("./module/train.js").Stage} Stage */
/**
 * @typedef {object} State
 * @property {string} name
 * @property {number} size
 * @property {boolean} amplify whether stage 1 is part of it
 * @property {string} [range]
 * @property {[number, number]} steps of each stage, as planned
 * @property {Stage} stage of the last model that was kept
 * @property {number} epoch of that stage, from 1
 * @property {number} epochs
 * @property {string[]} pictures their names
 * @property {boolean} whole whether the pictures are kept too
 */

/** @param {boolean} create @returns {Promise<any>} */
async function folder(create) {
  if (!("createWritable" in (globalThis.FileSystemFileHandle?.prototype ?? {}))) return undefined;
  const root = await navigator.storage?.getDirectory?.().catch(() => undefined);
  return root?.getDirectoryHandle(FOLDER, { create }).catch(() => undefined);
}

/** @param {any} place @param {string} name @param {Blob | ArrayBuffer | string} content */
async function write(place, name, content) {
  const stream = await (await place.getFileHandle(name, { create: true })).createWritable();
  await stream.write(content);
  await stream.close();
}

/** One training; what fails to be kept is no reason to stop it. */
export class Unfinished {
  /** @type {State} */
  #state;
  #pictures;
  /** Its writes, one after the other. */
  #writing = Promise.resolve();
  #over = false;
  #begun = false;
  #release = () => {};
  /** Until the lock is free again. @type {Promise<unknown>} */
  #held;

  /** @param {Omit<State, "stage" | "epoch" | "epochs" | "pictures" | "whole">} of @param {Good[]} pictures */
  constructor(of, pictures) {
    const whole = pictures.reduce((sum, { file }) => sum + file.size, 0) <= MOST_BYTES;
    this.#state = { ...of, stage: "amplify", epoch: 0, epochs: 0, pictures: pictures.map(({ name }) => name), whole };
    this.#pictures = pictures;
    const until = new Promise((/** @type {(value?: any) => void} */ done) => { this.#release = done; });
    this.#held = Promise.resolve(navigator.locks?.request(LOCK, { ifAvailable: true }, (lock) => {
      // Another tab's training is kept already; one is all there is room for.
      if (!lock) this.#over = true;
      return lock ? until : undefined;
    })).catch(() => undefined);
  }

  /** @param {[number, number]} steps */
  planned(steps) {
    this.#state.steps = steps;
  }

  /** The model after an epoch. @param {ArrayBuffer} bytes @param {{ stage: Stage, epoch: number, epochs: number }} at */
  keep(bytes, at) {
    this.#writing = this.#writing.then(async () => {
      if (this.#over) return;
      const place = await folder(true);
      if (!place) return;
      if (!this.#begun) await this.#begin(place);
      Object.assign(this.#state, at);
      // The words come last: without them there is nothing to go on with, and they fit the model before them.
      await write(place, `${at.stage}-${at.epoch}.aand`, bytes);
      await write(place, "state.json", JSON.stringify(this.#state));
      for await (const name of place.keys()) if (/^(amplify|distill)-/.test(name) && name !== `${at.stage}-${at.epoch}.aand`) await place.removeEntry(name);
    }).catch(() => undefined);
    return this.#writing;
  }

  /** @param {any} place */
  async #begin(place) {
    // Of an earlier one nothing is wanted any more.
    await discard();
    const anew = await folder(true) ?? place;
    if (this.#state.whole) {
      for (const [i, { file }] of this.#pictures.entries()) await write(anew, `picture-${i}`, file);
    }
    this.#begun = true;
  }

  /** It ended. @param {boolean} done whether the model is there: then this is not needed any more */
  async end(done) {
    this.#over = true;
    await this.#writing;
    if (done) await discard();
    this.#release();
    await this.#held;
  }
}

/** Whether another tab trains; this one does not. */
export async function trainsElsewhere() {
  const held = (await navigator.locks?.query().catch(() => undefined))?.held ?? [];
  return held.some(({ name }) => name === LOCK);
}

/** What can be gone on with, once no tab trains any more. @returns {Promise<{ state: State, model: File, pictures: Good[] } | undefined>} */
export async function unfinished() {
  try {
    // A page that was just left holds it for a moment longer.
    await navigator.locks?.request(LOCK, () => undefined);
    const place = await folder(false);
    if (!place) return undefined;
    const file = async (/** @type {string} */ name) => (await place.getFileHandle(name)).getFile();
    /** @type {State} */
    const state = JSON.parse(await (await file("state.json")).text());
    const model = await file(`${state.stage}-${state.epoch}.aand`);
    const pictures = state.whole
      ? await Promise.all(state.pictures.map(async (name, i) => ({ name, file: await file(`picture-${i}`) }))) : [];
    return { state, model, pictures };
  } catch {
    // Nothing there, or not all of it.
    return undefined;
  }
}

/** What is left of it to do. @param {State} state @returns {{ amplify: boolean, steps: [number, number] }} */
export function rest({ stage, epoch, epochs, steps: [amplify, distill], amplify: both }) {
  const left = 1 - epoch / Math.max(1, epochs);
  if (stage === "amplify" && both && left > 0) return { amplify: true, steps: [Math.max(1, Math.round(amplify * left)), distill] };
  return { amplify: false, steps: [1, stage === "amplify" ? distill : Math.max(1, Math.round(distill * left))] };
}

export async function discard() {
  const root = await navigator.storage?.getDirectory?.().catch(() => undefined);
  await root?.removeEntry(FOLDER, { recursive: true }).catch(() => undefined);
}
