/** What the last report on the health of each index said, in numbers: for those who watch over the server. */
import { FungiError } from '../../core/errors.js';
import type { SameGroups } from '../../health/duplicates.js';
import type { HealthReport } from '../../health/pool-health.js';
import type { IndexCatalogue } from './catalogue.js';

export interface GroupFigures {
  readonly agreeing: number;
  readonly conflicting: number;
  readonly spare: number;
}

export interface HealthFigures {
  /** Of the index: of another one they say nothing. */
  readonly generation: string;
  /** Seconds since 1970. */
  readonly at: number;
  readonly examples: number;
  readonly doubted: { readonly all: number; readonly confident: number };
  readonly equal: GroupFigures;
  readonly near: GroupFigures;
  readonly antihubs: number;
  readonly labelsInNeed: number;
  /** Undefined where the report was asked for without queries. */
  readonly drift: { readonly beyond: number; readonly statistic: number; readonly critical: number } | undefined;
}

/** Indexes whose figures are kept: those of the latest reports. */
const MAX_INDEXES = 100;

const reports = new WeakMap<IndexCatalogue, HealthReports>();

export class HealthReports {
  /** By name, that of the oldest report first. */
  private readonly kept = new Map<string, HealthFigures>();

  /** Those of an app's indexes: apps in one process share none. */
  static of(catalogue: IndexCatalogue): HealthReports {
    const own = reports.get(catalogue) ?? new HealthReports();
    reports.set(catalogue, own);
    return own;
  }

  /** @param now milliseconds since 1970 */
  keep(index: string, generation: string, report: HealthReport, now = Date.now()): void {
    this.kept.delete(index);
    this.kept.set(index, { generation, at: now / 1000, ...figuresOf(report) });
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_INDEXES) this.kept.delete(oldest!);
  }

  /**
   * By name, of the indexes that there are now in the generation that was judged. Forgotten are those that are gone or were built anew,
   * and no others: of an index that cannot be read at the moment the figures stay, whose age is then seen to grow.
   */
  async current(catalogue: Pick<IndexCatalogue, 'storeId'>): Promise<ReadonlyMap<string, HealthFigures>> {
    const forget = async (index: string, figures: HealthFigures): Promise<void> => {
      const isStale = await catalogue.storeId(index).then(
        (storeId) => storeId !== figures.generation,
        (error: unknown) => FungiError.is(error, 'INDEX_NOT_FOUND'),
      );
      // Another report may have come meanwhile.
      if (isStale && this.kept.get(index) === figures) this.kept.delete(index);
    };
    await Promise.all([...this.kept].map(([index, figures]) => forget(index, figures)));
    return this.kept;
  }
}

function figuresOf({ rows, doubts, duplicates, coverage, labels, drift }: HealthReport) {
  return {
    examples: rows,
    doubted: { all: doubts.count, confident: doubts.confident },
    ...{ equal: groupFigures(duplicates.equal), near: groupFigures(duplicates.near) },
    antihubs: coverage.antihubs.count,
    labelsInNeed: labels.needy,
    drift: drift === null ? undefined : { beyond: drift.beyond.share, statistic: drift.statistic, critical: drift.critical },
  };
}

const groupFigures = ({ agreeing, conflicting, spare }: SameGroups): GroupFigures => ({
  ...{ agreeing: agreeing.count, conflicting: conflicting.count, spare },
});
