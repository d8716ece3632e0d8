import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { ProgressMeter, type ProgressListener } from '../core/progress.js';
import { explainSamples } from '../engine/explain.js';
import { openModel, type OpenModelOptions } from '../engine/model.js';
import type { ScoreSummary } from '../engine/score.js';
import type { RankedSample } from '../store/score_store.js';
import { renderContactSheet, type ContactTile } from './contact_sheet.js';
import { renderOverlay } from './overlay.js';
import type { Subject } from './picture.js';
import { describeCriteria, describeFeatures, describeSaliency, subjectOf } from './subject.js';

/** Tiles on the contact sheet at most. */
const sheetTiles = 24;

export interface SelectionPictures {
  folder: string;
  contactSheet: string;
  count: number;
}

/**
 * Draws the selection of a scored pool: overlays/NNNN_<id>.png (image and heatmap, ROI outlined) and
 * contact_sheet.png with its first 24. Pictures of an earlier ranking are removed.
 * @returns null when the model has no saliency maps to draw
 */
export async function drawSelection(
  summary: ScoreSummary,
  options: OpenModelOptions & { onProgress?: ProgressListener },
): Promise<SelectionPictures | null> {
  const model = await openModel({ ...options, onNotice: undefined });
  if (model.noSaliency || !summary.selection.length) return null;
  const folder = join(summary.out, 'overlays');
  await rm(folder, { recursive: true, force: true });
  await makeFolder(folder);
  const meter = new ProgressMeter('drawing overlays', summary.selection.length, options.onProgress);
  const ranked = new Map(summary.selection.map((s) => [s.index, s]));

  const describe = (sample: RankedSample) => `${sample.predictedClass} ${sample.confidence.toFixed(2)}`;
  const drawOverlay = async (subject: Subject, sample: RankedSample, saliency: string): Promise<void> => {
    const label = sample.label ? ` · label ${sample.label}` : '';
    const lines = [
      `score ${sample.score.toFixed(3)} · predicted ${describe(sample)}${label}`,
      describeCriteria(sample.criteria, sample.roi),
      ...(summary.rankedBy.length ? [describeFeatures(sample.features, summary.rankedBy)] : []),
      saliency,
    ];
    const png = await renderOverlay({ ...subject, caption: { title: `#${sample.rank} · ${sample.id}`, lines } });
    await writeFileAtomic(join(folder, overlayName(sample.rank, sample.id)), png);
  };

  async function* tiles(): AsyncGenerator<ContactTile> {
    // One overlay is encoded while the next image is read.
    let drawing: Promise<void> | undefined;
    for await (const explained of explainSamples(model, summary.selection)) {
      if (!('problem' in explained)) {
        const sample = ranked.get(explained.sample.index)!;
        const subject = await subjectOf(explained.sample, explained.map, model.preprocessing);
        await drawing;
        drawing = drawOverlay(subject, sample, describeSaliency(model, explained.sample, explained.row.predicted));
        drawing.catch(() => {}); // awaited in the next turn; until then a failure must not count as unhandled
        const detail = `${sample.score.toFixed(3)} · ${describe(sample)}`;
        if (sample.rank <= sheetTiles) yield { ...subject, rank: sample.rank, id: sample.id, detail };
      } // else: readable when it was scored, not any more; the ranking stands
      meter.add(1);
    }
    await drawing;
  }

  const contactSheet = join(summary.out, 'contact_sheet.png');
  const sheet = await renderContactSheet(tiles(), {
    title: 'Label next',
    subtitle: `${summary.strategy} · top ${Math.min(sheetTiles, summary.selection.length)} of ${summary.scored} images`,
    footer: `${basename(options.model)} · ${model.setup.explanation} of ${classWords(model.classChoice)}${model.targetLayer ? ` at ${model.targetLayer}` : ''} · saliency scaled to [0, 1] per image`,
  });
  await writeFileAtomic(contactSheet, sheet);
  return { folder, contactSheet, count: summary.selection.length };
}

function classWords(choice: number | string): string {
  if (choice === 'predicted') return 'the predicted class';
  return choice === 'label' ? 'the labelled class' : `class ${choice}`;
}

/** "0003_patient-7_image-2.png": sorts by rank, and is safe on every file system. */
export function overlayName(rank: number, id: string): string {
  return `${String(rank).padStart(4, '0')}_${id.replace(/[^\w.-]+/g, '-').slice(-80)}.png`;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw SightlineError.from(error, 'E_OUTPUT', {
      where: folder,
      remedy: 'Choose a folder you may write to with --out.',
    });
  }
}
