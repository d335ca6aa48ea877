import { afterEach, describe, expect, it } from 'vitest';
import { ProgressDisplay } from '../../src/cli/progress.js';

let display: ProgressDisplay | undefined;
afterEach(() => {
  display?.clear();
});

function start(isTTY: boolean): { tell: (ms: number, done: number, stage?: string) => void; lines: string[] } {
  const lines: string[] = [];
  let now = 0;
  const screen = { isTTY, columns: 200, write: (text: string) => lines.push(text) };
  const shown = new ProgressDisplay(screen, () => now);
  display = shown;
  return {
    lines,
    tell: (ms, done, stage = 'encode') => {
      now = ms;
      shown.update({ stage, done, total: 1000, unit: 'rows' });
    },
  };
}

describe('progress without a terminal', () => {
  it('says nothing of short work', () => {
    const { tell, lines } = start(false);
    [0, 500, 1900].forEach((ms) => {
      tell(ms, ms / 10);
    });
    expect(lines).toEqual([]);
  });

  it('prints a line each ten seconds, with rate and remaining time', () => {
    const { tell, lines } = start(false);
    for (let second = 0; second <= 25; second++) tell(second * 1000, second * 20);
    expect(lines).toEqual(['encode: 200/1000 rows, 20/s, 40 s left\n', 'encode: 400/1000 rows, 20/s, 30 s left\n']);
  });

  it('does not count what an earlier run had done into the rate', () => {
    const { tell, lines } = start(false);
    tell(0, 500);
    tell(10_000, 600);
    expect(lines).toEqual(['encode: 600/1000 rows, 10/s, 40 s left\n']);
  });
});

describe('progress on a terminal', () => {
  it('draws nothing in the first two seconds, then a bar, and takes it away', () => {
    const { tell, lines } = start(true);
    tell(0, 0);
    tell(1999, 100);
    expect(lines).toEqual([]);
    tell(4000, 400);
    expect(lines.join('')).toMatch(/encode \[=+-+\] 400\/1000 rows, 100\/s, 6\.0 s left/);
    display!.clear();
    expect(lines.at(-1)).toContain('\u001b['); // the line is erased
  });

  it('begins anew with each stage', () => {
    const { tell, lines } = start(true);
    tell(0, 0);
    tell(3000, 900);
    tell(4000, 0, 'store');
    tell(5000, 500, 'store');
    expect(lines.join('')).toContain('store [');
    expect(lines.join('')).toContain('900/1000 rows, 300/s');
  });
});
