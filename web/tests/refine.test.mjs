// Correct and refine on the built page: the model of corrections is the native program's, and the one before it is there.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { disc } from "./fixtures.mjs";
import { axe, browse, open, serve } from "./site.mjs";
import { asked, DIST, loaded, reload, saved, settled, shown } from "./steps.mjs";

const AAND = process.env.AAND ?? "aand";
const work = mkdtempSync(join(tmpdir(), "aand-refine-"));
const aand = (...given) => execFileSync(AAND, given, { stdio: "pipe", encoding: "utf8" });
const put = (folder, name, bytes) => {
  mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, folder, name), bytes);
};
const MODEL = join(work, "disc.aand");
const train = (out, ...more) => aand("train", join(work, "train"), "--out", out, "--size", "64", "--batch", "6", "--epochs-amplify", "2",
  "--epochs-distill", "40", "--device", "cpu", "--quiet", ...more);
let site, browser;
before(async () => {
  for (let n = 0; n < 12; n++) put("train", `${n}.png`, disc(n));
  for (let n = 0; n < 6; n++) put("new", `new ${n}.png`, disc(n, { light: 0.15 }));
  for (let n = 0; n < 2; n++) put("bad", `bad ${n}.png`, disc(n, { defect: true }));
  train(MODEL, "--keep", "8");
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});

const file = (folder, name) => ({ name, mimeType: "image/png", buffer: readFileSync(join(work, folder, name)) });
const NEW = [0, 1, 2, 3, 4, 5].map((n) => `new ${n}.png`);
const BAD = ["bad 0.png", "bad 1.png"];
const all = () => [...NEW.map((name) => file("new", name)), ...BAD.map((name) => file("bad", name))];
/** The model on the page, and pictures that it has judged. */
async function opened(model = MODEL, pictures = all(), changed = undefined) {
  const at = changed ?? site;
  const { page, problems } = await open(browser.context, `${at.address}?compute=cpu`);
  await loaded(page, model);
  await page.setInputFiles("#files", pictures);
  await settled(page);
  return { page, problems };
}
/** Name to score, as the page computed them. */
const scores = (page) => page.evaluate(async () => {
  const { items } = await import("./js/pictures.js");
  return Object.fromEntries(items.map(({ name, found }) => [name, found?.score]));
});
const anomalous = (page, names) => page.$$eval("#cards li", (cards, names) => cards.filter((card) =>
  names.includes(card.querySelector(".name").textContent) && card.querySelector(".verdict.anomalous")).length, names);
async function mark(page, name, what) {
  await page.click(`#cards button:has(.name[title="${name}"])`);
  await shown(page, name);
  await page.click(`#marks [data-mark=${what}]`);
}
const marked = async (page) => {
  for (const name of NEW) await mark(page, name, "good");
  for (const name of BAD) await mark(page, name, "defect");
};
const list = (page) => page.$$eval("#correction-list .name", (names) => names.map((name) => name.textContent));
/** Presses *Learn*, and waits for what comes of it. */
async function learned(page) {
  await page.click("#corrections-learn");
  await page.waitForFunction(() => document.getElementById("corrections-progress").hidden
    && !(document.getElementById("refined").hidden && document.getElementById("corrections-error").hidden), undefined, { timeout: 180_000 });
  await settled(page);
}
/** The file of the model that judges. */
const judge = async (page) => Buffer.from(await page.evaluate(async () => {
  const { page } = await import("./js/state.js");
  const bytes = new Uint8Array(await page.model.file.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}), "base64");
const header = (bytes) => JSON.parse(JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE()))).__metadata__.aand);
const near = (here, there, what) => assert.ok(Math.abs(here - there) <= 1e-3 * Math.abs(there), `${what}: ${here} here, ${there} natively`);

test("the page refines as the native program does, fewer good parts are called anomalous, and Undo brings the old model back to the byte", async () => {
  const { page, problems } = await opened();
  const before = readFileSync(MODEL);
  const alarms = await anomalous(page, NEW);
  assert.ok(alarms > 0, "there is nothing to correct");
  await marked(page);
  assert.deepEqual(await list(page), [...NEW, ...BAD]);
  assert.match(await page.textContent("#corrections-words"), /Nothing is learned from a defect/);
  const started = performance.now();
  await learned(page);
  console.log(`refining in the page, 6 good pictures and 2 defects at 64 x 64: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  assert.match(await page.textContent("#refined-words"), /^The detector is refined on 6 corrections in \d+ steps: false alarms on the new pictures \d of 6 before and \d now, .*given defects found .*threshold .*kept in this browser/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "corrections-title");
  assert.ok(await anomalous(page, NEW) < alarms, "as many false alarms as before");
  assert.match(await page.textContent("#model-words"), /refined on 6 corrections/);
  // Those that were learned from are done with; the defects go on checking.
  assert.deepEqual(await list(page), BAD);

  // The same natively: the same settings, the same files.
  const native = join(work, "native.aand");
  writeFileSync(native, before);
  const told = JSON.parse(aand("refine", native, "--good", ...NEW.map((name) => join(work, "new", name)), "--defects", ...BAD.map((name) => join(work, "bad", name)),
    "--device", "cpu", "--json", "--quiet"));
  const out = join(work, "out");
  aand("detect", native, join(work, "new"), join(work, "bad"), "--out", out, "--no-heat", "--no-overlay", "--device", "cpu", "--quiet");
  const rows = readFileSync(join(out, "results.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const here = await scores(page);
  let most = 0;
  for (const { path, score } of rows) {
    const name = path.split("/").at(-1);
    near(here[name], score, name);
    most = Math.max(most, Math.abs(here[name] / score - 1));
  }
  console.log(`scores of the page's refined model and the native one: at most ${most.toExponential(1)} apart`);
  assert.equal(rows.length, 8);

  // The file tells what was done.
  const bytes = await saved(page, "#refined-save");
  const { refinements: [record], threshold } = header(bytes);
  near(threshold.value, told.threshold.value, "threshold");
  const { when, before: standing, after: now, ...same } = record;
  const { when: _, before: old, after: then, ...wanted } = told.refinement;
  assert.deepEqual(same, wanted);
  assert.ok(Math.abs(when - Date.now() / 1000) < 3600);
  for (const [mine, its] of [[standing, old], [now, then]]) {
    assert.deepEqual([mine.kept, mine.new, mine.synthetic, mine.defects], [its.kept, its.new, its.synthetic, its.defects]);
  }
  // The browser keeps it, the native program takes it, and it can be refined again on top.
  assert.deepEqual(await judge(page), bytes);
  const kept = () => page.$$eval("#train-kept-list li > span", (all) => all.map((each) => each.textContent));
  assert.match((await kept()).join(), /refined\.aand/);
  const exported = join(work, "page.aand");
  writeFileSync(exported, bytes);
  const again = join(work, "again");
  aand("detect", exported, join(work, "new"), "--out", again, "--no-heat", "--no-overlay", "--device", "cpu", "--quiet");
  const [first] = readFileSync(join(again, "results.jsonl"), "utf8").split("\n");
  near(here[JSON.parse(first).path.split("/").at(-1)], JSON.parse(first).score, "the page's file natively");

  for (const [width, height] of [[1280, 900], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(page), [], `${colorScheme} at ${width}`);
      if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `refined-${width}-${colorScheme}.png`), fullPage: width < 500 });
    }
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `wider than ${width}`);
  }

  await page.click("#refined-undo");
  await page.waitForFunction(() => /from before judges again/.test(document.getElementById("refined-words").textContent));
  await settled(page);
  assert.deepEqual(await judge(page), before);
  assert.equal(await anomalous(page, NEW), alarms);
  // The corrections wait again, and the browser keeps no model that nobody wants.
  assert.deepEqual(await list(page), [...NEW, ...BAD]);
  assert.deepEqual(await kept(), []);
  assert.deepEqual(problems, []);
  await page.close();
});

test("by keyboard alone: mark, take back, learn, cancel; the old model stays whole, and leaving is asked about", async () => {
  const { page, problems } = await opened();
  const before = await judge(page);
  const press = async (selector, key = "Enter") => { await page.focus(selector); await page.keyboard.press(key); };
  await press('#cards button:has(.name[title="new 0.png"])');
  await press("#marks [data-mark=good]");
  assert.deepEqual(await page.$$eval("#marks button", (all) => all.map((each) => each.getAttribute("aria-pressed"))), ["true", "false"]);
  await page.waitForFunction(() => /new 0\.png is marked as good\. 1 correction\./.test(document.getElementById("announcer").textContent));
  assert.equal(await page.textContent("#corrections-learn"), "Learn from this correction");
  // A second press, or the list, takes it back; the focus goes on.
  await page.keyboard.press("Enter");
  assert.ok(await page.isHidden("#corrections"));
  await page.keyboard.press("Space");
  await press("#correction-list button");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.mark), "good");
  assert.ok(await page.isHidden("#corrections"));
  // From a defect alone nothing is learned.
  await mark(page, "bad 0.png", "defect");
  assert.ok(await page.isDisabled("#corrections-learn"));
  assert.match(await page.textContent("#corrections-words"), /Mark a good picture too/);
  await mark(page, "new 0.png", "good");
  await press("#corrections-learn");
  await page.waitForSelector("#corrections-progress:not([hidden])");
  assert.equal(await page.evaluate(() => document.activeElement.id), "corrections-cancel");
  // Twice at once is not possible.
  assert.ok(await page.isHidden("#corrections-learn"));
  await page.waitForFunction(() => /^Learning, /.test(document.getElementById("corrections-progress-words").textContent), undefined, { timeout: 60_000 });
  assert.ok(await asked(page, () => reload(page)), "the browser asks first");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#corrections-progress", { state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.id), "corrections-learn");
  assert.deepEqual(await judge(page), before);
  assert.deepEqual(await list(page), ["new 0.png", "bad 0.png"]);
  // Pictures that are cleared take their marks along, and bring them back.
  await page.click("#clear");
  assert.ok(await page.isHidden("#corrections"));
  await page.click("#undo-now");
  await settled(page);
  assert.deepEqual(await list(page), ["new 0.png", "bad 0.png"]);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a press right after another picture was chosen is meant for that one, and the focus stays where it was", async () => {
  const { page, problems } = await opened();
  await page.click('#cards button:has(.name[title="new 0.png"])');
  await shown(page, "new 0.png");
  await page.focus("#marks [data-mark=good]");
  // In one breath: nothing can have been decoded in between.
  const busy = await page.evaluate(() => {
    const card = (name) => document.querySelector(`#cards button:has(.name[title="${name}"])`);
    card("new 1.png").click();
    document.querySelector("#marks [data-mark=good]").click();
    return document.getElementById("viewer").hasAttribute("aria-busy");
  });
  assert.ok(busy, "the picture is still to come");
  await shown(page, "new 1.png");
  assert.deepEqual(await list(page), ["new 1.png"]);
  assert.deepEqual(await page.$$eval("#marks button", (all) => all.map((each) => each.getAttribute("aria-pressed"))), ["true", "false"]);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.mark), "good");
  // And back before it was shown: the verdict and the marks are those of the picture in view.
  await page.evaluate(() => {
    for (const name of ["new 0.png", "new 1.png"]) document.querySelector(`#cards button:has(.name[title="${name}"])`).click();
  });
  await shown(page, "new 1.png");
  assert.deepEqual(await page.$$eval("#marks button", (all) => all.map((each) => each.getAttribute("aria-pressed"))), ["true", "false"]);
  const verdict = await page.textContent('#cards li:has(.name[title="new 1.png"]) .verdict');
  assert.equal(await page.textContent("#viewer-verdict"), verdict);
  // The panels, too, can be enlarged without losing one's place.
  await page.focus('#viewer [title="Heat map large"]');
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "viewer-heat");
  assert.deepEqual(problems, []);
  await page.close();
});

test("what cannot be learned from is said in one line, and the model stays", async () => {
  const bare = join(work, "bare.aand");
  train(bare, "--keep", "0");
  const { page, problems } = await opened(bare, [file("new", "new 0.png")]);
  const before = await judge(page);
  await mark(page, "new 0.png", "good");
  await learned(page);
  assert.match(await page.textContent("#corrections-error"), /^Nothing was learned: keeps no good pictures, .*train it again/);
  assert.deepEqual(await judge(page), before);
  // Another model: what was said of the last one is gone.
  await loaded(page, MODEL);
  await settled(page);
  assert.ok(await page.isHidden("#corrections-error"));

  // In any page: a correction that is no picture, none at all, and what the model has learned from before.
  const { said, whole } = await page.evaluate(async ([text, again]) => {
    const { refine } = await import("./js/module/refine.js");
    const { page } = await import("./js/state.js");
    const model = page.model.file;
    const size = model.size;
    const good = [{ name: "again.png", file: new Blob([Uint8Array.from(atob(again), (c) => c.charCodeAt(0))]) }];
    const wanted = { epochs: 1, margin: 1 };
    const of = (given, from = model, how = wanted) => refine(from, given, { compute: "cpu", wanted: how }).then(() => "refined", ({ name, message }) => `${name}: ${message}`);
    const once = await refine(model, { good }, { compute: "cpu", wanted });
    return {
      said: [
        await of({ good: [{ name: "notes.png", file: new Blob([text]) }] }), await of({ good: [], defects: good }),
        await of({ good }, once.model), await of({ good }, new Blob([text])), await of({ good }, model, { rate: 1 }),
      ],
      whole: model.size === size,
    };
  }, ["no picture", readFileSync(join(work, "new", "new 1.png")).toString("base64")]);
  assert.match(said[0], /^PictureError: notes\.png: /);
  assert.match(said[1], /^TrainingError: there are no good pictures to refine on/);
  assert.match(said[2], /^TrainingError: the model was refined on all of these pictures before; give new ones/);
  assert.match(said[3], /^ModelError: /);
  assert.match(said[4], /^TrainingError: unknown settings: /);
  assert.ok(said.every((line) => !line.includes("\n")) && whole);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a refinement that makes the old pictures worse is refused with the reason, and taken if somebody insists", async () => {
  // A refinement so harsh natively needs other settings: here the module's answer is made worse on its way.
  const harsh = await serve(DIST, {
    "js/module/train-worker.js": (text) => {
      const changed = text.replace('outcome: JSON.parse(refiner.outcome() ?? "null")', 'outcome: { ...JSON.parse(refiner.outcome()), worse: "10 % of the synthetic anomalies fewer would be found, more than the margin of 5 %" }');
      assert.notEqual(changed, text);
      return changed;
    },
  });
  try {
    const { page, problems } = await opened(MODEL, [file("new", "new 0.png")], harsh);
    const before = await judge(page);
    await mark(page, "new 0.png", "good");
    await learned(page);
    assert.match(await page.textContent("#refined-words"), /^Not taken, the model is as it was: 10 % of the synthetic anomalies fewer would be found, more than the margin of 5 %\. .* refined on 1 correction in /);
    assert.deepEqual(await judge(page), before);
    assert.deepEqual(await list(page), ["new 0.png"]);
    assert.ok(await page.isHidden("#refined-undo") && await page.isHidden("#refined-save"));
    await page.click("#refined-anyway");
    await page.waitForFunction(() => /^The detector is refined/.test(document.getElementById("refined-words").textContent));
    await settled(page);
    assert.ok(await page.isHidden("#refined-anyway"));
    assert.equal(header(await judge(page)).refinements.length, 1);
    await page.click("#refined-undo");
    await page.waitForFunction(() => /from before judges again/.test(document.getElementById("refined-words").textContent));
    assert.deepEqual(await judge(page), before);
    // A model that is opened is another story: nothing of the last one is offered.
    await loaded(page, MODEL);
    assert.ok(await page.isHidden("#refined"));
    assert.deepEqual(problems, []);
    await page.close();
  } finally {
    await harsh.stop();
  }
});

test("an instant detector learns from corrections as further good pictures; one made elsewhere says where they belong", async () => {
  const { page, problems } = await open(browser.context, `${site.address}?compute=cpu&learn=asked#train`);
  await page.setInputFiles("#train-files", [0, 1, 2, 3, 4].map((n) => file("train", `${n}.png`)));
  await page.waitForFunction(() => /judges already/.test(document.getElementById("instant-words").textContent), undefined, { timeout: 60_000 });
  const elsewhere = await judge(page);
  await page.click("nav [data-go=inspect]");
  await page.setInputFiles("#files", [file("new", "new 0.png")]);
  await settled(page);
  await mark(page, "new 0.png", "good");
  const { "new 0.png": score } = await scores(page);
  await page.click("#corrections-learn");
  await page.waitForFunction(() => /joined those in Train/.test(document.getElementById("refined-words").textContent));
  await page.waitForFunction(() => /of 6 good pictures/.test(document.getElementById("model-words").textContent), undefined, { timeout: 60_000 });
  await settled(page);
  assert.ok((await scores(page))["new 0.png"] < score, "what it has learned from is not nearer");
  assert.deepEqual(await list(page), []);

  const other = join(work, "instant.aand");
  writeFileSync(other, elsewhere);
  await loaded(page, other);
  await settled(page);
  assert.deepEqual(await list(page), ["new 0.png"]);
  assert.ok(await page.isDisabled("#corrections-learn"));
  assert.match(await page.textContent("#corrections-words"), /made elsewhere/);
  assert.deepEqual(problems, []);
  await page.close();
});
