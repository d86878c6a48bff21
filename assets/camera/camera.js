// How photographs come to a tab's inputs of Gradio's own where browsers or Gradio stand in the way: what stands in for
// the camera and the clipboard, which browsers give to pages with https alone, and to them with leave; and files of
// unknown kinds.
import { listen, translate } from '../shared/dom.js';
import { say } from '../shared/texts.js';

const REFUSED = ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'OverconstrainedError'];
const isPicture = (file) => file.type.startsWith('image/');
const inputOf = (photo) => photo.querySelector('input[type=file]'); // none where a picture is, or on its way

// Hands a file to Gradio's own input, in a list of its own: browsers and Gradio empty lists that they share. Whatever its
// name says, it counts as a picture: the server looks into it, and says what it is.
function hand(file, upload) {
  const handed = new DataTransfer();
  handed.items.add(isPicture(file) ? file : new File([file], file.name, { type: 'image/unknown' }));
  upload.files = handed.files;
  upload.dispatchEvent(new Event('change', { bubbles: true }));
}

export function mount({ element }) {
  const root = element.querySelector('.camera');
  const taken = root.querySelector('input');
  const panel = element.closest('[role=tabpanel]');
  const photoOf = (node) => panel.contains(node) && node.closest('.photo');

  function tell(key) {
    root.hidden = !key;
    root.querySelector('[data-show="message"]').textContent = key ? say(key) : '';
  }

  // Gradio asks for both and leaves it unheard when the browser refuses.
  function onRefused(event) {
    if (!REFUSED.includes(event.reason?.name)) return;
    event.preventDefault();
    tell('camera.refused');
  }

  // Gradio refuses, in words of its own, what the browser takes for no picture: many do a HEIC one, or one with no
  // ending.
  function onUnknown(event) {
    const photo = photoOf(event.target);
    const upload = photo && inputOf(photo);
    const [file] = (event.dataTransfer ?? event.target).files ?? [];
    if (!upload || !file || isPicture(file)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    hand(file, upload);
  }

  // Gradio gives its button another name than what is written on it, which those who speak to the page cannot know.
  function nameAsWritten() {
    for (const button of panel.querySelectorAll('.photo button[aria-dropeffect][aria-label]')) button.ariaLabel = null;
  }

  translate(root);
  nameAsWritten();
  new MutationObserver(nameAsWritten).observe(panel, { childList: true, subtree: true });
  if (window.isSecureContext) {
    listen(root, 'unhandledrejection', onRefused, window, true);
    // A sentence is about one try.
    listen(root, 'click', ({ target }) => photoOf(target) && tell(null), document, true);
  } else {
    document.documentElement.classList.add('plain-http'); // the page's style hides Gradio's own buttons
    root.querySelector('label').hidden = false;
    tell('camera.https');
  }
  taken.addEventListener('change', () => {
    const upload = [...panel.querySelectorAll('.photo')].map(inputOf).find(Boolean);
    if (!upload || !taken.files.length) return;
    hand(taken.files[0], upload);
    taken.value = ''; // so that the same file counts as chosen again
  });
  for (const way of ['change', 'drop']) listen(root, way, onUnknown, document, true);
}
