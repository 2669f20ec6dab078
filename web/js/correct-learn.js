// Learning from corrections: the model that judges is refined, and the one before it is there to go back to.

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
/** What came of learning: from which model and which pictures. @typedef {{ model: Model, refined: Refined, good: Item[] }} Found */

/** From this share of the steps on the time that is left is told. */
const SURE = 0.04;

/** When its first step began. */
let begun = 0;
/** Cancels what is being learned. @type {AbortController | undefined} */
let running;
/** The model before the last refinement, what came of it, and from what. @type {{ model: Model, refined: Blob, kept?: string, good: Item[] } | undefined} */
let former;
/** A refinement that was not taken. @type {Found | undefined} */
let refused;
/** The file that is being put to judge from here. @type {Blob | undefined} */
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
  // One that was put there from here is told of where that is done.
  if (page.model?.file === putting) return settle();
  running?.abort();
  former = refused = undefined;
  // The page's own instant detector has learned from the good pictures, those that joined them included.
  if (instant.speaks()) return settle();
  correct.settle(items.filter(({ learned }) => learned), false);
  report("");
}

/** What there is to say and to press. */
function settle() {
  const [good, defects] = [correct.good(), correct.defects()];
  const why = hindrance();
  const learning = running !== undefined;
  $("corrections").hidden = good.length + defects.length === 0 && !learning && $("refined").hidden && $("corrections-error").hidden;
  // What came of the last corrections stands there until there is a new one.
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

/** Why the model that judges cannot learn; nothing: empty. */
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
  // As the native program orders them: the seed then draws the same ones.
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
    // What was pressed last goes.
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
    // The first steps say little about the rest.
    const words = told.share > SURE ? `, about ${duration(left)} left` : "";
    progress("corrections", `Learning, ${Math.round(100 * told.share)} %${words}`, told.share);
  }
}

/** Says why it was not taken; the model that judges stays. @param {Found} found */
function refuse(found) {
  refused = found;
  report(`Not taken, the model is as it was: ${found.refined.worse}. Look at the pictures that were marked. It would be ${found.refined.sentence}.`);
}

/** The refined model judges from now on. @param {Found} found */
async function take({ model, refined, good }) {
  const name = page.detector?.info.name ?? "model";
  const kept = await keep(refined.model, `${name} refined`);
  // Another one came meanwhile: it stays.
  if (page.model !== model) {
    if (kept) await forget(kept);
    return;
  }
  refused = undefined;
  if (!kept) risk("model", true);
  await put({ file: refined.model, name: `${safe(name, "model")}.aand` });
  // What is wrong with it is said where models are loaded.
  if (page.model?.file !== refined.model) return;
  former = { model, refined: refined.model, kept, good };
  correct.settle(good, true);
  const left = refined.leftOut ? ` ${counted(refined.leftOut, "picture")} it had learned from before, or more than once.` : "";
  report(`The detector is ${refined.sentence}.${left} ${kept ? "It is kept in this browser, and judges from now on." : "This browser cannot keep it: save it. It judges from now on."}`);
  $("corrections-title").focus();
  await showKept();
  if (kept) persist();
}

/** The former model judges again, and the corrections wait. */
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

/** @param {string} words nothing: there is nothing to report */
function report(words) {
  say("corrections-error", "");
  $("refined-words").textContent = words;
  $("refined").hidden = !words;
  settle();
}
