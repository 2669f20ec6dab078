// One patch with all its numbers: the two vectors, the angle between them, and the gate.

import { make } from "../dom.js";
import { valueAt } from "./panel.js";
import { dial, mirrored, twoGroups } from "./svg.js";

/** @typedef {import("../module/protocol.js").Patch} Patch */
/** @typedef {import("../module/protocol.js").IntermediateFeatures} IntermediateFeatures */

/** How many numbers of a vector are shown, the largest ones. */
const MOST = 64;

/**
 * @param {Patch} patch
 * @param {IntermediateFeatures} found
 * @param {number} level 0 to 2
 * @param {number[]} at as shares of width and height
 * @param {{ gate?: boolean, shares?: boolean }} [how] `gate`: also show how the gate is computed; `shares`: also show
 * what each level adds to the map
 * @returns {HTMLElement}
 */
export function drill(patch, found, level, at, { gate = true, shares: adding = true } = {}) {
  const { side } = found.levels[level];
  const [column, row] = at.map((value) => Math.floor(value * side));
  const box = make("div", { class: "drill" });
  const { cosine } = patch;
  const angle = (Math.acos(Math.max(-1, Math.min(1, cosine))) * 180) / Math.PI;
  box.append(make("h4", {}, `The patch in row ${row + 1}, column ${column + 1} of ${side}`));
  if (patch.advanced && patch.student) {
    const [teacher, student] = [patch.advanced, patch.student].map(unit);
    const order = [...teacher.keys()].sort((a, b) => teacher[b] - teacher[a]).slice(0, MOST);
    const shown = order.length < teacher.length ? `the ${order.length} strongest of ${teacher.length} numbers` : `all ${teacher.length} numbers`;
    box.append(make("div", { class: "vectors" },
      make("figure", {},
        mirrored(order.map((i) => teacher[i]), order.map((i) => student[i]), `Bars of ${shown}: the teacher’s above, the student’s below. Cosine ${cosine.toFixed(3)}.`),
        make("figcaption", {}, make("span", { class: "key teacher" }, "teacher"), " above, ", make("span", { class: "key student" }, "student"),
          ` below: ${shown}, the teacher’s largest first. Where they agree, the lower half mirrors the upper.`)),
      make("figure", {}, dial(angle, ["teacher", "student"]),
        make("figcaption", {}, "Each list of numbers is an arrow. This is the angle between the two."))));
    box.append(make("dl", { class: "patch-facts" },
      ...fact("Angle", `${angle.toFixed(1)}°`, "angle"),
      ...fact("Cosine", cosine.toFixed(4), "cosine"),
      ...fact("Discrepancy", `1 − ${cosine.toFixed(4)} = ${(1 - cosine).toFixed(4)}`, "discrepancy")));
  }
  if (gate && patch.gate !== undefined && patch.memoryCosines && patch.memoryShares) {
    const { memoryCosines: cosines, memoryShares: shares } = patch;
    const items = cosines.length / 2;
    const reach = Math.max(0.3, ...cosines.map(Math.abs));
    box.append(make("div", { class: "gate" },
      make("h4", {}, "What the gate makes of it"),
      make("p", {}, `The gate keeps ${items} examples of normal patches (`, make("span", { class: "key good" }, "left"), `) and ${items} of anomalous ones (`, make("span", { class: "key bad" }, "right"), "). It compares this patch with each of them …"),
      twoGroups(cosines, { low: -reach, high: reach, label: `Cosines with ${items} normal and ${items} anomalous memory items, from ${Math.min(...cosines).toFixed(2)} to ${Math.max(...cosines).toFixed(2)}` }),
      make("p", {}, "… gives each a share of one whole, the larger the more alike it is (this is called softmax) …"),
      twoGroups(shares, { low: 0, high: Math.max(...shares), label: "The share of each memory item" }),
      make("p", {}, "… and adds up the shares of the anomalous ones: the gate is ", make("strong", { "data-fact": "gate" }, patch.gate.toFixed(4)), `, ${gateWords(patch.gate)}.`)));
  }
  if (adding) {
    const parts = found.levels.map(({ share }) => valueAt(share, at));
    const sum = parts.reduce((a, b) => a + b, 0);
    box.append(make("p", { class: "shares" }, "What each level adds to the anomaly map here, smoothed with its surroundings: ",
      ...parts.flatMap((part, k) => [k ? " + " : "", make(k === level ? "strong" : "span", {}, part.toFixed(3))]), ` = ${sum.toFixed(3)}. Level ${level + 1} gives ${Math.round((100 * parts[level]) / Math.max(sum, 1e-9))} % of it.`));
  }
  box.append(make("details", {}, make("summary", {}, "As equations"),
    make("p", { class: "equation" }, "d = 1 − cos(F", make("sub", {}, "A"), ", F", make("sub", {}, "S"), ")"),
    make("p", {}, "The discrepancy d of the advanced teacher’s features F", make("sub", {}, "A"), " and the student’s F", make("sub", {}, "S"), "."),
    ...(gate ? [
      make("p", { class: "equation" }, "c", make("sub", {}, "j"), " = cos(φ", make("sub", {}, "1"), "(F", make("sub", {}, "T"), " + PE), m", make("sub", {}, "j"), "),  p = softmax(c / 0.2),  w = Σ", make("sub", {}, "j anomalous"), " p", make("sub", {}, "j")),
      make("p", {}, "Eq. 2 to 4: the cosines c with the memory items m, the shares p, the gate w. F", make("sub", {}, "T"), " are the teacher’s features, PE says where the patch lies, φ", make("sub", {}, "1"), " is a small network."),
      make("p", { class: "equation" }, "F", make("sub", {}, "A"), " = F", make("sub", {}, "T"), " + w · tanh(φ", make("sub", {}, "2"), "(F", make("sub", {}, "T"), ")) · F", make("sub", {}, "T")),
      make("p", {}, "Eq. 5: the gate lets through so much of the push that a second small network φ", make("sub", {}, "2"), " has learned."),
    ] : [])));
  return box;
}

/** @param {string} name @param {string} value @param {string} key */
const fact = (name, value, key) => [make("dt", {}, name), make("dd", { "data-fact": key }, value)];

/** @param {Float32Array} vector @returns {number[]} of length 1, since only the direction counts */
function unit(vector) {
  const length = Math.hypot(...vector) || 1;
  return [...vector].map((value) => value / length);
}

/** @param {number} gate */
const gateWords = (gate) => (gate < 0.2 ? "nearly shut" : gate < 0.4 ? "a little open" : gate < 0.6 ? "half open" : gate < 0.8 ? "more open than shut" : "wide open");
