// Asks again for the page that is open and puts its <main> in the place of the old one. Nobody is
// disturbed: not while something is being typed, chosen or opened, nor while nobody looks.
"use strict";
(() => {
  const pauseS = Number(document.body.dataset.pauseS || 0);
  if (!pauseS) return;
  const isBusy = () => {
    const main = document.querySelector("main");
    const at = document.activeElement;
    const isTyping = at && main.contains(at) && at.matches("input, select, textarea, button, summary");
    const isReading = String(window.getSelection()) !== "";
    return document.hidden || isTyping || isReading || main.querySelector("details[open].form") !== null;
  };
  const replace = (html) => {
    const found = new DOMParser().parseFromString(html, "text/html").querySelector("main");
    const old = document.querySelector("main");
    if (!found || found.innerHTML === old.innerHTML) return;
    // What was unfolded stays so; what has the focus keeps it.
    const opened = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
    const focused = document.activeElement && document.activeElement.getAttribute("href");
    old.replaceChildren(...found.childNodes);
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    if (focused) [...old.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused)?.focus();
  };
  const stale = (is) => document.body.classList.toggle("stale", is);
  const ask = async () => {
    if (!isBusy()) {
      try {
        const answer = await fetch(location.href, { cache: "no-store", redirect: "manual" });
        if (answer.type === "opaqueredirect") location.reload();
        else if (answer.ok) replace(await answer.text());
        stale(!answer.ok);
      } catch {
        stale(true);
      }
    }
    setTimeout(ask, pauseS * 1000 * (0.9 + 0.2 * Math.random()));
  };
  setTimeout(ask, pauseS * 1000);
})();
