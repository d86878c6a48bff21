// The camera, open for as long as its tab is in front; what it takes goes where a visitor's photograph goes.
import { translate } from '../shared/dom.js';
import { say } from '../shared/texts.js';
import { send } from '../shared/upload.js';
import { cameraIn } from '../shared/video.js';

export function mount({ element, trigger }) {
  const root = element.querySelector('.snap');
  const part = (selector) => root.querySelector(selector);
  const camera = cameraIn(part('video'));
  let open = false;

  function tell(sentence) {
    part('.trouble').hidden = !sentence;
    part('.trouble').textContent = sentence;
  }

  async function show(seen) {
    if (seen === open || !window.isSecureContext) return;
    open = seen;
    part('.take').disabled = true;
    if (!seen) return camera.close();
    tell('');
    try {
      if (await camera.open()) part('.take').disabled = false;
    } catch {
      if (open) tell(say('camera.refused'));
    }
  }

  async function give(file) {
    tell('');
    try {
      trigger('upload', { name: await send(file) });
    } catch (error) {
      tell(error.message);
    }
  }

  async function take() {
    const file = await camera.snap();
    if (file) give(file);
  }

  translate(root);
  if (!window.isSecureContext) {
    // browsers give no camera to pages without https; a phone takes a photograph all the same
    tell(say('camera.https'));
    part('video').hidden = part('.take').hidden = true;
    part('.file').hidden = false;
  }
  part('.take').addEventListener('click', take);
  part('input').addEventListener('change', ({ target }) => {
    if (target.files.length) give(target.files[0]);
    target.value = ''; // so that the same file counts as chosen again
  });
  new ResizeObserver(() => show(root.clientWidth > 0)).observe(root);
}
