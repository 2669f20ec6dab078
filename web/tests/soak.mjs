// 2,000 pictures through the page, by hand: `node web/tests/soak.mjs`. What the page's processes hold must not grow beyond
// what the list keeps of each picture.
//
//   DIST       the built page
//   CHROMIUM   the browser
//   PICTURES   how many, 1,200 or more; 2,000 unless given

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { png } from "./fixtures.mjs";
import { browse, open, serve } from "./site.mjs";
import { DIST, loaded } from "./steps.mjs";

const ALL = Number(process.env.PICTURES ?? 2000);
const BATCH = 200;
/** Growth is measured from here on: before it, caches and pools fill. */
const FROM = 400;
/** Kilobytes that a picture may cost beside its map and its thumbnail: its card, its file and the browser's own notes of them. */
const ENTRY = 40;
const MB = 2 ** 20;
// Of fewer, what a process happens to hold says more than what grows.
if (!(ALL >= 3 * FROM)) throw new Error(`PICTURES must be ${3 * FROM} or more`);

/** A part like no other: a disc on a ground of its own grain, 64 to 128 pixels. @param {number} n */
function part(n) {
  const side = 64 + (n * 13) % 65;
  let state = (n + 1) * 2654435761 >>> 0;
  const noise = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 28;
  const spot = n % 5 === 0;
  return png(side, side, (x, y) => {
    const far = Math.hypot(x - side / 2, y - side / 2) / side;
    const color = spot && Math.hypot(x - 0.6 * side, y - 0.4 * side) < 5 ? [20, 10, 10] : far < 0.33 ? [170, 140, 80 + n % 40] : [30, 34, 40];
    return color.map((value) => value + noise());
  });
}

/** Processes below one, itself among them: by id what they are and hold. @param {number} root */
function family(root) {
  const parents = new Map();
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(Number(id), Number(readFileSync(`/proc/${id}/stat`, "utf8").replace(/^.*\) \S+ /s, "").split(" ")[0]));
    } catch { /* It has ended meanwhile. */ }
  }
  const below = (id) => id === root || (parents.has(id) && below(parents.get(id)));
  return [...parents.keys()].filter(below).flatMap((id) => {
    try {
      const line = readFileSync(`/proc/${id}/cmdline`, "utf8");
      const status = readFileSync(`/proc/${id}/status`, "utf8");
      return [{ id, type: /--type=([a-z-]+)/.exec(line)?.[1] ?? "browser", held: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024 }];
    } catch {
      return [];
    }
  });
}

const work = mkdtempSync(join(tmpdir(), "aand-soak-"));
const folder = join(work, "pictures");
mkdirSync(folder);
const site = await serve(DIST);
const browser = await browse();
let failed = 0;
try {
  const { page, problems } = await open(browser.context, `${site.address}?compute=cpu&learn=asked`);
  const cdp = await browser.context.newCDPSession(page);
  await loaded(page);
  const held = async () => {
    await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    const heap = metrics.find(({ name }) => name === "JSHeapUsedSize").value;
    const processes = family(process.pid);
    const most = (type) => Math.max(0, ...processes.filter((each) => each.type === type).map(({ held }) => held));
    // What the list keeps of each: the map at a byte a value, the drawn thumbnail, and the preview, a file of the browser's.
    const kept = await page.evaluate(async () => {
      const { items } = await import("./js/pictures.js");
      let [maps, previews, thumbs] = [0, 0, 0];
      for (const { found } of items) [maps, previews] = [maps + (found?.positions.length ?? 0), previews + (found?.preview.size ?? 0)];
      for (const canvas of document.querySelectorAll("#cards canvas")) if (canvas.width > 1) thumbs += 4 * canvas.width * canvas.height;
      return { maps, previews, thumbs };
    });
    return { renderer: most("renderer"), browser: most("browser"), heap, ...kept };
  };
  await cdp.send("Performance.enable");
  console.log("pictures | s | page's process | its JS heap | maps kept | thumbnails | browser's process | previews kept");
  const rows = [];
  let started = Date.now();
  for (let done = 0; done < ALL; done += BATCH) {
    const paths = Array.from({ length: Math.min(BATCH, ALL - done) }, (_, i) => join(folder, `part ${done + i}.png`));
    paths.forEach((path, i) => writeFileSync(path, part(done + i)));
    started = Date.now();
    await page.setInputFiles("#files", paths);
    await page.waitForFunction((count) => document.querySelectorAll("#cards .verdict").length === count && document.getElementById("job-progress").hidden,
      done + paths.length, { timeout: 1_800_000, polling: 500 });
    const seconds = (Date.now() - started) / 1000;
    const now = { pictures: done + paths.length, seconds, ...await held() };
    rows.push(now);
    const mb = (bytes) => (bytes / MB).toFixed(1);
    console.log([now.pictures, seconds.toFixed(0), mb(now.renderer), mb(now.heap), mb(now.maps), mb(now.thumbs), mb(now.browser), mb(now.previews)].join(" | "));
  }
  const first = rows.find(({ pictures }) => pictures >= FROM);
  const last = rows.at(-1);
  const grown = (key) => last[key] - first[key];
  const each = (grown("renderer") - grown("maps") - grown("thumbs")) / 1024 / (last.pictures - first.pictures);
  console.log(`the page's process grew by ${(grown("renderer") / MB).toFixed(1)} MB from ${first.pictures} to ${last.pictures} pictures: beyond maps and thumbnails ${each.toFixed(1)} kB a picture, where ${ENTRY} are allowed`);
  if (!(each <= ENTRY)) failed = 1;
  if (problems.length) {
    console.log(problems.join("\n"));
    failed = 1;
  }
} finally {
  await browser.stop();
  await site.stop();
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed;
