// The page's address, which reopens the view that is seen, and the clipboard to which it is copied.
import { make } from './dom.js';

// Puts `changes` into the page's address, null taking one out. A Space's frame asks the site around it.
export function link(changes) {
  const address = new URL(window.location);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  window.history.replaceState(null, '', address);
  const around = 'https://huggingface.co';
  if (window.parent !== window) window.parent.postMessage({ queryString: address.search.slice(1) }, around);
}

// Copies `text` as browsers did before navigator.clipboard, which they give to pages with https alone.
export async function copyFromField(text) {
  const focused = document.activeElement;
  const field = make('textarea', document.body);
  Object.assign(field, { value: text, readOnly: true }); // or a phone's keyboard would come up
  field.style.position = 'fixed'; // or the page would scroll to it
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  focused?.focus();
  if (!copied) throw new Error('nothing was copied');
}

export const copy = (text) => navigator.clipboard.writeText(text).catch(() => copyFromField(text));
