// The page: handles what is pressed, dropped and pasted.

import * as camera from "./camera.js";
import * as corrections from "./correct-learn.js";
import * as diagnostics from "./diagnostics.js";
import { $, announce, counted, download, say, size } from "./dom.js";
import * as drop from "./drop.js";
import { isModel, leftWords, picked, pictures } from "./files.js";
import { judgeAll, prefer } from "./judge.js";
import { risk } from "./leave.js";
import { describe, loadModel, offered, showSamples, trySample } from "./models.js";
import * as gallery from "./gallery.js";
import * as inside from "./inside.js";
import * as native from "./native-offer.js";
import { register } from "./offline.js";
import * as router from "./router.js";
import { add, items, putBack, remove } from "./pictures.js";
import { bytes } from "./samples.js";
import { csv, zip } from "./save.js";
import { choose, progress, refresh, refreshSoon } from "./show.js";
import { INSECURE, page, said, unheard } from "./state.js";
import * as training from "./train.js";
import { offerUndo } from "./undo.js";
import * as viewer from "./viewer.js";

/** @param {{ files: { name: string, file: Blob }[], left: string[] }} chosen */
async function take(chosen) {
  const models = chosen.files.filter(({ name }) => isModel(name));
  const rest = chosen.files.filter(({ name }) => !isModel(name));
  const model = models.at(-1);
  router.go("inspect");
  $("start").hidden = true;
  $("model").hidden = false;
  const several = models.length > 1 ? `One model judges at a time: of ${models.length} it is ${model?.name}, the last.` : "";
  say("files-notice", [leftWords(chosen), several].filter(Boolean).join(" "));
  if (chosen.files.length === 0) return describe();
  add(rest);
  if (rest.length) announce(`${counted(rest.length, "picture")} added.`);
  page.reveal = rest.length > 0;
  if (model) await loadModel(model.file, model.name);
  describe();
  if (!page.detector && !model) await showSamples();
  refresh();
  judgeAll();
}

$("home").onclick = (/** @type {Event} */ event) => {
  // Shows the start again; nothing is removed.
  event.preventDefault();
  router.go("inspect");
  $("start").hidden = false;
  scrollTo(0, 0);
};
$("try-sample").onclick = async () => {
  const [first] = await showSamples();
  if (first) await trySample(first);
};
$("start-learning").onclick = () => router.go("train");
$("learn-these").onclick = () => training.take({ files: items.map(({ name, file }) => ({ name, file })), left: [] });
$("open-samples").onclick = async () => {
  page.samplesWanted = true;
  await showSamples();
  $("sample-list").querySelector("button")?.focus();
};
// A menu closes when something in it, or elsewhere, is clicked.
addEventListener("click", (event) => {
  const menu = $("more");
  if (menu.open && !(/** @type {Element} */ (event.target).closest("summary"))) menu.open = false;
});
$("more").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key !== "Escape" || !$("more").open) return;
  $("more").open = false;
  $("more").querySelector("summary").focus();
});
$("pick-files").onclick = $("pick-more").onclick = () => $("files").click();
$("pick-folder").onclick = () => $("folder").click();
$("pick-model").onclick = () => $("model-file").click();
for (const id of ["files", "folder", "model-file"]) {
  $(id).onchange = async () => {
    const chosen = picked($(id).files);
    $(id).value = "";
    const [first] = chosen.files;
    if (id === "model-file" && first) await loadModel(first.file, first.name);
    else await take(id === "folder" ? pictures(chosen) : chosen);
  };
}
drop.wire({ judge: take, learn: training.take });
addEventListener("paste", (event) => {
  const chosen = picked(event.clipboardData?.files ?? []);
  if (chosen.files.length) take(chosen);
});
$("model-cancel").onclick = () => {
  page.running.model.abort();
  progress("model");
  announce("Cancelled.");
  describe();
  // If there is nothing yet, show the start again.
  if (page.detector || items.length) return;
  $("start").hidden = false;
  $("model").hidden = $("samples").hidden = true;
  $("try-sample").focus();
};
$("job-cancel").onclick = () => page.running.job.abort();
$("job-continue").onclick = () => judgeAll();
$("threshold").oninput = () => { page.threshold = (Number($("threshold").value) / 1000) * page.end; refreshSoon(); };
$("threshold-reset").onclick = () => { page.threshold = page.detector?.info.threshold.value ?? 0; refresh(); $("threshold").focus(); };
$("sort").onchange = refresh;
$("clear").onclick = () => {
  page.running.job.abort();
  page.running.zip.abort();
  const gone = remove();
  Object.assign(page, { selected: undefined, chosen: false, end: 1 });
  risk("results", false);
  say("files-notice", "");
  say("stored-notice", "");
  refresh();
  $("pick-more").focus();
  offerUndo(`${counted(gone.length, "picture")} cleared.`, () => {
    putBack(gone);
    items.forEach(prefer);
    risk("results", items.some(({ own, found }) => own && found));
    refresh();
    judgeAll();
    $("pick-more").focus();
  });
};
$("save-csv").onclick = () => { download(csv(page.threshold), "results.csv"); risk("results", false); };
$("zip-cancel").onclick = () => page.running.zip.abort();
$("save-zip").onclick = async () => {
  // Judging may go on in the meantime; each can be cancelled separately.
  const { signal } = page.running.zip = new AbortController();
  $("save-zip").disabled = true;
  say("save-error", "");
  progress("zip", "Packing", 0);
  try {
    const all = await zip(page.threshold, page.detector?.colors ?? new Uint8Array(768), signal, (done, total) =>
      progress("zip", `Packing ${done} of ${total}`, done / total));
    if (signal.aborted) return;
    download(all, "aand-results.zip");
    risk("results", items.some(({ state }) => state === "waiting"));
  } catch (error) {
    if (!signal.aborted) say("save-error", `The ZIP could not be made: ${said(error)}`);
  } finally {
    progress("zip");
    $("save-zip").disabled = false;
  }
};
camera.wire({ keep: (files) => take({ files, left: [] }), learn: training.collect, train: () => router.go("train") });
corrections.wire(training.collect);
training.wire((files) => take({ files, left: [] }));
native.wire();
inside.wire();
viewer.wire();
gallery.wire(choose);
diagnostics.wire(() => page.detector);
router.start();
say("page-notice", [INSECURE, ...unheard].filter(Boolean).join(" "));
register();

// The button shows the size before it is pressed.
(globalThis.requestIdleCallback ?? setTimeout)(async () => {
  const [first] = await offered().catch(() => []);
  if (first) $("try-sample").textContent = `Try a sample (${size(bytes(first))})`;
});
document.documentElement.dataset.started = "";
