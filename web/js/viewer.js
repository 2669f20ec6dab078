// One picture in full: overlay, picture and heat map, zoomed together.

import { buttons } from "./correct.js";
import { $, download, make, say } from "./dom.js";
import * as inside from "./inside.js";
import { context, draw, heat, where } from "./paint.js";
import { stem } from "./names.js";
import { unlike, verdict } from "./pictures.js";
import { page } from "./state.js";
import { MOST, outline, regions } from "./widgets/regions.js";
import { Stage } from "./widgets/stage.js";

/** @typedef {import("./pictures.js").Item} Item */
/** @typedef {import("./pictures.js").Judged} Judged */
/** @typedef {import("./widgets/stage.js").Place} Place */

/** A larger picture is not decoded again for a close look. */
const MOST_PIXELS = 50e6;

/** The person's choices, which stay when the picture changes. */
const how = { mode: "side", big: "overlay", opacity: 65, split: 50, splitChosen: false };
/** The dividing line starts this far left of the highest place, so that the anomaly is visible at once. */
const BESIDE = 0.15;
/**
 * @typedef {object} Shown
 * @property {Item} item
 * @property {ImageBitmap} picture
 * @property {boolean} whole whether it has the file's full resolution
 * @property {number} threshold
 * @property {number} scale
 * @property {Uint8Array} colors
 * @property {import("./widgets/regions.js").Region[]} found
 * @property {Float32Array} line
 */
/** @type {Shown | undefined} */
let shown;
/** Whose name, verdict and marks are shown: known before the picture is decoded. @type {Item | undefined} */
let named;
let asked = 0;
const stage = new Stage(moved);

/** While the person works with a picture, it is not replaced by another. */
export function wire() {
  for (const event of ["pointerdown", "keydown"]) $("viewer").addEventListener(event, () => { page.chosen = true; });
}

/**
 * @param {Item | undefined} item
 * @param {number} threshold of the verdict
 * @param {number} scale the model's own threshold, the middle of the color scale
 * @param {Uint8Array} colors
 */
export async function show(item, threshold, scale, colors) {
  const turn = ++asked;
  if (!item?.found) {
    shown = named = undefined;
    $("viewer").removeAttribute("aria-busy");
    $("viewer").hidden = $("regions").hidden = true;
    return;
  }
  // At once: a quick press would mark the picture from before.
  if (shown && named !== item) {
    $("viewer").setAttribute("aria-busy", "true");
    keepingFocus(() => $("viewer").querySelector(".head")?.replaceWith(head(item)));
    tell(item, threshold);
  }
  if (shown?.item !== item) {
    const picture = await createImageBitmap(item.found.preview);
    if (turn !== asked) return;
    shown?.picture.close();
    const whole = Math.max(item.found.width, item.found.height) <= Math.max(picture.width, picture.height);
    shown = { item, picture, whole, threshold: -1, scale, colors, found: [], line: new Float32Array() };
    build();
  }
  if (shown.threshold !== threshold) {
    shown.threshold = threshold;
    judge();
  }
  $("viewer").removeAttribute("aria-busy");
  $("viewer").hidden = $("regions").hidden = false;
}

/** The name, the verdict and the marks. @param {Item} item */
function head(item) {
  named = item;
  return make("div", { class: "head" },
    make("h3", { id: "viewer-title" }, item.name),
    make("div", { class: "said" }, make("span", { id: "viewer-verdict" }), buttons(item)));
}

/** @param {Item} item @param {number} threshold */
function tell(item, threshold) {
  const { kind, words } = verdict(/** @type {Judged} */ (item.found).score, threshold);
  const said = $("viewer-verdict");
  said.className = `verdict ${kind}`;
  said.textContent = words;
}

/** What had the focus has it again after part of the viewer was made anew. @param {() => void} change */
function keepingFocus(change) {
  const focused = document.activeElement;
  const key = focused && $("viewer").contains(focused) && ["id", "data-mark", "data-mode", "title"].find((name) => focused.hasAttribute(name));
  const same = key && `[${key}="${CSS.escape(/** @type {string} */ (focused.getAttribute(key)))}"]`;
  change();
  if (same) /** @type {HTMLElement | null} */ ($("viewer").querySelector(same))?.focus({ preventScroll: true });
}

function build() {
  if (!shown) return;
  const { item } = shown;
  const found = /** @type {Judged} */ (item.found);
  const across = (found.peak % found.side) / found.side;
  if (!how.splitChosen) how.split = Math.round(100 * Math.max(0.03, across - BESIDE));
  const mode = (/** @type {string} */ name, /** @type {string} */ label) => make("button", {
    type: "button", "aria-pressed": String(how.mode === name), "data-mode": name,
    onclick: () => { how.mode = name; build(); judge(); },
  }, label);
  const button = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {() => void} */ press) =>
    make("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick: press }, sign);
  keepingFocus(() => $("viewer").replaceChildren(
    head(item),
    make("p", { id: "viewer-words", class: "quiet" }),
    make("p", { id: "viewer-hint", hidden: true }),
    how.mode === "split" ? splitPanel(item) : panelsOf(item),
    make("div", { class: "bar controls" },
      make("div", { class: "modes", role: "group", "aria-label": "View" }, mode("side", "Side by side"), mode("split", "Split")),
      make("div", { class: "modes", role: "group", "aria-label": "Zoom" },
        button("−", "Smaller (−)", () => stage.by(1 / 1.5)), button("+", "Larger (+)", () => stage.by(1.5)),
        make("button", { type: "button", id: "viewer-fit", title: "The whole picture (0)", onclick: () => stage.fit() }, "Fit")),
      slider(how.mode === "split" ? "split" : "opacity", how.mode === "split" ? "Split at" : "Overlay")),
    make("div", { class: "bar controls" }, legend(),
      make("div", { class: "actions" },
        make("button", { type: "button", id: "look-inside", onclick: () => inside.open(named ?? item) }, "Look inside"),
        make("button", { type: "button", class: "plain", onclick: save }, "Save PNG"))),
  ));
  stage.show(found, views());
}

/** @param {"opacity" | "split"} what @param {string} label */
function slider(what, label) {
  const output = make("output", {}, `${how[what]} %`);
  const input = make("input", { type: "range", min: 0, max: 100, value: how[what], id: `viewer-${what}`, oninput: () => {
    how[what] = Number(input.value);
    if (what === "split") how.splitChosen = true;
    output.textContent = `${how[what]} %`;
    input.setAttribute("aria-valuetext", `${how[what]} percent`);
    stage.draw();
  } });
  input.setAttribute("aria-valuetext", `${how[what]} percent`);
  return make("div", { class: "control" }, make("label", { for: `viewer-${what}` }, label), input, output);
}

/** @param {string} id @param {string} alt */
function canvas(id, alt) {
  const made = make("canvas", {
    id, width: 1, height: 1, tabIndex: 0, role: "application",
    "aria-label": `${alt}. Plus and minus zoom, the arrow keys move, 0 shows all of it.`,
  });
  made.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => read(made, event));
  made.addEventListener("pointerleave", () => say("viewer-spot", ""));
  return made;
}

/** @param {Item} item */
function panelsOf(item) {
  const panel = (/** @type {string} */ name, /** @type {string} */ label) => {
    const big = how.big === name;
    const caption = big ? label : make("button", {
      type: "button", class: "plain", title: `${label} large`,
      // The button is gone, the canvas in its place.
      onclick: () => { how.big = name; build(); judge(); $(`viewer-${name}`).focus({ preventScroll: true }); },
    }, label);
    return make("figure", big ? { class: "big" } : {}, canvas(`viewer-${name}`, `${label} of ${item.name}`), make("figcaption", {}, caption));
  };
  return make("div", { class: "panels" }, panel("overlay", "Overlay"), panel("original", "Picture"), panel("heat", "Heat map"));
}

/** @param {Item} item */
function splitPanel(item) {
  const one = canvas("viewer-split-canvas", `Left the picture, right the overlay of ${item.name}`);
  const move = (/** @type {PointerEvent} */ event) => {
    // Dragging moves the line here, unless the picture is zoomed.
    if (stage.zoom > 1.01 || (event.type === "pointermove" && !event.buttons)) return;
    event.preventDefault();
    const at = stage.at(one, event).x;
    const input = $("viewer-split");
    input.value = String(Math.round(100 * Math.max(0, Math.min(1, at))));
    input.dispatchEvent(new Event("input"));
  };
  one.addEventListener("pointerdown", move);
  one.addEventListener("pointermove", move);
  return make("div", { class: "panels split" }, make("figure", { class: "big" }, one));
}

/** The canvases and what is drawn on each. */
function views() {
  if (!shown) return [];
  const { colors, item } = shown;
  const judged = /** @type {Judged} */ (item.found);
  const view = (/** @type {string} */ id, /** @type {(on: CanvasRenderingContext2D, place: Place) => void} */ paint) => ({ canvas: $(id), paint });
  const lay = (/** @type {CanvasRenderingContext2D} */ on, /** @type {Place} */ { x, y, width, height }, /** @type {boolean} */ through) => {
    on.imageSmoothingEnabled = true;
    on.drawImage(heat(judged, colors, through), x, y, width, height);
  };
  const base = (/** @type {CanvasRenderingContext2D} */ on, /** @type {Place} */ { x, y, width, height }) => {
    if (shown) on.drawImage(shown.picture, x, y, width, height);
  };
  const over = (/** @type {CanvasRenderingContext2D} */ on, /** @type {Place} */ place) => {
    on.save();
    on.globalAlpha = how.opacity / 100;
    lay(on, place, true);
    on.restore();
    mark(on, place);
  };
  if (how.mode === "split") {
    return [view("viewer-split-canvas", (on, place) => {
      base(on, place);
      const at = place.x + (how.split / 100) * place.width;
      on.save();
      on.beginPath();
      on.rect(at, place.y, place.width, place.height);
      on.clip();
      over(on, place);
      on.restore();
      on.fillStyle = "#fff";
      on.fillRect(at - place.ratio, place.y, 2 * place.ratio, place.height);
    })];
  }
  return [
    view("viewer-overlay", (on, place) => { base(on, place); over(on, place); }),
    view("viewer-original", base),
    view("viewer-heat", (on, place) => lay(on, place, false)),
  ];
}

/** Draws the line around areas above the threshold, and a number at each region. @param {CanvasRenderingContext2D} on @param {Place} place */
function mark(on, place) {
  if (!shown) return;
  const { line, found } = shown;
  const { x, y, width, height, ratio } = place;
  on.save();
  on.beginPath();
  for (let i = 0; i < line.length; i += 4) {
    on.moveTo(x + line[i] * width, y + line[i + 1] * height);
    on.lineTo(x + line[i + 2] * width, y + line[i + 3] * height);
  }
  on.lineCap = "round";
  for (const [color, wide] of /** @type {const} */ ([["#000b", 4], ["#fff", 1.75]])) {
    on.strokeStyle = color;
    on.lineWidth = wide * ratio;
    on.stroke();
  }
  // On a small canvas a number would hide its region.
  if (on.canvas.clientWidth > 260) {
    on.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    on.textAlign = "center";
    on.textBaseline = "middle";
    found.slice(0, MOST).forEach((region, i) => {
      const radius = 10 * ratio;
      const [cx, cy] = [x + (region.left + region.width) * width + radius, y + region.top * height - radius];
      const within = (/** @type {number} */ at, /** @type {number} */ most) => Math.max(radius, Math.min(most - radius, at));
      const [px, py] = [within(cx, on.canvas.width), within(cy, on.canvas.height)];
      on.beginPath();
      on.arc(px, py, radius, 0, 2 * Math.PI);
      on.fillStyle = "#000c";
      on.fill();
      on.fillStyle = "#fff";
      on.fillText(String(i + 1), px, py + ratio);
    });
  }
  on.restore();
}

/** Updates the words and outlines, which depend on the threshold. */
function judge() {
  if (!shown?.item.found) return;
  const { item, threshold, scale } = shown;
  const found = /** @type {Judged} */ (item.found);
  tell(item, threshold);
  const place = `highest ${where(found) === "center" ? "in the" : "at the"} ${where(found)}`;
  const number = make("strong", {}, `Score ${found.score.toFixed(3)}`);
  $("viewer-words").replaceChildren(number, `, ${place}; the threshold is ${threshold.toFixed(3)}. ${found.width} × ${found.height} pixels.`,
    make("span", { id: "viewer-spot", hidden: true }));
  say("viewer-hint", [item.remark, unlike(found)].filter(Boolean).map((hint) => `Beware: ${hint}.`).join(" "));
  // The color scale, and the stored map, end at twice the threshold.
  const level = Math.min(254.5, (255 * threshold) / (2 * scale));
  shown.found = regions(found.positions, found.side, level);
  shown.line = outline(found.positions, found.side, level);
  list(found, scale);
  stage.draw();
}

/** @param {Judged} judged @param {number} scale */
function list(judged, scale) {
  const { found } = /** @type {Shown} */ (shown);
  const peak = (/** @type {number} */ position, /** @type {number} */ i) => {
    // The highest value of all is known exactly.
    if (i === 0) return judged.highest.toFixed(2);
    const value = ((2 * scale * position) / 255).toFixed(2);
    return position === 255 ? `over ${value}` : value;
  };
  $("region-list").replaceChildren(...found.slice(0, MOST).map((region, i) => {
    const [wide, high] = [region.width * judged.width, region.height * judged.height].map(Math.round);
    const [x, y] = [region.x * judged.width, region.y * judged.height].map(Math.floor);
    return make("li", {}, make("button", { type: "button", onclick: () => stage.onto(region), title: "Look closely" },
      make("b", { class: "number", "aria-hidden": "true" }, String(i + 1)),
      make("span", {}, make("strong", {}, `peak ${peak(region.peak, i)}`), ` at ${x}, ${y} px`),
      make("span", { class: "quiet" }, `${wide} × ${high} px, ${percent(region.share)}`)));
  }));
  const more = found.length - MOST;
  say("regions-words", found.length === 0 ? "Nothing lies above the threshold."
    : more > 0 ? `and ${more} more, with lower peaks` : "");
}

/** @param {number} share */
const percent = (share) => (share < 0.001 ? "under 0.1 % of the area" : `${(100 * share).toFixed(1)} % of the area`);

/** The value under the pointer. @param {HTMLCanvasElement} canvas @param {PointerEvent} event */
function read(canvas, event) {
  const found = shown?.item.found;
  if (!shown || !found || event.pointerType === "touch") return;
  const { x, y } = stage.at(canvas, event);
  if (!(x >= 0 && x < 1 && y >= 0 && y < 1)) return say("viewer-spot", "");
  const position = found.positions[Math.floor(y * (found.positions.length / found.side)) * found.side + Math.floor(x * found.side)];
  const value = ((2 * shown.scale * position) / 255).toFixed(2);
  say("viewer-spot", ` Here ${position === 255 ? "over " : ""}${value}, at ${Math.floor(x * found.width)}, ${Math.floor(y * found.height)}.`);
}

/** When zoomed in, the file itself is decoded, since the copy kept for display is small. */
async function moved() {
  const fit = $("viewer-fit");
  if (fit) fit.textContent = stage.zoom > 1.01 ? `${Math.round(100 * stage.zoom)} %` : "Fit";
  $("viewer").classList.toggle("zoomed", stage.zoom > 1.01);
  const now = shown;
  if (!now || now.whole || stage.zoom < 1.6) return;
  now.whole = true;
  const { width, height } = /** @type {Judged} */ (now.item.found);
  if (width * height > MOST_PIXELS) return;
  // Formats that the browser cannot read keep the copy for display.
  const picture = await createImageBitmap(now.item.file, { imageOrientation: "from-image" }).catch(() => undefined);
  if (!picture) return;
  if (shown !== now || picture.width !== width || picture.height !== height) return picture.close();
  now.picture.close();
  now.picture = picture;
  stage.draw();
}

function legend() {
  const strip = make("canvas", { width: 256, height: 1, "aria-hidden": "true" });
  const pixels = new ImageData(256, 1);
  for (let i = 0; i < 256; i++) pixels.data.set([...(shown?.colors.subarray(3 * i, 3 * i + 3) ?? []), 255], 4 * i);
  context(strip).putImageData(pixels, 0, 0);
  const end = (2 * (shown?.scale ?? 0)).toFixed(2);
  return make("div", { class: "scale", title: "One scale for all pictures; its middle is the model’s threshold." }, "0", strip, end);
}

/** Original, heat map and overlay beside each other as one picture. */
async function save() {
  if (!shown) return;
  const found = /** @type {Judged} */ (shown.item.found);
  const picture = await createImageBitmap(found.preview);
  download(await panels(found, picture, shown.colors), `${stem(shown.item.name)}.aand.png`);
  picture.close();
}

/** @param {Judged} found @param {ImageBitmap} picture @param {Uint8Array} colors @returns {Promise<Blob>} */
export function panels(found, picture, colors) {
  const [width, height] = [picture.width, picture.height];
  const all = make("canvas", { width: 3 * width + 20, height });
  const on = context(all);
  const parts = [[picture, null, 1], [null, heat(found, colors, false), 1], [picture, heat(found, colors, true), how.opacity / 100]];
  parts.forEach(([picture, heat, opacity], i) => {
    const part = make("canvas", { width, height });
    draw(part, /** @type {any} */ (picture), /** @type {any} */ (heat), { opacity: Number(opacity) });
    on.drawImage(part, i * (width + 10), 0);
  });
  return new Promise((resolve, reject) => all.toBlob((/** @type {Blob | null} */ blob) =>
    blob ? resolve(blob) : reject(new Error("the picture could not be written")), "image/png"));
}
