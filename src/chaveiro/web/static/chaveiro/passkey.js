/* Passkeys. A button with data-passkey="create" or "get" asks the server for its question (data-options), hands it to the
   browser, puts the answer into its form and sends the form; 422 means that the page itself has something to say first. Without script, or where the browser knows no passkeys, the
   button stays hidden and what stands in [data-passkey-without] is read instead. */
(() => {
  "use strict";
  const able = window.isSecureContext && window.PublicKeyCredential && navigator.credentials;
  const buttons = document.querySelectorAll("[data-passkey]");
  if (!able || !buttons.length) return;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (symbol) => symbol.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = (known) => (known || []).map((each) => ({ ...each, id: bytes(each.id) }));
  let waiting = null;

  async function options(button) {
    const answer = await fetch(button.dataset.options, {
      method: "POST", body: new FormData(button.form), headers: { Accept: "application/json" }, credentials: "same-origin",
    });
    if (answer.status === 422) return null;
    if (!answer.ok) throw new Error("refused");
    const told = await answer.json();
    told.challenge = bytes(told.challenge);
    if (told.user) told.user.id = bytes(told.user.id);
    if (told.excludeCredentials) told.excludeCredentials = listed(told.excludeCredentials);
    if (told.allowCredentials) told.allowCredentials = listed(told.allowCredentials);
    return told;
  }

  function written(made) {
    const said = made.response, response = { clientDataJSON: text(said.clientDataJSON) };
    if (said.attestationObject) {
      response.attestationObject = text(said.attestationObject);
      response.transports = said.getTransports ? said.getTransports() : [];
    } else {
      response.authenticatorData = text(said.authenticatorData);
      response.signature = text(said.signature);
      if (said.userHandle) response.userHandle = text(said.userHandle);
    }
    return JSON.stringify({ id: made.id, rawId: made.id, type: made.type, response, clientExtensionResults: {} });
  }

  function send(button, made) {
    const form = button.form;
    for (const [name, value] of [["credential", made ? written(made) : ""], ["do", "passkey"]]) {
      const field = document.createElement("input");
      field.type = "hidden"; field.name = name; field.value = value;
      form.append(field);
    }
    form.submit();
  }

  async function ask(button) {
    const said = button.form.querySelector("[data-passkey-said]");
    button.disabled = true;
    if (said) said.textContent = "";
    try {
      if (waiting) waiting.abort();
      const publicKey = await options(button);
      send(button, publicKey && await navigator.credentials[button.dataset.passkey]({ publicKey }));
    } catch (fault) {
      if (said) said.textContent = fault.name === "InvalidStateError" ? said.dataset.known : said.dataset.failed;
      button.disabled = false;
      button.focus();
    }
  }

  /* The browser offers passkeys in its own list at the field for the name, where it can. */
  async function offer(button) {
    if (!("passkeyOffer" in button.dataset) || !PublicKeyCredential.isConditionalMediationAvailable) return;
    if (!(await PublicKeyCredential.isConditionalMediationAvailable())) return;
    waiting = new AbortController();
    try {
      const publicKey = await options(button);
      send(button, await navigator.credentials.get({ publicKey, mediation: "conditional", signal: waiting.signal }));
    } catch { /* nothing was chosen there */ }
  }

  document.querySelectorAll("[data-passkey-without]").forEach((each) => { each.hidden = true; });
  buttons.forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => ask(button));
    offer(button);
  });
})();
