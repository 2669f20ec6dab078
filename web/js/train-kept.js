// The list of models that the browser keeps.

import { $, download, make, say, size } from "./dom.js";
import { loadModel } from "./models.js";
import { go } from "./router.js";
import { forget, keep, kept } from "./train-keep.js";
import { offerUndo } from "./undo.js";

export async function showKept() {
  const models = await kept();
  $("train-kept").hidden = models.length === 0;
  $("train-kept-list").replaceChildren(...models.map(({ name, file }) => make("li", {},
    make("span", {}, `${name} (${size(file.size)})`),
    make("button", { type: "button", onclick: () => { go("inspect"); loadModel(file, name); }, "aria-label": `Use ${name}` }, "Use"),
    make("button", { type: "button", onclick: () => download(file, name), "aria-label": `Save ${name}` }, "Save"),
    make("button", { type: "button", class: "plain", onclick: () => remove(name, file), "aria-label": `Delete ${name}` }, "Delete"))));
  const safe = await navigator.storage?.persisted?.().catch(() => false);
  say("train-kept-words", safe ? "" : "The browser may delete these: when space runs short, or, in Safari, after seven days without a visit. Save what must last.");
}

/** @param {string} name @param {File} file */
async function remove(name, file) {
  // What is deleted can be read no more.
  const bytes = await file.arrayBuffer().catch(() => undefined);
  await forget(name);
  await showKept();
  if (!bytes) return $("train-pick").focus();
  offerUndo(`${name} deleted.`, async () => {
    if (!await keep(new Blob([bytes]), name.replace(/\.aand$/, ""))) download(new Blob([bytes]), name);
    await showKept();
    $("train-kept-list").querySelector("button")?.focus();
  });
  $("undo-now").focus();
}

/** Asks the browser not to delete what it keeps here; some ask the person. */
export async function persist() {
  await navigator.storage?.persist?.().catch(() => false);
  await showKept();
}
