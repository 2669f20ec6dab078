// One step that can be undone, offered for a while.

import { $ } from "./dom.js";

/** Long enough to read, to think, and to reach it by keyboard. */
const OFFERED_MS = 30_000;
let timer = 0;

/** @param {string} words what was done @param {() => unknown} back */
export function offerUndo(words, back) {
  clearTimeout(timer);
  $("undo-words").textContent = words;
  $("undo").hidden = false;
  $("undo-now").onclick = () => { close(); back(); };
  timer = setTimeout(close, OFFERED_MS);
}

function close() {
  clearTimeout(timer);
  $("undo").hidden = true;
}
