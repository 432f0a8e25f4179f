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
    this.token = sessionStorage.getItem(TOKEN_KEY);
  }

  setToken(token) {
    this.token = token;
    sessionStorage.setItem(TOKEN_KEY, token);
  }

  /** What the server's models are. */
  async models() {
    const answer = await this.ask("GET", "page/models.json", "list of models");
    await keep("page/models.json", answer.clone());
    const { models } = await answer.json();
    await forgetOthers(models);
    return models;
  }

  /** The content of a bundle's file, held to its hash. */
  async file({ sha256 }, what) {
    const path = `page/files/${sha256}`;
    const answer = await this.ask("GET", path, what);
    const whole = answer.clone();
    const bytes = await answer.arrayBuffer();
    // Pages without HTTPS have no hash; then the server's own check has to do.
    if (crypto.subtle) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
      if (found !== sha256) throw new Error(`the ${what} is not the one that the server's bundle holds`);
      await keep(path, whole);
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
    const { outputs } = decodeResponse(
      await answer.arrayBuffer(), Number(answer.headers.get(HEADER_LENGTH)));
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

  /** Ask, list it, and raise what is wrong. */
  async ask(method, path, what, body, headers = {}) {
    const entry = { method, path: `/${path}`, what, sentBytes: body?.length ?? 0, at: new Date() };
    const started = performance.now();
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    let answer;
    try {
      const signal = AbortSignal.timeout(method === "POST" ? TIMEOUT_MS : 12 * TIMEOUT_MS);
      answer = await fetch(path, { method, body, headers, signal });
      entry.status = String(answer.status);
    } catch {
      entry.status = "no answer";
      throw new LinkError("the server cannot be reached");
    } finally {
      entry.ms = performance.now() - started;
      this.entries = [entry, ...this.entries].slice(0, MOST_LISTED);
      this.listed(entry);
    }
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => ({}));
    const reason = told.error ?? `status ${answer.status}`;
    if (answer.status === 401) throw new TokenError(reason);
    // Busy or failing is as good as gone: the device goes on alone until it is well again.
    if (answer.status === 429 || answer.status === 408 || answer.status >= 500) throw new LinkError(reason);
    throw new Error(reason);
  }
}

/** Keep an answer for when the server is gone; pages without HTTPS cannot. */
async function keep(path, answer) {
  if (self.caches) await (await caches.open(MODELS)).put(path, answer);
}

/** Drop files of models that the server no longer has. */
async function forgetOthers(models) {
  if (!self.caches) return;
  const known = new Set(models.flatMap((model) => Object.values(model.files)).map((file) => file.sha256));
  const cache = await caches.open(MODELS);
  for (const request of await cache.keys()) {
    const [, sha256] = /page\/files\/(\w+)$/.exec(request.url) ?? [];
    if (sha256 && !known.has(sha256)) await cache.delete(request);
  }
}
