// The scores as a histogram, and the threshold over it.

import { $, make } from "../dom.js";

const SVG = "http://www.w3.org/2000/svg";
const BINS = 40;

/** The end of the scale: the larger of the highest score and the threshold, with some margin.
 * @param {number[]} scores @param {number} threshold */
export function end(scores, threshold) {
  return 1.1 * Math.max(threshold * 1.5, ...scores);
}

/** @param {number[]} scores @param {number} threshold @param {number} end */
export function show(scores, threshold, end) {
  const counts = Array.from({ length: BINS }, () => [0, 0]);
  for (const score of scores) {
    const bin = Math.min(BINS - 1, Math.floor((score / end) * BINS));
    counts[bin][score > threshold ? 1 : 0]++;
  }
  const most = Math.max(1, ...counts.map(([good, bad]) => good + bad));
  const svg = element("svg", { viewBox: "0 0 400 100", preserveAspectRatio: "none", role: "img" });
  const flagged = scores.filter((score) => score > threshold).length;
  svg.setAttribute("aria-label", `Histogram of ${scores.length} scores; ${flagged} above the threshold`);
  counts.forEach(([good, bad], i) => {
    const bar = (/** @type {number} */ from, /** @type {number} */ count, /** @type {string} */ kind) => {
      if (count === 0) return;
      const [y, height] = [96 - (92 * (from + count)) / most, (92 * count) / most];
      svg.append(element("rect", { x: 10 * i + 1, y, width: 8, height, class: kind }));
    };
    bar(0, good, "good");
    bar(good, bad, "anomalous");
  });
  svg.append(element("line", { x1: 0, x2: 400, y1: 97, y2: 97, class: "axis" }));
  const at = (400 * threshold) / end;
  svg.append(element("line", { x1: at, x2: at, y1: 0, y2: 100 }));
  const legend = make("p", { class: "legend" }, make("span", { class: "good" }, `${scores.length - flagged} good`),
    make("span", { class: "anomalous" }, `${flagged} anomalous`));
  $("histogram").replaceChildren(svg, legend);
}

/** @param {string} tag @param {Record<string, any>} attributes */
function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}
