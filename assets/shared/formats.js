// Numbers as people read them.
export const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;
export const notation = (value) => Number(value.toPrecision(6)).toString();
export const inLevels = (epsilon) => (255 * epsilon).toFixed(1); // of 255 grey levels
