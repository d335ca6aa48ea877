/** What the last report on the health of each index said, in numbers: for those who watch over the server. */
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

  /** By name, of the indexes that there are now in the generation that was judged; the others are forgotten. */
  async current(catalogue: Pick<IndexCatalogue, 'list'>): Promise<ReadonlyMap<string, HealthFigures>> {
    if (this.kept.size === 0) return this.kept;
    const generations = new Map(
      (await catalogue.list()).map((one) => [one.name, one.state === 'ready' ? one.manifest.storeId : undefined]),
    );
    for (const [index, { generation }] of this.kept) {
      if (generations.get(index) !== generation) this.kept.delete(index);
    }
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
