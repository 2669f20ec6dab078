// Files that come in, and files that go out.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browse, open, serve } from "./site.mjs";
import { bitmap, DIST, loaded, MODEL, names, picture, PICTURES, saved, settled, unzipped } from "./steps.mjs";

let site, browser, work;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
  work = mkdtempSync(join(tmpdir(), "aand-files-"));
});
after(async () => {
  await browser?.stop();
  await site?.stop();
  rmSync(work, { recursive: true, force: true });
});
const fresh = () => open(browser.context, `${site.address}?compute=cpu`);
const lines = (csv) => csv.toString().replace(/^\ufeff/, "").trim().split("\r\n");

test("good pictures are told apart by their content, not by name and size", async () => {
  const { page, problems } = await fresh();
  const count = () => page.textContent("#train-count");
  await page.setInputFiles("#train-files", [bitmap("1.bmp", 10), bitmap("2.bmp", 20)]);
  await page.waitForFunction(() => /^2 good/.test(document.getElementById("train-count").textContent));
  // The same names and sizes from another folder.
  await page.setInputFiles("#train-files", [bitmap("1.bmp", 30), bitmap("2.bmp", 40)]);
  await page.waitForFunction(() => /^4 good/.test(document.getElementById("train-count").textContent));
  assert.ok(await page.isHidden("#train-notice"));
  // The same pictures by other names.
  await page.setInputFiles("#train-files", [bitmap("copy.bmp", 10), bitmap("copy 2.bmp", 10), bitmap("new.bmp", 50)]);
  await page.waitForFunction(() => /^5 good/.test(document.getElementById("train-count").textContent));
  assert.match(await page.textContent("#train-notice"), /^2 pictures left out, the same as some already here: copy\.bmp and 1 more\.$/);
  assert.match(await count(), /the threshold is a guess/);
  await page.click("#train-clear");
  assert.equal(await count(), "");
  await page.click("#undo-now");
  await page.waitForFunction(() => /^5 good/.test(document.getElementById("train-count").textContent));
  assert.deepEqual(problems, []);
  await page.close();
});

test("a folder: what is no picture is named, and pictures go by all their endings", async () => {
  const { page, problems } = await fresh();
  const folder = join(work, "parts");
  mkdirSync(join(folder, "deep"), { recursive: true });
  const bytes = readFileSync(PICTURES[0]);
  for (const name of ["a.jfif", "b.JPE", "deep/c.png"]) writeFileSync(join(folder, name), bytes);
  for (const name of ["notes.txt", "list.csv", ".DS_Store", "Thumbs.db"]) writeFileSync(join(folder, name), "x");
  await loaded(page);
  await page.setInputFiles("#folder", folder);
  await settled(page);
  assert.deepEqual((await names(page)).sort(), ["parts/a.jfif", "parts/b.JPE", "parts/deep/c.png"]);
  const left = await page.textContent("#files-notice");
  assert.match(left, /^Left out, .*notes\.txt/);
  assert.match(left, /list\.csv/);
  assert.doesNotMatch(left, /DS_Store|Thumbs/);
  await page.setInputFiles("#train-folder", folder);
  await page.waitForSelector("#train-notice:not([hidden])");
  assert.match(await page.textContent("#train-notice"), /notes\.txt/);

  const none = join(work, "none");
  mkdirSync(none);
  for (const name of ["1.txt", "2.txt", "3.txt", "4.txt"]) writeFileSync(join(none, name), "x");
  await page.setInputFiles("#folder", none);
  await page.waitForFunction(() => /^Nothing there is a picture/.test(document.getElementById("files-notice").textContent));
  assert.match(await page.textContent("#files-notice"), / and 1 more\.$/);
  await page.setInputFiles("#train-folder", none);
  await page.waitForFunction(() => /^Nothing there is a picture/.test(document.getElementById("train-notice").textContent));
  assert.deepEqual(problems, []);
  await page.close();
});

test("of several models the one in use is named", async () => {
  const { page } = await fresh();
  const bytes = readFileSync(MODEL);
  const model = (name) => ({ name, mimeType: "application/octet-stream", buffer: bytes });
  await page.setInputFiles("#files", [model("first.aand"), model("second.AAND")]);
  await page.waitForSelector("#model-words strong", { timeout: 120_000 });
  assert.match(await page.textContent("#files-notice"), /of 2 it is second\.AAND, the last/);
  await page.close();
});

const ODD = ["=1+1.png", "+1.png", "-1.png", "@sum.png", "деталь №1.png", "部品.png"];
test("the CSV: UTF-8 that Excel knows, no formulas, no name twice", async () => {
  const { page } = await fresh();
  await loaded(page);
  await page.setInputFiles("#files", [...ODD, "0001.png"].map((name) => picture(name)));
  await page.setInputFiles("#files", [picture("0001.png", 1), { name: "=bad.png", mimeType: "image/png", buffer: Buffer.from("=cmd\n") }]);
  await settled(page);
  const csv = await saved(page, "#save-csv");
  assert.deepEqual([...csv.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
  const [header, ...rows] = lines(csv);
  assert.equal(header, "path,score,normalized,verdict,ms,error");
  const paths = rows.map((row) => row.split(",")[0]);
  assert.deepEqual(paths, ["'=1+1.png", "'+1.png", "'-1.png", "'@sum.png", "деталь №1.png", "部品.png", "0001.png", "0001 (2).png", "'=bad.png"]);
  assert.match(rows[0], /^'=1\+1\.png,[0-9.]+,[0-9.]+,(good|anomalous),[0-9.]+,$/);
  await page.close();
});

test("the ZIP: names that every system takes, each once, and in the CSV's rows", async () => {
  const { page } = await fresh();
  await loaded(page);
  const given = ["Part.PNG", "part.png", "<img src=x>.png", "a\nb.png", "CON.png", "com1.x.png", "end. .png", "q?*|\".png", "..png"];
  await page.evaluate(async ([given, bytes]) => {
    const { add } = await import("./js/pictures.js");
    add(given.map((name) => ({ name, file: new Blob([new Uint8Array(bytes)]) })));
    (await import("./js/judge.js")).judgeAll();
  }, [given, [...readFileSync(PICTURES[0])]]);
  await settled(page);
  const files = unzipped(await saved(page, "#save-zip"));
  const entries = [...files.keys()];
  assert.equal(entries.length, given.length + 1);
  assert.equal(new Set(entries.map((name) => name.toLowerCase())).size, entries.length, `${entries}`);
  for (const name of entries) {
    assert.doesNotMatch(name, /[<>:"|?*\\/\p{Cc}]/u);
    assert.doesNotMatch(name, /^(con|com1)\b|[. ]\.png$/i);
  }
  const [header, ...rows] = lines(files.get("results.csv").toString().replace("a\nb", "a b"));
  assert.equal(header, "path,score,normalized,verdict,ms,error,picture");
  assert.deepEqual(rows.map((row) => row.split(",").at(-1)).sort(), entries.filter((name) => name !== "results.csv").sort());
  await page.close();
});

/** A drag of these kinds over an element, and what falls there. */
const drag = (page, over, type, files = []) => page.evaluate(([over, type, files]) => {
  const dataTransfer = new DataTransfer();
  for (const [name, bytes] of files) dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
  if (files.length === 0) dataTransfer.setData("text/plain", "words");
  const target = document.querySelector(over);
  return target.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
}, [over, type, files]);

test("a drop goes where the page says it goes; words and the page's own picture are no files", async () => {
  const { page, problems } = await fresh();
  const files = [["1.png", [...readFileSync(PICTURES[0])]]];
  await drag(page, "#main", "dragover");
  assert.ok(await page.isHidden("#drop-hint"), "words");
  await page.dispatchEvent("#start figure img", "dragstart");
  await drag(page, "#main", "dragover", files);
  assert.ok(await page.isHidden("#drop-hint"), "the page's own picture");
  await page.dispatchEvent("#start figure img", "dragend");

  await drag(page, "#main", "dragover", files);
  assert.ok(await page.isVisible("[data-drop=judge].over"));
  await drag(page, "[data-drop=learn]", "dragover", files);
  assert.ok(await page.isVisible("[data-drop=learn].over"));
  assert.equal(await page.locator("[data-drop].over").count(), 1);
  await drag(page, "[data-drop=learn]", "drop", files);
  await page.waitForFunction(() => /^1 good/.test(document.getElementById("train-count").textContent));
  assert.ok(await page.isHidden("#drop-hint"));
  assert.deepEqual(await names(page), []);

  await drag(page, "#main", "dragover", files);
  await drag(page, "[data-drop=judge]", "drop", files);
  await page.waitForFunction(() => document.querySelectorAll("#cards li").length === 1);
  assert.match(await page.textContent("#train-count"), /^1 good/);
  // A drag that ended elsewhere is heard of no more.
  await drag(page, "#main", "dragover", files);
  await page.waitForSelector("#drop-hint", { state: "hidden" });
  assert.deepEqual(problems, []);
  await page.close();
});
