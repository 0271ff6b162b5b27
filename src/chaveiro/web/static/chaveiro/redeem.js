// What a script adds to the pages of a redemption; each of them works without. It rewrites nothing but the case of what
// was typed and the hyphens at its end, sends nothing by itself, and its words come from the page (web/redeem/said.py).
(function () {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const form = $("journey");
  const words = form && form.dataset.words ? JSON.parse(form.dataset.words) : null;
  const rows = $("rows");
  const check = window.chaveiroKeyCheck;
  const AT_MOST = 200;
  const say = (name, facts = {}) => words[name].replace(/{(\w+)}/g, (_, fact) => facts[fact]);
  const make = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  };

  // What stands behind the # of an address never left the browser; it goes into the field and out of the address.
  function fromFragment(field) {
    const text = decodeURIComponent(location.hash.slice(1).replace(/%(?![0-9A-Fa-f]{2})/g, "%25"));
    if (!/^[0-9A-Za-z-]{20,40}$/.test(text)) return;
    history.replaceState(null, "", location.pathname + location.search);
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }

  const symbolsOf = (text) => text.normalize("NFC").replace(/[^\p{L}\p{N}*]/gu, "");
  const fields = () => [...rows.querySelectorAll("input.key")];

  // Beside each field: how far one is, and, as soon as 25 symbols stand there, the key in five groups.
  function partsOf(field) {
    const box = field.closest(".field");
    let told = box.querySelector(".told");
    if (!told) {
      told = make("div", "told");
      told.append(make("span", "quiet small"), make("div"));
      const aloud = make("span", "aside");
      aloud.setAttribute("role", "status");
      told.append(aloud);
      field.after(told);
    }
    return told.children;
  }

  let later;
  function look(field) {
    const [counted, read, aloud] = partsOf(field);
    const symbols = symbolsOf(field.value);
    read.replaceChildren();
    counted.textContent = symbols ? say("count", { n: [...symbols].length }) : "";
    clearTimeout(later);
    if ([...symbols].length < 25) {
      later = setTimeout(() => (aloud.textContent = counted.textContent), 1000);
      return;
    }
    const found = check.read(field.value);
    if (found.verdict === "key_length") return;
    const sentence = verdictOf(found);
    counted.textContent = "";
    read.append(chipsOf([...symbols], found.positions));
    read.append(make("p", found.verdict === "ok" ? "good" : "error", sentence));
    if (found.verdict === "ok" && /[oil]/i.test(symbols)) read.append(make("p", "quiet small", say("read")));
    if (found.repair) read.append(repairOf(field, found.repair));
    aloud.textContent = sentence;
  }

  function verdictOf(found) {
    if (found.verdict === "ok") return say("whole");
    const named = found.positions.map((position) => say("at", { position, group: Math.ceil(position / 5) }));
    const at = named.length > 1 ? say("and", { a: named.slice(0, -1).join(", "), b: named[named.length - 1] }) : named[0];
    if (found.verdict === "key_symbol") return say("foreign", { at });
    return named.length ? say(named.length > 1 ? "two" : "one", { at }) : say("many");
  }

  function chipsOf(symbols, wrong) {
    const chips = make("p", "chips");
    for (let start = 0; start < symbols.length && start < 40; start += 5) {
      const chip = make("span");
      const group = symbols.slice(start, start + 5);
      group.forEach((symbol, place) => {
        const shown = symbol.toUpperCase();
        chip.append(wrong.includes(start + place + 1) ? make("b", "", shown) : shown);
      });
      chip.setAttribute("role", "img");
      chip.setAttribute("aria-label", say("spelled", { group: start / 5 + 1, symbols: group.join(" ").toUpperCase() }));
      chips.append(chip);
    }
    return chips;
  }

  function repairOf(field, repair) {
    const offer = make("p", "acts");
    const button = make("button", "", say("use"));
    button.type = "button";
    button.addEventListener("click", () => {
      field.value = repair;
      const box = field.closest(".field").querySelector("input[name=repair]");
      if (box) box.checked = false;
      look(field);
      field.focus();
    });
    const [before, after] = say("repair", { key: "\n" }).split("\n");
    const key = make("span", "code", repair);
    key.translate = false;
    const asked = make("span");
    asked.append(before, key, after);
    offer.append(asked, button);
    return offer;
  }

  // Capitals, and a hyphen after each group, only while one types at the end; elsewhere nothing moves.
  function shape(field, event) {
    const value = field.value;
    const before = field.dataset.before || "";
    const atEnd = field.selectionStart === value.length && field.selectionEnd === value.length;
    if (!event.isComposing && atEnd && /^[0-9A-Za-z-]*$/.test(value)) {
      let wanted = value.toUpperCase();
      if (event.inputType === "insertText" && /(^|-)[^-]{5}$/.test(wanted) && symbolsOf(wanted).length < 25) wanted += "-";
      if (event.inputType === "deleteContentBackward" && before === value + "-") wanted = wanted.slice(0, -1);
      if (wanted !== value) {
        field.value = wanted;
        field.setSelectionRange(wanted.length, wanted.length);
      }
    }
    field.dataset.before = field.value;
  }

  function addRow() {
    const last = rows.lastElementChild;
    const fresh = last.cloneNode(true);
    fresh.className = "field";
    fresh.querySelectorAll(".told, .error, .chips, .tick").forEach((part) => part.remove());
    const number = +fresh.querySelector("input").id.slice(4) + 1;
    const field = fresh.querySelector("input");
    field.id = "key-" + number;
    field.value = "";
    delete field.dataset.before;
    field.removeAttribute("aria-invalid");
    field.setAttribute("aria-describedby", "key-hint");
    const label = fresh.querySelector("label");
    label.htmlFor = field.id;
    label.textContent = say("label", { n: number });
    rows.append(fresh);
    return field;
  }

  const heldKeys = () => document.querySelectorAll("ol.held > li").length;
  const emptyField = () => fields().find((field) => !field.value.trim()) || (heldKeys() + fields().length < AT_MOST ? addRow() : null);

  // A text with keys: each into a field of its own, those that are there already left out, and a way back.
  function spread(text) {
    const found = check.findAll(text.slice(0, 500000));
    if (!found.length) return false;
    const was = fields().map((field) => field.value);
    const seen = new Set(fields().map((field) => check.read(field.value).key).filter(Boolean));
    const counts = { n: 0, twice: 0, broken: 0, full: false };
    for (const one of found) {
      if (one.key && seen.has(one.key)) {
        counts.twice++;
        continue;
      }
      const field = emptyField();
      if (!field) {
        counts.full = true;
        break;
      }
      field.value = one.key || one.typed;
      if (one.key) seen.add(one.key);
      counts[one.verdict === "ok" ? "n" : "broken"]++;
      look(field);
    }
    tell(counts, was);
    return true;
  }

  function tell(counts, was) {
    const told = [say("found", { n: counts.n })];
    if (counts.twice) told.push(say("twice", { n: counts.twice }));
    if (counts.broken) told.push(say("broken", { n: counts.broken }));
    if (counts.full) told.push(say("full"));
    const place = $("pasted");
    place.textContent = told.join(" ") + " ";
    const undo = make("button", "link", say("undo"));
    undo.type = "button";
    undo.addEventListener("click", () => {
      fields().forEach((field, index) => {
        if (index >= was.length) field.closest(".field").remove();
        else if (field.value !== was[index]) {
          field.value = was[index];
          look(field);
        }
      });
      place.textContent = say("undone");
      fields()[0].focus();
    });
    place.append(undo);
  }

  function onPaste(event) {
    const target = event.target;
    const inField = target.matches && target.matches("input.key");
    if (!inField && target.matches && target.matches("input, textarea, select")) return;
    const text = (event.clipboardData || {}).getData ? event.clipboardData.getData("text/plain") : "";
    const many = check.findAll(text.slice(0, 500000)).length;
    if (many > 1 || (many && !inField)) {
      event.preventDefault();
      spread(text);
    }
  }

  // A scanner types the key and presses Enter: on to the next field. In a field that is not complete Enter sends.
  function onEnter(event) {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input.key")) return;
    if ([...symbolsOf(event.target.value)].length !== 25) return;
    event.preventDefault();
    const all = fields();
    const next = all[all.indexOf(event.target) + 1] || (heldKeys() + all.length < AT_MOST ? addRow() : null);
    if (next) next.focus();
  }

  function camera() {
    const button = $("scan");
    const picture = $("camera");
    if (!button || !("BarcodeDetector" in window)) return;
    button.hidden = false;
    button.addEventListener("click", () => picture.click());
    picture.addEventListener("change", async () => {
      const file = picture.files[0];
      if (!file) return;
      let codes = [];
      try {
        codes = await new BarcodeDetector({ formats: ["qr_code"] }).detect(await createImageBitmap(file));
      } catch {
        // The picture cannot be read: told like one without a code.
      }
      picture.value = "";
      const texts = codes.map((code) => code.rawValue.split("#").pop());
      if (!spread(texts.join("\n"))) $("pasted").textContent = say("noCode");
    });
  }

  // Before a reservation ends on an open page, say so in time; a button makes it longer without leaving the page.
  function hold() {
    const place = $("hold");
    if (!place) return;
    const told = place.dataset;
    const left = +told.until - Date.now() / 1000 - 5 * 60;
    if (left > 2147483) return;
    setTimeout(() => {
      const note = make("p", "note warn", told.soon + " ");
      note.setAttribute("role", "alert");
      const button = make("button", "", told.keep);
      button.type = "button";
      button.addEventListener("click", async () => {
        const answer = await fetch(location.pathname, { credentials: "same-origin" });
        if (answer.ok) note.textContent = told.kept;
      });
      note.append(button);
      place.after(note);
    }, Math.max(0, left) * 1000);
  }

  function country() {
    const select = $("country");
    const hint = $("tax_number-hint");
    if (!select || !hint) return;
    select.addEventListener("change", () => {
      const chosen = select.selectedOptions[0];
      if (chosen && chosen.dataset.tax) hint.textContent = chosen.dataset.tax;
    });
  }

  if (rows && words && check) {
    rows.addEventListener("input", (event) => {
      if (!event.target.matches("input.key")) return;
      shape(event.target, event);
      look(event.target);
    });
    form.addEventListener("keydown", onEnter);
    if ($("pasted")) {
      document.addEventListener("paste", onPaste);
      const add = form.querySelector("button[value=add]");
      add.addEventListener("click", (event) => {
        event.preventDefault();
        const field = heldKeys() + fields().length < AT_MOST ? addRow() : null;
        if (field) field.focus();
      });
      camera();
    }
    const empty = fields().find((field) => !field.value);
    if (location.hash.length > 20 && empty) fromFragment(empty);
    fields().forEach((field) => (field.dataset.before = field.value));
  }
  if ($("code") && location.hash.length > 18) fromFragment($("code"));
  hold();
  country();
})();
