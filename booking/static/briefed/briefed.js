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
    for (const folded of document.querySelectorAll("details.app-menu, details.app-filters:not(.app-filters--folded)")) folded.open = true;
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // A passkey that could not be used: say so, and leave the other ways to sign in.
  document.addEventListener("allauth.error", () => {
    const sentence = document.querySelector("[data-passkey-refused]");
    if (sentence) sentence.hidden = false;
  });
})();
