/* Enhancements only: every page works without this file. */
(() => {
  const { body } = document;
  body.classList.add("js-enabled", "govuk-frontend-supported");

  const { createAll, ...components } = window.GOVUKFrontend;
  const enhance = (scope) => {
    for (const component of Object.values(components)) {
      createAll(component, component === components.Button ? { preventDoubleClick: true } : undefined, scope);
    }
  };
  enhance(document);

  // Parts of a page that htmx put in have controls of their own.
  document.addEventListener("htmx:load", (event) => {
    if (event.target !== body) enhance(event.target);
  });

  // Menu and filters fold away on a phone by CSS alone; older browsers on wide screens open them here.
  if (!CSS.supports("selector(::details-content)") && matchMedia("(min-width: 48.0625em)").matches) {
    for (const folded of document.querySelectorAll("details.app-menu, details.app-subnav__fold, details.app-filters:not(.app-filters--folded)")) folded.open = true;
  }

  // What the address says, the filters say: also after Back, and after a request that failed.
  const agree = () => {
    const query = new URLSearchParams(location.search);
    for (const control of document.getElementById("filters")?.elements ?? []) {
      if (control.type === "checkbox") control.checked = query.has(control.name);
      else if (control.matches("select, input:not([type=hidden])")) control.value = query.get(control.name) ?? "";
      // A value that the list does not have was left out.
      if (control.selectedIndex === -1) control.value = "";
    }
  };
  window.addEventListener("pageshow", agree);
  // Back to a page that the browser kept whole, from before a booking: show it as it is now, unless
  // something may be typed on it.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && !document.querySelector("main form[method=post]")) location.reload();
  });
  document.addEventListener("htmx:historyRestore", agree);
  // The answer to a form is a page of that address, so that Back and Reload ask for the page
  // instead of asking to send the form again.
  if (document.querySelector("main form[method=post]:not([action])")) history.replaceState(history.state, "");
  const failed = (hidden) => {
    const sentence = document.getElementById("filters-failed");
    if (sentence) sentence.hidden = hidden;
  };
  document.addEventListener("htmx:beforeRequest", () => failed(true));
  for (const event of ["htmx:sendError", "htmx:responseError", "htmx:timeout", "htmx:historyCacheMissLoadError"]) {
    document.addEventListener(event, () => {
      agree();
      failed(false);
    });
  }
  // On a phone Apply leads from the filters to what they let through.
  document.addEventListener("submit", (event) => {
    const filters = event.target.closest("details.app-filters");
    if (!filters || matchMedia("(min-width: 48.0625em)").matches) return;
    filters.open = false;
    document.getElementById("count").scrollIntoView();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // Marks of a register that are kept here (register.js) are sent by whoever made them alone.
  document.addEventListener("submit", (event) => {
    // A field or a button named "action" hides the form's own.
    if (!event.target.getAttribute("action")?.endsWith("/accounts/logout/")) return;
    let kept = 0;
    try {
      kept = JSON.parse(localStorage.getItem("briefed.marks") ?? "[]").length;
    } catch {
      return;
    }
    const words = `${kept === 1 ? "1 mark of a register is" : `${kept} marks of registers are`} not sent yet. Sign out all the same? They stay on this device until you sign in again.`;
    if (kept && !confirm(words)) event.preventDefault();
  });

  // A passkey that could not be used: say so, and leave the other ways to sign in.
  document.addEventListener("allauth.error", () => {
    const sentence = document.querySelector("[data-passkey-refused]");
    if (sentence) sentence.hidden = false;
  });
})();
