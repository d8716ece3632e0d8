import { SightlineError } from '../core/errors.js';
import { splitParts, type Split, type SplitPart } from '../training/feed/split.js';

/**
 * That nobody's images are in two parts of the split: a model that has seen a patient is not tested by that patient. Samples
 * without a patient are told once, because nothing can be checked for them.
 * @param allowed tell it as a notice instead
 * @throws SightlineError E_MANIFEST with the number of patients (never their names) by pair of parts
 */
export function checkPatients(
  split: Readonly<Record<SplitPart, Split[SplitPart]>>,
  allowed = false,
  onNotice: (message: string) => void = () => {},
): void {
  const patients = splitParts.map((part) => new Set(split[part].flatMap(({ patient }) => patient ?? [])));
  const samples = splitParts.flatMap((part) => split[part]);
  const unknown = samples.filter(({ patient }) => patient === undefined).length;
  if (unknown) {
    onNotice(
      `${unknown} of ${samples.length} samples have no patient: whether one is in two parts of the split cannot be checked for them.`,
    );
  }
  const shared = splitParts.flatMap((part, i) =>
    splitParts.slice(i + 1).flatMap((other, j) => {
      const both = [...patients[i]].filter((patient) => patients[i + 1 + j].has(patient)).length;
      return both ? [`${both} ${both === 1 ? 'patient is' : 'patients are'} in both ${part} and ${other}`] : [];
    }),
  );
  if (shared.length === 0) return;
  if (allowed) {
    onNotice(`${shared.join(', ')}: figures will look better than they are.`);
    return;
  }
  throw new SightlineError('E_MANIFEST', {
    where: 'split',
    what: shared.join(', '),
    remedy: 'Split by patient, mend the manifest, or write allow_shared_patients: true if that is meant.',
  });
}
