/* On a narrow screen the menu begins closed; on a wide one it always stands open. Without script it is open on both. */
(() => {
  const menu = document.querySelector(".side details");
  const wide = matchMedia("(min-width: 60rem)");
  const follow = () => { menu.open = wide.matches; };
  follow();
  wide.addEventListener("change", follow);
})();
