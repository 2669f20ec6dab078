// Judging all pictures that wait, one after the other.

import { stayAwake } from "./awake.js";
import { announce } from "./dom.js";
import { risk } from "./leave.js";
import { items, judged } from "./pictures.js";
import { progress, refresh, refreshSoon, reveal, summary } from "./show.js";
import { advised, page, said } from "./state.js";

/** Longer side of what is kept for showing, in pixels. */
const PREVIEW = 1024;

/** The most anomalous picture is the one to look at, until the person chooses. @param {import("./pictures.js").Item} item */
export function prefer(item) {
  // It may have been taken out meanwhile.
  if (!item.found || page.chosen || !items.includes(item)) return;
  if (item.found.score > (page.selected?.found?.score ?? -Infinity)) page.selected = item;
  if (page.reveal) {
    page.reveal = false;
    refresh();
    reveal();
  }
}

export async function judgeAll() {
  if (page.judging || !page.detector) return;
  page.judging = true;
  const { signal } = page.running.job = new AbortController();
  const using = page.detector;
  const waiting = () => items.filter(({ state }) => state === "waiting");
  let done = 0;
  stayAwake("judging", items.some(({ state }) => state === "waiting"));
  for (let [item] = waiting(); item && !signal.aborted; [item] = waiting()) {
    const total = done + waiting().length;
    const count = `${done + 1} of ${total}`;
    progress("job", count, done / total);
    try {
      const found = await using.detect(item.file, {
        name: item.name, preview: PREVIEW, signal,
        progress: (layer, layers) => progress("job", count, (done + layer / layers) / total),
      });
      judged(item, found, using.info.threshold.value);
      if (item.own) risk("results", true);
    } catch (error) {
      if (signal.aborted) break;
      item.state = "failed";
      item.error = advised(said(error));
    }
    done++;
    prefer(item);
    refreshSoon();
  }
  page.judging = false;
  page.reveal = false;
  stayAwake("judging", false);
  progress("job");
  refresh();
  // Another model came meanwhile.
  if (using !== page.detector) return judgeAll();
  if (done === 0) return;
  const failed = items.filter(({ state }) => state === "failed").length;
  announce(`${summary()}${failed ? ` ${failed} could not be used.` : ""}${signal.aborted ? " Cancelled." : ""}`);
}
