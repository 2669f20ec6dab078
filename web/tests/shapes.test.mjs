// Models of other shapes than a square: the page scores as the native program does.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { png } from "./fixtures.mjs";
import { browse, GPU, open, serve } from "./site.mjs";
import { DIST, loaded, saved, settled } from "./steps.mjs";

const AAND = process.env.AAND ?? "aand";
const work = mkdtempSync(join(tmpdir(), "aand-shapes-"));
/** A striped part, much wider than high; a defect is a dark spot of a few pixels. */
const part = (n, { defect = false, width = 200, height = 88 } = {}) => png(width, height, (x, y) => {
  const grain = (x * 7 + y * 13 + n * 29) % 11;
  if (defect && Math.hypot(x - 150, y - 40) < 5) return [15, 10, 10];
  return (x + 3 * n) % 24 < 12 ? [150 + grain, 140, 90] : [60, 70 + grain, 80];
});
/** What each model is trained with beside the usual. */
const SHAPES = {
  oblong: ["--size", "128x64"],
  padded: ["--size", "128x64", "--fit", "pad"],
  cropped: ["--size", "64", "--fit", "crop", "--score", "top:2%"],
  tiled: ["--tile", "64", "--overlap", "16"],
  region: ["--size", "128x64", "--roi", "40,10,150,70"],
};
const FILES = [...Array(4).keys()].map((n) => ({ name: `part-${n}.png`, mimeType: "image/png", buffer: part(n, { defect: n > 1 }) }));

let site;
before(async () => {
  for (const folder of ["train", "line"]) mkdirSync(join(work, folder));
  for (let n = 0; n < 8; n++) writeFileSync(join(work, "train", `${n}.png`), part(n));
  for (const { name, buffer } of FILES) writeFileSync(join(work, "line", name), buffer);
  for (const [name, options] of Object.entries(SHAPES)) {
    execFileSync(AAND, ["train", join(work, "train"), "--out", join(work, `${name}.aand`), ...options, "--batch", "4", "--epochs-amplify", "2",
      "--epochs-distill", "6", "--device", "cpu", "--quiet"], { stdio: "pipe" });
  }
  site = await serve(DIST);
});
after(async () => {
  await site?.stop();
  rmSync(work, { recursive: true, force: true });
});

/** Score and verdict by name, as the native program has them. */
function native(name) {
  const out = join(work, `out-${name}`);
  execFileSync(AAND, ["detect", join(work, `${name}.aand`), join(work, "line"), "--out", out, "--no-heat", "--no-overlay", "--device", "cpu"], { stdio: "pipe" });
  const lines = readFileSync(join(out, "results.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  return new Map(lines.map((line) => [line.path.split("/").at(-1), line]));
}

for (const [device, flags] of [["cpu", []], ["gpu", GPU]]) {
  test(`models of other shapes score as natively (${device})`, async () => {
    const browser = await browse(flags);
    try {
      for (const name of Object.keys(SHAPES)) {
        const { page, problems } = await open(browser.context, `${site.address}?compute=${device}`);
        if (device === "gpu") assert.ok(await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter())), "this browser offers no WebGPU adapter");
        await loaded(page, join(work, `${name}.aand`));
        await page.setInputFiles("#files", FILES);
        await settled(page);
        const rows = (await saved(page, "#save-csv")).toString().trim().split("\r\n").slice(1).map((row) => row.split(","));
        const expected = native(name);
        assert.equal(rows.length, expected.size, name);
        for (const [path, score, , verdict] of rows) {
          const there = expected.get(path);
          assert.ok(Math.abs(score - there.score) <= 1e-3 * there.score, `${name}, ${path}: ${score}, natively ${there.score}`);
          assert.equal(verdict, there.verdict, `${name}, ${path}`);
        }
        if (device === "gpu") {
          await page.click("#open-diagnostics");
          await page.waitForSelector("#diagnostics-list dd");
          assert.match(await page.textContent("#diagnostics-list"), /Computed onWebGPU/, name);
        }
        assert.deepEqual(problems, [], name);
        await page.close();
      }
    } finally {
      await browser.stop();
    }
  });
}
