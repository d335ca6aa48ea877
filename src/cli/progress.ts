/** How far long work is, on stderr: a bar on a terminal, now and then a line elsewhere; nothing for what is done in two seconds. */
import { SingleBar } from 'cli-progress';
import type { Progress } from '../core/progress.js';
import type { Screen } from './effects.js';
import { bytes, duration } from './output.js';

const SILENT_MS = 2000;
const LINE_EVERY_MS = 10_000;

interface Stage {
  readonly name: string;
  readonly began: number;
  /** Done when it was first heard of: resumed work counts for nothing in the rate. */
  readonly from: number;
  lastLine: number;
}

export class ProgressDisplay {
  private readonly began: number;
  private stage: Stage | undefined;
  private bar: SingleBar | undefined;

  constructor(
    private readonly screen: Screen,
    private readonly now: () => number,
  ) {
    this.began = now();
  }

  update(progress: Progress): void {
    const now = this.now();
    if (this.stage?.name !== progress.stage) {
      this.clear();
      this.stage = { name: progress.stage, began: now, from: progress.done, lastLine: now };
    }
    if (now - this.began < SILENT_MS) return;
    if (this.screen.isTTY === true) this.draw(progress, now);
    else if (now - this.stage.lastLine >= LINE_EVERY_MS) {
      this.stage.lastLine = now;
      this.screen.write(`${progress.stage}: ${describe(progress, this.stage, now)}\n`);
    }
  }

  /** Takes the bar off the screen; the next update draws it again. */
  clear(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private draw(progress: Progress, now: number): void {
    const { stage, done } = progress;
    const total = Math.max(progress.total, done, 1);
    const text = describe(progress, this.stage!, now);
    if (this.bar === undefined) {
      this.bar = new SingleBar({
        // cli-progress asks for a whole stream, and uses what a Screen has.
        stream: this.screen as NodeJS.WritableStream,
        format: '{stage} [{bar}] {text}',
        barsize: 24,
        clearOnComplete: true,
        linewrap: true,
      });
      this.bar.start(total, done, { stage, text });
    } else {
      this.bar.setTotal(total);
      this.bar.update(done, { stage, text });
    }
  }
}

/** "1024/13083 rows, 84/s, 2 min 23 s left" */
function describe({ done, total, unit }: Progress, { began, from }: Stage, now: number): string {
  const amount = unit === 'bytes' ? bytes : String;
  const parts = [`${amount(done)}${total > 0 ? `/${amount(total)}` : ''}${unit === 'bytes' ? '' : ` ${unit}`}`];
  const seconds = (now - began) / 1000;
  const rate = (done - from) / seconds;
  if (seconds > 0 && rate > 0) {
    parts.push(unit === 'bytes' ? `${bytes(rate)}/s` : `${rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s`);
    if (total > done) parts.push(`${duration((total - done) / rate)} left`);
  }
  return parts.join(', ');
}
