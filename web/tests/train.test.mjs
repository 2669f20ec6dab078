// Training on the built page in Chromium: what comes out is a model that the native program takes.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browse, open, serve } from "./site.mjs";

const DIST = process.env.DIST ?? "dist";
const AAND = process.env.AAND ?? "target/release/aand";

let site, browser, work, good, defective;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
  work = mkdtempSync(join(tmpdir(), "aand-training-"));
  execFileSync(AAND, ["render", "washers", "--out", work, "--train", "6", "--test-good", "1", "--test-per-defect", "1"], { stdio: "pipe" });
  const all = (folder) => readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".png")).map((name) => join(folder, name));
  good = all(join(work, "washers/train")).sort();
  defective = all(join(work, "washers/test")).sort();
  assert.equal(good.length, 6);
});
after(async () => {
  await browser?.stop();
  await site?.stop();
  rmSync(work, { recursive: true, force: true });
});

/** Presses Train on these pictures; a short training at 128 pixels. */
async function begin(page, files, { name, amplify = true, from = "" }) {
  await page.setInputFiles("#train-files", files);
  await page.fill("#train-name", name);
  if (!await page.isVisible("#train-size")) await page.click("#train-more summary");
  if (from) await page.selectOption("#train-from", from);
  else await page.selectOption("#train-size", "128");
  await page.setChecked("#train-amplify", amplify);
  await page.click("#train-go");
}

/** Until it is done; fails with what the page says went wrong. */
async function trained(page, timeout = 200_000) {
  await page.waitForSelector("#train-result:not([hidden]), #train-error:not([hidden])", { timeout });
  assert.equal(await page.textContent("#train-error"), "");
}

/** What a model file says of itself. */
function header(file) {
  const bytes = readFileSync(file);
  const text = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString();
  return JSON.parse(JSON.parse(text).__metadata__.aand);
}

async function saved(page, button, name) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  const path = join(work, name);
  await download.saveAs(path);
  return path;
}

/** The page's scores of these pictures, by name. */
async function judged(page, files) {
  await page.click("nav [data-go=inspect]");
  // Another model judges what is there once more; until the first is judged there is nothing to clear.
  if (await page.locator("#cards li").count()) await page.click("#clear");
  await page.setInputFiles("#files", files);
  await page.waitForFunction((count) => document.querySelectorAll("#cards .verdict").length === count, files.length, { timeout: 60_000 });
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-csv")]);
  const [, ...rows] = readFileSync(await download.path(), "utf8").trim().split("\r\n");
  return rows.map((row) => row.split(",")).map(([path, score, , verdict]) => ({ path, score: Number(score), verdict }));
}

function native(model, files) {
  const out = mkdtempSync(join(work, "native-"));
  execFileSync(AAND, ["detect", model, ...files, "--out", out, "--device", "cpu"], { stdio: "pipe" });
  return readFileSync(join(out, "results.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
}

function near(found, expected, what, tolerance = 1e-3) {
  assert.ok(Math.abs(found - expected) <= tolerance * Math.abs(expected), `${what}: ${found}, expected ${expected}`);
}

/** Scores of the page and of the native program with the same file. */
async function agree(page, model, files) {
  const [here, there] = [await judged(page, files), native(model, files)];
  assert.equal(here.length, files.length);
  here.forEach(({ path, score, verdict }, i) => {
    near(score, there[i].score, path);
    assert.equal(verdict, there[i].verdict, path);
  });
  return here;
}

test("training lowers the losses; the model goes to the native program and back, and stays over a reload", async () => {
  const { page, problems } = await open(browser.context, `${site.address}?compute=cpu&learn=asked&steps=8,14`);
  const wasm = () => site.log.some((path) => path.includes("aand-train"));
  assert.ok(!wasm(), "the training module is loaded before it is wanted");
  const text = join(work, "text.png");
  writeFileSync(text, "no picture at all\n");
  const started = Date.now();
  await begin(page, [...good, text], { name: "my washers" });
  assert.ok(await page.isVisible("#train-work"));
  await trained(page);
  console.log(`trained in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  assert.ok(wasm());
  assert.match(await page.textContent("#train-unusable"), /text\.png: looks like text|text\.png: .*text.*left out/);
  assert.match(await page.textContent("#train-words"), /Threshold \d\.\d+: a guess that states no false-alarm rate/);
  // So short a training is no match for the instant detector, which learned from the same pictures meanwhile.
  assert.match(await page.textContent("#train-words"), /It is kept in this browser\. On your good pictures and made-up defects, the trained model ranks \d+ % of the pairs rightly, the instant detector \d+ %.*\. The instant detector goes on judging\.$/);
  assert.match(await page.textContent("#model-words"), /judged by an instant detector: .* those of 6 good pictures/);
  assert.match(await page.textContent("#instant-words"), /and judges already/);
  await page.click("#train-use");
  await page.waitForFunction(() => /my washers, trained on 6 good pictures/.test(document.getElementById("model-words").textContent), undefined, { timeout: 60_000 });
  assert.ok(await page.isHidden("#train-use"));
  assert.match(await page.textContent("#instant-words"), /The trained model judges now\.$/);

  // The film of it: a good picture and the same with a made defect, before the student learned and after.
  const film = await page.evaluate(async () => (await (await import("./js/learn/class.js")).ownFilm())?.header);
  assert.deepEqual([film.model, film.filmed, film.epochs[0], film.epochs.at(-1)], ["my washers", 2, 0, 14]);
  assert.ok(film.scores.at(-1)[0] < film.scores[0][0], `${film.scores}`);

  const model = await saved(page, "#train-save", "my washers.aand");
  const { history, training_pictures, threshold, precision } = header(model);
  assert.deepEqual([training_pictures, threshold.reliable, precision], [6, false, "f16"]);
  const lower = (records, loss, share) => {
    const [first, last] = [records[0][loss], records.at(-1)[loss]];
    assert.ok(last < share * first, `${loss} went from ${first} to ${last}`);
  };
  assert.deepEqual([history.amplify.length, history.distill.length], [8, 14]);
  lower(history.amplify, "amplification", 0.5);
  lower(history.distill, "kd", 0.75);
  lower(history.distill, "hkd", 0.85);

  // The same course natively: the same pictures in the same order, the same defects, the same losses at first.
  const folder = mkdtempSync(join(work, "same-"));
  good.forEach((path) => writeFileSync(join(folder, path.split("/").at(-1)), readFileSync(path)));
  const same = join(work, "same.aand");
  execFileSync(AAND, ["train", folder, "--out", same, "--size", "128", "--batch", "6", "--epochs-amplify", "2", "--epochs-distill", "1", "--device", "cpu"], { stdio: "pipe" });
  const there = header(same);
  assert.equal(there.data_fingerprint, header(model).data_fingerprint);
  // `calibrate` knows them again.
  assert.equal(there.learned.length, 6);
  assert.deepEqual(header(model).learned, there.learned);
  near(history.amplify[0].focal, there.history.amplify[0].focal, "focal loss of the first epoch");
  near(history.amplify[0].amplification, there.history.amplify[0].amplification, "amplification loss of the first epoch");
  near(history.amplify[1].focal, there.history.amplify[1].focal, "focal loss of the second epoch", 1e-2);

  const files = [...good.slice(0, 2), ...defective];
  const before = await agree(page, model, files);

  // From the browser's own storage, and from the file.
  await page.reload();
  await page.click("nav [data-go=train]");
  await page.waitForSelector("#train-kept-list li");
  assert.equal(await page.textContent("#train-kept-list li span").then((words) => words.split(" (")[0]), "my washers.aand");
  await page.click("#train-kept-list button:has-text('Use')");
  await page.waitForSelector("#model-words strong");
  assert.deepEqual(await judged(page, files), before);
  await page.setInputFiles("#model-file", model);
  await page.waitForFunction(() => document.getElementById("model-progress").hidden);
  assert.deepEqual(await judged(page, files), before);

  // Going on from it: stage 2 alone, and it starts where it ended.
  await begin(page, good, { name: "further", amplify: false, from: "model" });
  await trained(page);
  const further = await saved(page, "#train-save", "further.aand");
  const { history: rest, size } = header(further);
  assert.deepEqual([rest.amplify.length, rest.distill.length, size], [0, 14, 128]);
  const [anew, ended, began] = [history.distill[0].kd, history.distill.at(-1).kd, rest.distill[0].kd];
  assert.ok(Math.abs(began - ended) < 0.2 * (anew - ended), `KD began at ${began}, after ${anew} to ${ended}`);
  await agree(page, further, files);

  await page.click("nav [data-go=train]");
  await page.click("#train-kept-list li:has-text('my washers') button:has-text('Delete')");
  await page.waitForFunction(() => document.querySelectorAll("#train-kept-list li").length === 1);
  assert.deepEqual(problems, []);
  await page.close();
});

test("it pauses, goes on and is cancelled, and the page stays responsive", async () => {
  // The browser compiles the module further while it runs, on all cores, and a frame may have to wait for one: on two
  // cores single tasks of the page, which draw a few lines, are then stretched. Often or always would be the page's own.
  const { long, elapsed } = await pausedAndCancelled();
  const blocked = long.reduce((sum, ms) => sum + ms, 0);
  assert.ok(blocked < elapsed / 10, `tasks of ${long.map((ms) => ms.toFixed(0))} ms in ${elapsed.toFixed(0)} ms`);
});

/** Trains, pauses, goes on, cancels; the milliseconds of the page's long tasks (over 50 ms), and of it all. */
async function pausedAndCancelled() {
  const { page, problems } = await open(browser.context, `${site.address}?compute=cpu&learn=asked&steps=30,60`);
  await page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: "longtask" });
  });
  const started = performance.now();
  await begin(page, good, { name: "not to be" });
  const words = () => page.textContent("#train-progress-words");
  await page.waitForFunction(() => / left$/.test(document.getElementById("train-progress-words").textContent), undefined, { timeout: 60_000 });
  assert.match(await words(), /^Stage 1 of 2, .*: epoch \d+ of 30, .* left$/);
  await page.click("#train-pause");
  // The step under way ends; after it nothing moves.
  await page.waitForFunction(() => document.getElementById("train-progress-words").textContent === "Paused", undefined, { timeout: 60_000 });
  await page.waitForTimeout(200);
  await page.click("#train-losses summary");
  const drawn = () => page.getAttribute("#train-curve-amplify svg", "aria-label");
  const still = await drawn();
  assert.match(still, /^Stage 1 after \d+ steps: focal 0\.\d+/);
  await page.waitForTimeout(1500);
  assert.equal(await drawn(), still);
  await page.click("#train-pause");
  await page.waitForFunction((still) => document.querySelector("#train-curve-amplify svg").getAttribute("aria-label") !== still, still);
  await page.click("#train-cancel");
  await page.waitForSelector("#train-go:not([disabled])");
  assert.ok(await page.isHidden("#train-work") && await page.isHidden("#train-error"));
  assert.equal(await page.evaluate(() => document.activeElement.id), "train-go");
  const long = await page.evaluate(() => window.longTasks);
  const elapsed = performance.now() - started;
  assert.deepEqual(problems, []);
  await page.close();
  return { long, elapsed };
}

test("on a GPU both stages have the losses of the native program", async (t) => {
  const gpu = await browse(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"]);
  try {
    const { page, problems } = await open(gpu.context, `${site.address}?compute=gpu&learn=asked&steps=2,2`);
    assert.ok(await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter())), "this browser offers no WebGPU adapter");
    const started = Date.now();
    await begin(page, good, { name: "on a GPU" });
    await trained(page, 400_000);
    t.diagnostic(`4 steps and the threshold in ${((Date.now() - started) / 1000).toFixed(0)} s`);
    const { history, threshold } = header(await saved(page, "#train-save", "on a GPU.aand"));
    const folder = mkdtempSync(join(work, "gpu-"));
    good.forEach((path) => writeFileSync(join(folder, path.split("/").at(-1)), readFileSync(path)));
    const same = join(work, "gpu.aand");
    execFileSync(AAND, ["train", folder, "--out", same, "--size", "128", "--batch", "6", "--epochs-amplify", "2", "--epochs-distill", "2", "--device", "cpu"], { stdio: "pipe" });
    const there = header(same);
    near(history.amplify[0].focal, there.history.amplify[0].focal, "focal loss of the first epoch");
    near(history.amplify[0].amplification, there.history.amplify[0].amplification, "amplification loss of the first epoch");
    near(history.distill[0].kd, there.history.distill[0].kd, "KD of the first epoch", 2e-2);
    near(history.distill[0].hkd, there.history.distill[0].hkd, "HKD of the first epoch", 2e-2);
    near(threshold.value, there.threshold.value, "threshold", 0.1);
    assert.deepEqual(problems, []);
    await page.close();
  } finally {
    await gpu.stop();
  }
});

test("a GPU error ends the training with a message", async (t) => {
  const spoilt = join(work, "spoilt");
  cpSync(DIST, spoilt, { recursive: true });
  // As if the browser rejected a shader.
  appendFileSync(join(spoilt, "js/module/train-gpu.js"), `
    const create = GPUDevice.prototype.createShaderModule;
    GPUDevice.prototype.createShaderModule = function (given) { return create.call(this, { ...given, code: "no shader" }); };`);
  const faulty = await serve(spoilt);
  const gpu = await browse(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"]);
  try {
    const { page } = await open(gpu.context, `${faulty.address}?compute=gpu&learn=asked&steps=1,1`);
    if (!await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()))) return t.skip("this browser offers no WebGPU adapter");
    await begin(page, good, { name: "spoilt" });
    await page.waitForSelector("#train-error:not([hidden])", { timeout: 120_000 });
    assert.match(await page.textContent("#train-error"), /The training failed: the GPU failed: /);
    assert.ok(await page.isEnabled("#train-go"));
    await page.close();
  } finally {
    await gpu.stop();
    await faulty.stop();
  }
});
