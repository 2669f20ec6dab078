// Step 8: the paper's two assumptions, counted.

import { make } from "../dom.js";
import { levelButtons } from "./stage.js";
import { histogram } from "./svg.js";

/** Films of trainings that differ only in the teacher (Table I of the paper), and the present model. */
const TEACHERS = [
  ["live-on", "this model, residual module on"], ["live-off", "this model, residual module off"],
  ["random", "random teacher"], ["pretrained", "pre-trained teacher"], ["advanced", "advanced teacher"],
];

/**
 * Cosines of the good and of the anomalous patches of a level.
 * @param {{ map: Float32Array, marked: ArrayLike<number> | undefined, anomalous: boolean }[]} pictures
 */
export function cosines(pictures) {
  /** @type {number[][]} */
  const [good, bad] = [[], []];
  for (const { map, marked, anomalous } of pictures) {
    // In a picture with a defect, only patches on the defect count; those beside it lie in between.
    for (let i = 0; i < map.length; i++) {
      if (!anomalous) good.push(1 - map[i]);
      else if (marked?.[i]) bad.push(1 - map[i]);
    }
  }
  return { good, bad };
}

/** How often an anomalous patch has a smaller cosine than a good one. @param {number[]} good @param {number[]} bad */
export function auroc(good, bad) {
  if (!good.length || !bad.length) return undefined;
  const sorted = [...good].sort((a, b) => a - b);
  const below = (/** @type {number} */ value, /** @type {boolean} */ strictly) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < value || (!strictly && sorted[middle] === value)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const wins = bad.reduce((sum, value) => sum + sorted.length - (below(value, true) + below(value, false)) / 2, 0);
  return wins / (good.length * bad.length);
}

/** @type {import("./steps.js").Step["show"]} */
export async function assumptions(scene, stage, { choice }) {
  const { lesson } = scene;
  const filmed = (/** @type {string} */ name, /** @type {number} */ level) => {
    const film = lesson.films.get(name);
    return film && film.pictures.map(({ anomalous }, p) => ({ map: film.map(film.frames - 1, p, level), marked: film.patches(p, level), anomalous }));
  };
  // The answer's subject is shown first.
  let [shown, level] = [TEACHERS.every(([name]) => name.startsWith("live") || lesson.films.has(name)) ? "random" : "live-on", scene.level];
  let turn = 0;
  const charts = make("div", { class: "two" });
  const words = make("p", { role: "status" });
  /** @param {{ map: Float32Array, marked: ArrayLike<number> | undefined, anomalous: boolean }[]} pictures @param {string} more */
  const draw = (pictures, more) => {
    const { good, bad } = cosines(pictures);
    const low = [...good, ...bad].reduce((least, value) => Math.min(least, Math.floor(value * 10) / 10), 0.8);
    const axis = { low, high: 1, words: /** @type {[string, string]} */ ([`cosine ${low.toFixed(1)}: they disagree`, "1: they agree"]) };
    const mean = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0) / values.length;
    const chart = (/** @type {string} */ title, /** @type {string} */ kind, /** @type {number[]} */ values) => make("figure", {},
      make("figcaption", {}, make("strong", {}, title), values.length ? ` ${values.length} patches, mean cosine ${mean(values).toFixed(3)}` : " none at this level: the faults are too small for it"),
      histogram([{ name: title, kind, values }], { ...axis, label: `${title}: ${values.length} patches${values.length ? `, mean cosine ${mean(values).toFixed(3)}` : ""}` }));
    charts.replaceChildren(chart("1. Good patches agree?", "good", good), chart("2. Anomalous patches disagree?", "bad", bad));
    const told = auroc(good, bad);
    words.textContent = told === undefined ? more : `A random anomalous patch has a smaller cosine than a random good one in ${told > 0.999 && told < 1 ? "more than 99.9" : (100 * told).toFixed(1)} % of cases (50 % would be chance). ${more}`;
  };
  const show = async () => {
    const mine = ++turn;
    if (!shown.startsWith("live")) {
      const film = lesson.films.get(shown);
      draw(filmed(shown, level) ?? [], `A small training: ${film?.header.training_pictures} boards at ${film?.header.size} × ${film?.header.size} pixels, alike for all three teachers.`);
      return;
    }
    words.textContent = "Counting …";
    /** @type {{ map: Float32Array, marked: ArrayLike<number> | undefined, anomalous: boolean }[]} */
    const pictures = [];
    for (const { label, anomalous } of lesson.pictures) {
      const found = await lesson.intermediate(label, shown === "live-on");
      if (mine !== turn) return;
      pictures.push({ map: found.levels[level].discrepancy, marked: lesson.defect(label, level), anomalous });
      draw(pictures, pictures.length < lesson.pictures.length ? `Counting: ${pictures.length} of ${lesson.pictures.length} boards …` : `All ${pictures.length} boards of the sample, computed here; of boards with a fault only the patches on it are counted.`);
    }
  };
  const there = TEACHERS.filter(([name]) => name.startsWith("live") || lesson.films.has(name));
  const choose = make("div", { class: "modes wrap", role: "group", "aria-label": "Teacher" }, ...there.map(([name, word]) =>
    make("button", { type: "button", "aria-pressed": String(name === shown), onclick: () => {
      shown = name;
      for (const [i, button] of [...choose.children].entries()) button.setAttribute("aria-pressed", String(there[i][0] === name));
      show();
    } }, word)));
  stage.append(choose, levelButtons(level, (k) => { level = k; scene.note({ level }); show(); }), charts, words,
    make("p", { class: "quiet" }, "Each histogram is as high as its fullest bar (low bars are drawn higher than they are, so that few patches stay visible). Anomalous patches are those that lie on a fault for more than 30 % of their area."));
  await show();
  const table = ["random", "pretrained", "advanced"].map((name) => {
    const pictures = filmed(name, scene.level);
    if (!pictures) return undefined;
    const { good, bad } = cosines(pictures);
    return auroc(good, bad);
  });
  if (table.some((value) => value === undefined)) {
    return { right: choice === 1, verdict: "Less well.", because: "", learned: LEARNED };
  }
  const [random, pretrained, advanced] = /** @type {number[]} */ (table);
  const best = Math.max(pretrained, advanced);
  const truth = random > best - 0.01 ? 0 : random > 0.55 ? 1 : 2;
  return {
    right: choice === truth,
    verdict: `${["As well, on this sample", "Less well", "It is chance"][truth]}: of pairs of a good and an anomalous patch, a random teacher puts ${(100 * random).toFixed(0)} % the right way round at level ${scene.level + 1}, a pre-trained one ${(100 * pretrained).toFixed(0)} %, an advanced one ${(100 * advanced).toFixed(0)} % (50 % would be chance).`,
    because: `${truth === 2 ? "A random teacher’s lists say nothing that matters here." : "Even a random teacher reacts to edges and colors, so plain faults show."} One that has learned from pictures describes patches better.${advanced < pretrained - 0.005 ? " That the advanced one is behind the pre-trained one here says little:" : " But"} these are small trainings on few boards; the paper’s Table I counts on whole data sets, and there the advanced teacher is ahead. Change teacher and level.`,
    learned: LEARNED,
  };
}

const LEARNED = "Detection works as far as two assumptions hold: teacher and student agree on good patches, and disagree on anomalous ones. Both can be counted.";
