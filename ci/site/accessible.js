// What the pages of mdBook lack for keyboards and screen readers.
for (const scrollable of document.querySelectorAll("pre > code, .table-wrapper")) {
  scrollable.tabIndex = 0;
}
document.getElementById("mdbook-menu-bar")?.setAttribute("role", "banner");

// A label may not have this attribute, which mdBook sets whenever the sidebar opens or closes.
const toggle = document.getElementById("mdbook-sidebar-toggle");
if (toggle) {
  const remove = () => toggle.removeAttribute("aria-expanded");
  new MutationObserver(remove).observe(toggle, { attributeFilter: ["aria-expanded"] });
  remove();
}
