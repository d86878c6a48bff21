// Numbers what the page asks for, and tells the stage at once, and again when all that was asked has been answered.
// Gradio calls `ask` before it sends an event, and sends the number along (see fgsm/page/attack_tab.py).
export function mount({ props, watch }) {
  const tell = (name, detail) =>
    document.querySelector('#viewer .stage')?.dispatchEvent(new CustomEvent(name, { detail }));
  let number = 0;
  let place = 0; // of the number among what Gradio sends

  // A question that the server refuses to hear of, or that does not reach it, has no other answer.
  async function heard(address, request, answer) {
    if (!String(address).includes('/queue/join')) return;
    const asked = JSON.parse(request.body).data[place];
    if (asked > 0 && !(await answer.catch(() => null))?.ok) tell('answered', { number: asked, refused: true });
  }
  const { fetch } = window;
  window.fetch = (address, request) => {
    const answer = fetch(address, request);
    heard(address, request, answer);
    return answer;
  };

  window.fgsm = Object.assign(window.fgsm ?? {}, {
    ask(values, asked, model) {
      number += 1;
      place = asked;
      tell('asked', { number, model: values[model] });
      return values.with(asked, number);
    },
  });
  watch('value', () => {
    if (!props.value) return;
    const { number, refused } = props.value;
    tell('answered', { number, refused });
  });
}
