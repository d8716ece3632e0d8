import type { Box } from '../types.js';
import { fuseBoxes } from './box_fusion.js';

/** A box that one reader drew. */
interface DrawnBox {
  finding: string;
  box: Box;
}

/** What the radiologists said of one image, each on their own. */
export class Readings {
  readonly #byReader = new Map<string, { findings: Set<string>; boxes: DrawnBox[] }>();

  /** @param box where the finding is, in pixels; none for what concerns the whole image */
  add(reader: string, finding: string, box?: Box): void {
    let own = this.#byReader.get(reader);
    if (!own) this.#byReader.set(reader, (own = { findings: new Set(), boxes: [] }));
    own.findings.add(finding);
    if (box) own.boxes.push({ finding, box });
  }

  /** How many radiologists saw a finding. */
  votes(finding: string): number {
    return [...this.#byReader.values()].filter(({ findings }) => findings.has(finding)).length;
  }

  /**
   * Boxes of a finding. @param threshold of the overlap from which boxes of several readers are fused to one; null: all
   * boxes as they were drawn
   */
  boxesOf(finding: string, threshold: number | null): Box[] {
    const drawn = [...this.#byReader.values()].map(({ boxes }) =>
      boxes.filter((one) => one.finding === finding).map(({ box }) => box),
    );
    // One reading is a consensus already, or all there is.
    if (threshold === null || drawn.length < 2) return drawn.flat();
    const scored = drawn.map((boxes) => boxes.map((box) => ({ ...box, score: 1 })));
    return fuseBoxes(scored, threshold).map(({ score: _, ...box }) => box);
  }
}
