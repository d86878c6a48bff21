// Sending pictures to the server's memory (see fgsm/page/uploads.py): no path of a file leaves the browser.
import { say } from './texts.js';

// The name by which this page's events can speak of a file once it is there. Throws an Error that says why it is not.
export async function send(file) {
  const body = new FormData();
  body.append('files', file, 'picture');
  const address = new URL('gradio_api/upload', document.baseURI);
  const answer = await fetch(address, { method: 'POST', body }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (answer?.ok && said) return said[0];
  throw new Error(said?.detail ?? say('refused.upload'));
}
