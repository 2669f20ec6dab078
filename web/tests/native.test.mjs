// The page as `aand serve --ui` serves it: the program learns and judges for it.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { axe, browse, open, serve } from "./site.mjs";
import { DIST, settled } from "./steps.mjs";

const AAND = process.env.AAND ?? "target/release/aand";

let browser, work, good, defective;
before(async () => {
  browser = await browse();
  work = mkdtempSync(join(tmpdir(), "aand-native-"));
  execFileSync(AAND, ["render", "washers", "--out", work, "--train", "6", "--test-good", "1", "--test-per-defect", "1"], { stdio: "pipe" });
  const all = (folder) => readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".png")).map((name) => join(folder, name));
  good = all(join(work, "washers/train")).sort();
  // By a name of its own each.
  defective = all(join(work, "washers/test")).sort().map((file, n) => {
    const named = join(work, `part-${n}.png`);
    cpSync(file, named);
    return named;
  });
});
after(async () => {
  await browser?.stop();
  rmSync(work, { recursive: true, force: true });
});

/** The program with the page; `stop` ends it with that signal, and the test `t` in any case. */
async function program(t, { models, port = 0, token = "" }) {
  const line = ["serve", `--ui=${resolve(DIST)}`, "--models", models, "--port", `${port}`, "--json", "--device", "cpu"];
  const child = spawn(AAND, line, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, AAND_TOKEN: token } });
  t.after(() => child.kill("SIGKILL"));
  let [out, errors] = ["", ""];
  child.stderr.on("data", (data) => { errors += data; });
  const ended = new Promise((end) => { child.on("exit", end); });
  const address = await new Promise((ready, fail) => {
    child.on("exit", () => fail(new Error(errors)));
    child.stdout.on("data", (data) => {
      out += data;
      if (out.includes("\n")) ready(JSON.parse(out).address);
    });
  });
  const stop = async (signal = "SIGTERM") => { child.kill(signal); await ended; };
  return { address, port: new URL(address).port, stop };
}

/** How many pictures the program has judged. */
async function judgedThere(address) {
  const text = await (await fetch(`${address}/metrics`)).text();
  return [...text.matchAll(/^aand_pictures_total\{.*\} (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function until(is, what) {
  for (let n = 0; n < 200 && !is(); n++) await new Promise((go) => setTimeout(go, 200));
  assert.ok(is(), what);
}

async function begin(page, name) {
  await page.waitForSelector("#native-where", { state: "attached", timeout: 20_000 });
  await page.click("nav [data-go=train]");
  await page.setInputFiles("#train-files", good);
  await page.fill("#train-name", name);
  await page.click("#train-more summary");
  await page.selectOption("#train-size", "128");
  await page.click("#train-go");
}

/** The scores on the page, by file name. */
async function scores(page, count) {
  await page.waitForFunction((count) => document.querySelectorAll("#cards .verdict").length === count, count, { timeout: 120_000 });
  await settled(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-csv")]);
  const [, ...rows] = readFileSync(await download.path(), "utf8").trim().split("\r\n");
  return new Map(rows.map((row) => row.split(",")).map(([path, score, , verdict]) => [path.split("/").at(-1), { score: Number(score), verdict }]));
}

test("the program learns and judges for the page; the browser takes over where it ends", { timeout: 400_000 }, async (t) => {
  const models = join(work, "models");
  const { address, stop } = await program(t, { models });
  const { page, problems } = await open(browser.context, `${address}/?compute=cpu&learn=asked&steps=2,6`);
  await begin(page, "Scheibe, links");
  assert.match(await page.textContent("#native-words"), /CPU/);
  assert.equal(await page.isVisible("#train-minutes"), false);
  await page.waitForSelector("#train-result:not([hidden]), #train-error:not([hidden])", { timeout: 200_000 });
  assert.equal(await page.textContent("#train-error"), "");
  assert.match(await page.textContent("#train-words"), /Scheibe, links is trained/);
  const file = join(models, "Scheibe-links.aand");
  // No module of training was fetched: the browser has not learned itself.
  const fetched = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  assert.ok(!fetched.some((name) => name.includes("aand-train")), "the training module");

  // After so few steps the instant detector may be the better one.
  if (await page.isVisible("#train-use")) await page.click("#train-use");
  await page.waitForFunction(() => document.getElementById("model-progress").hidden && /Scheibe/.test(document.getElementById("model-words").textContent));
  await page.click("#train-check");
  await page.setInputFiles("#files", defective);
  const there = await scores(page, defective.length);
  assert.ok(await judgedThere(address) >= defective.length, "the program judges");
  assert.match(await page.textContent("#model-words"), /Scheibe, links/);
  const out = mkdtempSync(join(work, "native-"));
  execFileSync(AAND, ["detect", file, ...defective, "--out", out, "--device", "cpu"], { stdio: "pipe" });
  for (const line of readFileSync(join(out, "results.jsonl"), "utf8").trim().split("\n")) {
    const { path, score, verdict } = JSON.parse(line);
    const found = there.get(path.split("/").at(-1));
    assert.ok(Math.abs(found.score - score) <= 1e-6 * score, `${path}: ${found.score}, natively ${score}`);
    assert.equal(found.verdict, verdict, path);
  }
  assert.ok(await page.isVisible("#viewer canvas, #viewer img"), "the picture and its map are shown");
  assert.deepEqual(await axe(page), []);

  // Switched off, the browser judges the same.
  const before = await judgedThere(address);
  await page.uncheck("#native-judge input");
  const here = await scores(page, defective.length);
  assert.equal(await judgedThere(address), before);
  for (const [name, { score }] of there) assert.ok(Math.abs(here.get(name).score - score) <= 1e-3 * score, name);
  await page.check("#native-judge input");
  await scores(page, defective.length);
  assert.equal(await judgedThere(address), before + defective.length);
  assert.deepEqual(problems, []);

  // Its models are offered after a reload, and what it trained is not lost with the page.
  await page.evaluate(async () => (await import("./js/leave.js")).leaveAnyway());
  await page.reload();
  await page.waitForSelector("#native-models button", { state: "attached" });
  await page.evaluate(() => document.getElementById("start-learning").click());
  await page.click("#native-jobs button:has-text('Use it')");
  await page.waitForFunction(() => /Scheibe/.test(document.getElementById("model-words").textContent));

  await stop();
  await page.waitForFunction(() => /does not answer/.test(document.getElementById("native-words").textContent));
  await page.setInputFiles("#files", [defective[0]]);
  assert.equal((await scores(page, 1)).size, 1, "the browser judges");
  // That it is gone is all there is to complain of.
  assert.deepEqual(problems.filter((problem) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|network error/.test(problem)), []);
  await page.close();
});

test("a training of the program goes on without the page, and after the program was killed", { timeout: 300_000 }, async (t) => {
  const models = join(work, "killed");
  const first = await program(t, { models });
  const { page, problems } = await open(browser.context, `${first.address}/?compute=cpu&learn=asked&steps=2000,2000`);
  await begin(page, "long");
  await page.waitForFunction(() => /Stage 1 of 2/.test(document.getElementById("train-progress-words").textContent), undefined, { timeout: 120_000 });
  await page.click("#train-pause");
  await page.waitForFunction(() => document.getElementById("train-progress-words").textContent === "Paused");
  await page.click("#train-pause");
  await page.waitForFunction(() => /Stage 1 of 2.*left/.test(document.getElementById("train-progress-words").textContent));
  await page.evaluate(async () => (await import("./js/leave.js")).leaveAnyway());
  await page.reload();
  const words = (part) => page.waitForFunction((part) => document.querySelector("#native-jobs li")?.textContent.includes(part), part, { timeout: 60_000 });
  await words("long learns: stage 1 of 2");
  // Unasked no other waits for it.
  const mayBegin = () => page.evaluate(async () => (await import("./js/native-offer.js")).mayBegin());
  assert.equal(await mayBegin(), false);
  await until(() => readdirSync(join(models, "trainings/1")).includes("checkpoint"), "a checkpoint");
  assert.deepEqual(problems, []);
  await first.stop("SIGKILL");
  await page.waitForFunction(() => /does not answer/.test(document.getElementById("native-words").textContent));
  const second = await program(t, { models, port: first.port });
  await words("can go on from there");
  await page.click("#native-jobs button:has-text('Go on')");
  await words("long learns: stage 1 of 2");
  await page.click("#native-jobs button:has-text('Cancel')");
  await page.waitForFunction(() => document.getElementById("native-jobs").hidden);
  assert.equal(await mayBegin(), true);
  // Once the step under way is done.
  await until(() => readdirSync(join(models, "trainings")).length === 0, "nothing left");
  await page.close();
  await second.stop();
});

test("a page from elsewhere offers nothing; one of a program with a token asks for it", { timeout: 120_000 }, async (t) => {
  const site = await serve(DIST);
  const plain = await open(browser.context, `${site.address}?compute=cpu&learn=asked#train`);
  await plain.page.waitForLoadState("networkidle");
  assert.equal(await plain.page.locator("#native-where").count(), 0);
  assert.deepEqual(plain.problems, []);
  await plain.page.close();
  await site.stop();
  const token = "0123456789abcdef0123";
  const { address, stop } = await program(t, { models: join(work, "locked"), token });
  const { page, problems } = await open(browser.context, `${address}/?compute=cpu&learn=asked#train`);
  await page.waitForSelector("#native-lock:not([hidden])");
  assert.match(await page.textContent("#native-words"), /token/);
  assert.equal(await page.isVisible("#native-where"), false);
  assert.deepEqual(problems, []);
  await page.fill("#native-token", "wrong-wrong-wrong-wrong");
  await page.press("#native-token", "Enter");
  await page.waitForFunction(() => !document.getElementById("native-lock").hidden);
  await page.fill("#native-token", token);
  await page.click("#native-lock button");
  await page.waitForSelector("#native-where:visible");
  assert.equal(await page.isVisible("#native-lock"), false);
  assert.deepEqual(problems.filter((problem) => !/401/.test(problem)), []);
  assert.match(await page.textContent("#train > .quiet"), /nothing leaves this device/);
  assert.equal(await page.isVisible("#train [data-stays]"), true);
  await page.close();
  await stop();
});

test("where the program is elsewhere, that nothing leaves this device is not said, and pictures go there by a press only", { timeout: 120_000 }, async (t) => {
  const { address, stop } = await program(t, { models: join(work, "elsewhere") });
  await browser.context.route("**/js/native.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replaceAll("location.hostname", '"line-pc"') });
  });
  const { page } = await open(browser.context, `${address}/?compute=cpu#train`);
  await page.waitForSelector("#native-where:visible");
  assert.match(await page.textContent("#native-words"), /go to that computer/);
  assert.equal(await page.isVisible("#train [data-stays]"), false);
  await page.setInputFiles("#train-files", good);
  await page.waitForFunction(() => /judges already/.test(document.getElementById("instant-words").textContent), undefined, { timeout: 60_000 });
  await page.waitForTimeout(1500);
  assert.ok(await page.isHidden("#soon"));
  await page.selectOption("#native-where", "browser");
  await page.waitForSelector("#soon:not([hidden])", { timeout: 20_000 });
  await page.close();
  await browser.context.unroute("**/js/native.js");
  await stop();
});
