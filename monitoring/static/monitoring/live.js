// Keeps the parts of a page fresh that say where from: <div data-live="URL" data-live-seconds="5">.
// While the tab is hidden it asks nothing. It never replaces a form in which somebody is, or has typed; what is
// unfolded stays so, and whatever has the focus keeps it. It says when it was last refreshed, and when it
// could not be. Elements with data-until count down to that time.
(function () {
  "use strict";

  function start(part) {
    var seconds = Number(part.dataset.liveSeconds) || 5;
    var says = document.getElementById(part.dataset.liveStatus);
    var refreshed = Date.now(), failed = "", busy = false, timer = 0;

    function tell() {
      if (!says) { return; }
      var ago = Math.round((Date.now() - refreshed) / 1000);
      var age = ago < 2 ? "just now" : ago < 120 ? ago + " s ago" : Math.round(ago / 60) + " min ago";
      says.textContent = failed ? "Not refreshed: " + failed + ". These are the figures of " + age + "." : "Refreshed " + age;
      says.classList.toggle("jd-failed", Boolean(failed));
    }

    function isBeingFilledIn() {
      var at = document.activeElement;
      if (at && part.contains(at) && at.matches("input, select, textarea")) { return true; }
      return Array.prototype.some.call(part.querySelectorAll("input, textarea"), function (field) {
        return field.type !== "hidden" && field.value !== field.defaultValue;
      });
    }

    function put(text) {
      var open = Array.prototype.map.call(part.querySelectorAll("details[open][id]"), function (found) { return found.id; });
      var at = document.activeElement;
      var focused = at && part.contains(at) ? at.id || at.closest("[id]").id : "";
      var tag = focused && at.id !== focused ? at.tagName : "";
      part.innerHTML = text;
      open.forEach(function (id) {
        var found = document.getElementById(id);
        if (found) { found.open = true; }
      });
      var place = focused && document.getElementById(focused);
      if (place && part.contains(place)) { (tag ? place.querySelector(tag) || place : place).focus({ preventScroll: true }); }
      countDown();
    }

    function refresh() {
      if (busy || document.hidden || isBeingFilledIn()) { return; }
      busy = true;
      var stop = new AbortController();
      var patience = setTimeout(function () { stop.abort(); }, 10000);
      fetch(part.dataset.live, { credentials: "same-origin", signal: stop.signal, redirect: "error", headers: { "X-Requested-With": "fetch" } })
        .then(function (answer) {
          if (answer.status === 403) { throw new Error("you are not logged in any more, or may not see this"); }
          if (!answer.ok) { throw new Error("the server answered " + answer.status); }
          return answer.text();
        })
        .then(function (text) {
          if (!isBeingFilledIn()) { put(text); }
          refreshed = Date.now();
          failed = "";
        })
        .catch(function (error) {
          failed = error.name === "AbortError" ? "the server did not answer within 10 s"
            : error instanceof TypeError ? "the server cannot be reached" : error.message;
        })
        .then(function () {
          clearTimeout(patience);
          busy = false;
          tell();
        });
    }

    function again() {
      clearInterval(timer);
      if (!document.hidden) { timer = setInterval(refresh, seconds * 1000); }
    }
    document.addEventListener("visibilitychange", function () {
      again();
      if (!document.hidden) { refresh(); }
    });
    setInterval(tell, 1000);
    again();
    tell();
  }

  function countDown() {
    Array.prototype.forEach.call(document.querySelectorAll("[data-until]"), function (place) {
      var left = Math.ceil((new Date(place.dataset.until) - Date.now()) / 1000);
      place.textContent = left <= 0 ? "now" : left < 120 ? "in " + left + " s" : "in " + Math.round(left / 60) + " min";
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    Array.prototype.forEach.call(document.querySelectorAll("[data-live]"), start);
    countDown();
    setInterval(countDown, 1000);
  });
})();
