// Pressing a picture, or the space bar, shows the original in the adversarial image's place for as long as it is held.
const TYPED = 'button, a, textarea, select, summary, input:not([type=range]), [role=button], [role=option], [tabindex]';

export function flipOn(root, canvas, flipped) {
  let held = false;

  function hold(now) {
    if (now === held) return;
    held = now;
    flipped(held);
  }

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button || root.classList.contains('looking')) return;
    canvas.setPointerCapture(event.pointerId);
    hold(true);
  });
  for (const name of ['lostpointercapture', 'pointercancel']) canvas.addEventListener(name, () => hold(false));
  canvas.addEventListener('contextmenu', (event) => held && event.preventDefault()); // a phone's long press

  const isSpace = ({ key, target }) => key === ' ' && !target.closest?.(TYPED);
  document.addEventListener('keydown', (event) => {
    if (!isSpace(event) || !canvas.clientWidth) return;
    event.preventDefault(); // the page would scroll
    hold(true);
  });
  document.addEventListener('keyup', ({ key }) => key === ' ' && hold(false));
  window.addEventListener('blur', () => hold(false));
}
