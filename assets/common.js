// What all drawings of the page share, as window.fgsm: its texts, and the link that reopens the view.
// The server puts this into the page's head, after `window.fgsm = {texts}` (see fgsm/tabs/__init__.py).
(() => {
  const { texts } = window.fgsm;
  const wanted = navigator.language.split('-')[0].toLowerCase(); // as Gradio chooses for its own texts
  const language = wanted in texts ? wanted : 'en';

  // The sentence `key` of assets/texts, with `values` in its {places}.
  const say = (key, values = {}) => texts[language][key].replace(/{(\w+)}/g, (place, name) => values[name] ?? place);

  // What visitors call the recogniser `name`.
  const recogniser = (name) => texts[language][`recogniser.${name}`] ?? name;

  // A new element at the end of `parent`, with a text that is never read as HTML.
  function make(name, parent, text, className) {
    const node = document.createElement(name);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    parent.append(node);
    return node;
  }

  // Fills in every element of a drawing that names its text or its accessible label.
  function translate(root) {
    for (const node of root.querySelectorAll('[data-text]')) node.textContent = say(node.dataset.text);
    for (const node of [root, ...root.querySelectorAll('[data-label]')]) {
      if (node.dataset.label) node.ariaLabel = say(node.dataset.label);
    }
  }

  // Puts `changes` into the page's address, null taking one out. A Space's frame asks the site around it.
  function link(changes) {
    const address = new URL(window.location);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    window.history.replaceState(null, '', address);
    if (window.parent !== window) window.parent.postMessage({ queryString: address.search.slice(1) }, 'https://huggingface.co');
  }

  // Copies `text` as browsers did before navigator.clipboard, which they give to pages with https alone.
  async function copyFromField(text) {
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

  const copy = (text) => navigator.clipboard.writeText(text).catch(() => copyFromField(text));

  if (!navigator.clipboard) { // Gradio's own buttons ask it, too
    Object.defineProperty(navigator, 'clipboard', { value: { writeText: copyFromField } });
  }

  // Gradio selects the first tab by itself, before the one that the address asks for has been opened.
  function selectTab(tab) {
    if (window.fgsm.opened) link({ tab });
  }

  Object.assign(window.fgsm, { say, recogniser, make, translate, link, copy, selectTab });
})();
