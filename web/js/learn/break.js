// Break it: badly trained models beside a proper one, and a defect that the model misses.

import { brush } from "../brush.js";
import { make } from "../dom.js";
import { said } from "../state.js";
import { GOOD, spoken } from "./class.js";
import { Panel, number } from "./panel.js";
import * as store from "./store.js";
import { svg } from "./svg.js";

/** The trainings, which differ only in what is said here. */
const VARIANTS = [
  { film: "advanced", title: "As it should be", words: (/** @type {any} */ h) => `${h.training_pictures} good boards; gate and student trained.`, try: "" },
  { film: "five", title: "Only five boards", words: () => "It has seen little of what may vary on good boards. It may call good ones anomalous.", try: "five" },
  { film: "spoiled", title: "A fault among the good", words: () => "The board with the missing part was called good, and learned with the others. What it is taught as good counts as good afterwards.", try: "spoiled" },
  { film: "pretrained", title: "Without stage 1", words: () => "No gate, no push: the student learns from the plain teacher, and may copy small faults.", try: "pretrained" },
];
/** Gray levels by which a pixel must differ to count as painted over. */
const SEEN = 32;

/** @param {HTMLElement} root @param {import("./class.js").Class} lesson @param {URLSearchParams} query */
export function breakIt(root, lesson, query) {
  const wanted = query.get("picture");
  const there = VARIANTS.filter(({ film }) => lesson.films.has(film));
  root.replaceChildren(
    make("h3", {}, "Break it"),
    make("p", { class: "lead" }, "A method is understood when you know how it fails. Here are four small trainings that differ in one thing each, and a game that you can win."),
    ...(there.length ? [variants(lesson, there, wanted)] : [make("p", { class: "quiet" }, "This copy of the page has no prepared trainings; make them yourself in ", make("a", { href: "#train" }, "Train"), ".")]),
    game(lesson));
}

/** @param {import("./class.js").Class} lesson @param {typeof VARIANTS} there @param {string | null} wanted */
function variants(lesson, there, wanted) {
  const labels = lesson.pictures.map(({ label }) => label);
  let label = wanted && labels.includes(wanted) ? wanted : lesson.defective("missing_part").label;
  const cards = make("div", { class: "variants" });
  const draw = () => cards.replaceChildren(...there.map((variant) => card(lesson, variant, label)));
  const choose = make("select", { onchange: () => { label = choose.value; draw(); } },
    ...labels.map((name) => make("option", { value: name, selected: name === label }, spoken(name.replace(".png", "")))));
  draw();
  return make("section", {}, make("h4", {}, "Trained badly"),
    make("label", { class: "inline" }, "Board shown ", choose), cards);
}

/** @param {import("./class.js").Class} lesson @param {typeof VARIANTS[0]} variant @param {string} label */
function card(lesson, { film: name, title, words, try: prepared }, label) {
  const film = /** @type {import("./film.js").Film} */ (lesson.films.get(name));
  const last = film.frames - 1;
  const scores = film.header.scores[last];
  const panel = new Panel({ title: "All levels", words: "Their discrepancies, added up; reaches to twice the threshold." });
  const at = film.find(label);
  const right = lesson.films.get("advanced");
  const proper = right?.header.scores[right.frames - 1][right.find(label)];
  if (at >= 0 && at < film.header.filmed) {
    panel.map(film.sum(last, at), lesson.colors, { scale: [0, 2 * film.header.threshold], words: ["same", "different"], smooth: true });
    panel.outline(film.patches(at, 0));
    panel.value(`score ${number(scores[at])}${proper === undefined || film === right ? "" : `, as it should be ${number(proper)}`}`);
  }
  const good = Math.max(...scores.filter((_, i) => !film.pictures[i].anomalous));
  const bad = scores.filter((_, i) => film.pictures[i].anomalous);
  const above = bad.filter((score) => score > good).length;
  return make("article", { class: "variant" }, make("h5", {}, title), make("p", {}, words(film.header)), panel.root,
    dots(film, at), make("p", {}, make("strong", {}, `${above} of ${bad.length}`), " faulty boards score above every good one (triangles are faulty, dots good)."),
    ...(prepared ? [make("p", { class: "quiet" }, make("a", { href: `#train?try=${prepared}` }, "Train it yourself"), ": boards and settings are prepared; change them as you like.")] : []));
}

/** All scores on a line. @param {import("./film.js").Film} film @param {number} shown */
function dots(film, shown) {
  const { pictures } = film;
  const scores = film.header.scores[film.frames - 1];
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const x = (/** @type {number} */ value) => 12 + (276 * (value - low)) / (high - low || 1);
  const told = pictures.map(({ name }, i) => `${spoken(name.split("/")[0])} ${number(scores[i])}`).join(", ");
  return svg("svg", { viewBox: "0 0 300 44", role: "img", "aria-label": `Scores: ${told}`, class: "chart dots" },
    svg("line", { x1: 0, x2: 300, y1: 20, y2: 20, class: "axis" }),
    ...pictures.map(({ anomalous, name }, i) => {
      const mark = anomalous
        ? svg("path", { d: `M${x(scores[i])} 12l7 13h-14z`, class: `dot bad${i === shown ? " chosen" : ""}` })
        : svg("circle", { cx: x(scores[i]), cy: 20, r: 6, class: `dot good${i === shown ? " chosen" : ""}` });
      mark.append(svg("title", {}, `${spoken(name)}: ${number(scores[i])}`));
      return mark;
    }),
    svg("text", { x: 0, y: 42 }, `low score ${number(low)}`), svg("text", { x: 300, y: 42, "text-anchor": "end" }, `high ${number(high)}`));
}

/** @param {import("./class.js").Class} lesson */
function game(lesson) {
  const canvas = make("canvas", { width: 256, height: 256, tabIndex: 0, role: "application", class: "smooth paint", "aria-label": "A good board. Paint with the pointer, or move with the arrow keys and paint with the space bar." });
  const color = make("select", {}, ...[["#111", "dark"], ["#eee", "light"], ["#b3261e", "red"], ["#2b8a3e", "green"], ["#1c5fb8", "blue"]].map(([value, name]) => make("option", { value }, name)));
  const radius = make("input", { type: "range", min: 1, max: 24, value: 5, "aria-label": "Brush" });
  const status = make("p", { class: "verdict-line", role: "status" });
  const best = make("p", { class: "quiet" });
  const map = new Panel({ title: "Anomaly map", words: "Reaches to twice the threshold." });
  const undo = make("button", { type: "button", disabled: true, onclick: () => painting.undo() }, "Undo");
  /** @type {ImageData} */
  let clean;
  let [wanted, done, busy] = [0, 0, false];
  const painting = brush(canvas, {
    brush: () => ({ radius: Number(radius.value), color: color.value }),
    changed: () => { wanted++; undo.disabled = !painting.undoable; follow(); },
  });
  const praise = () => { best.textContent = store.progress().best ? `Your best on this device: ${store.progress().best.toFixed(1)} % of the board.` : ""; };
  const follow = async () => {
    if (busy || !clean) return;
    busy = true;
    try {
      while (done !== wanted) {
        done = wanted;
        const pixels = painting.get();
        const found = await lesson.look(pixels);
        map.map(found.map, lesson.colors, { scale: [0, 2 * lesson.threshold], words: ["same", "different"], smooth: true });
        const share = painted(clean, pixels);
        const missed = found.score <= lesson.threshold;
        map.value(`score ${number(found.score)}`);
        status.className = `verdict-line ${share === 0 ? "" : missed ? "right" : "wrong"}`;
        status.textContent = share === 0 ? "Paint something on the board." : missed
          ? `Missed! ${share.toFixed(1)} % of the board is painted over, and it still says good (score ${number(found.score)}, threshold ${number(lesson.threshold)}).`
          : `Found: score ${number(found.score)} is above the threshold ${number(lesson.threshold)}. Undo, and try another place, color or size.`;
        if (missed && share > store.progress().best) store.keep({ best: share });
        praise();
      }
    } catch (error) {
      status.textContent = said(error);
    } finally {
      busy = false;
    }
  };
  const section = make("section", { class: "game" }, make("h4", {}, "Paint a defect that it misses"),
    make("p", {}, "The score is the highest value of the map: one conspicuous patch is enough to be found. How much of the board can you paint over while it still says good? Your points are the share of the board whose color you clearly change."),
    make("div", { class: "row of-2" },
      make("figure", { class: "panel" }, make("div", { class: "place" }, canvas, make("span", { class: "cursor" })), make("figcaption", {}, make("strong", {}, "A good board"), make("p", {}, "Paint here."))),
      map.root),
    status, best,
    make("div", { class: "actions" }, make("label", { class: "inline" }, "Color ", color), make("label", { class: "inline" }, "Brush ", radius), undo,
      make("button", { type: "button", onclick: () => clean && painting.set(clean) }, "Start over")));
  praise();
  lesson.input(GOOD).then((picture) => { clean = picture; painting.set(picture, true); }, (error) => { status.textContent = said(error); });
  return section;
}

/** The share of pixels that clearly differ, in percent. @param {ImageData} a @param {ImageData} b */
function painted(a, b) {
  let count = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    if (Math.max(...[0, 1, 2].map((c) => Math.abs(a.data[i + c] - b.data[i + c]))) > SEEN) count++;
  }
  return (400 * count) / a.data.length;
}

