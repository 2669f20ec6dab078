// Loads models, the person's own or a sample's.

import { Detector } from "./module/aand.js";
import { $, announce, counted, make, say, size } from "./dom.js";
import { judgeAll } from "./judge.js";
import { add, items, remove, restart } from "./pictures.js";
import * as samples from "./samples.js";
import { progress, refresh } from "./show.js";
import { COMPUTE, PRECISION, page, said } from "./state.js";

/** Whether a model is being downloaded or loaded. */
export const awaited = () => !$("model-progress").hidden;

/**
 * Loads any model: from a file, from a sample, or trained on this page.
 * @param {Blob | ArrayBuffer | Uint8Array<ArrayBuffer>} model a `.aand` file or its bytes
 * @param {string} name its name in messages
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
    page.chosen = false;
    // The scale of the former model's scores does not fit this one.
    page.end = 1;
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
      ? "These pictures need a model: learn from them if they are good, load one (.aand), or try a sample’s."
      : "No model is loaded.";
    return;
  }
  const { name, training_pictures, threshold, score, refinements = [] } = page.detector.info;
  const corrections = refinements.reduce((sum, { good }) => sum + good.length, 0);
  words.replaceChildren(make("strong", {}, name), score === "nearest"
    ? `, judged by an instant detector: patches are compared with those of ${training_pictures} good pictures`
    : `, trained on ${training_pictures} good pictures${corrections ? `, refined on ${counted(corrections, "correction")}` : ""}`);
  say("threshold-reliability", threshold.reliable ? "" : `The model’s own: ${threshold.reliability}.`);
}

/** @param {string} words @param {() => unknown} [again] what to do on *Try again* */
export function fail(words, again) {
  say("model-error", words);
  $("model-again").hidden = !again;
  $("model-again").onclick = () => { fail(""); again?.(); };
}

/** @type {Promise<import("./samples.js").Sample[]> | undefined} */
let asked;
/** The samples of this copy of the page. A failure is not remembered, since the connection may come back. */
export const offered = () => asked ??= samples.list().catch((error) => {
  asked = undefined;
  throw error;
});

/** Shows the samples. */
export async function showSamples() {
  $("start").hidden = true;
  $("model").hidden = false;
  let list;
  try {
    list = await offered();
  } catch (error) {
    fail(`The samples are not here: ${said(error)}`, showSamples);
    return [];
  }
  page.samples = true;
  refresh();
  if (list.length === 0) {
    $("samples-note").textContent = "This copy of the page was built without samples; drop your own pictures and a model.";
    return list;
  }
  $("sample-list").replaceChildren(...list.map((sample) => {
    return make("li", {}, make("button", { type: "button", onclick: () => trySample(sample) },
      `${sample.title} (${size(samples.bytes(sample))})`));
  }));
  return list;
}

/** @param {import("./samples.js").Sample} sample */
export async function trySample(sample) {
  page.samplesWanted = false;
  page.running.model.abort();
  const { signal } = page.running.model = new AbortController();
  $("start").hidden = true;
  $("model").hidden = false;
  fail("");
  // The person's own pictures stay, since the model is wanted for them.
  const own = () => items.filter(({ own }) => own).length;
  const alone = own() > 0;
  try {
    const all = alone ? sample.model.bytes : samples.bytes(sample);
    const tell = (/** @type {number} */ done) =>
      progress("model", `Downloading ${sample.title}: ${size(done)} of ${size(all)}`, done / all);
    tell(0);
    let done = 0;
    const { model, pictures } = alone
      ? { model: await samples.fetchModel(sample, signal, (some) => tell(done += some)), pictures: [] }
      : await samples.fetchSample(sample, signal, tell);
    remove(({ own }) => !own);
    // Some may have been dropped while it was downloading.
    if (own() === 0) add(pictures, false);
    page.reveal = true;
    say("files-notice", own() ? `Your ${counted(own(), "picture")} stay${own() === 1 ? "s" : ""}, judged by the model of ${sample.title}; its own pictures come when yours are cleared.` : "");
    await loadModel(model, sample.title);
  } catch (error) {
    if (signal.aborted) return;
    progress("model");
    fail(`${sample.title}: ${said(error)}`, () => trySample(sample));
  }
}
