// Odd names, quick fingers, and browsers that hold things back.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { browse, open, serve } from "./site.mjs";
import { bitmap, DIST, loaded, MODEL, names, picture, PICTURES, SAMPLE, settled } from "./steps.mjs";

let site, browser;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});
const fresh = (hash = "") => open(browser.context, `${site.address}?compute=cpu&learn=asked${hash}`);
/** From here on `window.workers` has the detectors' workers that live. */
const countWorkers = (page) => page.evaluate(() => {
  window.workers = new Set();
  window.Worker = class extends window.Worker {
    constructor(...how) { super(...how); window.workers.add(this); }
    terminate() { window.workers.delete(this); super.terminate(); }
  };
});

test("a name that is HTML is a name", async () => {
  const { page, problems } = await fresh("#train");
  const given = "<img src=x onerror=\"window.ran = true\">.png";
  const seen = () => page.evaluate(() => [window.ran ?? false, document.querySelectorAll("img[src=x]").length]);
  await page.setInputFiles("#train-files", [picture(given), picture("other.png", 1)]);
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 2);
  assert.deepEqual(await seen(), [false, 0]);
  await page.click("nav [data-go=inspect]");
  await loaded(page);
  const broken = "<b onclick=alert(1)>.png";
  await page.setInputFiles("#files", [picture(given), { name: broken, mimeType: "image/png", buffer: Buffer.from("no picture") }]);
  await settled(page);
  assert.deepEqual((await names(page)).sort(), [broken, given].sort());
  // What screen readers are told, in words that fit one of each.
  await page.waitForFunction(() => /^1 judged, [01] anomalous\. 1 could not be used\.$/.test(document.getElementById("announcer").textContent));
  assert.equal(await page.textContent("#viewer-title"), given);
  assert.equal(await page.locator("#cards b").count(), 0);
  assert.deepEqual(await seen(), [false, 0]);
  assert.deepEqual(problems, []);
  await page.close();
});

test("what is announced in one moment is heard one after the other", async () => {
  const { page, problems } = await fresh();
  await page.waitForSelector("#try-sample");
  const heard = await page.evaluate(async () => {
    const { announce } = await import("./js/dom.js");
    const place = document.getElementById("announcer");
    const times = [];
    const all = new Promise((done) => new MutationObserver(() => {
      times.push([place.textContent, performance.now()]);
      if (times.length === 3) done(times);
    }).observe(place, { childList: true }));
    for (const words of ["one", "two", "two"]) announce(words);
    return all;
  });
  assert.deepEqual(heard.map(([words]) => words), ["one", "two", "two"]);
  // Each has stood for long enough to be read out; timers of a busy machine are late, and catch up.
  assert.ok(heard[2][1] - heard[0][1] > 500, JSON.stringify(heard));
  assert.deepEqual(problems, []);
  await page.close();
});

test("one press too many: one model, one set of pictures, one worker", async () => {
  const { page, problems } = await fresh();
  await countWorkers(page);
  await page.waitForSelector("#try-sample");
  await page.evaluate(() => { for (let i = 0; i < 2; i++) document.getElementById("try-sample").click(); });
  await settled(page);
  assert.equal((await names(page)).length, SAMPLE.pictures.length);
  await page.click("#more summary");
  await page.click("#open-samples");
  await page.waitForSelector("#sample-list button");
  await page.evaluate(() => {
    const all = [...document.querySelectorAll("#sample-list button")];
    for (let i = 0; i < 9; i++) all[(all.length - 1 + i) % all.length].click();
  });
  await settled(page);
  await page.waitForFunction((count) => document.querySelectorAll("#cards .verdict").length === count, SAMPLE.pictures.length);
  const of = await page.textContent("#model-words strong");
  assert.ok(of.length > 0 && await page.isHidden("#model-error"));
  // Helpers for many pictures have gone by then.
  await page.waitForFunction(() => window.workers.size === 1);
  assert.deepEqual(problems, []);
  await page.close();
});

test("Clear, more pictures and another model, all while it judges", async () => {
  const { page, problems } = await fresh();
  await loaded(page);
  const many = (word) => Array.from({ length: 30 }, (_, i) => picture(`${word} ${i}.png`, i % 3));
  await page.setInputFiles("#files", many("first"));
  await page.waitForFunction(() => document.querySelectorAll("#cards .verdict").length >= 2);
  await page.click("#clear");
  await page.setInputFiles("#files", [picture("second.png"), picture("third.png", 1)]);
  await settled(page);
  assert.deepEqual((await names(page)).sort(), ["second.png", "third.png"]);
  await page.setInputFiles("#files", many("more"));
  await page.waitForFunction(() => document.querySelectorAll("#cards .verdict").length >= 4);
  await loaded(page, MODEL);
  await settled(page);
  // All of them by the new one, each once.
  assert.equal(await page.locator("#cards .verdict").count(), 32);
  assert.equal(new Set(await names(page)).size, 32);
  assert.deepEqual(problems, []);
  await page.close();
});

test("at 200 and 400 % nothing has to be scrolled sideways", async () => {
  const { page } = await fresh();
  // As a window of 1280 pixels is then.
  const check = async (where) => {
    for (const width of [640, 320]) {
      await page.setViewportSize({ width, height: 512 });
      const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= seen, `${where}: ${wide} of ${seen} pixels`);
    }
  };
  await check("start");
  await page.click("#try-sample");
  await settled(page);
  await check("results");
  await page.click("nav [data-go=train]");
  await check("train");
  await page.click("nav [data-go=inside]");
  await check("inside");
  await page.goto(`${site.address}bench.html`);
  await check("bench");
  await page.close();
});

test("where the browser keeps nothing, as in a private window, it judges, looks inside and learns all the same", async () => {
  const own = await browse();
  try {
    await own.context.addInitScript(() => {
      const refuse = () => Promise.reject(new DOMException("The operation is insecure.", "SecurityError"));
      StorageManager.prototype.getDirectory = refuse;
      CacheStorage.prototype.open = CacheStorage.prototype.match = refuse;
      Object.defineProperty(window, "localStorage", { get() { throw new DOMException("The operation is insecure.", "SecurityError"); } });
    });
    const { page, problems } = await open(own.context, `${site.address}?compute=cpu&learn=asked&steps=1,1`);
    await page.click("#try-sample");
    await settled(page);
    assert.equal(await page.locator("#cards .verdict").count(), SAMPLE.pictures.length);
    await page.click("#viewer button:has-text('Look inside')");
    await page.waitForFunction(() => /^Score [0-9.]+/.test(document.getElementById("inside-words").textContent), undefined, { timeout: 60_000 });
    await page.keyboard.press("Escape");
    await page.click("nav [data-go=train]");
    await page.setInputFiles("#train-files", PICTURES.slice(0, 5));
    await page.waitForSelector("#train-go:not([disabled])");
    await page.click("#train-more summary");
    await page.selectOption("#train-size", "128");
    await page.click("#train-go");
    await page.waitForSelector("#train-result:not([hidden]), #train-error:not([hidden])", { timeout: 200_000 });
    assert.equal(await page.textContent("#train-error"), "");
    // What is not kept must not be called kept.
    assert.doesNotMatch(await page.textContent("#train-words"), /is kept in this browser/);
    assert.deepEqual(problems, []);
  } finally {
    await own.stop();
  }
});

test("modules served as unknown bytes work", async () => {
  const bytes = "application/octet-stream";
  const plain = await serve(DIST, { "wasm/aand-web_bg.wasm": () => ({ type: bytes }) });
  try {
    const { page } = await open(browser.context, `${plain.address}?compute=cpu`);
    await loaded(page);
    await page.setInputFiles("#files", [picture("mine.png")]);
    await settled(page);
    assert.equal(await page.locator("#cards .verdict").count(), 1);
    await page.close();
  } finally {
    await plain.stop();
  }
});

test("good pictures that are none are named, and too few are said; the others are learned from", async () => {
  const { page, problems } = await fresh("#train");
  const none = (name, bytes) => ({ name, mimeType: "image/png", buffer: bytes });
  const cut = readFileSync(PICTURES[0]).subarray(0, 500);
  const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from("ftypheic\0\0\0\0mif1heic", "latin1"), Buffer.alloc(64)]);
  // In front of the others, where the pace is measured.
  await page.setInputFiles("#train-files", [
    none("0 cut.png", cut), none("0 phone.HEIC", heic), none("0 text.png", Buffer.from("no picture")), none("0 none.png", Buffer.alloc(64)),
    ...Array.from({ length: 4 }, (_, i) => bitmap(`${i + 1}.bmp`, 30 * i + 20, 32)),
  ]);
  await page.waitForSelector("#train-go:not([disabled])");
  await page.click("#train-more summary");
  await page.selectOption("#train-size", "128");
  await page.click("#train-go");
  await page.waitForSelector("#train-error:not([hidden])", { timeout: 120_000 });
  assert.match(await page.textContent("#train-error"), /too few usable pictures, 4; give 5 or more/);
  const unusable = await page.$$eval("#train-unusable li", (all) => all.map((e) => e.textContent).sort());
  assert.equal(unusable.length, 4, `${unusable}`);
  [/^0 cut\.png: .*(cut off|damaged)/, /^0 none\.png: .*only zeros/, /^0 phone\.HEIC: .*HEIC/, /^0 text\.png: .*text/].forEach((words, i) => assert.match(unusable[i], words));
  // One more is enough.
  await page.setInputFiles("#train-files", [bitmap("5.bmp", 200, 32)]);
  await page.waitForSelector("#train-go:not([disabled])");
  await page.click("#train-go");
  await page.waitForFunction(() => /^Stage 1 of 2/.test(document.getElementById("train-progress-words").textContent), undefined, { timeout: 120_000 });
  await page.click("#train-cancel");
  await page.waitForSelector("#train-go:not([disabled])");
  assert.deepEqual(problems, []);
  await page.close();
});
