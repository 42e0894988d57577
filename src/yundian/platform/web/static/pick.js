// A field that finds while one types, and what it found below it: arrows walk, Enter picks, Escape closes.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("[data-picker]")) {
    const field = box.querySelector("input[type=search]");
    const found = box.querySelector("[data-picker-found]");
    const picks = () => [...found.querySelectorAll("[data-pick]")];
    const close = () => {
      found.replaceChildren();
      field.focus();
    };
    box.addEventListener("keydown", (event) => {
      const all = picks();
      const at = all.indexOf(document.activeElement);
      if (event.key === "ArrowDown" && all.length) all[Math.min(at + 1, all.length - 1)].focus();
      else if (event.key === "ArrowUp" && at >= 0) (all[at - 1] ?? field).focus();
      else if (event.key === "Escape" && (all.length || field.value)) close();
      else if (event.key === "Enter" && event.target === field) all[0]?.click();
      else return;
      event.preventDefault();
    });
    // What was picked is in the table: the field is free for the next.
    document.getElementById(box.dataset.picker).addEventListener("htmx:afterSwap", () => {
      if (!picks().length) return;
      field.value = "";
      close();
    });
  }
});
