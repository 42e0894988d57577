// The little that pages need beside HTMX: a drawer, toasts, questions before dangerous things, one submit per click.
"use strict";

(() => {
  const all = (selector) => document.querySelectorAll(selector);

  // Navigation drawer on narrow screens.
  const drawer = document.querySelector("[data-drawer]");
  const setDrawer = (open) => {
    if (!drawer) return;
    drawer.classList.toggle("is-open", open);
    all("[data-drawer-toggle]").forEach((button) => button.setAttribute("aria-expanded", String(open)));
    if (open) drawer.querySelector("a, button")?.focus();
  };
  document.addEventListener("click", (event) => {
    const toggle = event.target.closest("[data-drawer-toggle]");
    if (toggle) {
      setDrawer(!drawer.classList.contains("is-open"));
    } else if (drawer?.classList.contains("is-open") && !event.target.closest("[data-drawer]")) {
      setDrawer(false);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drawer?.classList.contains("is-open")) {
      setDrawer(false);
      document.querySelector("[data-drawer-toggle]")?.focus();
    }
  });

  // Toasts: one from the page before, others from the server by the HX-Trigger event "toast".
  const toasts = document.querySelector("[data-toasts]");
  const toast = (text, undo) => {
    if (!toasts || !text) return;
    const box = document.createElement("div");
    box.className = "toast";
    box.setAttribute("role", "status");
    const words = document.createElement("span");
    words.textContent = text;
    box.append(words);
    if (undo) {
      const back = document.createElement("button");
      back.type = "button";
      back.className = "toast-undo";
      back.textContent = undo.label;
      back.addEventListener("click", () => (box.remove(), undo.act()));
      box.append(back);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "×";
    close.setAttribute("aria-label", toasts.dataset.close);
    close.addEventListener("click", () => box.remove());
    box.append(close);
    toasts.append(box);
    // What can still be done stays until it cannot, and while somebody is on it.
    const end = () => (box.matches(":hover, :focus-within") ? setTimeout(end, 2000) : box.remove());
    setTimeout(end, undo?.ms ?? 8000);
    return box;
  };
  if (toasts?.dataset.toast) toast(toasts.dataset.toast);
  document.addEventListener("toast", (event) => toast(event.detail?.value ?? event.detail?.text, event.detail?.undo));

  // data-confirm="Really?" on a form or button asks first, in a dialog of our own.
  const dialog = document.querySelector("[data-confirm-dialog]");
  const ask = (question, onYes) => {
    if (!dialog) return onYes();
    dialog.querySelector("[data-question]").textContent = question;
    dialog.returnValue = "";
    dialog.onclose = () => dialog.returnValue === "yes" && onYes();
    dialog.showModal();
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
    if (question && !form.dataset.confirmed) {
      event.preventDefault();
      event.stopPropagation();
      ask(question, () => {
        form.dataset.confirmed = "yes";
        form.requestSubmit(event.submitter ?? undefined);
        delete form.dataset.confirmed;
      });
      return;
    }
    if (form.method === "post" && !form.hasAttribute("hx-post")) {
      // A second click sends the same form again; its key makes that harmless, this makes it rare.
      setTimeout(() => form.querySelectorAll("button:not([type=button])").forEach((b) => (b.disabled = true)), 0);
    }
  }, true);
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.question, () => event.detail.issueRequest(true));
  });

  // A page taken out of the browser's cache must work again.
  window.addEventListener("pageshow", () => all("form button:disabled:not([data-countdown])").forEach((b) => (b.disabled = false)));

  // data-countdown="60" on a button: it works again after so many seconds, and says how many are left.
  all("[data-countdown]").forEach((button) => {
    const label = button.textContent.trim();
    let left = Number(button.dataset.countdown);
    const tick = () => {
      button.disabled = left > 0;
      button.textContent = left > 0 ? `${label} (${left})` : label;
      if (left-- > 0) setTimeout(tick, 1000);
    };
    tick();
  });

  // data-locate on a form: it asks the phone where it is, fills in lat and lon, and is sent. Its button works with this
  // script only, and is hidden until then. Caught on the way down: HTMX must not send it before.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-locate]");
    if (!form || form.elements.namedItem("lat").value) return;
    event.preventDefault();
    event.stopPropagation();
    const denied = () => (document.querySelector("[data-locate-said]").textContent = form.dataset.denied);
    if (!navigator.geolocation) return denied();
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      form.elements.namedItem("lat").value = coords.latitude.toFixed(5);
      form.elements.namedItem("lon").value = coords.longitude.toFixed(5);
      form.requestSubmit();
    }, denied, { timeout: 8000 });
  }, true);

  document.addEventListener("htmx:load", () => all("[data-scripted][hidden]").forEach((e) => (e.hidden = false)));

  // Of a strip wider than the phone, what is chosen is what one sees.
  all("[aria-current=date]").forEach((day) => {
    day.parentElement.scrollLeft = day.offsetLeft - day.parentElement.offsetLeft - (day.parentElement.clientWidth - day.clientWidth) / 2;
  });

  // The number of a shop on a map chooses it, where the list is a choice.
  document.addEventListener("click", (event) => {
    const mark = event.target.closest(".near-mark");
    if (mark) document.querySelector(`${mark.getAttribute("href")} input[type=radio]`)?.click();
  });

  // Rows of a repeated field: a <template data-row> beside [data-add-row="id of the list"].
  document.addEventListener("click", (event) => {
    const add = event.target.closest("[data-add-row]");
    if (add) {
      const list = document.getElementById(add.dataset.addRow);
      const row = document.querySelector(`template[data-row="${add.dataset.addRow}"]`).content.cloneNode(true);
      list.append(row);
      list.lastElementChild.querySelector("input, select, textarea")?.focus();
    }
    const remove = event.target.closest("[data-remove-row]");
    if (remove) remove.closest("[data-row-item]").remove();
  });

  // Filters apply when a choice is made; who makes it by keyboard goes on from there on the page that comes.
  const kept = (run) => { try { return run(sessionStorage); } catch { return null; } };
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-submit-on-change]")) return;
    kept((store) => store.setItem("chosen", event.target.id));
    event.target.form.requestSubmit();
  });
  const chosen = kept((store) => store.getItem("chosen"));
  kept((store) => store.removeItem("chosen"));
  if (chosen) document.getElementById(chosen)?.focus({ preventScroll: true });

  // What could not be reached says so, with a way to try again.
  const failed = (event) => {
    const panel = event.target.closest("[data-panel]");
    if (!panel) return toast(toasts?.dataset.offline);
    panel.setAttribute("aria-busy", "false");
    panel.querySelector("[data-loading]")?.setAttribute("hidden", "");
    panel.querySelector("[data-failed]")?.removeAttribute("hidden");
  };
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:timeout", failed);
  document.addEventListener("htmx:afterSwap", (event) => event.target.setAttribute?.("aria-busy", "false"));
})();
