// Building blocks of the steps: pictures, rows of panels, the choice of a level.

import { make } from "../dom.js";
import { Panel } from "./panel.js";

/** @typedef {import("./class.js").Class} Class */

/** A picture of the sample as a panel. @param {Class} lesson @param {string} label @param {import("./panel.js").Options} options */
export async function picture(lesson, label, options) {
  const panel = new Panel(options);
  panel.pixels(await lesson.input(label), true);
  return panel;
}

/** @param {Panel[]} panels */
export const row = (panels) => make("div", { class: `row of-${panels.length}` }, ...panels.map(({ root }) => root));

/** Buttons for the levels. @param {number} level @param {(level: number) => void} choose */
export function levelButtons(level, choose) {
  const words = ["fine", "", "coarse"];
  const group = make("div", { class: "modes", role: "group", "aria-label": "Level" }, ...words.map((word, k) =>
    make("button", { type: "button", "aria-pressed": String(k === level), onclick: () => {
      for (const [i, button] of [...group.children].entries()) button.setAttribute("aria-pressed", String(i === k));
      choose(k);
    } }, `Level ${k + 1}`, ...(word ? [make("span", { class: "extra" }, `, ${word}`)] : []))));
  return group;
}

/** The index of the cell at a place. @param {number[]} at @param {number} side */
export const position = ([x, y], side) => Math.floor(y * side) * side + Math.floor(x * side);
