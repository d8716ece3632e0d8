/**
 * Check boxes that show and hide the layers of all pictures in the element of class `cases` around them, and what the colours
 * mean. They work by style alone (style.ts).
 * @param regions whether any picture has a region of interest
 */
export function layerSwitches({ regions }: { regions: boolean }): string {
  const box = (name: string, text: string, sign: string) =>
    `<label><input type="checkbox" class="case-show-${name}" checked autocomplete="off"/>${text}${sign}</label>`;
  return [
    '<fieldset class="case-switches"><legend>Show</legend>',
    box('map', 'saliency map', ' <span class="case-scale" aria-hidden="true"><i>0</i><b></b><i>1</i></span>'),
    regions ? box('roi', 'region of interest', ' <span class="case-sample" aria-hidden="true"></span>') : '',
    '<span class="case-hint">Point at a picture to see it without its map.</span>',
    '</fieldset>',
  ].join('');
}
