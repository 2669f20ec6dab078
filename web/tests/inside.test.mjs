// Looking inside, in Chromium.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { axe, browse, GPU, open, serve } from "./site.mjs";

const DIST = process.env.DIST ?? "dist";
const [SAMPLE] = JSON.parse(readFileSync(join(DIST, "samples/samples.json"), "utf8"));
const MODEL = join(DIST, "samples", SAMPLE.model.file);
const GOOD = SAMPLE.pictures.find(({ label }) => label.startsWith("good"));

let site, browser;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});

/** The page with one good picture looked into. */
async function inside(query = "") {
  const opened = await open(browser.context, `${site.address}${query}`);
  const { page } = opened;
  // What moves while the page is scrolled is not what is tested.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.setInputFiles("#model-file", MODEL);
  await page.waitForSelector("#model-words strong", { timeout: 120_000 });
  await page.setInputFiles("#files", join(DIST, "samples", GOOD.file));
  await page.waitForSelector("#viewer .actions button");
  await page.click("#viewer button:has-text('Look inside')");
  await settled(page);
  return opened;
}

/** Until both settings of the switch are computed. */
const settled = (page) => page.waitForFunction(() => document.getElementById("inside-raa")?.textContent.startsWith("With"), undefined, { timeout: 120_000 });

const score = async (page) => Number((await page.textContent("#inside-words")).match(/Score ([0-9.]+)/)[1]);
const pixels = (page, name) => page.evaluate((name) => {
  const canvas = document.querySelector(`[data-panel=${name}] canvas`);
  return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
}, name);

/** Until the discrepancy's pixels are as wanted: a small flaw may leave the score, the map's maximum, where it was. */
const until = async (page, wanted) => {
  for (const end = Date.now() + 60_000; Date.now() < end; await page.waitForTimeout(100)) {
    const drawn = await pixels(page, "discrepancy");
    if (wanted(drawn)) return drawn;
  }
  assert.fail("the panel did not follow");
};
const same = (a, b) => a.join() === b.join();

test("the panels show one picture's way through the method, and the levels add up", async () => {
  const { page, problems } = await inside();
  const detected = Number((await page.textContent("#viewer-words")).match(/Score ([0-9.]+)/)[1]);
  assert.ok(Math.abs(await score(page) - detected) < 2e-3, "the score is the detector's");
  for (const level of [0, 1, 2]) {
    await page.click(`[data-level="${level}"]`);
    await page.waitForFunction((level) => document.querySelector(`[data-level="${level}"]`).getAttribute("aria-pressed") === "true", level);
    const side = 256 / 2 ** (level + 2);
    for (const name of ["teacher", "gate", "residual", "advanced", "student", "discrepancy"]) {
      const found = await pixels(page, name);
      assert.equal(found.length, 4 * side * side, name);
      if (name !== "gate") assert.ok(new Set(found).size > 20, `${name} of level ${level + 1} is flat`);
    }
  }
  const words = await page.textContent("#sum-words");
  const [a, b, c, sum] = words.match(/[0-9]+\.[0-9]+/g).map(Number);
  assert.ok(Math.abs(a + b + c - sum) < 2e-3, words);
  assert.ok(Math.abs(sum - await score(page)) < 1e-3, words);
  assert.deepEqual(problems, []);
  await page.close();
});

test("without the residual module the advanced teacher is the plain one", async () => {
  const { page } = await inside();
  const on = await score(page);
  assert.notDeepEqual(await pixels(page, "advanced"), await pixels(page, "teacher"));
  const words = await page.textContent("#inside-raa");
  await page.click("#amplify");
  await page.waitForFunction((on) => !document.getElementById("inside-words").textContent.includes(`Score ${on.toFixed(3)}`), on);
  assert.deepEqual(await pixels(page, "advanced"), await pixels(page, "teacher"));
  assert.equal(Math.max(...(await pixels(page, "residual")).filter((_, i) => i % 4 < 3)), Math.max(...(await pixels(page, "residual")).slice(0, 3)), "no residual anywhere");
  const [with_, without] = words.match(/[0-9]+\.[0-9]+/g).map(Number);
  assert.equal(with_, on);
  assert.equal(await score(page), without);
  await page.close();
});

test("the residual module’s switch answers at once", async () => {
  const { page } = await inside();
  // Both settings are known by now: switching computes nothing.
  const waited = await page.evaluate(async () => {
    const words = document.getElementById("inside-words");
    const before = words.textContent;
    const begin = performance.now();
    document.getElementById("amplify").click();
    while (words.textContent === before) {
      if (performance.now() - begin > 5_000) return Infinity;
      await new Promise((later) => requestAnimationFrame(later));
    }
    return performance.now() - begin;
  });
  assert.ok(waited < 500, `${waited} ms`);
  // What is painted is not known: that is said before it is computed.
  const said = await page.evaluate(() => {
    document.getElementById("make-defect").click();
    return document.getElementById("inside-raa").textContent;
  });
  assert.match(said, /…$/);
  await settled(page);
  await page.close();
});

test("painting raises the discrepancy under the brush, and can be undone", async () => {
  const { page, problems } = await inside();
  await page.click('[data-level="0"]');
  await page.waitForFunction(() => document.querySelector("[data-panel=discrepancy] canvas").width === 64);
  const [before, clean] = [await score(page), await pixels(page, "discrepancy")];
  await page.focus("#paint");
  await page.fill("#brush-size", "6");
  await page.locator("#paint").scrollIntoViewIfNeeded();
  const { x, y, width, height } = await page.locator("#paint").boundingBox();
  const at = (u, v) => [x + u * width, y + v * height];
  await page.selectOption("#brush-color", "#b3261e");
  await page.mouse.move(...at(0.68, 0.18));
  await page.mouse.down();
  await page.mouse.move(...at(0.78, 0.18), { steps: 4 });
  await page.mouse.up();
  // Inferno brightens all the way: the sum of the three channels tells higher from lower.
  const mean = (values, inside) => {
    const chosen = Array.from({ length: 64 * 64 }, (_, i) => i).filter((i) => inside((i % 64 + 0.5) / 64, (Math.floor(i / 64) + 0.5) / 64));
    return chosen.reduce((sum, i) => sum + values[4 * i] + values[4 * i + 1] + values[4 * i + 2], 0) / chosen.length;
  };
  const under = (u, v) => u > 0.66 && u < 0.8 && v > 0.14 && v < 0.22;
  const away = (u, v) => u < 0.4 && v > 0.6;
  const rise = (drawn, place) => mean(drawn, place) - mean(clean, place);
  // Parts of the stroke are computed on the way: the last answer counts.
  await until(page, (drawn) => rise(drawn, under) > 20);
  await page.waitForFunction((before) => Number(/Score ([0-9.]+)/.exec(document.getElementById("inside-words").textContent)?.[1]) > before, before);
  await settled(page);
  const painted = await pixels(page, "discrepancy");
  assert.ok(await score(page) > before, "the score rises");
  assert.ok(rise(painted, under) > 20, `it rises by ${rise(painted, under)} under the brush`);
  const [here, there] = [under, away].map((place) => rise(painted, place));
  assert.ok(here > 4 * Math.abs(there), `it rises by ${here} under the brush, by ${there} elsewhere`);
  await page.click("#paint-undo");
  await until(page, (drawn) => same(drawn, clean));
  await settled(page);
  assert.equal(await score(page), before);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a defect is made as in training; the keyboard paints too", async () => {
  const { page, problems } = await inside();
  const clean = await pixels(page, "discrepancy");
  await page.click("#make-defect");
  await until(page, (drawn) => !same(drawn, clean));
  await settled(page);
  await page.click("#paint-reset");
  await until(page, (drawn) => same(drawn, clean));
  await page.focus("#paint");
  for (const key of ["ArrowLeft", "ArrowUp", "Space"]) await page.keyboard.press(key);
  await until(page, (drawn) => !same(drawn, clean));
  assert.deepEqual(problems, []);
  await page.close();
});

test("as a module: the same defect for the same seed, and only where the noise is", async () => {
  const { page } = await open(browser.context, site.address);
  const model = `samples/${SAMPLE.model.file}`;
  const found = await page.evaluate(async ([model, picture]) => {
    const { Detector } = await import("./js/module/aand.js");
    const detector = await Detector.load(new URL(model, location.href), { compute: "cpu" });
    const input = await detector.input(await (await fetch(picture)).blob());
    const [a, b, c] = [await detector.defect(input, 5), await detector.defect(input, 5), await detector.defect(input, 6)];
    const equal = (a, b) => a.data.every((value, i) => value === b.data[i]);
    const changed = a.data.filter((value, i) => value !== input.data[i]).length / a.data.length;
    const { levels, map, score } = await detector.inspect(input);
    const sum = map.map((_, i) => levels.reduce((sum, { share }) => sum + share[i], 0));
    const apart = Math.max(...map.map((value, i) => Math.abs(value - sum[i])));
    detector.close();
    return { same: equal(a, b), other: equal(a, c), changed, apart, score, highest: Math.max(...map) };
  }, [model, `samples/${GOOD.file}`]);
  assert.ok(found.same && !found.other);
  assert.ok(found.changed > 0 && found.changed < 0.6, `${found.changed} of the bytes changed`);
  assert.ok(found.apart < 1e-5, `the shares are ${found.apart} apart from the map`);
  assert.equal(found.highest, found.score);
  await page.close();
});

test("while a GPU detects, the CPU looks inside", async (t) => {
  const gpu = await browse(GPU);
  try {
    const { page, problems } = await open(gpu.context, site.address);
    if (!(await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter())))) return t.skip("no WebGPU adapter");
    const [detected, inside, compute] = await page.evaluate(async ([model, picture]) => {
      const { Detector } = await import("./js/module/aand.js");
      const detector = await Detector.load(new URL(model, location.href), { compute: "gpu" });
      const file = await (await fetch(picture)).blob();
      const { score } = await detector.detect(file);
      const inside = await detector.inspect(await detector.input(file));
      const { compute } = detector;
      detector.close();
      return [score, inside.score, compute];
    }, [`samples/${SAMPLE.model.file}`, `samples/${GOOD.file}`]);
    assert.equal(compute, "gpu");
    assert.ok(Math.abs(detected - inside) <= 1e-3 * inside, `${detected} on the GPU, ${inside} inside`);
    assert.deepEqual(problems, []);
  } finally {
    await gpu.stop();
  }
});

test("looking inside is accessible, light and dark", async () => {
  const { page } = await inside();
  for (const details of await page.$$("#inside details")) await details.evaluate((element) => { element.open = true; });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    assert.deepEqual(await axe(page), [], colorScheme);
  }
  await page.close();
});
