// Light or dark: the visitor's choice, else the system's. Loaded before the page is drawn, so that it does not flash.
"use strict";
(function () {
  var key = "sqf-theme";
  var system = window.matchMedia("(prefers-color-scheme: dark)");
  function stored() {
    try { return window.localStorage.getItem(key); } catch (error) { return null; } // storage may be switched off
  }
  function apply() {
    var theme = stored() || (system.matches ? "dark" : "light");
    document.documentElement.setAttribute("data-bs-theme", theme);
    var button = document.getElementById("theme-button");
    if (button) {
      button.setAttribute("aria-pressed", String(theme === "dark"));
    }
  }
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", function () {
    apply();
    document.getElementById("theme-button").addEventListener("click", function () {
      var next = document.documentElement.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
      try { window.localStorage.setItem(key, next); } catch (error) { return; }
      apply();
      document.dispatchEvent(new CustomEvent("themechange"));
    });
    var focus = document.querySelector("[data-focus]");
    if (focus) {
      focus.focus();
    }
  });
})();
