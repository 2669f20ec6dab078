// WebKit's MiniBrowser, driven over plain WebDriver.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";

/** A program's path. @param {string} name */
const found = (name) => process.env.PATH.split(delimiter).map((folder) => join(folder, name)).find(existsSync);

/** Why there is no WebKit to test with; nothing where there is one. */
export function missing() {
  if (!found("WebKitWebDriver")) return "WebKitWebDriver is missing (Debian: webkit2gtk-driver)";
  if (!process.env.DISPLAY && !found("Xvfb")) return "there is no display, and no Xvfb to stand in for one (Debian: xvfb)";
  return "";
}

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** A display that nobody looks at; its name. */
function display() {
  const server = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  return new Promise((ready, failed) => {
    server.on("error", failed);
    server.on("exit", (code) => failed(new Error(`Xvfb ended with ${code}`)));
    server.stdio[3].once("data", (number) => ready({ name: `:${String(number).trim()}`, server }));
  });
}

/** The element's key in WebDriver's answers. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** A browser with one page. */
export async function webkit() {
  const screen = process.env.DISPLAY ? { name: process.env.DISPLAY } : await display();
  const port = await freePort();
  const driver = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], { stdio: "ignore", env: { ...process.env, DISPLAY: screen.name } });
  const end = () => { driver.kill(); screen.server?.kill(); };
  const ask = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body), headers: { "content-type": "application/json" } });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  };
  try {
    for (const late = Date.now() + 20_000; ; await new Promise((later) => setTimeout(later, 100))) {
      if (await ask("GET", "/status").catch(() => undefined)) break;
      if (Date.now() > late) throw new Error("WebKitWebDriver does not answer");
    }
    const { sessionId } = await ask("POST", "/session", { capabilities: { alwaysMatch: { timeouts: { script: 60_000, pageLoad: 60_000 } } } });
    const session = (method, path, body) => ask(method, `/session/${sessionId}/${path}`, body);
    /** What a function of the page gives, awaited. */
    const evaluate = async (body, ...args) => {
      const { value, error } = await session("POST", "execute/async", {
        script: `const done = arguments[arguments.length - 1]; const args = [...arguments].slice(0, -1);
          (async () => (${body})(...args))().then((value) => done({ value: value ?? null }), (error) => done({ error: String(error) }));`, args });
      if (error) throw new Error(error);
      return value;
    };
    return {
      evaluate,
      go: (url) => session("POST", "url", { url }),
      async click(selector) {
        const { [ELEMENT]: id } = await session("POST", "element", { using: "css selector", value: selector });
        await session("POST", `element/${id}/click`, {});
      },
      /** Chooses files for an input. */
      async choose(selector, paths) {
        const { [ELEMENT]: id } = await session("POST", "element", { using: "css selector", value: selector });
        await session("POST", `element/${id}/value`, { text: paths.join("\n") });
      },
      async until(condition, what, ms = 180_000, ...args) {
        for (const late = Date.now() + ms; !await evaluate(condition, ...args); await new Promise((later) => setTimeout(later, 250))) {
          if (Date.now() > late) throw new Error(`not within ${ms / 1000} s: ${what}`);
        }
      },
      async stop() {
        await ask("DELETE", `/session/${sessionId}`).catch(() => undefined);
        end();
      },
    };
  } catch (error) {
    end();
    throw error;
  }
}
