// What would be lost if this page were closed: it asks before closing, and the page's other tabs know.

/** @typedef {"training" | "refinement" | "model" | "results"} Stake */

const LOCK = "aand-unsaved";
const WORDS = {
  training: "a training is under way", refinement: "the detector is learning from corrections", model: "a trained model is not saved", results: "results are not saved",
};

/** @type {Set<Stake>} */
const stakes = new Set();
let held = false;
let release = () => {};

/** @param {Stake} stake @param {boolean} open whether it would be lost */
export function risk(stake, open) {
  if (stakes.has(stake) === open) return;
  if (open) stakes.add(stake);
  else stakes.delete(stake);
  // Only while there is something to lose: browsers do not keep a page with this listener for going back.
  if (stakes.size) addEventListener("beforeunload", ask);
  else removeEventListener("beforeunload", ask);
  hold(stakes.size > 0);
  dispatchEvent(new Event("aand-risk"));
}

/** What would be lost, the most serious first; empty if nothing. */
export function atStake() {
  const first = /** @type {Stake[]} */ (["training", "refinement", "model", "results"]).find((stake) => stakes.has(stake));
  return first ? WORDS[first] : "";
}

/** Leaves without a question: the person was already asked. */
export function leaveAnyway() {
  removeEventListener("beforeunload", ask);
}

/** Whether another tab of this page would lose something. */
export async function othersAtStake() {
  const locks = (await navigator.locks?.query().catch(() => undefined))?.held ?? [];
  return locks.filter(({ name }) => name === LOCK).length > (held ? 1 : 0);
}

/** @param {BeforeUnloadEvent} event */
function ask(event) {
  event.preventDefault();
  // Browsers before 2024 need this.
  event.returnValue = "unsaved";
}

/** Other tabs see the lock, which is released when this one closes. @param {boolean} wanted */
function hold(wanted) {
  if (wanted === held) return;
  held = wanted;
  if (!held) return release();
  const until = new Promise((/** @type {(value?: any) => void} */ done) => { release = done; });
  navigator.locks?.request(LOCK, { mode: "shared" }, () => until).catch(() => undefined);
}
