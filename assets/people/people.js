// The people whom a recogniser knows, one of whom a visitor may want to become; from fgsm/page/stage_events.py.
import { make, translate } from '../shared/dom.js';

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.people');

  function choose(button, person) {
    for (const other of root.children) other.ariaChecked = String(other === button);
    trigger('click', { person });
  }

  function draw() {
    if (!props.value) return;
    const { people, chosen } = props.value;
    root.replaceChildren();
    for (const { name, photograph } of people) {
      const button = make('button', root);
      button.type = 'button';
      button.setAttribute('role', 'radio');
      button.ariaChecked = String(name === chosen);
      if (photograph) Object.assign(make('img', button), { src: photograph, alt: '' });
      button.append(name);
      button.addEventListener('click', () => choose(button, name));
    }
  }

  translate(root);
  watch('value', draw);
  draw();
}
