// One picture in full: original, heat map and overlay side by side, or split.

import { $, download, make, say } from "./dom.js";
import * as inside from "./inside.js";
import { context, draw, heat, where } from "./paint.js";
import { stem } from "./names.js";
import { unlike, verdict } from "./pictures.js";
import { page } from "./state.js";

/** @typedef {import("./pictures.js").Item} Item */

/** Who works with a picture does not want another one in its place. */
export function wire() {
  for (const event of ["pointerdown", "keydown"]) $("viewer").addEventListener(event, () => { page.chosen = true; });
}

/** What the person chose stays when the picture changes. */
const how = { mode: "side", opacity: 65, split: 50 };
/** @type {{ item: Item, picture: ImageBitmap, threshold: number, scale: number, colours: Uint8Array } | undefined} */
let shown;
let asked = 0;

/**
 * @param {Item | undefined} item
 * @param {number} threshold of the verdict
 * @param {number} scale the model's own threshold, the middle of the colour scale
 * @param {Uint8Array} colours
 */
export async function show(item, threshold, scale, colours) {
  const turn = ++asked;
  if (!item?.found) {
    shown = undefined;
    $("viewer").hidden = true;
    return;
  }
  if (shown?.item !== item) {
    const picture = await createImageBitmap(item.found.preview);
    if (turn !== asked) return;
    shown?.picture.close();
    shown = { item, picture, threshold, scale, colours };
    build();
  }
  shown.threshold = threshold;
  judge();
  $("viewer").hidden = false;
}

function build() {
  if (!shown) return;
  const { item } = shown;
  const mode = (/** @type {string} */ name, /** @type {string} */ label) => make("button", {
    type: "button", "aria-pressed": String(how.mode === name), "data-mode": name,
    onclick: () => { how.mode = name; build(); judge(); $("viewer").querySelector(`[data-mode=${name}]`).focus(); },
  }, label);
  const slider = (/** @type {"opacity" | "split"} */ what, /** @type {string} */ label) => {
    const output = make("output", {}, `${how[what]} %`);
    const input = make("input", { type: "range", min: 0, max: 100, value: how[what], id: `viewer-${what}`, oninput: () => {
      how[what] = Number(input.value);
      output.textContent = `${how[what]} %`;
      input.setAttribute("aria-valuetext", `${how[what]} percent`);
      paint();
    } });
    input.setAttribute("aria-valuetext", `${how[what]} percent`);
    return make("div", { class: "control" }, make("label", { for: `viewer-${what}` }, label), input, output);
  };
  const split = how.mode === "split";
  $("viewer").replaceChildren(
    make("div", { class: "head" }, make("h3", { id: "viewer-title" }, item.name), make("span", { id: "viewer-verdict" })),
    make("p", { id: "viewer-words", class: "quiet" }),
    make("p", { id: "viewer-hint", hidden: true }),
    make("div", { class: "bar" },
      make("div", { class: "modes", role: "group", "aria-label": "View" }, mode("side", "Side by side"), mode("split", "Split")),
      make("div", { class: "actions" },
        make("button", { type: "button", onclick: () => inside.open(item) }, "Look inside"),
        make("button", { type: "button", onclick: save }, "Save PNG"))),
    split ? splitPanel() : sidePanels(),
    ...(split ? [slider("split", "Split position")] : []),
    slider("opacity", "Overlay strength"),
    legend(),
  );
  paint();
}

/** @param {string} id @param {string} alt */
function canvas(id, alt) {
  const { found } = /** @type {any} */ (shown?.item);
  const scale = Math.min(1, 1024 / Math.max(found.width, found.height));
  // Small pictures are enlarged, so that the smooth heat map stays smooth.
  const zoom = Math.max(1, Math.floor(512 / Math.max(found.width, found.height)));
  const [width, height] = [found.width, found.height].map((side) => Math.max(1, Math.round(side * scale * zoom)));
  return make("canvas", { id, width, height, role: "img", "aria-label": alt });
}

function sidePanels() {
  const panel = (/** @type {string} */ id, /** @type {string} */ label) =>
    make("figure", {}, canvas(`viewer-${id}`, `${label} of ${shown?.item.name}`), make("figcaption", {}, label));
  return make("div", { class: "panels" }, panel("original", "Picture"), panel("heat", "Heat map"), panel("overlay", "Overlay"));
}

function splitPanel() {
  const stage = make("div", { class: "stage" }, canvas("viewer-split-canvas", `Left the picture, right the overlay of ${shown?.item.name}`));
  const move = (/** @type {PointerEvent} */ event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const { left, width } = stage.getBoundingClientRect();
    const input = $("viewer-split");
    input.value = String(Math.round((100 * (event.clientX - left)) / width));
    input.dispatchEvent(new Event("input"));
  };
  stage.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => { stage.setPointerCapture(event.pointerId); move(event); });
  stage.addEventListener("pointermove", move);
  return make("div", { class: "panels split" }, stage);
}

function paint() {
  if (!shown?.item.found) return;
  const { picture, colours, item } = shown;
  const found = /** @type {import("./pictures.js").Judged} */ (item.found);
  const through = heat(found, colours, true);
  const opacity = how.opacity / 100;
  if (how.mode === "split") {
    const stage = $("viewer-split-canvas");
    const split = how.split / 100;
    draw(stage, picture, through, { opacity, split });
    const on = context(stage);
    on.fillStyle = "#fff";
    on.fillRect(split * stage.width - 1, 0, 2, stage.height);
    return;
  }
  draw($("viewer-original"), picture, null);
  draw($("viewer-heat"), null, heat(found, colours, false));
  draw($("viewer-overlay"), picture, through, { opacity });
}

/** What is said, which the threshold changes and the picture does not. */
function judge() {
  if (!shown?.item.found) return;
  const { item, threshold } = shown;
  const found = /** @type {import("./pictures.js").Judged} */ (item.found);
  const { kind, words } = verdict(found.score, threshold);
  const said = $("viewer-verdict");
  said.className = `verdict ${kind}`;
  said.textContent = words;
  const place = `highest ${where(found) === "centre" ? "in the" : "at the"} ${where(found)}`;
  $("viewer-words").textContent =
    `Score ${found.score.toFixed(4)}, ${place}; ${found.width} × ${found.height} pixels, ${found.ms.toFixed(0)} ms.`;
  const hint = unlike(found);
  say("viewer-hint", hint && `Beware: ${hint}.`);
}

function legend() {
  const strip = make("canvas", { width: 256, height: 1, "aria-hidden": "true" });
  const pixels = new ImageData(256, 1);
  for (let i = 0; i < 256; i++) pixels.data.set([...(shown?.colours.subarray(3 * i, 3 * i + 3) ?? []), 255], 4 * i);
  context(strip).putImageData(pixels, 0, 0);
  const end = (2 * (shown?.scale ?? 0)).toFixed(2);
  return make("div", { class: "scale" }, "0", strip, end,
    make("small", {}, "One scale for all pictures; its middle is the model’s threshold."));
}

/** Original, heat map and overlay beside each other as one picture. */
async function save() {
  if (!shown) return;
  const found = /** @type {import("./pictures.js").Judged} */ (shown.item.found);
  download(await panels(found, shown.picture, shown.colours), `${stem(shown.item.name)}.aand.png`);
}

/** @param {import("./pictures.js").Judged} found @param {ImageBitmap} picture @param {Uint8Array} colours @returns {Promise<Blob>} */
export function panels(found, picture, colours) {
  const [width, height] = [picture.width, picture.height];
  const all = make("canvas", { width: 3 * width + 20, height });
  const on = context(all);
  const parts = [[picture, null, 1], [null, heat(found, colours, false), 1], [picture, heat(found, colours, true), how.opacity / 100]];
  parts.forEach(([picture, heat, opacity], i) => {
    const part = make("canvas", { width, height });
    draw(part, /** @type {any} */ (picture), /** @type {any} */ (heat), { opacity: Number(opacity) });
    on.drawImage(part, i * (width + 10), 0);
  });
  return new Promise((resolve, reject) => all.toBlob((/** @type {Blob | null} */ blob) =>
    blob ? resolve(blob) : reject(new Error("the picture could not be written")), "image/png"));
}
