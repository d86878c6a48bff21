// Under the stage: how confident the recogniser is of two people at every epsilon, and the smallest epsilon found that
// fools it, which is marked on the slider's track as well. Part of the function that viewer.js makes.
function makeSvg(name, attributes, parent) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
}

function drawStrip(at, rival) {
  const svg = root.querySelector('.strip svg');
  const { epsilons, scores, smallest } = face;
  const top = epsilons[epsilons.length - 1];
  const width = Math.max(200, svg.clientWidth), height = svg.clientHeight;
  const x = (epsilon) => width * epsilon / top;
  const y = (share) => 4 + (height - 8) * (1 - share);
  svg.replaceChildren();
  makeSvg('line', { class: 'axis', x1: 0, x2: width, y1: y(0), y2: y(0) }, svg);
  for (const [scoring, name] of [['8-bit', 'file'], ['float', 'smallest']]) {
    const found = smallest?.[scoring];
    if (found && found.epsilon <= top) makeSvg('line', { class: `mark ${name}`, x1: x(found.epsilon), x2: x(found.epsilon), y1: 0, y2: height }, svg);
  }
  makeSvg('line', { class: 'now', x1: x(epsilons[at]), x2: x(epsilons[at]), y1: 0, y2: height }, svg);
  for (const [label, name] of [[face.attacked, 'attacked'], [rival, 'rival']]) {
    const points = epsilons.flatMap((epsilon, i) => scores.float[i] ? [`${x(epsilon)},${y(scores.float[i][label])}`] : []);
    makeSvg('polyline', { class: name, points: points.join(' ') }, svg);
    if (scores.float[at]) makeSvg('circle', { class: name, r: 4, cx: x(epsilons[at]), cy: y(scores.float[at][label]) }, svg);
  }
  show('strip-attacked').textContent = face.labels[face.attacked];
  show('strip-rival').textContent = face.labels[rival];
}

// The person whom the strip compares with the attacked one: the target, or the likeliest other one at this epsilon.
function rivalAt(scored) {
  if (face.target !== null) return face.target;
  return ranked(scored).find(({ index }) => index !== face.attacked)?.index ?? face.attacked;
}

function drawSmallest() {
  const { smallest } = face;
  const line = show('smallest');
  root.dataset.smallest = smallest?.float ? notation(smallest.float.epsilon) : '';
  line.textContent = smallest ? describeSmallest(smallest) : '\u00a0';
  markSlider(smallest?.float?.epsilon);
}

const inLevels = (value) => (255 * value).toFixed(1);

function describeSmallest({ float, '8-bit': file }) {
  const aimed = face.target === null ? '' : '_target';
  const about = { target: face.labels[face.target], top: notation(face.epsilons[face.epsilons.length - 1]) };
  if (!float) return say(`smallest.none${aimed}`, about);
  if (float.epsilon === 0) return say(`smallest.zero${aimed}`, about);
  const sentences = [say(`smallest.${face.sign ? 'found' : 'position'}${aimed}`, { ...about, epsilon: notation(Number(float.epsilon.toFixed(5))), levels: inLevels(float.epsilon) })];
  if (file) sentences.push(say('smallest.file', { levels: Math.ceil(25500 * file.epsilon - 1e-6) / 100 }));
  else sentences.push(say('smallest.no_file'));
  if (float.again !== null) sentences.push(say(`smallest.again${aimed}`, { ...about, epsilon: notation(float.again) }));
  return sentences.join(' ');
}

function markSlider(value) {
  const range = document.querySelector('#epsilon input[type=range]');
  if (!range) return;
  const holder = range.parentElement;
  let mark = holder.querySelector('.smallest-mark');
  if (!mark) {
    mark = document.createElement('i');
    mark.className = 'smallest-mark';
    mark.setAttribute('aria-hidden', 'true');
    holder.style.position = 'relative';
    holder.append(mark);
  }
  const top = face.epsilons[face.epsilons.length - 1];
  mark.hidden = !(value <= top);
  if (mark.hidden) return;
  const thumb = 16; // pixels; its middle travels this much less than the track's length
  mark.style.left = `${range.offsetLeft + thumb / 2 + (range.offsetWidth - thumb) * value / top}px`;
  mark.style.top = `${range.offsetTop + range.offsetHeight / 2}px`;
  mark.title = say('smallest.mark', { epsilon: notation(Number(value.toFixed(5))) });
}
