// The built page, served under a path like any other, and a fresh browser.

import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import { chromium } from "playwright-core";

const TYPES = {
  ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm",
  ".json": "application/json", ".svg": "image/svg+xml", ".jpg": "image/jpeg", ".png": "image/png",
};
const PATH = "/some/where/";

/**
 * Serves `folder`; `log` has what was asked for.
 * @param {string} folder
 * @param {Record<string, (text: string) => string | { text?: string, type?: string, status?: number, cut?: boolean }>} [changed]
 *   by path: what is made of a file on its way; `cut`: the connection breaks off in the middle
 * @param {Record<string, string>} [added] by path: files and folders from elsewhere
 */
export async function serve(folder, changed = {}, added = {}) {
  const log = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    log.push(pathname);
    const inside = pathname.startsWith(PATH) ? normalize(decodeURIComponent(pathname.slice(PATH.length))) : "..";
    let file = resolve(folder, inside);
    if (!file.startsWith(resolve(folder))) return response.writeHead(404).end();
    if (pathname === PATH) file = join(folder, "index.html");
    const [at, from] = Object.entries(added).find(([at]) => inside === at || inside.startsWith(`${at}/`)) ?? [];
    if (at) file = join(from, inside.slice(at.length));
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return response.writeHead(404).end();
    const change = changed[pathname.slice(PATH.length)];
    if (change) {
      const made = change(await readFile(file, "utf8"));
      const { text, type = TYPES[extname(file)] ?? "application/octet-stream", status = 200, cut = false } = typeof made === "string" ? { text: made } : made;
      const bytes = text === undefined ? await readFile(file) : Buffer.from(text);
      response.writeHead(status, { "content-type": type, "content-length": bytes.length, "cache-control": "no-cache" });
      if (!cut) return response.end(bytes);
      return response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    }
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-length": found.size, "cache-control": "no-cache",
    });
    createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const address = `http://127.0.0.1:${server.address().port}${PATH}`;
  return { address, log, stop: () => new Promise((closed) => { server.closeAllConnections(); server.close(closed); }) };
}

/** Flags for WebGPU where there is no GPU: Chromium's software adapter. */
export const GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"];

/** A browser with an empty profile. */
export async function browse(flags = []) {
  const profile = await mkdtemp(join(tmpdir(), "aand-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...flags,
    ],
    acceptDownloads: true,
    viewport: { width: 1280, height: 900 },
  });
  return { context, stop: async () => { await context.close(); await rm(profile, { recursive: true, force: true }); } };
}

/** A page that reports what must not happen: requests elsewhere, errors, violations of its policy. */
export async function open(context, address) {
  const page = await context.newPage();
  const problems = [];
  const origin = new URL(address).origin;
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(blob|data):/.test(url)) problems.push(`request to ${url}`);
  });
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  await page.goto(address);
  return { page, problems };
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** The serious and critical findings of axe. */
export async function axe(page) {
  await page.evaluate(await readFile(AXE, "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run());
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
}
