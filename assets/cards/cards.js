// What is left of an adversarial face after saving, shrinking and blurring; value from fgsm/tabs/attack_tab.py.
// Gradio runs this as the body of a function with `element`, `props` and `watch`.
const root = element.querySelector('.cards');
const { make } = window.fgsm;

function draw() {
  if (!props.value) return;
  const row = root.querySelector('.row');
  root.querySelector('p').textContent = props.value.title;
  row.replaceChildren();
  for (const { picture, treatment, outcome, who, fooled } of props.value.cards) {
    const figure = make('figure', row);
    figure.classList.toggle('fooled', fooled);
    Object.assign(make('img', figure), { src: picture, alt: '' });
    const caption = make('figcaption', figure);
    make('b', caption, treatment);
    make('span', caption, outcome, 'outcome');
    make('span', caption, who);
  }
}

watch('value', draw);
draw();
