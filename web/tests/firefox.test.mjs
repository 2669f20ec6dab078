// The built page in Firefox, over WebDriver BiDi.

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";
import { serve } from "./site.mjs";
import { DIST, PICTURES, SAMPLE } from "./steps.mjs";

/** Outside of tests, Firefox gives files no such rights. */
const STRICT = { "security.fileuri.strict_origin_policy": true };
const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

test("Firefox: a sample, own pictures, the look inside, and the question before it goes", async () => {
  const site = await serve(DIST);
  const firefox = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true, extraPrefsFirefox: STRICT });
  try {
    const page = await firefox.newPage();
    await page.setViewport({ width: 1280, height: 720 });
    const problems = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
    const address = `${site.address}?compute=cpu&learn=asked`;
    await page.goto(address);
    const until = (condition, ...given) => page.waitForFunction(condition, { timeout: 180_000 }, ...given);
    const judged = (count) => until((count) => document.querySelectorAll("#cards .verdict").length === count
      && document.getElementById("job-progress").hidden, count);
    await page.click("#try-sample");
    await judged(SAMPLE.pictures.length);
    const seen = await page.evaluate(() => {
      const all = [...document.querySelectorAll("#cards .card")].map((card) => [
        card.querySelector(".name").textContent, Number(/score ([0-9.]+)/.exec(card.textContent)[1])]);
      const { data } = document.getElementById("viewer-heat").getContext("2d").getImageData(0, 0, 256, 256);
      return { all, shown: document.getElementById("viewer-title").textContent, colors: new Set(data).size };
    });
    assert.equal(seen.shown, seen.all.toSorted(([, a], [, b]) => b - a)[0][0], "the most anomalous one is shown");
    assert.ok(seen.colors > 20, `a heat map of ${seen.colors} values`);

    await page.evaluate(() => [...document.querySelectorAll("#viewer button")].find((e) => e.textContent === "Look inside").click());
    await until(() => /^Score [0-9.]+: (good|anomalous)/.test(document.getElementById("inside-words").textContent));
    await page.keyboard.press("Escape");
    await until(() => document.getElementById("inside").hidden);

    await page.click("nav [data-go=train]");
    const [good] = await page.$$("#train-files");
    await good.uploadFile(...PICTURES.slice(0, 5));
    await until(() => document.querySelectorAll("#train-thumbs canvas").length === 5
      && [...document.querySelectorAll("#train-thumbs canvas")].every((canvas) => canvas.width > 1));
    assert.equal(await page.$eval("#train-go", (button) => button.disabled), false);
    await page.goBack();

    const [input] = await page.$$("#files");
    await input.uploadFile(PICTURES[0]);
    await judged(SAMPLE.pictures.length + 1);
    let asked = "";
    page.on("dialog", async (dialog) => { asked = dialog.type(); await dialog.accept(); });
    await page.reload();
    assert.equal(asked, "beforeunload", "an own picture's result is not saved");
    assert.deepEqual(problems, []);

    await page.goto(pathToFileURL(resolve(DIST, "index.html")).href);
    await until(() => /opened as a file/.test(document.getElementById("not-started-words").textContent));
  } finally {
    await firefox.close();
    await site.stop();
  }
});
