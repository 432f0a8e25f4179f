// Keeps the page, its modules and the models' files, so that the page goes on without its server.
// {{digest}} names this page's assets; the server fills it in.

const PAGE = "cofeat-page-{{digest}}";
// What the page itself puts there, since it loads models before this worker looks after it.
const MODELS = "cofeat-models";
const PATIENCE_MS = 3000;
const ASSETS = "page/assets/{{digest}}/";
const NAMES = {{names}};
// The build of ONNX Runtime for WebGPU is kept when a browser first loads it.
const EAGER = NAMES.filter((name) => !name.includes(".jspi."));

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(PAGE);
    await cache.addAll(["./", ...EAGER.map((name) => ASSETS + name)]);
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys())
      if (name.startsWith("cofeat-page-") && name !== PAGE) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const path = url.pathname.slice(new URL(self.registration.scope).pathname.length);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (path.startsWith("page/assets/")) event.respondWith(kept(request, PAGE));
  else if (path.startsWith("page/files/")) event.respondWith(kept(request, MODELS));
  else if (path === "") event.respondWith(fresh(request, PAGE));
  else if (path === "page/models.json") event.respondWith(fresh(request, MODELS));
});

/** What never changes: from the cache if it is there. */
async function kept(request, name) {
  const cache = await caches.open(name);
  const found = await cache.match(request, { ignoreVary: true });
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok && name === PAGE) await cache.put(request, answer.clone());
  return answer;
}

/** What may change: from the server if it answers, and in time where something is kept. */
async function fresh(request, name) {
  const cache = await caches.open(name);
  const found = await cache.match(request, { ignoreVary: true });
  try {
    // A network that swallows packets lets a request wait for minutes.
    const answer = await Promise.race([fetch(request), ...(found ? [tooLate()] : [])]);
    if (answer.ok && name === PAGE) await cache.put(request, answer.clone());
    if (answer.status < 500) return answer;
  } catch {
    // The server is gone.
  }
  return found ?? Response.error();
}

function tooLate() {
  return new Promise((_, reject) => setTimeout(reject, PATIENCE_MS));
}
