import { columnWidth, type Figure } from './figure.js';
import { stylesOf, type Styles } from './palette.js';
import { drawRows } from './rows.js';
import { nothingToDraw, px, svgLine, svgSymbol } from './svg.js';

/** A strategy's value with its interval. */
export interface FinalValue {
  name: string;
  /** NaN: none. */
  value: number;
  low?: number;
  high?: number;
  /** A paper's value. */
  published?: number;
}

export interface FinalValuesInput {
  name: string;
  title: string;
  caption: string;
  /** What the values are, with unit. */
  xLabel: string;
  values: readonly FinalValue[];
  /** A value to compare with. */
  level?: { label: string; value: number };
  styles?: Styles;
}

/** A value by strategy with its interval, beside a paper's where there is one. */
export function finalValues(input: FinalValuesInput): Figure {
  const { values, level } = input;
  const anyPublished = values.some(({ published }) => published !== undefined);
  return {
    name: input.name,
    title: input.title,
    caption: `${input.caption}${anyPublished ? ' Hollow diamonds: published values.' : ''}`,
    table: {
      columns: ['strategy', input.xLabel, 'low', 'high', 'published'],
      rows: [
        ...values.map(({ name, value, low = NaN, high = NaN, published = NaN }) => [name, value, low, high, published]),
        ...(level ? [[level.label, level.value, NaN, NaN, NaN]] : []),
      ],
    },
    draw(theme) {
      const styles = input.styles ?? stylesOf(values.map(({ name }) => name));
      const all = values
        .flatMap(({ value, low = NaN, high = NaN, published = NaN }) => [value, low, high, published])
        .concat(level?.value ?? NaN)
        .filter(Number.isFinite);
      if (!values.length || !all.length) return nothingToDraw(theme, columnWidth);
      const [low, high] = [Math.min(...all), Math.max(...all)];
      const room = (high - low || Math.abs(high) || 1) * 0.08;
      return drawRows(theme, {
        ...{ names: values.map(({ name }) => name), styles, xLabel: input.xLabel, domain: [low - room, high + room] },
        remarks: values.map(({ value }) => (Number.isFinite(value) ? value.toFixed(3).replace('-', '−') : 'no value')),
        ...(level && Number.isFinite(level.value) && { level: { label: level.label, x: level.value } }),
        marks: [],
        over: (panel) =>
          values
            .map(({ name, value, low = NaN, high = NaN, published }) => {
              const [y, style] = [panel.at('y', name), styles(name)];
              const x = (of: number): string => px(panel.at('x', of));
              const interval = Number.isFinite(low + high)
                ? svgLine(
                    theme,
                    style.colour,
                    `M${x(low)},${px(y)}H${x(high)}M${x(low)},${px(y - 4)}v8M${x(high)},${px(y - 4)}v8`,
                    'stroke-width="1.8"',
                  )
                : '';
              const paper =
                published === undefined
                  ? ''
                  : svgSymbol(theme, { ...style, symbol: 'diamond' }, panel.at('x', published), y, 6, true);
              const own = Number.isFinite(value) ? svgSymbol(theme, style, panel.at('x', value), y, 4.5) : '';
              return interval + paper + own;
            })
            .join(''),
      });
    },
  };
}
