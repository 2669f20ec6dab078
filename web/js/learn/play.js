// Free play: one picture to paint on, and every step of the method on it.

import { brush } from "../brush.js";
import { $ } from "../dom.js";
import * as lesson from "./lesson.js";
import { painted } from "./colors.js";
import { drill } from "./drill.js";
import { changed, edges } from "./outline.js";
import { savers } from "./strip.js";
import { draw, drawColors, nearest, span } from "../panels.js";
import { go } from "../router.js";
import { page, said } from "../state.js";

/** @typedef {import("../module/protocol.js").IntermediateFeatures} IntermediateFeatures */
/** @typedef {"teacher" | "gate" | "residual" | "advanced" | "student" | "discrepancy"} Part */

/** Milliseconds without a stroke before the panels are updated. */
const PAUSE = 60;
const COMPUTING = "Computing …";
const RESIDUAL = {
  tanh: "Δ = tanh(φ₂(F)) F", sigmoid: "Δ = sigmoid(φ₂(F)) F", learnable: "Δ = φ₂(F)",
};

const view = {
  level: 1,
  /** @type {IntermediateFeatures | undefined} */
  found: undefined,
  /** The place whose numbers are shown, as shares of width and height; unless set, where the map is highest.
   * @type {number[] | undefined} */
  spot: undefined,
  /** The place whose numbers stay when the pointer has left. @type {number[] | undefined} */
  pinned: undefined,
  /** The results for the painted picture, with and without the residual module. @type {{ on?: IntermediateFeatures, off?: IntermediateFeatures }} */
  results: {},
  /** @type {import("../pictures.js").Item | undefined} */
  item: undefined,
  /** @type {ImageData | undefined} */
  original: undefined,
  /** The cells that synthetic anomalies changed. @type {Uint8Array | undefined} */
  made: undefined,
  seed: 1,
  /** The scale of each level's discrepancy: that of the picture before anything was painted, so that a rise is visible. @type {number[][] | undefined} */
  scales: undefined,
  /** The lesson's model, while one of its boards is shown. @type {import("../module/aand.js").Detector | undefined} */
  own: undefined,
};

/** The end of the scale, as a multiple of the 99th percentile before anything was painted. */
const BEYOND = 1.5;

const detecting = () => view.own ?? page.detector;

/** @type {ReturnType<typeof brush>} */
let painting;
/** Number of changes to the painting: only the latest is computed. */
let version = 0;
/** The version that could not be computed: not tried again before something is painted or switched. */
let failed = -1;
let timer = 0;
let busy = false;

export function wire() {
  painting = brush($("paint"), {
    brush: () => ({ radius: Number($("brush-size").value), color: $("brush-color").value }),
    changed: () => { view.results = {}; view.spot = undefined; view.made = undefined; version++; follow(); },
  });
  $("brush-size").oninput = () => { $("brush-words").textContent = `${2 * Number($("brush-size").value)} px`; };
  $("paint-undo").onclick = () => painting.undo();
  $("paint-reset").onclick = () => { if (view.original) painting.set(view.original); };
  $("make-defect").onclick = async () => {
    const { original } = view;
    const detector = detecting();
    if (!original || !detector) return;
    $("inside-raa").textContent = "Making a defect …";
    try {
      const made = await detector.defect(original, view.seed++);
      if (original !== view.original) return;
      painting.set(made);
      view.made = changed(original, made);
    } catch (error) { give(error); }
  };
  $("inside").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !$("tab-play").hidden && !$("inside-close").hidden) $("inside-close").click();
  });
  $("amplify").onchange = () => {
    failed = -1;
    // Already known, unless something was just painted.
    view.found = view.results[asked()] ?? view.found;
    show();
    if (view.pinned) look();
    compute();
  };
  $("inside-close").onclick = () => { go("inspect"); $("look-inside")?.focus(); };
  for (const button of document.querySelectorAll("[data-level]")) {
    /** @type {HTMLElement} */ (button).onclick = () => {
      view.level = Number(/** @type {HTMLElement} */ (button).dataset.level);
      show();
      look();
    };
  }
  for (const place of document.querySelectorAll("#inside .panel .place")) {
    const point = (/** @type {any} */ event) => {
      const { left, top, width, height } = place.getBoundingClientRect();
      const share = (/** @type {number} */ value) => Math.max(0, Math.min(0.999, value));
      view.spot = [share((event.clientX - left) / width), share((event.clientY - top) / height)];
      show();
    };
    place.addEventListener("pointermove", point);
    place.addEventListener("pointerdown", (event) => { point(event); view.pinned = view.spot; look(); });
    place.addEventListener("pointerleave", () => { view.spot = view.pinned; show(); });
  }
  const keys = /** @type {HTMLElement} */ (document.querySelector("[data-panel=discrepancy] canvas"));
  keys.addEventListener("keydown", (event) => {
    /** @type {Record<string, number[]>} */
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (move && view.found) {
      const { side } = view.found.levels[view.level];
      const from = view.spot ?? [0.5, 0.5];
      view.spot = view.pinned = from.map((value, i) => Math.max(0, Math.min(0.999, value + move[i] / side)));
      show();
    } else if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    look();
  });
  $("play-save").append(...savers(saved, "aand-inside"));
  $("play-sample").onclick = () => lesson.play();
  lesson.wire({ board });
  // When printed, everything is open.
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [.../** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("#inside details:not([open])"))];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
}

/** Shows the intermediate features of a picture. @param {import("../pictures.js").Item} item */
export async function open(item) {
  const { detector } = page;
  if (!detector) return;
  view.own = undefined;
  view.item = item;
  page.chosen = true;
  await enter(item, detector);
}

/** A board of the lesson. @param {import("../module/aand.js").Detector} detector @param {string} name @param {Blob} file */
async function board(detector, name, file) {
  view.own = detector;
  view.item = /** @type {any} */ ({ name, file });
  await enter(/** @type {any} */ (view.item), detector);
}

/** @param {import("../pictures.js").Item} item @param {import("../module/aand.js").Detector} detector */
async function enter(item, detector) {
  fail("");
  try {
    const original = await detector.input(item.file, { name: item.name });
    if (view.item !== item) return;
    const { width, height } = original;
    if (width !== height) throw new Error(`looking inside shows square inputs only, and this model takes ${width} × ${height} pixels`);
    await detector.fixColors([original]);
    if (view.item !== item) return;
    view.original = original;
    view.found = view.scales = view.pinned = undefined;
    view.results = {};
    $("play-drill").replaceChildren();
    present(true);
    $("play-title").textContent = `Free play: ${item.name}`;
    $("inside-close").hidden = view.own !== undefined;
    painting.set(original, true);
    const { residual } = detector.info.raa;
    if (residual !== "tanh") $("equation-residual").textContent = RESIDUAL[residual];
    if (!view.own) go("inside", ["play"]);
    $("inside").focus({ preventScroll: true });
  } catch (error) {
    go("inside", ["play"]);
    fail(`${item.name}: ${said(error)}`);
  }
}

export function close() {
  view.item = undefined;
  present(false);
}

/** Whether there is a picture to look into. @param {boolean} some */
function present(some) {
  $("inside-work").hidden = $("inside-close").hidden = !some;
  $("inside-empty").hidden = some;
  if (!some) $("play-title").textContent = "Free play";
}

/** Another model or picture is chosen: the shown features are outdated. @param {import("../pictures.js").Item | undefined} item */
export function keep(item) {
  if (view.item && !view.own && (view.item !== item || !item?.found)) close();
}

function follow() {
  $("paint-undo").disabled = !painting.undoable;
  // Shown at once, since the numbers may take a second.
  $("inside-raa").textContent = COMPUTING;
  clearTimeout(timer);
  timer = setTimeout(compute, PAUSE);
}

async function compute() {
  if (busy) return;
  busy = true;
  try {
    for (let what = next(), detector = detecting(); view.item && detector && what; what = next(), detector = detecting()) {
      const { original } = view;
      const turn = version;
      const found = await detector.inspect(painting.get(), { amplify: what === "on", colors: true });
      if (original !== view.original) continue;
      if (turn === version) view.results[what] = found;
      fail("");
      // Also if more was painted in the meantime: this is still newer than what is shown.
      if (what === asked()) view.found = found;
      show();
      if (what === asked() && view.pinned) look();
    }
  } catch (error) {
    give(error);
  } finally {
    busy = false;
  }
}

/** The setting of the switch. @returns {"on" | "off"} */
const asked = () => ($("amplify").checked ? "on" : "off");

/** The setting to compute next: that of the switch, then the other one, so that switching is instant. */
function next() {
  if (failed === version) return undefined;
  const own = asked();
  if (!view.results[own]) return own;
  if (!detecting()?.info.raa.generator || view.results[own].levels[0].advanced === undefined) return undefined;
  const other = own === "on" ? "off" : "on";
  return view.results[other] ? undefined : other;
}

/** It failed. @param {unknown} error */
function give(error) {
  failed = version;
  $("inside-raa").textContent = "";
  if (view.item) fail(said(error));
}

/** @param {string} words */
function fail(words) {
  $("inside-error").textContent = words;
  $("inside-error").hidden = !words;
}

let drawing = 0;
function show() {
  drawing ||= requestAnimationFrame(() => { drawing = 0; render(); });
}

function render() {
  const { found, level } = view;
  const detector = detecting();
  if (!found || !detector) return;
  const { colors: table } = detector;
  const own = detector.info.threshold.value;
  const now = found.levels[level];
  for (const button of document.querySelectorAll("[data-level]")) {
    button.setAttribute("aria-pressed", String(Number(/** @type {HTMLElement} */ (button).dataset.level) === level));
  }
  const patch = Math.round(found.side / now.side);
  $("level-words").textContent = `${now.side} × ${now.side} patches of ${patch} × ${patch} pixels`;
  $("gate-scores").hidden = detector.info.score !== "gate";

  let peak = 0;
  found.map.forEach((value, i) => { if (value > found.map[peak]) peak = i; });
  const highest = [(peak % found.side + 0.5) / found.side, (Math.floor(peak / found.side) + 0.5) / found.side];
  const spot = view.spot ?? highest;

  view.scales ??= found.levels.map(({ discrepancy }) => [0, BEYOND * span([discrepancy])[1]]);
  /** @type {Record<string, number[]>} */
  const scales = { gate: [0, 1], residual: [0, span([now.residual])[1]], discrepancy: view.scales[level] };
  for (const name of /** @type {Part[]} */ (["teacher", "gate", "residual", "advanced", "student", "discrepancy"])) {
    const figure = /** @type {HTMLElement} */ (document.querySelector(`[data-panel=${name}]`));
    const values = now[name];
    figure.hidden = values === undefined;
    const colors = now.colors?.[/** @type {"teacher" | "advanced" | "student"} */ (name)];
    if (colors) drawColors(figure, painted(colors, now.side), spot);
    else if (values) draw(figure, values, now.side, scales[name] ?? span([values]), table, spot);
  }
  $("play-over").replaceChildren(...(view.made ? edges(view.made) : []));
  const shares = found.levels.map(({ share }) => share);
  for (const [i, map] of [...shares, found.map].entries()) {
    const figure = /** @type {HTMLElement} */ (document.querySelector(`[data-sum="${i < 3 ? i : "all"}"]`));
    draw(figure, map, found.side, [0, 2 * own], table, spot);
  }
  const parts = shares.map((share) => nearest(share, found.side, spot));
  const sum = nearest(found.map, found.side, spot);
  const place = view.spot ? "Here" : "Where it is highest";
  $("sum-words").textContent = `${place}: ${parts.map((value) => value.toFixed(3)).join(" + ")} = ${sum.toFixed(3)}; the threshold is ${own.toFixed(3)}.`;
  const verdict = found.score > own ? "anomalous" : "good";
  $("inside-words").textContent = `Score ${found.score.toFixed(3)}: ${verdict} (threshold ${own.toFixed(3)}), ${found.ms.toFixed(0)} ms`;
  const [on, off] = [view.results.on?.score, view.results.off?.score];
  $("inside-raa").textContent = on === undefined || off === undefined
    ? (next() ? COMPUTING : "") : `With the residual module ${on.toFixed(3)}, with the plain teacher ${off.toFixed(3)}.${on < off ? " What counts is not the score alone, but its distance to that of good pictures." : ""}`;
}

/** Shows the numbers of the chosen patch. */
async function look() {
  const { found, level, pinned } = view;
  const detector = detecting();
  if (!found || !pinned || !detector) return;
  const { side } = found.levels[level];
  try {
    const patch = await detector.patch(found.turn, level, Math.floor(pinned[1] * side) * side + Math.floor(pinned[0] * side));
    if (patch && found === view.found) $("play-drill").replaceChildren(drill(patch, found, level, pinned));
  } catch (error) {
    if (view.item) fail(said(error));
  }
}

/** The panels to save. */
function saved() {
  const figures = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#tab-play .panel:not([hidden])")]);
  return figures.map((root) => {
    const ends = [...root.querySelectorAll(".legend-bar span")].map(({ textContent }) => textContent ?? "");
    return /** @type {any} */ ({
      root, title: root.querySelector("strong")?.textContent, canvas: root.querySelector("canvas"),
      legend: ends.length === 2 ? { colors: detecting()?.colors, words: ends } : undefined,
    });
  });
}
