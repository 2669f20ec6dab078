// What is seen of the results, and by whom.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { axe, browse, open, serve } from "./site.mjs";
import { bitmap, DIST, loaded, MODEL, names, picture, PICTURES, SAMPLE, saved, settled, shown, unzipped } from "./steps.mjs";
import { AVIF, deepPng, hugePng } from "./fixtures.mjs";

let site, browser;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});
const fresh = () => open(browser.context, `${site.address}?compute=cpu`);
const sample = async () => {
  const opened = await fresh();
  await opened.page.click("#try-sample");
  await settled(opened.page);
  return opened;
};
/** A threshold just below the score of the picture in view: a sample that was trained quickly finds nothing by its own. */
const strict = async (page) => {
  await page.evaluate(async () => {
    const { page: shown } = await import("./js/state.js");
    const slider = document.getElementById("threshold");
    slider.value = String(Math.floor((990 * shown.selected.found.score) / shown.end));
    slider.dispatchEvent(new Event("input"));
  });
  await page.waitForSelector("#region-list button");
};
/** Scores by name, from the cards. */
const scores = (page) => page.$$eval("#cards .card", (cards) => cards.map((card) => [
  card.querySelector(".name").textContent, Number(/score ([0-9.]+)/.exec(card.textContent)?.[1]),
]));

test("at 1280 x 720 picture, map, verdict, threshold and list are seen together, without scrolling", async () => {
  const { page } = await sample();
  await strict(page);
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.evaluate(() => scrollTo(0, 0));
  for (const id of ["viewer-overlay", "viewer-original", "viewer-heat", "viewer-verdict", "histogram", "threshold", "region-list"]) {
    const { x, y, width, height } = await page.locator(`#${id}`).boundingBox();
    assert.ok(x >= 0 && y >= 0 && x + width <= 1280 && y + height <= 720, `${id}: ${x}, ${y}, ${width} x ${height}`);
    assert.ok(height > 20 && width > 100, `${id} is ${width} x ${height}`);
  }
  const cards = await page.$$eval("#cards .card", (all) => all.filter((e) => e.getBoundingClientRect().bottom <= innerHeight).length);
  assert.ok(cards >= 6, `${cards} cards in view`);
  await page.close();
});

test("the regions are told with their numbers, and a look at one brings it close in all views", async () => {
  const { page, problems } = await sample();
  await strict(page);
  const rows = page.locator("#region-list button");
  const before = await rows.count();
  assert.ok(before >= 1);
  const score = Number((await page.textContent("#viewer-words")).match(/Score ([0-9.]+)/)[1]);
  const [, peak, x, y] = (await rows.first().textContent()).match(/peak ([0-9.]+) at (\d+), (\d+) px/);
  assert.ok(Math.abs(peak - score) < 0.006, `${peak}, the score is ${score}`);
  const size = await page.evaluate(async () => {
    const { found } = (await import("./js/state.js")).page.selected;
    return [found.width, found.height, found.peak % found.side / found.side, Math.floor(found.peak / found.side) / found.side];
  });
  assert.ok(Math.abs(x / size[0] - size[2]) < 0.02 && Math.abs(y / size[1] - size[3]) < 0.02, `${x}, ${y}`);
  // A threshold that no place of the map exceeds leaves none.
  await page.fill("#threshold", "1000");
  await page.waitForFunction(() => /Nothing lies above/.test(document.getElementById("regions-words").textContent));
  assert.equal(await rows.count(), 0);
  await strict(page);

  const look = (id) => page.$eval(`#${id}`, (canvas) => canvas.toDataURL());
  const whole = await Promise.all(["viewer-overlay", "viewer-original", "viewer-heat"].map(look));
  await rows.first().click();
  await page.waitForFunction(() => /%/.test(document.getElementById("viewer-fit").textContent));
  await page.waitForTimeout(300);
  const close = await Promise.all(["viewer-overlay", "viewer-original", "viewer-heat"].map(look));
  close.forEach((now, i) => assert.notEqual(now, whole[i], `view ${i}`));
  // The keyboard: 0 is all of it again, + is closer.
  await page.focus("#viewer-original");
  await page.keyboard.press("0");
  assert.equal(await page.textContent("#viewer-fit"), "Fit");
  await page.keyboard.press("+");
  assert.equal(await page.textContent("#viewer-fit"), "125 %");
  await page.locator("#viewer-overlay").hover();
  await page.mouse.wheel(0, -400);
  await page.waitForFunction(() => parseInt(document.getElementById("viewer-fit").textContent) > 150);
  await page.click("#viewer-fit");
  assert.equal(await page.textContent("#viewer-fit"), "Fit");
  assert.deepEqual(problems, []);
  await page.close();
});

test("regions of a map: what touches is one, numbers are of the picture, lines close", async () => {
  const { page } = await fresh();
  const [found, line] = await page.evaluate(async () => {
    const { regions, outline } = await import("./js/widgets/regions.js");
    const side = 8;
    const map = new Uint8Array(side * side);
    for (const [x, y, value] of [[1, 1, 200], [2, 1, 220], [2, 2, 190], [6, 5, 240], [3, 3, 180]]) map[y * side + x] = value;
    return [regions(map, side, 150), [...outline(map, side, 150)]];
  });
  assert.deepEqual(found.map(({ peak }) => peak), [240, 220], "corners touch, as in the native program");
  assert.deepEqual([found[1].left, found[1].top, found[1].width, found[1].height, found[1].share], [1 / 8, 1 / 8, 3 / 8, 3 / 8, 4 / 64]);
  assert.deepEqual([found[0].x, found[0].y], [6.5 / 8, 5.5 / 8]);
  const ends = new Map();
  for (let i = 0; i < line.length; i += 2) {
    const key = `${line[i].toFixed(4)},${line[i + 1].toFixed(4)}`;
    ends.set(key, (ends.get(key) ?? 0) + 1);
  }
  assert.ok(line.length > 0 && [...ends.values()].every((count) => count % 2 === 0), "every end is another's beginning");
  await page.close();
});

test("the arrow keys go through the list", async () => {
  const { page } = await sample();
  const order = await names(page);
  await page.locator("#cards button").first().focus();
  await page.keyboard.press("ArrowDown");
  await shown(page, order[1]);
  await page.keyboard.press("ArrowUp");
  await shown(page, order[0]);
  await page.close();
});

for (const [width, height] of [[390, 844], [1280, 720]]) {
  test(`after a sample the most anomalous picture is in view, ${width} pixels wide`, async () => {
    const { page } = await fresh();
    await page.setViewportSize({ width, height });
    // Also for somebody who has scrolled down to read.
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await page.evaluate(() => document.getElementById("try-sample").click());
    await settled(page);
    const [[first]] = (await scores(page)).sort(([, a], [, b]) => b - a);
    assert.equal(await page.textContent("#viewer-title"), first);
    assert.equal((await names(page))[0], first, "the list begins with it");
    for (const id of ["viewer-verdict", "viewer-overlay"]) {
      const { y } = await page.locator(`#${id}`).boundingBox();
      assert.ok(y >= 0 && y < height - 100, `${id} at ${y}`);
    }
    await page.close();
  });
}

test("a picture that was chosen stays, whatever comes", async () => {
  const { page } = await sample();
  const all = (await scores(page)).sort(([, a], [, b]) => a - b);
  const [[last]] = all;
  await page.locator("#cards button", { hasText: last }).click();
  await page.setInputFiles("#files", PICTURES.slice(0, 3));
  await settled(page);
  assert.equal(await page.textContent("#viewer-title"), last);
  await page.close();
});

test("another model has its own scale", async () => {
  const { page } = await fresh();
  await loaded(page);
  await page.setInputFiles("#files", PICTURES.slice(0, 2));
  await settled(page);
  const end = () => page.evaluate(async () => (await import("./js/state.js")).page.end);
  const own = await end();
  // As if an earlier model had given much higher scores.
  await page.evaluate(async () => { (await import("./js/state.js")).page.end = 50; });
  await loaded(page, MODEL);
  await settled(page);
  assert.ok(Math.abs(await end() - own) < 1e-9, `${await end()}, ${own} at first`);
  await page.close();
});

test("packing and judging go on side by side, each with its own Cancel", async () => {
  const { page, problems } = await fresh();
  await loaded(page);
  const bytes = readFileSync(PICTURES[0]);
  await page.setInputFiles("#files", Array.from({ length: 60 }, (_, i) => ({ name: `${i}.png`, mimeType: "image/png", buffer: bytes })));
  await page.waitForFunction(() => document.querySelectorAll("#cards .verdict").length >= 3);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-zip")]);
  const packed = unzipped(readFileSync(await download.path())).size - 1;
  assert.ok(packed >= 3 && packed < 60, `${packed} packed`);
  await page.waitForSelector("#zip-progress", { state: "hidden" });
  assert.ok(await page.isVisible("#job-progress"), "judging goes on");
  await page.click("#job-cancel");
  await page.waitForSelector("#job-continue:not([hidden])");
  const judged = await page.locator("#cards .verdict").count();
  await page.waitForTimeout(1500);
  assert.equal(await page.locator("#cards .verdict").count(), judged, "Cancel stops it");
  // And the other way round: the packing that is cancelled gives nothing, and judging goes on.
  let downloads = 0;
  page.on("download", () => { downloads++; });
  await page.evaluate(() => { document.getElementById("save-zip").click(); document.getElementById("zip-cancel").click(); });
  await page.click("#job-continue");
  await page.waitForFunction((judged) => document.querySelectorAll("#cards .verdict").length > judged, judged);
  assert.equal(downloads, 0);
  assert.ok(await page.isHidden("#save-error"));
  await page.click("#clear");
  assert.deepEqual(problems, []);
  await page.close();
});

test("a picture that is too much for the module costs neither the GPU nor the next picture", async (t) => {
  const { GPU } = await import("./site.mjs");
  // As if memory ran out under this one.
  const spoilt = await serve(DIST, { "js/module/worker.js": (code) => code.replace("async function detect(", `
    const detect = (detector, request) => {
      if (request.name === "too much.png") throw new RangeError("out of memory");
      return judge(detector, request);
    };
    async function judge(`) });
  const gpu = await browse(GPU);
  try {
    const { page } = await open(gpu.context, `${spoilt.address}?compute=gpu`);
    if (!(await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter())))) return t.skip("no WebGPU adapter");
    await loaded(page);
    await page.setInputFiles("#files", [picture("too much.png"), picture("next.png")]);
    await settled(page);
    assert.match(await page.locator("#cards button", { hasText: "too much" }).textContent(), /out of memory or failed/);
    assert.equal(await page.locator("#cards .verdict").count(), 1);
    assert.ok(await page.isHidden("#model-notice"));
    assert.equal(await page.evaluate(async () => (await import("./js/state.js")).page.detector.compute), "gpu");
  } finally {
    await gpu.stop();
    await spoilt.stop();
  }
});

test("a picture unlike any the model has seen carries a word of warning", async () => {
  const { page } = await fresh();
  await loaded(page);
  const png = (name, width, height) => ({ name, mimeType: "image/png", buffer: hugePng(width, height) });
  await page.setInputFiles("#files", [png("line.png", 800, 2), bitmap("dot.bmp", 9, 4), picture("part.png")]);
  await settled(page);
  const card = (name) => page.locator("#cards button", { hasText: name });
  for (const [name, words] of [["line.png", /800 × 2 pixels, squeezed to/], ["dot.bmp", /only 4 × 4 pixels where the model sees/]]) {
    assert.match(await card(name).locator(".hint").textContent(), words);
    await card(name).click();
    await shown(page, name);
    assert.match(await page.textContent("#viewer-hint"), words);
  }
  assert.equal(await card("part.png").locator(".hint").count(), 0);
  await page.close();
});

test("a phone's HEIC is refused with what to do on the phone", async () => {
  const { page } = await fresh();
  await loaded(page);
  const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from("ftypheic\0\0\0\0mif1heic", "latin1"), Buffer.alloc(64)]);
  await page.setInputFiles("#files", [{ name: "IMG_1.HEIC", mimeType: "image/heic", buffer: heic }]);
  await settled(page);
  assert.match(await page.textContent("#cards .error"), /HEIC.*Settings › Camera › Formats › Most Compatible/);
  await page.close();
});

test("what only the browser decodes is judged, and says so", async () => {
  const { page, problems } = await fresh();
  await loaded(page);
  await page.setInputFiles("#files", [{ name: "phone.avif", mimeType: "image/avif", buffer: AVIF }, { name: "cut.avif", mimeType: "image/avif", buffer: AVIF.subarray(0, 120) }]);
  await settled(page);
  const card = (name) => page.locator("#cards button", { hasText: name });
  assert.match(await card("phone.avif").textContent(), /score [0-9.]+.*decoded by this browser: the score may differ a little/);
  // One that the browser cannot read either keeps the decoder's reason.
  assert.match(await card("cut.avif").locator(".error").textContent(), /AVIF/);
  // As the picture itself, a square on green: the same pixels in a kind that the program reads have the same score.
  const png = Buffer.from(await page.evaluate(async (bytes) => {
    const { readable } = await import("./js/module/foreign.js");
    return [...await readable(new Blob([new Uint8Array(bytes)]))];
  }, [...AVIF]));
  await page.setInputFiles("#files", [{ name: "same.png", mimeType: "image/png", buffer: png }]);
  await settled(page);
  const all = Object.fromEntries(await scores(page));
  assert.equal(all["phone.avif"], all["same.png"]);
  // And it can be looked into.
  await card("phone.avif").click();
  await shown(page, "phone.avif");
  assert.match(await page.textContent("#viewer-hint"), /decoded by this browser/);
  await page.click("#look-inside");
  await page.waitForFunction(() => document.getElementById("inside").textContent.includes("phone.avif"), undefined, { timeout: 60_000 });
  assert.deepEqual(problems, []);
  await page.close();
});

test("values of 16 bits that end early are said, once for all and on each card", async () => {
  const { page } = await fresh();
  await loaded(page);
  await page.setInputFiles("#files", [1, 2].map((i) => ({ name: `deep ${i}.png`, mimeType: "image/png", buffer: deepPng(200, 4000, i) })));
  await settled(page);
  assert.match(await page.textContent("#stored-notice"), /^2 pictures of more than 8 bits: its values reach from 0 to 4000 only, .* trained with the range 0\.\.4095\.$/);
  assert.equal(await page.locator("#cards .hint", { hasText: "0..4095" }).count(), 2);
  await page.close();
});

test("many pictures on the CPU are judged by several workers, with the same scores", async () => {
  const { page, problems } = await fresh();
  await page.evaluate(() => {
    Object.defineProperty(navigator, "hardwareConcurrency", { value: 4 });
    Object.defineProperty(navigator, "deviceMemory", { value: 8 });
    window.workers = 0;
    window.Worker = class extends window.Worker {
      constructor(...how) { super(...how); window.workers++; }
    };
  });
  await loaded(page);
  await page.setInputFiles("#files", PICTURES.slice(0, 3));
  await settled(page);
  assert.equal(await page.evaluate(() => window.workers), 1, "a few are one worker's");
  const alone = await scores(page);
  await page.setInputFiles("#files", Array.from({ length: 24 }, (_, i) => picture(`${i}.png`, i % 3)));
  await settled(page);
  assert.equal(await page.evaluate(() => window.workers), 3);
  const by = new Map(alone.map(([name, score]) => [name, score]));
  const all = new Map(await scores(page));
  assert.equal(all.size, 27);
  for (let i = 0; i < 24; i++) assert.equal(all.get(`${i}.png`), by.get(PICTURES[i % 3].split("/").at(-1)), `${i}.png`);
  assert.deepEqual(problems, []);
  await page.close();
});

test("the camera judges view after view, pauses, and learns while a button is held", async () => {
  const camera = await browse(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
  try {
    const { page, problems } = await open(camera.context, `${site.address}?compute=cpu&learn=asked`);
    await loaded(page);
    await page.click("#open-camera");
    await page.waitForFunction(() => /threshold [0-9.]+, [0-9.]+ views a second/.test(document.getElementById("camera-rate").textContent));
    assert.match(await page.textContent("#camera-number"), /^[0-9]+\.[0-9]{2}$/);
    assert.match(await page.textContent("#camera-verdict"), /Good|anomalous/i);
    const [kind] = (await page.getAttribute("#camera-score", "class")).match(/good|anomalous/);
    assert.equal(kind, Number(await page.textContent("#camera-number")) > Number((await page.textContent("#camera-rate")).match(/[0-9.]+/)[0]) ? "anomalous" : "good");
    await page.click("#camera-pause");
    await page.waitForTimeout(1200);
    const still = await page.$eval("#camera-heat", (canvas) => canvas.toDataURL());
    await page.waitForTimeout(1200);
    assert.equal(await page.$eval("#camera-heat", (canvas) => canvas.toDataURL()), still);
    await page.click("#camera-pause");
    await page.locator("#camera-learn").hover();
    await page.mouse.down();
    await page.waitForFunction(() => /^[5-9]\d* good pictures/.test(document.getElementById("camera-words").textContent));
    await page.mouse.up();
    assert.deepEqual(await axe(page), []);
    await page.click("#camera-train");
    assert.match(page.url(), /#train$/);
    assert.ok(await page.locator("#train-thumbs li").count() >= 5);
    assert.ok(await page.isEnabled("#train-go"));
    assert.deepEqual(problems, []);
  } finally {
    await camera.stop();
  }
});

test("every view has one heading of the first level, and its buttons names of their own", async () => {
  const { page } = await fresh();
  const level1 = () => page.$$eval("h1", (all) => all.filter((e) => e.checkVisibility()).length);
  assert.equal(await level1(), 1);
  await page.click("#try-sample");
  await settled(page);
  assert.equal(await level1(), 1);
  const cancels = await page.$$eval("button", (all) => all.filter((e) => e.textContent.trim() === "Cancel").map((e) => e.getAttribute("aria-label")));
  assert.equal(new Set(cancels).size, cancels.length, `${cancels}`);
  assert.ok(cancels.length > 2 && cancels.every((label) => label?.startsWith("Cancel ")), `${cancels}`);
  await page.goto(`${site.address}bench.html`);
  assert.equal(await level1(), 1);
  await page.close();
});

test("the first result is within ten tab stops", async () => {
  const { page } = await sample();
  await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
  for (let stops = 1; stops <= 10; stops++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => Boolean(document.activeElement.closest("#results")))) return page.close();
  }
  assert.fail("not reached");
});

test("forced colors: what is chosen is seen", async () => {
  const { page } = await sample();
  await page.emulateMedia({ forcedColors: "active" });
  const look = (selector) => page.$eval(selector, (e) => {
    const { backgroundColor, outlineStyle, outlineColor } = getComputedStyle(e);
    return [backgroundColor, outlineStyle, outlineColor].join();
  });
  assert.notEqual(await look("[data-mode=side][aria-pressed=true]"), await look("[data-mode=split]"));
  assert.notEqual(await look(".card[aria-pressed=true]"), await look(".card[aria-pressed=false]"));
  await page.close();
});

test("on paper the results are listed, and forms are not", async () => {
  const { page } = await sample();
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.$$eval(".card", (all) => all.filter((e) => e.checkVisibility({ contentVisibilityAuto: true })).length), SAMPLE.pictures.length);
  assert.ok(await page.isVisible("#viewer-overlay"));
  for (const id of ["train", "tools", "open-diagnostics"]) assert.ok(await page.isHidden(`#${id}`), id);
  await page.close();
});

test("Escape closes the look inside, and the picture's button has the focus again", async () => {
  const { page } = await sample();
  await page.click("#viewer button:has-text('Look inside')");
  await page.waitForFunction(() => document.getElementById("inside-words").textContent.startsWith("Score"), undefined, { timeout: 60_000 });
  await page.focus("#paint");
  await page.keyboard.press("Escape");
  assert.ok(await page.isHidden("#inside"));
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Look inside");
  await page.close();
});

test("the insides' scale is not set by the few cells that are furthest off", async () => {
  const { page } = await fresh();
  const [low, high] = await page.evaluate(async () => {
    const { span } = await import("./js/panels.js");
    const map = Float32Array.from({ length: 1000 }, (_, i) => i / 1000);
    map[0] = -50;
    map[999] = 100;
    return span([map, undefined]);
  });
  assert.ok(low >= 0 && low < 0.02 && high > 0.98 && high <= 1, `${low} to ${high}`);
  await page.close();
});

test("teacher and student are both seen, however long the student's features are", async () => {
  const { page } = await sample();
  await page.click("#viewer button:has-text('Look inside')");
  await page.waitForFunction(() => document.getElementById("inside-raa").textContent.startsWith("With"), undefined, { timeout: 60_000 });
  for (const name of ["teacher", "advanced", "student"]) {
    const middle = await page.evaluate((name) => {
      const canvas = document.querySelector(`[data-panel=${name}] canvas`);
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const sums = Array.from({ length: data.length / 4 }, (_, i) => data[4 * i] + data[4 * i + 1] + data[4 * i + 2]);
      return sums.filter((sum) => sum > 120 && sum < 600).length / sums.length;
    }, name);
    assert.ok(middle > 0.2, `${name}: ${middle} of the cells are neither dark nor bright`);
  }
  await page.close();
});

test("what the camera has learned from judges its views at once, one detector after the other", async () => {
  const camera = await browse(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
  try {
    const { page, problems } = await open(camera.context, `${site.address}?compute=cpu&learn=asked`);
    await page.evaluate(() => {
      window.models = window.learners = 0;
      addEventListener("aand-model", () => window.models++);
      window.Worker = class extends window.Worker {
        constructor(...how) { super(...how); if (how[1]?.name === "aand instant") window.learners++; }
      };
    });
    await page.setInputFiles("#files", picture("some.png"));
    await page.click("#open-camera");
    await page.waitForSelector("#camera-learn:not([disabled])");
    assert.match(await page.textContent("#camera-words"), /^There is no model yet/);
    const judged = () => page.waitForFunction(() => /threshold [0-9.]+, [0-9.]+ views a second/.test(document.getElementById("camera-rate").textContent), undefined, { timeout: 60_000 });
    const hold = async (most) => {
      await page.locator("#camera-learn").hover();
      await page.mouse.down();
      await page.waitForFunction((most) => parseInt(document.getElementById("camera-words").textContent) >= most, most);
      await page.mouse.up();
    };
    await hold(8);
    assert.equal(await page.evaluate(() => window.learners), 0, "it waits until the button is let go of");
    await judged();
    assert.equal(await page.evaluate(() => window.learners), 1);
    assert.ok(await page.isEnabled("#take-picture"));
    // Another detector takes its place while views are judged, without a word.
    const learned = await page.evaluate(() => {
      const words = document.getElementById("camera-words");
      window.told = [];
      new MutationObserver(() => window.told.push(words.textContent)).observe(words, { childList: true });
      return parseInt(words.textContent);
    });
    await hold(learned + 1);
    await page.waitForFunction(() => window.models === 2, undefined, { timeout: 60_000 });
    await judged();
    const told = await page.evaluate(() => window.told);
    assert.ok(told.every((words) => /^\d+ good pictures to learn from/.test(words)), told.join());
    assert.deepEqual(problems, []);
  } finally {
    await camera.stop();
  }
});

test("the camera says what is wrong in plain words", async () => {
  const { page } = await fresh();
  await loaded(page);
  await page.click("#open-camera");
  await page.waitForFunction(() => /^No picture from a camera: (none was found|it is not allowed)/.test(document.getElementById("camera-words").textContent));
  assert.ok(await page.isHidden("#camera-video"));
  await page.close();
});
