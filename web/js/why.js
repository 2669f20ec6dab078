// Beside the worst patch of the chosen picture the good one that is most like it.

import { $, make } from "./dom.js";
import { context } from "./paint.js";
import { page } from "./state.js";

/** @typedef {import("./pictures.js").Item} Item */
/** @typedef {import("./pictures.js").Judged} Judged */
/** @typedef {import("./module/protocol.js").Why} Why */

/** Who goes through the list with the arrow keys wants no answer for each. */
const PAUSE_MS = 200;

/** By what was found: a picture that is judged anew is asked about anew. @type {WeakMap<Judged, Why | null>} */
const known = new WeakMap();
let timer = 0;
/** @type {Judged | undefined} */
let shown;

/** The picture that is looked at. @param {Item | undefined} item */
export function show(item) {
  const found = item?.found;
  if (found && found === shown) return;
  shown = found;
  clearTimeout(timer);
  const answer = found && known.get(found);
  if (answer) return draw(answer);
  $("why").hidden = true;
  if (item && found && answer === undefined) timer = setTimeout(() => ask(item, found), PAUSE_MS);
}

/** @param {Item} item @param {Judged} found */
async function ask(item, found) {
  // Judging comes first: this waits for the same worker.
  if (page.judging) {
    timer = setTimeout(() => ask(item, found), PAUSE_MS);
    return;
  }
  const detector = page.detector;
  if (!detector) return;
  const rows = found.positions.length / found.side;
  const place = { x: (found.peak % found.side + 0.5) / found.side, y: (Math.floor(found.peak / found.side) + 0.5) / rows };
  const answer = await detector.why(item.file, place, { name: item.name }).catch(() => undefined);
  if (detector !== page.detector) return;
  known.set(found, answer ?? null);
  if (shown === found && answer) draw(answer);
}

/** @param {Why} why */
function draw({ odd, good, cosine }) {
  const patch = (/** @type {ImageData} */ pixels, /** @type {string} */ label) => {
    const canvas = make("canvas", { width: pixels.width, height: pixels.height, role: "img", "aria-label": label });
    context(canvas).putImageData(pixels, 0, 0);
    return make("figure", {}, canvas, make("figcaption", {}, label));
  };
  $("why-pair").replaceChildren(patch(odd, "Here"), patch(good, "Nearest good patch"));
  $("why-words").textContent = `Around the highest place of the map, and the place in the good pictures that is most like it: ${Math.round(100 * Math.max(0, cosine))} % alike to the teacher.`;
  $("why").hidden = false;
}
