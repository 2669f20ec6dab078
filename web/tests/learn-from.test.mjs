// Train: from good pictures to a model, as a person sees it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deepPng } from "./fixtures.mjs";
import { axe, browse, open, serve } from "./site.mjs";
import { bitmap, DIST, picture } from "./steps.mjs";

let site, browser;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});
const fresh = (query = "") => open(browser.context, `${site.address}?compute=cpu&learn=asked${query}#train`);
const parts = (count) => Array.from({ length: count }, (_, i) => picture(`part ${i}.png`, i));
/** A short training's form. */
const coarse = async (page) => {
  await page.click("#train-more summary");
  await page.selectOption("#train-size", "128");
};
const ended = async (page) => {
  await page.waitForSelector("#train-result:not([hidden]), #train-error:not([hidden])", { timeout: 200_000 });
  assert.equal(await page.textContent("#train-error"), "");
};

test("every good picture is seen and has a cross of its own, which can be undone", async () => {
  const { page, problems } = await fresh();
  await page.setInputFiles("#train-files", parts(6));
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 6);
  await page.waitForFunction(() => [...document.querySelectorAll("#train-thumbs canvas")].every((canvas) => canvas.width > 1));
  await page.click("[aria-label='Remove part 2.png']");
  const left = () => page.$$eval("#train-thumbs li", (all) => all.map((e) => e.title));
  assert.deepEqual(await left(), ["part 0.png", "part 1.png", "part 3.png", "part 4.png", "part 5.png"]);
  assert.match(await page.textContent("#train-count"), /^5 good/);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Remove part 3.png");
  await page.click("[aria-label='Remove part 0.png']");
  assert.ok(await page.isDisabled("#train-go"), "4 are too few");
  await page.click("#undo-now");
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 5);
  assert.ok((await left()).includes("part 0.png"));
  assert.ok(await page.isEnabled("#train-go"));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    assert.deepEqual(await axe(page), [], colorScheme);
  }
  assert.deepEqual(problems, []);
  await page.close();
});

test("nothing of it is wider than a phone, at 390 and at 320 pixels", async () => {
  const { page } = await fresh();
  await page.setInputFiles("#train-files", parts(6));
  await page.waitForSelector("#train-go:not([disabled])");
  await page.click("#train-more summary");
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 700 });
    const wide = await page.$$eval("#train *", (all) => all.filter((e) => e.checkVisibility() && !e.matches(".visually-hidden") && e.getBoundingClientRect().right > innerWidth)
      .map((e) => e.id || e.className || e.tagName));
    assert.deepEqual(wide, [], `${width} pixels`);
    const [box, form] = await page.$$eval("#train-step-learn, #train-go", (all) => all.map((e) => e.getBoundingClientRect().right));
    assert.ok(form < box, `the button ends at ${form}, its box at ${box}`);
  }
  await page.close();
});

test("pictures without a model are seen, and one press learns from them", async () => {
  const { page } = await fresh();
  await page.click("nav [data-go=inspect]");
  await page.setInputFiles("#files", parts(5));
  await page.waitForFunction(() => [...document.querySelectorAll("#cards canvas")].every((canvas) => canvas.width > 1));
  await page.click("#learn-these");
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 5);
  assert.match(page.url(), /#train$/);
  assert.ok(await page.isEnabled("#train-go"));
  await page.close();
});

test("the minutes are kept: more steps where the device is quick, never too few or too many", async () => {
  const { page } = await fresh();
  const plans = await page.evaluate(async () => {
    const { plan, Stopwatch } = await import("./js/module/train-plan.js");
    const of = { pictures: 10, batch: 8, amplify: true };
    const slow = { amplify: 1500, distill: 1000, picture: 300 };
    const watch = new Stopwatch();
    let ms = 0;
    for (const [told, took] of [
      [{ type: "begin", stage: "amplify" }, 10], [{ type: "step", stage: "amplify" }, 900], [{ type: "step", stage: "amplify" }, 200],
      [{ type: "step", stage: "amplify" }, 220], [{ type: "caching" }, 50], [{ type: "caching" }, 30],
      [{ type: "begin", stage: "distill" }, 5], [{ type: "step", stage: "distill" }, 400], [{ type: "step", stage: "distill" }, 90],
      [{ type: "scoring" }, 300], [{ type: "scoring" }, 40],
    ]) watch.hear({ ...told, ms: ms += took });
    return {
      five: plan(5, slow, of), fifteen: plan(15, slow, of), gpu: plan(45, { amplify: 20, distill: 10, picture: 5 }, of),
      hurry: plan(0.1, slow, of), alone: plan(5, slow, { ...of, amplify: false }), pace: watch.pace(),
    };
  });
  for (const [name, minutes] of [["five", 5], ["fifteen", 15], ["alone", 5]]) {
    assert.ok(Math.abs(plans[name].minutes - minutes) < 0.1, `${name}: ${plans[name].minutes}`);
  }
  assert.ok(plans.fifteen.steps[0] > 2.5 * plans.five.steps[0]);
  assert.ok(Math.abs(plans.five.steps[1] - 2 * plans.five.steps[0]) <= 1);
  assert.ok(plans.gpu.minutes < 1 && plans.gpu.steps[0] >= 360, "it ends when more would not help");
  assert.deepEqual(plans.hurry.steps, [20, 40]);
  assert.equal(plans.pace.distill, 90);
  assert.ok(plans.pace.amplify >= 200 && plans.pace.amplify <= 220, `${plans.pace.amplify}`);
  await page.close();
});

test("the pace is measured before the first training, and remembered for the next", async () => {
  const { page, problems } = await fresh();
  await page.setInputFiles("#train-files", parts(5));
  await page.waitForSelector("#train-go:not([disabled])");
  await coarse(page);
  await page.click("#train-go");
  await page.waitForFunction(() => Object.keys(JSON.parse(localStorage.getItem("aand-paces") ?? "{}")).length === 1, undefined, { timeout: 120_000 });
  const [[of, pace]] = await page.evaluate(() => Object.entries(JSON.parse(localStorage.getItem("aand-paces"))));
  assert.equal(of, "128 5 cpu");
  for (const [name, ms] of Object.entries(pace)) assert.ok(ms > 0 && ms < 60_000, `${name}: ${ms}`);
  await page.waitForFunction(() => /^Stage 1 of 2/.test(document.getElementById("train-progress-words").textContent), undefined, { timeout: 60_000 });
  assert.match(await page.textContent("#train-mark"), /^\d+ %$/);
  await page.click("#train-cancel");
  await page.waitForSelector("#train-go:not([disabled])");
  assert.deepEqual(problems, []);
  await page.close();
});

test("while it learns, its maps of a made-up defect are seen; then there is a way on", async () => {
  const { page, problems } = await fresh("&steps=6,10");
  await page.setInputFiles("#train-files", parts(5));
  await page.waitForSelector("#train-go:not([disabled])");
  await coarse(page);
  // An instant detector that takes defects for good, for the training to be better.
  await page.waitForFunction(() => /judges already/.test(document.getElementById("instant-words").textContent), undefined, { timeout: 60_000 });
  await page.evaluate(async () => {
    const { Instant } = await import("./js/module/instant.js");
    Instant.prototype.trial = async () => ({ good: 1, made: 0.5 });
  });
  await page.click("#train-go");
  await page.waitForSelector("#train-live:not([hidden])", { timeout: 120_000 });
  const drawn = (id) => page.$eval(`#${id}`, (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return { side: canvas.width, colors: new Set(new Uint32Array(data.buffer)).size };
  });
  const [seen, heat] = [await drawn("live-picture"), await drawn("live-heat")];
  assert.equal(seen.side, 128);
  assert.ok(seen.colors > 100 && heat.colors > 20, JSON.stringify([seen, heat]));
  await ended(page);
  // The first epoch of each stage is shown.
  await page.waitForFunction(() => document.querySelectorAll("#live-film li").length >= 1);
  assert.equal(await page.evaluate(() => document.activeElement.id), "train-check");
  assert.ok(await page.isHidden("#train-unfinished"), "nothing is left to go on with");
  assert.match(await page.textContent("#train-words"), /, and in use\. On your good pictures and made-up defects, the trained model ranks \d+ % of the pairs rightly, the instant detector 0 %\. The trained model judges from now on\.$/);
  assert.match(await page.textContent("#model-words"), /^my part, trained on 5 good pictures/);
  assert.ok(await page.isHidden("#train-use"));
  const kept = () => page.evaluate(async () => {
    const names = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
    return names;
  });
  for (const end = Date.now() + 20_000; (await kept()).includes("aand-unfinished"); await page.waitForTimeout(200)) {
    assert.ok(Date.now() < end, `${await kept()}`);
  }
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    assert.deepEqual(await axe(page), [], colorScheme);
  }
  assert.deepEqual(problems, []);
  await page.close();
});

test("a training that the page's end cut off goes on from its last epoch, with its pictures", async () => {
  const { page, problems } = await fresh("&steps=4,600");
  await page.setInputFiles("#train-files", parts(5));
  await page.waitForSelector("#train-go:not([disabled])");
  await coarse(page);
  await page.fill("#train-name", "cut off");
  await page.click("#train-go");
  const kept = () => page.evaluate(async () => {
    try {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("aand-unfinished");
      return JSON.parse(await (await (await folder.getFileHandle("state.json")).getFile()).text()).stage;
    } catch { return ""; }
  });
  for (const end = Date.now() + 120_000; await kept() !== "distill"; await page.waitForTimeout(200)) assert.ok(Date.now() < end, "nothing is kept");
  // Another tab does not take it for a broken one while it runs.
  const { page: other } = await fresh();
  await other.waitForTimeout(300);
  assert.ok(await other.isHidden("#train-unfinished"));
  await other.close();
  // As a browser that ends without asking.
  await page.evaluate(async () => (await import("./js/leave.js")).leaveAnyway());
  await page.goto(`${site.address}?compute=cpu&learn=asked#train`);
  await page.reload();
  await page.waitForSelector("#train-unfinished:not([hidden])");
  assert.match(await page.textContent("#train-unfinished-words"), /training of cut off ended in stage 2 of 2, after epoch \d+ of 600/);
  const rest = await page.evaluate(async () => {
    const { rest } = await import("./js/train-unfinished.js");
    const of = { steps: [100, 200], amplify: true, epochs: 10 };
    return [rest({ ...of, stage: "amplify", epoch: 4 }), rest({ ...of, stage: "amplify", epoch: 10 }), rest({ ...of, stage: "distill", epoch: 5 })];
  });
  assert.deepEqual(rest, [{ amplify: true, steps: [60, 200] }, { amplify: false, steps: [1, 200] }, { amplify: false, steps: [1, 100] }]);
  await page.click("#train-go-on");
  await page.waitForFunction(() => /^Stage 2 of 2/.test(document.getElementById("train-progress-words").textContent), undefined, { timeout: 120_000 });
  assert.match(await page.textContent("#train-count"), /^5 good/);
  await page.click("#train-cancel");
  await page.waitForSelector("#train-go:not([disabled])");
  // What was cancelled is there to go on with, until it is thrown away.
  await page.waitForSelector("#train-unfinished:not([hidden])");
  await page.click("#train-discard");
  await page.reload();
  await page.waitForSelector("#train-kept-list, #train-form");
  await page.waitForTimeout(300);
  assert.ok(await page.isHidden("#train-unfinished"));
  assert.deepEqual(problems, []);
  await page.close();
});

test("pictures of more than 8 bits that are read nearly black are said, and can be read rightly", async () => {
  const { page, problems } = await fresh("&steps=1,1");
  const deep = Array.from({ length: 5 }, (_, i) => ({ name: `deep ${i}.png`, mimeType: "image/png", buffer: deepPng(64, 4000, i) }));
  await page.setInputFiles("#train-files", deep);
  await page.waitForSelector("#train-go:not([disabled])");
  await coarse(page);
  await page.click("#train-go");
  await page.waitForSelector("#train-stored-use:not([hidden])", { timeout: 60_000 });
  assert.match(await page.textContent("#train-stored"), /^5 pictures of more than 8 bits hold values from 0 to 4000 only, and are read nearly black/);
  assert.equal(await page.textContent("#train-stored-use"), "Begin again, read as 0..4095");
  await page.click("#train-stored-use");
  await page.waitForFunction(() => document.getElementById("train-stored").hidden);
  await ended(page);
  assert.ok(await page.isHidden("#train-stored"));
  assert.equal(await page.evaluate(async () => (await import("./js/state.js")).page.detector.info.range), "0..4095");
  // Brighter than what it was trained with: what is cut is said beside the score.
  await page.click("nav [data-go=inspect]");
  await page.setInputFiles("#files", [{ name: "bright.png", mimeType: "image/png", buffer: deepPng(64, 9000) }, bitmap("plain.bmp", 40, 64)]);
  await page.waitForFunction(() => document.querySelectorAll("#cards .verdict").length === 2, undefined, { timeout: 60_000 });
  assert.match(await page.locator("#cards button", { hasText: "bright" }).textContent(), /from 0 to 9000, outside 0\.\.4095/);
  assert.match(await page.textContent("#stored-notice"), /^1 picture of more than 8 bits: .*what lies beyond is cut/);
  assert.equal(await page.locator("#cards button", { hasText: "plain" }).locator(".hint").count(), 0);
  assert.deepEqual(problems, []);
  await page.close();
});
