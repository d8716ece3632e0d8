import { SightlineError } from '../core/errors.js';
import type { ScorePassOptions } from '../engine/score_pass.js';
import { trainSamples } from '../engine/train.js';
import type { Strategy } from '../strategies/index.js';
import { segmentationOptions } from './network_options.js';
import { roundFolder, type SelectionRound } from './round.js';

/**
 * Where the pool's regions of interest come from (design: the manifest, a U-Net trained on the regions of the labelled set, or
 * nowhere). Trains the U-Net where it is asked for and the strategy looks at regions; while no labelled sample has one, the
 * criterion does without.
 */
export async function predictedRegions(
  round: SelectionRound,
  strategy: Strategy,
): Promise<Pick<ScorePassOptions, 'roi' | 'roiModel'>> {
  const { entry, labelled, data, watch } = round;
  const reads = [...strategy.needs, ...(strategy.uses ?? [])].some((name) => name === 'dice' || name === 'roi_area');
  if (entry.roi === 'none') return { roi: 'none' };
  if (entry.roi === 'manifest' || !reads) return {};
  try {
    const { files } = await watch.during('preparing', () =>
      trainSamples(
        { training: [...labelled], validation: [...data.validation], test: [] },
        {
          ...segmentationOptions(round, roundFolder(round, round.round, 'regions')),
        },
      ),
    );
    return { roiModel: files.model };
  } catch (error) {
    if (!(error instanceof SightlineError) || error.code !== 'E_ROI') throw error;
    round.onNotice(`Round ${round.round}: no labelled sample has a region yet, so none are predicted.`);
    return { roi: 'none' };
  }
}
