// The built page in WebKit: a sample, the look inside, a training.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { serve } from "./site.mjs";
import { DIST, MODEL, PICTURES, SAMPLE } from "./steps.mjs";
import { missing, webkit } from "./webkit.mjs";

const AAND = process.env.AAND ?? "target/release/aand";

test("WebKit: a sample with the native scores, the look inside, and a training", { skip: missing() || false }, async (t) => {
  const work = mkdtempSync(join(tmpdir(), "aand-webkit-"));
  execFileSync(AAND, ["detect", MODEL, ...PICTURES, "--out", work, "--device", "cpu"], { stdio: "pipe" });
  const native = readFileSync(join(work, "results.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const site = await serve(DIST);
  const page = await webkit();
  try {
    await page.go(`${site.address}?compute=cpu&steps=2,3&learn=asked`);
    t.diagnostic(await page.evaluate("() => navigator.userAgent"));
    await page.until("() => 'started' in document.documentElement.dataset", "the page has started");
    await page.evaluate(`() => {
      window.problems = [];
      addEventListener("error", (event) => window.problems.push(event.message));
      addEventListener("unhandledrejection", (event) => window.problems.push(String(event.reason)));
    }`);
    await page.click("#try-sample");
    await page.until(`(count) => document.querySelectorAll("#cards .verdict").length === count && document.getElementById("job-progress").hidden`,
      "the sample is judged", 180_000, SAMPLE.pictures.length);
    const found = await page.evaluate(`async () => {
      const { items } = await import(new URL("js/pictures.js", document.baseURI));
      const { page } = await import(new URL("js/state.js", document.baseURI));
      const { data } = document.getElementById("viewer-heat").getContext("2d").getImageData(0, 0, 256, 256);
      return { all: items.map(({ found }) => [found.score, found.score > page.threshold ? "anomalous" : "good"]), colors: new Set(data).size,
        shown: document.getElementById("viewer-title").textContent, names: items.map(({ name }) => name) };
    }`);
    assert.equal(found.all.length, native.length);
    found.all.forEach(([score, verdict], i) => {
      const there = native[i];
      assert.ok(Math.abs(score - there.score) <= 1e-3 * there.score, `${found.names[i]}: ${score}, natively ${there.score}`);
      assert.equal(verdict, there.verdict, found.names[i]);
    });
    const highest = native.reduce((best, { score }, i) => (score > native[best].score ? i : best), 0);
    assert.equal(found.shown, found.names[highest], "the most anomalous one is shown");
    assert.ok(found.colors > 20, `a heat map of ${found.colors} values`);

    await page.evaluate(`() => [...document.querySelectorAll("#viewer button")].find((e) => e.textContent === "Look inside").click()`);
    await page.until(`() => /^Score [0-9.]+: (good|anomalous)/.test(document.getElementById("inside-words").textContent)`, "the look inside");
    const inside = await page.evaluate(`() => Number(/^Score ([0-9.]+)/.exec(document.getElementById("inside-words").textContent)[1])`);
    assert.ok(Math.abs(inside - native[highest].score) < 1e-3 * native[highest].score + 5e-4, `${inside}, natively ${native[highest].score}`);

    await page.click("nav [data-go=train]");
    await page.choose("#train-files", PICTURES.slice(0, 5).map((path) => resolve(path)));
    await page.until(`() => document.querySelectorAll("#train-thumbs li").length === 5 && !document.getElementById("train-go").disabled`, "five good pictures");
    await page.evaluate(`() => { const size = document.getElementById("train-size"); size.value = "128"; size.dispatchEvent(new Event("change", { bubbles: true })); }`);
    await page.click("#train-go");
    await page.until(`() => !document.getElementById("train-result").hidden || !document.getElementById("train-error").hidden`, "the training", 300_000);
    const trained = await page.evaluate(`() => [document.getElementById("train-error").textContent, document.getElementById("train-words").textContent]`);
    assert.equal(trained[0], "");
    assert.match(trained[1], /^my part is trained .*Threshold \d\.\d+/);
    assert.deepEqual(await page.evaluate("() => window.problems"), []);
  } finally {
    await page.stop();
    await site.stop();
    rmSync(work, { recursive: true, force: true });
  }
});
