// Judges all waiting pictures: one after the other, or several at a time on the CPU.

import { stayAwake } from "./awake.js";
import { announce, counted, say } from "./dom.js";
import { risk } from "./leave.js";
import { judgeOf } from "./native-judge.js";
import { items, judged } from "./pictures.js";
import { progress, refresh, refreshSoon, reveal, summary } from "./show.js";
import { advised, page, said } from "./state.js";

/** @typedef {import("./pictures.js").Item} Item */
/** @typedef {import("./module/aand.js").Detector} Detector */

/** Longer side in pixels of the copy that is kept for display. */
const PREVIEW = 1024;
/** Fewer waiting pictures would be done before another worker has started. */
const WORTH = 6;
/** The most workers at a time. */
const MOST_LANES = 4;

/** Selects the most anomalous picture, until the person chooses one. @param {Item} item */
export function prefer(item) {
  // It may have been removed in the meantime.
  if (!item.found || page.chosen || !items.includes(item)) return;
  if (item.found.score > (page.selected?.found?.score ?? -Infinity)) page.selected = item;
  if (page.reveal) {
    page.reveal = false;
    refresh();
    reveal();
  }
}

/** How many workers this device's cores and memory allow. */
function lanes() {
  const cores = navigator.hardwareConcurrency ?? 2;
  // Gigabytes, if the browser tells; a model with its intermediate features takes a quarter of one.
  const memory = /** @type {any} */ (navigator).deviceMemory ?? 4;
  // One core is left for the page.
  return Math.max(1, Math.min(MOST_LANES, cores - 1, Math.floor(memory / 2)));
}

export async function judgeAll() {
  if (page.judging || !page.detector) return;
  page.judging = true;
  const { signal } = page.running.job = new AbortController();
  const using = page.detector;
  const judge = judgeOf(using, page.model, (words) => say("model-notice", words));
  /** @type {Map<Item, number>} progress of the pictures being judged */
  const under = new Map();
  let done = 0;
  const waiting = () => items.filter((item) => item.state === "waiting" && !under.has(item));
  const tell = () => {
    const total = done + under.size + waiting().length;
    const share = [...under.values()].reduce((sum, part) => sum + part, done);
    progress("job", `${Math.min(total, done + 1)} of ${total}`, share / total);
  };

  /** @param {Pick<Detector, "detect">} detector */
  async function lane(detector) {
    for (let [item] = waiting(); item && !signal.aborted; [item] = waiting()) {
      under.set(item, 0);
      tell();
      try {
        const found = await detector.detect(item.file, {
          name: item.name, preview: PREVIEW, signal,
          progress: (layer, layers) => { under.set(item, layer / layers); tell(); },
        });
        judged(item, found, using.info.threshold.value);
        item.remark = remark(found);
        if (item.own) risk("results", true);
      } catch (error) {
        if (signal.aborted) break;
        item.state = "failed";
        item.error = advised(said(error));
      }
      under.delete(item);
      done++;
      prefer(item);
      refreshSoon();
    }
  }

  /** Starts one more worker, if there is still work for it. */
  async function helper() {
    const other = await judge.another().catch(() => undefined);
    if (!other) return;
    if (!signal.aborted && using === page.detector) await lane(other);
    other.close();
  }

  stayAwake("judging", waiting().length > 0);
  const all = [lane(judge)];
  if (judge.compute === "cpu" && waiting().length > WORTH) {
    for (let i = 1; i < lanes(); i++) all.push(helper());
  }
  await Promise.all(all);
  page.judging = false;
  page.reveal = false;
  stayAwake("judging", false);
  progress("job");
  remarks();
  refresh();
  // In the meantime another model was loaded, or more pictures were added.
  if (using !== page.detector || (!signal.aborted && waiting().length)) return judgeAll();
  if (done === 0) return;
  const failed = items.filter(({ state }) => state === "failed").length;
  announce(`${summary()}${failed ? ` ${failed} could not be used.` : ""}${signal.aborted ? " Cancelled." : ""}`);
}

/** The remark beside a score; empty if there is none. @param {import("./module/protocol.js").Found} found */
function remark({ borrowed, remark }) {
  if (borrowed) return "decoded by this browser: the score may differ a little from the native program’s";
  if (!remark) return "";
  const { lowest, highest, range, fits } = remark;
  if (range) return `its values reach from ${lowest} to ${highest}, outside ${range}, which the model was trained with: what lies beyond is cut`;
  return `its values reach from ${lowest} to ${highest} only, and are read nearly black or cut: if the camera has fewer bits, the model must be trained with the range ${fits}`;
}

/** Shows one remark on how the values of all pictures are stored. */
function remarks() {
  const stored = items.filter(({ found, remark }) => found && remark?.startsWith("its values"));
  say("stored-notice", stored.length ? `${counted(stored.length, "picture")} of more than 8 bits: ${stored[0].remark}.` : "");
}
