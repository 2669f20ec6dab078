// The page: what is pressed, dropped and pasted.

import * as camera from "./camera.js";
import * as diagnostics from "./diagnostics.js";
import { $, announce, download, size } from "./dom.js";
import { dropped, picked, pictures } from "./files.js";
import { judgeAll } from "./judge.js";
import { describe, fail, loadModel, offered, showSamples, trySample } from "./models.js";
import * as inside from "./inside.js";
import { register } from "./offline.js";
import { add, items } from "./pictures.js";
import { bytes } from "./samples.js";
import { csv, zip } from "./save.js";
import { progress, refresh, refreshSoon } from "./show.js";
import { page, said } from "./state.js";
import * as training from "./train.js";

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
  if (!page.detector && !model) await showSamples();
  refresh();
  judgeAll();
}

$("try-sample").onclick = async () => {
  await showSamples();
  const [first] = await offered();
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
$("model-cancel").onclick = () => { page.running.model.abort(); progress("model"); announce("Cancelled."); describe(); };
$("job-cancel").onclick = () => page.running.job.abort();
$("job-continue").onclick = () => judgeAll();
$("threshold").oninput = () => { page.threshold = (Number($("threshold").value) / 1000) * page.end; refreshSoon(); };
$("threshold-reset").onclick = () => { page.threshold = page.detector?.info.threshold.value ?? 0; refresh(); $("threshold").focus(); };
$("sort").onchange = refresh;
$("clear").onclick = () => { page.running.job.abort(); items.length = 0; page.selected = undefined; page.end = 1; refresh(); $("pick-more").focus(); };
$("save-csv").onclick = () => download(csv(page.threshold), "results.csv");
$("save-zip").onclick = async () => {
  const { signal } = page.running.job = new AbortController();
  try {
    const all = await zip(page.threshold, page.detector?.colours ?? new Uint8Array(768), signal, (done, total) =>
      progress("job", `Packing ${done} of ${total}`, done / total));
    download(all, "aand-results.zip");
  } catch (error) {
    if (!signal.aborted) fail(`The ZIP could not be made: ${said(error)}`);
  } finally {
    progress("job");
  }
};
camera.wire(take);
training.wire();
inside.wire();
diagnostics.wire(() => page.detector);
register();

// The size stands on the button before it is pressed.
(globalThis.requestIdleCallback ?? setTimeout)(async () => {
  const [first] = await offered();
  if (first) $("try-sample").textContent = `Try a sample (${size(bytes(first))})`;
});
