// The built page in Chromium, against the native program.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hugePng, turned } from "./fixtures.mjs";
import { axe, browse, GPU, open, serve } from "./site.mjs";

const DIST = process.env.DIST ?? "dist";
const AAND = process.env.AAND ?? "target/release/aand";
const [SAMPLE] = JSON.parse(readFileSync(join(DIST, "samples/samples.json"), "utf8"));
const MODEL = join(DIST, "samples", SAMPLE.model.file);
const LAST = SAMPLE.pictures.slice(-2).map(({ file }) => join(DIST, "samples", file));

let site, browser, work;
before(async () => {
  site = await serve(DIST);
  browser = await browse();
  work = mkdtempSync(join(tmpdir(), "aand-page-"));
});
after(async () => {
  await browser?.stop();
  await site?.stop();
  rmSync(work, { recursive: true, force: true });
});

/** Scores of the native program by file name. */
function native(files) {
  const out = mkdtempSync(join(work, "native-"));
  execFileSync(AAND, ["detect", MODEL, ...files, "--out", out, "--device", "cpu"], { stdio: "pipe" });
  const lines = readFileSync(join(out, "results.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  return new Map(lines.map((line) => [line.path.split("/").at(-1), line]));
}

/** Until nothing runs any more. */
async function settled(page) {
  await page.waitForFunction(() => document.querySelectorAll("#cards .small").length > 0
    && document.getElementById("job-progress").hidden && document.getElementById("model-progress").hidden
    && ![...document.querySelectorAll("#cards .small")].some((e) => e.textContent === "waiting"), undefined, { timeout: 300_000 });
}

/** The sample's model on the page. */
async function loaded(page, timeout = 30_000) {
  await page.setInputFiles("#model-file", MODEL);
  await page.waitForSelector("#model-words strong", { timeout });
}

/** The sample's model, and pictures that it has judged: two of the sample's, unless given. */
async function judged(page, files = LAST) {
  await loaded(page, 300_000);
  await page.setInputFiles("#files", files);
  await settled(page);
}

async function results(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-csv")]);
  const [, ...rows] = readFileSync(await download.path(), "utf8").trim().split("\r\n");
  return new Map(rows.map((row) => {
    const [path, score, normalized, verdict, ms, ...error] = row.split(",");
    return [path, { score: Number(score), normalized: Number(normalized), verdict, ms: Number(ms), error: error.join(",") }];
  }));
}

function near(found, expected, name) {
  assert.ok(Math.abs(found - expected) <= 1e-3 * Math.abs(expected), `${name}: ${found}, natively ${expected}`);
}

async function started() {
  const opened = await open(browser.context, site.address);
  await loaded(opened.page);
  return opened;
}

test("the first paint needs no module; a sample becomes heat maps with native scores", async () => {
  const { page, problems } = await open(browser.context, site.address);
  await page.waitForSelector("html[data-started]");
  // The service worker fetches it too, later, for offline use; the page itself must not.
  const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map((e) => e.name));
  assert.ok(!loaded.some((name) => name.endsWith(".wasm")), "WebAssembly before it is wanted");
  // What the paint waits for, not what has come by then: that depends on how busy the machine is.
  const [paint, start] = await page.evaluate(() => {
    const size = (entries) => entries.reduce((sum, e) => sum + e.encodedBodySize, 0);
    const [document, files] = ["navigation", "resource"].map((type) => performance.getEntriesByType(type));
    return [files.filter((e) => e.renderBlockingStatus === "blocking"), files].map((waited) => size([...document, ...waited]));
  });
  assert.ok(paint > 40_000 && paint < 100_000, `the first paint waits for ${paint} bytes`);
  assert.ok(start > paint && start < 500_000, `the page starts with ${start} bytes`);
  await page.click("#try-sample");
  await settled(page);
  const found = await results(page);
  assert.equal(found.size, SAMPLE.pictures.length);
  const files = SAMPLE.pictures.map(({ file }) => join(DIST, "samples", file));
  const expected = native(files);
  for (const { file, label } of SAMPLE.pictures) {
    const [here, there] = [found.get(label), expected.get(file)];
    near(here.score, there.score, label);
    near(here.normalized, there.normalized, label);
    assert.equal(here.verdict, there.verdict, label);
  }
  const colors = await page.evaluate(() => {
    const canvas = document.getElementById("viewer-heat");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(Array.from({ length: data.length / 4 }, (_, i) => data[4 * i])).size;
  });
  assert.ok(colors > 20, `a heat map of ${colors} reds`);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a JPEG is turned upright, and scores as natively", async () => {
  const { page, problems } = await started();
  const png = readFileSync(join(DIST, "samples", SAMPLE.pictures[0].file)).toString("base64");
  const jpeg = Buffer.from(await page.evaluate(async (png) => {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: 200, height: 120 });
    canvas.getContext("2d").drawImage(image, 0, 0, 200, 120);
    return canvas.toDataURL("image/jpeg", 0.9).split(",")[1];
  }, png), "base64");
  const files = ["upright.jpg", "turned.jpg"].map((name) => join(work, name));
  writeFileSync(files[0], jpeg);
  writeFileSync(files[1], turned(jpeg, 6));
  await page.setInputFiles("#files", files);
  await settled(page);
  const [found, expected] = [await results(page), native(files)];
  for (const name of ["upright.jpg", "turned.jpg"]) near(found.get(name).score, expected.get(name).score, name);
  assert.notEqual(found.get("upright.jpg").score, found.get("turned.jpg").score);
  await page.click("#cards button:has-text('turned.jpg')");
  await page.waitForFunction(() => document.getElementById("viewer-words")?.textContent.includes("120 × 200 pixels"));
  assert.deepEqual(problems, []);
  await page.close();
});

test("unusable files get a message each, the rest go on", async () => {
  const { page, problems } = await started();
  const file = (name, bytes) => { writeFileSync(join(work, name), bytes); return join(work, name); };
  const model = readFileSync(MODEL);
  await page.setInputFiles("#files", [
    file("empty.png", ""),
    file("text.png", "no picture at all\n"),
    file("huge.png", hugePng(20_000, 16_000)),
    file("wide.png", hugePng(20_000, 400)),
    file("part.png", readFileSync(join(DIST, "samples", SAMPLE.pictures[0].file))),
  ]);
  await settled(page);
  const found = await results(page);
  assert.match(found.get("empty.png").error, /empty \(0 bytes\)/);
  assert.match(found.get("text.png").error, /looks like text/);
  assert.match(found.get("huge.png").error, /20000 x 16000 pixels is beyond the limit/);
  assert.ok(found.get("part.png").score > 0);
  near(found.get("wide.png").score, native([join(work, "wide.png")]).get("wide.png").score, "wide.png");
  for (const name of ["empty.png", "text.png", "huge.png"]) {
    assert.equal(await page.locator("#cards button", { hasText: name }).locator(".error").count(), 1, name);
  }
  await page.setInputFiles("#model-file", file("cut.aand", model.subarray(0, model.length / 2)));
  await page.waitForFunction(() => !document.getElementById("model-error").hidden);
  assert.match(await page.textContent("#model-error"), /cut\.aand: truncated/);
  assert.match(await page.textContent("#model-words"), /trained on/, "the earlier model stays");
  assert.deepEqual(problems, []);
  await page.close();
});

test("the threshold relabels everything at once", async () => {
  const { page } = await started();
  await page.setInputFiles("#files", SAMPLE.pictures.map(({ file }) => join(DIST, "samples", file)));
  await settled(page);
  for (const [value, kind] of [["0", "anomalous"], ["1000", "good"]]) {
    await page.fill("#threshold", value);
    await page.waitForFunction(([kind, count]) =>
      document.querySelectorAll(`#cards .verdict.${kind}`).length === count, [kind, SAMPLE.pictures.length]);
  }
  await page.click("#threshold-reset");
  await page.close();
});

test("cancel stops, and it can go on", async () => {
  const { page, problems } = await started();
  const picture = readFileSync(join(DIST, "samples", SAMPLE.pictures[0].file));
  const many = Array.from({ length: 60 }, (_, i) => ({ name: `${i}.png`, mimeType: "image/png", buffer: picture }));
  await page.setInputFiles("#files", many);
  await page.waitForSelector("#cards .verdict");
  await page.click("#job-cancel");
  await page.waitForSelector("#job-continue:not([hidden])");
  const judged = await page.locator("#cards .verdict").count();
  assert.ok(judged < 60, `${judged} were judged`);
  await page.click("#job-continue");
  await page.waitForFunction((before) => document.querySelectorAll("#cards .verdict").length > before, judged);
  await page.click("#clear");
  assert.equal(await page.locator("#cards li").count(), 0);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a ZIP has the CSV and a picture each", async () => {
  const { page } = await started();
  await page.setInputFiles("#files", SAMPLE.pictures.slice(0, 2).map(({ file }) => join(DIST, "samples", file)));
  await settled(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-zip")]);
  const zip = readFileSync(await download.path());
  assert.equal(zip.subarray(0, 2).toString(), "PK");
  for (const name of ["results.csv", SAMPLE.pictures[0].file, SAMPLE.pictures[1].file]) assert.ok(zip.includes(name), name);
  await page.close();
});

test("no task of the page takes more than 50 ms while it detects", async () => {
  const { page } = await started();
  // Its thread's own time: other programs on a busy machine stretch tasks, but do not make them longer.
  const tasks = await taskTimes(page, async () => {
    await page.setInputFiles("#files", SAMPLE.pictures.map(({ file }) => join(DIST, "samples", file)));
    await settled(page);
  });
  assert.ok(tasks.length > 100, `${tasks.length} tasks were seen`);
  const long = tasks.filter((ms) => ms > 50);
  assert.deepEqual(long, [], `of ${tasks.length} tasks`);
  await page.close();
});

/** Milliseconds that the page's own thread spent on each of its tasks meanwhile. */
async function taskTimes(page, work) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const ended = new Promise((done) => session.on("Tracing.tracingComplete", done));
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel", "__metadata"] } });
  await work();
  await session.send("Tracing.end");
  await ended;
  const threads = new Set(events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  return events.filter(({ name, ph, pid, tid, tdur }) => ph === "X" && /RunTask$/.test(name) && threads.has(`${pid} ${tid}`) && tdur !== undefined)
    .map(({ tdur }) => tdur / 1000);
}

test("it is accessible, empty and with results, light and dark", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const { page } = await started();
    await page.emulateMedia({ colorScheme });
    const check = async (where) => assert.deepEqual(await axe(page), [], `${where}, ${colorScheme}`);
    await page.setInputFiles("#files", SAMPLE.pictures.map(({ file }) => join(DIST, "samples", file)));
    await settled(page);
    await check("results");
    await page.click("[data-mode=split]");
    // It begins beside the highest place, so that what is there is seen.
    const peak = await page.evaluate(async () => {
      const { found } = (await import("./js/state.js")).page.selected;
      return (100 * (found.peak % found.side)) / found.side;
    });
    const begun = Number(await page.inputValue("#viewer-split"));
    assert.ok(begun < peak, `at ${begun}, the highest place is at ${peak}`);
    await page.focus("#viewer-split");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.inputValue("#viewer-split"), String(begun + 1));
    await check("split");
    await page.click("#open-diagnostics");
    await page.waitForSelector("#diagnostics-list dd");
    await check("diagnostics");
    await page.goto(site.address);
    await check("start");
    await page.close();
  }
});

test("WebGPU gives the same scores", async (t) => {
  const gpu = await browse(GPU);
  try {
    const { page, problems } = await open(gpu.context, `${site.address}?compute=gpu`);
    const adapter = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
    if (!adapter) return t.skip("this browser offers no WebGPU adapter");
    await judged(page);
    const [found, expected] = [await results(page), native(LAST)];
    for (const name of expected.keys()) near(found.get(name).score, expected.get(name).score, name);
    await page.click("#open-diagnostics");
    await page.waitForSelector("#diagnostics-list dd");
    // Were the shaders at fault, the CPU would have taken over.
    assert.match(await page.textContent("#diagnostics-list"), /Computed onWebGPU/);
    assert.deepEqual(problems, []);
  } finally {
    await gpu.stop();
  }
});

test("a GPU draws the heat maps itself", async (t) => {
  // Software that passes for a GPU, in a Chromium that draws by way of it.
  const gpu = await browse([...GPU, "--use-angle=vulkan", "--enable-features=Vulkan", "--use-vulkan=swiftshader"]);
  const change = { "js/module/adapter.js": (text) => text.replace(/const software = .*;/, "const software = false;") };
  const changed = await serve(DIST, change);
  try {
    const { page, problems } = await open(gpu.context, changed.address);
    const adapter = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
    if (!adapter) return t.skip("this browser offers no WebGPU adapter");
    await judged(page);
    const differences = await page.evaluate(compareHeat);
    assert.equal(differences.length, 2 * LAST.length);
    for (const { mean, most, colors } of differences) {
      assert.ok(mean < 1.5 && most < 24 && colors > 20, JSON.stringify(differences));
    }
    assert.deepEqual(problems, []);
  } finally {
    await gpu.stop();
    await changed.stop();
  }
});

/** In the page: how far the GPU's heat maps are from those painted from the numbers, in steps of 256. */
async function compareHeat() {
  const modules = ["pictures", "paint", "state"].map((name) => import(`./js/${name}.js`));
  const [{ items }, { heat }, { page }] = await Promise.all(modules);
  const pixels = (picture, side) => {
    const on = new OffscreenCanvas(side, side).getContext("2d");
    on.fillStyle = "#888";
    on.fillRect(0, 0, side, side);
    on.drawImage(picture, 0, 0);
    return on.getImageData(0, 0, side, side).data;
  };
  return items.flatMap(({ found }) => [false, true].map((through) => {
    const drawn = heat(found, page.detector.colors, through);
    if (!(drawn instanceof ImageBitmap)) throw new Error("not the GPU's");
    const painted = heat({ ...found, heat: undefined }, page.detector.colors, through);
    const [a, b] = [drawn, painted].map((picture) => pixels(picture, found.side));
    const off = Array.from(a, (value, i) => Math.abs(value - b[i]));
    const colors = new Set(Array.from({ length: a.length / 4 }, (_, i) => a.subarray(4 * i, 4 * i + 3).join())).size;
    const [sum, most] = off.reduce(([sum, most], value) => [sum + value, Math.max(most, value)], [0, 0]);
    return { mean: sum / off.length, most, colors };
  }));
}

/** The worker with `device` in reach, and something that goes wrong on it when the page asks for it. */
const FAULTS = {
  lost: "device.destroy()",
  uncaptured: `device.createShaderModule({ code: "fn broken( {" })`,
};
for (const [kind, fault] of Object.entries(FAULTS)) {
  test(`a GPU that fails (${kind}): the CPU takes over and the page says so`, async (t) => {
    const wrap = (code) => `${code}
      let device;
      const request = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...how) { return device = await request.apply(this, how); };
      new BroadcastChannel("fault").onmessage = () => { ${fault}; };`;
    const own = await serve(DIST, { "js/module/worker.js": wrap });
    const gpu = await browse(GPU);
    try {
      const { page } = await open(gpu.context, `${own.address}?compute=gpu`);
      if (!(await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter())))) return t.skip("no WebGPU adapter");
      const [first, second] = LAST;
      await judged(page, first);
      assert.ok(await page.isHidden("#model-notice"));
      await page.evaluate(() => new BroadcastChannel("fault").postMessage(""));
      await page.waitForTimeout(500);
      await page.setInputFiles("#files", second);
      await settled(page);
      assert.match(await page.textContent("#model-notice"), /GPU can no longer be used: .+ The CPU goes on/);
      const [found, expected] = [await results(page), native(LAST)];
      for (const name of expected.keys()) near(found.get(name).score, expected.get(name).score, name);
    } finally {
      await gpu.stop();
      await own.stop();
    }
  });
}

test("without WebGPU the CPU computes", async () => {
  const plain = await browse(["--disable-features=WebGPU"]);
  try {
    const { page } = await open(plain.context, site.address);
    await loaded(page);
    await page.click("#open-diagnostics");
    await page.waitForSelector("#diagnostics-list dd");
    assert.match(await page.textContent("#diagnostics-list"), /Computed onCPU/);
  } finally {
    await plain.stop();
  }
});

test("a new version waits until it is wanted, and then is there at once", async () => {
  const folder = join(work, "version");
  cpSync(DIST, folder, { recursive: true, filter: (path) => !path.endsWith(".aand") });
  const own = await serve(folder);
  const plain = await browse();
  try {
    const { page, problems } = await open(plain.context, own.address);
    await page.waitForFunction(() => document.getElementById("offline-words").textContent !== "" && navigator.serviceWorker.controller);
    const edit = (name, change) => writeFileSync(join(folder, name), change(readFileSync(join(folder, name), "utf8")));
    edit("index.html", (html) => html.replace("<title>", "<title>New: "));
    edit("service-worker.js", (code) => code.replace(/VERSION = "/, 'VERSION = "new-'));
    await page.reload();
    assert.doesNotMatch(await page.title(), /^New/, "the version that runs stays");
    await page.waitForSelector("#update:not([hidden])");
    await Promise.all([page.waitForEvent("load"), page.click("#update-now")]);
    assert.match(await page.title(), /^New/);
    const caches = await page.evaluate(() => caches.keys());
    assert.equal(caches.filter((name) => name.startsWith("aand-page-")).length, 1, `${caches}`);
    assert.deepEqual(problems, []);
  } finally {
    await plain.stop();
    await own.stop();
  }
});

test("the example of the documentation works", async () => {
  const { page, problems } = await open(browser.context, `${site.address}example.html`);
  await page.setInputFiles("#model", MODEL);
  const [first] = SAMPLE.pictures;
  await page.setInputFiles("#pictures", join(DIST, "samples", first.file));
  await page.waitForSelector("#results li");
  const [, score] = (await page.textContent("#results li")).match(/score ([0-9.]+)/);
  const expected = native([join(DIST, "samples", first.file)]).get(first.file).score;
  assert.ok(Math.abs(Number(score) - expected) <= 1e-3, `${score}, natively ${expected}`);
  assert.deepEqual(problems, []);
  await page.close();
});

test("a view of the camera is judged", async () => {
  const camera = await browse(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
  try {
    const { page, problems } = await open(camera.context, site.address);
    await loaded(page);
    await page.click("#open-camera");
    await page.click("#take-picture:enabled");
    await page.click("#close-camera");
    await settled(page);
    assert.equal(await page.locator("#cards .verdict").count(), 1);
    assert.deepEqual(problems, []);
  } finally {
    await camera.stop();
  }
});

test("it works offline after the first visit, the sample too", async () => {
  const { page } = await open(browser.context, site.address);
  await page.waitForFunction(() => document.getElementById("offline-words").textContent !== "");
  await page.click("#try-sample");
  await settled(page);
  await site.stop();
  try {
    await page.reload();
    await page.click("#try-sample");
    await settled(page);
    assert.equal(await page.locator("#cards .verdict").count(), SAMPLE.pictures.length);
  } finally {
    site = undefined;
  }
  await page.close();
});
