// How photographs come to Gradio's own input where browsers or Gradio stand in the way: what stands in for the camera and
// the clipboard, which browsers give to pages with https alone, and to them with leave; and files of unknown kinds.
// Gradio runs this as the body of a function with `element`, `props`, `trigger` and `watch`.
const { say, translate } = window.fgsm;
const root = element.querySelector('.camera');
const taken = root.querySelector('input');
const REFUSED = ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'OverconstrainedError'];

translate(root);

function tell(key) {
  root.hidden = !key;
  root.querySelector('[data-show="message"]').textContent = key ? say(key) : '';
}

// Gradio asks for both and leaves it unheard when the browser refuses.
function onRefused(event) {
  if (!root.isConnected) return window.removeEventListener('unhandledrejection', onRefused);
  if (!REFUSED.includes(event.reason?.name)) return;
  event.preventDefault();
  tell('camera.refused');
}

// The sentence is about one try.
function onTry(event) {
  if (!root.isConnected) return document.removeEventListener('click', onTry, true);
  if (event.target.closest('#photo')) tell(null);
}

if (window.isSecureContext) {
  window.addEventListener('unhandledrejection', onRefused);
  document.addEventListener('click', onTry, true);
} else {
  document.documentElement.classList.add('plain-http'); // app.py hides Gradio's own buttons
  root.querySelector('label').hidden = false;
  tell('camera.https');
}

const isPicture = (file) => file.type.startsWith('image/');
const input = () => document.querySelector('#photo input[type=file]'); // none while a picture is on its way

// Hands a file to Gradio's own input, in a list of its own: browsers and Gradio empty lists that they share. Whatever its
// name says, it counts as a picture: the server looks into it, and says what it is.
function hand(file, upload) {
  const handed = new DataTransfer();
  handed.items.add(isPicture(file) ? file : new File([file], file.name, { type: 'image/unknown' }));
  upload.files = handed.files;
  upload.dispatchEvent(new Event('change', { bubbles: true }));
}

taken.addEventListener('change', () => {
  const upload = input();
  if (!upload || !taken.files.length) return;
  hand(taken.files[0], upload);
  taken.value = ''; // so that the same file counts as chosen again
});

// Gradio refuses, in words of its own, what the browser takes for no picture: many do a HEIC one, or one with no ending.
function onUnknown(event) {
  if (!root.isConnected) {
    for (const way of ['change', 'drop']) document.removeEventListener(way, onUnknown, true);
    return;
  }
  if (!event.target.closest?.('#photo')) return;
  const upload = input();
  const [file] = (event.dataTransfer ?? event.target).files ?? [];
  if (!upload || !file || isPicture(file)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  hand(file, upload);
}
for (const way of ['change', 'drop']) document.addEventListener(way, onUnknown, true);
