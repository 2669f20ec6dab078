// Step 7: the film of a training.

import { make } from "../dom.js";
import { GOOD, ownFilm } from "./class.js";
import { Panel, number } from "./panel.js";
import { levelButtons, row } from "./stage.js";
import { course } from "./svg.js";

/** The end of the scale, as a multiple of the trained student's 99th percentile. */
const BEYOND = 1.5;
/** Milliseconds for which a frame is shown. */
const FRAME = 600;

/** @param {ArrayLike<number>} values @param {(i: number) => boolean} chosen */
function mean(values, chosen) {
  let [sum, count] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (!chosen(i)) continue;
    sum += values[i];
    count++;
  }
  return count ? sum / count : 0;
}

/** For each frame, the mean discrepancy of good patches and of the defect's patches. @param {import("./film.js").Film} film @param {number} good @param {number} bad @param {number} level */
export function curves(film, good, bad, level) {
  const marked = film.patches(bad, level);
  const frames = Array.from({ length: film.frames }, (_, f) => f);
  // A defect may be too small to make a patch of a coarse level anomalous.
  const some = marked.some((value) => value > 0);
  return {
    good: frames.map((f) => mean(film.map(f, good, level), () => true)),
    defect: some ? frames.map((f) => mean(film.map(f, bad, level), (i) => marked[i] > 0)) : undefined,
  };
}

/** @type {import("./steps.js").Step["show"]} */
export async function timeStage(scene, stage, { choice }) {
  const { lesson, strip, label } = scene;
  const recorded = lesson.films.get("training");
  const own = await ownFilm();
  if (!recorded && !own) {
    stage.append(make("p", {}, "This copy of the page has no recorded training. Train on your own pictures in ", make("a", { href: "#train" }, "Train"), ": it will be recorded and shown here."));
    return { right: choice === 1, verdict: "It falls on good patches, and stays higher on the fault.", because: "", learned: LEARNED };
  }
  /** @type {[string, import("./film.js").Film][]} */
  const films = [];
  if (recorded) films.push(["the sample’s model", recorded]);
  if (own) films.push([`the latest training on this device: ${own.header.model}`, own]);
  let [, film] = films[0];
  let [frame, level] = [film.frames - 1, scene.level];
  const places = () => {
    const [bad, good] = [label, GOOD].map((name) => (film.find(name) < film.header.filmed ? film.find(name) : -1));
    const first = (/** @type {boolean} */ anomalous) => film.pictures.findIndex((picture) => picture.anomalous === anomalous);
    return [good < 0 ? first(false) : good, bad < 0 ? first(true) : bad];
  };
  const panels = ["The good board", "The board with a fault"].map((title) => new Panel({ title, words: "Discrepancy of teacher and student." }));
  const slider = make("input", { type: "range", min: 0, max: film.frames - 1, step: 1, value: frame, "aria-label": "Epoch" });
  const told = make("output", { class: "epoch" });
  const graph = make("div", { class: "graph" });
  const words = make("p", { role: "status" });
  const draw = () => {
    const [good, bad] = places();
    const { epochs, all } = film.header;
    // One scale for all frames, so that a fall is visible; values beyond it have the brightest color.
    const ends = [good, bad].flatMap((p) => [...film.map(film.frames - 1, p, level)]).sort((a, b) => a - b);
    const scale = [0, BEYOND * ends[Math.floor(0.99 * (ends.length - 1))]];
    [good, bad].forEach((p, i) => {
      panels[i].map(film.map(frame, p, level), lesson.colors, { scale, words: ["same", "different"] });
      panels[i].value(`score ${number(film.header.scores[frame][p])}`);
      panels[i].outline(i ? film.patches(p, level) : undefined);
    });
    told.textContent = frame === 0 && epochs[0] === 0 ? "before the first epoch" : `after epoch ${epochs[frame]} of ${all}`;
    slider.setAttribute("aria-valuetext", told.textContent);
    const lines = curves(film, good, bad, level);
    const shown = [{ name: "good board", kind: "good", values: lines.good }];
    if (lines.defect) shown.push({ name: "the fault’s patches", kind: "bad", values: lines.defect });
    graph.replaceChildren(
      course(shown, { at: epochs, now: frame, words: "epochs", label: `Mean discrepancy over the epochs: ${shown.map(({ name, values }) => `${name} from ${number(values[0])} to ${number(values[values.length - 1])}`).join("; ")}` }),
      make("p", { class: "keys" }, ...shown.flatMap(({ name, kind, values }) => [make("span", { class: `key ${kind}` }, `${name} ${number(values[frame])}`), " "])));
    words.textContent = lines.defect ? "" : "At this level no patch lies on the fault for more than 30 % of its area: it is too small for it.";
    scene.note({ level });
  };
  slider.oninput = () => { frame = Number(slider.value); draw(); };
  let timer = 0;
  const play = make("button", { type: "button", onclick: () => {
    if (timer) return stop();
    if (frame === film.frames - 1) frame = -1;
    play.textContent = "Stop";
    const next = () => {
      if (!slider.isConnected || frame >= film.frames - 1) return stop();
      slider.value = ++frame;
      draw();
      timer = window.setTimeout(next, FRAME);
    };
    next();
  } }, "Play");
  const stop = () => { clearTimeout(timer); timer = 0; play.textContent = "Play"; };
  const tools = make("div", { class: "scrubber" }, play, slider, told);
  const pick = films.length > 1 ? [make("label", {}, "Training ", make("select", { onchange: (/** @type {any} */ event) => {
    film = films[Number(event.target.value)][1];
    frame = film.frames - 1;
    slider.max = slider.value = frame;
    draw();
  } }, ...films.map(([name], i) => make("option", { value: i }, name))))] : [];
  stage.append(make("div", { class: "bar" }, levelButtons(level, (k) => { level = k; draw(); }), ...pick), tools, make("div", { class: "with-graph" }, row(panels), graph), words);
  draw();
  strip(panels);
  const [good, bad] = places();
  const lines = curves(film, good, bad, scene.level);
  const [a, b] = [lines.good, lines.defect ?? lines.good].map((values) => `${number(values[0])} to ${number(values[values.length - 1])}`);
  return {
    right: choice === 1,
    verdict: "It falls on good patches, and stays higher on the fault.",
    because: `At level ${scene.level + 1} the mean goes from ${a} on the good board, and from ${b} on the fault. The student gets better at faults too, for it learns to copy in general; but it never sees one while it learns, so there it stays behind. Move the slider to see it: on the way the curves go up and down a little.`,
    learned: LEARNED,
  };
}

const LEARNED = "While the student learns from good parts, the discrepancy of good patches falls; that of faults stays higher. The difference is what detects.";
