// Says why the page did not start, if its modules cannot: a script in old syntax, so that every browser runs
// it. If this file does not run either, the stylesheet shows a general message after a while.
(function () {
  "use strict";
  /** @param {string} words */
  function say(words) {
    document.documentElement.className += " dead";
    var place = document.getElementById("not-started-words");
    if (place) place.textContent = words;
  }

  /** @param {Response} response */
  function served(response) {
    var type = (response.headers.get("content-type") || "no type").split(";")[0];
    if (!response.ok) return "A part of it, js/main.js, is missing on the server (" + response.status + ").";
    if (!/javascript|ecmascript/.test(type)) {
      return "The server sends .js files as " + type + ", and browsers run modules only as text/javascript. Set that type for .js in the server’s configuration (on Windows: in the registry, HKEY_CLASSES_ROOT\\.js, Content Type).";
    }
    return "A part of it could not be loaded or run. Reload it; if that does not help, use a newer browser (Chrome 111, Firefox 114, Safari 16.4 or later).";
  }

  document.addEventListener("DOMContentLoaded", function () {
    // By now the modules have run, or never will.
    if (document.documentElement.hasAttribute("data-started")) return;
    if (location.protocol === "file:") {
      say("It was opened as a file, and browsers run it only from a web server. In its folder run “python3 -m http.server”, then open http://localhost:8000.");
    } else if (!("noModule" in HTMLScriptElement.prototype) || !window.fetch) {
      say("This browser is too old for it; use a newer one (Chrome 111, Firefox 114, Safari 16.4 or later).");
    } else {
      fetch("js/main.js").then(served, function () { return "The connection was lost while it was loading; reload it."; }).then(say);
    }
  });
})();
