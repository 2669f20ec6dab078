// Updates the page with what is known.

import * as correct from "./correct.js";
import { $, counted, say } from "./dom.js";
import * as drift from "./drift.js";
import * as gallery from "./gallery.js";
import * as histogram from "./widgets/histogram.js";
import * as inside from "./inside.js";
import { items, verdict } from "./pictures.js";
import { page } from "./state.js";
import * as viewer from "./viewer.js";
import * as why from "./why.js";

/** @param {"model" | "job" | "zip" | "corrections"} which @param {string} [words] `undefined` when done @param {number} [share] */
export function progress(which, words, share) {
  const place = $(`${which}-progress`);
  place.hidden = words === undefined;
  place.querySelector("span").textContent = words ?? "";
  const bar = place.querySelector("progress");
  if (share === undefined) bar.removeAttribute("value");
  else bar.value = share;
}

let drawing = 0;
/** Once a frame is enough. */
export function refreshSoon() {
  drawing ||= requestAnimationFrame(refresh);
}

export function refresh() {
  cancelAnimationFrame(drawing);
  drawing = 0;
  const scores = items.flatMap(({ found }) => (found ? [found.score] : []));
  $("results").hidden = items.length === 0;
  $("judging").hidden = scores.length === 0;
  $("job-continue").hidden = page.judging || !page.detector || !items.some(({ state }) => state === "waiting");
  $("tools").hidden = !items.some(({ state }) => state !== "waiting");
  $("results-title").textContent = counted(items.length, "picture");
  document.querySelector(".desk")?.classList.toggle("open", page.selected !== undefined);
  const colors = page.detector?.colors ?? new Uint8Array(768);
  const own = page.detector?.info.threshold.value ?? 0;
  if (scores.length) {
    page.end = Math.max(page.end === 1 ? 0 : page.end, histogram.end(scores, own));
    relabel(scores);
  }
  gallery.show({ threshold: page.threshold, colors, sort: $("sort").value, selected: page.selected, choose });
  notice();
  waysOn();
  inside.keep(page.selected);
  viewer.show(page.selected, page.threshold, own, colors);
  why.show(page.selected);
  correct.show();
  drift.show();
}

/** The actions offered for the present pictures. */
function waysOn() {
  const waiting = items.length > 0 && !page.detector;
  $("learn-these").hidden = !waiting;
  $("pick-more").classList.toggle("primary", !waiting);
  $("empty").hidden = items.length > 0 || !page.detector;
  // If there are pictures and a model, the samples move into the menu.
  $("samples").hidden = !page.samples || (items.length > 0 && Boolean(page.detector) && !page.samplesWanted);
}

/** Says that the CPU had to take over. */
function notice() {
  const reason = page.detector?.fallback;
  say("model-notice", reason ? `The GPU can no longer be used: ${reason}. The CPU goes on, with the same scores.` : "");
}

/** @param {number[]} scores */
export function relabel(scores) {
  histogram.show(scores, page.threshold, page.end);
  const slider = $("threshold");
  slider.value = String(Math.round((1000 * page.threshold) / page.end));
  slider.setAttribute("aria-valuetext", page.threshold.toFixed(3));
  $("threshold-words").textContent = `Above ${page.threshold.toFixed(3)} is anomalous. ${summary()}`;
  const own = page.detector?.info.threshold.value;
  $("threshold-reset").hidden = page.threshold === own;
  $("threshold-reset").textContent = `Back to the model’s own, ${own?.toFixed(3)}`;
}

/** @param {import("./pictures.js").Item} item */
export function choose(item) {
  page.selected = item;
  page.chosen = true;
  refresh();
  // On a narrow page the viewer is above the list and may be out of sight.
  if ($("viewer").getBoundingClientRect().bottom < 120) $("viewer").scrollIntoView({ block: "start" });
}

/** Scrolls the results into view if they are not visible. */
export function reveal() {
  const { top } = $("results").getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) $("results").scrollIntoView({ block: "start" });
}

export function summary() {
  const found = items.filter(({ found }) => found);
  const flagged = found.filter(({ found }) => found && verdict(found.score, page.threshold).kind === "anomalous").length;
  return `${found.length} judged, ${flagged} anomalous.`;
}
