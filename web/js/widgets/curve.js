// The losses of a stage as two lines, step by step.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [400, 120];

/** More points than pixels would show nothing more. */
const MOST_POINTS = 400;

export class Curve {
  /** @type {[number, number][]} */
  #losses = [];
  #place;
  #names;
  #title;
  #drawing = 0;

  /** @param {HTMLElement} place @param {string} title @param {[string, string]} names */
  constructor(place, title, names) {
    this.#place = place;
    this.#title = title;
    this.#names = names;
    place.replaceChildren();
  }

  /** @param {[number, number]} losses */
  add(losses) {
    this.#losses.push(losses);
    // Once per frame is enough.
    this.#drawing ||= requestAnimationFrame(() => { this.#drawing = 0; this.draw(); });
  }

  draw() {
    const count = this.#losses.length;
    const last = this.#losses[count - 1];
    const most = Math.max(...this.#losses.flat().filter(Number.isFinite), 1e-9);
    const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    const words = this.#names.map((name, i) => `${name} ${last[i].toFixed(4)}, at first ${this.#losses[0][i].toFixed(4)}`);
    svg.setAttribute("aria-label", `${this.#title} after ${count} steps: ${words.join("; ")}`);
    svg.append(element("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1, class: "axis" }));
    const every = Math.max(1, Math.ceil(count / MOST_POINTS));
    this.#names.forEach((_, i) => {
      const points = [];
      for (let at = 0; at < count; at += every) {
        const some = this.#losses.slice(at, at + every);
        const mean = some.reduce((sum, losses) => sum + losses[i], 0) / some.length;
        const x = count > 1 ? (WIDTH * at) / (count - 1) : 0;
        points.push(`${x.toFixed(1)},${(HEIGHT - 2 - ((HEIGHT - 6) * mean) / most).toFixed(1)}`);
      }
      svg.append(element("polyline", { points: points.join(" "), class: `line-${i}` }));
    });
    const legend = document.createElement("p");
    legend.className = "legend";
    this.#names.forEach((name, i) => {
      const entry = document.createElement("span");
      entry.className = `line-${i}`;
      entry.textContent = `${name} ${last[i].toFixed(3)}`;
      legend.append(entry);
    });
    const heading = document.createElement("h3");
    heading.textContent = this.#title;
    this.#place.replaceChildren(heading, svg, legend);
  }
}

/** @param {string} tag @param {Record<string, any>} attributes */
function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
