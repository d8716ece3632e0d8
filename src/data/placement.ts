import type { Box, Preprocessing } from './types.js';

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Where a picture goes in the model's input: `source` (original pixels, may be fractional) is resized
 * onto `target` (whole input pixels); input pixels outside `target` are black. One placement serves
 * image, mask, boxes and the way back for the saliency map, so that they cannot disagree.
 */
export interface Placement {
  source: Rectangle;
  target: Rectangle;
}

export type Shape = Pick<Preprocessing, 'width' | 'height' | 'resize'>;

/** The placement of a width × height picture in the input that `shape` describes. */
export function placePicture(width: number, height: number, shape: Shape): Placement {
  const whole = { x: 0, y: 0, width, height };
  switch (shape.resize) {
    case 'stretch':
      return { source: whole, target: { x: 0, y: 0, width: shape.width, height: shape.height } };
    case 'crop':
      return cropped(width, height, shape);
    case 'pad': {
      const scale = Math.min(shape.width / width, shape.height / height);
      const inner = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
      return {
        source: whole,
        target: {
          x: Math.floor((shape.width - inner.width) / 2),
          y: Math.floor((shape.height - inner.height) / 2),
          ...inner,
        },
      };
    }
  }
}

/**
 * As torchvision's Resize(shorter side) and CenterCrop: the resized picture has whole sides (the longer
 * truncated) and the crop starts at a whole pixel (halves to even), so the source rectangle follows from both.
 */
function cropped(width: number, height: number, shape: Shape): Placement {
  const byWidth = shape.width / width >= shape.height / height;
  const resizedWidth = byWidth ? shape.width : Math.max(shape.width, Math.trunc((shape.height * width) / height));
  const resizedHeight = byWidth ? Math.max(shape.height, Math.trunc((shape.width * height) / width)) : shape.height;
  const [sx, sy] = [width / resizedWidth, height / resizedHeight];
  return {
    source: {
      x: roundHalfToEven((resizedWidth - shape.width) / 2) * sx,
      y: roundHalfToEven((resizedHeight - shape.height) / 2) * sy,
      width: shape.width * sx,
      height: shape.height * sy,
    },
    target: { x: 0, y: 0, width: shape.width, height: shape.height },
  };
}

function roundHalfToEven(v: number): number {
  const floor = Math.floor(v);
  return v - floor === 0.5 ? floor + (floor % 2) : Math.round(v);
}

/** The part of the picture, in original pixels, that the model's whole input shows; padding reaches beyond the picture. */
export function coveredBox({ source, target }: Placement, shape: Shape): Box {
  const sx = source.width / target.width;
  const sy = source.height / target.height;
  return {
    x0: source.x - target.x * sx,
    y0: source.y - target.y * sy,
    x1: source.x + (shape.width - target.x) * sx,
    y1: source.y + (shape.height - target.y) * sy,
  };
}
