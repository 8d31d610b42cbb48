// What the console's pages need beside links and forms: the navigation that folds, menus that close, ids that
// are copied, and rows that are selected. Without it every page can still be read and every form sent.
(function () {
  "use strict";

  var root = document.documentElement;
  var WIDE = "(min-width: 1100px)";

  function remember(name, value) {
    try { localStorage.setItem(name, value); } catch (error) { /* a browser that keeps nothing forgets */ }
  }

  function remembered(name) {
    try { return localStorage.getItem(name); } catch (error) { return null; }
  }

  function each(list, call) { Array.prototype.forEach.call(list, call); }

  if (remembered("jg-nav") === "hidden") { root.classList.add("jg-nav-hidden"); }

  // ------------------------------------------------------------------------------------- the navigation

  function turnNavigation(how) {
    if (window.matchMedia(WIDE).matches) {
      if (how === "close") { return; }
      var hidden = root.classList.toggle("jg-nav-hidden");
      remember("jg-nav", hidden ? "hidden" : "shown");
    } else {
      var open = root.classList.toggle("jg-nav-open", how === "close" ? false : undefined);
      var next = open ? document.querySelector("#nav-sections a") : document.querySelector("[data-nav=toggle]");
      if (next) { next.focus(); }
    }
  }

  // ------------------------------------------------------------------------------------------ the menus

  function closeMenus(but) {
    each(document.querySelectorAll("details.jg-menu[open]"), function (menu) {
      if (menu !== but) { menu.open = false; }
    });
  }

  function keys(event) {
    if (event.key === "Escape") {
      var menu = event.target.closest && event.target.closest("details.jg-menu[open]");
      closeMenus(null);
      if (menu) { menu.querySelector("summary").focus(); }
      if (root.classList.contains("jg-nav-open")) { turnNavigation("close"); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) { return; }
    var place = document.querySelector('[data-shortcut="' + (event.key === "/" ? "/" : "") + '"]');
    if (place) {
      event.preventDefault();
      place.focus();
      place.select();
    }
  }

  // ------------------------------------------------------------------------------------------- copying

  function copy(button) {
    var said = button.getAttribute("aria-label");
    function tell(word) {
      button.classList.add("jg-copied");
      button.setAttribute("aria-label", word);
      setTimeout(function () {
        button.classList.remove("jg-copied");
        button.setAttribute("aria-label", said);
      }, 1500);
    }
    if (!navigator.clipboard) { tell("This browser copies only over TLS or on localhost"); return; }
    navigator.clipboard.writeText(button.dataset.copy).then(
      function () { tell("Copied"); },
      function () { tell("The browser did not allow copying"); }
    );
  }

  // --------------------------------------------------------------------------------------- the selection

  // Rows come and go while a list refreshes itself, so nothing is remembered but what is ticked.
  function Selection(form) {
    var bar = form.querySelector("#selection");
    var across = bar.querySelector(".select-across");
    var all = bar.querySelector("#select-all-matching");
    var last = null;

    function boxes() { return Array.prototype.slice.call(form.querySelectorAll("input.action-select")); }

    function number(count) { return Number(count).toLocaleString("en"); }

    function show() {
      var known = boxes();
      var count = known.filter(function (box) { return box.checked; }).length;
      var toggle = form.querySelector("#action-toggle");
      var everything = across.value === "1";
      bar.hidden = count === 0;
      form.classList.toggle("jg-has-selection", count > 0);
      known.forEach(function (box) { box.closest("tr").classList.toggle("selected", box.checked); });
      if (toggle) {
        toggle.checked = count > 0 && count === known.length;
        toggle.indeterminate = count > 0 && count < known.length;
      }
      bar.querySelector("#selection-count").textContent = everything
        ? "All " + number(form.dataset.total) + " that match are selected"
        : number(count) + " selected";
      if (all) { all.hidden = everything || count < known.length; }
    }

    function tick(box, event) {
      var known = boxes();
      if (event.shiftKey && last && known.indexOf(last) >= 0) {
        var ends = [known.indexOf(last), known.indexOf(box)].sort(function (a, b) { return a - b; });
        known.slice(ends[0], ends[1] + 1).forEach(function (other) { other.checked = box.checked; });
      }
      last = box;
      across.value = "0";
      show();
    }

    form.addEventListener("click", function (event) {
      if (event.target.matches("input.action-select")) { tick(event.target, event); }
      if (event.target.id === "action-toggle") {
        boxes().forEach(function (box) { box.checked = event.target.checked; });
        across.value = "0";
        show();
      }
    });
    bar.querySelector("#select-none").addEventListener("click", function () {
      boxes().forEach(function (box) { box.checked = false; });
      across.value = "0";
      show();
    });
    if (all) {
      all.addEventListener("click", function () {
        across.value = "1";
        show();
      });
    }
    document.addEventListener("live:refreshed", show);
    show();
  }

  document.addEventListener("DOMContentLoaded", function () {
    var form = document.getElementById("changelist-form");
    if (form && form.querySelector("#selection")) { new Selection(form); }
    document.addEventListener("keydown", keys);
    document.addEventListener("click", function (event) {
      var turn = event.target.closest("[data-nav]");
      if (turn) { turnNavigation(turn.dataset.nav); }
      var copied = event.target.closest("[data-copy]");
      if (copied) { copy(copied); }
      closeMenus(event.target.closest("details.jg-menu"));
    });
  });
})();
