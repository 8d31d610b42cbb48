// Keeps pages fresh. Every element with an id and data-live is fetched again with its page, from this page's own
// address or from the one that data-live names, and brought up to date in place: only what differs is touched, so
// that what is typed, ticked, unfolded, marked, scrolled to or focused stays as it is.
//
// It asks every data-live-seconds, not while the tab is hidden, and not after it was paused. It says when it was
// last refreshed and, when it could not be, why. Elements with data-until count down to that time.
(function () {
  "use strict";

  var SECONDS = 5, PATIENCE_MS = 10000;
  var refreshed = Date.now(), failed = "", busy = false, paused = false, timer = 0;

  function each(list, call) { Array.prototype.forEach.call(list, call); }

  function parts() { return document.querySelectorAll("[data-live][id]"); }

  // ------------------------------------------------------------------------------------------ the morph

  // By what it is known again when others come and go beside it.
  function keyOf(node) {
    if (node.nodeType !== 1) { return ""; }
    return node.getAttribute("data-key") || node.id || (node.nodeName === "SECTION" && node.getAttribute("aria-label")) || "";
  }

  function isAlike(old, fresh) {
    return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
  }

  // What a person has changed belongs to the person: a field's value, what is ticked, what is unfolded.
  function isPersonal(node, name) {
    return (node.matches("input, textarea, option") && (name === "value" || name === "checked" || name === "selected"))
      || (node.nodeName === "DETAILS" && name === "open")
      || (name === "class" && node.nodeName === "TR")
      || name === "data-paused";
  }

  function bringAttributes(old, fresh) {
    each(Array.prototype.slice.call(old.attributes), function (one) {
      if (!fresh.hasAttribute(one.name) && !isPersonal(old, one.name)) { old.removeAttribute(one.name); }
    });
    each(fresh.attributes, function (one) {
      if (old.getAttribute(one.name) !== one.value && !isPersonal(old, one.name)) { old.setAttribute(one.name, one.value); }
    });
  }

  function bringNode(old, fresh) {
    if (old.nodeType !== 1) {
      if (old.nodeValue !== fresh.nodeValue) { old.nodeValue = fresh.nodeValue; }
      return;
    }
    if (old.isEqualNode(fresh)) { return; }
    bringAttributes(old, fresh);
    if (!old.matches("textarea, select")) { bringChildren(old, fresh); }
  }

  // While rows are selected none comes or goes: what somebody is about to act on must not move away.
  function holds(old) { return old.nodeName === "TBODY" && old.querySelector("input.action-select:checked"); }

  function bringHeldRows(old, fresh) {
    each(old.children, function (row) {
      each(fresh.children, function (other) {
        if (keyOf(row) && keyOf(row) === keyOf(other)) { bringNode(row, other); }
      });
    });
  }

  function bringChildren(old, fresh) {
    if (holds(old)) { bringHeldRows(old, fresh); return; }
    var byKey = {};
    each(old.childNodes, function (node) { if (keyOf(node)) { byKey[keyOf(node)] = node; } });
    var place = old.firstChild;
    each(Array.prototype.slice.call(fresh.childNodes), function (node) {
      var known = keyOf(node) && byKey[keyOf(node)];
      if (known && known.nodeName === node.nodeName) {
        if (known !== place) { old.insertBefore(known, place); } else { place = place.nextSibling; }
        bringNode(known, node);
      } else if (place && !keyOf(place) && isAlike(place, node)) {
        var next = place.nextSibling;
        bringNode(place, node);
        place = next;
      } else {
        old.insertBefore(document.importNode(node, true), place);
      }
    });
    while (place) {
      var gone = place;
      place = place.nextSibling;
      if (!isFilledIn(gone)) { old.removeChild(gone); }
    }
  }

  function isFilledIn(node) {
    if (node.nodeType !== 1) { return false; }
    if (node.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) { return true; }
    return Array.prototype.some.call(node.querySelectorAll("input, textarea"), function (field) {
      return field.type !== "hidden" && (field.value !== field.defaultValue || field.checked !== field.defaultChecked);
    });
  }

  // ----------------------------------------------------------------------------------------- the asking

  function ask(address) {
    var stop = new AbortController();
    var patience = setTimeout(function () { stop.abort(); }, PATIENCE_MS);
    return fetch(address, { credentials: "same-origin", signal: stop.signal, redirect: "manual", headers: { "X-Requested-With": "fetch" } })
      .then(function (answer) {
        if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
          throw new Error("you are not logged in any more, or may not see this");
        }
        if (answer.status === 404) { throw new Error("what this page showed is not there any more"); }
        if (answer.status === 503) { throw new Error("the database does not answer"); }
        if (!answer.ok) { throw new Error("the server answered " + answer.status); }
        return answer.text();
      })
      .then(
        function (text) { clearTimeout(patience); return text; },
        function (error) { clearTimeout(patience); throw error; }
      );
  }

  function put(part, text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    var found = part.dataset.live ? fresh.body : fresh.getElementById(part.id);
    // Where the page has no such part any more, what stands there is out of date: it goes.
    if (!found) { part.replaceChildren(); return; }
    if (!part.dataset.live) { bringAttributes(part, found); }
    bringChildren(part, found);
  }

  function refresh() {
    if (busy || paused || document.hidden) { return Promise.resolve(); }
    var known = Array.prototype.slice.call(parts());
    if (!known.length) { return Promise.resolve(); }
    busy = true;
    var asked = {};
    known.forEach(function (part) {
      var address = part.dataset.live || location.href;
      asked[address] = asked[address] || ask(address);
    });
    return Promise.all(Object.keys(asked).map(function (address) {
      return asked[address].then(function (text) {
        known.forEach(function (part) {
          if ((part.dataset.live || location.href) === address && part.isConnected) { put(part, text); }
        });
      });
    }))
      .then(function () {
        refreshed = Date.now();
        failed = "";
        document.dispatchEvent(new Event("live:refreshed"));
      })
      .catch(function (error) {
        failed = error.name === "AbortError" ? "the server did not answer within 10 s"
          : error instanceof TypeError ? "the server cannot be reached" : error.message;
      })
      .then(function () {
        busy = false;
        countDown();
        tell();
        again();
      });
  }

  // After a failure it waits longer each time, up to ten times as long: a server that is down is not helped.
  var misses = 0;

  function again() {
    clearTimeout(timer);
    misses = failed ? Math.min(misses + 1, 10) : 0;
    if (!document.hidden && !paused) { timer = setTimeout(refresh, interval() * 1000 * Math.max(1, misses)); }
  }

  function interval() {
    var said = Array.prototype.map.call(parts(), function (part) { return Number(part.dataset.liveSeconds) || 0; });
    return Math.min.apply(null, said.filter(Boolean).concat(said.some(Boolean) ? [] : [SECONDS]));
  }

  // ---------------------------------------------------------------------------------------- the telling

  function tell() {
    var says = document.getElementById("live-status");
    if (!says) { return; }
    var ago = Math.round((Date.now() - refreshed) / 1000);
    var age = ago < 2 ? "just now" : ago < 120 ? ago + " s ago" : Math.round(ago / 60) + " min ago";
    says.textContent = failed ? "Not refreshed: " + failed + ". This is what was known " + age + "."
      : paused ? "Paused " + age : "Refreshed " + age;
    says.parentElement.classList.toggle("jg-live-failed", Boolean(failed));
    document.documentElement.classList.toggle("jg-stale", Boolean(failed));
    var trouble = document.getElementById("live-trouble");
    var word = failed ? "Not refreshed: " + failed : "";
    if (trouble && trouble.textContent !== word) { trouble.textContent = word; }
  }

  function turn() {
    var button = document.getElementById("live-pause");
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.setAttribute("aria-label", paused ? "Go on refreshing" : "Pause the refreshing");
    button.firstElementChild.textContent = paused ? "play_arrow" : "pause";
    tell();
    if (paused) { clearTimeout(timer); } else { refresh(); }
  }

  function countDown() {
    each(document.querySelectorAll("[data-until]"), function (place) {
      var left = Math.ceil((new Date(place.dataset.until) - Date.now()) / 1000);
      var says = left <= 0 ? "now" : left < 120 ? "in " + left + " s" : "in " + Math.round(left / 60) + " min";
      if (place.textContent !== says) { place.textContent = says; }
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    countDown();
    setInterval(countDown, 1000);
    if (!document.querySelector("#results[data-live], #figures[data-live], [data-live-seconds]")) { return; }
    var shown = document.getElementById("live");
    if (shown) {
      shown.hidden = false;
      document.getElementById("live-pause").addEventListener("click", turn);
    }
    document.addEventListener("visibilitychange", function () {
      clearTimeout(timer);
      if (!document.hidden) { refresh(); }
    });
    setInterval(tell, 1000);
    again();
    tell();
  });
})();
