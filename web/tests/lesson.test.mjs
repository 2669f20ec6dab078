// The lesson, in Chromium.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { axe, browse, open, serve } from "./site.mjs";

const DIST = process.env.DIST ?? "dist";
const [SAMPLE] = JSON.parse(readFileSync(join(DIST, "samples/samples.json"), "utf8"));
const file = (label) => join(DIST, "samples", SAMPLE.pictures.find((picture) => picture.label === label).file);
const STEPS = 8;
/** Steps that are answered by a mark; the others have choices. */
const MARKED = [1, 2, 3, 6];

let site, browser;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});

/** The page at an address of the lesson, with the sample there. */
async function lesson(hash) {
  const opened = await open(browser.context, `${site.address}?compute=cpu${hash}`);
  const { page } = opened;
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.waitForFunction(() => document.querySelector(".step, .variants, #tab-play:not([hidden])") || document.getElementById("lesson-size").textContent);
  // A sample that is kept already starts by itself, perhaps just now.
  await page.evaluate(() => {
    const start = document.getElementById("lesson-start");
    if (start.checkVisibility() && !start.disabled) start.click();
  });
  return opened;
}
const asked = (page) => page.waitForSelector(".stage-area .panel, .stage-area .place", { timeout: 60_000 });
const shown = (page) => page.waitForSelector(".after .learned", { timeout: 60_000 });
/** Clicks a place of a canvas, given as shares. */
async function at(page, selector, [x, y]) {
  const canvas = page.locator(selector).first();
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
}
const facts = (page) => page.$$eval("[data-fact]", (all) => Object.fromEntries(all.map((e) => [e.dataset.fact, Number(/[\d.]+°?$/.exec(e.textContent.trim())[0].replace("°", ""))])));
const pixels = (page, title) => page.evaluate((title) => {
  const panel = [...document.querySelectorAll(".panel")].find((one) => one.checkVisibility() && one.querySelector("strong").textContent === title);
  const canvas = panel.querySelector("canvas");
  return canvas.toDataURL();
}, title);

test("the whole path: each step tells two sentences, asks, and answers after the person has", async () => {
  const { page, problems } = await lesson("#inside/lesson/1");
  await page.evaluate(() => localStorage.clear());
  for (let step = 1; step <= STEPS; step++) {
    await asked(page);
    assert.match(await page.textContent(".step .count"), new RegExp(`^Step ${step} of ${STEPS}$`));
    const story = await page.$$eval(".tell > p:not(.count, .verdict-line)", (all) => all.map((e) => e.textContent));
    assert.ok(story.length >= 2 && story.every((words) => words.length > 40), `step ${step}: ${story}`);
    // Words first: no symbol before they were said, and no answer before the question was answered.
    assert.doesNotMatch(story.join(), /[φΔΣσ]|cos\(|F_/);
    assert.equal(await page.locator(".after .learned").count(), 0);
    assert.ok(await page.isDisabled("text=Show the answer"));
    if (MARKED.includes(step)) await at(page, ".place.pick canvas", step === 2 ? [0.84, 0.4] : [0.42, 0.24]);
    else await page.click(".choices button >> nth=1");
    await page.click("text=Show the answer");
    await shown(page);
    assert.notEqual(await page.textContent(".verdict-line"), "");
    assert.ok(await page.locator(".stage-area canvas, .stage-area svg.chart").count() > 1, `step ${step} shows nothing`);
    assert.equal(await page.locator(".rail a.right, .rail a.wrong").count(), step);
    await page.click(".onward .primary");
    await page.waitForFunction((step) => !document.querySelector(".step .count")?.textContent.startsWith(`Step ${step} of`), step);
  }
  assert.match(await page.textContent(".end"), /answered 8 of 8/);
  // Kept over a reload; and forgotten when asked.
  await page.goto(`${site.address}?compute=cpu#inside/lesson/4`);
  await page.reload();
  await shown(page);
  assert.equal(await page.locator(".rail a.right, .rail a.wrong").count(), STEPS);
  await page.click("text=Ask me again");
  await page.waitForSelector("text=Show the answer");
  await page.click(".rail a >> nth=7");
  await page.waitForFunction(() => document.querySelector(".step .count").textContent.startsWith("Step 8"));
  await shown(page);
  await page.click(".onward a >> nth=1");
  await page.click("text=Begin again");
  await page.waitForFunction(() => document.querySelector(".step .count")?.textContent.startsWith("Step 1"));
  assert.equal(await page.locator(".rail a.right, .rail a.wrong").count(), 0);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a mark on the fault is right, one beside it is not; the keyboard marks too", async () => {
  const { page } = await lesson("#inside/lesson/1");
  await page.evaluate(() => localStorage.clear());
  await page.goto(`${site.address}?compute=cpu#inside/lesson/1`);
  await asked(page);
  // Where the fault is, by the mask that came with the film.
  const spot = await page.evaluate(async () => {
    const { Film } = await import("./js/learn/film.js");
    const [{ lesson }] = await (await fetch("samples/samples.json")).json();
    const film = Film.read(await (await fetch(`samples/${lesson.training.file}`)).arrayBuffer());
    const cells = film.patches(film.find("missing_part.png"), 0);
    const side = Math.sqrt(cells.length);
    const found = [...cells.keys()].filter((i) => cells[i]);
    const i = found[Math.floor(found.length / 2)];
    return [((i % side) + 0.5) / side, (Math.floor(i / side) + 0.5) / side];
  });
  await at(page, ".place.pick canvas", spot);
  await page.click("text=Show the answer");
  await shown(page);
  assert.match(await page.getAttribute(".verdict-line", "class"), /right/);
  await page.click("text=Ask me again");
  await asked(page);
  await page.locator(".place.pick canvas").focus();
  for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "Enter"]) await page.keyboard.press(key);
  await page.locator("text=Show the answer").focus();
  await page.keyboard.press("Enter");
  await shown(page);
  assert.match(await page.getAttribute(".verdict-line", "class"), /wrong/);
  await page.close();
});

test("the drill-down has the native program's numbers", async () => {
  const { page, problems } = await lesson("#inside/play?picture=solder_blob.png");
  await page.waitForFunction(() => document.getElementById("inside-raa").textContent.startsWith("With"), undefined, { timeout: 60_000 });
  const native = (level, row, column, ...more) => JSON.parse(execFileSync(process.env.AAND, [
    "patch", join(DIST, "samples", SAMPLE.model.file), file("solder_blob.png"), "--level", level, "--row", row, "--column", column, "--json", ...more,
  ], { encoding: "utf8" }));
  for (const [level, row, column] of [[1, 15, 26], [2, 7, 12], [3, 4, 6]]) {
    await page.click(`[data-level="${level - 1}"]`);
    const side = 64 >> (level - 1);
    await at(page, "[data-panel=discrepancy] canvas", [(column + 0.5) / side, (row + 0.5) / side]);
    await page.waitForFunction(([row, column]) => document.querySelector("#play-drill h4")?.textContent.startsWith(`The patch in row ${row + 1}, column ${column + 1} `), [row, column]);
    const [found, right] = [await facts(page), native(level, row, column)];
    for (const name of ["cosine", "discrepancy", "gate"]) assert.ok(Math.abs(found[name] - right[name]) <= 1e-4, `level ${level}, ${name}: ${found[name]} is not ${right[name]}`);
    assert.ok(Math.abs(found.angle - right.angle) < 0.1);
  }
  // All numbers, the memory items' too, with the residual and without it.
  for (const plain of [false, true]) {
    const found = await page.evaluate(async ([model, picture, plain]) => {
      const { Detector } = await import("./js/module/aand.js");
      const detector = await Detector.load(new URL(model, location.href), { compute: "cpu" });
      const input = await detector.input(await (await fetch(picture)).blob());
      const { turn, levels } = await detector.inspect(input, { amplify: !plain });
      const patch = await detector.patch(turn, 1, 7 * levels[1].side + 12);
      const gone = [await detector.patch(turn, 1, levels[1].side ** 2), await detector.patch(turn + 9, 1, 0)];
      detector.close();
      return { ...Object.fromEntries(Object.entries(patch).map(([name, value]) => [name, typeof value === "number" ? value : [...value]])), gone };
    }, [`samples/${SAMPLE.model.file}`, `samples/${SAMPLE.pictures.find(({ label }) => label === "solder_blob.png").file}`, plain]);
    const right = native(2, 7, 12, ...(plain ? ["--plain"] : []));
    for (const [mine, theirs] of [["teacher", "teacher"], ["advanced", "advanced"], ["student", "student"], ["memoryCosines", "memory_cosines"], ["memoryShares", "memory_shares"]]) {
      assert.equal(found[mine].length, right[theirs].length, mine);
      const scale = Math.max(1, ...right[theirs].map(Math.abs));
      found[mine].forEach((value, i) => assert.ok(Math.abs(value - right[theirs][i]) <= 1e-4 * scale, `${mine} ${i}: ${value} is not ${right[theirs][i]}`));
    }
    assert.ok(Math.abs(found.cosine - right.cosine) <= 1e-4);
    assert.deepEqual(found.gone, [undefined, undefined]);
  }
  assert.deepEqual(problems, []);
  await page.close();
});

test("teacher and student have the same colors where they agree", async () => {
  const { page } = await lesson("#inside/lesson/3?shown=1");
  await shown(page);
  const apart = await page.evaluate(async ([model, good]) => {
    const { Detector } = await import("./js/module/aand.js");
    const detector = await Detector.load(new URL(model, location.href), { compute: "cpu" });
    const input = await detector.input(await (await fetch(good)).blob());
    const own = await detector.inspect(input, { colors: true });
    await detector.fixColors([input]);
    const fixed = await detector.inspect(input, { colors: true });
    const plain = await detector.inspect(input, { colors: true, amplify: false });
    detector.close();
    const level = fixed.levels[1];
    const most = (a, b) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));
    // The cell where they agree most, and the one where they agree least.
    const order = [...level.discrepancy.keys()].sort((a, b) => level.discrepancy[a] - level.discrepancy[b]);
    const area = order.length;
    const distance = (i) => Math.hypot(...[0, 1, 2].map((c) => level.colors.advanced[c * area + i] - level.colors.student[c * area + i]));
    const mean = (cells) => cells.reduce((sum, i) => sum + distance(i), 0) / cells.length;
    return { same: most(own.levels[1].colors.teacher, level.colors.teacher), plain: most(plain.levels[1].colors.teacher, plain.levels[1].colors.advanced),
      near: mean(order.slice(0, 100)), far: mean(order.slice(-100)), shares: [...level.colors.shares] };
  }, [`samples/${SAMPLE.model.file}`, `samples/${SAMPLE.pictures[0].file}`]);
  assert.ok(apart.same < 1e-4, "a picture's own colors are those that it fixes");
  assert.equal(apart.plain, 0, "without the residual the advanced teacher is the plain one");
  assert.ok(apart.near < apart.far, `${apart.near} where they agree, ${apart.far} where they do not`);
  assert.ok(apart.shares.every((share, i) => share > 0 && share <= (apart.shares[i - 1] ?? 1)), String(apart.shares));
  await page.close();
});

test("the scrubber shows the recorded training, frame by frame, and one's own", async () => {
  const { page, problems } = await lesson("#inside/lesson/7?shown=1&level=1");
  await shown(page);
  const slider = page.locator(".scrubber input");
  const last = Number(await slider.getAttribute("max"));
  assert.ok(last >= 2, `${last + 1} frames`);
  const board = "The good board";
  const trained = await pixels(page, board);
  await slider.fill("0");
  assert.equal(await page.textContent(".epoch"), "before the first epoch");
  assert.notEqual(await pixels(page, board), trained);
  const [begun] = (await page.textContent(".graph .key.good")).match(/[\d.]+$/).map(Number);
  await slider.fill(String(last));
  assert.match(await page.textContent(".epoch"), /^after epoch (\d+) of \1$/);
  const [ended] = (await page.textContent(".graph .key.good")).match(/[\d.]+$/).map(Number);
  assert.ok(ended < begun, `the discrepancy of good patches goes from ${begun} to ${ended}`);
  assert.equal(await pixels(page, board), trained);
  // Play ends at the last frame.
  await slider.fill(String(last - 1));
  await page.click(".scrubber button");
  await page.waitForFunction((last) => document.querySelector(".scrubber input").value === String(last) && document.querySelector(".scrubber button").textContent === "Play", last);
  // The film of a training on this page.
  await page.evaluate(async () => {
    const { keepFilm } = await import("./js/learn/class.js");
    const [{ lesson }] = await (await fetch("samples/samples.json")).json();
    await keepFilm(await (await fetch(`samples/${lesson.pretrained.file}`)).arrayBuffer());
  });
  await page.reload();
  await shown(page);
  await page.selectOption(".stage-area select", "1");
  assert.match(await page.textContent(".epoch"), /^after epoch/);
  await page.evaluate(() => caches.delete("aand-lesson-film"));
  assert.deepEqual(problems, []);
  await page.close();
});

test("the two assumptions are counted: teacher, residual and level can be switched", async () => {
  const { page, problems } = await lesson("#inside/lesson/8?shown=1&level=1");
  await shown(page);
  // With the means, which differ where the shares round to the same.
  const words = () => page.$$eval(".stage-area figcaption, .stage-area p[role=status]", (all) => all.map((e) => e.textContent).join(" "));
  // The teacher that the question was about comes first.
  assert.match(await words(), /A small training/);
  assert.equal(await page.getAttribute('.modes button:text-is("random teacher")', "aria-pressed"), "true");
  const seen = [await words()];
  for (const name of ["this model, residual module on", "this model, residual module off", "pre-trained teacher", "advanced teacher"]) {
    await page.click(`.modes button:text-is("${name}")`);
    await page.waitForFunction((name) => {
      const told = document.querySelector(".stage-area p[role=status]").textContent;
      return name.startsWith("this") ? told.includes("All 8 boards") : told.includes("A small training");
    }, name);
    assert.equal(await page.locator(".two svg polygon").count(), 2, name);
    seen.push(await words());
  }
  assert.equal(new Set(seen).size, seen.length, seen.join("\n"));
  const before = await words();
  await page.click(".stage-area .modes >> nth=1 >> button >> nth=1");
  await page.waitForFunction((before) => [...document.querySelectorAll(".stage-area figcaption, .stage-area p[role=status]")].map((e) => e.textContent).join(" ") !== before, before);
  // The share that is told is the AUROC: by hand on a small case.
  const auroc = await page.evaluate(async () => {
    const { auroc, cosines } = await import("./js/learn/assumptions.js");
    const { good, bad } = cosines([
      { map: Float32Array.of(0, 0.5, 0.25, 0), marked: undefined, anomalous: false },
      { map: Float32Array.of(0.75, 0.25, 0.9, 0.9), marked: [1, 1, 0, 0], anomalous: true },
    ]);
    return [auroc(good, bad), auroc([], bad)];
  });
  // 0.25 is below all four; 0.75 is below two, level with one, above one.
  assert.deepEqual(auroc, [(4 + 2.5) / 8, undefined]);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a link restores picture, level and place", async () => {
  const { page } = await lesson("#inside/lesson/4?sample=circuit&picture=missing_part.png&level=3&at=0.700,0.300&shown=1");
  await shown(page);
  assert.equal(await page.getAttribute(".stage-area .modes button >> nth=2", "aria-pressed"), "true");
  assert.match(await page.textContent(".drill h4"), /row 5, column 12 of 16/);
  const address = new URL(page.url()).hash;
  for (const part of ["picture=missing_part.png", "level=3", "shown=1"]) assert.ok(address.includes(part), address);
  await page.click(".stage-area .modes button >> nth=0");
  await at(page, ".stage-area .place.pick canvas", [0.2, 0.6]);
  await page.waitForFunction(() => location.hash.includes("level=1") && location.hash.includes("at=0."));
  const again = await lesson(new URL(page.url()).hash);
  await shown(again.page);
  assert.equal(await again.page.textContent(".drill h4"), await page.textContent(".drill h4"));
  await again.page.close();
  await page.close();
});

test("panels can be saved for slides", async () => {
  const { page } = await lesson("#inside/lesson/3?shown=1");
  await shown(page);
  const saved = async (kind) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`text=Save panels (${kind})`)]);
    return [download.suggestedFilename(), readFileSync(await download.path())];
  };
  const [name, png] = await saved("PNG");
  assert.equal(name, "aand-step-3.png");
  // Four panels of 320, at twice the size.
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [2 * (4 * 320 + 5 * 24), 2 * 418]);
  const [, svg] = await saved("SVG");
  for (const title of ["Teacher", "Student", "Discrepancy"]) assert.ok(svg.includes(`>${title}<`), title);
  assert.equal(svg.toString().match(/<image /g).length, 5, "four panels and a legend");
  await page.close();
});

test("break it: prepared trainings side by side, and a defect that is missed or found", async () => {
  const { page, problems } = await lesson("#inside/break");
  await page.waitForSelector(".variant", { timeout: 60_000 });
  assert.deepEqual(await page.$$eval(".variant h5", (all) => all.map((e) => e.textContent)), ["As it should be", "Only five boards", "A fault among the good", "Without stage 1"]);
  const before = await pixels(page, "All levels");
  await page.selectOption(".inline select", "misprint.png");
  assert.notEqual(await pixels(page, "All levels"), before);
  await page.waitForFunction(() => document.querySelector(".game .verdict-line").textContent.startsWith("Paint"));
  // A tiny dot is missed, and scored; what a quick model finds depends on the model.
  await page.fill(".game input[type=range]", "2");
  await at(page, ".game canvas.paint", [0.5, 0.55]);
  await page.waitForFunction(() => /^(Missed|Found)/.test(document.querySelector(".game .verdict-line").textContent));
  const [told, score, threshold] = await page.$eval(".game", (game) => [game.querySelector(".verdict-line").textContent, .../score ([\d.]+).*threshold ([\d.]+)/.exec(game.querySelector(".verdict-line").textContent).slice(1).map(Number)]);
  assert.equal(told.startsWith("Missed"), score <= threshold, told);
  const best = await page.evaluate(() => JSON.parse(localStorage.getItem("aand-lesson"))?.best ?? 0);
  assert.equal(best > 0, told.startsWith("Missed"));
  await page.click(".game button:text-is('Undo')");
  await page.waitForFunction(() => document.querySelector(".game .verdict-line").textContent.startsWith("Paint"));
  assert.deepEqual(problems, []);
  await page.close();
});

test("the teacher's sheet prints on two pages", async () => {
  const { page } = await open(browser.context, `${site.address}?compute=cpu#inside/sheet`);
  await page.waitForSelector(".sheet");
  await page.evaluate(() => document.documentElement.classList.add("print-sheet"));
  const pdf = (await page.pdf({ format: "A4", margin: { top: "12mm", bottom: "12mm", left: "14mm", right: "14mm" } })).toString("latin1");
  assert.equal(pdf.match(/\/Type\s*\/Page\b/g).length, 2);
  await page.close();
});

test("every reaction comes within half a second", async () => {
  const { page } = await lesson("#inside/lesson/6?shown=1&level=2");
  await shown(page);
  // Measured in the page, and the quickest of some: a driver's way and a busy machine are not the page's.
  const [level, place] = await page.evaluate(async () => {
    const head = () => document.querySelector(".drill h4").textContent;
    const quickest = async (act) => {
      let best = Infinity;
      for (let i = 0; i < 6; i++) {
        const [begun, before] = [performance.now(), head()];
        act(i);
        while (head() === before) await new Promise((done) => requestAnimationFrame(done));
        best = Math.min(best, performance.now() - begun);
      }
      return best;
    };
    const buttons = document.querySelectorAll(".stage-area .modes button");
    const level = await quickest((i) => buttons[i % 3 === 0 ? 0 : 3 - (i % 3)].click());
    const canvas = document.querySelector(".stage-area .place.pick canvas");
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const place = await quickest((i) => canvas.dispatchEvent(new PointerEvent("pointerdown", { clientX: left + (0.1 + 0.13 * i) * width, clientY: top + 0.3 * height, bubbles: true })));
    return [level, place];
  });
  assert.ok(level < 500, `another level takes ${level} ms`);
  assert.ok(place < 500, `another patch takes ${place} ms`);
  await page.close();
});

test("the lesson works without a connection once it was there", async () => {
  const { page } = await lesson("#inside/lesson/2?shown=1");
  await shown(page);
  await page.waitForFunction(() => document.getElementById("offline-words").textContent !== "");
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  await browser.context.setOffline(true);
  try {
    await page.goto(`${site.address}?compute=cpu#inside/lesson/5?shown=1`);
    await page.reload();
    await shown(page);
    assert.match(await page.textContent(".sum-line"), / = /);
  } finally {
    await browser.context.setOffline(false);
  }
  await page.close();
});

test("every step, before and after its answer, and every other place is accessible, light and dark", async () => {
  const { page } = await lesson("#inside/lesson/1");
  await asked(page);
  const places = ["#inside/play", "#inside/break", "#inside/sheet", "#inside/words"];
  for (let step = 1; step <= STEPS; step++) places.push(`#inside/lesson/${step}?shown=1`);
  await page.evaluate(() => localStorage.clear());
  for (const place of [...places, "#inside/lesson/4", "#inside/lesson/6"]) {
    await page.goto(`${site.address}?compute=cpu${place}`);
    if (place.includes("shown")) await shown(page);
    else if (place.includes("lesson")) await asked(page);
    else await page.waitForSelector(`#tab-${place.split("/")[1]}:not([hidden]) h3`);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      assert.deepEqual(await axe(page), [], `${place}, ${colorScheme}`);
    }
  }
  await page.close();
});

test("Break it: a link prepares boards and settings in Train, and other boards to check with", async () => {
  const { page, problems } = await lesson("#inside/break");
  await page.waitForSelector(".variants");
  await page.click('.variants a[href="#train?try=spoiled"]');
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 13, undefined, { timeout: 60_000 });
  assert.match(await page.textContent("#train-notice"), /one with a missing part among them/);
  assert.ok(await page.isEnabled("#train-go"));
  assert.equal(await page.isChecked("#train-amplify"), true);
  // The instant detector hears of them.
  const looked = (count) => page.waitForFunction((count) => document.getElementById("instant-words").textContent.includes(`those of your ${count} good pictures`), count, { timeout: 60_000 });
  await looked(13);
  // Pressing *Learn* is a step of the lesson's.
  await page.waitForTimeout(500);
  assert.ok(await page.isHidden("#soon"));
  // The same link is another wish the second time.
  await page.click("[aria-label='Remove board-01.png']");
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 12);
  await page.evaluate(() => { location.hash = "#inside/break"; });
  await page.click('.variants a[href="#train?try=spoiled"]');
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 13, undefined, { timeout: 60_000 });
  assert.match(await page.textContent("#undo-words"), /^12 good pictures replaced/);
  // Another one takes its place, and can be taken back.
  await page.goto(`${site.address}?compute=cpu#train?try=pretrained`);
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 12, undefined, { timeout: 60_000 });
  assert.equal(await page.isChecked("#train-amplify"), false);
  await looked(12);
  await page.click("#undo-now");
  await page.waitForFunction(() => document.querySelectorAll("#train-thumbs li").length === 13);
  await looked(13);
  await page.evaluate(() => document.getElementById("train-check-boards").click());
  await page.waitForFunction(() => document.querySelectorAll("#cards li").length === 5, undefined, { timeout: 60_000 });
  assert.match(page.url(), /#inspect/);
  assert.deepEqual(problems, []);
  await page.close();
});
