// Dropped files, to be judged or to learn from.

import { $ } from "./dom.js";
import { dropped } from "./files.js";
import { here } from "./router.js";

/** A drag over the page sends events every few hundred milliseconds; one that has ended elsewhere sends none. */
const SILENCE_MS = 1200;

/** @typedef {import("./files.js").Chosen} Chosen */

/** @param {{ judge: (chosen: Chosen) => unknown, learn: (chosen: Chosen) => unknown }} to */
export function wire({ judge, learn }) {
  let timer = 0;
  /** Whether something of the page itself is dragged: browsers treat its pictures as files too. */
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
    // The drag has left the window.
    if (event.relatedTarget === null) hide();
  });
  addEventListener("drop", async (event) => {
    const target = /** @type {Element} */ (event.target);
    // Otherwise a browser would open the dropped file and leave the page.
    if (files(event) || !target.closest?.("input, textarea")) event.preventDefault();
    hide();
    if (!files(event) || !event.dataTransfer) return;
    const to = learns(event) ? learn : judge;
    to(await dropped(event.dataTransfer));
  });
}
