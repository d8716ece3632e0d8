import { chexpert } from './chexpert.js';
import type { Dataset } from './dataset.js';
import { nihChestXray14 } from './nih_chestxray14.js';
import { siimCovid19 } from './siim_covid19.js';
import { vindrCxr } from './vindr_cxr.js';

const all = [chexpert, nihChestXray14, siimCovid19, vindrCxr] as unknown as readonly Dataset[];

/** The sets that can be imported, by name. */
export const datasets: ReadonlyMap<string, Dataset> = new Map(all.map((set) => [set.name, set]));
