// The visitor's picture and the square of it that the recogniser sees, which can be dragged, resized, turned and typed.
import { make, translate } from '../shared/dom.js';
import { say } from '../shared/texts.js';
import { centreOf, drags, faceAt, fitted, moved, reach, scaled, turned } from './square.js';

const RESTING = 250; // milliseconds after which the server hears of a square
const MAT = 32; // pixels around the picture, as in crop.css
const HANDLE = 16; // pixels from a handle's middle to the mat's edge, at least
const STEP = 1 / 20; // of the side, by a key
const TURNS = { '[,': -2, '].': 2, '{<;': -15, '}>:': 15 }; // degrees by a key, with Shift on English and Spanish ones

export function mount({ element, props, trigger, watch }) {
  const root = element.querySelector('.crop');
  const picture = root.querySelector('.picture');
  const shade = root.querySelector('.shade');
  const square = root.querySelector('.square');
  const slot = (name) => root.querySelector(`[data-show="${name}"]`);

  let frame = null; // x, y, side and turn of the square, in the picture's pixels
  let sending;

  const scale = () => picture.clientWidth / props.value.width; // screen pixels to one of the picture

  function place(node, { x, y, side, turn = 0 }) {
    const { width, height } = props.value;
    const share = (part, whole) => `${(100 * part) / whole}%`;
    Object.assign(node.style, { left: share(x, width), top: share(y, height), width: share(side, width) });
    node.style.transform = `rotate(${turn}deg)`;
  }

  // A handle that would lie beyond the mat stands nearer to the square's centre, in the same direction.
  function placeHandle(name, degrees, wanted) {
    const room = reach(centreOf(frame), frame.turn + degrees, props.value, (MAT - HANDLE) / scale()) * scale();
    root.querySelector(name).style.setProperty('--far', `${Math.min(wanted, room)}px`);
  }

  // Their places are in the screen's pixels, and change with the picture's size on it.
  function placeHandles() {
    if (!frame || !picture.clientWidth) return;
    const half = (frame.side * scale()) / 2;
    placeHandle('.corner', 135, Math.max(30, half * Math.SQRT2)); // a small square has to be reached beside it
    placeHandle('.knob', 0, half + 24);
  }

  // Puts the square there, or as near as it may be; the server hears of it when it rests.
  function move(wanted, tell = true) {
    frame = fitted(wanted, props.value);
    for (const node of [shade, square]) place(node, frame);
    placeHandles();
    clearTimeout(sending);
    if (tell) sending = setTimeout(() => trigger('input', frame), RESTING);
  }

  const offered = () => (props.value.faces.length < 2 ? [] : props.value.faces);

  function offerFaces() {
    for (const button of picture.querySelectorAll('.face')) button.remove();
    offered().forEach((face, at) => {
      const button = make('button', picture, undefined, 'face');
      square.before(button); // below the square, which could not be dragged off a face otherwise
      button.type = 'button';
      button.ariaLabel = say('crop.other', { number: at + 1 });
      place(button, face);
      button.addEventListener('click', () => move(face));
    });
  }

  function receive() {
    const { value } = props;
    root.hidden = !value;
    frame = null;
    clearTimeout(sending); // of a square in the picture before
    if (!value) return;
    const { preview, message, x, y, side, turn } = value;
    slot('picture').src = preview;
    slot('message').textContent = message;
    offerFaces();
    move({ x, y, side, turn }, false);
  }

  // Where a pointer is, in the picture's pixels.
  function pointOf({ clientX, clientY }) {
    const { left, top } = picture.getBoundingClientRect();
    return { x: (clientX - left) / scale(), y: (clientY - top) / scale() };
  }

  square.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button) return; // a second finger, a menu
    const begun = frame;
    const from = pointOf(event);
    const drag = (at) => at.isPrimary && move(drags[event.target.className](begun, from, pointOf(at)));
    const drop = () => {
      square.removeEventListener('pointermove', drag);
      const other = frame === begun && faceAt(offered(), from, begun); // pressed, not dragged
      if (other) move(other);
    };
    square.setPointerCapture(event.pointerId);
    square.addEventListener('pointermove', drag);
    square.addEventListener('lostpointercapture', drop, { once: true });
  });

  square.addEventListener('keydown', (event) => {
    if (event.metaKey || (event.ctrlKey && !event.altKey)) return; // the browser's own; both together are AltGr
    const step = frame.side * STEP;
    const moves = {
      ArrowLeft: moved(frame, -step, 0),
      ArrowRight: moved(frame, step, 0),
      ArrowUp: moved(frame, 0, -step),
      ArrowDown: moved(frame, 0, step),
      '+': scaled(frame, 1 + STEP),
      '-': scaled(frame, 1 - STEP),
    };
    const keys = Object.keys(TURNS).find((some) => some.includes(event.key));
    const wanted = keys ? turned(frame, TURNS[keys]) : moves[event.key];
    if (!wanted) return;
    event.preventDefault();
    move(wanted);
  });

  new ResizeObserver(placeHandles).observe(picture);
  translate(root);
  watch('value', receive);
  receive();
}
