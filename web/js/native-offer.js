// What the page offers if the program serves it: to learn and to judge there, its trainings, and its models.

import { $, announce, make, say } from "./dom.js";
import { judgeAll } from "./judge.js";
import { loadModel } from "./models.js";
import * as native from "./native.js";
import { has, isWanted, remember, want } from "./native-judge.js";
import { followed } from "./native-train.js";
import { restart } from "./pictures.js";
import { go } from "./router.js";
import { refresh } from "./show.js";
import { page, said } from "./state.js";

/** @typedef {import("./native.js").Job} Job */

const STAGES = { amplify: "stage 1 of 2", features: "features", distill: "stage 2 of 2", threshold: "threshold" };
const STATES = {
  collecting: "pictures are coming", waiting: "waits for another training", training: "learns", paused: "is paused",
  stopped: "ended before it was done, and can go on from there", done: "is trained", failed: "failed", cancelled: "was cancelled",
};
/** The actions on a training. @type {Record<string, [string, (job: Job) => Promise<unknown>][]>} */
const WAYS = {
  waiting: [["Cancel", ({ id }) => native.order(id, "cancel")]],
  training: [["Pause", ({ id }) => native.order(id, "pause")], ["Cancel", ({ id }) => native.order(id, "cancel")]],
  paused: [["Continue", ({ id }) => native.order(id, "resume")], ["Cancel", ({ id }) => native.order(id, "cancel")]],
  stopped: [["Go on", ({ id }) => native.order(id, "resume")], ["Discard it", remove]],
  failed: [["Try again", ({ id }) => native.order(id, "resume")], ["Discard it", remove]],
  done: [["Use it", ({ model }) => use(model ?? "")], ["Remove from this list", remove]],
};

/** Whether the program should learn. */
export const isChosen = () => $("native-where")?.value === "program";

/** Trainings that a new one would wait for. */
const UNDER_WAY = ["collecting", "waiting", "training"];

/** Whether the program may learn without being asked: pictures go to another computer only when a person presses, and no training waits for another. */
export const mayBegin = () => native.PLACE === "this computer" && !native.known?.jobs.some(({ state }) => UNDER_WAY.includes(state));

/** Looks for the program; if there is none, nothing changes. */
export function wire() {
  addEventListener("aand-native", show);
  addEventListener("aand-model", show);
  (globalThis.requestIdleCallback ?? setTimeout)(() => native.start());
}

/** The trainings that are shown. @type {Map<number, { line: HTMLElement, words: HTMLElement, state: string }>} */
const shown = new Map();
let built = false;
/** Whether it has answered before. */
let met = false;

function build() {
  built = true;
  const where = make("select", { id: "native-where", onchange: fit },
    make("option", { value: "program" }, `the program on ${native.PLACE}`), make("option", { value: "browser" }, "this browser"));
  const token = make("input", { type: "password", id: "native-token", autocomplete: "off" });
  const unlock = () => { native.unlock(token.value); token.value = ""; };
  token.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    unlock();
  };
  $("train-form").prepend(
    make("label", { id: "native-choice" }, "Learn with ", where), make("p", { id: "native-words", class: "fine", role: "status" }),
    make("div", { id: "native-lock", class: "fields", hidden: true }, make("label", {}, "The program’s token ", token),
      make("button", { type: "button", onclick: unlock }, "Use this token")));
  $("train-unfinished").after(make("ul", { id: "native-jobs", class: "notice", hidden: true, "aria-label": "Trainings of the program" }));
  const judges = make("input", { type: "checkbox", role: "switch", checked: true, onchange: () => {
    want(judges.checked);
    page.running.job.abort();
    restart();
    refresh();
    judgeAll();
  } });
  $("model-progress").before(make("label", { id: "native-judge", class: "switch", hidden: true }, judges, ` Judge with the program on ${native.PLACE}`));
  $("more").querySelector("div").append(make("div", { id: "native-models" }));
}

/** Adapts the form to whether the program or the browser learns. */
function fit() {
  const there = isChosen();
  $("train-minutes").closest("fieldset").hidden = there;
  $("train-from").closest("label").hidden = there;
  if (there && $("train-from").value) {
    $("train-from").value = "";
    $("train-from").dispatchEvent(new Event("change"));
  }
}

function show() {
  const { known, locked } = native;
  if (!built && !known && !locked) return;
  if (!built) build();
  if (known && !met) {
    met = true;
    $("native-where").value = "program";
  } else if (!known && !met) $("native-where").value = "browser";
  $("native-choice").hidden = !met;
  $("native-lock").hidden = !locked;
  const here = native.PLACE === "this computer";
  say("native-words", locked ? `The program on ${native.PLACE} can learn and judge for this page. It asks for the token that it was started with.`
    : !known ? `The program on ${native.PLACE} does not answer. Start it again with aand serve --ui, or learn with this browser.`
    : `It learns on ${known.device}, with the settings of aand train.${here ? "" : " The good pictures go to that computer, and nowhere else."}`);
  // If the program runs on another computer, these words are not true.
  for (const words of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-stays]"))) words.hidden = !here && Boolean(known);
  fit();
  $("native-judge").querySelector("input").checked = isWanted();
  $("native-judge").hidden = !known || !has(page.model);
  $("native-models").replaceChildren(...(known?.models ?? []).map(({ name, title }) => make("button", { type: "button", onclick: () => use(name) },
    `${title === name ? name : `${title} (${name})`}, of the program`)));
  list(known?.jobs ?? []);
}

/** @param {Job[]} jobs */
function list(jobs) {
  const told = jobs.filter(({ id, state }) => id !== followed && Object.hasOwn(WAYS, state));
  for (const [id, { line }] of shown) {
    if (told.some((job) => job.id === id)) continue;
    line.remove();
    shown.delete(id);
  }
  for (const job of told) {
    const { id, state, wanted: { title, name }, progress, message } = job;
    let of = shown.get(id);
    // A button must not be replaced while it is being pressed.
    if (of?.state !== state) {
      const words = make("span");
      const ways = WAYS[state].map(([text, way]) => make("button", { type: "button", "aria-label": `${text}: ${title ?? name}`, onclick: () => way(job).catch(fail) }, text));
      const line = make("li", {}, words, ...ways);
      if (of) of.line.replaceWith(line);
      else $("native-jobs").append(line);
      shown.set(id, of = { line, words, state });
    }
    const far = progress && ["training", "paused"].includes(state) ? `: ${STAGES[progress.stage]}, ${Math.round((100 * progress.done) / Math.max(1, progress.all))} %` : "";
    of.words.textContent = `${title ?? name} ${STATES[state]}${far}${message ? `: ${message}` : ""}`;
  }
  $("native-jobs").hidden = told.length === 0;
}

/** @param {unknown} error */
const fail = (error) => say("train-error", said(error));

/** @param {Job} job */
async function remove({ id }) {
  await native.ask(`api/jobs/${id}`, { method: "DELETE" });
}

/** Loads a model of the program, to judge with. @param {string} name */
async function use(name) {
  go("inspect");
  try {
    const file = await native.model(name);
    remember(file, name);
    await loadModel(file, `${name}.aand`);
    announce(`${name} judges.`);
  } catch (error) {
    say("model-error", `${name}: ${said(error)}`);
  }
}
