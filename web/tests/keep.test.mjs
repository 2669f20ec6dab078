// Nothing of the person's is lost without a question.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browse, open, serve } from "./site.mjs";
import { asked, bitmap, DIST, loaded, names, picture, reload, SAMPLE, saved, settled } from "./steps.mjs";

let site, browser;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});
const fresh = (query = "") => open(browser.context, `${site.address}?compute=cpu&learn=asked${query}`);

test("own pictures stay when a sample is chosen, and are judged by its model", async () => {
  const { page, problems } = await fresh();
  await page.setInputFiles("#files", [picture("mine 1.png"), picture("mine 2.png", 1)]);
  await page.waitForSelector("#sample-list button");
  await page.click("#sample-list button");
  await settled(page);
  assert.deepEqual((await names(page)).sort(), ["mine 1.png", "mine 2.png"]);
  assert.equal(await page.locator("#cards .verdict").count(), 2);
  assert.match(await page.textContent("#files-notice"), /^Your 2 pictures stay/);
  // A sample's own pictures are nobody's: another sample replaces them.
  await page.click("#clear");
  await page.click("#sample-list button");
  await settled(page);
  await page.click("#more summary");
  await page.click("#open-samples");
  await page.click("#sample-list button");
  await settled(page);
  assert.equal((await names(page)).length, SAMPLE.pictures.length);
  assert.deepEqual(problems, []);
  await page.close();
});

test("what is not saved is asked about before the page goes; what is saved is not", async () => {
  const { page } = await fresh();
  await loaded(page);
  await page.click("#open-diagnostics");
  await page.click("#close-diagnostics");
  await page.setInputFiles("#files", [picture("mine.png")]);
  await settled(page);
  assert.ok(await asked(page, () => reload(page)), "a reload");
  assert.ok(await asked(page, () => page.evaluate(() => { setTimeout(() => { location.href = "bench.html"; }); })), "another page");
  assert.equal(await page.locator("#cards .verdict").count(), 1);
  await saved(page, "#save-csv");
  assert.ok(!await asked(page, async () => { await reload(page); await page.waitForEvent("load"); }));
  // Nor are a sample's pictures.
  await page.click("#try-sample");
  await settled(page);
  assert.ok(!await asked(page, async () => { await reload(page); await page.waitForEvent("load"); }));
  await page.close();
});

test("the link to the measurements leaves the results where they are", async () => {
  const { page } = await fresh();
  const [bench] = await Promise.all([page.context().waitForEvent("page"), page.click("footer a")]);
  await bench.waitForSelector("#measure");
  assert.match(bench.url(), /bench\.html$/);
  assert.doesNotMatch(page.url(), /bench/);
  await bench.close();
  await page.close();
});

test("the way home leaves everything where it is", async () => {
  const { page } = await fresh();
  await page.click("#try-sample");
  await settled(page);
  await page.click("#home");
  assert.ok(await page.isVisible("#headline"));
  assert.equal(await page.locator("#cards .verdict").count(), SAMPLE.pictures.length);
  await page.close();
});

test("Clear can be undone", async () => {
  const { page } = await fresh();
  await loaded(page);
  await page.setInputFiles("#files", [picture("a.png"), picture("b.png", 1)]);
  await settled(page);
  await page.click("#clear");
  assert.deepEqual(await names(page), []);
  // Another of the same name comes before that.
  await page.setInputFiles("#files", [picture("a.png", 2)]);
  await settled(page);
  await page.click("#undo-now");
  await settled(page);
  assert.deepEqual((await names(page)).sort(), ["a (2).png", "a.png", "b.png"]);
  assert.ok(await page.isHidden("#undo"));
  assert.ok(await page.isVisible("#viewer-overlay"));
  await page.close();
});

/** Puts files where the page keeps models. */
const put = (page, files) => page.evaluate(async (files) => {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("aand-models", { create: true });
  for (const [name, words] of Object.entries(files)) {
    const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await stream.write(words);
    await stream.close();
  }
}, files);
const keptNames = (page) => page.$$eval("#train-kept-list li span", (all) => all.map((e) => e.textContent.replace(/ \(.*/, "")).sort());

test("a kept model that is deleted comes back with Undo, byte for byte", async () => {
  const { page, problems } = await fresh("#train");
  await put(page, { "one.aand": "first", "two.aand": "second" });
  await page.reload();
  await page.waitForSelector("#train-kept-list li");
  await page.click("[aria-label='Delete one.aand']");
  await page.waitForFunction(() => document.querySelectorAll("#train-kept-list li").length === 1);
  assert.equal(await page.evaluate(() => document.activeElement.id), "undo-now");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll("#train-kept-list li").length === 2);
  assert.deepEqual(await keptNames(page), ["one.aand", "two.aand"]);
  assert.equal((await saved(page, "[aria-label='Save one.aand']")).toString(), "first");
  // Without Undo it stays away.
  await page.click("[aria-label='Delete two.aand']");
  await page.waitForFunction(() => document.querySelectorAll("#train-kept-list li").length === 1);
  await page.reload();
  await page.waitForSelector("#train-kept-list li");
  assert.deepEqual(await keptNames(page), ["one.aand"]);
  assert.deepEqual(problems, []);
  await page.close();
});

test("one kept file that cannot be read hides no other, and is not written over", async () => {
  const { page } = await fresh();
  await put(page, { "a.aand": "first", "b.aand": "second" });
  const found = await page.evaluate(async () => {
    const get = FileSystemFileHandle.prototype.getFile;
    FileSystemFileHandle.prototype.getFile = function () {
      return this.name === "a.aand" ? Promise.reject(new DOMException("gone", "NotFoundError")) : get.call(this);
    };
    const { keep, kept } = await import("./js/train-keep.js");
    const before = (await kept()).map(({ name }) => name);
    return { before, name: await keep(new Blob(["third"]), "A") };
  });
  assert.ok(found.before.includes("b.aand"), `${found.before}`);
  assert.equal(found.name, "A (2).aand");
  await page.close();
});

test("the browser is asked to keep the models, and the page says where it may not", async () => {
  const { page } = await fresh("#train");
  await put(page, { "c.aand": "x" });
  for (const granted of [true, false]) {
    await page.evaluate(async (granted) => {
      let asked = false;
      navigator.storage.persist = async () => { asked = true; return granted; };
      navigator.storage.persisted = async () => asked && granted;
      await (await import("./js/train-kept.js")).persist();
    }, granted);
    assert.equal(await page.isHidden("#train-kept-words"), granted);
    if (!granted) assert.match(await page.textContent("#train-kept-words"), /may delete .*Save what must last/);
  }
  await page.close();
});

test("a training: one at a time, asked about, awake, and what is added meanwhile is for the next", async () => {
  const { page } = await fresh("&steps=40,40");
  await page.evaluate(() => {
    window.locks = [];
    navigator.wakeLock.request = async (kind) => {
      const lock = { kind, released: false, release: async () => { lock.released = true; } };
      window.locks.push(lock);
      return lock;
    };
  });
  await page.setInputFiles("#train-files", Array.from({ length: 5 }, (_, i) => bitmap(`${i}.bmp`, 30 * i + 20)));
  await page.waitForSelector("#train-go:not([disabled])");
  await page.click("#train-more summary");
  await page.selectOption("#train-size", "128");
  await page.evaluate(() => {
    // The instant detector has one of its own.
    window.workers = 0;
    window.Worker = class extends window.Worker {
      constructor(...how) { super(...how); window.workers += how[1].name === "aand training"; }
    };
    // As two presses of Enter before the first is answered.
    const form = document.getElementById("train-form");
    form.requestSubmit();
    form.requestSubmit();
  });
  await page.waitForFunction(() => window.workers > 0);
  await page.waitForTimeout(200);
  assert.equal(await page.evaluate(() => window.workers), 1);
  await page.setInputFiles("#train-files", [bitmap("late.bmp", 7)]);
  await page.waitForFunction(() => /1 of them for the next training; this one goes on with 5/.test(document.getElementById("train-count").textContent));
  await page.click("#train-title");
  assert.ok(await asked(page, () => reload(page)));
  assert.deepEqual(await page.evaluate(() => window.locks.map(({ kind, released }) => [kind, released])), [["screen", false]]);
  await page.click("#train-cancel");
  await page.waitForSelector("#train-go:not([disabled])");
  assert.deepEqual(await page.evaluate(() => window.locks.map(({ released }) => released)), [true]);
  // The instant detector hears of what came meanwhile.
  await page.waitForFunction(() => /those of your 6 good pictures/.test(document.getElementById("instant-words").textContent), undefined, { timeout: 60_000 });
  assert.ok(!await asked(page, async () => { await reload(page); await page.waitForEvent("load"); }));
  await page.close();
});
