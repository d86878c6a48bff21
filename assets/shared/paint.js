// Pixels on a canvas.

// Draws an image of size x size whose value at place i, of H x W x 3, is value(i).
export function paint(canvas, size, value) {
  if (canvas.width !== size || canvas.height !== size) canvas.width = canvas.height = size;
  const context = canvas.getContext('2d');
  const image = context.createImageData(size, size);
  for (let i = 0, j = 0; i < 3 * size * size; i++, j++) {
    image.data[j] = value(i);
    if (i % 3 === 2) image.data[++j] = 255;
  }
  context.putImageData(image, 0, 0);
}
