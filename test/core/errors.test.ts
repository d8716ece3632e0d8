import { describe, expect, it } from 'vitest';
import { SightlineError } from '../../src/core/errors.js';

describe('SightlineError', () => {
  it('reads where, what, remedy', () => {
    const error = new SightlineError('E_ROI', { where: 'a.png', what: 'mask is 3×3', remedy: 'Redraw it.' });
    expect(error.message).toBe('a.png: mask is 3×3. Redraw it.');
    expect(new SightlineError('E_ROI', { what: 'no mask' }).message).toBe('no mask.');
  });

  it('survives a trip as plain data', () => {
    const error = new SightlineError('E_ROI', { where: 'a.png', what: 'bad', remedy: 'Mend.' });
    const copy = SightlineError.fromData(structuredClone(error.toData()));
    expect(copy).toMatchObject({ code: 'E_ROI', message: error.message });
  });

  it.each([
    Object.assign(new Error('write'), { code: 'ENOSPC' }),
    new Error('IO Error: Could not write: No space left on device'),
  ])('recognises a full disk: %s', (cause) => {
    expect(SightlineError.from(cause, 'E_STORE')).toMatchObject({ code: 'E_DISK_FULL', cause });
  });

  it('keeps an error that is one of ours, and wraps any other', () => {
    const ours = new SightlineError('E_ROI', { what: 'bad' });
    expect(SightlineError.from(ours, 'E_STORE')).toBe(ours);
    expect(SightlineError.from('odd\nsecond line', 'E_STORE', { where: 'x' }).message).toBe('x: odd.');
  });
});
