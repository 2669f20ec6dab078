// Pictures that are zoomed and moved together: by wheel, pinch, drag and keyboard.

/** @typedef {{ canvas: HTMLCanvasElement, paint: (on: CanvasRenderingContext2D, place: Place) => void }} View */
/** Where the whole picture lies on a canvas, in its pixels. @typedef {{ x: number, y: number, width: number, height: number, ratio: number }} Place */

/** The most times that a picture pixel is enlarged. */
const CLOSEST = 12;
/** The factor of one press of + or one notch of a wheel. */
const NOTCH = 1.25;

export class Stage {
  /** @type {View[]} */
  #views = [];
  /** 1: the whole picture. */
  zoom = 1;
  /** The center of the view, as shares of the picture. */
  #center = { x: 0.5, y: 0.5 };
  /** The picture's size, in its pixels. */
  #size = { width: 1, height: 1 };
  #drawing = 0;
  /** @type {Map<number, { x: number, y: number }>} fingers and buttons that are down */
  #down = new Map();
  #moved = () => {};
  #sized = new ResizeObserver(() => this.draw());

  /** @param {() => void} moved called when zoom or place changed */
  constructor(moved = () => {}) {
    this.#moved = moved;
  }

  /** Sets what is shown from now on. @param {{ width: number, height: number }} size of the picture @param {View[]} views */
  show(size, views) {
    const other = size.width !== this.#size.width || size.height !== this.#size.height;
    this.#size = size;
    this.#views = views;
    this.#sized.disconnect();
    this.#down.clear();
    for (const { canvas } of views) {
      this.#sized.observe(canvas);
      this.#listen(canvas);
    }
    if (other) this.fit();
    this.draw();
  }

  fit() {
    this.zoom = 1;
    this.#center = { x: 0.5, y: 0.5 };
    this.#change();
  }

  /** Zooms by a factor, about a place that stays where it is on its canvas. @param {number} factor @param {{ x: number, y: number }} [about] shares of the picture */
  by(factor, about = this.#center) {
    const before = this.zoom;
    this.zoom = Math.max(1, Math.min(this.#most(), this.zoom * factor));
    const kept = before / this.zoom;
    this.#to({ x: about.x + (this.#center.x - about.x) * kept, y: about.y + (this.#center.y - about.y) * kept });
  }

  /** Shows a part of the picture enlarged and centered. @param {{ left: number, top: number, width: number, height: number }} part as shares */
  onto({ left, top, width, height }) {
    this.zoom = Math.max(1, Math.min(this.#most(), 0.4 / Math.max(width, height, 0.02)));
    this.#to({ x: left + width / 2, y: top + height / 2 });
  }

  draw() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      for (const view of this.#views) this.#paint(view);
    });
  }

  /** The place under a pointer as shares of the picture. @param {HTMLCanvasElement} canvas @param {{ clientX: number, clientY: number }} event */
  at(canvas, { clientX, clientY }) {
    const { left, top } = canvas.getBoundingClientRect();
    const place = this.#place(canvas);
    return { x: ((clientX - left) * place.ratio - place.x) / place.width, y: ((clientY - top) * place.ratio - place.y) / place.height };
  }

  #most() {
    const [widest] = this.#views.map(({ canvas }) => canvas.clientWidth).sort((a, b) => b - a);
    const { width, height } = this.#size;
    return Math.max(8, (CLOSEST * Math.max(width, height)) / Math.max(1, widest ?? 1));
  }

  /** @param {{ x: number, y: number }} center */
  #to({ x, y }) {
    // No farther than the picture's border.
    const half = 0.5 / this.zoom;
    const within = (/** @type {number} */ at) => Math.max(half, Math.min(1 - half, at));
    this.#center = { x: within(x), y: within(y) };
    this.#change();
  }

  #change() {
    this.draw();
    this.#moved();
  }

  /** @param {HTMLCanvasElement} canvas @returns {Place} */
  #place(canvas) {
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    const [wide, high] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
    const scale = Math.min(wide / this.#size.width, high / this.#size.height) * this.zoom;
    const [width, height] = [this.#size.width * scale, this.#size.height * scale];
    const along = (/** @type {number} */ room, /** @type {number} */ length, /** @type {number} */ center) =>
      (length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, room / 2 - center * length)));
    return { x: along(wide, width, this.#center.x), y: along(high, height, this.#center.y), width, height, ratio };
  }

  /** @param {View} view */
  #paint({ canvas, paint }) {
    const place = this.#place(canvas);
    const [width, height] = [Math.round(canvas.clientWidth * place.ratio), Math.round(canvas.clientHeight * place.ratio)];
    if (width === 0 || height === 0) return;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const on = canvas.getContext("2d");
    if (!on) return;
    on.clearRect(0, 0, width, height);
    // When zoomed in far, show the pixels themselves.
    on.imageSmoothingEnabled = place.width / this.#size.width < 4 * place.ratio;
    on.imageSmoothingQuality = "medium";
    paint(on, place);
  }

  /** @param {HTMLCanvasElement} canvas */
  #listen(canvas) {
    if (canvas.dataset.stage) return;
    canvas.dataset.stage = "";
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.by(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002) * (event.ctrlKey ? 4 : 1)), this.at(canvas, event));
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => {
      if (this.zoom > 1.01) this.fit();
      else this.by(3, this.at(canvas, event));
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.#down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    canvas.addEventListener("pointermove", (event) => this.#drag(canvas, event));
    for (const type of /** @type {const} */ (["pointerup", "pointercancel"])) {
      canvas.addEventListener(type, (event) => this.#down.delete(event.pointerId));
    }
    canvas.addEventListener("keydown", (event) => this.#press(event));
  }

  /** @param {HTMLCanvasElement} canvas @param {PointerEvent} event */
  #drag(canvas, event) {
    const before = this.#down.get(event.pointerId);
    if (!before || event.defaultPrevented) return;
    const now = { x: event.clientX, y: event.clientY };
    const { width, height, ratio } = this.#place(canvas);
    const other = [...this.#down].find(([id]) => id !== event.pointerId)?.[1];
    this.#down.set(event.pointerId, now);
    if (other) {
      const apart = (/** @type {{ x: number, y: number }} */ a) => Math.hypot(a.x - other.x, a.y - other.y);
      const middle = { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 };
      if (apart(before) > 0) this.by(apart(now) / apart(before), this.at(canvas, middle));
    }
    const part = other ? 0.5 : 1;
    this.#to({
      x: this.#center.x - (part * (now.x - before.x) * ratio) / width,
      y: this.#center.y - (part * (now.y - before.y) * ratio) / height,
    });
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 0.15 / this.zoom;
    const moves = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step],
    });
    const move = moves[event.key];
    if (event.key === "+" || event.key === "=") this.by(NOTCH);
    else if (event.key === "-") this.by(1 / NOTCH);
    else if (event.key === "0") this.fit();
    else if (move && this.zoom > 1.01) this.#to({ x: this.#center.x + move[0], y: this.#center.y + move[1] });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
