// The eight steps of the guided path. Each tells two sentences, asks a question, and shows the answer with results
// computed here.

import { make } from "../dom.js";
import { assumptions } from "./assumptions.js";
import { GOOD, spoken } from "./class.js";
import { drill } from "./drill.js";
import { gateStage } from "./gate.js";
import { levelStage } from "./levels.js";
import { Panel, highestNear, peak, rank } from "./panel.js";
import { painted } from "./colors.js";
import { levelButtons, picture, position, row } from "./stage.js";
import { timeStage } from "./time.js";

/** @typedef {import("./class.js").Class} Class */
/** @typedef {import("./store.js").Answer} Answer */
/**
 * @typedef {object} Scene the context of a step
 * @property {Class} lesson
 * @property {number} level 0 to 2, the one shown
 * @property {number[]} [at] the place shown
 * @property {string} label the picture
 * @property {(panels: Panel[]) => void} strip sets the panels that may be saved
 * @property {(some: { level?: number, at?: number[] }) => void} note keeps level and place in the address
 * @property {() => boolean} current whether the step is still shown
 */
/**
 * @typedef {object} Shown the answer
 * @property {boolean} right
 * @property {string} verdict on what was answered
 * @property {string} because what can be seen
 * @property {string} learned the sentence to remember
 */
/**
 * @typedef {object} Step
 * @property {string} title
 * @property {string[]} story before anything is shown
 * @property {string} question
 * @property {string[]} [choices] the choices; without them the person marks the picture
 * @property {(lesson: Class) => string} picture the picture that the question is about
 * @property {(scene: Scene, stage: HTMLElement) => Promise<Panel | undefined>} ask shows the subject of the question,
 * and returns the panel to mark
 * @property {(scene: Scene, stage: HTMLElement, answer: Answer) => Promise<Shown>} show
 */

/** A mark within this share of the width counts as at the place. */
const NEAR = 0.06;

/** @type {Step} */
const compare = {
  title: "What is wrong here?",
  story: [
    "Two boards from the same production line. The left one is good; something is wrong with the right one.",
    "Nobody tells you what can go wrong. You only know what a good board looks like.",
  ],
  question: "Where is the fault? Mark it on the right board.",
  picture: (lesson) => lesson.defective("missing_part").label,
  async ask({ lesson, label }, stage) {
    const good = await picture(lesson, GOOD, { title: "A good board" });
    const asked = await picture(lesson, label, { title: "The board to check", pick: () => {} });
    stage.append(row([good, asked]));
    return asked;
  },
  async show({ lesson, label, strip }, stage, { mark }) {
    const good = await picture(lesson, GOOD, { title: "A good board" });
    const found = await picture(lesson, label, { title: "The fault" });
    const defect = lesson.defect(label, 0);
    found.outline(defect);
    if (mark) found.marks([{ at: mark, kind: "own" }]);
    stage.append(row([good, found]));
    strip([good, found]);
    const right = Boolean(mark && defect && highestNear(Float32Array.from(defect), mark, NEAR) > 0);
    return {
      right,
      verdict: right ? "Found. You compared it with the good one." : mark ? "Not there: the white line shows it." : "The white line shows it.",
      because: `It is a ${spoken(lesson.picture(label).kind)}. You could have found any other fault in the same way, without ever having seen one before.`,
      learned: "Anomaly detection learns what good looks like, and looks for what is different.",
    };
  },
};

/** @type {Step} */
const teacher = {
  title: "The teacher describes every patch",
  story: [
    "A network, which is a program that has learned from many examples (here everyday pictures), looks at the board, patch by patch. It writes down a list of numbers for each patch: its features.",
    "It knows nothing of circuit boards and nothing of faults. But patches that look alike get similar lists.",
  ],
  question: "The framed patch lies on a resistor. Mark another place, far from it, that the teacher will describe almost alike.",
  picture: () => GOOD,
  async ask({ lesson, label }, stage) {
    const asked = await picture(lesson, label, { title: "A good board", pick: () => {} });
    asked.spot(RESISTOR);
    stage.append(row([asked]));
    return asked;
  },
  async show(scene, stage, { mark }) {
    const { lesson, label, strip } = scene;
    const found = await lesson.intermediate(label, false);
    const side = found.levels[1].side;
    const plain = await picture(lesson, label, { title: "The board", pick: (at) => choose(at) });
    const alike = new Panel({ title: "As the framed patch", words: "How alike the teacher finds each patch to the framed one: the cosine of the two lists, a number up to 1 (step 4 shows how it is made).", pick: (at) => choose(at) });
    const colored = new Panel({ title: "The teacher’s features as colors", words: "Each list squeezed into one color, in the same way on every board. Like colors, like lists.", pick: (at) => choose(at) });
    colored.pixels(painted(/** @type {any} */ (found.levels[1].colors).teacher, side), false);
    const panels = [plain, alike, colored];
    if (mark) plain.marks([{ at: mark, kind: "own" }]);
    const choose = async (/** @type {number[]} */ at) => {
      const map = await lesson.similar(label, 1, position(at, side));
      alike.map(map, lesson.colors, { words: ["unlike", "alike"] });
      for (const panel of panels) panel.spot(at);
      scene.note({ at });
      return map;
    };
    const map = await choose(RESISTOR);
    stage.append(row(panels), make("p", { class: "quiet" }, "Choose any other patch to see what is like it."));
    strip(panels);
    if (scene.at) await choose(scene.at);
    if (!mark) return { right: false, verdict: "Bright patches are described almost alike.", because: TEACHER, learned: LISTS };
    const far = Math.hypot(mark[0] - RESISTOR[0], mark[1] - RESISTOR[1]) > 0.1;
    const cosine = highestNear(map, mark, 0.04);
    const share = rank(map, cosine);
    const right = far && share > 0.85;
    return {
      right,
      verdict: `Your place has a cosine of ${cosine.toFixed(2)}: more alike than ${Math.floor(100 * share)} % of the board${far ? right ? "" : "; the resistors reach more than 85 %" : ", but it is the same place"}.`,
      because: TEACHER,
      learned: LISTS,
    };
  },
};
/** The resistor's place on the sample's board. */
const RESISTOR = [0.84, 0.31];
const TEACHER = "The other resistors and whatever looks like them light up. The cosine is 1 for lists that say the same, and smaller the less they have in common.";
const LISTS = "A teacher turns each patch into a list of numbers (features); alike patches get alike lists.";

/** @type {Step} */
const student = {
  title: "The student has only seen good boards",
  story: [
    "A second network, the student, has to say what the teacher says. It learned that on good boards only, and it gets its information through a bottleneck, so narrow that what is unusual hardly fits through.",
    "Where the board is good, the student knows the answer. Where something is new to it, it falls back on what it knows, and answers much as if the board were good.",
  ],
  question: "This board has a fault. Where will the student say something else than the teacher? Mark the place.",
  picture: (lesson) => lesson.defective("solder_blob").label,
  async ask({ lesson, label }, stage) {
    const asked = await picture(lesson, label, { title: "A board with a fault", pick: () => {} });
    stage.append(row([asked]));
    return asked;
  },
  async show(scene, stage, { mark }) {
    const { lesson, label, strip } = scene;
    const found = await lesson.intermediate(label, false);
    const plain = await picture(lesson, label, { title: "The board" });
    const said = new Panel({ title: "Teacher", words: "Its features as three colors." });
    const guessed = new Panel({ title: "Student", words: "Its features in the same three colors." });
    const apart = new Panel({ title: "Discrepancy", words: "How far the two are apart at each patch." });
    // Teacher and student side by side.
    const panels = [plain, apart, said, guessed];
    const draw = (/** @type {number} */ k) => {
      const { side, colors, discrepancy } = found.levels[k];
      said.pixels(painted(/** @type {any} */ (colors).teacher, side), false);
      guessed.pixels(painted(/** @type {any} */ (colors).student, side), false);
      apart.map(discrepancy, lesson.colors, { words: ["same", "different"] });
      for (const panel of panels) panel.outline(lesson.defect(label, 0));
      scene.note({ level: k });
    };
    if (mark) plain.marks([{ at: mark, kind: "own" }]);
    draw(scene.level);
    stage.append(levelButtons(scene.level, draw), row(panels));
    strip(panels);
    const share = mark ? rank(found.map, highestNear(found.map, mark, NEAR)) : 0;
    const right = share > 0.97;
    return {
      right,
      verdict: mark ? `At your mark the two disagree more than on ${Math.floor(100 * share)} % of the board${right ? "" : "; at the fault, within the white line, more than anywhere"}.` : "The white line surrounds the fault.",
      because: "Teacher and student are shown in the same colors. Where the colors differ, the two disagree: that is the discrepancy, and there the map lights up. They never agree quite, so good places have some of it too; what counts is how much. Change the level to see the board described finer or coarser.",
      learned: "The student describes good parts well and others badly. Where teacher and student disagree most, something is unusual.",
    };
  },
};

/** The choices of step 4. */
const DEGREES = [2, 20, 45, 90];

/** @type {Step} */
const angle = {
  title: "How far apart? An angle",
  story: [
    "Think of each list of numbers as an arrow. Two lists that say the same point the same way; the angle between the arrows tells how far teacher and student are apart.",
    "On a good patch of this board the angle is small. The arrows’ lengths do not count, only their directions.",
  ],
  question: "How large is the angle at the fault (the framed patch)?",
  choices: DEGREES.map((degrees) => `about ${degrees}°`),
  picture: (lesson) => lesson.defective("solder_blob").label,
  async ask({ lesson, label, level }, stage) {
    const [asked, found] = [await picture(lesson, label, { title: "A board with a fault" }), await lesson.intermediate(label, false)];
    asked.spot(worst(lesson, label, found, level));
    const calm = quiet(found.levels[level].discrepancy);
    const patch = await lesson.patch(label, false, level, position(calm, found.levels[level].side));
    stage.append(row([asked]), make("h4", {}, "For comparison, a good patch:"), drill(patch, found, level, calm, { gate: false, shares: false }));
    return undefined;
  },
  async show(scene, stage, { choice }) {
    const { lesson, label, strip } = scene;
    const found = await lesson.intermediate(label, false);
    const plain = await picture(lesson, label, { title: "The board", pick: (at) => choose(at) });
    const apart = new Panel({ title: "Discrepancy", words: "Choose a patch in either picture.", pick: (at) => choose(at) });
    const numbers = make("div");
    const panels = [plain, apart];
    let level = scene.level;
    let at = scene.at ?? worst(lesson, label, found, level);
    const choose = async (/** @type {number[]} */ place, k = level) => {
      [at, level] = [place, k];
      apart.map(found.levels[k].discrepancy, lesson.colors, { words: ["same", "different"] });
      for (const panel of panels) panel.spot(at);
      const patch = await lesson.patch(label, false, level, position(at, found.levels[level].side));
      numbers.replaceChildren(drill(patch, found, level, at, { gate: false, shares: false }));
      scene.note({ level, at });
    };
    await choose(at);
    plain.outline(lesson.defect(label, 0));
    stage.append(levelButtons(level, (k) => choose(at, k)), row(panels), numbers);
    strip(panels);
    const { side, discrepancy } = found.levels[scene.level];
    const place = worst(lesson, label, found, scene.level);
    const truth = (Math.acos(1 - discrepancy[position(place, side)]) * 180) / Math.PI;
    const nearest = DEGREES.reduce((best, value, i, all) => (Math.abs(value - truth) < Math.abs(all[best] - truth) ? i : best), 0);
    return {
      right: choice === nearest,
      verdict: `It is ${truth.toFixed(0)}°; of the answers, ${DEGREES[nearest]}° is nearest.`,
      because: "The cosine turns the angle into a number: 1 for no angle, 0 for a right angle. 1 minus the cosine is the discrepancy. Choose other patches and compare the bars.",
      learned: "Discrepancy is 1 minus the cosine of the angle between the teacher’s and the student’s list.",
    };
  },
};

/** The patch of the defect where the two are furthest apart. @param {Class} lesson @param {string} label @param {import("../module/protocol.js").IntermediateFeatures} found @param {number} level */
export function worst(lesson, label, found, level) {
  const [map, cells] = [found.levels[level].discrepancy, lesson.defect(label, level)];
  const some = cells?.some((value) => value > 0);
  return peak(map.map((value, i) => (!some || cells?.[i] ? value : -1)));
}

/** A patch in the middle of the picture where the two agree. @param {Float32Array} map */
function quiet(map) {
  const side = Math.round(Math.sqrt(map.length));
  return peak(map.map((value, i) => {
    const [x, y] = [(i % side) / side, Math.floor(i / side) / side];
    return Math.min(x, y, 1 - x, 1 - y) < 0.2 ? -2 : -value;
  }));
}

/** @type {Step[]} */
export const STEPS = [
  compare, teacher, student, angle,
  {
    title: "Three levels add up",
    story: [
      "The teacher describes the board three times: in small patches, in middle ones, and in large ones that take in more of their surroundings.",
      "Each level has its own discrepancy. They are enlarged to the picture’s size, smoothed a little and added up: the anomaly map. Its highest value is the score.",
    ],
    question: "Which level will give most to the score of this board?",
    choices: ["Level 1: small patches", "Level 2: middle ones", "Level 3: large ones"],
    picture: (lesson) => lesson.defective("missing_part").label,
    async ask({ lesson, label }, stage) {
      const asked = await picture(lesson, label, { title: "A board with a fault" });
      asked.outline(lesson.defect(label, 0));
      stage.append(row([asked]));
      return undefined;
    },
    show: levelStage,
  },
  {
    title: "The gate makes faults stand out",
    story: [
      "Some faults hardly change the teacher’s features, so the student copies them too. Therefore there is a first stage, before the student learns: a gate is trained on good boards with made defects painted in, textures in the shape of clouds.",
      "The gate opens where a patch looks anomalous to it, and lets through a push that moves the features away from normal ones. Gate and push together are the residual module; the teacher with it is called advanced, without it plain.",
    ],
    question: "A defect was painted into this good board. Where will the gate open? Mark the place.",
    picture: () => GOOD,
    ...gateStage,
  },
  {
    title: "The student learns",
    story: [
      "This is the training of the student, recorded: what it made of a good board and of one with a fault, before it had learned anything and after more and more epochs (passes over all good boards).",
      "At first it knows nothing, and disagrees with the teacher everywhere.",
    ],
    question: "What happens while it learns?",
    choices: ["The discrepancy falls everywhere alike", "It falls on good patches, and stays higher on the fault", "It rises on the fault"],
    picture: (lesson) => lesson.defective("solder_blob").label,
    async ask({ lesson, label }, stage) {
      stage.append(row([await picture(lesson, GOOD, { title: "A good board" }), await picture(lesson, label, { title: "One with a fault" })]));
      return undefined;
    },
    show: timeStage,
  },
  {
    title: "Two assumptions",
    story: [
      "All this rests on two assumptions: on good patches teacher and student agree (cosine near 1), and on anomalous patches they do not (cosine clearly smaller).",
      "How often they hold can be counted, patch by patch. The teacher matters: it may be pre-trained on everyday pictures, advanced by gate and push, or have random numbers inside and no training at all.",
    ],
    question: "With a random teacher, which has learned nothing, can good and anomalous patches still be told apart?",
    choices: ["As well as with the others", "Less well", "Not at all: it is pure chance"],
    picture: (lesson) => lesson.defective("solder_blob").label,
    async ask({ lesson, label }, stage) {
      const asked = await picture(lesson, label, { title: "Anomalous patches lie within the line" });
      asked.outline(lesson.defect(label, 0));
      stage.append(row([asked]));
      return undefined;
    },
    show: assumptions,
  },
];
