import { Option, type Command } from 'commander';
import { parseClasses } from '../features/radiomics/features.js';
import { readBorda } from '../engine/borda_terms.js';
import { strategies } from '../strategies/index.js';
import { binarisation, fraction, integer, number, parsed, positiveNumber } from './numbers.js';

/** Flags of the acquisition functions. Their names are those of `ScoreOptions`. */
export function addStrategyFlags(command: Command): Command {
  command
    .addOption(new Option('--strategy <name>', 'acquisition function').choices([...strategies.keys()]).default('xal'))
    .option('--seed <n>', 'seed of every random draw', integer(0), 0)
    .option('--alpha <a>', 'xal: weight of uncertainty against misalignment', fraction, 0.5)
    .addOption(
      new Option('--combine <how>', 'xal: how the two criteria are combined')
        .choices(['sum', 'product', 'rank-sum'])
        .default('sum'),
    )
    .addOption(
      new Option('--uncertainty <which>', 'xal: which uncertainty').choices(['entropy', 'margin']).default('entropy'),
    );
  return addDropoutFlags(addRadiomicsFlags(addBatchFlags(command)));
}

function addBatchFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--diversity <how>', 'a diverse batch from the top of the ranking')
        .choices(['k-center', 'k-means', 'none'])
        .default('none'),
    )
    .option('--diversity-factor <f>', 'diversity: candidates for each sample of the batch (default 10)', number(1))
    .option('--density-beta <b>', 'density-entropy: exponent of the similarity to the pool (default 1)', number(0))
    .option(
      '--roi-neighbours <k>',
      'xal-roi-control: samples with the most similar region, of which one is drawn (default 5)',
      integer(1),
    );
}

function addRadiomicsFlags(command: Command): Command {
  return command
    .option(
      '--borda <list>',
      'borda: features and directions, such as firstorder_Kurtosis+,glcm_SumEntropy-, or the .json of select-features',
      parsed(readBorda),
    )
    .addOption(
      new Option('--radiomics-of <what>', 'radiomics strategies: of the saliency maps, or of the images')
        .choices(['saliency', 'image'])
        .default('saliency'),
    )
    .option(
      '--radiomics <classes>',
      'also compute firstorder, glcm, shape2D or all, for a later --resume',
      parsed(parseClasses),
    )
    .option('--bin-width <w>', 'radiomics: width of a grey level on values from 0 to 255 (default 25)', positiveNumber)
    .option('--bin-count <n>', 'radiomics: number of grey levels, instead of their width', integer(2, 1024))
    .option(
      '--shape-binarise <how>',
      'saliency map to region for shape2D: otsu (default), a threshold, max:<share>, top:<share>',
      binarisation,
    );
}

function addDropoutFlags(command: Command): Command {
  return command
    .option('--dropout-passes <n>', 'Monte-Carlo dropout: passes per image (default 20)', integer(2, 1000))
    .option('--dropout-rate <p>', "Monte-Carlo dropout: share dropped (default: the model's own, else 0.2)", fraction)
    .addOption(
      new Option('--dropout-at <where>', "Monte-Carlo dropout: where (default: the model's own, else blocks)").choices([
        'model',
        'blocks',
        'head',
      ]),
    )
    .addOption(
      new Option('--dropout-unit <what>', 'Monte-Carlo dropout: what is dropped in feature maps').choices([
        'channel',
        'element',
      ]),
    );
}
