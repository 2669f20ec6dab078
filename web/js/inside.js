// Looking inside: one picture, painted on, and every step of the method on it.

import { brush } from "./brush.js";
import { $ } from "./dom.js";
import { draw, nearest, span } from "./panels.js";
import { page, said } from "./state.js";

/** @typedef {import("./protocol.js").Insides} Insides */
/** @typedef {"teacher" | "gate" | "residual" | "advanced" | "student" | "discrepancy"} Part */

/** Milliseconds without a stroke before the panels follow. */
const PAUSE = 60;
const RESIDUAL = {
  tanh: "Δ = tanh(φ₂(F)) F", sigmoid: "Δ = sigmoid(φ₂(F)) F", learnable: "Δ = φ₂(F)",
};

const view = {
  level: 1,
  /** @type {Insides | undefined} */
  found: undefined,
  /** What the numbers are read at, as a share of width and height; without one, where the map is highest.
   * @type {number[] | undefined} */
  spot: undefined,
  /** Scores of what is painted, with the residual module and without it. @type {{ on?: number, off?: number }} */
  scores: {},
  /** @type {import("./pictures.js").Item | undefined} */
  item: undefined,
  /** @type {ImageData | undefined} */
  original: undefined,
  seed: 1,
};

/** @type {ReturnType<typeof brush>} */
let painting;
/** Only the latest of what is wanted is computed. */
let wanted = 0;
let done = 0;
let timer = 0;
let busy = false;

export function wire() {
  painting = brush($("paint"), {
    brush: () => ({ radius: Number($("brush-size").value), colour: $("brush-colour").value }),
    changed: () => { view.scores = {}; view.spot = undefined; follow(); },
  });
  $("brush-size").oninput = () => { $("brush-words").textContent = `${2 * Number($("brush-size").value)} px`; };
  $("paint-undo").onclick = () => painting.undo();
  $("paint-reset").onclick = () => { if (view.original) painting.set(view.original); };
  $("make-defect").onclick = async () => {
    const { original } = view;
    if (!original || !page.detector) return;
    try {
      const made = await page.detector.defect(original, view.seed++);
      if (original === view.original) painting.set(made);
    } catch (error) { fail(said(error)); }
  };
  $("inside").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && !event.defaultPrevented) $("inside-close").click();
  });
  $("amplify").onchange = () => follow();
  $("inside-close").onclick = () => { close(); $("viewer").querySelector(".actions button")?.focus(); };
  for (const button of document.querySelectorAll("[data-level]")) {
    /** @type {HTMLElement} */ (button).onclick = () => {
      view.level = Number(/** @type {HTMLElement} */ (button).dataset.level);
      show();
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
    place.addEventListener("pointerdown", point);
    place.addEventListener("pointerleave", () => { view.spot = undefined; show(); });
  }
  // On paper everything is open.
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [.../** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("#inside details:not([open])"))];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
}

/** Shows the insides of a picture. @param {import("./pictures.js").Item} item */
export async function open(item) {
  const { detector } = page;
  if (!detector) return;
  view.item = item;
  page.chosen = true;
  fail("");
  try {
    const original = await detector.input(item.file, { name: item.name });
    if (view.item !== item) return;
    view.original = original;
    $("inside").hidden = false;
    $("inside-title").textContent = `Look inside: ${item.name}`;
    painting.set(original, true);
    const { residual } = detector.info.raa;
    if (residual !== "tanh") $("equation-residual").textContent = RESIDUAL[residual];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    $("inside").scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
    $("inside").focus({ preventScroll: true });
  } catch (error) {
    $("inside").hidden = false;
    fail(`${item.name}: ${said(error)}`);
  }
}

export function close() {
  view.item = undefined;
  $("inside").hidden = true;
}

/** Another model or picture: what is shown is no longer true. @param {import("./pictures.js").Item | undefined} item */
export function keep(item) {
  if (view.item && (view.item !== item || !item?.found)) close();
}

function follow() {
  wanted++;
  $("paint-undo").disabled = !painting.undoable;
  clearTimeout(timer);
  timer = setTimeout(compute, PAUSE);
}

async function compute() {
  if (busy) return;
  busy = true;
  try {
    while (view.item && page.detector && (done !== wanted || other() !== undefined)) {
      // What is wanted comes first; the other setting of the switch only when there is time.
      const late = done === wanted;
      const turn = wanted;
      const amplify = late ? Boolean(other()) : $("amplify").checked;
      const found = await page.detector.inspect(painting.get(), { amplify });
      if (turn === wanted) view.scores[amplify ? "on" : "off"] = found.score;
      if (!late) {
        done = turn;
        view.found = found;
      }
      fail("");
      show();
    }
  } catch (error) {
    done = wanted;
    if (view.item) fail(said(error));
  } finally {
    busy = false;
  }
}

/** The setting of the switch whose score is not known yet. */
function other() {
  if (!page.detector?.info.raa.generator || view.found?.levels[0].advanced === undefined) return undefined;
  if (view.scores.on === undefined) return true;
  return view.scores.off === undefined ? false : undefined;
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
  const { detector } = page;
  if (!found || !detector) return;
  const { colours } = detector;
  const own = detector.info.threshold.value;
  const now = found.levels[level];
  for (const button of document.querySelectorAll("[data-level]")) {
    button.setAttribute("aria-pressed", String(Number(/** @type {HTMLElement} */ (button).dataset.level) === level));
  }
  const patch = Math.round(found.side / now.side);
  $("level-words").textContent = `${now.side} × ${now.side} patches of ${patch} × ${patch} pixels`;
  $("gate-scores").hidden = now.student !== undefined;

  let peak = 0;
  found.map.forEach((value, i) => { if (value > found.map[peak]) peak = i; });
  const highest = [(peak % found.side + 0.5) / found.side, (Math.floor(peak / found.side) + 0.5) / found.side];
  const spot = view.spot ?? highest;

  const features = span([now.teacher, now.advanced]);
  /** @type {Record<Part, number[]>} */
  const scales = {
    teacher: features, gate: [0, 1], residual: [0, span([now.residual])[1]], advanced: features,
    // It learns the direction of the features and not their length: on the teacher's scale one of the two would be flat.
    student: span([now.student]), discrepancy: [0, 1],
  };
  for (const [name, scale] of Object.entries(scales)) {
    const figure = /** @type {HTMLElement} */ (document.querySelector(`[data-panel=${name}]`));
    const values = now[/** @type {Part} */ (name)];
    figure.hidden = values === undefined;
    if (values) draw(figure, values, now.side, scale, colours, spot, `${scale[0].toFixed(2)} to ${scale[1].toFixed(2)}`);
  }
  const shares = found.levels.map(({ share }) => share);
  for (const [i, map] of [...shares, found.map].entries()) {
    const figure = /** @type {HTMLElement} */ (document.querySelector(`[data-sum="${i < 3 ? i : "all"}"]`));
    draw(figure, map, found.side, [0, 2 * own], colours, spot, "");
  }
  const parts = shares.map((share) => nearest(share, found.side, spot));
  const sum = nearest(found.map, found.side, spot);
  const place = view.spot ? "Here" : "Where it is highest";
  $("sum-words").textContent = `${place}: ${parts.map((value) => value.toFixed(3)).join(" + ")} = ${sum.toFixed(3)}; the threshold is ${own.toFixed(3)}.`;
  const verdict = found.score > own ? "anomalous" : "good";
  $("inside-words").textContent = `Score ${found.score.toFixed(3)}: ${verdict} (threshold ${own.toFixed(3)}), ${found.ms.toFixed(0)} ms`;
  const { on, off } = view.scores;
  $("inside-raa").textContent = on === undefined || off === undefined
    ? "" : `With the residual module ${on.toFixed(3)}, with the plain teacher ${off.toFixed(3)}.`;
}
