// The installed package in an empty project: it resolves by name, and scores as the native program does.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { browse, open, serve } from "../../../web/tests/site.mjs";

const { AAND, GITHUB_REPOSITORY, WORK } = process.env;
const project = join(WORK, "project");
/** Largest difference of a score, as a share of it. */
const TOLERANCE = 1e-3;
let site, browser;

before(async () => {
  await writeFile(join(project, "index.html"), `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
    <script type="importmap">{ "imports": { "aand": "./node_modules/aand/js/module/aand.js" } }</script>`);
  site = await serve(project, {}, { work: WORK });
  browser = await browse();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});

test("the package resolves by name, with its types and licences", async () => {
  const require = createRequire(pathToFileURL(join(project, "package.json")));
  const root = join(project, "node_modules/aand");
  const { exports, version, repository } = require("aand/package.json");
  for (const [name, { types, default: file }] of Object.entries(exports).filter(([, to]) => typeof to === "object")) {
    assert.equal(require.resolve(join("aand", name)), join(root, file));
    assert.match(await readFile(join(root, types), "utf8"), /export/);
  }
  const workspace = await readFile(join(import.meta.dirname, "../../../Cargo.toml"), "utf8");
  assert.match(workspace, new RegExp(`\\[workspace\\.package\\]\\nversion = "${version}"`));
  assert.deepEqual(repository, { type: "git", url: `git+https://github.com/${GITHUB_REPOSITORY}.git` });
  for (const licence of ["LICENSE-MIT", "LICENSE-APACHE", "README.md"]) assert.ok(await readFile(join(root, licence), "utf8"));
});

test("pictures score as in the native program", async () => {
  const folder = join(WORK, "parts/circuit/test");
  const pictures = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".png")).sort();
  assert.ok(pictures.length > 2);
  const paths = pictures.map((name) => join(folder, name));
  const said = execFileSync(AAND, ["detect", join(WORK, "part.aand"), ...paths, "--out", join(WORK, "results"), "--json", "--device", "cpu"], { encoding: "utf8" });
  const own = new Map(said.trim().split("\n").map((line) => JSON.parse(line)).filter(({ path }) => path).map((line) => [line.path, line]));

  const { page, problems } = await open(browser.context, site.address);
  const addresses = paths.map((path) => `work/${relative(WORK, path)}`);
  const found = await page.evaluate(async (addresses) => {
    const { Detector } = await import("aand");
    const detector = await Detector.load("work/part.aand", { compute: "cpu" });
    const found = [];
    for (const address of addresses) {
      const { score, verdict, regions, map, side } = await detector.detect(await (await fetch(address)).blob());
      found.push({ score, verdict, regions: regions.length, highest: map.reduce((a, b) => Math.max(a, b)), side });
    }
    detector.close();
    return found;
  }, addresses);
  for (const [i, path] of paths.entries()) {
    const line = own.get(path);
    assert.ok(Math.abs(found[i].score - line.score) <= TOLERANCE * line.score, `${path}: ${found[i].score}, natively ${line.score}`);
    assert.equal(found[i].verdict, line.verdict, path);
    assert.equal(found[i].side, 64);
    assert.ok(Math.abs(found[i].highest - found[i].score) < 1e-6);
  }
  assert.deepEqual(problems, []);
});
