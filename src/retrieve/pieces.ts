/** Work in pieces of some milliseconds, by how much there is of it and not by a clock: between two of them others have a turn. */
import { setImmediate as turn } from 'node:timers/promises';

/** Values that are compared in a piece. */
export const COMPARED_TOGETHER = 2 ** 20;
/** What keeping a row costs beside its distance, in such values. */
export const KEEPING = 256;

export class Pieces {
  private values = 0;

  /** @param rest waited for between pieces: what it throws ends the work. @default others have a turn */
  constructor(private readonly rest: () => Promise<void> = turn) {}

  /** Counts `rows` rows that were kept, for each of which `dims` values were compared; rests where that makes a piece. */
  async kept(rows: number, dims: number): Promise<void> {
    this.values += rows * (dims + KEEPING);
    if (this.values < COMPARED_TOGETHER) return;
    this.values = 0;
    await this.rest();
  }
}
