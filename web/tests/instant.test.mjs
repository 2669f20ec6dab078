// The instant detector: it judges seconds after a drop of good pictures, and says that it is what speaks.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { axe, browse, GPU, open, serve } from "./site.mjs";
import { DIST, loaded, MODEL, settled } from "./steps.mjs";

const work = mkdtempSync(join(tmpdir(), "aand-instant-"));
let site, browser, good, bad;
before(async () => {
  execFileSync(process.env.AAND ?? "aand", ["render", "cloth", "--out", work, "--seed", "7", "--train", "6", "--test-good", "2", "--test-per-defect", "1", "--quiet"]);
  const files = (folder) => readdirSync(join(work, "cloth", folder)).sort().map((name) => join(work, "cloth", folder, name));
  good = files("train/good");
  bad = readdirSync(join(work, "cloth/test")).filter((kind) => kind !== "good").flatMap((kind) => files(`test/${kind}`));
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});
const file = (path, name) => ({ name, mimeType: "image/png", buffer: readFileSync(path) });
const words = (page) => page.textContent("#instant-words");
const ready = (page) => page.waitForFunction(() => /is ready/.test(document.getElementById("instant-words").textContent), undefined, { timeout: 60_000 });
/** Five good pictures on the page, and a verdict of the instant detector on others. */
async function instant() {
  const { page, problems } = await open(browser.context, `${site.address}?compute=cpu&learn=asked#train`);
  await page.setInputFiles("#train-files", good.slice(0, 5));
  await ready(page);
  return { page, problems };
}
/** What a page's function needs of files: names and contents. */
const contents = (paths) => paths.map((path) => [path.split("/").at(-1), readFileSync(path).toString("base64")]);

test("five good pictures are enough for verdicts, in seconds and without a training", async () => {
  const { page, problems } = await instant();
  const [, seconds] = /ready after ([\d.]+) s/.exec(await page.textContent("#instant-words"));
  console.log(`instant detector in the page, from the drop: ${seconds} s`);
  assert.ok(Number(seconds) < 20, `${seconds} s on a machine that others use too`);
  assert.match(await page.textContent("#instant-words"), /judges already/);
  await page.click("nav [data-go=inspect]");
  await page.setInputFiles("#files", [file(good[5], "good.png"), ...bad.map((path, i) => file(path, `bad ${i}.png`))]);
  await settled(page);
  assert.match(await page.textContent("#model-words"), /instant detector: patches are compared with those of 5 good pictures/);
  const cards = await page.$$eval("#cards li", (all) => all.map((card) => [card.querySelector(".name").textContent, Number(/score ([\d.]+)/.exec(card.textContent)[1])]));
  const scores = Object.fromEntries(cards);
  const above = bad.filter((_, i) => scores[`bad ${i}.png`] > scores["good.png"]).length;
  assert.ok(above >= bad.length - 1, JSON.stringify(scores));
  // Why: the nearest good patch beside the worst one.
  await page.waitForSelector("#why:not([hidden])", { timeout: 30_000 });
  assert.equal(await page.$$eval("#why-pair canvas", (all) => all.filter((canvas) => canvas.width === 48).length), 2);
  assert.match(await page.textContent("#why-words"), /\d+ % alike/);
  for (const [width, height] of [[1280, 720], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      assert.deepEqual(await axe(page), [], `${colorScheme} at ${width}`);
      if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `why-${width}-${colorScheme}.png`), fullPage: width < 500 });
    }
  }
  // It has no gate to score by, and no student to go on with.
  await page.click("#viewer button:has-text('Look inside')");
  await page.waitForFunction(() => /^Score [0-9.]+/.test(document.getElementById("inside-words").textContent), undefined, { timeout: 60_000 });
  assert.equal(await page.$eval("#gate-scores", (words) => words.hidden), true);
  await page.click("nav [data-go=train]");
  assert.deepEqual(await page.$eval("#train-from-model", (option) => [option.disabled, option.textContent]), [true, "the loaded model"]);
  if (process.env.SHOTS) {
    for (const [width, height] of [[1280, 720], [390, 844]]) {
      await page.setViewportSize({ width, height });
      await page.screenshot({ path: join(process.env.SHOTS, `instant-${width}.png`) });
    }
  }
  assert.deepEqual(problems, []);
  await page.close();
});

test("its scores are the native program's", async () => {
  const { page } = await open(browser.context, `${site.address}?compute=cpu&learn=asked#train`);
  const made = execFileSync(process.env.AAND ?? "aand", ["train", join(work, "cloth"), "--instant", "--out", join(work, "m.aand"), "--quiet", "--json"]);
  const native = JSON.parse(made).threshold;
  const found = await page.evaluate(async (pictures) => {
    const { learn } = await import("./js/module/instant.js");
    const { Detector } = await import("./js/module/aand.js");
    const files = pictures.map(([name, text]) => ({ name, file: new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]) }));
    const instant = await learn(files, { name: "cloth", size: 256 });
    const detector = await Detector.load(instant.model, { compute: "cpu" });
    const { score } = await detector.detect(files[0].file);
    const trial = await instant.trial(0, 1);
    detector.close();
    instant.close();
    const late = (ms) => new Promise((answer) => { setTimeout(() => answer("no answer"), ms); });
    const closed = await Promise.race([instant.trial(0, 1).catch(({ name }) => name), late(5000)]);
    return { threshold: detector.info.threshold.value, score, trial, closed };
  }, contents(good));
  assert.ok(Math.abs(found.threshold - native.value) < 1e-3 * native.value, `${found.threshold} is not ${native.value}`);
  assert.ok(found.trial.good > found.score, "a picture is nearer to itself than to the others");
  assert.ok(found.trial.made > found.trial.good);
  assert.equal(found.closed, "AbortError");
  await page.close();
});

test("a GPU has the same scores", async (t) => {
  const gpu = await browse(GPU);
  try {
    const { page, problems } = await open(gpu.context, site.address);
    if (!(await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter())))) return t.skip("no WebGPU adapter");
    const scores = await page.evaluate(async (pictures) => {
      const { learn } = await import("./js/module/instant.js");
      const { Detector } = await import("./js/module/aand.js");
      const files = pictures.map(([name, text]) => ({ name, file: new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]) }));
      const instant = await learn(files.slice(0, 5), { name: "cloth", size: 256 });
      instant.close();
      const found = [];
      for (const compute of ["cpu", "gpu"]) {
        const detector = await Detector.load(instant.model, { compute });
        const { score } = await detector.detect(files[5].file);
        found.push([detector.compute, score]);
        detector.close();
      }
      return found;
    }, contents(good));
    const [[, cpu], [compute, found]] = scores;
    assert.equal(compute, "gpu");
    assert.ok(Math.abs(found - cpu) <= 1e-3 * cpu, `${found} on the GPU, ${cpu} on the CPU`);
    assert.deepEqual(problems, []);
  } finally {
    await gpu.stop();
  }
});

test("the trained model takes over where it ranks better, and only there", async () => {
  const { page } = await open(browser.context, `${site.address}?compute=cpu&learn=asked`);
  const verdicts = await page.evaluate(async () => {
    const { verdict } = await import("./js/train-instant.js");
    const trials = (...made) => made.map((made) => ({ good: 1, made }));
    return [
      verdict(trials(2, 3), trials(0.5, 3), true), verdict(trials(0.5, 3), trials(2, 3), false),
      verdict(trials(2, 4), trials(2, 3), true), verdict(trials(2, 3), trials(2, 4), true),
    ];
  });
  assert.deepEqual(verdicts.map(({ takesOver }) => takesOver), [true, false, true, false]);
  assert.match(verdicts[0].words, /not learned from.*trained model ranks 100 %.*instant detector 50 %/);
  assert.match(verdicts[1].words, /your good pictures.*trained model ranks 50 %.*instant detector 100 %/);
  // As good at ranking, who tells them apart further.
  assert.match(verdicts[2].words, /100 %.*100 %, and to the trained model defects stand out at least as far\.$/);
  assert.match(verdicts[3].words, /100 %.*100 %, to which defects stand out further\.$/);
  await page.close();
});

test("fewer than five are too few, and what was loaded is not taken away", async () => {
  const { page } = await open(browser.context, `${site.address}?compute=cpu&learn=asked#train`);
  await page.setInputFiles("#train-files", good.slice(0, 4));
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 4);
  await page.waitForTimeout(800);
  assert.ok(await page.isHidden("#instant-words"));
  await page.click("nav [data-go=inspect]");
  await loaded(page);
  const before = await page.textContent("#model-words");
  await page.click("nav [data-go=train]");
  await page.setInputFiles("#train-files", good.slice(4, 5));
  await ready(page);
  assert.match(await words(page), /The loaded model goes on judging/);
  assert.equal(await page.textContent("#model-words"), before);
  // A model of another product does not take over: it ranks no better. One that cannot be loaded was asked for all the same.
  const [contested, broken] = await page.evaluate(async ([model, pictures]) => {
    const { contest } = await import("./js/train-instant.js");
    const blob = (text) => new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
    const files = pictures.map(([name, text]) => ({ name, file: blob(text) }));
    return [await contest(blob(model), files, []), await contest(new Blob(["no model"]), files, [])];
  }, [readFileSync(MODEL).toString("base64"), contents(good.slice(0, 5))]);
  assert.equal(contested.takesOver, false, contested.words);
  assert.deepEqual(broken, { takesOver: true, words: "" });
  assert.match(contested.words, /^On your good pictures and made-up defects, the trained model ranks \d+ % of the pairs rightly, the instant detector \d+ %/);
  await page.click("#instant-use");
  await page.waitForFunction(() => /instant detector/.test(document.getElementById("model-words").textContent), undefined, { timeout: 60_000 });
  // Who judges is said anew when that changes.
  assert.match(await words(page), /judges already/);
  assert.ok(await page.isHidden("#instant-use"));
  await loaded(page);
  await page.waitForFunction((before) => document.getElementById("model-words").textContent === before, before);
  assert.match(await words(page), /The loaded model goes on judging/);
  assert.equal(await page.$eval("#instant-use", (button) => button.hidden), false);
  await page.close();
});

test("an instant detector that a person loaded is not replaced unasked", async () => {
  const { page, problems } = await open(browser.context, `${site.address}?compute=cpu&learn=asked`);
  const file = join(work, "own.aand");
  execFileSync(process.env.AAND ?? "aand", ["train", join(work, "cloth"), "--instant", "--out", file, "--quiet"]);
  await loaded(page, file);
  const before = await page.textContent("#model-words");
  assert.match(before, /those of 6 good pictures/);
  await page.click("nav [data-go=train]");
  await page.setInputFiles("#train-files", good.slice(0, 5));
  await ready(page);
  assert.match(await words(page), /The loaded model goes on judging/);
  assert.ok(await page.isVisible("#instant-use"));
  assert.equal(await page.textContent("#model-words"), before);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a sample that is on its way arrives", async () => {
  const { page, problems } = await open(browser.context, `${site.address}?compute=cpu&learn=asked`);
  await page.evaluate(() => {
    const { fetch } = window;
    window.fetch = async (...how) => {
      if (/\.aand$/.test(how[0])) await new Promise((go) => { window.arrive = go; });
      return fetch(...how);
    };
  });
  await page.click("#try-sample");
  await page.waitForFunction(() => window.arrive);
  await page.click("nav [data-go=train]");
  await page.setInputFiles("#train-files", good.slice(0, 5));
  await ready(page);
  assert.ok(await page.isVisible("#instant-use"));
  assert.doesNotMatch(await words(page), /judges already|loaded model/);
  await page.evaluate(() => window.arrive());
  await page.waitForFunction(() => document.querySelector("#model-words strong"), undefined, { timeout: 60_000 });
  assert.match(await page.textContent("#model-words"), /trained on/);
  assert.match(await words(page), /The loaded model goes on judging/);
  assert.deepEqual(problems, []);
  await page.close();
});
