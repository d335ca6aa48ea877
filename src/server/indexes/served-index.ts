/** One open generation of an index, lent to requests: it is closed when the last of them has given it back. */
import type { FungiSelector } from '../../selector/selector.js';

export class ServedIndex {
  private lent = 0;
  private isRetired = false;

  constructor(readonly selector: FungiSelector) {}

  /** Names its build. */
  get storeId(): string {
    return this.selector.manifest.storeId;
  }

  async use<T>(work: (selector: FungiSelector) => Promise<T>): Promise<T> {
    this.lent++;
    try {
      return await work(this.selector);
    } finally {
      this.lent--;
      await this.closeIfUnused();
    }
  }

  /** No longer the newest: it is closed as soon as nobody uses it. */
  async retire(): Promise<void> {
    this.isRetired = true;
    await this.closeIfUnused();
  }

  private async closeIfUnused(): Promise<void> {
    if (this.isRetired && this.lent === 0) await this.selector.close();
  }
}
