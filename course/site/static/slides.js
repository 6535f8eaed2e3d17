// The arrow keys, space and Page Up and Down go from slide to slide.
"use strict";
const slides = [...document.querySelectorAll(".slide")];
const main = document.querySelector("main");
document.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const now = Math.round(main.scrollTop / main.clientHeight);
  slides[Math.min(slides.length - 1, Math.max(0, now + step))].scrollIntoView();
});
