// Loading models, one's own or a sample's.

import { Detector } from "./aand.js";
import { $, announce, make, size } from "./dom.js";
import { judgeAll } from "./judge.js";
import { add, items, restart } from "./pictures.js";
import * as samples from "./samples.js";
import { progress, refresh } from "./show.js";
import { COMPUTE, PRECISION, page, said } from "./state.js";

/**
 * Every model comes in here: from a file, a sample, or trained on this page.
 * @param {Blob | ArrayBuffer | Uint8Array<ArrayBuffer>} model a `.aand` file or its bytes
 * @param {string} name what it is called in messages
 */
export async function loadModel(model, name) {
  const file = model instanceof Blob ? model : new Blob([model]);
  page.running.model.abort();
  const { signal } = page.running.model = new AbortController();
  $("start").hidden = true;
  $("model").hidden = false;
  fail("");
  progress("model", `Loading ${name}`, undefined);
  try {
    const loaded = await Detector.load(file, { name, signal, compute: COMPUTE, precision: PRECISION });
    if (signal.aborted) return loaded.close();
    page.running.job.abort();
    page.detector?.close();
    page.detector = loaded;
    page.model = { file, name };
    dispatchEvent(new Event("aand-model"));
    page.threshold = loaded.info.threshold.value;
    restart();
    page.selected = undefined;
    describe();
    announce(`Model ${loaded.info.name} loaded.`);
  } catch (error) {
    if (!signal.aborted) fail(`${name}: ${said(error)}`);
  } finally {
    if (!signal.aborted) progress("model");
  }
  refresh();
  judgeAll();
}

export function describe() {
  const words = $("model-words");
  if (!page.detector) {
    words.textContent = items.length
      ? "These pictures need a model: load a .aand file, or try a sample’s."
      : "No model is loaded.";
    return;
  }
  const { name, training_pictures, threshold } = page.detector.info;
  words.replaceChildren(
    make("strong", {}, name), `, trained on ${training_pictures} good pictures. `,
    make("span", { class: "quiet" }, `Threshold ${threshold.value.toFixed(3)}: ${threshold.reliability}.`));
}

/** @param {string} words */
export function fail(words) {
  $("model-error").textContent = words;
  $("model-error").hidden = !words;
}

/** @type {Promise<import("./samples.js").Sample[]> | undefined} */
let asked;
/** The samples that this copy of the page has. */
export const offered = () => asked ??= samples.list().catch(() => []);

export async function showSamples() {
  const list = await offered();
  $("samples").hidden = false;
  if (list.length === 0) {
    $("samples-note").textContent = "This copy of the page was built without samples; drop your own pictures and a model.";
    return;
  }
  $("sample-list").replaceChildren(...list.map((sample) => {
    return make("li", {}, make("button", { type: "button", onclick: () => trySample(sample) },
      `${sample.title} (${size(samples.bytes(sample))})`));
  }));
}

/** @param {import("./samples.js").Sample} sample */
export async function trySample(sample) {
  page.running.model.abort();
  const { signal } = page.running.model = new AbortController();
  $("start").hidden = true;
  $("model").hidden = false;
  fail("");
  try {
    const total = size(samples.bytes(sample));
    const fetched = await samples.fetchSample(sample, signal, (done, all) =>
      progress("model", `Downloading ${sample.title}: ${size(done)} of ${total}`, done / all));
    items.length = 0;
    add(fetched.pictures);
    await loadModel(fetched.model, sample.title);
  } catch (error) {
    if (signal.aborted) return;
    progress("model");
    fail(said(error));
  }
}
