// The visitor's picture and the square of it that the recogniser sees, which can be dragged, resized and typed.
// Gradio runs this as the body of a function with `element`, `props`, `trigger` and `watch`.
const { say, translate } = window.fgsm;
const root = element.querySelector('.crop');
const picture = root.querySelector('.picture');
const square = root.querySelector('.square');
const SMALLEST = 0.06; // of the picture's shorter side

let frame = null; // x, y, side of the square, in the picture's pixels
let sending;

translate(root);

const scale = () => picture.clientWidth / props.value.width; // screen pixels to one of the picture

function place(node, x, y, width, height) {
  const { width: w, height: h } = props.value;
  Object.assign(node.style, {
    left: `${100 * x / w}%`, top: `${100 * y / h}%`, width: `${100 * width / w}%`, height: `${100 * height / h}%`,
  });
}

// Puts the square there, or as near as it fits into the picture; the server hears of it when it rests.
function move(x, y, side, tell = true) {
  const { width, height } = props.value;
  const most = Math.min(width, height);
  side = Math.min(most, Math.max(SMALLEST * most, side));
  x = Math.min(width - side, Math.max(0, x));
  y = Math.min(height - side, Math.max(0, y));
  frame = { x, y, side };
  place(square, x, y, side, side);
  clearTimeout(sending);
  if (tell) sending = setTimeout(() => trigger('input', frame), 250);
}

function receive() {
  const { value } = props;
  root.hidden = !value;
  if (!value) return;
  root.querySelector('[data-show="picture"]').src = value.preview;
  root.querySelector('[data-show="message"]').textContent = value.message;
  picture.querySelectorAll('.face').forEach((button) => button.remove());
  if (value.faces.length > 1) value.faces.forEach(({ x, y, side }, at) => {
    const button = document.createElement('button');
    button.className = 'face';
    button.type = 'button';
    button.ariaLabel = say('crop.other', { number: at + 1 });
    place(button, x, y, side, side);
    button.addEventListener('click', () => move(x, y, side));
    picture.append(button);
  });
  move(value.x, value.y, value.side, false);
}

square.addEventListener('pointerdown', (event) => {
  const resizing = event.target.className === 'corner';
  const { x, y, side } = frame;
  const drag = (moved) => {
    const dx = (moved.clientX - event.clientX) / scale(), dy = (moved.clientY - event.clientY) / scale();
    if (!resizing) return move(x + dx, y + dy, side);
    const room = Math.min(props.value.width - x, props.value.height - y);
    move(x, y, Math.min(room, side + Math.max(dx, dy)));
  };
  square.setPointerCapture(event.pointerId);
  square.addEventListener('pointermove', drag);
  square.addEventListener('lostpointercapture', () => square.removeEventListener('pointermove', drag), { once: true });
});

square.addEventListener('keydown', (event) => {
  const { x, y, side } = frame;
  const step = side / 20;
  const moves = {
    ArrowLeft: [x - step, y, side], ArrowRight: [x + step, y, side], ArrowUp: [x, y - step, side], ArrowDown: [x, y + step, side],
    '+': [x - step / 2, y - step / 2, side + step], '-': [x + step / 2, y + step / 2, side - step],
  };
  if (!(event.key in moves)) return;
  event.preventDefault();
  move(...moves[event.key]);
});

watch('value', receive);
receive();
