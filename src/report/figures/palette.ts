/** A colour on a light page (and on paper), and on a dark one. */
interface Shades {
  light: string;
  dark: string;
}

/**
 * Colours of strategies: Okabe and Ito's hues (Color Universal Design, 2008), told apart with any colour vision, in shades that have
 * a contrast of 3 : 1 or more with either page (WCAG 2.2, 1.4.11); their own yellow and sky blue vanish on white.
 */
const series: readonly Shades[] = [
  { light: '#0067a5', dark: '#5cb1f2' },
  { light: '#cc5500', dark: '#ff8a4c' },
  { light: '#00805c', dark: '#2fc798' },
  { light: '#b3478d', dark: '#ec8fc5' },
  { light: '#947000', dark: '#e8c547' },
  { light: '#5b45b8', dark: '#a99bff' },
  { light: '#0a8299', dark: '#5fd4e6' },
  { light: '#a3342c', dark: '#ff8079' },
];

/** Colours of activities: no strategy's, light to dark within two families so that neighbours in a bar differ. */
const activities: readonly Shades[] = [
  { light: '#3f6a8a', dark: '#7fb0d6' },
  { light: '#7fb39b', dark: '#4f9a7c' },
  { light: '#d0a656', dark: '#d9b36a' },
  { light: '#94789f', dark: '#b39ac0' },
  { light: '#b8695c', dark: '#c97f73' },
  { light: '#8a9a4b', dark: '#a3b45e' },
  { light: '#6d7681', dark: '#8d96a1' },
  { light: '#b9c0c7', dark: '#59616b' },
];

export type ColourName =
  ('text' | 'muted' | 'rule' | 'background' | 'random' | 'heat') | `series${number}` | `activity${number}`;

/** Every colour that a figure may use. On a page each is a CSS variable `--figure-<name>`. */
export const colours: Readonly<Record<ColourName, Shades>> = {
  text: { light: '#1a1f26', dark: '#e9ecf0' },
  muted: { light: '#586270', dark: '#a8b1bc' },
  rule: { light: '#d5dae0', dark: '#3a424c' },
  background: { light: '#ffffff', dark: '#161a1f' },
  /** Random selection, whatever the strategies are: what all are measured against. */
  random: { light: '#6b7480', dark: '#a3acb8' },
  /** Of cells in a matrix, by opacity. */
  heat: { light: '#e08a1e', dark: '#b86a10' },
  ...named('series', series),
  ...named('activity', activities),
};

function named<P extends string>(prefix: P, shades: readonly Shades[]): Record<`${P}${number}`, Shades> {
  return Object.fromEntries(shades.map((shade, i) => [`${prefix}${i}`, shade])) as Record<`${P}${number}`, Shades>;
}

const symbols = ['square', 'triangle', 'circle', 'diamond', 'down', 'cross'] as const;
export type SymbolName = (typeof symbols)[number] | 'bar';
const dashes = ['', '7 4', '2 4', '9 3 2 3'];

/** How a strategy looks. Symbol and dash alone tell 24 strategies apart. */
export interface SeriesStyle {
  colour: ColourName;
  symbol: SymbolName;
  /** `stroke-dasharray`; empty: solid. */
  dash: string;
}

export type Styles = (name: string) => SeriesStyle;

/** Strategies that look the same everywhere: chance in grey, the level that all strive for dashed in the text's colour. */
const fixed: Readonly<Record<string, SeriesStyle>> = {
  random: { colour: 'random', symbol: 'bar', dash: '' },
  'fully-supervised': { colour: 'text', symbol: 'square', dash: '6 4' },
};

/**
 * Looks of strategies by their order; one order for all figures of a page keeps a strategy's colour. Repeated names count once,
 * and a name that is not among them looks like `random`.
 */
export function stylesOf(names: readonly string[]): Styles {
  const varied = [...new Set(names)].filter((name) => !Object.hasOwn(fixed, name));
  const styles = new Map(
    varied.map((name, i): [string, SeriesStyle] => [
      name,
      {
        colour: `series${i % series.length}`,
        symbol: symbols[i % symbols.length],
        dash: dashes[Math.floor(i / symbols.length) % dashes.length],
      },
    ]),
  );
  return (name) => (Object.hasOwn(fixed, name) ? fixed[name] : (styles.get(name) ?? fixed.random));
}

/** Colour of an activity by its place in an order that all figures of a page share. */
export const activityColour = (position: number): ColourName => `activity${position % activities.length}`;

/** CSS declarations of the page's variables. */
export function colourVariables(shade: keyof Shades): string {
  return Object.entries(colours)
    .map(([name, shades]) => `--figure-${name}:${shades[shade]}`)
    .join(';');
}
