// The visitor's picture and the square of it that the recogniser sees, which can be dragged, resized and typed.
import { make, translate } from '../shared/dom.js';
import { say } from '../shared/texts.js';
import { fitted } from './square.js';

const RESTING = 250; // milliseconds after which the server hears of a square

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.crop');
  const picture = root.querySelector('.picture');
  const square = root.querySelector('.square');
  const slot = (name) => root.querySelector(`[data-show="${name}"]`);

  let frame = null; // x, y, side of the square, in the picture's pixels
  let sending;

  const scale = () => picture.clientWidth / props.value.width; // screen pixels to one of the picture

  function place(node, { x, y, side }) {
    const { width, height } = props.value;
    const share = (part, whole) => `${(100 * part) / whole}%`;
    Object.assign(node.style, { left: share(x, width), width: share(side, width) });
    Object.assign(node.style, { top: share(y, height), height: share(side, height) });
  }

  // Puts the square there, or as near as it fits into the picture; the server hears of it when it rests.
  function move(wanted, tell = true) {
    frame = fitted(wanted, props.value);
    place(square, frame);
    clearTimeout(sending);
    if (tell) sending = setTimeout(() => trigger('input', frame), RESTING);
  }

  function offerFaces(faces) {
    for (const button of picture.querySelectorAll('.face')) button.remove();
    if (faces.length < 2) return;
    faces.forEach((face, at) => {
      const button = make('button', picture, undefined, 'face');
      button.type = 'button';
      button.ariaLabel = say('crop.other', { number: at + 1 });
      place(button, face);
      button.addEventListener('click', () => move(face));
    });
  }

  function receive() {
    const { value } = props;
    root.hidden = !value;
    if (!value) return;
    const { preview, message, faces, x, y, side } = value;
    slot('picture').src = preview;
    slot('message').textContent = message;
    offerFaces(faces);
    move({ x, y, side }, false);
  }

  square.addEventListener('pointerdown', (event) => {
    const resizing = event.target.className === 'corner';
    const { x, y, side } = frame;
    const drag = (moved) => {
      const dx = (moved.clientX - event.clientX) / scale();
      const dy = (moved.clientY - event.clientY) / scale();
      const room = Math.min(props.value.width - x, props.value.height - y);
      if (resizing) move({ x, y, side: Math.min(room, side + Math.max(dx, dy)) });
      else move({ x: x + dx, y: y + dy, side });
    };
    const drop = () => square.removeEventListener('pointermove', drag);
    square.setPointerCapture(event.pointerId);
    square.addEventListener('pointermove', drag);
    square.addEventListener('lostpointercapture', drop, { once: true });
  });

  square.addEventListener('keydown', (event) => {
    const { x, y, side } = frame;
    const step = side / 20;
    const moves = {
      ArrowLeft: { x: x - step, y, side },
      ArrowRight: { x: x + step, y, side },
      ArrowUp: { x, y: y - step, side },
      ArrowDown: { x, y: y + step, side },
      '+': { x: x - step / 2, y: y - step / 2, side: side + step },
      '-': { x: x + step / 2, y: y + step / 2, side: side - step },
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    move(moves[event.key]);
  });

  translate(root);
  watch('value', receive);
  receive();
}
