// Train: good pictures in, what it sees while it learns, a model out.

import { stayAwake } from "./awake.js";
import { $, announce, counted, download, gone, make, say, size } from "./dom.js";
import { isModel, leftWords, picked, pictures } from "./files.js";
import { keepFilm } from "./learn/class.js";
import { risk } from "./leave.js";
import { awaited, loadModel } from "./models.js";
import { safe } from "./names.js";
import { go, on } from "./router.js";
import { advised, COMPUTE, INSECURE, page, said, STEPS } from "./state.js";
import { Curve } from "./widgets/curve.js";
import * as good from "./train-good.js";
import { train } from "./module/train.js";
import { isChosen } from "./native-offer.js";
import { trainThere } from "./native-train.js";
import { keep } from "./train-keep.js";
import { persist, showKept } from "./train-kept.js";
import { Live } from "./train-live.js";
import { duration, Pace } from "./train-pace.js";
import { knownPaces, learned } from "./train-paces.js";
import * as soon from "./train-soon.js";
import { showThumbs } from "./train-thumbs.js";
import * as tries from "./train-tries.js";
import { discard, rest, Unfinished, unfinished } from "./train-unfinished.js";
import * as instant from "./train-instant.js";
import { offerUndo } from "./undo.js";

const FEWEST = 5;

/** Pictures per step: fewer than natively, so that a step stays short. */
const BATCH = 8;
/** Seconds between the models that are looked at and kept while it learns. */
const SHOWING = 15;

/** @typedef {import("./module/train.js").Told} Told */
/** @typedef {import("./module/train.js").Good} Good */

/** What is to be trained. @typedef {import("./module/train.js").Wanted & { minutes?: number, earlier?: Blob }} Job */

/** From the press of the button on, before there is a worker. */
let busy = false;
/** Whether the training under way began by itself. */
let unasked = false;
/** What was learned from, or tried to: by itself nothing of it is again. @type {WeakSet<Blob>} */
const tried = new WeakSet();
/** So many pictures are in the training under way. */
let inUse = 0;
/** @type {{ model: Promise<Blob>, film?: ArrayBuffer, pause(): void, resume(): void } | undefined} */
let training;
let running = new AbortController();
let paused = false;
let pace = new Pace([0, 0]);
/** @type {import("./module/train-plan.js").Pace | undefined} */
let measured;
/** @type {Record<string, Curve>} */
let curves = {};
/** @type {Live | undefined} */
let live;
/** @type {Unfinished | undefined} */
let kept;
/** Names of the pictures that the training under way does not learn from. @type {string[]} */
let heldOut = [];

/** @param {(files: Good[]) => void} check judges pictures */
export function wire(check) {
  $("train-pick").onclick = () => $("train-files").click();
  $("train-pick-folder").onclick = () => $("train-folder").click();
  $("train-files").onchange = () => pick($("train-files"), false);
  $("train-folder").onchange = () => pick($("train-folder"), true);
  $("train-clear").onclick = () => {
    const gone = good.pictures();
    good.clear();
    say("train-notice", "");
    changed();
    $("train-pick").focus();
    offerUndo(`${counted(gone.length, "good picture")} removed.`, () => take({ files: gone, left: [] }));
  };
  $("train-check").onclick = () => { go("inspect"); $("files").click(); };
  $("train-size").onchange = $("train-range").onchange = () => changed();
  $("train-from").onchange = started;
  $("train-form").onsubmit = (/** @type {Event} */ event) => { event.preventDefault(); begin(asked()); };
  for (const type of ["input", "change"]) $("train-form").addEventListener(type, anew);
  $("train-cancel").onclick = () => running.abort();
  $("train-pause").onclick = pause;
  $("train-minutes").onchange = refresh;
  addEventListener("aand-model", () => { refresh(); soon.consider(); });
  addEventListener("aand-instant", anew);
  on("train", () => instant.expect());
  addEventListener("aand-native", soon.consider);
  soon.wire({ wanted, ready: () => instant.ready() && $("train-form").matches(":valid"), takes, begin: () => begin(asked(), true) },
    () => $("train-form").requestSubmit());
  tries.wire(() => { soon.decline(); changed(); }, check);
  refresh();
  showKept();
  offerToGoOn();
}

/** @param {any} input @param {boolean} folder */
function pick(input, folder) {
  const chosen = picked(input.files);
  input.value = "";
  return take(folder ? pictures(chosen) : chosen);
}

/** Good pictures to learn from. @param {{ files: Good[], left: string[] }} chosen */
export async function take(chosen) {
  go("train");
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
  changed();
}

/** Good pictures that come while something else is looked at; how many there are then. @param {Good[]} files */
export async function collect(files) {
  await good.add(files);
  changed(true);
  return good.pictures().length;
}

/** Takes one out again. @param {Good} picture */
function remove(picture) {
  good.remove(picture);
  changed();
  offerUndo(`${picture.name} removed.`, async () => {
    await good.add([picture]);
    changed();
  });
}

/** The good pictures, or how they are looked at, are others; more may be `coming` in a moment. */
function changed(coming = false) {
  refresh();
  const { name, size, range } = asked();
  if (!busy) instant.offer(good.pictures(), { name, size, range }, coming);
  if (good.pictures().length === 0) soon.reset();
  anew();
}

/** What a training by itself would learn from, or how, has changed. */
function anew() {
  soon.restart();
  soon.consider();
}

/** Whether there is something new to learn from behind the instant detector. One that was cut off is gone on with, or discarded, first. */
function wanted() {
  const pictures = good.pictures();
  return !busy && pictures.length >= FEWEST && pictures.some(({ file }) => !tried.has(file)) && instant.speaks() && instant.stands() && $("train-unfinished").hidden;
}

/** How long the form says that it may take. */
const takes = () => (STEPS || isChosen() ? "" : `about ${chosenMinutes()} min`);

function refresh() {
  const count = good.pictures().length;
  $("train-form").hidden = busy;
  $("train-clear").hidden = count === 0 || busy;
  $("train-pick").disabled = $("train-pick-folder").disabled = busy;
  $("train-pick").classList.toggle("primary", count < FEWEST);
  $("train-go").disabled = count < FEWEST;
  // Once there is a model, the next step is to use it.
  $("train-go").classList.toggle("primary", $("train-result").hidden);
  $("train-go").textContent = $("train-result").hidden ? "Learn" : "Learn again";
  let words = "";
  if (count) words = counted(count, "good picture");
  if (busy && count > inUse) words += `, ${count - inUse} of them for the next training; this one goes on with ${inUse}`;
  else if (count && count < FEWEST) words += `; ${FEWEST - count} more are needed`;
  else if (count && count < 10) words += "; with fewer than 10 the threshold is a guess";
  else if (count && count < 459) {
    // The highest of n scores keeps the rate 1 - 0.01^(1/n) with 99 % confidence; 459 pictures keep 1 %.
    words += `; the threshold will state a false-alarm rate of ${(100 * (1 - 0.01 ** (1 / count))).toPrecision(2)} % (459 pictures: 1 %)`;
  }
  $("train-count").textContent = words;
  showThumbs(good.pictures(), busy ? undefined : remove);
  // Others have no student to go on with.
  const info = page.detector?.info.score === "discrepancy" ? page.detector.info : undefined;
  $("train-from-model").disabled = !info;
  $("train-from-model").textContent = info ? `the loaded model, ${info.name}` : "the loaded model";
  if (!info && $("train-from").value === "model") {
    $("train-from").value = "";
    started();
  }
  const minutes = chosenMinutes();
  $("train-minutes-words").textContent = STEPS ? `As the address says: ${STEPS.join(" and ")} steps.`
    : minutes <= 2 ? "A first look: rough, but it shows whether it works." : minutes <= 5 ? "Enough for most parts."
      : minutes <= 15 ? "For small defects, or parts that vary." : "For hundreds of pictures; it ends sooner if more would not help.";
}

/** Going on from a model: its own size and range; stage 1 only if asked for. */
function started() {
  const earlier = $("train-from").value === "model";
  $("train-size").disabled = $("train-range").disabled = earlier;
  $("train-amplify").checked = !earlier;
}

const chosenMinutes = () => Number(document.querySelector("#train-minutes :checked")?.getAttribute("value") ?? 5);

/** What the form says. @returns {Job} */
function asked() {
  const range = $("train-range").value.replaceAll(/\s/g, "");
  return {
    name: $("train-name").value.trim() || "my part", size: Number($("train-size").value),
    batch: Math.min(BATCH, good.pictures().length), seed: 0, amplify: $("train-amplify").checked,
    ...(range ? { range } : {}), ...(STEPS ? { steps: STEPS } : { minutes: chosenMinutes() }),
    earlier: $("train-from").value === "model" ? page.model?.file : undefined,
  };
}

/** The training under way, or the last one, to its very end. */
let ended = Promise.resolve();

/** @param {Job} job @param {boolean} [byItself] */
function begin(job, byItself = false) {
  // A second press before the first has led to anything.
  if (busy || good.pictures().length < FEWEST) return;
  unasked = byItself;
  ended = run(job);
}

/** @param {Job} job */
async function run({ minutes, earlier, ...wanted }) {
  busy = true;
  soon.consider();
  instant.behind(true);
  const before = document.activeElement;
  const pictures = [...good.pictures()];
  for (const { file } of pictures) tried.add(file);
  inUse = pictures.length;
  running = new AbortController();
  paused = false;
  measured = undefined;
  curves = {};
  for (const id of ["train-curve-amplify", "train-curve-distill", "train-unusable"]) $(id).replaceChildren();
  for (const id of ["train-error", "train-result", "train-unfinished", "train-stored", "train-stored-use"]) $(id).hidden = true;
  $("train-check-empty").hidden = false;
  $("train-work").hidden = false;
  $("train-device").textContent = "";
  $("train-pause").textContent = "Pause";
  live = new Live(pictures[0]);
  kept = new Unfinished({ name: wanted.name, size: wanted.size, amplify: wanted.amplify, range: wanted.range, steps: wanted.steps ?? [1, 1] }, pictures);
  risk("training", true);
  stayAwake("training", true);
  progress("Starting");
  refresh();
  if (!unasked) $("train-pause").focus();
  else if (gone(before)) $("train-learn-title").focus({ preventScroll: true });
  let done = false;
  try {
    const within = minutes === undefined ? undefined : { minutes, paces: knownPaces() };
    training = await (isChosen() ? trainThere : train)(pictures, wanted, { compute: COMPUTE, earlier, within, showing: SHOWING, tell, signal: running.signal });
    const model = await training.model;
    done = true;
    if (training.film) await keepFilm(training.film);
    await finished(model, wanted.name, pictures);
  } catch (error) {
    if (running.signal.aborted) {
      announce("Training cancelled.");
      soon.decline();
    } else say("train-error", `The training failed: ${said(error)}.`);
  } finally {
    live.stop();
    await kept.end(done);
    const held = document.activeElement;
    training = undefined;
    busy = false;
    instant.behind(false);
    $("train-work").hidden = $("train-live").hidden || running.signal.aborted;
    risk("training", false);
    stayAwake("training", false);
    progress();
    // Pictures may have come meanwhile.
    changed();
    // What was learned until it ended is there to go on with.
    if (!done) await offerToGoOn();
    if (running.signal.aborted) $("train-go").focus();
    else if (gone(held)) $(done ? "train-check" : "train-go").focus({ preventScroll: true });
  }
}

/** @param {Blob} model @param {string} name @param {Good[]} pictures */
async function finished(model, name, pictures) {
  const place = await keep(model, name);
  const file = `${safe(name, "model")}.aand`;
  instant.met(model);
  risk("model", !place);
  /** @type {Awaited<ReturnType<typeof instant.contest>>} */
  let compared = { takesOver: true, words: "" };
  if (instant.speaks()) {
    progress("Comparing it with the instant detector");
    compared = await instant.contest(model, pictures, heldOut);
  }
  // Another model that was loaded meanwhile, or is on its way, gives way to the training that was asked for only.
  const behind = instant.speaks() && !(unasked && awaited());
  // What was not asked for has to be the better one.
  const stays = behind ? !compared.takesOver || (unasked && !compared.words) : unasked;
  if (!stays) await loadModel(model, file);
  const threshold = stays ? compared.threshold : page.detector?.info.threshold;
  const judge = !stays ? "The trained model judges from now on." : behind ? "The instant detector goes on judging." : "The loaded model goes on judging.";
  const outcome = compared.words || stays;
  $("train-words").replaceChildren(
    make("strong", {}, `${name} is trained (${size(model.size)}).`),
    threshold ? ` Threshold ${threshold.value.toFixed(3)}: ${threshold.reliability}.` : "",
    place ? " It is kept in this browser" : " This browser cannot keep it; save it", stays ? "." : ", and in use.",
    ...(outcome ? [" ", make("span", { id: "train-outcome" }, compared.words && `${compared.words} `, make("strong", {}, judge))] : []));
  $("train-use").hidden = !stays;
  $("train-use").onclick = async () => { $("train-use").hidden = true; await loadModel(model, file); };
  $("train-result").hidden = false;
  $("train-check-empty").hidden = true;
  $("train-save").onclick = () => { download(model, file); risk("model", false); };
  announce(`${name} is trained.${outcome ? ` ${judge}` : ""}`);
  if (!unasked) $("train-check").focus();
  await showKept();
  if (place) persist();
}

/** Offers what a page that was closed, or a training that ended, has left. */
async function offerToGoOn() {
  const found = await unfinished();
  // Waiting for another tab, this one may have begun a training itself.
  $("train-unfinished").hidden = !found || busy;
  if (!found) return;
  const { state, model, pictures } = found;
  const stage = state.stage === "amplify" ? "stage 1 of 2" : "stage 2 of 2";
  $("train-unfinished-words").textContent = `The training of ${state.name} ended in ${stage}, after epoch ${state.epoch} of ${state.epochs}. `
    + (state.whole ? "It can go on from there." : "It can go on from there with the same pictures: choose them first.");
  $("train-discard").onclick = async () => {
    await discard();
    $("train-unfinished").hidden = true;
    $("train-pick").focus();
    soon.consider();
  };
  $("train-go-on").onclick = async () => {
    // Out of the storage, which the training that begins clears.
    const copy = async (/** @type {Blob} */ file) => new Blob([await file.arrayBuffer()]);
    const earlier = await copy(model);
    if (state.whole) {
      good.clear();
      await good.add(await Promise.all(pictures.map(async ({ name, file }) => ({ name, file: await copy(file) }))));
      changed();
    }
    if (good.pictures().length < FEWEST) return say("train-notice", "Choose the good pictures first.");
    $("train-name").value = state.name;
    begin({ name: state.name, size: state.size, batch: Math.min(BATCH, good.pictures().length), seed: 0, ...rest(state), earlier });
  };
}

/** @param {Told} told */
function tell(told) {
  if (told.type === "doing") progress(told.words);
  else if (told.type === "paused") progress("Paused", pace.share());
  else if (told.type === "device") $("train-device").textContent = words(told);
  else if (told.type === "unusable") $("train-unusable").append(make("li", {}, `${told.name}: ${advised(told.message)}; it is left out`));
  else if (told.type === "stored") stored(told);
  else if (told.type === "reading") progress(`Reading ${told.done} of ${told.all} pictures`, told.done / told.all);
  else if (told.type === "pace") {
    measured = told.pace;
    learned(told.of, told.pace);
    announce(`It will take about ${duration(60 * told.minutes)}.`);
  } else if (told.type === "planned") {
    heldOut = told.heldOutNames ?? [];
    pace = new Pace(told.steps, measured && { amplify: measured.amplify, distill: measured.distill });
    kept?.planned(told.steps);
  } else if (told.type === "caching") progress(`Teacher’s features of ${told.done} of ${told.all} pictures`, told.done / told.all);
  else if (told.type === "scoring") progress(`Threshold: step ${told.done} of ${told.all}`, told.done / told.all);
  else if (told.type === "model") {
    live?.show(told.bytes, told.stage);
    kept?.keep(told.bytes, { stage: told.stage, epoch: told.epoch, epochs: told.epochs });
  } else if (told.type === "begin") {
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

/** Values that do not fit the range they are read with, and a way to read them rightly. @param {Extract<Told, { type: "stored" }>} told */
function stored({ pictures, lowest, highest, range, fits }) {
  const many = `${counted(pictures, "picture")} of more than 8 bits`;
  say("train-stored", range
    ? `${many} hold values from ${lowest} to ${highest}, outside ${range}: what lies beyond it is cut.`
    : `${many} hold values from ${lowest} to ${highest} only, and are read nearly black or cut. If the camera has fewer bits, say so under More settings.`);
  const use = $("train-stored-use");
  use.hidden = !fits || fits === range;
  use.textContent = `Begin again, read as ${fits}`;
  use.onclick = async () => {
    $("train-range").value = fits ?? "";
    running.abort();
    await ended;
    begin(asked());
  };
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
  // Seen from the other places too.
  say("train-mark", words === undefined ? "" : `${Math.round(100 * pace.share())} %`);
}
