// If the program on a computer serves this page (`aand serve --ui`), it can learn and judge, with that computer's
// speed and GPU. All communication with it goes through this file.

import { said } from "./state.js";

/**
 * A training of the program.
 * @typedef {object} Job
 * @property {number} id
 * @property {{ name: string, title: string | null }} wanted
 * @property {"collecting" | "waiting" | "training" | "paused" | "stopped" | "done" | "failed" | "cancelled"} state
 * @property {number} pictures
 * @property {[number, number] | null} steps of both stages
 * @property {{ stage: "amplify" | "features" | "distill" | "threshold", done: number, all: number, epochs: number, losses: [number, number] | null } | null} progress
 * @property {string | null} message
 * @property {string | null} model
 *
 * @typedef {{ name: string, title: string }} Served a model of the program
 * @typedef {{ device: string, cores: number, most_bytes: number, most_pictures: number, models: Served[], jobs: Job[] }} Known
 */

const TOKEN = "aand-token";
/** Only for this tab. */
let token = stored();
/** Milliseconds of silence after which a connection counts as lost; the program sends a sign of life every 10 s. */
const SILENCE = 30_000;
/** Seconds until the program is asked again: at first, and at most. */
const [FIRST, LAST] = [1, 15];

/** The program's last message; `undefined` if it does not serve this page or does not answer. @type {Known | undefined} */
export let known;
/** Whether it requires a token that this page does not have. */
export let locked = false;

/** The words for this device, or for another computer with that name. */
export const PLACE = /^(localhost|127\.|\[::1\])/.test(location.hostname) ? "this computer" : location.hostname;

/** Asks the program. @param {string} path @param {RequestInit & { headers?: Record<string, string> }} [request] */
export async function ask(path, request = {}) {
  const headers = { ...request.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(path, { ...request, headers });
  if (answer.ok) return answer;
  locked ||= answer.status === 401;
  const { error } = await answer.json().catch(() => ({ error: undefined }));
  throw Object.assign(new Error(error ?? `the program answered ${answer.status}`), { status: answer.status });
}

/** Whether the connection failed, rather than the request. @param {unknown} error */
export const isGone = (error) => error instanceof TypeError;

/** Checks whether the program serves this page, and if so, listens from then on. */
export async function start() {
  // On other servers the file exists too, but is empty.
  /** @type {{ name?: string, asks_token?: boolean }} */
  const program = await fetch("program.json").then((answer) => answer.ok ? answer.json() : {}).catch(() => ({}));
  if (program.name !== "aand") return;
  locked = Boolean(program.asks_token) && !token;
  tell();
  if (!locked) listen();
}

/** @param {string} given */
export function unlock(given) {
  token = given.trim();
  locked = false;
  store();
  listen();
}

function stored() {
  try {
    return sessionStorage.getItem(TOKEN) ?? "";
  } catch {
    return "";
  }
}

function store() {
  try {
    sessionStorage.setItem(TOKEN, token);
  } catch {
    // Not allowed: then the token is asked for again after a reload.
  }
}

/** What the page knows about the program has changed. */
function tell() {
  dispatchEvent(new Event("aand-native"));
}

/** Asks again for models and trainings. */
export async function look() {
  known = await (await ask("api/state")).json();
  tell();
}

async function listen() {
  for (let wait = FIRST; !locked; wait = Math.min(LAST, 2 * wait)) {
    try {
      await look();
      wait = FIRST;
      const { body } = await ask("api/events");
      for await (const { event, data } of messages(/** @type {ReadableStream} */ (body))) {
        if (event !== "jobs" || !known) continue;
        const done = (/** @type {Job[]} */ jobs) => jobs.filter(({ model }) => model).length;
        /** @type {Job[]} */
        const jobs = JSON.parse(data);
        if (done(jobs) !== done(known.jobs)) await look();
        known.jobs = jobs;
        tell();
      }
    } catch (error) {
      if (!isGone(error) && !locked) console.warn(said(error));
    }
    // The program or the connection has ended; a new connection sends everything again.
    known = undefined;
    if (locked) {
      token = "";
      store();
    }
    tell();
    await new Promise((go) => setTimeout(go, 1000 * wait));
  }
}

/** Server-sent events. EventSource sends no token. @param {ReadableStream} body */
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const late = setTimeout(() => reader.cancel(), SILENCE);
    const { done, value } = await reader.read();
    clearTimeout(late);
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const field = (/** @type {string} */ name) =>
        part.split("\n").filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim()).join("\n");
      yield { event: field("event"), data: field("data") };
    }
  }
}

/** Begins, pauses … a training. @param {number} id @param {"start" | "pause" | "resume" | "cancel"} what @returns {Promise<Job>} */
export async function order(id, what) {
  return (await ask(`api/jobs/${id}/${what}`, { method: "POST" })).json();
}

/** A model's file. @param {string} name */
export async function model(name) {
  return (await ask(`api/models/${encodeURIComponent(name)}`)).blob();
}

/** A name that none of the program's models and trainings has. @param {string} title */
export function free(title) {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 50) || "part";
  const taken = new Set([...known?.models ?? [], ...known?.jobs.map(({ wanted }) => wanted) ?? []].map(({ name }) => name.toLowerCase()));
  let name = plain;
  for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${plain}-${i}`;
  return name;
}
