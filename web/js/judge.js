// Judging all pictures that wait, one after the other.

import { announce } from "./dom.js";
import { items, judged } from "./pictures.js";
import { progress, refresh, refreshSoon, summary } from "./show.js";
import { page, said } from "./state.js";

/** Longer side of what is kept for showing, in pixels. */
const PREVIEW = 1024;

export async function judgeAll() {
  if (page.judging || !page.detector) return;
  page.judging = true;
  const { signal } = page.running.job = new AbortController();
  const using = page.detector;
  const waiting = () => items.filter(({ state }) => state === "waiting");
  let done = 0;
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
    } catch (error) {
      if (signal.aborted) break;
      item.state = "failed";
      item.error = said(error);
    }
    done++;
    page.selected ??= item.found ? item : undefined;
    refreshSoon();
  }
  page.judging = false;
  progress("job");
  refresh();
  // Another model came meanwhile.
  if (using !== page.detector) return judgeAll();
  if (done === 0) return;
  const failed = items.filter(({ state }) => state === "failed").length;
  announce(`${summary()}${failed ? ` ${failed} could not be used.` : ""}${signal.aborted ? " Cancelled." : ""}`);
}
