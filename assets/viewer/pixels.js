// Pixels, bit for bit as NumPy has them: clip(rint(x + 255 * epsilon * sign), 0, 255).

// Signs in {-1, 0, 1} from base-3 digits, five to a byte, the first the lowest (see fgsm/page/stage.py, pack_signs).
export function unpack(packed, count) {
  const sign = new Int8Array(count);
  for (let i = 0; i < count; i++) sign[i] = (Math.floor(packed[Math.floor(i / 5)] / 3 ** (i % 5)) % 3) - 1;
  return sign;
}

// NumPy's rint: the nearest integer, a half to the even one.
export function rint(value) {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

export const clamp = (value) => Math.min(255, Math.max(0, value));

// How the adversarial image's value at place i, of H x W x 3, is known at position `at`: an attack along one direction
// follows its signs, another was sent its images, where they have arrived.
export function mover({ pixels, sign, images, epsilons }, at) {
  if (sign) {
    const change = 255 * epsilons[at];
    return (i) => clamp(pixels[i] + change * sign[i]);
  }
  const image = images[at] ?? pixels;
  return (i) => image[i];
}

// Where among rising, evenly spaced `epsilons` the value `epsilon` is nearest.
export function positionOf(epsilons, epsilon) {
  const last = epsilons.length - 1;
  return Math.min(last, Math.max(0, Math.round((epsilon * last) / epsilons[last])));
}
