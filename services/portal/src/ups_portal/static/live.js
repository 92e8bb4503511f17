// While somebody looks at a page, brings its parts with `data-live` up to date whenever something has changed.
(() => {
  const stream = new URL(document.currentScript.dataset.stream, location.href);
  const pauseMs = 2000; // a power cut at a large site is some hundred changes in a second
  const backAfterMs = 30000; // a stream that was refused, a page that could not be had
  const news = document.getElementById("news");
  let source, again, waiting, broughtAt = 0;

  function follow() {
    clearTimeout(again);
    source?.close();
    source = new EventSource(stream);
    for (const name of ["row", "device", "reset"]) {
      source.addEventListener(name, (event) => {
        stream.searchParams.set("last_event_id", event.lastEventId);
        changed(100);
      });
    }
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) again = setTimeout(follow, backAfterMs);
    };
  }

  function leave() {
    clearTimeout(again);
    source.close();
  }

  function changed(soonMs) {
    waiting ??= setTimeout(bring, Math.max(soonMs, broughtAt + pauseMs - Date.now()));
  }

  async function bring() {
    broughtAt = Date.now();
    try {
      const answer = await fetch(location.href);
      waiting = undefined;
      // signed out: the page stays as it was, and whatever is pressed leads to sign-in
      if (answer.redirected) return leave();
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      let told = false;
      for (const part of document.querySelectorAll("[data-live]")) {
        const now = page.querySelector(`[data-live="${part.dataset.live}"]`);
        if (now && part.isConnected) told = put(part, now) || told;
      }
      if (told && news) {
        news.textContent = "";
        news.textContent = news.dataset.said;
      }
    } catch {
      waiting = undefined;
      changed(backAfterMs);
    }
  }

  // Puts what is so now into a part; whether anything in it is new.
  function put(part, now) {
    if (part.isEqualNode(now)) return false;
    if (part.matches("ol, ul") && [...part.children, ...now.children].every((each) => each.id)) return putRows(part, now);
    const inner = part.querySelector("[data-live]");
    if (inner && now.querySelector(`[data-live="${inner.dataset.live}"]`)) return false;
    if (part.contains(document.activeElement)) {
      // nobody's button goes away under their hand
      part.addEventListener("focusout", () => changed(100), { once: true });
      return false;
    }
    part.replaceChildren(...now.childNodes);
    return true;
  }

  // Rows that are as they were stay the same elements: what is selected in them, and has the focus, does so on.
  function putRows(list, now) {
    const old = new Map([...list.children].map((row) => [row.id, row]));
    let at = list.firstElementChild;
    let told = false;
    for (const row of [...now.children]) {
      const was = old.get(row.id);
      old.delete(row.id);
      const inPlace = was && was === at;
      if (inPlace) at = at.nextElementSibling;
      const kept = was && (was.isEqualNode(row) || was.contains(document.activeElement));
      if (kept && inPlace) continue; // to put it where it is would take the focus from it
      if (!kept) was?.remove();
      list.insertBefore(kept ? was : row, at);
      if (!was) {
        told = true;
        if (!matchMedia("(prefers-reduced-motion: reduce)").matches) row.animate({ opacity: [0, 1] }, 600);
      }
    }
    for (const gone of old.values()) gone.remove();
    return told;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return leave();
    follow();
    changed(0);
  });
  follow();
  if (document.hidden) leave();
})();
