// The lesson's places within Look inside: the guided path, breaking it, the teacher's sheet, the words.

import { $, announce, copy, make, say, size } from "../dom.js";
import * as router from "../router.js";
import * as samples from "../samples.js";
import { said } from "../state.js";
import { breakIt } from "./break.js";
import { Class, subject } from "./class.js";
import { sheet } from "./sheet.js";
import { STEPS } from "./steps.js";
import * as store from "./store.js";
import { savers } from "./strip.js";
import { terms } from "./terms.js";

/** @typedef {import("./steps.js").Scene} Scene */
/** @typedef {import("./store.js").Answer} Answer */

const TABS = /** @type {const} */ (["lesson", "play", "break", "sheet", "words"]);
/** The level shown first: neither the finest nor the coarsest. */
const LEVEL = 1;

/** @type {Promise<Class> | undefined} */
let loading;
/** @type {Class | undefined} */
let lesson;
/** What is shown now; a later request replaces it. */
let shown = "";
let turn = 0;
let loader = new AbortController();

/** Opens a board in free play. @type {(detector: import("../module/aand.js").Detector, name: string, file: Blob) => Promise<void>} */
let board = async () => {};

/** @param {{ board: typeof board }} play */
export function wire(play) {
  board = play.board;
  terms($("tab-words"));
  sheet($("tab-sheet"));
  $("lesson-start").onclick = () => begin();
  $("lesson-cancel").onclick = () => loader.abort();
  router.on("inside", arrive);
}

/** @param {router.Address} address */
function arrive({ path, query }) {
  const [first = "lesson", second] = path;
  const tab = TABS.find((name) => name === first) ?? "lesson";
  for (const name of TABS) $(`tab-${name}`).hidden = name !== tab;
  for (const link of document.querySelectorAll("#inside-tabs a")) {
    if (link.getAttribute("href") === `#inside/${tab}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (tab === "sheet" || tab === "words" || (tab === "play" && !query.has("picture"))) {
    shown = tab;
    return;
  }
  const step = Math.max(1, Math.min(STEPS.length + 1, Math.round(Number(second ?? store.progress().step)) || 1));
  const wanted = tab === "play" ? `play/${query.get("picture")}` : `${tab}/${step}`;
  // The person's actions on a step are recorded in its address, which is no reason to draw it again.
  if (wanted === shown && lesson) return;
  shown = wanted;
  if (lesson) return draw(tab, step, query);
  if (loading) return;
  offer();
}

/** Says what has to be fetched before fetching it; without asking if everything is here already. */
async function offer() {
  $("tab-lesson").hidden = false;
  for (const name of ["break", "play"]) $(`tab-${name}`).hidden = true;
  $("lesson-body").replaceChildren();
  $("lesson-welcome").hidden = false;
  try {
    const sample = await subject();
    $("lesson-start").hidden = !sample;
    if (!sample) return fail("This copy of the page was built without samples, and the lesson is about one.");
    $("lesson-size").textContent = `${size(total(sample))}, once; then it works offline.`;
    if (await kept(sample)) await begin();
  } catch (error) {
    fail(said(error));
  }
}

/** @param {any} sample */
const total = (sample) => samples.bytes(sample) + Object.values(sample.lesson ?? {}).reduce((sum, { bytes }) => sum + bytes, 0);

/** Whether the model is already in this browser. @param {any} sample */
const kept = (sample) => samples.has(sample.model);

async function begin() {
  if (loading) return;
  fail("");
  loader = new AbortController();
  const { signal } = loader;
  $("lesson-progress").hidden = false;
  $("lesson-start").disabled = true;
  const tell = (/** @type {number} */ done, /** @type {number} */ all) => {
    $("lesson-progress").querySelector("progress").value = done / all;
    $("lesson-progress-words").textContent = done < all ? `${size(done)} of ${size(all)}` : "Starting the networks";
  };
  loading = (async () => Class.load(await subject(), signal, tell))();
  try {
    lesson = await loading;
    $("lesson-welcome").hidden = true;
    const { place, path, query } = router.here();
    shown = "";
    if (place === "inside") arrive({ place, path, query });
  } catch (error) {
    if (!signal.aborted) fail(`The lesson could not be loaded: ${said(error)}`);
  } finally {
    loading = undefined;
    $("lesson-progress").hidden = true;
    $("lesson-start").disabled = false;
  }
}

/** @param {string} words */
const fail = (words) => say("lesson-error", words);

/** One of the lesson's boards in free play. @param {string} [label] */
export function play(label) {
  router.go("inside", ["play"], { picture: label ?? "solder_blob.png" });
}

/** @param {"lesson" | "break" | "play"} tab @param {number} step @param {URLSearchParams} query */
function draw(tab, step, query) {
  turn++;
  if (tab === "play") {
    const { label, file } = /** @type {Class} */ (lesson).picture(query.get("picture") ?? "");
    board(/** @type {Class} */ (lesson).detector, label, file);
    return;
  }
  if (tab === "break") return breakIt($("tab-break"), /** @type {Class} */ (lesson), query);
  if (step > STEPS.length) return finish();
  store.keep({ step });
  drawStep(step, query);
}

/** The navigation through the steps. @param {number} step */
function rail(step) {
  const { answers } = store.progress();
  return make("ol", { class: "rail" }, ...STEPS.map(({ title }, i) => {
    const answer = answers[i + 1];
    const link = make("a", { href: `#inside/lesson/${i + 1}`, title, class: answer ? (answer.right ? "right" : "wrong") : "" },
      make("span", { class: "number" }, String(i + 1)), make("span", { class: "name" }, title), ...(answer ? [make("span", { class: "visually-hidden" }, answer.right ? ", answered rightly" : ", answered wrongly")] : []));
    if (i + 1 === step) link.setAttribute("aria-current", "step");
    return make("li", {}, link);
  }));
}

/** @param {number} step @param {URLSearchParams} query */
async function drawStep(step, query) {
  const mine = turn;
  const own = /** @type {Class} */ (lesson);
  const now = STEPS[step - 1];
  const wanted = query.get("picture");
  const level = Math.round(Number(query.get("level"))) - 1;
  const at = (query.get("at") ?? "").split(",").map(Number);
  /** @type {import("./panel.js").Panel[]} */
  let panels = [];
  /** @type {Scene} */
  const scene = {
    lesson: own,
    level: [0, 1, 2].includes(level) ? level : LEVEL,
    at: at.length === 2 && at.every((value) => value >= 0 && value < 1) ? at : undefined,
    label: wanted && own.pictures.some(({ label }) => label === wanted) ? wanted : now.picture(own),
    strip: (some) => { panels = some; },
    note: (some) => { Object.assign(scene, some); if (mine === turn && answered) address(); },
    current: () => mine === turn,
  };
  let answered = false;
  const address = () => {
    /** @type {Record<string, string>} */
    const more = { sample: own.sample.name, picture: scene.label, level: String(scene.level + 1) };
    if (scene.at) more.at = scene.at.map((value) => value.toFixed(3)).join(",");
    if (answered) more.shown = "1";
    router.go("inside", ["lesson", String(step)], more, { replace: true });
  };
  const stage = make("div", { class: "stage-area" });
  const verdict = make("p", { class: "verdict-line", role: "status", tabIndex: -1 });
  const after = make("div", { class: "after" });
  const question = make("div", { class: "question" });
  const heading = make("h3", { tabIndex: -1 }, now.title);
  const back = step > 1 ? make("a", { class: "button", href: `#inside/lesson/${step - 1}` }, "Back") : "";
  const next = make("a", { class: "button", href: `#inside/lesson/${step + 1}` }, step < STEPS.length ? "Next" : "To the end");
  const inside = document.activeElement?.closest("#lesson-body");
  $("lesson-body").replaceChildren(rail(step), make("article", { class: "step" },
    make("div", { class: "tell" },
      make("p", { class: "count quiet" }, `Step ${step} of ${STEPS.length}`), heading,
      ...now.story.map((words) => make("p", {}, words)), question, verdict),
    stage, make("div", { class: "more" }, after, make("div", { class: "onward" }, back, next))));
  // People who continue with the keyboard, or at the bottom of a phone's screen, start at the top.
  if (inside) heading.focus();

  /** @param {Answer} answer @param {boolean} fresh */
  const reveal = async (answer, fresh) => {
    answered = true;
    question.classList.add("answered");
    for (const control of question.querySelectorAll("button")) control.disabled = true;
    stage.replaceChildren(make("p", { class: "quiet" }, "Computing …"));
    const shelf = make("div", { class: "shelf" });
    try {
      const told = await now.show(scene, shelf, answer);
      if (mine !== turn) return;
      if (fresh) {
        store.keep({ answers: { ...store.progress().answers, [step]: { ...answer, right: told.right } } });
        $("lesson-body").querySelector(".rail")?.replaceWith(rail(step));
      }
      const given = answer.mark || answer.choice !== undefined;
      verdict.className = `verdict-line ${!given ? "" : told.right ? "right" : "wrong"}`;
      verdict.textContent = told.verdict;
      after.replaceChildren(
        ...(told.because ? [make("p", {}, told.because)] : []),
        make("p", { class: "learned" }, make("strong", {}, "To take along: "), told.learned),
        make("div", { class: "actions" },
          make("button", { type: "button", onclick: () => { turn++; shown = `lesson/${step}`; drawStep(step, new URLSearchParams({ picture: scene.label, again: "1" })); } }, "Ask me again"),
          make("button", { type: "button", onclick: async () => announce(await copy(location.href) ? "Link copied." : "The link could not be copied.") }, "Copy link to this view"),
          ...(panels.length ? savers(() => panels, `aand-step-${step}`) : [])));
      next.classList.add("primary");
      stage.replaceChildren(shelf);
      address();
      // The pressed button has disappeared.
      if (fresh) verdict.focus({ preventScroll: true });
    } catch (error) {
      if (mine === turn) stage.replaceChildren(make("p", { class: "error", role: "alert" }, said(error)));
    }
  };
  const earlier = query.has("again") ? undefined : store.progress().answers[step];
  if (earlier || query.has("shown")) {
    question.append(make("p", {}, make("strong", {}, now.question)), ...(now.choices ? [choices(now.choices, () => {}, earlier?.choice)] : []));
    return reveal(earlier ?? { right: false }, false);
  }
  await ask(now, scene, { question, stage, reveal, current: () => mine === turn });
}

/** @param {string[]} words @param {(choice: number) => void} choose @param {number} [chosen] */
function choices(words, choose, chosen) {
  const list = make("div", { class: "choices", role: "group", "aria-label": "Answers" }, ...words.map((word, i) =>
    make("button", { type: "button", "aria-pressed": String(i === chosen), onclick: () => {
      for (const [k, button] of [...list.children].entries()) button.setAttribute("aria-pressed", String(k === i));
      choose(i);
    } }, word)));
  return list;
}

/**
 * @param {import("./steps.js").Step} now @param {Scene} scene
 * @param {{ question: any, stage: any, reveal: (answer: Answer, fresh: boolean) => void, current: () => boolean }} parts
 */
async function ask(now, scene, { question, stage, reveal, current }) {
  /** @type {Answer} */
  const answer = { right: false };
  const show = make("button", { type: "button", class: "primary", disabled: true, onclick: () => reveal(answer, true) }, "Show the answer");
  const skip = make("button", { type: "button", class: "plain", onclick: () => reveal({ right: false }, true) }, "I do not know");
  question.append(make("p", {}, make("strong", {}, now.question)));
  if (now.choices) question.append(choices(now.choices, (choice) => { answer.choice = choice; show.disabled = false; }));
  else question.append(make("p", { class: "quiet" }, "Tap or click the picture; or go to it with Tab, move with the arrow keys, mark with Enter."));
  question.append(make("div", { class: "actions" }, show, skip));
  stage.replaceChildren(make("p", { class: "quiet" }, "Loading …"));
  const shelf = make("div", { class: "shelf" });
  try {
    const marked = await now.ask(scene, shelf);
    if (!current()) return;
    stage.replaceChildren(shelf);
    marked?.chosen((at) => {
      answer.mark = at;
      marked.marks([{ at, kind: "own" }]);
      show.disabled = false;
      announce("Marked.");
    });
  } catch (error) {
    if (current()) stage.replaceChildren(make("p", { class: "error", role: "alert" }, said(error)));
  }
}

/** After the last step. */
function finish() {
  const { answers } = store.progress();
  const right = Object.values(answers).filter((answer) => answer.right).length;
  const heading = make("h3", { tabIndex: -1 }, "That was the whole method");
  $("lesson-body").replaceChildren(rail(0), make("article", { class: "end" },
    heading,
    make("p", {}, `You have answered ${Object.keys(answers).length} of ${STEPS.length} questions, ${right} of them rightly.`),
    make("p", {}, "A teacher describes patches, a student who knows only good parts repeats it, a gate makes faults stand out, three levels are added up, and what is above the threshold is anomalous."),
    make("div", { class: "doors" },
      door("#inside/play", "Free play", "Paint on any picture and watch every step follow."),
      door("#inside/break", "Break it", "Train it badly, or paint a defect that it misses."),
      door("#inside/sheet", "For teachers", "A lesson of 45 minutes: aims, plan, answers; prints on two pages."),
      door("#train", "Train your own", "On five or more of your own good pictures.")),
    make("button", { type: "button", class: "plain", onclick: () => { store.forget(); router.go("inside", ["lesson", "1"]); } }, "Begin again")));
  heading.focus();
}

/** @param {string} href @param {string} title @param {string} words */
const door = (href, title, words) => make("a", { class: "door", href }, make("strong", {}, title), make("span", {}, words));
