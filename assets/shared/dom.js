// Making and naming elements.
import { say } from './texts.js';

// A new element at the end of `parent`, with a text that is never read as HTML.
export function make(name, parent, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  parent.append(node);
  return node;
}

// A new element of a drawing at the end of `parent`, with a text that is never read as HTML.
export function makeSvg(name, attributes, parent, text) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

// Shows a photograph, or none; one that is there already is not decoded once more.
export function drawPhotograph(image, source) {
  if (!source) image.removeAttribute('src');
  else if (image.getAttribute('src') !== source) image.src = source;
}

// Calls `heard` with every event of this name that reaches `target`, for as long as `root` is there; with `first`, before
// what the event is meant for hears it.
export function listen(root, name, heard, target = document, first = false) {
  const hearing = (event) => {
    if (root.isConnected) heard(event);
    else target.removeEventListener(name, hearing, first);
  };
  target.addEventListener(name, hearing, first);
}

// The same with what one drawing of the page tells the others under this name.
export const hear = (root, name, heard) => listen(root, name, ({ detail }) => heard(detail));

export const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

// Fills in every element of a drawing that names its text, the term for it, or its accessible label.
export function translate(root) {
  for (const node of root.querySelectorAll('[data-title]')) node.title = say(node.dataset.title);
  for (const node of root.querySelectorAll('[data-text]')) node.textContent = say(node.dataset.text);
  for (const node of [root, ...root.querySelectorAll('[data-label]')]) {
    if (node.dataset.label) node.ariaLabel = say(node.dataset.label);
  }
}
