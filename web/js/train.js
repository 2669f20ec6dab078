// Training on the page: pictures in, curves while it runs, a model out.

import { $, announce, download, make, size } from "./dom.js";
import { dropped, picked, pictures } from "./files.js";
import { loadModel } from "./models.js";
import { COMPUTE, page, said } from "./state.js";
import { Curve } from "./train-curve.js";
import { train } from "./train-job.js";
import { forget, keep, kept } from "./train-keep.js";
import { Pace } from "./train-pace.js";

const FEWEST = 5;

/** Pictures per step: fewer than natively, so that a step stays short. */
const BATCH = 8;

/** Steps of both stages for a first look. @type {[number, number]} */
const SHORT = [30, 60];

/** `?steps=8,14` insists. */
const ASKED = /** @type {[number, number] | undefined} */ (new URLSearchParams(location.search).get("steps")?.split(",").map(Number));

/** @typedef {import("./train-job.js").Good} Good @typedef {import("./train-job.js").Told} Told */

/** @type {Good[]} */
let good = [];
/** @type {import("./train-job.js").Training | undefined} */
let training;
let running = new AbortController();
let paused = false;
let pace = new Pace([0, 0]);
/** @type {Record<string, Curve>} */
let curves = {};

export function wire() {
  $("train-pick").onclick = () => $("train-files").click();
  $("train-pick-folder").onclick = () => $("train-folder").click();
  $("train-files").onchange = () => take($("train-files"), false);
  $("train-folder").onchange = () => take($("train-folder"), true);
  $("train-clear").onclick = () => { good = []; refresh(); $("train-pick").focus(); };
  $("train-from").onchange = started;
  $("train-form").onsubmit = (/** @type {Event} */ event) => { event.preventDefault(); run(); };
  $("train-cancel").onclick = () => running.abort();
  $("train-pause").onclick = pause;
  addEventListener("aand-model", refresh);
  $("train").addEventListener("drop", async (/** @type {DragEvent} */ event) => {
    // What falls here is to learn from, not to be judged.
    event.preventDefault();
    event.stopPropagation();
    dispatchEvent(new Event("dragleave"));
    if (event.dataTransfer) add(await dropped(event.dataTransfer));
  });
  refresh();
  showKept();
}

/** @param {any} input @param {boolean} folder */
function take(input, folder) {
  const files = picked(input.files);
  input.value = "";
  add(folder ? pictures(files) : files);
}

/** @param {Good[]} files */
function add(files) {
  const known = new Set(good.map(({ name, file }) => `${name} ${file.size}`));
  good.push(...files.filter(({ name, file }) => !name.toLowerCase().endsWith(".aand") && !known.has(`${name} ${file.size}`)));
  // As the native program orders them: the seed then draws the same ones.
  good.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  refresh();
}

function refresh() {
  const count = good.length;
  const busy = training !== undefined;
  $("train-form").hidden = count === 0 || busy;
  $("train-clear").hidden = count === 0 || busy;
  $("train-pick").disabled = $("train-pick-folder").disabled = busy;
  $("train-go").disabled = count < FEWEST;
  let words = "";
  if (count) words = `${count} good ${count === 1 ? "picture" : "pictures"}`;
  if (count && count < FEWEST) words += `; ${FEWEST - count} more are needed`;
  else if (count && count < 35) words += "; with fewer than 35 none are held out, and the threshold is a guess";
  $("train-count").textContent = words;
  $("train-from-model").disabled = !page.model;
  $("train-from-model").textContent = page.model ? `the loaded model, ${page.detector?.info.name ?? page.model.name}` : "the loaded model";
}

/** Going on from a model: its own size; stage 1 only if asked for. */
function started() {
  const earlier = $("train-from").value === "model";
  $("train-size").disabled = earlier;
  $("train-amplify").checked = !earlier;
}

async function run() {
  const name = $("train-name").value.trim() || "my part";
  const steps = ASKED ?? ($("train-length").value === "short" ? SHORT : undefined);
  const wanted = {
    name, size: Number($("train-size").value), batch: Math.min(BATCH, good.length), seed: 0,
    amplify: $("train-amplify").checked, ...(steps ? { steps } : {}),
  };
  const earlier = $("train-from").value === "model" ? page.model?.file : undefined;
  running = new AbortController();
  paused = false;
  curves = {};
  for (const id of ["train-curve-amplify", "train-curve-distill", "train-unusable"]) $(id).replaceChildren();
  for (const id of ["train-error", "train-result"]) $(id).hidden = true;
  $("train-device").textContent = "";
  $("train-pause").textContent = "Pause";
  $("train-work").hidden = false;
  progress("Loading the training module");
  try {
    const { signal } = running;
    training = await train(good, wanted, { compute: COMPUTE, earlier, tell, signal });
    refresh();
    $("train-cancel").focus();
    const model = await training.model;
    await done(model, name);
  } catch (error) {
    if (running.signal.aborted) announce("Training cancelled.");
    else {
      $("train-error").textContent = `The training failed: ${said(error)}.`;
      $("train-error").hidden = false;
    }
    $("train-work").hidden = running.signal.aborted;
  } finally {
    training = undefined;
    progress();
    refresh();
    if (running.signal.aborted) $("train-go").focus();
  }
}

/** @param {Blob} model @param {string} name */
async function done(model, name) {
  const place = await keep(model, name);
  const file = `${name}.aand`;
  await loadModel(model, file);
  const threshold = page.detector?.info.threshold;
  $("train-words").replaceChildren(
    make("strong", {}, `${name} is trained (${size(model.size)}).`),
    threshold ? ` Threshold ${threshold.value.toFixed(3)}: ${threshold.reliability}.` : "",
    place ? " The model is kept in this browser, and is in use: drop pictures to judge." : " The model is in use: drop pictures to judge. This browser cannot keep it; save it.");
  $("train-result").hidden = false;
  $("train-save").onclick = () => download(model, file);
  announce(`${name} is trained.`);
  await showKept();
}

/** @param {Told} told */
function tell(told) {
  if (told.type === "doing") progress(told.words);
  else if (told.type === "paused") progress("Paused", pace.share());
  else if (told.type === "device") $("train-device").textContent = words(told);
  else if (told.type === "unusable") $("train-unusable").append(make("li", {}, `${told.name}: ${told.message}; it is left out`));
  else if (told.type === "reading") progress(`Reading ${told.done} of ${told.all} pictures`, told.done / told.all);
  else if (told.type === "planned") pace = new Pace(told.steps);
  else if (told.type === "caching") progress(`Teacher’s features of ${told.done} of ${told.all} pictures`, told.done / told.all);
  else if (told.type === "scoring") progress(`Threshold: ${told.done} of ${told.all} pictures judged`, told.done / told.all);
  else if (told.type === "begin") {
    const amplify = told.stage === "amplify";
    curves[told.stage] ??= new Curve($(`train-curve-${told.stage}`), amplify ? "Stage 1" : "Stage 2", amplify ? ["focal", "amplification"] : ["KD", "HKD"]);
    pace.begin(told);
    progress(pace.words(), pace.share());
  } else if (told.type === "step") {
    curves[told.stage].add(told.losses);
    pace.step(told.ms);
    if (!paused) progress(pace.words(), pace.share());
  }
}

/** @param {{ compute: string, adapter: string, software: boolean }} device */
function words({ compute, adapter, software }) {
  if (compute === "gpu") return software ? `Training on ${adapter}: drawn in software, so this is slow.` : `Training on the GPU, ${adapter}. The first step compiles its kernels and takes longer.`;
  const why = adapter === "none" ? "this browser offers no WebGPU" : software ? "its only GPU is drawn in software" : "as asked";
  return `Training on one core of the CPU (${why}), which is slow; the native program is many times faster.`;
}

function pause() {
  paused = !paused;
  if (paused) training?.pause();
  else training?.resume();
  pace.interrupt();
  $("train-pause").textContent = paused ? "Continue" : "Pause";
  progress(paused ? "Pausing after this step" : pace.words(), pace.share());
}

/** @param {string} [words] without: done @param {number} [share] */
function progress(words, share) {
  const place = $("train-progress");
  place.hidden = words === undefined;
  $("train-progress-words").textContent = words ?? "";
  const bar = place.querySelector("progress");
  if (share === undefined) bar.removeAttribute("value");
  else bar.value = share;
}

async function showKept() {
  const models = await kept();
  $("train-kept").hidden = models.length === 0;
  $("train-kept-list").replaceChildren(...models.map(({ name, file }) => make("li", {},
    make("span", {}, `${name} (${size(file.size)})`),
    make("button", { type: "button", onclick: () => loadModel(file, name), "aria-label": `Use ${name}` }, "Use"),
    make("button", { type: "button", onclick: () => download(file, name), "aria-label": `Save ${name}` }, "Save"),
    make("button", { type: "button", class: "plain", "aria-label": `Delete ${name}`, onclick: async () => { await forget(name); await showKept(); $("train-pick").focus(); } }, "Delete"))));
}
