import { criterionSources } from '../core/criteria.js';
import type { ScorePassOptions } from '../engine/score_pass.js';
import { noExplanation } from '../explain/index.js';
import type { Strategy, StrategyContext } from '../strategies/index.js';
import type { NoiseConfig } from './config/types.js';
import { noiseOn } from './network_options.js';
import type { RunContext } from './round.js';

type Common = Omit<ScorePassOptions, 'model' | 'samples' | 'out'>;

/**
 * How a part of the data is scored, whatever the round. A strategy that does not look at saliency maps is not made to pay
 * for them.
 */
export function scoringOptions(
  run: RunContext,
  part: NoiseConfig['on'][number],
  strategy: Strategy,
  context: StrategyContext,
): Common {
  return { ...passOptions(run, part, usesSaliency(strategy, context)), class: run.config.scoring.class };
}

/** @param explained whether saliency maps are wanted */
export function passOptions(run: RunContext, part: NoiseConfig['on'][number], explained: boolean): Common {
  const { config, decoded, onProgress, onNotice } = run;
  const { workers, backend, limitMemory } = config.compute;
  return {
    ...modelOptions(run, part, explained),
    workers,
    backend,
    limitMemory,
    ...{ decoded: decoded.of(part), onProgress, onNotice },
  };
}

/** What decides how a model sees a part of the data and explains itself there, but for the class that is explained. */
export function modelOptions(
  { config, entry }: Pick<RunContext, 'config' | 'entry'>,
  part: NoiseConfig['on'][number],
  explained: boolean,
): Omit<Common, 'decoded'> {
  const { class: _, ...scoring } = config.scoring;
  return {
    ...scoring,
    ...(explained ? { explain: entry.explain ?? scoring.explain } : { explain: noExplanation, layer: undefined }),
    ...{ axis: config.model.axis, ...noiseOn(config.noise, part) },
  };
}

function usesSaliency({ needs, uses = [], columns = [], features }: Strategy, context: StrategyContext): boolean {
  const criteria = [...needs, ...uses];
  const named = features?.(context) ?? [];
  return (
    criteria.some((name) => criterionSources[name] === 'saliency') ||
    named.some((name) => name.startsWith('saliency')) ||
    (columns.includes('expected_rank') && context.radiomicsOf === 'saliency')
  );
}
