import type { Command } from 'commander';
import { inspectModel, type ModelReport } from '../../engine/inspect.js';
import { imageSize } from '../numbers.js';
import { Terminal } from '../terminal.js';

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('what a model is, its layers, and which explanations it supports')
    .argument('<model>', 'image classifier: an ONNX file, or a TensorFlow.js model.json')
    .option('--size <n|HxW>', 'input size where the graph leaves it open (default 224)', imageSize)
    .option('--layers', 'list every feature map, not the largest of each resolution alone')
    .option('--json', 'print everything as JSON')
    .action((model: string, flags: { size?: [number, number]; layers?: boolean; json?: boolean }) => {
      const report = inspectModel({ model, size: flags.size });
      const terminal = new Terminal(program.opts().quiet === true);
      terminal.print(flags.json ? JSON.stringify(report, null, 2) : describe(report, flags.layers === true));
    });
}

function describe(report: ModelReport, everyLayer: boolean): string {
  const { input, classes, labels, layers, targetLayer } = report;
  const size = `${input.size.join('×')}${input.anySize ? ' (any)' : ''}`;
  const lines = [
    `input        ${input.name}: ${input.channels} × ${size}, ${input.type}, ${input.layout}, batch ${report.batch ?? 'any'}`,
    `output       ${report.logits}: ${classes} classes, ${report.activation} (${report.activationSource})`,
    ...(labels ? [`classes      ${labels.slice(0, 12).join(', ')}${labels.length > 12 ? ', …' : ''}`] : []),
    `graph        opset ${report.opset}, ${report.nodes} nodes, ${(report.parameters / 1e6).toFixed(2)} million parameters`,
    `ops          ${report.ops.map(([op, count]) => `${op} ${count}`).join(', ')}`,
    '',
    everyLayer ? 'Feature maps:' : 'Feature maps, the last of each size (--layers lists all):',
    ...shown(layers, everyLayer, targetLayer).map(
      (layer) =>
        `  ${layer.name === targetLayer ? '→' : ' '} ${layer.op.padEnd(20)} ${sizeOfLayer(layer).padEnd(16)} ${layer.name}`,
    ),
    ...(targetLayer ? ['  → is the target layer of Grad-CAM (--layer chooses another)'] : []),
    '',
    'Explanations (--explain):',
    ...report.explanations.map(({ name, summary, runs, obstacle }) =>
      obstacle
        ? `  ✗ ${name.padEnd(28)} ${obstacle.where ? `${obstacle.where}: ` : ''}${obstacle.what}`
        : `  ✓ ${name.padEnd(28)} ${summary}${runs > 1 ? ` (${runs} runs)` : ''}`,
    ),
    '',
    'Monte-Carlo dropout (--strategy mc-dropout, bald):',
    'obstacle' in report.dropout
      ? `  ✗ ${report.dropout.obstacle}`
      : `  ✓ at ${report.dropout.points} places (${report.dropout.at}); ${Math.round(100 * report.dropout.share)} % of the nodes run on every pass, the rest once`,
  ];
  return lines.join('\n');
}

function shown(
  layers: ModelReport['layers'],
  all: boolean,
  target: string | null,
): readonly ModelReport['layers'][number][] {
  if (all) return layers;
  const last = new Map(layers.map((layer) => [spatial(layer), layer]));
  return layers.filter((layer) => layer.name === target || last.get(spatial(layer)) === layer);
}

function spatial({ shape, channelAxis }: ModelReport['layers'][number]): string {
  return shape.filter((_, axis) => axis > 0 && axis !== channelAxis).join('×');
}

function sizeOfLayer(layer: ModelReport['layers'][number]): string {
  const { tokens, shape, channelAxis } = layer;
  return tokens
    ? `${shape[channelAxis]} × ${tokens.height}×${tokens.width} tokens`
    : `${shape[channelAxis]} × ${spatial(layer)}`;
}
