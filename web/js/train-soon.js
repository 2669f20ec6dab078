// AAND learns behind the instant detector by itself: a countdown that is seen, and can be hurried or declined.

import { $, announce, say } from "./dom.js";
import { isChosen, mayBegin } from "./native-offer.js";
import { LEARN } from "./state.js";
import { trainsElsewhere } from "./train-unfinished.js";

/** Seconds to think about it. */
const SECONDS = 10;
/** Loads the training module; where this copy of the page lacks it, nothing can be begun. */
const MODULE = "wasm/aand-train.js";

/**
 * What of the training the countdown asks.
 * @typedef {object} Training
 * @property {() => boolean} wanted whether one may begin behind the instant detector that judges
 * @property {() => boolean} ready whether it could begin this moment
 * @property {() => string} takes how long it takes, in words; nothing where that is not known
 * @property {() => void} begin
 */

/** @type {Training} */
let training;
let left = SECONDS;
/** While it counts. */
let timer = 0;
/** Until the good pictures are others altogether. */
let declined = false;
/** Whether this was read out; the seconds are not. */
let told = false;

/** @param {Training} of @param {() => void} now begins it as the form's own button does */
export function wire(of, now) {
  training = of;
  $("soon-now").onclick = now;
  $("soon-not").onclick = () => {
    decline();
    announce("It learns when you press Learn.");
  };
}

/** Not by itself, until {@link reset}. */
export function decline() {
  declined = true;
  stop();
}

/** The good pictures are gone: others may be learned from. */
export function reset() {
  declined = told = false;
}

/** What it would learn from, or how, has changed: time to think about that. */
export function restart() {
  left = SECONDS;
  if (timer) draw(false);
}

const may = () => LEARN === "auto" && !declined && training.wanted() && (!isChosen() || mayBegin());

/** Begins to count where something has come that can be learned from, and stops where that is no longer so. */
export async function consider() {
  if (!may()) return stop();
  if (timer || !training.ready()) return;
  if (!isChosen() && !await present()) return;
  // It may have begun meanwhile.
  if (timer || !may()) return;
  left = SECONDS;
  timer = setInterval(tick, 1000);
  draw(false);
  if (!told) announce(`Learning starts in ${SECONDS} seconds, unless you press Not now.`);
  told = true;
}

async function tick() {
  const waits = await trainsElsewhere();
  if (!timer) return;
  if (!may()) return stop();
  if (waits) left = SECONDS;
  // It counts where it can be seen.
  else if (!document.hidden && !document.querySelector("dialog[open]") && training.ready()) left--;
  if (left > 0) return draw(waits);
  stop();
  training.begin();
}

/** @param {boolean} waits for another tab's training */
function draw(waits) {
  $("soon").hidden = false;
  $("soon-words").textContent = waits ? "Learning waits" : `Learning starts in ${left} s`;
  const takes = training.takes();
  $("soon-more").textContent = waits ? ": another tab of this page is learning."
    : `${takes && ` and takes ${takes}`}. The instant detector judges meanwhile.`;
  // Seen from the other places too.
  say("train-mark", waits ? "" : `in ${left} s`);
}

function stop() {
  if (!timer) return;
  clearInterval(timer);
  timer = 0;
  // Whoever stands on one of its buttons goes on from the one that does the same.
  if ($("soon").contains(document.activeElement)) $($("train-go").disabled ? "train-pick" : "train-go").focus({ preventScroll: true });
  $("soon").hidden = true;
  say("train-mark", "");
}

/** @type {Promise<boolean> | undefined} */
let looking;

/** Whether the training module is there. A failure is not remembered: the connection may come back. */
function present() {
  return looking ??= fetch(MODULE).then((answer) => answer.ok && /javascript/.test(answer.headers.get("content-type") ?? ""), () => false)
    .then((found) => {
      if (!found) looking = undefined;
      return found;
    });
}
