// The person's marks on pictures: this is good, this is a defect.

import { $, announce, counted, make } from "./dom.js";
import { items } from "./pictures.js";

/** @typedef {import("./pictures.js").Item} Item */
/** @typedef {NonNullable<Item["mark"]>} Mark */

/** The words for a mark. */
const WORDS = { good: "good", defect: "a defect" };
/** Counts the changes of marks. */
let turn = 0;

/** How often marks have changed: anything derived from them is outdated when this number changes. */
export const changes = () => turn;

/** Good pictures to learn from. @returns {Item[]} */
export const good = () => items.filter(({ mark, learned }) => mark === "good" && !learned);

/** Pictures of defects, with which every refinement is checked. @returns {Item[]} */
export const defects = () => items.filter(({ mark }) => mark === "defect");

/** The two buttons beside a verdict. @param {Item} item @returns {HTMLElement} */
export function buttons(item) {
  const button = (/** @type {Mark} */ mark, /** @type {string} */ words) =>
    make("button", { type: "button", "data-mark": mark, "aria-pressed": String(item.mark === mark), onclick: () => press(item, mark) }, words);
  return make("div", { class: "modes", id: "marks", role: "group", "aria-label": "What this picture is" },
    button("good", "This is good"), button("defect", "This is a defect"));
}

/** A second press takes it back. @param {Item} item @param {Mark} mark */
function press(item, mark) {
  set(item, item.mark === mark ? undefined : mark);
  for (const button of document.querySelectorAll("#marks [data-mark]")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.mark === item.mark));
  }
  const waiting = counted(good().length + defects().length, "correction");
  announce(item.mark ? `${item.name} is marked as ${WORDS[item.mark]}. ${waiting}.` : `The mark of ${item.name} is taken back. ${waiting}.`);
}

/** @param {Item} item @param {Mark | undefined} mark */
function set(item, mark) {
  item.mark = mark;
  item.learned = false;
  changed();
}

/** Marks, or what was learned from them, have changed. */
export function changed() {
  turn++;
  show();
  dispatchEvent(new Event("aand-marks"));
}

/** Records whether the model that judges has learned from these. @param {Item[]} all @param {boolean} learned */
export function settle(all, learned) {
  for (const item of all) item.learned = learned;
  changed();
}

/** The present content of the list. */
let listed = "";
/** Updates the list; part of each refresh. */
export function show() {
  const all = [...good(), ...defects()];
  const key = all.map(({ order, mark }) => `${order} ${mark}`).join();
  if (key === listed) return;
  listed = key;
  $("correction-list").replaceChildren(...all.map((item) => make("li", {},
    make("span", { class: "name", title: item.name }, item.name),
    make("span", { class: "quiet" }, WORDS[/** @type {Mark} */ (item.mark)]),
    make("button", { type: "button", class: "plain", onclick: () => takeBack(item), "aria-label": `Undo: ${item.name} is ${WORDS[/** @type {Mark} */ (item.mark)]}` }, "Undo"))));
  // Pictures may have been removed or restored.
  dispatchEvent(new Event("aand-marks"));
}

/** @param {Item} item */
function takeBack(item) {
  const at = [...good(), ...defects()].indexOf(item);
  press(item, /** @type {Mark} */ (item.mark));
  // Keyboard users continue with the next one.
  const rest = $("correction-list").querySelectorAll("button");
  /** @type {HTMLElement | null} */ (rest[Math.min(at, rest.length - 1)] ?? document.querySelector("#marks button"))?.focus();
}
