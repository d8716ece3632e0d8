import { columnWidth, type Figure } from './figure.js';
import { drawMatrix } from './matrix.js';
import { nothingToDraw } from './svg.js';

export interface PenaltyMatrixInput {
  name: string;
  title: string;
  caption: string;
  strategies: readonly string[];
  /** wins[i][j]: how often i beats j, from 0 to the number of experiments; NaN where they cannot be compared. */
  wins: readonly (readonly number[])[];
  /** Mean of each column: how much a strategy is beaten. */
  penalties: readonly number[];
  /** Default 1. */
  experiments?: number;
}

/** Who beats whom, and how much each is beaten (Ash et al., BADGE, ICLR 2020). */
export function penaltyMatrixFigure(input: PenaltyMatrixInput): Figure {
  const { strategies, wins, penalties } = input;
  const rows = [...strategies, 'mean'];
  const values = [...wins, penalties];
  return {
    name: input.name,
    title: input.title,
    caption: input.caption,
    table: {
      columns: ['strategy', ...strategies],
      rows: rows.map((name, i) => [name, ...strategies.map((_, j) => (i === j ? NaN : values[i][j]))]),
    },
    draw(theme) {
      if (strategies.length < 2) return nothingToDraw(theme, columnWidth, 'One strategy alone beats none.');
      return drawMatrix(theme, {
        ...{ rows, columns: strategies, rowLabel: 'winner', columnLabel: 'loser' },
        ...{ most: input.experiments ?? 1, apart: strategies.length, format: (value) => value.toFixed(2) },
        value: (i, j) => (i === j ? NaN : values[i][j]),
      });
    },
  };
}
