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

// Fills in every element of a drawing that names its text or its accessible label.
export function translate(root) {
  for (const node of root.querySelectorAll('[data-text]')) node.textContent = say(node.dataset.text);
  for (const node of [root, ...root.querySelectorAll('[data-label]')]) {
    if (node.dataset.label) node.ariaLabel = say(node.dataset.label);
  }
}

// What every drawing of a measurement shows beside its drawing: state, progress, a sentence and notes.
export function tellMeasured(root, { state, progress, message, notes }) {
  root.dataset.state = state;
  root.querySelector('progress').value = progress;
  root.querySelector('.message').textContent = message;
  const below = root.querySelector('.notes');
  below.replaceChildren();
  for (const note of notes) make('p', below, note);
}
