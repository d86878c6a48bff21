// Pixels on a canvas.
const images = new WeakMap(); // by canvas: what it shows, written over with every step of a slider

function imageOf(canvas, size) {
  if (canvas.width !== size || canvas.height !== size || !images.has(canvas)) {
    canvas.width = canvas.height = size;
    const context = canvas.getContext('2d');
    images.set(canvas, { context, image: context.createImageData(size, size) });
  }
  return images.get(canvas);
}

// Draws an image of size x size whose value at place i, of H x W x 3, is value(i).
export function paint(canvas, size, value) {
  const { context, image } = imageOf(canvas, size);
  const { data } = image;
  for (let i = 0, j = 0; j < data.length; j++) {
    data[j++] = value(i++);
    data[j++] = value(i++);
    data[j++] = value(i++);
    data[j] = 255;
  }
  context.putImageData(image, 0, 0);
}
