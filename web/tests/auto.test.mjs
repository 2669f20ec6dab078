// AAND learns behind the instant detector by itself: seen coming, declined by a press, and said who judges at the end.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { axe, browse, open, serve } from "./site.mjs";
import { asked, DIST, loaded, reload, settled } from "./steps.mjs";

const SHOTS = process.env.SHOTS;
const work = mkdtempSync(join(tmpdir(), "aand-auto-"));
let site, browser, good, bad;
before(async () => {
  execFileSync(process.env.AAND ?? "aand", ["render", "cloth", "--out", work, "--seed", "7", "--train", "7", "--test-good", "1", "--test-per-defect", "1", "--quiet"]);
  const files = (folder) => readdirSync(join(work, "cloth", folder)).sort().map((name) => join(work, "cloth", folder, name));
  good = files("train/good");
  bad = readdirSync(join(work, "cloth/test")).filter((kind) => kind !== "good").flatMap((kind) => files(`test/${kind}`));
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
  rmSync(work, { recursive: true, force: true });
});

const fresh = (query = "", at = site) => open(browser.context, `${at.address}?compute=cpu${query}#train`);
/** Good pictures, to be seen at 128 pixels. */
async function drop(page, files) {
  if (!await page.isVisible("#train-size")) await page.click("#train-more summary");
  await page.selectOption("#train-size", "128");
  await page.setInputFiles("#train-files", files);
}
const ready = (page, count = 5) => page.waitForFunction((count) => new RegExp(`is ready.*those of your ${count} good pictures`).test(document.getElementById("instant-words").textContent), count, { timeout: 60_000 });
const counting = (page) => page.waitForSelector("#soon:not([hidden])", { timeout: 60_000 });
const left = async (page) => Number(/starts in (\d+) s/.exec(await page.textContent("#soon-words"))?.[1]);
const until = (page, seconds) => page.waitForFunction((seconds) => Number(/starts in (\d+) s/.exec(document.getElementById("soon-words").textContent)?.[1]) <= seconds, seconds, { timeout: 60_000 });
const begun = (page) => page.waitForSelector("#train-work:not([hidden])", { timeout: 30_000 });
const ended = async (page) => {
  await page.waitForSelector("#train-result:not([hidden]), #train-error:not([hidden])", { timeout: 200_000 });
  assert.equal(await page.textContent("#train-error"), "");
};
const focused = (page) => page.evaluate(() => document.activeElement.id);
/** What is read out from now on. */
const listen = (page) => page.evaluate(() => {
  window.said = [];
  const place = document.getElementById("announcer");
  new MutationObserver(() => window.said.push(place.textContent)).observe(place, { childList: true, characterData: true, subtree: true });
});
async function seen(page, name) {
  for (const [width, height] of [[1280, 720], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      // Looking at it takes longer than the countdown.
      await page.evaluate(async () => (await import("./js/train-soon.js")).restart());
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      assert.deepEqual(await axe(page), [], `${name}, ${colorScheme} at ${width}`);
      if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}-${width}-${colorScheme}.png`) });
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

test("after five good pictures AAND begins by itself, takes no focus, and the better one of the two goes on judging", async () => {
  const { page, problems } = await fresh("&steps=2,3");
  await listen(page);
  await drop(page, good.slice(0, 5));
  await page.focus("#train-check-empty a");
  await counting(page);
  assert.ok(await left(page) >= 9);
  assert.match(await page.textContent("#instant-words"), /judges already/);
  assert.match(await page.textContent("#soon"), /The instant detector judges meanwhile/);
  // Seen where it judges, too.
  await page.click("nav [data-go=inspect]");
  assert.match(await page.textContent("#train-mark"), /^in \d+ s$/);
  await page.setInputFiles("#files", bad.slice(0, 1));
  await settled(page);
  assert.match(await page.textContent("#model-words"), /instant detector/);
  await page.focus("#pick-more");
  await page.waitForFunction(() => / %$/.test(document.getElementById("train-mark").textContent), undefined, { timeout: 60_000 });
  assert.equal(await focused(page), "pick-more");
  await page.click("nav [data-go=train]");
  assert.ok(await page.isVisible("#train-work") && await page.isHidden("#soon"));
  assert.match(await page.textContent("#instant-words"), /AAND is learning behind it/);
  assert.ok(await asked(page, () => reload(page)), "a training under way is asked about");
  await page.focus("nav [data-go=inside]");
  await ended(page);
  assert.match(await page.textContent("#train-words"), /trained model ranks \d+ %.*\. The instant detector goes on judging\.$/);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.go), "inside");
  // Once is enough for the same pictures.
  await page.waitForFunction(() => document.getElementById("train-progress").hidden);
  await page.waitForTimeout(1500);
  assert.ok(await page.isHidden("#soon"));
  const said = await page.evaluate(() => window.said);
  assert.equal(said.filter((words) => /Learning starts/.test(words)).length, 1, said.join("; "));
  assert.match(said.at(-1), /is trained\. The instant detector goes on judging\.$/);
  // With another picture there is something to learn again.
  await drop(page, good.slice(5, 6));
  await ready(page, 6);
  await counting(page);
  assert.deepEqual(problems, []);
  await page.close();
});

test("the trained model takes over where it is better, but not from a model that was loaded meanwhile", async () => {
  for (const own of [false, true]) {
    const { page, problems } = await fresh("&steps=2,3");
    await drop(page, good.slice(0, 5));
    await counting(page);
    // An instant detector that takes defects for good.
    await page.evaluate(async () => {
      const { Instant } = await import("./js/module/instant.js");
      Instant.prototype.trial = async () => ({ good: 1, made: 0.5 });
    });
    await page.focus("#soon-not");
    await begun(page);
    assert.equal(await focused(page), "train-learn-title", "what had the focus is gone");
    if (own) await loaded(page);
    const before = await page.textContent("#model-words");
    await ended(page);
    const [words, judges] = [await page.textContent("#train-words"), await page.textContent("#model-words")];
    if (own) {
      assert.match(words, /kept in this browser\. The loaded model goes on judging\.$/);
      assert.equal(judges, before);
      await page.click("#train-use");
      await page.waitForFunction(() => /^my part, trained on 5/.test(document.getElementById("model-words").textContent), undefined, { timeout: 60_000 });
    } else {
      assert.match(words, /the instant detector 0 %\. The trained model judges from now on\.$/);
      assert.match(judges, /^my part, trained on 5 good pictures/);
      assert.match(await page.textContent("#instant-words"), /The trained model judges now\.$/);
      await seen(page, "taken-over");
    }
    assert.deepEqual(problems, []);
    await page.close();
  }
});

test("more pictures and other settings give the time to think anew; Not now holds until the good pictures are gone", async () => {
  const { page, problems } = await fresh("&steps=40,40");
  await drop(page, good.slice(0, 5));
  await counting(page);
  await seen(page, "countdown");
  for (const change of [
    () => page.fill("#train-name", "cloth"), () => page.check("#train-minutes [value='2']", { force: true }),
    () => page.setInputFiles("#train-files", good.slice(5, 6)), () => page.click("#train-thumbs li:first-child button"),
  ]) {
    await until(page, 8);
    await change();
    await page.waitForFunction(() => /starts in (9|10) s/.test(document.getElementById("soon-words").textContent));
  }
  // What the form would refuse is not begun with.
  await page.fill("#train-name", "");
  await ready(page, 5);
  await page.waitForTimeout(2500);
  assert.equal(await left(page), 10);
  // Nor is it while a dialog hides it.
  const dialog = (open) => page.evaluate((open) => document.getElementById("diagnostics")[open ? "showModal" : "close"](), open);
  await dialog(true);
  await page.evaluate(() => {
    const name = document.getElementById("train-name");
    name.value = "cloth";
    name.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await ready(page, 5);
  await page.waitForTimeout(2500);
  assert.equal(await left(page), 10);
  await dialog(false);
  await until(page, 9);

  await page.click("#soon-not");
  assert.ok(await page.isHidden("#soon") && await page.isHidden("#train-mark"));
  assert.equal(await focused(page), "train-go");
  await drop(page, good.slice(6, 7));
  await ready(page, 6);
  await page.waitForTimeout(1500);
  assert.ok(await page.isHidden("#soon"));
  await page.click("#train-clear");
  await drop(page, good.slice(0, 5));
  await counting(page);
  assert.deepEqual(problems, []);
  await page.close();
});

test("by keyboard it is begun at once; cancelled, it does not begin again", async () => {
  const { page, problems } = await fresh("&steps=40,40");
  await drop(page, good.slice(0, 5));
  await counting(page);
  await page.focus("#train-clear");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "soon-now");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "soon-not");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await begun(page);
  assert.equal(await focused(page), "train-pause", "as by Learn");
  if (SHOTS) {
    await page.waitForSelector("#train-live:not([hidden])", { timeout: 120_000 });
    await seen(page, "training");
  }
  // For the next one, as ever.
  await page.setInputFiles("#train-files", good.slice(5, 6));
  await page.waitForFunction(() => /1 of them for the next training; this one goes on with 5/.test(document.getElementById("train-count").textContent));
  await page.click("#train-cancel");
  await page.waitForSelector("#train-go:not([disabled])");
  await ready(page, 6);
  await page.waitForTimeout(1500);
  assert.ok(await page.isHidden("#soon"));
  assert.deepEqual(problems, []);
  await page.close();
});

test("it does not begin where it is not wanted: as the address says, without its module, beside a cut-off training, with a model of one's own", async () => {
  const without = await serve(DIST, { "wasm/aand-train.js": () => ({ status: 404, text: "" }) });
  // Whatever an earlier visit has kept is another page's.
  const own = await browse();
  try {
    for (const [query, at] of [["&learn=asked", site], ["", without]]) {
      const { page } = await open((at === site ? browser : own).context, `${at.address}?compute=cpu${query}#train`);
      await drop(page, good.slice(0, 5));
      await ready(page);
      await page.waitForTimeout(1500);
      assert.ok(await page.isHidden("#soon") && await page.isEnabled("#train-go"));
      await page.close();
    }
  } finally {
    await own.stop();
    await without.stop();
  }

  const { page, problems } = await fresh();
  // As a page leaves it that was closed.
  await page.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("aand-unfinished", { create: true });
    const state = { name: "before", size: 128, amplify: true, steps: [4, 4], stage: "amplify", epoch: 1, epochs: 4, pictures: [], whole: false };
    for (const [name, content] of [["state.json", JSON.stringify(state)], ["amplify-1.aand", "x"]]) {
      const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
      await stream.write(content);
      await stream.close();
    }
  });
  await page.reload();
  await page.waitForSelector("#train-unfinished:not([hidden])");
  await drop(page, good.slice(0, 5));
  await ready(page);
  await page.waitForTimeout(1500);
  assert.ok(await page.isHidden("#soon"), "it would write over the training that can go on");
  await page.click("#train-discard");
  await counting(page);
  // Another tab learns: this one waits.
  const { page: other } = await fresh("&learn=asked");
  await other.evaluate(() => { navigator.locks.request("aand-training", () => new Promise((done) => { window.done = done; })); });
  await page.bringToFront();
  await page.waitForFunction(() => /^Learning waits$/.test(document.getElementById("soon-words").textContent), undefined, { timeout: 20_000 });
  await other.evaluate(() => window.done());
  await page.waitForFunction(() => /starts in/.test(document.getElementById("soon-words").textContent), undefined, { timeout: 20_000 });
  await other.close();
  // A model that a person loads is nothing to learn behind.
  await page.focus("#soon-now");
  await loaded(page);
  await page.waitForFunction(() => document.getElementById("soon").hidden);
  assert.equal(await focused(page), "train-go");
  assert.deepEqual(problems, []);
  await page.close();
});
