// Training on the page: pictures in, curves while it runs, a model out.

import { stayAwake } from "./awake.js";
import { $, announce, counted, download, make, say, size } from "./dom.js";
import { isModel, leftWords, picked, pictures } from "./files.js";
import { risk } from "./leave.js";
import { loadModel } from "./models.js";
import { safe } from "./names.js";
import { advised, COMPUTE, INSECURE, page, said, STEPS } from "./state.js";
import { Curve } from "./train-curve.js";
import * as good from "./train-good.js";
import { train } from "./train-job.js";
import { keep } from "./train-keep.js";
import { persist, showKept } from "./train-kept.js";
import { Pace } from "./train-pace.js";
import { offerUndo } from "./undo.js";

const FEWEST = 5;

/** Pictures per step: fewer than natively, so that a step stays short. */
const BATCH = 8;

/** Steps of both stages for a first look. @type {[number, number]} */
const SHORT = [30, 60];

/** @typedef {import("./train-job.js").Told} Told */

/** From the press of the button on, before there is a worker. */
let busy = false;
/** So many pictures are in the training under way. */
let inUse = 0;
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
  $("train-files").onchange = () => pick($("train-files"), false);
  $("train-folder").onchange = () => pick($("train-folder"), true);
  $("train-clear").onclick = () => {
    const gone = good.pictures();
    good.clear();
    say("train-notice", "");
    refresh();
    $("train-pick").focus();
    offerUndo(`${counted(gone.length, "good picture")} removed.`, () => take({ files: gone, left: [] }));
  };
  $("train-check").onclick = () => $("files").click();
  $("train-from").onchange = started;
  $("train-form").onsubmit = (/** @type {Event} */ event) => { event.preventDefault(); run(); };
  $("train-cancel").onclick = () => running.abort();
  $("train-pause").onclick = pause;
  addEventListener("aand-model", refresh);
  refresh();
  showKept();
}

/** @param {any} input @param {boolean} folder */
function pick(input, folder) {
  const chosen = picked(input.files);
  input.value = "";
  return take(folder ? pictures(chosen) : chosen);
}

/** Good pictures to learn from. @param {{ files: import("./train-job.js").Good[], left: string[] }} chosen */
export async function take(chosen) {
  const files = chosen.files.filter(({ name }) => !isModel(name));
  const models = chosen.files.length - files.length;
  const { copies } = await good.add(files);
  const [first] = copies;
  const one = copies.length === 1;
  say("train-notice", [
    leftWords(chosen),
    models ? "A model is nothing to learn from; drop it on the other half to load it." : "",
    copies.length ? `${counted(copies.length, "picture")} left out, the same as ${one ? "one" : "some"} already here: ${first}${one ? "" : ` and ${copies.length - 1} more`}.` : "",
  ].filter(Boolean).join(" "));
  refresh();
}

function refresh() {
  const count = good.pictures().length;
  $("train-form").hidden = count === 0 || busy;
  $("train-clear").hidden = count === 0 || busy;
  $("train-pick").disabled = $("train-pick-folder").disabled = busy;
  $("train-go").disabled = count < FEWEST;
  let words = "";
  if (count) words = counted(count, "good picture");
  if (busy && count > inUse) words += `, ${count - inUse} of them for the next training; this one goes on with ${inUse}`;
  else if (count && count < FEWEST) words += `; ${FEWEST - count} more are needed`;
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
  // A second press before the first has led to anything.
  if (busy || good.pictures().length < FEWEST) return;
  busy = true;
  const pictures = [...good.pictures()];
  inUse = pictures.length;
  const name = $("train-name").value.trim() || "my part";
  const steps = STEPS ?? ($("train-length").value === "short" ? SHORT : undefined);
  const wanted = {
    name, size: Number($("train-size").value), batch: Math.min(BATCH, inUse), seed: 0,
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
  refresh();
  risk("training", true);
  stayAwake("training", true);
  try {
    const { signal } = running;
    training = await train(pictures, wanted, { compute: COMPUTE, earlier, tell, signal });
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
    busy = false;
    risk("training", false);
    stayAwake("training", false);
    progress();
    refresh();
    if (running.signal.aborted) $("train-go").focus();
  }
}

/** @param {Blob} model @param {string} name */
async function done(model, name) {
  const place = await keep(model, name);
  const file = `${safe(name, "model")}.aand`;
  risk("model", !place);
  await loadModel(model, file);
  const threshold = page.detector?.info.threshold;
  $("train-words").replaceChildren(
    make("strong", {}, `${name} is trained (${size(model.size)}).`),
    threshold ? ` Threshold ${threshold.value.toFixed(3)}: ${threshold.reliability}.` : "",
    place ? " The model is kept in this browser, and is in use: drop pictures to judge." : " The model is in use: drop pictures to judge. This browser cannot keep it; save it.");
  $("train-result").hidden = false;
  $("train-save").onclick = () => { download(model, file); risk("model", false); };
  announce(`${name} is trained.`);
  await showKept();
  if (place) persist();
}

/** @param {Told} told */
function tell(told) {
  if (told.type === "doing") progress(told.words);
  else if (told.type === "paused") progress("Paused", pace.share());
  else if (told.type === "device") $("train-device").textContent = words(told);
  else if (told.type === "unusable") $("train-unusable").append(make("li", {}, `${told.name}: ${advised(told.message)}; it is left out`));
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
  const why = adapter === "none" ? (INSECURE ? "this page was not served securely, so there is no WebGPU" : "this browser offers no WebGPU") : software ? "its only GPU is drawn in software" : "as asked";
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
