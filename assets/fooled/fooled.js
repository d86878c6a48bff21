// Adversarial faces and whom they are taken for; value from fgsm/tabs/measured.py.
// Gradio runs this as the body of a function with `element`, `props` and `watch`.
const root = element.querySelector('.fooled');
const { make } = window.fgsm;

function draw() {
  if (!props.value) return;
  const row = root.querySelector('.row');
  root.querySelector('p').textContent = props.value.title;
  row.replaceChildren();
  for (const face of props.value.faces) {
    const figure = make('figure', row);
    const pictures = make('div', figure);
    Object.assign(make('img', pictures), { src: face.picture, alt: face.label });
    if (face.reference) {
      make('span', pictures, '→').ariaHidden = 'true';
      Object.assign(make('img', pictures), { src: face.reference, alt: face.reference_label });
    }
    const caption = make('figcaption', figure);
    make('b', caption, face.taken);
    caption.append(` ${face.instead} ${face.person}`);
  }
}

watch('value', draw);
draw();
