// What people read: the sentences of assets/texts, in the browser's language. The server puts all of them into the
// page's head (see fgsm/page/drawings.py).
const texts = JSON.parse(document.getElementById('fgsm-texts').textContent);
const wanted = navigator.language.split('-')[0].toLowerCase(); // as Gradio chooses for its own texts
export const language = wanted in texts ? wanted : 'en';
const spoken = texts[language];

// The sentence `key`, with `values` in its {places}.
export const say = (key, values = {}) => spoken[key].replace(/{(\w+)}/g, (place, name) => values[name] ?? place);

// What visitors call the recogniser `name`.
export const recogniser = (name) => spoken[`recogniser.${name}`] ?? name;
