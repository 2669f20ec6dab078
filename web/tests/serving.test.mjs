// The page where it is badly served, cut off, or renewed under way.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { browse, open, serve } from "./site.mjs";
import { DIST, loaded, MODEL, picture, SAMPLE, saved, settled } from "./steps.mjs";

let browser, work;
before(async () => {
  browser = await browse();
  work = mkdtempSync(join(tmpdir(), "aand-serving-"));
});
after(async () => {
  await browser?.stop();
  rmSync(work, { recursive: true, force: true });
});

/** Until the page says why it did not start. */
async function dead(page) {
  await page.waitForSelector(".dead #not-started-words");
  assert.ok(await page.isVisible("#not-started-words"));
  for (const button of ["#try-sample", "#train-pick", "#open-diagnostics"]) assert.ok(await page.isHidden(button), button);
  return page.textContent("#not-started-words");
}

test("opened from a file, the page says so", async () => {
  const page = await browser.context.newPage();
  await page.goto(pathToFileURL(resolve(DIST, "index.html")).href);
  assert.match(await dead(page), /opened as a file.*python3 -m http\.server/);
  await page.close();
});

for (const [type, words] of [["text/plain", /sends \.js files as text\/plain/], ["application/octet-stream", /as application\/octet-stream/]]) {
  test(`scripts served as ${type}: the page says so`, async () => {
    const site = await serve(DIST, { "js/main.js": (text) => ({ text, type }) });
    const { page } = await open(browser.context, site.address);
    assert.match(await dead(page), words);
    await page.close();
    await site.stop();
  });
}

test("a missing part is said; without any script, the general words come after a while", async () => {
  const site = await serve(DIST, { "js/main.js": () => ({ text: "", status: 404 }) });
  const { page } = await open(browser.context, site.address);
  assert.match(await dead(page), /js\/main\.js, is missing on the server \(404\)/);
  await page.close();
  await site.stop();
  const bare = await serve(DIST, { "js/main.js": () => ({ text: "", status: 404 }), "js/check.js": () => ({ text: "", status: 404 }) });
  const { page: other } = await open(browser.context, bare.address);
  await other.waitForSelector("#not-started-words", { timeout: 15_000 });
  assert.match(await other.textContent("#not-started"), /has not started.*text\/javascript/s);
  await other.close();
  await bare.stop();
});

test("one that starts shows none of this, also while it loads", async () => {
  const site = await serve(DIST);
  const { page } = await open(browser.context, site.address);
  await page.waitForTimeout(100);
  assert.ok(await page.isHidden("#not-started"));
  assert.ok(await page.isHidden("#page-notice"));
  await page.close();
  await site.stop();
});

test("served by http under a name: what the browser keeps back is said, and copying works", async () => {
  const site = await serve(DIST);
  const plain = await browse(["--host-resolver-rules=MAP line.factory 127.0.0.1", "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable"]);
  try {
    const { page, problems } = await open(plain.context, site.address.replace("127.0.0.1", "line.factory"));
    assert.equal(await page.evaluate(() => isSecureContext), false);
    assert.match(await page.textContent("#page-notice"), /plain http.*no GPU and no camera.*https/s);
    await loaded(page);
    await page.setInputFiles("#files", [picture("mine.png")]);
    await settled(page);
    await page.click("#open-diagnostics");
    await page.waitForSelector("#diagnostics-list dd");
    assert.match(await page.textContent("#diagnostics-list"), /WebGPU adapternot offered, because the page was not served securely/);
    await page.click("#copy-diagnostics");
    await page.waitForFunction(() => document.getElementById("copy-diagnostics").textContent === "Copied");
    await page.click("#close-diagnostics");
    await page.click("#open-camera");
    await page.waitForFunction(() => /not served securely/.test(document.getElementById("camera-words").textContent));
    assert.deepEqual(problems, []);
  } finally {
    await plain.stop();
    await site.stop();
  }
});

test("wishes in the address that cannot be followed are said", async () => {
  const site = await serve(DIST);
  const { page } = await open(browser.context, `${site.address}?steps=x&compute=warp&precision=f8&learn=never`);
  const words = await page.textContent("#page-notice");
  for (const part of [/steps=x .* two whole numbers such as 8,14/, /compute=warp .* auto, cpu, gpu/, /precision=f8 .* f32, f16/, /learn=never .* auto, asked/]) assert.match(words, part);
  await page.goto(`${site.address}?steps=8,14&compute=cpu&learn=asked`);
  assert.ok(await page.isHidden("#page-notice"));
  await page.close();
  await site.stop();
});

test("a lost connection is said, and Try again goes on", async () => {
  let [list, model] = [true, true];
  const cut = (lost) => (text) => (lost() ? { cut: true } : { text });
  const site = await serve(DIST, {
    "samples/samples.json": cut(() => list),
    [`samples/${SAMPLE.model.file}`]: () => ({ cut: model }),
  });
  // Its own profile: what was kept would not be asked for again.
  const own = await browse();
  try {
    const { page } = await open(own.context, `${site.address}?compute=cpu`);
    await page.click("#try-sample");
    await page.waitForSelector("#model-again:not([hidden])");
    assert.match(await page.textContent("#model-error"), /samples are not here: .*connection/);
    assert.doesNotMatch(await page.textContent("#samples"), /built without samples/);
    list = false;
    await page.click("#model-again");
    await page.waitForSelector("#sample-list button");
    assert.ok(await page.isHidden("#model-error"));
    await page.click("#sample-list button");
    await page.waitForSelector("#model-again:not([hidden])");
    assert.match(await page.textContent("#model-error"), /the download broke off; is the connection down\?/);
    model = false;
    await page.click("#model-again");
    await settled(page);
    assert.equal(await page.locator("#cards .verdict").count(), SAMPLE.pictures.length);
  } finally {
    await own.stop();
    await site.stop();
  }
});

/** A copy of the page that can be renewed, without the models. */
async function renewable(name) {
  const folder = join(work, name);
  cpSync(DIST, folder, { recursive: true, filter: (path) => !path.endsWith(".aand") });
  const site = await serve(folder);
  const edit = (file, change) => writeFileSync(join(folder, file), change(readFileSync(join(folder, file), "utf8")));
  let version = 0;
  return {
    site,
    edit,
    renew() {
      version++;
      edit("index.html", (html) => html.replace(/<title>/, `<title>New ${version}: `));
      edit("service-worker.js", (code) => code.replace(/VERSION = "/, `VERSION = "new${version}-`));
    },
  };
}
const offline = (page) => page.waitForFunction(() => document.getElementById("offline-words").textContent !== "" && navigator.serviceWorker.controller);

test("on a first visit no new version is offered", async () => {
  const { site } = await renewable("first");
  const own = await browse();
  try {
    // As WebKit: while the first worker of all becomes active it is still called waiting.
    await own.context.addInitScript(() => {
      Object.defineProperty(ServiceWorkerRegistration.prototype, "waiting", { get() { return this.installing ?? this.active; } });
    });
    const { page } = await open(own.context, site.address);
    await page.evaluate(() => {
      window.offered = false;
      new MutationObserver(() => { window.offered ||= !document.getElementById("update").hidden; })
        .observe(document.getElementById("update"), { attributes: true });
    });
    await offline(page);
    await page.waitForTimeout(500);
    assert.equal(await page.evaluate(() => window.offered), false);
  } finally {
    await own.stop();
    await site.stop();
  }
});

test("a new version that is taken in one tab comes to all of them", async () => {
  const { site, renew } = await renewable("tabs");
  const own = await browse();
  try {
    const { page: first } = await open(own.context, site.address);
    await offline(first);
    const { page: second } = await open(own.context, site.address);
    await offline(second);
    renew();
    await first.reload();
    await first.waitForSelector("#update:not([hidden])");
    await Promise.all([first.waitForEvent("load"), second.waitForEvent("load"), first.click("#update-now")]);
    assert.match(await first.title(), /^New 1/);
    assert.match(await second.title(), /^New 1/);
    for (const page of [first, second]) assert.ok(await page.isHidden("#update"));
    // A page that measures is not reloaded under its numbers, and measures no more with modules that are not its own.
    const { page: bench } = await open(own.context, `${site.address}bench.html`);
    await bench.waitForSelector("#measure");
    renew();
    await first.reload();
    await first.waitForSelector("#update:not([hidden])");
    await first.click("#update-now");
    await bench.waitForFunction(() => /new version/.test(document.getElementById("words").textContent));
    assert.ok(await bench.isDisabled("#measure"));
  } finally {
    await own.stop();
    await site.stop();
  }
});

test("a new version waits for what is not saved, in this tab and in others", async () => {
  const { site, renew } = await renewable("unsaved");
  const own = await browse();
  try {
    const { page: first } = await open(own.context, `${site.address}?compute=cpu`);
    await offline(first);
    const { page: second } = await open(own.context, `${site.address}?compute=cpu`);
    await offline(second);
    await loaded(second, MODEL);
    await second.setInputFiles("#files", [picture("mine.png")]);
    await settled(second);
    renew();
    await first.reload();
    await first.waitForSelector("#update:not([hidden])");
    await first.click("#update-now");
    await first.waitForFunction(() => /another tab .* not saved/.test(document.getElementById("update-words").textContent));
    assert.doesNotMatch(await first.title(), /^New/);
    assert.equal(await second.locator("#cards .verdict").count(), 1);
    // The other tab's own offer warns first.
    await second.waitForSelector("#update:not([hidden])");
    await second.click("#update-now");
    await second.waitForFunction(() => document.getElementById("update-now").textContent === "Reload anyway");
    assert.match(await second.textContent("#update-words"), /results are not saved/);
    // While a training runs there is no offer at all.
    const training = (on) => second.evaluate(async (on) => (await import("./js/leave.js")).risk("training", on), on);
    await training(true);
    assert.ok(await second.isHidden("#update"));
    await training(false);
    assert.ok(await second.isVisible("#update"));
    // Once they are saved, it is as any other.
    await saved(second, "#save-csv");
    assert.equal(await second.textContent("#update-now"), "Reload");
    await Promise.all([first.waitForEvent("load"), second.waitForEvent("load"), first.click("#update-now")]);
    assert.match(await first.title(), /^New 1/);
    assert.match(await second.title(), /^New 1/);
  } finally {
    await own.stop();
    await site.stop();
  }
});

test("an old page does not get a newer training module, and does not keep one", async () => {
  const { site, edit } = await renewable("module");
  const own = await browse();
  try {
    const { page } = await open(own.context, site.address);
    await offline(page);
    const fetched = () => page.evaluate(async () => {
      const response = await fetch("wasm/aand-train.js");
      return { status: response.status, kept: Boolean(await caches.match("wasm/aand-train.js")) };
    });
    edit("wasm/aand-train.js", (code) => `${code}\n// newer`);
    assert.deepEqual(await fetched(), { status: 409, kept: false });
    edit("wasm/aand-train.js", (code) => code.replace("\n// newer", ""));
    assert.equal((await fetched()).status, 200);
    await page.waitForFunction(async () => Boolean(await caches.match("wasm/aand-train.js")));
  } finally {
    await own.stop();
    await site.stop();
  }
});
