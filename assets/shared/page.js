// What the page needs before any drawing: a clipboard for Gradio's own buttons, and the tab in the address.
import { copyFromField, link } from './address.js';

if (!navigator.clipboard) Object.defineProperty(navigator, 'clipboard', { value: { writeText: copyFromField } });

// Gradio's events can call nothing but what is global (see fgsm/page/layout.py). It selects the first tab by itself,
// before the one that the address asks for has been opened.
window.fgsm = Object.assign(window.fgsm ?? {}, {
  selectTab: (tab) => {
    if (window.fgsm.opened) link({ tab });
  },
});
