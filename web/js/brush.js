// Paints on the network's picture, with a pointer or the arrow keys.

import { context } from "./paint.js";

/** How many steps can be undone. */
const UNDO = 20;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{ brush: () => { radius: number, color: string }, changed: () => void }} how
 */
export function brush(canvas, { brush, changed }) {
  /** @type {ImageData[]} */
  const past = [];
  /** The place of the keyboard's brush and of the last dab, in pixels. */
  let at = [0, 0];
  let painting = false;
  const on = () => context(canvas);

  /** @param {number} x @param {number} y @param {boolean} joined to the last one by a line */
  function dab(x, y, joined) {
    const { radius, color } = brush();
    const to = on();
    to.strokeStyle = to.fillStyle = color;
    to.lineWidth = 2 * radius;
    to.lineCap = "round";
    to.beginPath();
    to.moveTo(joined ? at[0] : x, joined ? at[1] : y);
    // Not all browsers draw a line of length zero.
    to.lineTo(x + 0.01, y);
    to.stroke();
    at = [x, y];
    changed();
  }
  function remember() {
    past.push(on().getImageData(0, 0, canvas.width, canvas.height));
    if (past.length > UNDO) past.shift();
  }
  /** @param {PointerEvent} event */
  function place(event) {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [((event.clientX - left) / width) * canvas.width, ((event.clientY - top) / height) * canvas.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    painting = true;
    remember();
    const [x, y] = place(event);
    dab(x, y, false);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!painting) return;
    // A browser combines the movements between two frames into one event.
    for (const part of event.getCoalescedEvents?.() ?? [event]) {
      const [x, y] = place(part);
      dab(x, y, true);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { painting = false; });

  function showCursor() {
    // Looked up each time: the canvas may be placed in the page later than this runs.
    const cursor = /** @type {HTMLElement} */ (canvas.nextElementSibling);
    cursor.style.left = `${(100 * at[0]) / canvas.width}%`;
    cursor.style.top = `${(100 * at[1]) / canvas.height}%`;
  }
  canvas.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 1 : Math.max(2, brush().radius);
    /** @type {Record<string, number[]>} */
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const move = moves[event.key];
    if (move) at = at.map((value, i) => Math.max(0, Math.min(canvas.width, value + move[i])));
    else if (event.key === " " || event.key === "Enter") {
      remember();
      dab(at[0], at[1], false);
    } else return;
    event.preventDefault();
    showCursor();
  });
  canvas.addEventListener("focus", () => {
    if (at[0] === 0 && at[1] === 0) at = [canvas.width / 2, canvas.height / 2];
    showCursor();
  });

  return {
    /** Another picture; painting can be undone back to it. @param {ImageData} picture @param {boolean} [fresh] forgets the past */
    set(picture, fresh = false) {
      if (fresh) past.length = 0;
      else remember();
      if (canvas.width !== picture.width) [canvas.width, canvas.height] = [picture.width, picture.height];
      on().putImageData(picture, 0, 0);
      changed();
    },
    undo() {
      const last = past.pop();
      if (!last) return;
      on().putImageData(last, 0, 0);
      changed();
    },
    get: () => on().getImageData(0, 0, canvas.width, canvas.height),
    get undoable() { return past.length > 0; },
  };
}
