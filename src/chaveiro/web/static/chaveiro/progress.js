// Long work, live: asks how far it is once a second, says it, and loads the page anew at its end. Without it the page reloads.
(function () {
  "use strict";
  const box = document.querySelector("[data-progress]");
  if (!box) return;
  const bar = box.querySelector("progress");
  const words = box.querySelector("[data-words]");
  const estimate = box.querySelector("[data-estimate]");
  const said = document.getElementById("said");
  let wait = 1000;
  let tenth = 0;
  async function look() {
    try {
      const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const told = await answer.json();
      if (!told.live) return location.reload();
      bar.value = told.done;
      bar.max = told.total;
      words.textContent = told.words;
      if (estimate) estimate.textContent = told.estimate;
      const now = Math.floor((10 * told.done) / Math.max(1, told.total));
      if (now !== tenth) said.textContent = told.words;
      tenth = now;
      wait = 1000;
    } catch {
      wait = Math.min(wait * 2, 30000);
    }
    setTimeout(look, wait);
  }
  setTimeout(look, wait);
})();
