// Refining for any page: `import { refine } from "./refine.js"`. A model learns from corrections, in a separate worker.

import { Training } from "./train.js";

/** @typedef {import("./train.js").Good} Picture a picture of either kind: its name and its file */

/**
 * @typedef {{ seed?: number, epochs?: number, margin?: number }} Wanted fields left out are as in `aand refine`
 *
 * @typedef {{ type: "refine", model: ArrayBuffer, good: Picture[], defects: Picture[], wanted: Wanted, compute: "auto" | "cpu" | "gpu" }} Start
 *
 * What is told: what is being done, what computes, how many pictures are read, that the values of some do not fit, and how
 * far it is, 0 to 1.
 * @typedef {Extract<import("./train.js").Told, { type: "doing" | "device" | "reading" | "stored" }> | { type: "refining", share: number }} Told
 *
 * @typedef {{ anomalous: number, of: number }} Called how many of some pictures are called anomalous
 * @typedef {{ kept: Called, new: Called, synthetic: Called, defects: Called, auroc: number, threshold: number }} Standing
 *
 * @typedef {object} Outcome
 * @property {string} sentence what has changed
 * @property {string | null} worse why the model should be rejected; null if it need not be
 * @property {number} leftOut so many good pictures it was refined on before, or they were given twice
 * @property {import("./protocol.js").Threshold} threshold
 * @property {{ when: number, seed: number, steps: number, good: { name: string, sha256: string }[],
 *   defects?: { name: string, sha256: string }[], before: Standing, after: Standing }} refinement as recorded in the
 *   model's file
 *
 * @typedef {Outcome & { model: Blob }} Refined `model`: its file
 */

/**
 * Refines a model: its student learns further from `good` pictures and those that it keeps; `defects` are only used to
 * check it.
 * @param {Blob} model a `.aand` file that keeps good pictures
 * @param {{ good: Picture[], defects?: Picture[] }} corrections
 * @param {{ wanted?: Wanted, compute?: "auto" | "cpu" | "gpu", tell?: (told: Told) => void, signal?: AbortSignal }} [options]
 * @returns {Promise<Refined>} which the caller may reject
 * @throws {Error} `ModelError` if it keeps no pictures or has no student, `PictureError` if a correction cannot be used,
 *   `TrainingError` if there is nothing new to learn, `AbortError` if it was cancelled
 */
export async function refine(model, { good, defects = [] }, { wanted = {}, compute = "auto", tell = () => {}, signal } = {}) {
  const bytes = await model.arrayBuffer();
  const start = /** @type {Start} */ ({ type: "refine", model: bytes, good, defects, wanted, compute });
  const training = new Training(start, /** @type {any} */ (tell), signal);
  const file = await training.model;
  return { model: file, .../** @type {Outcome} */ (training.outcome) };
}
