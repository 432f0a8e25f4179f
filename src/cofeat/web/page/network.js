// All that the page asks of the server, and a list of it.

import { decodeResponse, encodeRequest, HEADER_LENGTH } from "./protocol.js";

const TIMEOUT_MS = 5_000;
const PROBE_MS = 2_000;
const MOST_LISTED = 50;
const TOKEN_KEY = "cofeat-token";
/** Where the service worker finds models when the server is gone. */
const MODELS = "cofeat-models";

/** The server cannot be reached, or is not able to answer. */
export class LinkError extends Error {}
/** The server wants a token, or another one. */
export class TokenError extends Error {}

export class Network {
  /** @param {(entry: object) => void} listed called with every request when it has ended. */
  constructor(listed) {
    this.listed = listed;
    this.entries = [];
    this.token = remembered();
  }

  setToken(token) {
    if (!/^[!-~]+$/.test(token)) throw new TokenError("a token is of printable ASCII without white space");
    this.token = token;
    remember(token);
  }

  /** What the server's models are. */
  async models() {
    const { bytes } = await this.ask("GET", "page/models.json", "list of models");
    await keep("page/models.json", bytes);
    const { models } = JSON.parse(new TextDecoder().decode(bytes));
    await forgetOthers(models).catch(() => {}); // nothing is kept that could be dropped
    return models;
  }

  /** The content of a bundle's file, held to its hash. */
  async file({ sha256 }, what) {
    const path = `page/files/${sha256}`;
    const { bytes } = await this.ask("GET", path, what);
    // Pages without HTTPS have no hash; then the server's own check has to do.
    if (crypto.subtle) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
      if (found !== sha256) throw new Error(`the ${what} is not the one that the server's bundle holds`);
      await keep(path, bytes);
    }
    return bytes;
  }

  /**
   * Have the server run a model.
   *
   * @param {object} model what the server says of it.
   * @param {"bitstream"|"image"} kind what is sent.
   * @param {Uint8Array} bytes
   * @param {string} what it is, for the list.
   * @returns {Promise<{outputs: object, cloudMs: number, bodyBytes: number}>}
   */
  async infer(model, kind, bytes, what) {
    const { body, headerBytes } = encodeRequest(kind, bytes, model.tasks, TIMEOUT_MS);
    const path = `v2/models/${model.name}/versions/${model.version}/infer`;
    const headers = { [HEADER_LENGTH]: String(headerBytes), "Content-Type": "application/octet-stream" };
    const answer = await this.ask("POST", path, what, body, headers);
    const timing = /cloud;dur=([\d.]+)/.exec(answer.headers.get("Server-Timing") ?? "");
    const { outputs } = decodeResponse(answer.bytes, Number(answer.headers.get(HEADER_LENGTH)));
    return { outputs, cloudMs: timing ? Number(timing[1]) : 0, bodyBytes: body.length };
  }

  /** Whether the server answers. */
  async ready() {
    try {
      const signal = AbortSignal.timeout(PROBE_MS);
      return (await fetch("v2/health/ready", { cache: "no-store", signal })).ok;
    } catch {
      return false;
    }
  }

  /**
   * Ask, list it, and raise what is wrong.
   *
   * @returns {Promise<{headers: Headers, bytes: ArrayBuffer}>} the answer, all of it: a link may
   *   be lost in the middle of one.
   */
  async ask(method, path, what, body, headers = {}) {
    const entry = { method, path: `/${path}`, what, sentBytes: body?.length ?? 0, at: new Date() };
    const started = performance.now();
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    let answer, bytes;
    try {
      const signal = AbortSignal.timeout(method === "POST" ? TIMEOUT_MS : 12 * TIMEOUT_MS);
      answer = await fetch(path, { method, body, headers, signal });
      bytes = await answer.arrayBuffer();
      entry.status = String(answer.status);
    } catch {
      entry.status = "no answer";
      throw new LinkError("the server cannot be reached");
    } finally {
      entry.ms = performance.now() - started;
      this.entries = [entry, ...this.entries].slice(0, MOST_LISTED);
      this.listed(entry);
    }
    if (answer.ok) return { headers: answer.headers, bytes };
    const reason = errorIn(bytes) ?? `status ${answer.status}`;
    if (answer.status === 401) throw new TokenError(reason);
    // Busy or failing is as good as gone: the device goes on alone until it is well again.
    if (answer.status === 429 || answer.status === 408 || answer.status >= 500) throw new LinkError(reason);
    throw new Error(reason);
  }
}

/** What an answer says is wrong, if it does. */
function errorIn(bytes) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)).error;
  } catch {
    return undefined;
  }
}

/** The token of this tab, where the browser lets pages remember anything. */
function remembered() {
  try {
    return sessionStorage.getItem(TOKEN_KEY);
  } catch {
    return null;
  }
}

function remember(token) {
  try {
    sessionStorage.setItem(TOKEN_KEY, token);
  } catch {
    // It is asked for again when the page is loaded again.
  }
}

/**
 * Keep what came for when the server is gone. Pages without HTTPS cannot, nor can those of a full
 * or a private browser: they go on with what they have.
 */
async function keep(path, bytes) {
  try {
    await (await caches.open(MODELS)).put(path, new Response(bytes));
  } catch {
    // Not kept.
  }
}

/** Drop files of models that the server no longer has. */
async function forgetOthers(models) {
  const known = new Set(models.flatMap((model) => Object.values(model.files)).map((file) => file.sha256));
  const cache = await caches.open(MODELS);
  for (const request of await cache.keys()) {
    const [, sha256] = /page\/files\/(\w+)$/.exec(request.url) ?? [];
    if (sha256 && !known.has(sha256)) await cache.delete(request);
  }
}
