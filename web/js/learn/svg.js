// SVG elements, and the charts of the lesson. Nothing uses `style`, which the page's content policy forbids in
// markup.

/**
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * A histogram: shares of values as bars, one color per group, on one axis.
 * @param {{ name: string, kind: string, values: number[] | Float32Array }[]} groups `kind` is the class of its bars
 * @param {{ low: number, high: number, words: [string, string], label: string, bins?: number }} axis what its ends
 * mean, and a description for people who do not see it
 */
export function histogram(groups, { low, high, words, label, bins = 40 }) {
  const [width, height] = [400, 120];
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height + 18}`, role: "img", "aria-label": label, class: "chart" });
  chart.append(svg("line", { x1: 0, x2: width, y1: height + 0.5, y2: height + 0.5, class: "axis" }));
  for (const { kind, values } of groups) {
    const counts = new Array(bins).fill(0);
    for (const value of values) counts[Math.max(0, Math.min(bins - 1, Math.floor((bins * (value - low)) / (high - low))))]++;
    // Each group is divided by its own size, since there are many more good patches. The square root keeps
    // small bars visible.
    const most = Math.max(1, ...counts);
    const points = counts.flatMap((count, i) => {
      const y = height - (height - 4) * Math.sqrt(count / most);
      return [`${(i * width) / bins},${y}`, `${((i + 1) * width) / bins},${y}`];
    });
    if (values.length) chart.append(svg("polygon", { points: `0,${height} ${points.join(" ")} ${width},${height}`, class: `bars ${kind}` }));
  }
  chart.append(
    svg("text", { x: 0, y: height + 14 }, words[0]),
    svg("text", { x: width, y: height + 14, "text-anchor": "end" }, words[1]),
  );
  return chart;
}

/**
 * Lines over frames.
 * @param {{ name: string, kind: string, values: number[] }[]} lines
 * @param {{ at: number[], now: number, label: string, words: string }} how positions of the frames along the axis, the
 * frame shown, a description for people who do not see it, the axis's title
 */
export function course(lines, { at, now, label, words }) {
  const [width, height, left] = [400, 130, 34];
  const most = Math.max(1e-9, ...lines.flatMap(({ values }) => values)) * 1.08;
  const x = (/** @type {number} */ i) => left + ((width - left - 8) * at[i]) / (at.at(-1) || 1);
  const y = (/** @type {number} */ value) => height - (height * value) / most;
  const chart = svg("svg", { viewBox: `0 -6 ${width} ${height + 26}`, role: "img", "aria-label": label, class: "chart" },
    svg("line", { x1: left, x2: width, y1: height, y2: height, class: "axis" }),
    svg("line", { x1: left, x2: left, y1: 0, y2: height, class: "axis" }),
    svg("text", { x: left - 5, y: height, "text-anchor": "end" }, "0"),
    svg("text", { x: left - 5, y: 6, "text-anchor": "end" }, most.toFixed(2)),
    svg("text", { x: width, y: height + 15, "text-anchor": "end" }, words),
    svg("line", { x1: x(now), x2: x(now), y1: 0, y2: height, class: "now" }));
  for (const { kind, values } of lines) {
    chart.append(svg("polyline", { points: values.map((value, i) => `${x(i)},${y(value)}`).join(" "), class: `line ${kind}` }));
    chart.append(svg("circle", { cx: x(now), cy: y(values[now]), r: 4, class: `dot ${kind}` }));
  }
  return chart;
}

/** Two arrows and the angle between them. @param {number} degrees @param {[string, string]} names */
export function dial(degrees, names) {
  const turn = (/** @type {number} */ angle, /** @type {number} */ radius) =>
    [10 + radius * Math.cos((angle * Math.PI) / 180), 100 - radius * Math.sin((angle * Math.PI) / 180)];
  const [tip, arc, place] = [turn(degrees, 88), turn(degrees, 34), turn(degrees, 92)];
  const upright = degrees > 55;
  return svg("svg", { viewBox: "0 -8 150 116", role: "img", "aria-label": `${names[0]} and ${names[1]}, ${degrees.toFixed(0)} degrees apart`, class: "chart dial" },
    svg("path", { d: `M44 100 A34 34 0 0 0 ${arc[0]} ${arc[1]}`, class: "arc" }),
    svg("line", { x1: 10, y1: 100, x2: 98, y2: 100, class: "line teacher" }),
    svg("line", { x1: 10, y1: 100, x2: tip[0], y2: tip[1], class: "line student" }),
    svg("circle", { cx: 98, cy: 100, r: 3.5, class: "dot teacher" }),
    svg("circle", { cx: tip[0], cy: tip[1], r: 3.5, class: "dot student" }),
    svg("text", { x: 104, y: 104 }, names[0]),
    svg("text", { x: place[0] + (upright ? -2 : 5), y: place[1] + (upright ? -1 : 2) }, names[1]));
}

/**
 * Two vectors as bars, one upward and one downward, on the same scale.
 * @param {number[]} above @param {number[]} below @param {string} label
 */
export function mirrored(above, below, label) {
  const [width, height] = [400, 120];
  const most = Math.max(1e-9, ...above, ...below);
  const step = width / above.length;
  const bars = (/** @type {number[]} */ values, /** @type {string} */ kind, /** @type {1 | -1} */ way) => svg("g", { class: `bars ${kind}` },
    ...values.map((value, i) => {
      const tall = (Math.max(0, value) / most) * (height / 2 - 4);
      return svg("rect", { x: i * step + step * 0.08, width: step * 0.84, y: way > 0 ? height / 2 - 1 - tall : height / 2 + 1, height: tall });
    }));
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "chart", preserveAspectRatio: "none" },
    bars(above, "teacher", 1), bars(below, "student", -1),
    svg("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2, class: "axis" }));
}

/**
 * Bars of two groups side by side, from a line at zero.
 * @param {Float64Array} values the first half belongs to the first group
 * @param {{ low: number, high: number, label: string }} how
 */
export function twoGroups(values, { low, high, label }) {
  const [width, height, gap] = [400, 56, 12];
  const half = values.length / 2;
  const step = (width - gap) / values.length;
  const y = (/** @type {number} */ value) => height * (1 - (Math.max(low, Math.min(high, value)) - low) / (high - low));
  const bar = (/** @type {number} */ value, /** @type {number} */ i) => svg("rect", {
    x: i * step + (i >= half ? gap : 0), width: Math.max(0.6, step * 0.8), y: Math.min(y(value), y(0)), height: Math.max(0.5, Math.abs(y(value) - y(0))),
    class: `bars ${i < half ? "good" : "bad"}`,
  });
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "chart flat", preserveAspectRatio: "none" },
    svg("line", { x1: 0, x2: width, y1: y(0), y2: y(0), class: "axis" }), ...[...values].map(bar));
}
