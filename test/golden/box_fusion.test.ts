import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fuseBoxes, type ScoredBox } from '../../src/data/datasets/box_fusion.js';

/** What box_fusion.py writes: boxes and fused boxes as [x0, y0, x1, y1], the latter with their confidence at the end. */
interface Case {
  kind: string;
  threshold: number;
  boxes: number[][][];
  scores: number[][];
  fused: number[][];
}

const { cases } = JSON.parse(readFileSync(new URL('box_fusion.json', import.meta.url), 'utf8')) as { cases: Case[] };

const scored = ([x0, y0, x1, y1]: number[], score: number): ScoredBox => ({ x0, y0, x1, y1, score });
const sourcesOf = ({ boxes, scores }: Case) => boxes.map((own, i) => own.map((box, k) => scored(box, scores[i][k])));
const ofBox = ({ x0, y0, x1, y1, score }: ScoredBox) => [x0, y0, x1, y1, score];
const byCoordinates = (rows: number[][]) => [...rows].sort((a, b) => a[0] - b[0] || a[1] - b[1]);

describe('weighted boxes fusion as in ensemble-boxes', () => {
  test.each(cases.map((one, i) => [`${i}: ${one.kind}, ${one.threshold}`, one] as const))('case %s', (_, one) => {
    const fused = fuseBoxes(sourcesOf(one), one.threshold);
    const [own, expected] = [byCoordinates(fused.map(ofBox)), byCoordinates(one.fused)];
    expect(own).toHaveLength(expected.length);
    // The package keeps fused boxes in float32.
    own.forEach((row, i) => row.forEach((value, k) => expect(value).toBeCloseTo(expected[i][k], 6)));
    expect(fused.map(({ score }) => score)).toEqual(fused.map(({ score }) => score).sort((a, b) => b - a));
  });

  test('the cases fuse something, and not everything', () => {
    const counts = cases.map(({ boxes, fused }) => [boxes.flat().length, fused.length]);
    expect(counts.some(([drawn, fused]) => fused < drawn && fused > 1)).toBe(true);
    expect(new Set(cases.map(({ kind }) => kind))).toEqual(new Set(['detectors', 'readers']));
  });

  test('coordinates in pixels, confidence by how many saw it', () => {
    const [both, one] = fuseBoxes(
      [[scored([0, 0, 100, 100], 1)], [scored([10, 0, 110, 100], 1), scored([300, 300, 340, 320], 1)], []],
      0.4,
    );
    expect(both).toEqual({ x0: 5, y0: 0, x1: 105, y1: 100, score: 2 / 3 });
    expect(one).toEqual({ x0: 300, y0: 300, x1: 340, y1: 320, score: 1 / 3 });
    expect(fuseBoxes([[], []], 0.4)).toEqual([]);
    // An overlap of exactly the threshold is too little.
    expect(fuseBoxes([[scored([0, 0, 2, 1], 1)], [scored([1, 0, 3, 1], 1)]], 1 / 3)).toHaveLength(2);
  });
});
