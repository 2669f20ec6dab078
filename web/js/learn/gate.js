// Step 6: the residual module.

import { make } from "../dom.js";
import { GOOD } from "./class.js";
import { drill } from "./drill.js";
import { changed } from "./outline.js";
import { Panel, highestNear, number, peak, rank } from "./panel.js";
import { levelButtons, position, row } from "./stage.js";

/** Seed of the synthetic anomaly. */
const SEED = 3;
/** @type {WeakMap<import("./class.js").Class, Promise<{ pixels: ImageData, cells: Uint8Array }>>} */
const made = new WeakMap();

/** A good board with a synthetic anomaly, and which of 64 x 64 cells are changed. @param {import("./class.js").Class} lesson */
function defect(lesson) {
  const found = made.get(lesson) ?? (async () => {
    const clean = await lesson.input(GOOD);
    const pixels = await lesson.detector.defect(clean, SEED);
    return { pixels, cells: changed(clean, pixels) };
  })();
  made.set(lesson, found);
  return found;
}

/** @type {Pick<import("./steps.js").Step, "ask" | "show">} */
export const gateStage = {
  async ask({ lesson }, stage) {
    const { pixels } = await defect(lesson);
    const asked = new Panel({ title: "A good board with a made defect", pick: () => {} });
    asked.pixels(pixels, true);
    stage.append(row([asked]));
    return asked;
  },
  async show(scene, stage, { mark }) {
    const { lesson, strip } = scene;
    const { pixels, cells } = await defect(lesson);
    const [on, off] = [await lesson.look(pixels, true), await lesson.look(pixels, false)];
    const picked = (/** @type {number[]} */ at) => choose(at);
    const plain = new Panel({ title: "The board", pick: picked });
    const gate = new Panel({ title: "Gate", words: "0: normal, shut. 1: anomalous, open.", pick: picked });
    const push = new Panel({ title: "Push (residual)", words: "How far the features are moved, on average.", pick: picked });
    const without = new Panel({ title: "Discrepancy without it", words: "Student and plain teacher.", pick: picked });
    const withIt = new Panel({ title: "Discrepancy with it", words: "Student and advanced teacher, in the same colors.", pick: picked });
    const panels = [plain, gate, push, without, withIt];
    const numbers = make("div");
    let [level, at] = [scene.level, scene.at ?? peak(on.levels[scene.level].gate ?? on.map)];
    const choose = async (/** @type {number[]} */ place, k = level) => {
      [at, level] = [place, k];
      const [a, b] = [on.levels[level], off.levels[level]];
      if (a.gate) gate.map(a.gate, lesson.colors, { scale: [0, 1], words: ["shut", "open"] });
      if (a.residual) push.map(a.residual, lesson.colors, { words: ["none", "far"] });
      const scale = [0, Math.max(...[a, b].map(({ discrepancy }) => [...discrepancy].sort((x, y) => x - y)[Math.floor(0.99 * discrepancy.length)]))];
      without.map(b.discrepancy, lesson.colors, { scale, words: ["same", "different"] });
      withIt.map(a.discrepancy, lesson.colors, { scale, words: ["same", "different"] });
      for (const panel of panels) panel.spot(at);
      const patch = await lesson.detector.patch(on.turn, level, position(at, a.side));
      if (patch && scene.current()) numbers.replaceChildren(drill(patch, on, level, at));
      scene.note({ level, at });
    };
    plain.pixels(pixels, true);
    plain.outline(cells);
    if (mark) plain.marks([{ at: mark, kind: "own" }]);
    await choose(at);
    stage.append(levelButtons(level, (k) => choose(at, k)), row(panels), numbers);
    strip(panels);
    const maps = on.levels.map(({ gate: map }) => map ?? new Float32Array(1));
    const best = mark ? Math.max(...maps.map((map) => highestNear(map, mark, 0.06))) : 0;
    const share = mark ? Math.max(...maps.map((map) => rank(map, highestNear(map, mark, 0.06)))) : 0;
    // The gate is seldom shut everywhere else; the question is about the synthetic anomaly.
    const near = mark ? highestNear(Float32Array.from(cells), mark, 0.06) > 0 : false;
    const right = near && (best > 0.5 || share > 0.97);
    const change = on.score / off.score - 1;
    return {
      right,
      verdict: mark ? `At your mark the gate reaches ${best.toFixed(2)} (0 is shut, 1 is open)${near ? "" : ", but the made defect is elsewhere: within the white lines"}.` : "The white lines surround the made defect.",
      because: `With the residual module the score is ${number(on.score)}, without it ${number(off.score)}. ${Math.abs(change) < 0.05
        ? "Here that changes little: the student does not copy this defect anyway. It matters for faults that the student would copy."
        : change > 0 ? "Here it makes the defect stand out more."
        : "Here it does not raise the score: the module was trained on made defects in general, and the student has learned from its features. What counts is the difference to good boards, over many pictures."} Choose a patch to see how its gate comes about.`,
      learned: "Stage 1 trains a gate that recognizes anomalous patches, and a push that moves their features away from normal ones; good patches are moved little.",
    };
  },
};
