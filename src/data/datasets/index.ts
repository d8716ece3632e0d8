import { brats } from './brats.js';
import { chexpert } from './chexpert.js';
import { coco } from './coco.js';
import type { Dataset } from './dataset.js';
import { glas } from './glas.js';
import { imageFolder } from './image_folder.js';
import { nihChestXray14 } from './nih_chestxray14.js';
import { pascalVoc } from './pascal_voc.js';
import { siimCovid19 } from './siim_covid19.js';
import { vindrCxr } from './vindr_cxr.js';

const all = [
  ...[nihChestXray14, chexpert, vindrCxr, siimCovid19, brats, glas],
  // Layouts of one's own files.
  ...[coco, pascalVoc, imageFolder],
] as unknown as readonly Dataset[];

/** The sets that can be imported, by name. */
export const datasets: ReadonlyMap<string, Dataset> = new Map(all.map((set) => [set.name, set]));
