// Learns from corrections: refines the model that judges, and keeps the former one to go back to.

import { stayAwake } from "./awake.js";
import * as correct from "./correct.js";
import { $, announce, counted, download, say } from "./dom.js";
import { risk } from "./leave.js";
import { loadModel } from "./models.js";
import { refine } from "./module/refine.js";
import { safe } from "./names.js";
import { items } from "./pictures.js";
import { progress, refreshSoon } from "./show.js";
import { COMPUTE, page, said } from "./state.js";
import * as instant from "./train-instant.js";
import { forget, keep } from "./train-keep.js";
import { persist, showKept } from "./train-kept.js";
import { duration } from "./train-pace.js";

/** @typedef {import("./pictures.js").Item} Item */
/** @typedef {import("./module/refine.js").Refined} Refined */
/** @typedef {{ file: Blob, name: string }} Model */
/** The result of learning: from which model and which pictures. @typedef {{ model: Model, refined: Refined, good: Item[] }} Found */

/** The remaining time is shown once this share of the steps is done. */
const SURE = 0.04;

/** When its first step began. */
let begun = 0;
/** Cancels the running refinement. @type {AbortController | undefined} */
let running;
/** The model before the last refinement, the refined one, and the pictures it learned from. @type {{ model: Model, refined: Blob, kept?: string, good: Item[] } | undefined} */
let former;
/** A refinement that was rejected. @type {Found | undefined} */
let refused;
/** The file that is being loaded from here. @type {Blob | undefined} */
let putting;

/** @param {(files: import("./module/train.js").Good[]) => Promise<unknown>} collect adds to the good pictures of Train */
export function wire(collect) {
  $("corrections-learn").onclick = () => learn(collect);
  $("corrections-cancel").onclick = () => running?.abort();
  $("refined-anyway").onclick = () => { if (refused) take(refused); };
  $("refined-undo").onclick = undo;
  $("refined-save").onclick = () => { if (former) save(former.refined); };
  addEventListener("aand-marks", () => { settle(); refreshSoon(); });
  addEventListener("aand-model", replaced);
}

/** Another model judges. */
function replaced() {
  // A model that was loaded from here is reported elsewhere.
  if (page.model?.file === putting) return settle();
  running?.abort();
  former = refused = undefined;
  // The page's own instant detector has learned from all good pictures, including those just added.
  if (instant.speaks()) return settle();
  correct.settle(items.filter(({ learned }) => learned), false);
  report("");
}

/** Updates the words and buttons. */
function settle() {
  const [good, defects] = [correct.good(), correct.defects()];
  const why = hindrance();
  const learning = running !== undefined;
  $("corrections").hidden = good.length + defects.length === 0 && !learning && $("refined").hidden && $("corrections-error").hidden;
  // The result of the last corrections stays until there is a new correction.
  const done = former !== undefined && good.length === 0;
  $("corrections-learn").hidden = learning || done;
  $("corrections-learn").disabled = good.length === 0 || why !== "";
  $("corrections-learn").textContent = good.length + defects.length === 1 ? "Learn from this correction" : "Learn from these corrections";
  const check = page.detector?.info.score === "discrepancy" && defects.length > 0;
  say("corrections-words", learning || done ? "" : [
    why, !why && good.length === 0 && defects.length > 0 ? "Mark a good picture too: from defects alone nothing is learned." : "",
    check && good.length > 0 ? "Nothing is learned from a defect, but the refined model must find it no less than this one." : "",
  ].filter(Boolean).join(" "));
  $("refined-anyway").hidden = !refused;
  $("refined-undo").hidden = $("refined-save").hidden = !former || Boolean(refused);
}

/** Why the model that judges cannot learn; empty if it can. */
function hindrance() {
  const info = page.detector?.info;
  if (!info) return "There is no model to learn; load one.";
  if (info.score === "gate") return "This model has no student that could learn; train it again.";
  if (info.score === "nearest" && !instant.speaks()) {
    return "This instant detector was made elsewhere: add these pictures in Train to the good ones that it was made from.";
  }
  return "";
}

/** @param {(files: import("./module/train.js").Good[]) => Promise<unknown>} collect */
async function learn(collect) {
  const { model, detector } = page;
  const good = correct.good();
  if (running || !model || !detector || good.length === 0 || hindrance()) return;
  report("");
  if (detector.info.score === "nearest") {
    await collect(good);
    correct.settle(good, true);
    report(`${counted(good.length, "good picture")} joined those in Train; the instant detector learns from all of them. They can be taken out there.`);
    return;
  }
  const { signal } = running = new AbortController();
  refused = undefined;
  begun = 0;
  risk("refinement", true);
  stayAwake("refinement", true);
  progress("corrections", "Starting");
  settle();
  $("corrections-cancel").focus();
  // In the native program's order, so that the seed draws the same pictures.
  const sorted = [...good].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  try {
    const refined = await refine(model.file, { good: sorted, defects: correct.defects() }, { compute: COMPUTE, tell, signal });
    if (signal.aborted) return;
    const found = { model, refined, good };
    if (refined.worse) refuse(found);
    else await take(found);
  } catch (error) {
    if (signal.aborted) announce("Nothing was learned.");
    else say("corrections-error", `Nothing was learned: ${said(error)}.`);
  } finally {
    running = undefined;
    // The button that was pressed last disappears.
    const held = [document.body, $("corrections-cancel")].includes(document.activeElement);
    risk("refinement", false);
    stayAwake("refinement", false);
    progress("corrections");
    settle();
    if (held) $($("refined").hidden ? "corrections-learn" : "corrections-title").focus();
  }
}

/** @param {import("./module/refine.js").Told} told */
function tell(told) {
  if (told.type === "doing") progress("corrections", told.words);
  else if (told.type === "reading") progress("corrections", `Reading ${told.done} of ${told.all}`, 0);
  else if (told.type === "refining") {
    begun ||= performance.now();
    const left = (performance.now() - begun) / 1000 * (1 / told.share - 1);
    // The first steps say little about the time of the rest.
    const words = told.share > SURE ? `, about ${duration(left)} left` : "";
    progress("corrections", `Learning, ${Math.round(100 * told.share)} %${words}`, told.share);
  }
}

/** Says why it was rejected; the model that judges stays. @param {Found} found */
function refuse(found) {
  refused = found;
  report(`Not taken, the model is as it was: ${found.refined.worse}. Look at the pictures that were marked. It would be ${found.refined.sentence}.`);
}

/** The refined model judges from now on. @param {Found} found */
async function take({ model, refined, good }) {
  const name = page.detector?.info.name ?? "model";
  const kept = await keep(refined.model, `${name} refined`);
  // Another model was loaded in the meantime: it stays.
  if (page.model !== model) {
    if (kept) await forget(kept);
    return;
  }
  refused = undefined;
  if (!kept) risk("model", true);
  await put({ file: refined.model, name: `${safe(name, "model")}.aand` });
  // An error is reported where models are loaded.
  if (page.model?.file !== refined.model) return;
  former = { model, refined: refined.model, kept, good };
  correct.settle(good, true);
  const left = refined.leftOut ? ` ${counted(refined.leftOut, "picture")} it had learned from before, or more than once.` : "";
  report(`The detector is ${refined.sentence}.${left} ${kept ? "It is kept in this browser, and judges from now on." : "This browser cannot keep it: save it. It judges from now on."}`);
  $("corrections-title").focus();
  await showKept();
  if (kept) persist();
}

/** The former model judges again, and the corrections are pending again. */
async function undo() {
  if (!former || running) return;
  const { model, kept, good } = former;
  former = undefined;
  if (kept) await forget(kept);
  else risk("model", false);
  await put(model);
  correct.settle(good.filter((item) => items.includes(item)), false);
  report("The model from before judges again; the corrections wait to be learned from anew.");
  $("corrections-title").focus();
  await showKept();
}

/** @param {Model} model */
async function put({ file, name }) {
  putting = file;
  await loadModel(file, name);
  putting = undefined;
}

/** @param {Blob} model */
function save(model) {
  download(model, page.model?.name ?? "model.aand");
  risk("model", false);
}

/** @param {string} words empty if there is nothing to report */
function report(words) {
  say("corrections-error", "");
  $("refined-words").textContent = words;
  $("refined").hidden = !words;
  settle();
}
