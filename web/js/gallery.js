// The list of pictures: one card each, drawn when it comes into view.

import { $, make } from "./dom.js";
import { draw, heat } from "./paint.js";
import { sorted, unlike, verdict } from "./pictures.js";

/** @typedef {import("./pictures.js").Item} Item */

const THUMB = 112;
/** @type {Map<Item, HTMLElement>} */
const cards = new Map();
/** The state for which a card's picture was drawn. @type {Map<HTMLElement, unknown>} */
const drawn = new Map();
let scale = new Uint8Array(768);

/** Cards in view, or nearly. @type {IntersectionObserver | undefined} */
let watching;
/** @param {HTMLElement} card */
function watch(card) {
  watching ??= new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const card = /** @type {HTMLElement} */ (target);
      if (isIntersecting) card.dataset.seen = "";
      else delete card.dataset.seen;
      const item = [...cards].find(([, other]) => other === card)?.[0];
      if (item) thumb(card, item);
    }
  }, { rootMargin: "300px" });
  watching.observe(card);
}

/**
 * Updates the list.
 * @param {{ threshold: number, colors: Uint8Array, sort: any, selected: Item | undefined, choose: (item: Item) => void }} state
 */
export function show({ threshold, colors, sort, selected, choose }) {
  scale = /** @type {Uint8Array<ArrayBuffer>} */ (colors);
  const order = sorted(sort);
  const there = new Set(order);
  for (const [item, card] of cards) {
    if (there.has(item)) continue;
    watching?.unobserve(card);
    card.remove();
    cards.delete(item);
    drawn.delete(card);
  }
  const list = $("cards");
  order.forEach((item, i) => {
    const known = cards.get(item);
    const card = known ?? blank(item, choose);
    cards.set(item, card);
    fill(card, item, threshold, item === selected);
    if (list.children[i] !== card) list.insertBefore(card, list.children[i] ?? null);
    if (!known) watch(card);
    thumb(card, item);
  });
}

/** Lets the arrow keys go through the list. @param {(item: Item) => void} choose */
export function wire(choose) {
  $("cards").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const from = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("li"));
    if (!step || !from) return;
    event.preventDefault();
    const all = /** @type {HTMLElement[]} */ ([...$("cards").children]);
    for (let at = all.indexOf(from) + step; all[at]; at += step) {
      const button = /** @type {HTMLButtonElement} */ (all[at].firstElementChild);
      if (button.disabled) continue;
      button.focus();
      const item = [...cards].find(([, card]) => card === all[at])?.[0];
      if (item) choose(item);
      return;
    }
  });
}

/** @param {Item} item @param {(item: Item) => void} choose @returns {HTMLElement} */
function blank(item, choose) {
  const words = make("span", { class: "words" });
  const button = make("button", { type: "button", class: "card", onclick: () => choose(item) },
    make("canvas", { width: 1, height: 1, class: "blank", "aria-hidden": "true" }), words);
  return make("li", {}, button);
}

/** The content of each card, so that of thousands only changed ones are rewritten. @type {WeakMap<HTMLElement, string>} */
const told = new WeakMap();

/** @param {HTMLElement} card @param {Item} item @param {number} threshold @param {boolean} selected */
function fill(card, item, threshold, selected) {
  const { name, state, error, found, mark } = item;
  const judged = found && verdict(found.score, threshold);
  const key = `${selected} ${state} ${judged?.words} ${found?.score} ${error} ${mark} ${name}`;
  if (told.get(card) === key) return;
  told.set(card, key);
  const button = /** @type {HTMLButtonElement} */ (card.firstElementChild);
  button.setAttribute("aria-pressed", String(selected));
  button.disabled = state !== "judged";
  const words = /** @type {HTMLElement} */ (button.lastElementChild);
  const title = make("span", { class: "name", title: name }, name);
  if (state === "failed") {
    words.replaceChildren(title, make("span", { class: "small error" }, error ?? ""));
  } else if (found && judged) {
    words.replaceChildren(title, make("span", { class: `verdict ${judged.kind}` }, judged.words),
      make("span", { class: "small" }, `score ${found.score.toFixed(3)}`));
    for (const hint of [mark ? `marked: ${mark}` : "", unlike(found), item.remark]) if (hint) words.append(make("span", { class: "small hint" }, hint));
  } else {
    words.replaceChildren(title, make("span", { class: "small" }, "waiting"));
  }
}

/** @param {HTMLElement} card @param {Item} item */
async function thumb(card, item) {
  // Of thousands of pictures only those in view are decoded.
  if (card.dataset.seen === undefined) return;
  const from = item.found ?? (item.state === "waiting" ? item.file : undefined);
  if (!from || drawn.get(card) === from) return;
  drawn.set(card, from);
  const found = item.found;
  const options = /** @type {ImageBitmapOptions} */ ({ resizeWidth: THUMB, resizeQuality: "medium", imageOrientation: "from-image" });
  // A picture that the browser cannot read stays blank until it is judged.
  const picture = await createImageBitmap(found?.preview ?? item.file, options).catch(() => undefined);
  if (!picture) return;
  if (drawn.get(card) === from) {
    const canvas = /** @type {HTMLCanvasElement} */ (card.querySelector("canvas"));
    const size = THUMB / Math.max(picture.width, picture.height);
    canvas.width = Math.max(1, Math.round(picture.width * size));
    canvas.height = Math.max(1, Math.round(picture.height * size));
    draw(canvas, picture, found ? heat(found, scale, true) : null, { opacity: 0.65 });
  }
  picture.close();
}
