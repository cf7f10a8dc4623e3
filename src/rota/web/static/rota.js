// What the pages gain where scripts run. Nothing here is needed: without it, links, forms and reload do the same.
(() => {
  "use strict";

  // Distances from now ("in 5 s") go on while the page is open. The server's clock is the one that counts.
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const started = performance.now();
  const serverNow = () => {
    const stamp = document.body.dataset.now;
    return Date.parse(stamp) + performance.now() - readAt;
  };
  let readAt = started;
  const length = (seconds) => {
    for (let i = 0; i < units.length; i++) {
      const [size, unit] = units[i];
      if (seconds >= size) {
        const next = units[i + 1];
        const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
        return `${Math.floor(seconds / size)} ${unit}` + (rest ? ` ${rest} ${next[1]}` : "");
      }
    }
    return "0 s";
  };
  const tick = () => {
    const now = serverNow();
    for (const element of document.querySelectorAll(".rel[data-at]")) {
      const away = Math.round((Date.parse(element.dataset.at) - now) / 1000);
      const text = away === 0 ? "now" : away > 0 ? `in ${length(away)}` : `${length(-away)} ago`;
      if (element.textContent !== text) element.textContent = text;
    }
  };
  setInterval(tick, 1000);
  document.addEventListener("htmx:after:swap", () => {
    const fresh = document.querySelector("[data-fresh-now]");
    if (fresh) {
      document.body.dataset.now = fresh.dataset.freshNow;
      readAt = performance.now();
    }
    follow();
  });

  // A log that is read at its end stays there; one that was scrolled up stays where it is.
  let atEnd = true;
  const follow = () => {
    const log = document.querySelector("[data-follow]");
    if (!log) return;
    if (!log.dataset.watched) {
      log.dataset.watched = "yes";
      log.addEventListener("scroll", () => {
        atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
      });
    }
    if (atEnd) log.scrollTop = log.scrollHeight;
  };
  follow();

  // Live or not is said, so that nobody trusts a page that stands still.
  const live = document.querySelector("[data-live]");
  const say = (text, state) => {
    if (live) {
      live.textContent = text;
      live.dataset.live = state;
    }
  };
  document.addEventListener("htmx:sse:after:connection", () => say("Live", "on"));
  document.addEventListener("htmx:sse:error", () => say("Not live: trying again", "off"));
  document.addEventListener("htmx:sse:close", () => say("Not live", "off"));

  // Keys: "/" looks for a task; "g" and a letter goes to a page.
  let went = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
      }
    } else if (event.key === "g") {
      went = performance.now();
    } else if (performance.now() - went < 1500) {
      const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
      if (link) link.click();
    }
  });

  // A zone that is picked is taken at once.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.submit();
  });
})();
