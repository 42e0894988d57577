// A shop's day as a grid: cards are dragged, tapped or moved with keys to another time, person or chair.
// The server says where a card could go and decides; what another device changed appears by itself.
"use strict";

(() => {
  const root = document.querySelector("[data-board]");
  if (!root) return;
  const form = document.querySelector("[data-board-form]");
  const mode = document.querySelector("[data-board-mode]");
  const help = document.querySelector("[data-board-help]");
  const stale = document.querySelector("[data-board-stale]");
  const dialog = document.querySelector("[data-confirm-dialog]");
  const HOLD_MS = 350;
  const SLACK_PX = 8;
  const REFRESH_MS = 3000;
  const OFFLINE_MS = 15000;
  const UNDO_MS = 20000;
  const NAV_PX = 56;
  const STEP_MIN = 5;
  const QUARTER_MIN = 15;

  let held = null; // the card that is on its way
  let armed = null; // a finger or the mouse is on a card that may be dragged
  let busy = false;
  let undo = null; // the last move, as long as it can be undone

  const grid = () => root.querySelector("[data-board-grid]");
  const lanes = () => [...root.querySelectorAll("[data-lane]")];
  const say = (what) => {
    help.textContent = help.dataset[what];
    help.toggleAttribute("data-idle-shown", what === "idle");
  };
  const toast = (text, undo) => text && document.dispatchEvent(new CustomEvent("toast", { detail: { value: text, undo } }));
  const number = (element, name) => Number(element.dataset[name]);
  const clockAt = (seconds) =>
    new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: grid().dataset.zone }).format(seconds * 1000);

  // Positions are data; styles in attributes are not allowed here, those of scripts are.
  const lay = () => {
    const board = grid();
    if (!board) return;
    board.classList.add("is-grid");
    board.style.setProperty("--lanes", lanes().length);
    root.querySelectorAll("[data-lane-day]").forEach((day) => day.style.setProperty("--length", board.dataset.minutes));
    root.querySelector(".board-clock")?.style.setProperty("--length", board.dataset.minutes);
    root.querySelectorAll("[data-at]").forEach((each) => {
      each.style.setProperty("--at", each.dataset.at);
      if (each.dataset.minutes) each.style.setProperty("--span", each.dataset.minutes);
      each.classList.toggle("is-short", number(each, "minutes") < 75);
      if (each.dataset.columns) {
        each.style.setProperty("--column", each.dataset.column);
        each.style.setProperty("--columns", each.dataset.columns);
      }
    });
    const now = (Date.now() / 1000 - number(board, "begins")) / 60;
    if ("today" in board.dataset && now >= 0 && now <= number(board, "minutes")) {
      root.querySelectorAll("[data-lane-day]").forEach((day) => {
        const line = document.createElement("span");
        line.className = "board-now";
        line.style.setProperty("--at", now);
        day.append(line);
      });
    }
    return now;
  };

  // Where the keyboard is on the board, so that it is there again when the board is drawn anew.
  const named = (element) => {
    if (!root.contains(element)) return "";
    if (element.dataset.card) return `[data-card="${element.dataset.card}"]`;
    if (element.form) return `form[action="${element.form.getAttribute("action")}"] button`;
    return element.hasAttribute("href") ? `a[href="${element.getAttribute("href")}"]` : "[data-board-grid]";
  };

  const show = (html) => {
    const before = grid();
    const at = before && [before.scrollLeft, before.scrollTop];
    const focus = named(document.activeElement);
    root.innerHTML = html;
    lay();
    const board = grid();
    if (board && at) [board.scrollLeft, board.scrollTop] = at;
    const shown = root.querySelector("[data-board-shown]");
    const wanted = shown?.dataset.focus ? `[data-card="${shown.dataset.focus}"]` : focus;
    if (wanted) (root.querySelector(wanted) ?? board)?.focus({ preventScroll: true });
    if (!shown?.dataset.said) return;
    // Of two moves in a row the last one is taken back: the words about the one before are over.
    document.querySelectorAll(".toast").forEach((each) => each.remove());
    undo = null;
    if (shown.dataset.undo) {
      const { undo: id, undoVersion: version } = shown.dataset;
      undo = { label: form.dataset.undoLabel, ms: UNDO_MS, act: () => send(`/shop/appointments/${id}/undo`, { version }) };
    }
    toast(shown.dataset.said, undo);
  };

  // Asked again and again while somebody looks; the answer is empty as long as nothing was changed.
  let asking = false;
  const refresh = async () => {
    if (asking || held || armed || busy || document.hidden || dialog?.open) return;
    asking = true;
    const seen = root.querySelector("[data-board-shown]")?.dataset.boardShown ?? "";
    try {
      const answer = await fetch(`${root.dataset.board}&seen=${seen}`, {
        headers: { "HX-Request": "true" },
        signal: AbortSignal.timeout(OFFLINE_MS),
      });
      if (answer.redirected || answer.status === 401) return location.reload();
      stale.hidden = answer.ok;
      if (answer.status === 200 && !held && !armed && !busy) show(await answer.text());
    } catch {
      stale.hidden = false;
    } finally {
      asking = false;
    }
  };
  const watch = async () => {
    await refresh();
    setTimeout(watch, stale.hidden ? REFRESH_MS : OFFLINE_MS);
  };

  const put = () => {
    held?.card.classList.remove("is-picked");
    held?.ghost.remove();
    root.querySelectorAll(".board-free").forEach((each) => each.remove());
    document.body.classList.remove("is-moving");
    held = null;
    say(mode.getAttribute("aria-pressed") === "true" ? "tap" : "idle");
  };

  const isFree = (lane, at) => held.places[lane]?.includes(number(grid(), "begins") + at * 60);

  const move = (lane, at) => {
    if (!held) return;
    const length = number(held.card, "minutes");
    const last = number(grid(), "minutes") - length;
    held.lane = lane;
    held.at = Math.max(0, Math.min(last, at));
    const day = root.querySelector(`[data-lane="${lane}"] [data-lane-day]`);
    if (held.ghost.parentElement !== day) day.append(held.ghost);
    held.ghost.style.setProperty("--at", held.at);
    held.ghost.style.setProperty("--span", length);
    const starts = number(grid(), "begins") + held.at * 60;
    held.ghost.textContent = `${clockAt(starts)} ${day.parentElement.dataset.name}`;
    held.ghost.classList.toggle("is-taken", !isFree(lane, held.at));
  };

  const shade = () => {
    const begins = number(grid(), "begins");
    for (const [lane, starts] of Object.entries(held.places)) {
      const day = root.querySelector(`[data-lane="${lane}"] [data-lane-day]`);
      let run = null;
      const close = () => run && day?.append(run.element);
      for (const start of starts) {
        const at = (start - begins) / 60;
        if (run && at === run.end) {
          run.end = at + STEP_MIN;
        } else {
          close();
          run = { at, end: at + STEP_MIN, element: document.createElement("span") };
          run.element.className = "board-free";
          run.element.style.setProperty("--at", at);
        }
        run.element.style.setProperty("--span", run.end - run.at - STEP_MIN + number(held.card, "minutes"));
      }
      close();
    }
  };

  const pick = (card) => {
    if (held || busy) return false;
    if ("fixed" in card.dataset) {
      say("fixed");
      toast(help.dataset.fixed);
      return false;
    }
    const ghost = document.createElement("div");
    ghost.className = "board-ghost";
    held = { card, ghost, places: {}, lane: card.closest("[data-lane]").dataset.lane, at: number(card, "at") };
    card.classList.add("is-picked");
    document.body.classList.add("is-moving");
    move(held.lane, held.at);
    say("held");
    navigator.vibrate?.(20);
    const mine = held;
    const by = new URL(root.dataset.board, location.href).searchParams;
    fetch(`/shop/appointments/${card.dataset.card}/places?day=${by.get("day")}&by=${by.get("by")}`)
      .then((answer) => (answer.ok ? answer.json() : {}))
      .catch(() => ({}))
      .then((places) => {
        if (held !== mine) return;
        held.places = places;
        shade();
        move(held.lane, held.at);
        const own = number(card, "starts");
        const home = card.closest("[data-lane]").dataset.lane;
        if (!Object.entries(places).some(([lane, all]) => all.some((at) => lane !== home || at !== own))) say("nowhere");
      });
    return true;
  };

  const drop = () => {
    const { card, lane, at } = held;
    const starts = number(grid(), "begins") + at * 60;
    if (lane === card.closest("[data-lane]").dataset.lane && starts === number(card, "starts")) return put();
    if (Object.keys(held.places).length && !isFree(lane, at)) {
      toast(help.dataset.taken);
      return put();
    }
    send(`/shop/appointments/${card.dataset.card}/place`, {
      lane,
      start: new Date(starts * 1000).toISOString(),
      version: card.dataset.version,
    });
    put();
  };

  const send = async (path, values) => {
    if (busy) return;
    busy = true;
    const fields = new FormData(form);
    Object.entries(values).forEach(([name, value]) => fields.set(name, value));
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { "HX-Request": "true", Accept: "text/html" },
        body: new URLSearchParams(fields),
      });
      const text = await answer.text();
      if (text.includes("data-board-shown")) show(text);
      else location.reload();
    } catch {
      stale.hidden = false;
    } finally {
      busy = false;
    }
  };

  // The quarter of an hour, or what can be had near it. What has begun keeps its time, wherever it is put down.
  const nearest = (lane, wanted) => {
    const rounded = Math.round(wanted / (QUARTER_MIN * 60)) * QUARTER_MIN * 60;
    const free = held?.places[lane] ?? [];
    if (!free.length || free.includes(rounded)) return rounded;
    const best = free.reduce((one, other) => (Math.abs(other - wanted) < Math.abs(one - wanted) ? other : one));
    const keepsTime = Object.values(held.places).every((starts) => starts.length < 2);
    return keepsTime || Math.abs(best - wanted) < QUARTER_MIN * 60 ? best : rounded;
  };

  // Where a finger is: a lane, and minutes from the top, on the quarter of an hour.
  const under = (x, y, grip) => {
    const lane = lanes().find((each) => {
      const box = each.getBoundingClientRect();
      return x >= box.left && x < box.right;
    });
    if (!lane) return null;
    const day = lane.querySelector("[data-lane-day]").getBoundingClientRect();
    const board = grid();
    const minutes = ((y - day.top) / day.height) * number(board, "minutes") - grip;
    const wanted = minutes * 60 + number(board, "begins");
    return [lane.dataset.lane, (nearest(lane.dataset.lane, wanted) - number(board, "begins")) / 60];
  };

  const scroll = (x, y) => {
    const box = grid().getBoundingClientRect();
    const edge = 48;
    const step = 14;
    if (x > box.right - edge) grid().scrollLeft += step;
    if (x < box.left + edge + 52) grid().scrollLeft -= step;
    if (y > Math.min(box.bottom, innerHeight - NAV_PX) - edge) grid().scrollTop += step;
    if (y < box.top + edge + 44) grid().scrollTop -= step;
  };

  root.addEventListener("pointerdown", (event) => {
    const card = event.target.closest("[data-card]");
    if (!card || event.button || !grid() || held || mode.getAttribute("aria-pressed") === "true") return;
    const day = card.parentElement.getBoundingClientRect();
    const top = ((event.clientY - day.top) / day.height) * number(grid(), "minutes");
    armed = { card, x: event.clientX, y: event.clientY, grip: top - number(card, "at"), id: event.pointerId, dragged: false };
    if (event.pointerType !== "mouse") {
      armed.timer = setTimeout(() => lift(event.pointerId), HOLD_MS);
    }
  });

  const lift = (pointer) => {
    if (!armed || armed.id !== pointer) return;
    clearTimeout(armed.timer);
    if (!pick(armed.card)) return (armed = null);
    armed.dragged = true;
  };

  window.addEventListener("pointermove", (event) => {
    if (!armed || event.pointerId !== armed.id) return;
    const far = Math.hypot(event.clientX - armed.x, event.clientY - armed.y) > SLACK_PX;
    if (!armed.dragged) {
      if (!far) return;
      if (event.pointerType === "mouse") return lift(event.pointerId);
      clearTimeout(armed.timer);
      armed = null;
      return;
    }
    event.preventDefault();
    scroll(event.clientX, event.clientY);
    const place = under(event.clientX, event.clientY, armed.grip);
    if (place) move(...place);
  });

  const release = (event) => {
    if (!armed || event.pointerId !== armed.id) return;
    clearTimeout(armed.timer);
    const { dragged } = armed;
    armed = null;
    if (!dragged || !held) return;
    // The click that follows a drag, if one does, is none.
    const swallow = (click) => (click.preventDefault(), click.stopPropagation());
    window.addEventListener("click", swallow, { capture: true });
    setTimeout(() => window.removeEventListener("click", swallow, { capture: true }), 0);
    if (event.type === "pointercancel") put();
    else drop();
  };
  window.addEventListener("pointerup", release);
  window.addEventListener("pointercancel", release);
  // While a card is held, the finger moves the card and not the page.
  root.addEventListener("touchmove", (event) => armed?.dragged && event.preventDefault(), { passive: false });
  root.addEventListener("contextmenu", (event) => (armed || held) && event.preventDefault());
  root.addEventListener("dragstart", (event) => event.preventDefault());

  // By tap: first the card, then the place.
  mode.addEventListener("click", () => {
    const on = mode.getAttribute("aria-pressed") !== "true";
    mode.setAttribute("aria-pressed", String(on));
    if (held) put();
    say(on ? "tap" : "idle");
  });
  root.addEventListener("click", (event) => {
    if (mode.getAttribute("aria-pressed") !== "true" || !grid()) return;
    const card = event.target.closest("[data-card]");
    if (card) event.preventDefault();
    if (!held) return void (card && pick(card));
    if (card === held.card) return put();
    const place = under(event.clientX, event.clientY, 0);
    if (!place) return;
    move(...place);
    drop();
  });

  // With keys: M takes the card, arrows move it, Enter puts it down, Escape back.
  root.addEventListener("keydown", (event) => {
    const card = event.target.closest?.("[data-card]");
    if (!held) {
      if (card && event.key.toLowerCase() === "m" && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        if (pick(card)) say("keys");
      }
      return;
    }
    const order = lanes().map((lane) => lane.dataset.lane);
    const index = order.indexOf(held.lane);
    const steps = { ArrowUp: [0, -QUARTER_MIN], ArrowDown: [0, QUARTER_MIN], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    if (event.key in steps) {
      const [sideways, minutes] = steps[event.key];
      move(order[Math.max(0, Math.min(order.length - 1, index + sideways))], held.at + minutes);
      help.textContent = held.ghost.textContent + (held.ghost.classList.contains("is-taken") ? ` · ${help.dataset.taken}` : "");
      held.ghost.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if (event.key === "Enter") {
      drop();
    } else if (event.key === "Escape") {
      put();
    } else {
      return;
    }
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && held) put();
    const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
    if (!isUndo || !undo || held || busy || event.target.closest?.("input, textarea, select")) return;
    event.preventDefault();
    undo.act();
  });

  mode.hidden = false;
  help.hidden = false;
  help.setAttribute("aria-live", "polite");
  say("idle");
  const now = lay();
  const board = grid();
  if (board) {
    const first = Math.min(...[...root.querySelectorAll("[data-card]")].map((card) => number(card, "at")), number(board, "minutes"));
    const wanted = "today" in board.dataset && now > 0 ? now : first;
    const minute = parseFloat(getComputedStyle(board).getPropertyValue("--minute"));
    if (wanted < number(board, "minutes")) board.scrollTop = Math.max(0, wanted * minute - 120);
  }
  setTimeout(watch, REFRESH_MS);
  document.addEventListener("visibilitychange", refresh);
  window.addEventListener("online", refresh);
})();
