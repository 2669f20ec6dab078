// The list of pictures: one card each, drawn when it comes into view.

import { $, make } from "./dom.js";
import { draw, heat } from "./paint.js";
import { sorted, unlike, verdict } from "./pictures.js";

/** @typedef {import("./pictures.js").Item} Item */

const THUMB = 144;
/** @type {Map<Item, HTMLElement>} */
const cards = new Map();
/** @type {Map<Item, string>} what a thumbnail was drawn for */
const drawn = new Map();

/**
 * Brings the list up to date.
 * @param {{ threshold: number, colours: Uint8Array, sort: any, selected: Item | undefined, choose: (item: Item) => void }} state
 */
export function show({ threshold, colours, sort, selected, choose }) {
  const order = sorted(sort);
  for (const [item, card] of cards) {
    if (!order.includes(item)) {
      card.remove();
      cards.delete(item);
      drawn.delete(item);
    }
  }
  const list = $("cards");
  order.forEach((item, i) => {
    const card = cards.get(item) ?? blank(item, choose);
    cards.set(item, card);
    fill(card, item, threshold, item === selected);
    if (list.children[i] !== card) list.insertBefore(card, list.children[i] ?? null);
    if (item.found && drawn.get(item) !== "yes") {
      drawn.set(item, "yes");
      thumb(card, item, colours);
    }
    if (!item.found) drawn.delete(item);
  });
}

/** @param {Item} item @param {(item: Item) => void} choose @returns {HTMLElement} */
function blank(item, choose) {
  const words = make("span", { class: "words" });
  const button = make("button", { type: "button", class: "card", onclick: () => choose(item) },
    make("canvas", { width: 1, height: 1, class: "blank", "aria-hidden": "true" }), words);
  return make("li", {}, button);
}

/** @param {HTMLElement} card @param {Item} item @param {number} threshold @param {boolean} selected */
function fill(card, item, threshold, selected) {
  const button = /** @type {HTMLButtonElement} */ (card.firstElementChild);
  const key = `${item.name} ${item.state} ${threshold} ${item.error}`;
  button.setAttribute("aria-pressed", String(selected));
  button.disabled = item.state !== "judged";
  if (button.dataset.key === key) return;
  button.dataset.key = key;
  const words = /** @type {HTMLElement} */ (button.lastElementChild);
  const name = make("span", { class: "name", title: item.name }, item.name);
  if (item.state === "failed") {
    words.replaceChildren(name, make("span", { class: "small error" }, item.error ?? ""));
  } else if (item.found) {
    const { kind, words: said } = verdict(item.found.score, threshold);
    words.replaceChildren(name, make("span", { class: `verdict ${kind}` }, said),
      make("span", { class: "small" }, `score ${item.found.score.toFixed(3)}, ${item.found.ms.toFixed(0)} ms`));
    const hint = unlike(item.found);
    if (hint) words.append(make("span", { class: "small hint" }, hint));
  } else {
    words.replaceChildren(name, make("span", { class: "small" }, "waiting"));
  }
}

/** @param {HTMLElement} card @param {Item} item @param {Uint8Array} colours */
async function thumb(card, item, colours) {
  const found = item.found;
  if (!found) return;
  const canvas = /** @type {HTMLCanvasElement} */ (card.querySelector("canvas"));
  const scale = THUMB / Math.max(found.width, found.height);
  canvas.width = Math.max(1, Math.round(found.width * scale));
  canvas.height = Math.max(1, Math.round(found.height * scale));
  const picture = await createImageBitmap(found.preview);
  draw(canvas, picture, heat(found, colours, true), { opacity: 0.65 });
  picture.close();
}
