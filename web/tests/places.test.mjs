// The three places of the page and their addresses.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browse, open, serve } from "./site.mjs";
import { DIST, loaded, names, picture, settled } from "./steps.mjs";

let site, browser;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});
const fresh = (hash = "") => open(browser.context, `${site.address}?compute=cpu${hash}`);
const shown = (page) => page.$$eval("[data-place]", (all) => all.filter((e) => e.checkVisibility()).map((e) => e.dataset.place));

test("each place has its address; Back, Forward and a reload lead to it, and what is there stays", async () => {
  const { page, problems } = await fresh();
  assert.deepEqual(await shown(page), ["inspect"]);
  await loaded(page);
  await page.setInputFiles("#files", [picture("mine.png")]);
  await settled(page);
  await page.click("nav [data-go=train]");
  assert.match(page.url(), /#train$/);
  assert.deepEqual(await shown(page), ["train"]);
  assert.match(await page.title(), /^Train/);
  assert.equal(await page.getAttribute("nav [data-go=train]", "aria-current"), "page");
  await page.click("nav [data-go=inside]");
  assert.deepEqual(await shown(page), ["inside"]);
  await page.goBack();
  assert.deepEqual(await shown(page), ["train"]);
  await page.goBack();
  assert.deepEqual(await shown(page), ["inspect"]);
  assert.deepEqual(await names(page), ["mine.png"]);
  assert.equal(await page.locator("#cards .verdict").count(), 1, "results survive");
  await page.goForward();
  assert.deepEqual(await shown(page), ["train"]);
  await page.evaluate(async () => (await import("./js/leave.js")).leaveAnyway());
  await page.reload();
  assert.deepEqual(await shown(page), ["train"]);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a place remembers the address within it; what is no address changes nothing", async () => {
  const { page, problems } = await fresh("#inside/step-3?level=2");
  assert.deepEqual(await shown(page), ["inside"]);
  const here = () => page.evaluate(async () => {
    const { place, path, query } = (await import("./js/router.js")).here();
    return { place, path, query: Object.fromEntries(query) };
  });
  assert.deepEqual(await here(), { place: "inside", path: ["step-3"], query: { level: "2" } });
  await page.click("nav [data-go=train]");
  await page.click("nav [data-go=inside]");
  assert.match(page.url(), /#inside\/step-3\?level=2$/);
  await page.evaluate(() => { location.hash = "nowhere"; });
  await page.waitForTimeout(50);
  assert.deepEqual(await here(), { place: "inside", path: ["step-3"], query: { level: "2" } });
  // The way past the navigation is no address either.
  await page.focus(".skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  assert.deepEqual(await shown(page), ["inside"]);
  assert.deepEqual(problems, []);
  await page.close();
});
