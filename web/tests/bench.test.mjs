// The page that measures, in Chromium.

import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, browse, GPU, open, serve } from "./site.mjs";

test("bench.html measures the CPU and WebGPU, and says what is a software adapter", async () => {
  const site = await serve(process.env.DIST ?? "dist");
  const browser = await browse(GPU);
  try {
    const { page, problems } = await open(browser.context, `${site.address}bench.html`);
    await page.fill("#runs", "2");
    await page.click("#measure:enabled");
    await page.waitForFunction(() => globalThis.benchResult || !document.getElementById("error").hidden, undefined, { timeout: 300_000 });
    assert.equal(await page.textContent("#error"), "");
    const { engines, size } = await page.evaluate(() => globalThis.benchResult);
    assert.equal(size, "256 × 256");
    const adapter = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
    assert.equal(engines.length, adapter ? 2 : 1);
    for (const { name, load_ms, first_ms, median_ms, p95_ms, latency_ms } of engines) {
      assert.equal(latency_ms.length, 2, name);
      assert.ok(load_ms > 0 && first_ms > 0 && median_ms > 0 && p95_ms >= median_ms, name);
      assert.equal(median_ms, (latency_ms[0] + latency_ms[1]) / 2, name);
    }
    if (adapter) assert.match(engines[1].note, /software adapter/);
    assert.equal(await page.locator("#rows tr").count(), engines.length);
    assert.deepEqual(await axe(page), []);
    await page.fill("#runs", "1000");
    await page.click("#measure");
    await page.waitForFunction(() => /^Run/.test(document.getElementById("words").textContent), undefined, { timeout: 120_000 });
    await page.click("#cancel");
    await page.waitForSelector("#error:not([hidden])", { timeout: 60_000 });
    assert.equal(await page.textContent("#error"), "Cancelled.");
    assert.deepEqual(problems, []);
  } finally {
    await browser.stop();
    await site.stop();
  }
});
