// The strip that says whether something has changed since the training.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { disc } from "./fixtures.mjs";
import { axe, browse, open, serve } from "./site.mjs";
import { DIST, loaded, settled } from "./steps.mjs";

const AAND = process.env.AAND ?? "aand";
const work = mkdtempSync(join(tmpdir(), "aand-drift-"));
const aand = (...given) => execFileSync(AAND, given, { stdio: "pipe", encoding: "utf8" });
const MODEL = join(work, "disc.aand");
/** 24 pictures as in the training, then 40 under less light. */
const LINE = [...Array(64).keys()].map((i) => ({ name: `${i < 24 ? "a" : "b"}${String(i < 24 ? i : i - 24).padStart(2, "0")}.png`, bytes: disc(i % 12, { light: i < 24 ? 1 : 0.15 }) }));
let site, browser;
before(async () => {
  for (const folder of ["train", "line"]) mkdirSync(join(work, folder));
  for (let n = 0; n < 12; n++) writeFileSync(join(work, "train", `${n}.png`), disc(n));
  for (const { name, bytes } of LINE) writeFileSync(join(work, "line", name), bytes);
  const train = (out, keep) => aand("train", join(work, "train"), "--out", out, "--size", "64", "--batch", "6", "--epochs-amplify", "2", "--epochs-distill", "40",
    "--keep", keep, "--device", "cpu", "--quiet");
  train(MODEL, "8");
  train(join(work, "bare.aand"), "0");
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});
const files = (from, to) => LINE.slice(from, to).map(({ name, bytes }) => ({ name, mimeType: "image/png", buffer: bytes }));
const state = (page) => page.textContent("#drift-state");
const finding = (page, signal) => page.$eval(`#drift-signals [data-signal=${signal}]`, (each) => each.dataset.finding);
const sentence = (page, signal) => page.textContent(`#drift-signals [data-signal=${signal}] p`);
/** Until a signal says so. */
const says = (page, signal, words) => page.waitForFunction(([signal, words]) => new RegExp(words).test(document.querySelector(`#drift-signals [data-signal=${signal}]`)?.textContent),
  [signal, words], { timeout: 120_000 });

test("too few pictures say nothing; then a change is found, dated, and unfolded, as natively", async () => {
  const { page, problems } = await open(browser.context, `${site.address}?compute=cpu`);
  assert.ok(await page.isHidden("#drift"));
  await loaded(page, MODEL);
  await page.setInputFiles("#files", files(0, 5));
  await settled(page);
  await says(page, "scores", "Too few pictures to say: 5 pictures judged good");
  assert.equal(await state(page), "Too few pictures to say");
  assert.equal(await page.$eval("#drift", (strip) => strip.open), false);
  for (const signal of ["scores", "distance", "corrections"]) assert.equal(await finding(page, signal), "unknown");
  assert.match(await sentence(page, "corrections"), /0 pictures looked at by somebody/);

  // As the training's: no alarm.
  await page.setInputFiles("#files", files(5, 24));
  await settled(page);
  await says(page, "distance", "24 pictures are as like");
  assert.equal(await state(page), "No sign of it");
  assert.equal(await page.$eval("#drift", (strip) => strip.open), false);

  await page.setInputFiles("#files", files(24, 64));
  await settled(page);
  await says(page, "distance", "unlike those of the training since picture");
  // The last of the distances may still be to come.
  await page.waitForTimeout(1500);
  assert.equal(await finding(page, "distance"), "changed");
  assert.equal(await page.$eval("#drift", (strip) => strip.open), true);
  const [, since] = /^Yes, since picture (\d+)/.exec(await state(page));
  await page.waitForFunction(() => /^Something has changed: /.test(document.getElementById("announcer").textContent));

  // The native program says the same of the same pictures.
  const out = join(work, "out");
  aand("detect", MODEL, join(work, "line"), "--out", out, "--no-heat", "--no-overlay", "--distance", "--device", "cpu", "--quiet");
  const native = aand("watch", MODEL, out, "--json", "--quiet").trim().split("\n").map((line) => JSON.parse(line));
  for (const { signal, finding: there, since: at } of native) {
    assert.equal(await finding(page, signal), there, signal);
    if (there === "changed") assert.match(await sentence(page, signal), new RegExp(`since picture ${at}\\D`));
  }
  assert.equal(Number(since), Math.min(...native.flatMap(({ since }) => since ?? [])));
  assert.ok(Math.abs(Number(since) - 25) <= 3, `${since} is not about 25`);

  // Corrections of many verdicts are a change of their own.
  await page.evaluate(async () => {
    const { items } = await import("./js/pictures.js");
    const { changed } = await import("./js/correct.js");
    const { page } = await import("./js/state.js");
    for (const item of items.slice(24)) item.mark = item.found.score > page.detector.info.threshold.value ? "good" : "defect";
    changed();
  });
  await says(page, "corrections", "Verdicts are corrected more often");

  for (const [width, height] of [[1280, 900], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(page), [], `${colorScheme} at ${width}`);
      if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `drift-${width}-${colorScheme}.png`), fullPage: width < 500 });
    }
  }
  // Nothing is left of it without pictures.
  await page.click("#clear");
  assert.ok(await page.isHidden("#drift"));
  assert.deepEqual(problems, []);
  await page.close();
});

test("a model without embeddings says so, and distances are the native program's", async () => {
  const { page, problems } = await open(browser.context, `${site.address}?compute=cpu`);
  await loaded(page, join(work, "bare.aand"));
  await page.setInputFiles("#files", files(0, 24));
  await settled(page);
  await says(page, "distance", "keeps no embeddings");
  await loaded(page, MODEL);
  await settled(page);
  await says(page, "distance", "24 pictures are as like");
  const here = await page.evaluate(async (text) => {
    const { page } = await import("./js/state.js");
    return page.detector.distance(new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]), { name: "b00.png" });
  }, readFileSync(join(work, "line", "b00.png")).toString("base64"));
  const out = join(work, "one");
  aand("detect", MODEL, join(work, "line", "b00.png"), "--out", out, "--no-heat", "--no-overlay", "--distance", "--device", "cpu", "--quiet");
  const there = JSON.parse(readFileSync(join(out, "results.jsonl"), "utf8").split("\n")[0]).distance;
  assert.ok(Math.abs(here - there) <= 1e-3 * there, `${here} here, ${there} natively`);
  assert.deepEqual(problems, []);
  await page.close();
});
