// Files that are dropped: to be judged, or to learn from.

import { $ } from "./dom.js";
import { dropped } from "./files.js";
import { here } from "./router.js";

/** A drag that is over the page tells so every few hundred milliseconds; one that stopped elsewhere tells nothing. */
const SILENCE_MS = 1200;

/** @typedef {import("./files.js").Chosen} Chosen */

/** @param {{ judge: (chosen: Chosen) => unknown, learn: (chosen: Chosen) => unknown }} to */
export function wire({ judge, learn }) {
  let timer = 0;
  /** Something of the page itself is dragged: browsers call its pictures files too. */
  let own = false;
  addEventListener("dragstart", () => { own = true; });
  addEventListener("dragend", () => { own = false; });

  const files = (/** @type {DragEvent} */ event) => !own && [...event.dataTransfer?.types ?? []].includes("Files");
  const learns = (/** @type {DragEvent} */ event) => {
    const half = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.("[data-drop]"));
    return half ? half.dataset.drop === "learn" : here().place === "train";
  };
  function hide() {
    clearTimeout(timer);
    $("drop-hint").hidden = true;
  }

  addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    $("drop-hint").hidden = false;
    for (const half of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-drop]"))) {
      half.classList.toggle("over", (half.dataset.drop === "learn") === learns(event));
    }
    clearTimeout(timer);
    timer = setTimeout(hide, SILENCE_MS);
  });
  addEventListener("dragleave", (event) => {
    // Into nothing: out of the window.
    if (event.relatedTarget === null) hide();
  });
  addEventListener("drop", async (event) => {
    const target = /** @type {Element} */ (event.target);
    // Elsewhere a browser would go to what is dropped, and leave the page.
    if (files(event) || !target.closest?.("input, textarea")) event.preventDefault();
    hide();
    if (!files(event) || !event.dataTransfer) return;
    const to = learns(event) ? learn : judge;
    to(await dropped(event.dataTransfer));
  });
}
