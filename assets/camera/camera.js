// What stands in for the camera and the clipboard, which browsers give to pages with https alone, and to them with leave.
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

// Hands the photograph to Gradio's own input, in a list of its own: browsers and Gradio empty lists that they share.
taken.addEventListener('change', () => {
  const upload = document.querySelector('#photo input[type=file]');
  if (!upload || !taken.files.length) return; // no input while another picture is on its way
  const handed = new DataTransfer();
  handed.items.add(taken.files[0]);
  upload.files = handed.files;
  upload.dispatchEvent(new Event('change', { bubbles: true }));
  taken.value = ''; // so that the same file counts as chosen again
});
