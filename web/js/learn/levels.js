// Step 5: how the levels add up.

import { make } from "../dom.js";
import { Panel, number, peak, valueAt } from "./panel.js";
import { picture, row } from "./stage.js";

/** @type {import("./steps.js").Step["show"]} */
export async function levelStage(scene, stage, { choice }) {
  const { lesson, label, strip } = scene;
  const found = await lesson.intermediate(label, false);
  const shares = found.levels.map(({ share }) => share);
  const top = peak(found.map);
  // One scale for all, so that they can be compared: heat maps reach up to twice the threshold.
  const scale = [0, 2 * lesson.threshold];
  const words = /** @type {[string, string]} */ (["none", "high"]);
  const choose = (/** @type {number[]} */ at) => {
    for (const panel of panels) panel.spot(at);
    const parts = shares.map((share) => valueAt(share, at));
    [plain, ...each].forEach((panel, k) => panel.value(k ? number(parts[k - 1]) : ""));
    sum.value(number(valueAt(total(), at)));
    line.textContent = `${same(at, top) ? "Where the map is highest" : "At the framed place"}: ${parts.map(number).join(" + ")} = ${number(valueAt(found.map, at))}. The threshold is ${number(lesson.threshold)}.`;
    place = at;
    scene.note({ at });
  };
  let place = scene.at ?? top;
  const plain = await picture(lesson, label, { title: "The board", pick: choose });
  const each = ["Level 1", "Level 2", "Level 3"].map((title, k) => new Panel({ title, words: `What the ${["small", "middle", "large"][k]} patches add.`, pick: choose }));
  const sum = new Panel({ title: "Added up", words: "All three make the anomaly map.", pick: choose });
  const panels = [plain, ...each, sum];
  each.forEach((panel, k) => panel.map(shares[k], lesson.colors, { scale, words, smooth: true }));
  let upTo = 3;
  const total = () => shares[0].map((_, i) => shares.slice(0, upTo).reduce((all, share) => all + share[i], 0));
  const add = (/** @type {number} */ count) => {
    upTo = count;
    sum.map(total(), lesson.colors, { scale, words, smooth: true });
    for (const [i, button] of [...buttons.children].entries()) button.setAttribute("aria-pressed", String(i + 1 === count));
    each.forEach(({ root }, k) => root.classList.toggle("aside", k >= count));
    choose(place);
  };
  const buttons = make("div", { class: "modes", role: "group", "aria-label": "Add up" }, ...["Level 1 alone", "1 + 2", "1 + 2 + 3"].map((word, i) =>
    make("button", { type: "button", "aria-pressed": "false", onclick: () => add(i + 1) }, word)));
  const line = make("p", { class: "sum-line", role: "status" });
  plain.outline(lesson.defect(label, 0));
  stage.append(buttons, row(panels), line);
  add(3);
  strip(panels);
  const parts = shares.map((share) => valueAt(share, top));
  const best = parts.indexOf(Math.max(...parts));
  const percent = parts.map((part) => Math.round((100 * part) / found.score));
  return {
    right: choice === best,
    verdict: `It is level ${best + 1}: at the highest place the levels give ${percent[0]} %, ${percent[1]} % and ${percent[2]} %.`,
    because: "Small patches see fine detail and little around it; large ones see that something is missing, but only roughly where. The bright end of the colors is twice the threshold. Another fault has other shares: choose other places to see.",
    learned: `The anomaly map is the sum of three levels; its highest value is the score (here ${number(found.score)}), and a score above the threshold (${number(lesson.threshold)}, about the highest of good boards) means anomalous.`,
  };
}

/** @param {number[]} a @param {number[]} b */
const same = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) < 0.004;
