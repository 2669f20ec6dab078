// The page: what is pressed and dropped, and what is computed because of it.

import { Detector } from "./aand.js";
import * as camera from "./camera.js";
import * as diagnostics from "./diagnostics.js";
import { $, announce, download, make, size } from "./dom.js";
import { dropped, picked, pictures } from "./files.js";
import * as gallery from "./gallery.js";
import * as histogram from "./histogram.js";
import { register } from "./offline.js";
import { add, items, judged, restart, verdict } from "./pictures.js";
import * as samples from "./samples.js";
import { csv, zip } from "./save.js";
import * as viewer from "./viewer.js";

/** Longer side of what is kept for showing, in pixels. */
const PREVIEW = 1024;

/** @type {Detector | undefined} */
let detector;
let threshold = 0;
/** The right end of the threshold's slider; it stays while the slider is moved. */
let end = 1;
/** @type {import("./pictures.js").Item | undefined} */
let selected;
/** Cancels what runs: a download, the pictures, or a ZIP. */
const running = { model: new AbortController(), job: new AbortController() };
let judging = false;

// ---- models

/** @param {Blob} file @param {string} name */
async function loadModel(file, name) {
  running.model.abort();
  const { signal } = running.model = new AbortController();
  $("start").hidden = true;
  $("model").hidden = false;
  fail("");
  progress("model", `Loading ${name}`, undefined);
  try {
    const loaded = await Detector.load(file, { name, signal });
    if (signal.aborted) return loaded.close();
    running.job.abort();
    detector?.close();
    detector = loaded;
    threshold = loaded.info.threshold.value;
    restart();
    selected = undefined;
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

function describe() {
  const words = $("model-words");
  if (!detector) {
    words.textContent = items.length
      ? "These pictures need a model: load a .aand file, or try a sample’s."
      : "No model is loaded.";
    return;
  }
  const { name, training_pictures, threshold } = detector.info;
  words.replaceChildren(
    make("strong", {}, name), `, trained on ${training_pictures} good pictures. `,
    make("span", { class: "quiet" }, `Threshold ${threshold.value.toFixed(3)}: ${threshold.reliability}.`));
}

/** @param {string} words */
function fail(words) {
  $("model-error").textContent = words;
  $("model-error").hidden = !words;
}

/** @param {unknown} error */
const said = (error) => (error instanceof Error ? error.message : String(error));

// ---- samples

/** @type {Promise<import("./samples.js").Sample[]> | undefined} */
let offered;

async function showSamples() {
  const list = await (offered ??= samples.list().catch(() => []));
  $("samples").hidden = false;
  if (list.length === 0) {
    $("samples-note").textContent = "This copy of the page was built without samples; drop your own pictures and a model.";
    return;
  }
  $("sample-list").replaceChildren(...list.map((sample) => {
    const button = make("button", { type: "button", onclick: () => trySample(sample, button) },
      `${sample.title} (${size(samples.bytes(sample))})`);
    return make("li", {}, button);
  }));
}

/** @param {import("./samples.js").Sample} sample */
async function trySample(sample, button = undefined) {
  running.model.abort();
  const { signal } = running.model = new AbortController();
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

// ---- pictures

/** @param {{ name: string, file: Blob }[]} files */
async function take(files) {
  const models = files.filter(({ name }) => name.toLowerCase().endsWith(".aand"));
  const rest = files.filter(({ name }) => !name.toLowerCase().endsWith(".aand"));
  if (files.length === 0) return;
  $("start").hidden = true;
  $("model").hidden = false;
  add(rest);
  if (rest.length) announce(`${rest.length} pictures added.`);
  const model = models.at(-1);
  if (model) await loadModel(model.file, model.name);
  describe();
  if (!detector && !model) await showSamples();
  refresh();
  judgeAll();
}

async function judgeAll() {
  if (judging || !detector) return;
  judging = true;
  const { signal } = running.job = new AbortController();
  const using = detector;
  const waiting = () => items.filter(({ state }) => state === "waiting");
  let done = 0;
  for (let [item] = waiting(); item && !signal.aborted; [item] = waiting()) {
    const total = done + waiting().length;
    const count = `${done + 1} of ${total}`;
    progress("job", count, done / total);
    try {
      const found = await using.detect(item.file, {
        name: item.name, preview: PREVIEW, signal,
        progress: (layer, layers) => progress("job", count, (done + layer / layers) / total),
      });
      judged(item, found, using.info.threshold.value);
    } catch (error) {
      if (signal.aborted) break;
      item.state = "failed";
      item.error = said(error);
    }
    done++;
    selected ??= item.found ? item : undefined;
    refreshSoon();
  }
  judging = false;
  progress("job");
  refresh();
  // Another model came meanwhile.
  if (using !== detector) return judgeAll();
  if (done === 0) return;
  const failed = items.filter(({ state }) => state === "failed").length;
  announce(`${summary()}${failed ? ` ${failed} could not be used.` : ""}${signal.aborted ? " Cancelled." : ""}`);
}

function summary() {
  const found = items.filter(({ found }) => found);
  const flagged = found.filter(({ found }) => found && verdict(found.score, threshold).kind === "anomalous").length;
  return `${found.length} judged, ${flagged} anomalous.`;
}

// ---- showing

/** @param {"model" | "job"} which @param {string} [words] without: done @param {number} [share] */
function progress(which, words, share) {
  const place = $(`${which}-progress`);
  place.hidden = words === undefined;
  place.querySelector("span").textContent = words ?? "";
  const bar = place.querySelector("progress");
  if (share === undefined) bar.removeAttribute("value");
  else bar.value = share;
}

let drawing = 0;
/** Once a frame is enough. */
function refreshSoon() {
  drawing ||= requestAnimationFrame(refresh);
}

function refresh() {
  cancelAnimationFrame(drawing);
  drawing = 0;
  const scores = items.flatMap(({ found }) => (found ? [found.score] : []));
  $("results").hidden = items.length === 0;
  $("judging").hidden = scores.length === 0;
  $("job-continue").hidden = judging || !detector || !items.some(({ state }) => state === "waiting");
  $("tools").hidden = !items.some(({ state }) => state !== "waiting");
  $("results-title").textContent = items.length === 1 ? "1 picture" : `${items.length} pictures`;
  document.querySelector(".work")?.classList.toggle("open", selected !== undefined);
  const colours = detector?.colours ?? new Uint8Array(768);
  const own = detector?.info.threshold.value ?? 0;
  if (scores.length) {
    end = Math.max(end === 1 ? 0 : end, histogram.end(scores, own));
    relabel(scores);
  }
  gallery.show({ threshold, colours, sort: $("sort").value, selected, choose });
  viewer.show(selected, threshold, own, colours);
}

/** @param {number[]} scores */
function relabel(scores) {
  histogram.show(scores, threshold, end);
  const slider = $("threshold");
  slider.value = String(Math.round((1000 * threshold) / end));
  slider.setAttribute("aria-valuetext", threshold.toFixed(3));
  $("threshold-words").textContent = `${threshold.toFixed(3)}: ${summary()}`;
  $("threshold-reset").hidden = threshold === detector?.info.threshold.value;
}

/** @param {import("./pictures.js").Item} item */
function choose(item) {
  selected = item;
  refresh();
  // On a narrow page the viewer is above the list, out of sight.
  if ($("viewer").getBoundingClientRect().bottom < 80) $("viewer").scrollIntoView({ block: "start" });
}

// ---- wiring

$("try-sample").onclick = async () => {
  await showSamples();
  const [first] = await (offered ?? []);
  if (first) await trySample(first);
};
$("pick-files").onclick = $("pick-more").onclick = () => $("files").click();
$("pick-folder").onclick = () => $("folder").click();
$("pick-model").onclick = () => $("model-file").click();
for (const id of ["files", "folder", "model-file"]) {
  $(id).onchange = async () => {
    const files = picked($(id).files);
    $(id).value = "";
    if (id === "model-file" && files[0]) await loadModel(files[0].file, files[0].name);
    else await take(id === "folder" ? pictures(files) : files);
  };
}
let over = 0;
addEventListener("dragenter", () => { over++; $("drop-hint").hidden = false; });
addEventListener("dragleave", () => { $("drop-hint").hidden = --over > 0 ? false : true; });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", async (event) => {
  event.preventDefault();
  over = 0;
  $("drop-hint").hidden = true;
  if (event.dataTransfer) await take(await dropped(event.dataTransfer));
});
addEventListener("paste", (event) => {
  const files = picked(event.clipboardData?.files ?? []);
  if (files.length) take(files);
});
$("model-cancel").onclick = () => { running.model.abort(); progress("model"); announce("Cancelled."); describe(); };
$("job-cancel").onclick = () => running.job.abort();
$("job-continue").onclick = () => judgeAll();
$("threshold").oninput = () => { threshold = (Number($("threshold").value) / 1000) * end; refreshSoon(); };
$("threshold-reset").onclick = () => { threshold = detector?.info.threshold.value ?? 0; refresh(); $("threshold").focus(); };
$("sort").onchange = refresh;
$("clear").onclick = () => { running.job.abort(); items.length = 0; selected = undefined; end = 1; refresh(); $("pick-more").focus(); };
$("save-csv").onclick = () => download(csv(threshold), "results.csv");
$("save-zip").onclick = async () => {
  const { signal } = running.job = new AbortController();
  try {
    const all = await zip(threshold, detector?.colours ?? new Uint8Array(768), signal, (done, total) =>
      progress("job", `Packing ${done} of ${total}`, done / total));
    download(all, "aand-results.zip");
  } catch (error) {
    if (!signal.aborted) fail(`The ZIP could not be made: ${said(error)}`);
  } finally {
    progress("job");
  }
};
camera.wire(take);
diagnostics.wire(() => detector);
register();

// The size stands on the button before it is pressed.
(globalThis.requestIdleCallback ?? setTimeout)(async () => {
  const [first] = await (offered ??= samples.list().catch(() => []));
  if (first) $("try-sample").textContent = `Try a sample (${size(samples.bytes(first))})`;
});
