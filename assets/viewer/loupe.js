// The loupe: one pixel and its neighbours, large, with what the attack adds to each of its three values.
import { make } from '../shared/dom.js';
import { say } from '../shared/texts.js';
import { mover, rint } from './pixels.js';

const AROUND = 4; // pixels on each side of the one that is looked at
const COLOURS = ['red', 'green', 'blue'];
const SIGNS = { '-1': '−', 0: '0', 1: '+' };
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// What becomes of the three values of the pixel at column x and row y.
export function valuesAt(face, at, x, y) {
  const moved = mover(face, at);
  return COLOURS.map((colour, channel) => {
    const place = 3 * (y * face.size + x) + channel;
    const before = face.pixels[place];
    const after = rint(moved(place));
    const sign = face.sign ? face.sign[place] : Math.sign(after - before);
    return { colour, before, change: after - before, after, sign };
  });
}

export function loupeIn(root, shown) {
  const panel = root.querySelector('.loupe');
  const button = root.querySelector('.look');
  const patch = panel.querySelector('canvas');
  const canvases = [...root.querySelectorAll('.pictures canvas')];
  let spot = null; // column and row

  function drawPatch(face, at) {
    const moved = mover(face, at);
    const side = 2 * AROUND + 1;
    patch.width = patch.height = side;
    const context = patch.getContext('2d');
    const image = context.createImageData(side, side);
    for (let row = 0, j = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const x = spot.x + column - AROUND;
        const y = spot.y + row - AROUND;
        const inside = x >= 0 && y >= 0 && x < face.size && y < face.size;
        for (let channel = 0; channel < 3; channel++) {
          image.data[j++] = inside ? rint(moved(3 * (y * face.size + x) + channel)) : 128;
        }
        image.data[j++] = inside ? 255 : 0;
      }
    }
    context.putImageData(image, 0, 0);
  }

  function draw() {
    const { face, at } = shown();
    const open = root.classList.contains('looking') && Boolean(face);
    panel.hidden = !open;
    button.ariaPressed = String(root.classList.contains('looking'));
    if (!open) return;
    spot ??= { x: Math.floor(face.size / 2), y: Math.floor(face.size / 2) };
    spot = { x: Math.min(spot.x, face.size - 1), y: Math.min(spot.y, face.size - 1) };
    drawPatch(face, at);
    const list = panel.querySelector('ul');
    list.replaceChildren();
    make('li', list, say('loupe.place', { x: spot.x, y: spot.y }));
    for (const { colour, before, change, after, sign } of valuesAt(face, at, spot.x, spot.y)) {
      const line = make('li', list, undefined, colour);
      make('span', line, say(`loupe.${colour}`));
      make('b', line, `${before} ${change < 0 ? '−' : '+'} ${Math.abs(change)} = ${after}`);
      make('span', line, say('loupe.sign', { sign: SIGNS[sign] }));
    }
    for (const canvas of canvases) {
      canvas.parentElement.style.setProperty('--x', `${(100 * (spot.x + 0.5)) / face.size}%`);
      canvas.parentElement.style.setProperty('--y', (spot.y + 0.5) / face.size);
    }
  }

  function look(event) {
    const { face } = shown();
    if (!face || !root.classList.contains('looking')) return;
    const box = event.currentTarget.getBoundingClientRect();
    const place = (part, whole) => Math.min(face.size - 1, Math.max(0, Math.floor((face.size * part) / whole)));
    spot = { x: place(event.clientX - box.left, box.width), y: place(event.clientY - box.top, box.height) };
    draw();
  }

  function toggle() {
    root.classList.toggle('looking');
    draw();
    if (root.classList.contains('looking')) canvases[2].focus({ preventScroll: true });
  }

  for (const canvas of canvases) {
    canvas.addEventListener('pointermove', look);
    canvas.addEventListener('pointerdown', look);
    canvas.addEventListener('keydown', (event) => {
      const step = STEPS[event.key];
      const { face } = shown();
      if (!step || !spot || !face || !root.classList.contains('looking')) return;
      event.preventDefault();
      const within = (value) => Math.min(face.size - 1, Math.max(0, value));
      spot = { x: within(spot.x + step[0]), y: within(spot.y + step[1]) };
      draw();
    });
  }
  button.addEventListener('click', toggle);
  return draw;
}
