// The good pictures as thumbnails, each with a cross to take it out.

import { $, make } from "./dom.js";

/** @typedef {import("./module/train.js").Good} Good */

const SIDE = 112;
/** @type {Map<Good, HTMLElement>} */
const shown = new Map();

/** Draws a thumbnail when it comes into view. @type {IntersectionObserver | undefined} */
let watching;

/** @param {Good[]} pictures @param {(picture: Good) => void} [remove] without: they cannot be taken out now */
export function showThumbs(pictures, remove) {
  const list = $("train-thumbs");
  const there = new Set(pictures);
  for (const [picture, place] of shown) {
    if (there.has(picture)) continue;
    place.remove();
    shown.delete(picture);
  }
  pictures.forEach((picture, i) => {
    const place = shown.get(picture) ?? blank(picture);
    const cross = /** @type {HTMLButtonElement} */ (place.querySelector("button"));
    cross.hidden = !remove;
    cross.onclick = () => {
      // The next one's cross has the focus then.
      const next = place.nextElementSibling ?? place.previousElementSibling;
      remove?.(picture);
      /** @type {HTMLElement} */ (next?.querySelector("button") ?? $("train-pick")).focus();
    };
    if (list.children[i] !== place) list.insertBefore(place, list.children[i] ?? null);
  });
}

/** @param {Good} picture */
function blank(picture) {
  const { name } = picture;
  const place = make("li", { title: name }, make("canvas", { width: 1, height: 1, "aria-hidden": "true" }),
    make("span", {}, name.replace(/^.*[/]/, "")),
    make("button", { type: "button", "aria-label": `Remove ${name}` }, "✕"));
  shown.set(picture, place);
  watching ??= new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      watching?.unobserve(target);
      const picture = [...shown].find(([, place]) => place === target)?.[0];
      if (picture) draw(/** @type {HTMLElement} */ (target), picture);
    }
  }, { rootMargin: "200px" });
  watching.observe(place);
  return place;
}

/** @param {HTMLElement} place @param {Good} picture */
async function draw(place, { file }) {
  const options = /** @type {ImageBitmapOptions} */ ({ resizeWidth: SIDE, resizeQuality: "medium", imageOrientation: "from-image" });
  // TIFF and the like have a name only, for no browser draws them.
  const bitmap = await createImageBitmap(file, options).catch(() => undefined);
  if (!bitmap) return;
  const canvas = /** @type {HTMLCanvasElement} */ (place.querySelector("canvas"));
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
}
