// The people whom a recogniser knows, one of whom a visitor may want to become; value from fgsm/tabs/attack_tab.py.
// Gradio runs this as the body of a function with `element`, `props`, `trigger` and `watch`.
const root = element.querySelector('.people');
const { translate } = window.fgsm;

translate(root);

function choose(button) {
  for (const other of root.children) other.ariaChecked = String(other === button);
}

function draw() {
  if (!props.value) return;
  root.replaceChildren(...props.value.people.map(({ name, photograph }) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.setAttribute('role', 'radio');
    button.ariaChecked = String(name === props.value.chosen);
    if (photograph) {
      const image = document.createElement('img');
      image.src = photograph;
      image.alt = '';
      button.append(image);
    }
    button.append(name);
    button.addEventListener('click', () => {
      choose(button);
      trigger('click', { person: name });
    });
    return button;
  }));
}

watch('value', draw);
draw();
