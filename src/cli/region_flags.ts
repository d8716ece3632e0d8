import { Option, type Command } from 'commander';

/** Flags that say where regions of interest come from. Their names are those of `RegionOptions`. */
export function addRegionFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--roi <source>', "regions of interest: the manifest's masks and boxes, or none")
        .choices(['manifest', 'none'])
        .default('manifest'),
    )
    .option(
      '--roi-model <onnx>',
      "predict a region for every image instead, by a U-Net of train --arch unet (on images prepared as the classifier's)",
    );
}
