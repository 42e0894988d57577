// <span data-until="2026-11-11T12:00:00Z" data-day="d" data-over="over">: the time that is left, every second.
"use strict";

(() => {
  const two = (number) => String(number).padStart(2, "0");
  // The server's clock counts: phones are wrong by minutes.
  const skew = Date.parse(document.querySelector("meta[name=server-time]")?.content ?? "") - Date.now() || 0;

  const show = (place) => {
    const left = Math.max(0, Math.ceil((Date.parse(place.dataset.until) - Date.now() - skew) / 1000));
    const days = Math.floor(left / 86400);
    const clock = [Math.floor((left % 86400) / 3600), Math.floor((left % 3600) / 60), left % 60].map(two).join(":");
    const text = left ? (days ? `${days}${place.dataset.day} ${clock}` : clock) : place.dataset.over;
    if (place.textContent !== text) place.textContent = text;
  };
  const all = () => document.querySelectorAll("[data-until]").forEach(show);

  all();
  setInterval(all, 1000);
  document.addEventListener("htmx:afterSwap", all);
})();
