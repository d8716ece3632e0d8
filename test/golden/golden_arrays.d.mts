export interface GoldenArray {
  dims: number[];
  data: Float32Array;
}
export function readArrays(path: string): { header: Record<string, unknown>; arrays: Map<string, GoldenArray> };
export function agreement(a: ArrayLike<number>, b: ArrayLike<number>): { correlation: number; relativeL2: number };
